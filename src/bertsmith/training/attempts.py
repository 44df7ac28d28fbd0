"""This file knows the attempts of one training on disk: a folder for each, and which one counts."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bertsmith.durable_files import write_whole
from bertsmith.model.heads import Classifier
from bertsmith.training.checkpoint import AttemptCheckpoints, Keeping


@dataclass
class Attempts:
    """The attempts of a training, in the order in which they were made."""

    folder: Path
    """`checkpoints/`, or a seed's or fold's folder in it."""
    keeping: Keeping
    counted: int = 0
    """Number of the attempt that counts, from 0."""
    _attempts: dict[int, AttemptCheckpoints] = field(default_factory=dict)

    def attempt(self, number: int) -> AttemptCheckpoints:
        """One of them, begun or not."""
        if number not in self._attempts:
            self._attempts[number] = AttemptCheckpoints(self.folder / f"attempt-{number + 1}", self.keeping)
        return self._attempts[number]

    @property
    def best(self) -> int | None:
        """Index of the best epoch of the attempt that counts."""
        return self.attempt(self.counted).best

    @property
    def last(self) -> int | None:
        """Index of its last epoch."""
        return self.attempt(self.counted).last

    def restore(self, model: Classifier, epoch_index: int) -> None:
        """Put the weights of one of its kept epochs into the model.

        Raises:
            IncompatibleModel: they are damaged.
        """
        self.attempt(self.counted).restore(model, epoch_index)

    def rest_on(self, number: int) -> None:
        """This attempt counts; the weights of the others go, what they came to stays."""
        self.counted = number
        for other in self._attempts.keys() - {number}:
            self._attempts[other].drop_weights()

    def remember(self, question: str, answer: Callable[[], bool]) -> bool:
        """The answer to a question, found once: asked again after a kill, it is what it was."""
        path = self.folder / f"{question}.json"
        if not path.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            write_whole(path, json.dumps(bool(answer())))
        return bool(json.loads(path.read_text("utf-8")))
