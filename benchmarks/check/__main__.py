"""Every part in one go: `make bench-check`, with the folder of the data in BERTSMITH_DATA. Parts can be chosen.

python -m benchmarks.check [--parts rows near twins giveaways labels drift truths errors speed]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence

from benchmarks.check import planted, real, speed

PARTS: dict[str, tuple[Callable[[], None], ...]] = {
    "rows": (planted.rows_found,),
    "near": (planted.near_found,),
    "twins": (planted.twins_found,),
    "giveaways": (planted.giveaways_found,),
    "labels": (planted.labels_found,),
    "drift": (planted.drift_found,),
    "truths": (real.known_truths, real.shared_sentences),
    "errors": (real.false_errors,),
    "speed": (speed.measure,),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """The chosen parts, one after the other, with how long each took."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS))
    for part in parser.parse_args(arguments).parts:
        started = time.perf_counter()
        print(f"\n== {part} ==", flush=True)
        if part in ("rows", "near", "twins", "giveaways", "labels", "drift"):
            print("| flaw | planted | recall | precision |")
            print("|---|---|---|---|")
        for run in PARTS[part]:
            run()
        print(f"({time.perf_counter() - started:.0f} s)", flush=True)


if __name__ == "__main__":
    main()
