"""This file knows how to turn texts into token ids: cut characters, tokenize, cut tokens, add special tokens.

Texts (and pairs) → `EncodedTexts`: every row end to end in flat arrays, with no padding. A text of any size
costs no more than `CHARACTERS_PER_TOKEN × max_length` characters at each end that is kept: tokenizing 1 MB
before cutting it takes 1 to 4 CPU seconds.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from bertsmith.errors import ConfigError

CHARACTERS_PER_TOKEN = 16
ROWS_PER_CALL = 1000
"""Rows given to the tokenizer at once: it works on all cores, and its Python objects stay few."""

Kept = tuple[list[list[int]], bool]
"""Of one row: the ids kept of each of its texts, and whether something was left out."""


@dataclass(frozen=True)
class EncodedTexts:
    """Token ids of many rows, end to end. Shapes: (tokens,) and (rows,)."""

    input_ids: NDArray[np.int32]
    """(tokens,) every row's ids, special tokens included."""
    token_type_ids: NDArray[np.int8]
    """(tokens,) 0 for the first text, 1 for the second."""
    offsets: NDArray[np.int64]
    """(rows + 1,) row i is `input_ids[offsets[i]:offsets[i + 1]]`."""
    is_cut: NDArray[np.bool_]
    """(rows,) whether something of the row was left out because it was too long."""

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(rows,) tokens of every row."""
        return np.diff(self.offsets)

    @property
    def cut_share(self) -> float:
        """Share of the rows that were cut, in [0, 1]."""
        return float(self.is_cut.mean()) if len(self) else 0.0


@dataclass(frozen=True)
class RowFormat:
    """The special tokens around a row's texts, as the tokenizer's own post-processor sets them."""

    special_ids: tuple[list[int], ...]
    """The ids before the first text, after it, and after the second one if there is one."""
    special_type_ids: tuple[list[int], ...]
    """The token types of `special_ids`."""
    text_type_ids: tuple[int, ...]
    """The token type of each text."""

    @classmethod
    def of(cls, tokenizer: Tokenizer, *, is_pair: bool) -> RowFormat:
        """The format in which the tokenizer puts one text or two."""
        # A cut `Encoding` keeps what was cut off, and merges all of it: 2 s for a row of 8,000 tokens.
        # So lists of ids are cut, and the format is read off a row of one word per text.
        row = tokenizer.encode("a", "a" if is_pair else None)
        special_ids: list[list[int]] = [[]]
        special_type_ids: list[list[int]] = [[]]
        text_type_ids: list[int] = []
        for token_id, type_id, text in zip(row.ids, row.type_ids, row.sequence_ids, strict=True):
            if text is None:
                special_ids[-1].append(token_id)
                special_type_ids[-1].append(type_id)
            elif text == len(text_type_ids):
                text_type_ids.append(type_id)
                special_ids.append([])
                special_type_ids.append([])
        return cls(tuple(special_ids), tuple(special_type_ids), tuple(text_type_ids))

    @property
    def num_special_tokens(self) -> int:
        """Special tokens of a row."""
        return sum(len(ids) for ids in self.special_ids)

    def ids(self, texts: Sequence[list[int]]) -> list[int]:
        """The row's ids: each text between its special tokens."""
        return self.special_ids[0] + [
            token_id
            for text, after in zip(texts, self.special_ids[1:], strict=True)
            for token_id in text + after
        ]

    def type_ids(self, texts: Sequence[list[int]]) -> list[int]:
        """The row's token types."""
        after_texts = zip(texts, self.text_type_ids, self.special_type_ids[1:], strict=True)
        return self.special_type_ids[0] + [
            type_id for text, own, after in after_texts for type_id in [own] * len(text) + after
        ]


@dataclass(frozen=True)
class TextEncoder:
    """A tokenizer and how long texts are cut. `tokenizer` has no truncation or padding state of its own."""

    tokenizer: Tokenizer
    max_length: int
    """Most tokens of a row, special tokens included."""
    truncate: Literal["head", "head-tail"] = "head"
    """What is kept of a longer text. Pairs are always cut at their ends."""

    def encode(self, texts: Sequence[str], text_pairs: Sequence[str] | None = None) -> EncodedTexts:
        """The token ids of these texts, in their order.

        Args:
            texts: any strings.
            text_pairs: the second text of every row, encoded in the model's own pair format.

        Raises:
            ValueError: a text holds a lone surrogate.
            ConfigError: `max_length` has no room beside the special tokens.
        """
        row_format = RowFormat.of(self.tokenizer, is_pair=text_pairs is not None)
        room = self.max_length - row_format.num_special_tokens
        if room < 1:
            raise ConfigError([_no_room(self.max_length, row_format.num_special_tokens)])
        input_ids, token_type_ids = array("i"), array("b")
        lengths: list[int] = []
        is_cut: list[bool] = []
        for start in range(0, len(texts), ROWS_PER_CALL):
            rows = slice(start, start + ROWS_PER_CALL)
            for kept, cut in self._kept(
                texts[rows], None if text_pairs is None else text_pairs[rows], room=room
            ):
                row = row_format.ids(kept)
                input_ids.extend(row)
                token_type_ids.extend(row_format.type_ids(kept))
                lengths.append(len(row))
                is_cut.append(cut)
        return EncodedTexts(
            input_ids=np.array(input_ids, np.int32),
            token_type_ids=np.array(token_type_ids, np.int8),
            offsets=np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths, dtype=np.int64)]),
            is_cut=np.array(is_cut, bool),
        )

    def _kept(self, texts: Sequence[str], text_pairs: Sequence[str] | None, *, room: int) -> Iterator[Kept]:
        if text_pairs is not None:
            return self._kept_of_pairs(texts, text_pairs, room=room)
        return (
            self._heads_and_tails(texts, room=room)
            if self.truncate == "head-tail"
            else self._heads(texts, room=room)
        )

    def _heads(self, texts: Sequence[str], *, room: int) -> Iterator[Kept]:
        most = CHARACTERS_PER_TOKEN * self.max_length
        for text, ids in zip(texts, self._ids([text[:most] for text in texts]), strict=True):
            yield [ids[:room]], len(text) > most or len(ids) > room

    def _heads_and_tails(self, texts: Sequence[str], *, room: int) -> Iterator[Kept]:
        """Of a longer text, a quarter of the room for its beginning and the rest for its end.

        Source: Sun et al. 2019, "How to Fine-Tune BERT for Text Classification?", 128 + 382 tokens of 512.
        """
        most = CHARACTERS_PER_TOKEN * self.max_length
        heads = self._ids([text if len(text) <= 2 * most else text[:most] for text in texts])
        tails = iter(self._ids([text[-most:] for text in texts if len(text) > 2 * most]))
        for text, head in zip(texts, heads, strict=True):
            tail = next(tails) if len(text) > 2 * most else head
            if tail is head and len(head) <= room:
                yield [head], False
            else:
                yield [head[: room // 4] + tail[-(room - room // 4) :]], True

    def _kept_of_pairs(self, texts: Sequence[str], text_pairs: Sequence[str], *, room: int) -> Iterator[Kept]:
        most = CHARACTERS_PER_TOKEN * self.max_length
        firsts = self._ids([text[:most] for text in texts])
        seconds = self._ids([text[:most] for text in text_pairs])
        for index, (first, second) in enumerate(zip(firsts, seconds, strict=True)):
            room_first, room_second = longest_first(len(first), len(second), room=room)
            too_long = max(len(texts[index]), len(text_pairs[index])) > most
            yield [first[:room_first], second[:room_second]], too_long or len(first) + len(second) > room

    def _ids(self, texts: list[str]) -> list[list[int]]:
        """Token ids without special tokens."""
        try:
            return [encoding.ids for encoding in self.tokenizer.encode_batch(texts, add_special_tokens=False)]
        except TypeError as error:  # what a lone surrogate raises: it has no UTF-8 form
            raise ValueError("a text holds a lone surrogate, which is not a character") from error


def longest_first(num_first: int, num_second: int, *, room: int) -> tuple[int, int]:
    """How many tokens of each text of a pair are kept: the longer one gives way until they are equally long.

    Source: `longest_first` of tokenizers, the truncation of every `transformers` pipeline; its odd token
    goes to the longer text, or to the second of two equally long ones. A parity test holds this to it.
    """
    if num_first + num_second <= room:
        return num_first, num_second
    shorter = min(num_first, num_second)
    longer = room - shorter
    if longer < shorter:
        shorter, longer = room // 2, room - room // 2
    return (longer, shorter) if num_first > num_second else (shorter, longer)


def _no_room(max_length: int, num_special_tokens: int) -> str:
    return (
        f"--max-length {max_length}: {num_special_tokens} of a row's tokens are special, so no text fits. "
        f"Give at least {num_special_tokens + 1}."
    )
