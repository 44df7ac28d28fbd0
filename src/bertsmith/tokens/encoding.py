"""This file knows how to turn texts into token ids: cut characters, tokenize, cut tokens, add special tokens.

Texts (and pairs) → `EncodedTexts`: every row end to end in flat arrays, with no padding. A text of any size costs no
more than `CHARACTERS_PER_TOKEN × max_length` characters: tokenizing 1 MB before cutting it takes 1 to 4 CPU seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

CHARACTERS_PER_TOKEN = 16
ROWS_PER_CALL = 1000
"""Rows given to the tokenizer at once: it works on all cores, and its Python objects stay few."""


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
class TextEncoder:
    """A tokenizer and how long texts are cut. `tokenizer` has no truncation or padding state of its own."""

    tokenizer: Tokenizer
    max_length: int
    """Most tokens of a row, special tokens included."""
    truncate: Literal["head", "head-tail"] = "head"

    def encode(self, texts: Sequence[str], text_pairs: Sequence[str] | None = None) -> EncodedTexts:
        """The token ids of these texts, in their order.

        Args:
            texts: any strings; lone surrogates are not text and raise ValueError.
            text_pairs: the second text of every row, encoded in the model's own pair format.
        """
        encodings: list[Encoding] = []
        is_cut: list[bool] = []
        for start in range(0, len(texts), ROWS_PER_CALL):
            rows = slice(start, start + ROWS_PER_CALL)
            encode_rows = self._encode_head_tail if self.truncate == "head-tail" else self._encode_head
            for encoding, cut in encode_rows(texts[rows], None if text_pairs is None else text_pairs[rows]):
                encodings.append(encoding)
                is_cut.append(cut)
        lengths = np.fromiter((len(encoding.ids) for encoding in encodings), np.int64, len(encodings))
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
        num_tokens = int(offsets[-1])
        return EncodedTexts(
            input_ids=np.fromiter((i for encoding in encodings for i in encoding.ids), np.int32, num_tokens),
            token_type_ids=np.fromiter((i for encoding in encodings for i in encoding.type_ids), np.int8, num_tokens),
            offsets=offsets,
            is_cut=np.array(is_cut, bool),
        )

    def _encode_head(self, texts: Sequence[str], text_pairs: Sequence[str] | None) -> list[tuple[Encoding, bool]]:
        """Rows cut at their end; of a pair, the longer text first."""
        most = CHARACTERS_PER_TOKEN * self.max_length
        firsts = self._tokenize([text[:most] for text in texts])
        seconds = [None] * len(firsts) if text_pairs is None else self._tokenize([text[:most] for text in text_pairs])
        rows = []
        for index, (first, second) in enumerate(zip(firsts, seconds, strict=True)):
            cut = len(texts[index]) > most or (text_pairs is not None and len(text_pairs[index]) > most)
            room_first, room_second = self._room(len(first.ids), None if second is None else len(second.ids))
            if len(first.ids) > room_first:
                first.truncate(room_first)
                cut = True
            if second is not None and len(second.ids) > room_second:
                second.truncate(room_second)
                cut = True
            rows.append((self.tokenizer.post_process(first, second), cut))
        return rows

    def _encode_head_tail(self, texts: Sequence[str], text_pairs: Sequence[str] | None) -> list[tuple[Encoding, bool]]:
        """Rows cut in their middle: a quarter of the room for the beginning, the rest for the end.

        Source: Sun et al. 2019, "How to Fine-Tune BERT for Text Classification?", 128 + 382 tokens of 512.
        """
        if text_pairs is not None:
            return self._encode_head(texts, text_pairs)
        most = CHARACTERS_PER_TOKEN * self.max_length
        room, _ = self._room(self.max_length, None)
        num_head = room // 4
        whole = self._tokenize([text if len(text) <= 2 * most else "" for text in texts])
        rows = []
        for text, encoding in zip(texts, whole, strict=True):
            too_long = len(text) > 2 * most
            if not too_long and len(encoding.ids) <= room:
                rows.append((self.tokenizer.post_process(encoding, None), False))
                continue
            # Encodings are cut in place, so beginning and end are tokenized apart.
            head, tail = self._tokenize([text[:most], text[-most:]] if too_long else [text, text])
            head.truncate(num_head)
            tail.truncate(room - num_head, direction="left")
            rows.append((self.tokenizer.post_process(Encoding.merge([head, tail], growing_offsets=False), None), True))
        return rows

    def _tokenize(self, texts: Sequence[str]) -> list[Encoding]:
        """Token ids without special tokens."""
        try:
            return self.tokenizer.encode_batch(list(texts), add_special_tokens=False)
        except TypeError as error:  # what a lone surrogate raises: it has no UTF-8 form
            raise ValueError("a text holds a lone surrogate, which is not a character") from error

    def _room(self, num_first: int, num_second: int | None) -> tuple[int, int]:
        """How many tokens of each text fit beside the special tokens; the longer text gives way first."""
        if num_second is None:
            return self.max_length - self.tokenizer.num_special_tokens_to_add(is_pair=False), 0
        room = self.max_length - self.tokenizer.num_special_tokens_to_add(is_pair=True)
        half = room // 2
        if num_first + num_second <= room:
            return num_first, num_second
        if num_second <= half:
            return room - num_second, num_second
        if num_first <= room - half:
            return num_first, room - num_first
        return room - half, half

