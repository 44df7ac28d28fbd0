"""What kind of answer the model gives. The only place that knows how tasks differ."""

from __future__ import annotations

from enum import Enum


class Task(Enum):
    """Single-label classification of a text or a pair of texts."""

    BINARY = "binary"
    """Two labels, one of them the positive one: F1, precision and recall are the positive label's."""
    MULTI_CLASS = "multi_class"
    """Three labels or more: F1, precision and recall are macro averages."""

    @classmethod
    def of_labels(cls, num_labels: int) -> Task:
        """The task that this many labels make."""
        if num_labels < 2:
            raise ValueError(f"a task needs at least 2 labels, not {num_labels}")
        return cls.BINARY if num_labels == 2 else cls.MULTI_CLASS
