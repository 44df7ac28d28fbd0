"""The parts of the benchmark that train: planted failures, healthy runs, rescues; what each counts and prints."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ProcessPoolExecutor

from scipy.stats import beta
from tests.tiny_models import write_tiny_model

from benchmarks.honesty.healthy import Healthy, is_false_alarm, is_healthy, minilm_runs, tiny_runs
from benchmarks.honesty.planted import Failure, all_failures
from benchmarks.honesty.rescued import Rescue, planted_rates
from benchmarks.honesty.runs import Ended, scratch
from benchmarks.honesty.tasks import WORDS_DO_NOT_SUFFICE


def end_planted(number: int) -> Ended:
    """The planted failure of this number, run. A number, because what is broken does not travel between processes."""
    return list(all_failures())[number].end(write_tiny_model)


def end_healthy(run: Healthy) -> tuple[Healthy, Ended, bool]:
    """A sane run; whether the cure restarted it though it is healthy without."""
    with scratch() as folder:
        model = "minilm" if run.minilm else str(write_tiny_model(folder / "base"))
        ended = run.end(model)
        needless = bool(ended.num_restarts) and is_healthy(run.end(model, on_failure="continue"))
    return run, ended, needless


def end_rescue(run: Rescue) -> tuple[Rescue, Ended, Ended]:
    """A failing learning rate, without and with the cure."""
    with scratch() as folder:
        model = "minilm" if run.minilm else str(write_tiny_model(folder / "base"))
        return run, run.end(model, on_failure="stop"), run.end(model, on_failure="rescue")


def clopper_pearson(events: int, trials: int) -> tuple[float, float]:
    """The exact 95 % interval of a share. Source: Clopper and Pearson 1934."""
    low = 0.0 if events == 0 else float(beta.ppf(0.025, events, trials - events + 1))
    high = 1.0 if events == trials else float(beta.ppf(0.975, events + 1, trials - events))
    return low, high


def share(events: int, trials: int) -> str:
    """`3 of 60 (5.0 %, 95 % interval 1.0–13.9 %)`."""
    if trials == 0:
        return "none to count"
    low, high = clopper_pearson(events, trials)
    return f"{events} of {trials} ({100 * events / trials:.1f} %, 95 % interval {100 * low:.1f}–{100 * high:.1f} %)"


def planted(pool: ProcessPoolExecutor, scale: float) -> None:
    """Failures planted; one that exits 0 is missed."""
    failures: list[Failure] = list(all_failures())
    numbers = range(len(failures))[:: max(1, round(1 / scale))]
    by_kind: dict[str, Counter[str]] = {}
    missed = 0
    for number, ended in zip(numbers, pool.map(end_planted, numbers), strict=True):
        failure = failures[number]
        kind = f"{'minilm' if failure.minilm else 'tiny'}: {failure.kind}"
        by_kind.setdefault(kind, Counter())[ended.outcome] += 1
        if ended.exit_code == 0:
            missed += 1
            print(f"MISSED {kind}, {failure.what}: {ended.sentence}", flush=True)
    for kind, outcomes in by_kind.items():
        told = ", ".join(f"{outcome} {count}" for outcome, count in outcomes.most_common())
        print(f"{kind:32} {told}")
    print(f"planted failures missed: {share(missed, len(numbers))}", flush=True)


def healthy(pool: ProcessPoolExecutor, scale: float) -> None:
    """Sane runs; one that is called failed, or restarted for nothing, is a false alarm."""
    for name, runs in (
        ("tiny", list(tiny_runs(round(400 * scale)))),
        ("minilm", list(minilm_runs(round(66 * scale)))),
    ):
        outcomes: Counter[str] = Counter()
        counted = alarms = needless_restarts = 0
        for run, ended, needless in pool.map(end_healthy, runs):
            if not (is_healthy(ended) or needless or ended.kept_back_gain is None):
                continue
            counted += is_healthy(ended)
            outcomes[ended.outcome] += 1
            needless_restarts += needless
            alarm = is_healthy(ended) and is_false_alarm(ended)
            alarms += alarm
            if alarm or needless or ended.kept_back_gain is None:
                print(
                    f"LOOK {name} {run}: restarted {ended.num_restarts}, gain {ended.kept_back_gain}: {ended.sentence}",
                    flush=True,
                )
        told = ", ".join(f"{outcome} {count}" for outcome, count in outcomes.most_common())
        print(f"{name}: {counted} healthy of {len(runs)} runs; {told}")
        print(f"{name}: healthy runs called failed on rows enough: {share(alarms, counted)}")
        print(f"{name}: healthy runs restarted for nothing: {share(needless_restarts, counted)}", flush=True)


def rescued(pool: ProcessPoolExecutor, scale: float) -> None:
    """Learning rates that fail without the cure: how they end with it, by model and task."""
    rescues = list(planted_rates(round(48 * scale), round(12 * scale)))
    by_task: dict[tuple[str, str], Counter[str]] = {}
    failed = works = 0
    for run, without, ended in pool.map(end_rescue, rescues):
        if without.exit_code == 0:
            continue
        failed += 1
        works += ended.exit_code == 0
        by_task.setdefault(("minilm" if run.minilm else "tiny", run.task), Counter())[ended.outcome] += 1
        if ended.exit_code != 0:
            print(f"NOT RESCUED {run}: {ended.sentence}", flush=True)
    for (model, task), outcomes in by_task.items():
        told = ", ".join(f"{outcome} {count}" for outcome, count in outcomes.most_common())
        print(f"{f'{model}: {task}':24} {told}")
    hard = sum(
        (outcomes for (_, task), outcomes in by_task.items() if task == WORDS_DO_NOT_SUFFICE), Counter()
    )
    print(f"rescued to a model that works: {share(works, failed)}")
    print(
        f"rescued to `learned` where words do not suffice: {share(hard['learned'], hard.total())}", flush=True
    )
