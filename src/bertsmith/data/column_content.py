"""What stands in a column in its first rows, and what it could therefore be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

MAX_LABEL_CHARACTERS = 60
"""A longer value is no label."""


@dataclass(frozen=True)
class ColumnContent:
    """What stands in a column in the first rows."""

    num_filled: int
    num_distinct: int
    num_repeated: int
    """Distinct values that occur more than once."""
    mean_characters: float
    mean_words: float
    longest: int
    number_share: float

    @classmethod
    def of(cls, cells: Sequence[str | None]) -> ColumnContent:
        """The figures of these cells; missing and blank ones are left out."""
        filled = [cell for cell in cells if cell is not None and cell.strip()]
        counts = Counter(filled)
        size = max(1, len(filled))
        return cls(
            num_filled=len(filled),
            num_distinct=len(counts),
            num_repeated=sum(count > 1 for count in counts.values()),
            mean_characters=sum(map(len, filled)) / size,
            mean_words=sum(len(cell.split()) for cell in filled) / size,
            longest=max(map(len, filled), default=0),
            number_share=sum(map(_is_number, filled)) / size,
        )

    @property
    def could_be_text(self) -> bool:
        """Several words or characters, many distinct, not numbers."""
        is_wordy = self.mean_words >= 2 or self.mean_characters >= 12
        return (
            self.num_filled > 0
            and is_wordy
            and self.number_share < 0.5
            and self.num_distinct * 4 >= self.num_filled
        )

    @property
    def could_be_label(self) -> bool:
        """Few distinct short values, each of which tends to occur more than once."""
        if self.num_distinct < 2 or self.longest > MAX_LABEL_CHARACTERS:
            return False
        return self.num_distinct * 2 <= self.num_filled and self.num_repeated * 2 > self.num_distinct

    @property
    def is_index(self) -> bool:
        """Numbers that never repeat."""
        return self.number_share == 1 and self.num_distinct == self.num_filled


def _is_number(cell: str) -> bool:
    """Whether the cell is a number."""
    try:
        float(cell)
    except ValueError:
        return False
    return True
