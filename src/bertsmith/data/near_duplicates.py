"""Texts that are nearly the same: Jaccard similarity of their sets of character 5-grams.

MinHash proposes pairs, the exact similarity decides: no pair is told that is not one. The sketches come from rensa,
which this file alone knows.

Source: Broder 1997, "On the resemblance and containment of documents"; banding: Leskovec, Rajaraman and Ullman,
"Mining of Massive Datasets", 3.4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import rensa
from numpy.typing import NDArray

GRAM = 5
"""Characters of a gram."""
BANDS, ROWS_PER_BAND = 14, 5
"""A pair of similarity 0.8 agrees in some band with probability 1 − (1 − 0.8⁵)¹⁴ = 0.996; one of 0.3 with 0.033."""
NUM_PERMUTATIONS = BANDS * ROWS_PER_BAND
ROWS_PER_CHUNK = 20_000
ALL_PAIRS = 12
"""In a band's bucket of up to so many texts every pair is looked at; in a larger one each with the first and the one before."""
SKETCH_MARGIN = 0.25
"""Pairs whose sketches agree by so much less than the threshold are dropped unseen: more than 4 standard errors."""


class NearPair(NamedTuple):
    """Two different texts, by index, the earlier one first."""

    first: int
    second: int
    similarity: float
    """Jaccard, in [threshold, 1]."""


def near_pairs(
    texts: Sequence[str], *, threshold: float = 0.8, on_rows: Callable[[int], None] = lambda num_rows: None
) -> list[NearPair]:
    """The pairs of texts whose sets of 5-grams have at least this Jaccard similarity, in order.

    Args:
        texts: folded, and different from each other.
        threshold: in (0.5, 1].
        on_rows: told how many texts more are sketched.
    """
    if len(texts) < 2:
        return []
    sketches = _sketches(texts, on_rows=on_rows)
    candidates = _candidates(sketches)
    agreement = _agreement(sketches, candidates)
    candidates = candidates[agreement >= threshold - SKETCH_MARGIN]
    del sketches
    return list(_verified(texts, candidates, threshold=threshold))


def gram_set(text: str) -> frozenset[str]:
    """Its character 5-grams; of a shorter text the text itself."""
    return frozenset(text[start : start + GRAM] for start in range(max(1, len(text) - GRAM + 1)))


def jaccard(first: frozenset[str], second: frozenset[str]) -> float:
    """Shared grams by all grams, in [0, 1]."""
    shared = len(first & second)
    return shared / (len(first) + len(second) - shared)


def _sketches(texts: Sequence[str], *, on_rows: Callable[[int], None]) -> NDArray[np.uint32]:
    """(texts, permutations) the smallest hash of any gram under each permutation."""
    sketches = np.empty((len(texts), NUM_PERMUTATIONS), np.uint32)
    for start in range(0, len(texts), ROWS_PER_CHUNK):
        chunk = texts[start : start + ROWS_PER_CHUNK]
        hashes, offsets = _gram_hashes(chunk)
        matrix = rensa.RMinHash.digest_matrix_from_flat_token_hashes(hashes, offsets, NUM_PERMUTATIONS, 42)
        sketches[start : start + len(chunk)] = matrix.to_rows()
        on_rows(len(chunk))
    return sketches


def _gram_hashes(texts: Sequence[str]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """(grams,) a 64-bit hash of each text's grams, end to end, and (texts + 1,) where each text's begin."""
    padded = [text if len(text) >= GRAM else text.ljust(GRAM, "\0") for text in texts]
    codes = np.frombuffer("".join(padded).encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)
    lengths = np.array([len(text) for text in padded], np.int64)
    ends = np.cumsum(lengths)
    hashes = np.zeros(len(codes) - GRAM + 1, np.uint64)
    for place in range(GRAM):  # 21 bits a character: five do not fit in 64, so they are mixed
        hashes *= np.uint64(0x9E3779B97F4A7C15)
        hashes ^= codes[place : len(codes) - GRAM + 1 + place]
    hashes ^= hashes >> np.uint64(29)
    hashes *= np.uint64(0xBF58476D1CE4E5B9)
    hashes ^= hashes >> np.uint64(32)
    inside = np.ones(len(codes), bool)
    for back in range(1, GRAM):
        inside[ends - back] = False  # a gram that begins here would reach into the next text
    offsets = np.concatenate([[0], np.cumsum(lengths - GRAM + 1)]).astype(np.uint64)
    return hashes[inside[: len(hashes)]], offsets


def _candidates(sketches: NDArray[np.uint32]) -> NDArray[np.int64]:
    """(pairs, 2) texts that agree in some band, each pair once, the earlier text first."""
    size = len(sketches)
    found = [np.empty(0, np.int64)]
    for band in range(BANDS):
        columns = sketches[:, band * ROWS_PER_BAND : (band + 1) * ROWS_PER_BAND]
        keys = np.zeros(size, np.uint64)
        for column in columns.T:
            keys = (keys ^ column) * np.uint64(0x9E3779B97F4A7C15)
            keys ^= keys >> np.uint64(31)
        for first, second in _bucket_pairs(keys):
            found.append(first * size + second)
    pairs = np.unique(np.concatenate(found))
    return np.stack([pairs // size, pairs % size], axis=1)


def _bucket_pairs(keys: NDArray[np.uint64]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Index pairs (earlier, later) of equal keys."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    sizes = np.diff(np.concatenate([starts, [len(keys)]]))
    place = np.arange(len(keys)) - np.repeat(starts, sizes)  # within its bucket, from 0
    size_of = np.repeat(sizes, sizes)
    for back in range(1, ALL_PAIRS):
        later = np.flatnonzero((place >= back) & ((size_of <= ALL_PAIRS) | (back == 1)))
        if not len(later):
            return
        yield order[later - back], order[later]
    large = np.flatnonzero((size_of > ALL_PAIRS) & (place > 1))
    yield order[large - place[large]], order[large]


def _agreement(sketches: NDArray[np.uint32], pairs: NDArray[np.int64]) -> NDArray[np.float64]:
    """(pairs,) the share of the permutations in which both sketches agree: an estimate of the similarity."""
    agreement = np.empty(len(pairs))
    for start in range(0, len(pairs), 100_000):
        part = pairs[start : start + 100_000]
        agreement[start : start + 100_000] = (sketches[part[:, 0]] == sketches[part[:, 1]]).mean(axis=1)
    return agreement


def _verified(texts: Sequence[str], candidates: NDArray[np.int64], *, threshold: float) -> Iterator[NearPair]:
    """The candidates whose exact similarity is high enough."""
    held, grams = -1, frozenset[str]()
    for first, second in candidates.tolist():
        if first != held:  # candidates are in order of their first text
            held, grams = first, gram_set(texts[first])
        similarity = jaccard(grams, gram_set(texts[second]))
        if similarity >= threshold:
            yield NearPair(first, second, similarity)


def near_groups(pairs: Sequence[NearPair], num_texts: int) -> list[int]:
    """(texts,) the smallest index of the texts that each one is connected with by such pairs, itself included."""
    root = list(range(num_texts))

    def find(index: int) -> int:
        while root[index] != index:
            root[index] = root[root[index]]
            index = root[index]
        return index

    for pair in pairs:
        first, second = find(pair.first), find(pair.second)
        root[max(first, second)] = min(first, second)
    return [find(index) for index in range(num_texts)]
