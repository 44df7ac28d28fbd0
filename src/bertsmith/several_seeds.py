"""This file knows how to train the same run with several seeds and ship the one that is best on the validation rows.

The test rows are scored by all of them, but only after the choice is made: their mean is the estimate, the best is not.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass, replace

from bertsmith.console import Console
from bertsmith.diagnosis.verdict import USABLE
from bertsmith.judgement import Judged, Judgement, judge_alone, judge_run
from bertsmith.model.restarting import reset_weights
from bertsmith.open_run import OpenRun
from bertsmith.preparation import Prepared
from bertsmith.rescued_training import Trained, train_until_learned
from bertsmith.run import SeedResult
from bertsmith.training.attempts import Attempts


@dataclass(frozen=True)
class Candidate:
    """A seed's training, with the weights that it left."""

    trained: Trained
    weights: Attempts

    @property
    def best(self) -> int | None:
        """Index of its best epoch; None where it failed."""
        return None if self.trained.failed else self.weights.best

    @property
    def validation_macro_f1(self) -> float:
        """Of the best epoch; below every score where it failed."""
        return -1.0 if self.best is None else self.trained.history.epochs[self.best].macro_f1


def train_and_judge(prepared: Prepared, *, opened: OpenRun, console: Console) -> Judged:
    """Train with every seed, choose on the validation rows, judge the chosen one; its weights are in the model."""
    candidates = train_seeds(prepared, opened=opened, console=console)
    chosen = best_candidate(candidates)
    if chosen.best is not None:
        chosen.weights.restore(chosen.trained.prepared.loaded.model, chosen.best)
    judgement = judge_run(chosen.trained, folder=opened.folder, best_epoch_index=chosen.best, console=console)
    seeds, judgement = compare_seeds(candidates, chosen, judgement)
    return Judged(chosen.trained, chosen.weights, judgement, seeds)


def train_seeds(prepared: Prepared, *, opened: OpenRun, console: Console) -> list[Candidate]:
    """One candidate per seed, the recipe's own first; the best on the validation rows is `best_candidate`'s to find."""
    first = prepared.config.training.seed
    count = prepared.config.training.seeds
    if count == 1:
        attempts = opened.attempts()
        trained = train_until_learned(
            prepared, attempts=attempts, log_path=opened.folder.log, console=console
        )
        return [Candidate(trained, attempts)]
    candidates = []
    for seed in range(first, first + count):
        console.say(f"Seed {seed}, {seed - first + 1} of {count}.", style="bold")
        recipe = prepared.config.training.model_copy(update={"seed": seed})
        seeded = replace(prepared, config=prepared.config.model_copy(update={"training": recipe}))
        reset_weights(seeded.loaded, seed=seed)
        attempts = opened.attempts(f"seed-{seed}")
        trained = train_until_learned(seeded, attempts=attempts, log_path=opened.folder.log, console=console)
        candidates.append(Candidate(trained, attempts))
    return candidates


def best_candidate(candidates: list[Candidate]) -> Candidate:
    """The best on the validation rows, the first of equals; the last where all failed."""
    best = max(candidates, key=lambda candidate: candidate.validation_macro_f1)
    return best if best.best is not None else candidates[-1]


def compare_seeds(
    candidates: list[Candidate], chosen: Candidate, judgement: Judgement
) -> tuple[tuple[SeedResult, ...], Judgement]:
    """Every seed's scores, and the judgement with what they say of the shipped one.

    The chosen weights are in the model again afterwards.
    """
    if len(candidates) == 1:
        return (), judgement
    results = tuple(_result(candidate, judgement) for candidate in candidates)
    if chosen.best is not None:
        chosen.weights.restore(chosen.trained.prepared.loaded.model, chosen.best)
    sentence = seeds_sentence(results)
    verdict = replace(judgement.verdict, reasons=(sentence, *judgement.verdict.reasons))
    return results, replace(judgement, verdict=verdict)


def seeds_sentence(results: tuple[SeedResult, ...]) -> str:
    """Mean, spread and failures, and that the shipped one is no estimate."""
    failed = sum(result.failed for result in results)
    scores = [result.test_macro_f1 for result in results if result.test_macro_f1 is not None]
    if not scores:
        return f"None of {len(results)} seeds gave a model."
    spread = f", standard deviation {statistics.stdev(scores):.3f}" if len(scores) > 1 else ""
    return (
        f"Of {len(results)} seeds {failed} failed; macro-F1 on the test rows: mean {statistics.mean(scores):.3f}{spread}, "
        f"lowest {min(scores):.3f}. The shipped one is the best on the validation rows; "
        f"the best of {len(results)} is not an estimate, the mean is."
    )


def _result(candidate: Candidate, judgement: Judgement) -> SeedResult:
    """The seed's scores; its weights are in the model afterwards."""
    prepared, best = candidate.trained.prepared, candidate.best
    seed, restarts = prepared.config.training.seed, len(candidate.trained.restarts)
    if best is None or judgement.test is None:
        return SeedResult(
            seed,
            restarts=restarts,
            failed=True,
            validation_macro_f1=None,
            test_macro_f1=None,
            test_accuracy=None,
        )
    candidate.weights.restore(prepared.loaded.model, best)
    verdict, test = judge_alone(candidate.trained, best_epoch_index=best, test=judgement.test)
    return SeedResult(
        seed,
        restarts=restarts,
        failed=verdict.outcome not in USABLE,
        validation_macro_f1=candidate.validation_macro_f1,
        test_macro_f1=test.scores["macro_f1"].value,
        test_accuracy=test.scores["accuracy"].value,
    )
