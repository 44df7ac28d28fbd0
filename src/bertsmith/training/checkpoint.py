"""This file knows how to keep all that is needed to go on with an attempt exactly, and how to find it again.

An attempt's folder holds sealed folders only: `epoch-3` (weights after an epoch; the best and the last are kept), `step-00000200`
(everything to go on from there; the newest two are kept; `-closed` behind it: the epoch that ends there is scored) and `finished` (what the attempt came to). No random state is kept, because every
draw is a function of its key. What is saved is a copy of the moment; it is written in the background of the next steps.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bertsmith.durable_files import write_whole
from bertsmith.errors import ConfigError, IncompatibleModel, NothingToResume
from bertsmith.interruption import Interruption
from bertsmith.model.heads import Classifier
from bertsmith.model.kept_weights import as_bytes, from_bytes, put_weights, weights_of
from bertsmith.sealed_folders import AtPoint, flaw_of, hash_of, write_sealed
from bertsmith.training.history import Bend, History
from bertsmith.training.loop import Trainee
from bertsmith.training.trainee_state import put_state, state_of, steps_from_bytes, steps_to_bytes

WEIGHTS, STATE, STEPS, TENSORS = (
    "model.safetensors",
    "state.json",
    "steps.safetensors",
    "training.safetensors",
)
STEPS_KEPT = 2
"""So many checkpoints to go on from, the older one for the case that the newer is damaged."""
SECONDS_BETWEEN_EPOCHS = 10.0
"""An epoch's end is a checkpoint too, unless the last one is younger."""
UNITS = {"s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True)
class Every:
    """How often a checkpoint is due; one of the two is given."""

    steps: int | None = None
    seconds: float | None = None

    @classmethod
    def parse(cls, text: str) -> Every:
        """`200` is steps; `90s`, `5m`, `1h` is time.

        Raises:
            ConfigError: anything else.
        """
        number, unit = (text[:-1], text[-1:]) if text[-1:] in UNITS else (text, "")
        if not (number.isascii() and number.isdigit() and int(number) > 0):
            raise ConfigError(
                [
                    f"--checkpoint-every {text!r}: give a number of steps, as in 200, or a time, as in 5m (s, m or h)."
                ]
            )
        return cls(seconds=int(number) * UNITS[unit]) if unit else cls(steps=int(number))


@dataclass
class Keeping:
    """What holds for every checkpoint of a run, and how far its log reached."""

    every: Every
    interruption: Interruption
    tell: Callable[[str], None]
    at_point: AtPoint = lambda name: None
    """For tests: told of every point within a save."""
    log_bytes: int = 0
    """The log up to here belongs to what is kept; what a kill left behind it is written again."""
    sync_log: Callable[[], int] = lambda: 0
    """Has the log on the disk; gives its bytes."""


@dataclass(frozen=True)
class _Snapshot:
    """An attempt between two steps, as bytes."""

    name: str
    files: dict[str, bytes]
    state: dict[str, Any]
    kept_epochs: frozenset[int]
    """Indices of the epochs whose weights it needs."""


@dataclass
class AttemptCheckpoints:
    """The folder of one attempt."""

    folder: Path
    keeping: Keeping
    best: int | None = None
    """Index of the best epoch so far."""
    last: int | None = None
    """Index of the last epoch."""
    _saved: list[tuple[str, frozenset[int]]] = field(default_factory=list)
    """Name and needed epochs of every checkpoint that is on disk and whole, oldest first."""
    _bends_kept: int = 0
    _saved_at: float = field(default_factory=time.monotonic)
    _writer: ThreadPoolExecutor | None = None
    _writing: list[Future[None]] = field(default_factory=list)

    # What an earlier process left

    def finished(self) -> History | None:
        """What the attempt came to, if it ended and its record is whole."""
        folder = self.folder / "finished"
        if not folder.exists():
            return None
        flaw = self._flaw_of(folder)
        if flaw is not None:
            self.keeping.tell(f"Skipped {self._named(folder)}: {flaw}.")
            return None
        state = json.loads((folder / STATE).read_bytes())
        self.best, self.last, self.keeping.log_bytes = state["best"], state["last"], state["log_bytes"]
        return History.from_json(state["history"], steps=steps_from_bytes((folder / STEPS).read_bytes()))

    def begin(self, trainee: Trainee) -> None:
        """Put the newest checkpoint that is whole into the trainee; nothing where there is none.

        Raises:
            NothingToResume: there are checkpoints, and none is whole.
        """
        trainee.bends = self._bends_so_far()
        skipped = []
        for folder in sorted(self.folder.glob("step-*"), reverse=True):
            flaw = self._flaw_of(folder)
            if flaw is not None:
                skipped.append(f"{self._named(folder)}: {flaw}")
                continue
            state = json.loads((folder / STATE).read_bytes())
            put_weights(trainee.model, from_bytes((folder / WEIGHTS).read_bytes()), name=WEIGHTS)
            steps = steps_from_bytes((folder / STEPS).read_bytes())
            put_state(trainee, state["trainee"], from_bytes((folder / TENSORS).read_bytes()), steps=steps)
            trainee.bends = sorted({*trainee.bends, *self._bends_so_far()}, key=lambda bend: bend.step)
            self.best, self.last, self.keeping.log_bytes = state["best"], state["last"], state["log_bytes"]
            self._saved = [(folder.name, frozenset(state["epochs"].values()))]
            for line in skipped:
                self.keeping.tell(f"Skipped {line}.")
            self.keeping.tell(f"Going on from {self._named(folder)}.")
            return
        if skipped:
            raise NothingToResume(skipped)

    # What this process leaves

    def keep_epoch(self, model: Classifier, *, is_best: bool) -> None:
        """Write the model as the next epoch's; what is neither best nor last goes once no checkpoint needs it."""
        self.last = 0 if self.last is None else self.last + 1
        if is_best:
            self.best = self.last
        self._wait()
        files = {WEIGHTS: as_bytes(weights_of(model))}
        self._submit(write_sealed, self._epoch(self.last), files)

    def between(self, trainee: Trainee) -> None:
        """After a step or an epoch: save if it is due, and if a signal asked for an end, end.

        Raises:
            Interrupted: all is on the disk.
            OSError: it could not be written.
        """
        self._raise_failures()
        if len(trainee.bends) > self._bends_kept:
            self._keep_bends(trainee.bends)
        if self.keeping.interruption.requested is not None:
            self.save(trainee)
            self._wait()
            self.keeping.interruption.check()
        elif self._is_due(trainee):
            self.save(trainee)

    def save(self, trainee: Trainee) -> None:
        """Copy all that is needed to go on, and have it written while the next steps run."""
        self._wait()
        name = f"step-{trainee.step:08d}{'' if trainee.epoch_rows else '-closed'}"
        if self._saved and self._saved[-1][0] == name:
            return
        state, tensors = state_of(trainee)
        snapshot = _Snapshot(
            name=name,
            files={
                WEIGHTS: as_bytes(weights_of(trainee.model)),
                TENSORS: as_bytes(tensors),
                STEPS: steps_to_bytes(trainee.steps),
            },
            state={"trainee": state, **self._where()},
            kept_epochs=self._epochs_to_keep(),
        )
        self._saved_at = time.monotonic()
        self._submit(self._write, snapshot)

    def finish(self, history: History) -> None:
        """Write what the attempt came to; it is not trained again."""
        self._wait()
        state = {
            "history": history.to_json(),
            **self._where(),
            "epochs": self._epoch_hashes(self._epochs_to_keep()),
        }
        files = {STATE: json.dumps(state).encode(), STEPS: steps_to_bytes(history.steps)}
        write_sealed(self.folder / "finished", files, at_point=self.keeping.at_point)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for what is being written."""
        if self._writer is not None:
            self._writer.shutdown()
            self._writer = None

    def restore(self, model: Classifier, epoch_index: int) -> None:
        """Put the weights of a kept epoch into the model.

        Raises:
            IncompatibleModel: they are damaged.
        """
        folder = self._epoch(epoch_index)
        if not folder.exists():
            raise ValueError(f"the weights of epoch {epoch_index + 1} were not kept")
        flaw = flaw_of(folder)
        if flaw is not None:
            raise IncompatibleModel(
                self._named(folder),
                f"the weights cannot be used: {flaw}.",
                remedy="Start the run again with --overwrite.",
            )
        put_weights(model, from_bytes((folder / WEIGHTS).read_bytes()), name=WEIGHTS)

    def drop_weights(self) -> None:
        """Remove all weights; what the attempt came to stays."""
        for folder in (*self.folder.glob("epoch-*"), *self.folder.glob("step-*")):
            shutil.rmtree(folder)

    def drop_all_but_epochs(self) -> None:
        """The run is written: only the weights of the best and of the last epoch stay."""
        self._saved = []
        self._clean(self._epochs_to_keep())

    # Within

    def _bends_so_far(self) -> list[Bend]:
        """Where memory did not suffice, also behind the newest checkpoint: there it is done again in the same passes."""
        path = self.folder / "bends.json"
        bends = [Bend(**bend) for bend in json.loads(path.read_text("utf-8"))] if path.exists() else []
        self._bends_kept = len(bends)
        return bends

    def _keep_bends(self, bends: Sequence[Bend]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        write_whole(self.folder / "bends.json", json.dumps([asdict(bend) for bend in bends]))
        self._bends_kept = len(bends)

    def _is_due(self, trainee: Trainee) -> bool:
        every, seconds = self.keeping.every, time.monotonic() - self._saved_at
        if every.steps is not None and trainee.epoch_rows:
            return trainee.step % every.steps == 0
        if trainee.epochs and not trainee.epoch_rows:
            return every.steps is not None or seconds >= SECONDS_BETWEEN_EPOCHS
        return every.seconds is not None and seconds >= every.seconds

    def _write(self, snapshot: _Snapshot) -> None:
        """In the background: the snapshot, then what it replaces goes."""
        state = snapshot.state | {"epochs": self._epoch_hashes(snapshot.kept_epochs)}
        files = {**snapshot.files, STATE: json.dumps(state).encode()}
        write_sealed(self.folder / snapshot.name, files, at_point=self.keeping.at_point)
        self._saved = [*self._saved, (snapshot.name, snapshot.kept_epochs)][-STEPS_KEPT:]
        self.keeping.at_point("before the older ones go")
        self._clean(snapshot.kept_epochs)

    def _clean(self, needed: frozenset[int]) -> None:
        """Remove checkpoints but the newest, epochs that none of them needs, and what kills left half written."""
        names = {name for name, _ in self._saved}
        names |= {self._epoch(index).name for index in needed.union(*(epochs for _, epochs in self._saved))}
        for folder in (
            *self.folder.glob("step-*"),
            *self.folder.glob("epoch-*"),
            *self.folder.glob(".*.part"),
        ):
            if folder.name not in names:
                shutil.rmtree(folder)

    def _epochs_to_keep(self) -> frozenset[int]:
        return frozenset(index for index in (self.best, self.last) if index is not None)

    def _where(self) -> dict[str, Any]:
        self.keeping.log_bytes = self.keeping.sync_log()
        return {"best": self.best, "last": self.last, "log_bytes": self.keeping.log_bytes}

    def _epoch(self, index: int) -> Path:
        return self.folder / f"epoch-{index + 1}"

    def _epoch_hashes(self, indices: frozenset[int]) -> dict[str, int]:
        """Hash of the weights → index of each epoch that is needed."""
        return {hash_of(self._epoch(index), WEIGHTS): index for index in sorted(indices)}

    def _flaw_of(self, folder: Path) -> str | None:
        """What is wrong with a checkpoint or with the epochs that it needs."""
        flaw = flaw_of(folder)
        if flaw is not None:
            return flaw
        for sha256, index in json.loads((folder / STATE).read_bytes())["epochs"].items():
            epoch = self._epoch(index)
            flaw = flaw_of(epoch) if epoch.exists() else "it is missing"
            if flaw is None and hash_of(epoch, WEIGHTS) != sha256:
                flaw = "it is another run's"
            if flaw is not None:
                return f"of {epoch.name}, which it needs, {flaw}"
        return None

    def _named(self, folder: Path) -> str:
        return f"{self.folder.name}/{folder.name}"

    def _submit(self, job: Callable[..., None], *arguments: Any) -> None:
        self._writer = self._writer or ThreadPoolExecutor(1, thread_name_prefix="checkpoint")
        self._writing.append(self._writer.submit(job, *arguments))

    def _wait(self) -> None:
        """Until all is on the disk; raises what went wrong."""
        writing, self._writing = self._writing, []
        for future in writing:
            future.result()

    def _raise_failures(self) -> None:
        """What went wrong in the background, without waiting."""
        done = [future for future in self._writing if future.done()]
        self._writing = [future for future in self._writing if not future.done()]
        for future in done:
            future.result()
