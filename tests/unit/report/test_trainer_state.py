from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from tests.golden.runs import failed_run, history, learned_run
from transformers import TrainerState

from bertsmith.diagnosis.foreign import read_foreign
from bertsmith.report.trainer_state import trainer_state_text
from bertsmith.training.history import Divergence, StepRecord


def test_transformers_reads_it(tmp_path: Path) -> None:
    file = tmp_path / "trainer_state.json"
    file.write_text(trainer_state_text(learned_run()), "utf-8")
    state = TrainerState.load_from_json(str(file))
    assert (state.global_step, state.max_steps, state.num_train_epochs) == (600, 600, 3)
    assert (state.best_global_step, state.best_metric, state.best_model_checkpoint) == (600, 0.9, None)
    assert [entry["step"] for entry in state.log_history if "eval_loss" in entry] == [200, 400, 600]


def test_what_transformers_writes_of_it_is_the_same(tmp_path: Path) -> None:
    file, again = tmp_path / "trainer_state.json", tmp_path / "again.json"
    file.write_text(trainer_state_text(learned_run()), "utf-8")
    TrainerState.load_from_json(str(file)).save_to_json(str(again))
    assert json.loads(again.read_text("utf-8")) == json.loads(file.read_text("utf-8"))


def test_diagnose_reads_the_same_epochs_from_it(tmp_path: Path) -> None:
    file = tmp_path / "trainer_state.json"
    for run in (learned_run(), failed_run()):
        file.write_text(trainer_state_text(run), "utf-8")
        read = read_foreign(file)
        told = [(epoch.step, epoch.train_loss, epoch.f1, epoch.accuracy) for epoch in read.epochs]
        assert told == [(e.step, e.train_loss, e.f1, e.accuracy) for e in run.history.epochs]
        assert read.f1_is_macro == (run.positive_label is None)


def test_a_run_that_diverged_in_its_first_epoch_has_its_steps_and_no_nan() -> None:
    steps = tuple(StepRecord(step, 0.5 * step, 1.0, 5e-5) for step in (1, 2, 3))
    broken = replace(
        history(()), steps=steps, num_steps=4, divergence=Divergence(4, 5e-5, "loss", float("nan"))
    )
    state = json.loads(trainer_state_text(replace(failed_run(), history=broken)))
    assert state["log_history"][0]["loss"] == 1.0
    assert "NaN" not in json.dumps(state)
