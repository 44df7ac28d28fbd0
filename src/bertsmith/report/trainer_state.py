"""This file knows how to tell a training as the Hugging Face Trainer does: tools that read its folders read ours.

Source: `TrainerState` of transformers 5, as `save_to_json` writes it. One entry of the log is an epoch, as with
`logging_strategy="epoch"`; single steps are in log.jsonl.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from bertsmith.run import Run
from bertsmith.training.history import EpochRecord, StepRecord


def trainer_state_text(run: Run) -> str:
    """The text of `trainer_state.json`: keys in order, no NaN, no text of a row, no path."""
    return json.dumps(trainer_state(run), indent=2, sort_keys=True, allow_nan=False) + "\n"


def trainer_state(run: Run) -> dict[str, Any]:
    """The values of a `TrainerState`."""
    history, recipe = run.history, run.config.training
    per_epoch = _steps_per_epoch(run)
    best = run.best_epoch
    return {
        "best_global_step": None if best is None else best.step,
        "best_metric": None if best is None else _best_metric(best, select_by=recipe.select_by),
        "best_model_checkpoint": None,
        "epoch": round(history.num_steps / per_epoch, 4) if per_epoch else 0,
        "eval_steps": per_epoch,
        "global_step": history.num_steps,
        "is_hyper_param_search": False,
        "is_local_process_zero": True,
        "is_world_process_zero": True,
        "log_history": log_history(run),
        "logging_steps": per_epoch,
        "max_steps": recipe.max_steps or per_epoch * recipe.epochs,
        "num_input_tokens_seen": history.num_tokens,
        "num_train_epochs": -(-recipe.max_steps // per_epoch)
        if recipe.max_steps and per_epoch
        else recipe.epochs,
        "save_steps": per_epoch,
        "stateful_callbacks": {},
        "total_flos": 0,  # not counted
        "train_batch_size": recipe.batch_size,
        "trial_name": None,
        "trial_params": None,
    }


def log_history(run: Run) -> list[dict[str, Any]]:
    """Training and evaluation of every epoch, what was trained after the last one, and the whole."""
    history, per_epoch = run.history, _steps_per_epoch(run)
    log: list[dict[str, Any]] = []
    for epoch in history.epochs:
        step = _last_step(history.steps, until=epoch.step)
        log.append(_training(epoch.train_loss, epoch=epoch.epoch, step=epoch.step, last=step))
        log.append(_evaluation(epoch, is_binary=run.positive_label is not None))
    done = history.epochs[-1].step if history.epochs else 0
    rest = [step for step in history.steps if step.step > done]
    if rest:
        # Where it diverged or was given up within an epoch. The step that was no number is in results.json.
        loss = sum(step.loss for step in rest) / len(rest)
        epoch_now = round(rest[-1].step / per_epoch, 4) if per_epoch else 0.0
        log.append(_training(loss, epoch=epoch_now, step=rest[-1].step, last=rest[-1]))
    return [*log, *_whole(run)]


def _training(loss: float, *, epoch: float, step: int, last: StepRecord | None) -> dict[str, Any]:
    """Mean loss since the entry before; gradient norm and learning rate of the last step."""
    told = {} if last is None else {"grad_norm": last.gradient_norm, "learning_rate": last.learning_rate}
    return _finite({"epoch": epoch, "loss": loss, "step": step, **told})


def _evaluation(epoch: EpochRecord, *, is_binary: bool) -> dict[str, Any]:
    """The validation after an epoch. With more than two labels F1 is the macro F1, and stands once."""
    f1 = {"eval_f1": epoch.f1} if is_binary else {}
    return _finite(
        {
            "epoch": epoch.epoch,
            "eval_accuracy": epoch.accuracy,
            **f1,
            "eval_loss": epoch.validation_loss,
            "eval_macro_f1": epoch.macro_f1,
            "eval_precision": epoch.precision,
            "eval_recall": epoch.recall,
            "step": epoch.step,
        }
    )


def _whole(run: Run) -> list[dict[str, Any]]:
    """The last entry: how long it took; nothing where no step was taken."""
    history, per_epoch = run.history, _steps_per_epoch(run)
    if not history.num_steps or not per_epoch:
        return []
    seconds = max(history.training_seconds, 1e-9)
    return [
        _finite(
            {
                "epoch": round(history.num_steps / per_epoch, 4),
                "step": history.num_steps,
                "total_flos": 0,
                "train_loss": _mean_loss(run),
                "train_runtime": history.training_seconds,
                "train_samples_per_second": history.num_rows / seconds,
                "train_steps_per_second": history.num_steps / seconds,
            }
        )
    ]


def _mean_loss(run: Run) -> float:
    """Of all steps; where only the table is known, of its epochs."""
    losses = [step.loss for step in run.history.steps] or [epoch.train_loss for epoch in run.history.epochs]
    return sum(losses) / len(losses) if losses else math.nan


def _best_metric(best: EpochRecord, *, select_by: str) -> float:
    return float(best.validation_loss if select_by == "loss" else getattr(best, select_by))


def _steps_per_epoch(run: Run) -> int:
    """Optimizer steps of one pass over the training rows; 0 where they are not known."""
    train = run.data.splits.get("train")
    return 0 if train is None else -(-train.rows // run.config.training.batch_size)


def _last_step(steps: Sequence[StepRecord], *, until: int) -> StepRecord | None:
    """The last step of an epoch; None where only the table is known."""
    return steps[until - 1] if len(steps) >= until > 0 else None


def _finite(values: dict[str, Any]) -> dict[str, Any]:
    """JSON has no NaN: what is no number is left out."""
    return {
        name: value for name, value in values.items() if not isinstance(value, float) or math.isfinite(value)
    }
