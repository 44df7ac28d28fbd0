"""Every part in one go: `make bench-reliability`. Parts can be chosen, and made smaller for a look.

python -m benchmarks.reliability [--parts kills saves damage …] [--kills 200]
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterable, Sequence

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is imported; child processes inherit it

from benchmarks.reliability import (
    attack_strings,
    bad_inputs,
    cost,
    damage,
    disk_full,
    hostile_folders,
    kills,
    memory,
    predicting,
    retention,
    saves,
    signals,
    system_kill,
    trainer,
)
from benchmarks.reliability.cases import Case, show

Measure = Callable[[argparse.Namespace], Iterable[Case]]


PARTS: dict[str, Measure] = {
    "kills": lambda options: kills.measure(options.kills),
    "saves": lambda options: saves.measure(),
    "retention": lambda options: retention.measure(),
    "damage": lambda options: damage.measure(),
    "cost": lambda options: cost.measure(),
    "signals": lambda options: signals.measure(),
    "predicting": lambda options: predicting.measure(),
    "disk_full": lambda options: disk_full.measure(),
    "memory": lambda options: memory.measure(),
    "system_kill": lambda options: system_kill.measure(),
    "bad_inputs": lambda options: bad_inputs.measure(),
    "attack_strings": lambda options: attack_strings.measure(),
    "hostile_folders": lambda options: hostile_folders.measure(),
    "trainer": lambda options: trainer.measure(),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """The chosen parts, one after the other, with how long each took."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--parts", nargs="+", choices=tuple(PARTS), default=list(PARTS))
    parser.add_argument("--kills", type=int, default=200, help="kills at random instants")
    options = parser.parse_args(arguments)
    for part in options.parts:
        started = time.perf_counter()
        show(part, PARTS[part](options))
        print(f"  ({(time.perf_counter() - started) / 60:.1f} minutes)", flush=True)


if __name__ == "__main__":
    main()
