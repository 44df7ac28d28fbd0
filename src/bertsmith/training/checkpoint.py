"""This file knows which epochs' weights are kept on disk: the best one's and the last one's."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field

from bertsmith.model.heads import Classifier
from bertsmith.model.saving import load_weights, save_weights
from bertsmith.run_folder import RunFolder


@dataclass
class EpochWeights:
    """The weights of a run's epochs in `checkpoints/`."""

    folder: RunFolder
    best: int | None = None
    """Index of the best epoch so far."""
    last: int | None = None
    """Index of the last epoch."""
    kept: set[int] = field(default_factory=set)
    _aside: EpochWeights | None = field(default=None, init=False)
    """Those of an earlier attempt, while the next one counts its own."""

    def keep(self, model: Classifier, *, is_best: bool) -> None:
        """Write the model as the next epoch's; drop what is neither best nor last. The newer is on disk first."""
        self.last = 0 if self.last is None else self.last + 1
        if is_best:
            self.best = self.last
        path = self.folder.checkpoint_weights(self.last)
        path.parent.mkdir(parents=True, exist_ok=True)
        save_weights(model, path)
        self.kept.add(self.last)
        for index in self.kept - {self.best, self.last}:
            shutil.rmtree(self.folder.checkpoint_weights(index).parent)
            self.kept.remove(index)

    def forget(self) -> None:
        """Remove what a failed attempt left; the next one counts its epochs anew."""
        for index in self.kept:
            shutil.rmtree(self.folder.checkpoint_weights(index).parent)
        self.best = self.last = None
        self.kept.clear()

    def set_aside(self) -> None:
        """Keep this attempt's epochs, in place of those set aside before, while the next attempt counts its own."""
        self.drop_aside()
        self._aside = EpochWeights(RunFolder(self.folder.checkpoints / "set-aside"))
        self._move_to(self._aside)

    def take_back(self) -> None:
        """The attempt that was set aside is the one that counts; remove the epochs of the one after it."""
        if self._aside is None:
            raise ValueError("no attempt was set aside")
        self.forget()
        self._aside._move_to(self)
        self.drop_aside()

    def drop_aside(self) -> None:
        """Remove what was set aside, if anything was."""
        if self._aside is not None and self._aside.folder.path.exists():
            shutil.rmtree(self._aside.folder.path)
        self._aside = None

    def _move_to(self, other: EpochWeights) -> None:
        """Hand the epochs over, with their folders."""
        for index in self.kept:
            target = other.folder.checkpoint_weights(index).parent
            target.parent.mkdir(parents=True, exist_ok=True)
            self.folder.checkpoint_weights(index).parent.rename(target)
        other.best, other.last, other.kept = self.best, self.last, self.kept
        self.best = self.last = None
        self.kept = set()

    def restore(self, model: Classifier, epoch_index: int) -> None:
        """Put the weights of a kept epoch into the model."""
        if epoch_index not in self.kept:
            raise ValueError(f"the weights of epoch {epoch_index + 1} were not kept")
        load_weights(model, self.folder.checkpoint_weights(epoch_index))
