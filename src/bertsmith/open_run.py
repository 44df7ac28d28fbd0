"""This file knows a run that is being written: its folder, locked; its checkpoints; what it began with; who may interrupt it."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from bertsmith.config import Config
from bertsmith.console import Console
from bertsmith.data.example import Dataset
from bertsmith.durable_files import write_whole
from bertsmith.errors import ConfigError, NothingToResume, RunChanged
from bertsmith.interruption import Interrupted, Interruption
from bertsmith.model.kept_weights import weights_of
from bertsmith.output_lock import OutputLock
from bertsmith.preparation import Prepared
from bertsmith.run_folder import RunFolder, refuse_undecodable
from bertsmith.runtime import environment
from bertsmith.training.attempts import Attempts
from bertsmith.training.checkpoint import Every, Keeping
from bertsmith.training.memory import oom_kills

OOM_KILLS = "oom_kills"
"""What the lock's note says of how many processes the system had killed for memory when the run began."""
NEVER_ACCEPTED = ("labels", "model")
"""Where these differ, the weights do not fit."""
DATA_SETTINGS = {"positive_label", "split_seed", "group_duplicates"}
"""Beside the rows themselves."""
BATCH_SETTINGS = {"micro_batch_size", "eval_batch_size"}
"""They change the last bits of a number, and nothing else."""


@dataclass
class OpenRun:
    """A run folder while a run writes it."""

    folder: RunFolder
    keeping: Keeping
    lock: OutputLock
    console: Console
    resumes: bool
    """Whether it goes on with what an earlier process left."""
    accepts_changes: bool = False
    began: bool = False
    """Whether something was written: before, there is nothing to go on with."""

    def attempts(self, name: str = "") -> Attempts:
        """The attempts of one training: of a seed, of a fold, or of the run's only one."""
        return Attempts(self.folder.checkpoints / name, self.keeping)

    def begin(self, prepared: Prepared) -> None:
        """Make the folder, or find that it is the same run's; from here on it is ours.

        Raises:
            RunChanged: data, labels, model or recipe are not those that the run began with.
            OutputInUse: another process writes it.
        """
        path = self.folder.checkpoints / "began_with.json"
        now = began_with(prepared)
        if self.resumes:
            self._must_be_the_same(json.loads(path.read_text("utf-8")), now)
        else:
            settings = prepared.config.to_toml()
            refuse_undecodable(settings)  # before there is a folder
            self.folder.path.mkdir(parents=True, exist_ok=True)
            self.lock.take({OOM_KILLS: oom_kills()})
            self.folder.create(settings)
        self.folder.checkpoints.mkdir(exist_ok=True)
        write_whole(path, json.dumps(now, indent=1))
        self._take_up_memory(prepared)
        self.began = True

    def _must_be_the_same(self, then: dict[str, Any], now: dict[str, Any]) -> None:
        changed = changes(then["run"], now["run"])
        refused = [name for name in changed if name.split(":")[0] in NEVER_ACCEPTED]
        if changed and (refused or not self.accepts_changes):
            raise RunChanged(changed, can_be_accepted=not refused)
        for change in changed:
            self.console.say(f"Going on all the same: {change}", style="yellow")
        for change in changes(then["machine"], now["machine"]):
            self.console.say(f"Not as when the run began, so the bits may differ: {change}", style="yellow")

    def _take_up_memory(self, prepared: Prepared) -> None:
        """Begin with what an earlier process learned of the memory, and keep what this one learns of it."""
        path, memory = self.folder.checkpoints / "memory.json", prepared.memory
        if path.exists():
            learned = json.loads(path.read_text("utf-8"))
            memory.learn(learned["micro_batch_size"])
            memory.budget.most = learned["scoring_tokens"]
        if self.resumes and was_killed_for_memory(self.lock.left_behind):
            self._halve_passes(prepared)
        tell = memory.budget.tell

        def tell_and_keep(sentence: str) -> None:
            tell(sentence)
            self._keep_memory(prepared)

        memory.budget.tell = tell_and_keep

    def _keep_memory(self, prepared: Prepared) -> None:
        memory = prepared.memory
        learned = {"micro_batch_size": memory.micro_batch_size, "scoring_tokens": memory.budget.most}
        write_whole(self.folder.checkpoints / "memory.json", json.dumps(learned))

    def _halve_passes(self, prepared: Prepared) -> None:
        """After a kill for lack of memory."""
        killed = "The last process was killed by the system for lack of memory"
        recipe = prepared.config.training
        rows = (prepared.memory.micro_batch_size or recipe.micro_batch_size or recipe.batch_size) // 2
        if rows:
            prepared.memory.learn(rows)
            self._keep_memory(prepared)
            how = f"going on with half the micro-batch, as with --micro-batch-size {rows}."
            self.console.say(f"{killed}: {how}", style="yellow")
        else:
            how = "If it is killed again, give it more memory, or start anew with a smaller --max-length."
            self.console.say(
                f"{killed}, with one row per pass: no smaller one is left. {how}", style="yellow"
            )

    def drop(self, name: str) -> None:
        """Remove the attempts of one training, of which nothing is needed any more."""
        for attempt in (self.folder.checkpoints / name).glob("attempt-*"):
            shutil.rmtree(attempt)

    def finish(self, kept: Attempts) -> None:
        """All is written: only the weights of the training that the run rests on stay."""
        for part in (*self.folder.checkpoints.glob("seed-*"), *self.folder.checkpoints.glob("fold-*")):
            if part != kept.folder:
                shutil.rmtree(part)
        kept.attempt(kept.counted).drop_all_but_epochs()


@contextmanager
def open_run(folder: RunFolder, *, config: Config, console: Console) -> Iterator[OpenRun]:
    """A run folder to write; locked and listening to signals until the block ends.

    Raises:
        RunFolderError: the folder is not free, or holds nothing to resume.
        Interrupted: a signal ended the run; it says which command goes on.
    """
    output = config.output
    interruption = Interruption()
    keeping = Keeping(
        Every.parse(output.checkpoint_every),
        interruption,
        tell=lambda text: console.say(text, style="yellow"),
    )
    lock = OutputLock(folder.lock, output=folder.path)
    opened = OpenRun(
        folder, keeping, lock, console, resumes=output.resume, accepts_changes=output.accept_changes
    )
    if output.resume:
        must_be_resumable(folder)
        lock.take({OOM_KILLS: oom_kills()})
    else:
        folder.must_be_free(overwrite=output.overwrite)
    try:
        with interruption.watch():
            yield opened
    except Interrupted as interrupted:
        interrupted.advice = (
            f"Go on with: bertsmith train --resume --output {folder.path}"
            if opened.began or output.resume
            else "Nothing was written yet."
        )
        raise
    finally:
        lock.give_back()


def was_killed_for_memory(left_behind: dict[str, Any] | None) -> bool:
    """Whether a process that was killed with the lock in its hands was so while the system killed for memory."""
    then, now = (left_behind or {}).get(OOM_KILLS), oom_kills()
    return isinstance(then, int) and now is not None and now > then


def must_be_resumable(folder: RunFolder) -> None:
    """Refuse a folder that holds no unfinished run.

    Raises:
        NothingToResume: there is no run, it is finished, or it ended before its first step.
    """
    if not folder.is_ours():
        raise NothingToResume((), why=f"{folder.path} holds no run")
    if folder.results.exists():
        raise NothingToResume((), why=f"the run in {folder.path} is finished")
    if not (folder.checkpoints / "began_with.json").exists():
        raise NothingToResume((), why=f"the run in {folder.path} was ended before its first step")


def settings_to_resume(config: Config, folder: RunFolder) -> Config:
    """The settings that the run began with, under those that are given now.

    Raises:
        ConfigError: together with --overwrite.
    """
    if config.output.overwrite:
        raise ConfigError(["--resume and --overwrite cannot go together: leave one of them out."])
    must_be_resumable(folder)
    stored = Config.from_toml(folder.settings)
    merged = {}
    for section in Config.model_fields:
        given = getattr(config, section)
        update = {name: getattr(given, name) for name in given.model_fields_set}
        merged[section] = getattr(stored, section).model_copy(update=update)
    return Config(**merged)


def rows_to_resume(data: object, config: Config) -> object:
    """The rows given now, else the file that the run began with.

    Raises:
        ConfigError: there is no such file: the rows came from Python.
    """
    if data is None and config.data.train_file is None:
        raise ConfigError(["--resume: this run's rows came from Python, not from a file. Give them again."])
    return config.data.train_file if data is None else data


def began_with(prepared: Prepared) -> dict[str, Any]:
    """What a run rests on, to be compared when it is resumed: no text, only hashes and settings."""
    splits, config = prepared.data.splits, prepared.config
    weights = hashlib.sha256()
    for name, tensor in weights_of(prepared.loaded.model).items():
        weights.update(name.encode())
        weights.update(tensor.cpu().contiguous().numpy().tobytes())
    machine = environment(prepared.runtime)
    return {
        "run": {
            "training rows": rows_hash(splits.train),
            "validation rows": rows_hash(splits.validation),
            "test rows": rows_hash(splits.test),
            "labels": list(prepared.data.label_set.names),
            "model": weights.hexdigest(),
            "settings": {
                **config.data.model_dump(include=DATA_SETTINGS),
                **config.model.model_dump(exclude={"model"}),
                **config.training.model_dump(exclude=BATCH_SETTINGS),
            },
        },
        "machine": {
            **{name: machine[name] for name in ("machine", "device", "threads")},
            **config.training.model_dump(include=BATCH_SETTINGS),
            **machine["versions"],
        },
    }


def rows_hash(dataset: Dataset) -> str:
    """SHA-256 of the rows as they are, in their order."""
    digest = hashlib.sha256()
    for example in dataset.examples:
        digest.update(repr((example.text, example.text_pair, example.label)).encode("utf-8", "surrogatepass"))
    return f"{len(dataset)} {digest.hexdigest()}"


def changes(then: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """What differs, one line each: what it was, and what it is."""
    lines = []
    for name in {**then, **now}:
        old, new = then.get(name), now.get(name)
        if old == new:
            continue
        if isinstance(old, dict) and isinstance(new, dict):
            lines += changes(old, new)
        elif name.endswith("rows"):
            lines.append(
                f"{name}: {str(old).split()[0]} then, {str(new).split()[0]} now, and not the same ones"
            )
        elif name == "model":
            lines.append("model: the weights to start from are others")
        else:
            lines.append(f"{name}: {old!r} then, {new!r} now")
    return lines
