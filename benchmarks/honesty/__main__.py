"""Every part in one go: `make bench-honesty`. Parts can be chosen, and made smaller for a look.

python -m benchmarks.honesty [--parts planted healthy rescued coverage type_one] [--scale 1.0] [--workers 2]
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from benchmarks.honesty import coverage, parts, type_one

PARTS = ("planted", "healthy", "rescued", "coverage", "type_one")


def main(arguments: Sequence[str] | None = None) -> None:
    """The chosen parts, one after the other, with how long each took."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--scale", type=float, default=1.0, help="share of the runs and simulated sets")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args(arguments)
    # One thread per run: two runs side by side do more than one run on two threads. The children inherit it.
    os.environ["OMP_NUM_THREADS"] = "1"
    sets = str(round(2000 * options.scale))
    with ProcessPoolExecutor(options.workers, mp_context=get_context("spawn")) as pool:
        for part in options.parts:
            started = time.perf_counter()
            print(f"\n== {part} ==", flush=True)
            if part == "coverage":
                coverage.main(["--sets", sets, "--workers", str(options.workers)])
            elif part == "type_one":
                type_one.main(["--sets", sets, "--workers", str(options.workers)])
            else:
                {"planted": parts.planted, "healthy": parts.healthy, "rescued": parts.rescued}[part](
                    pool, options.scale
                )
            print(f"({(time.perf_counter() - started) / 60:.1f} minutes)", flush=True)


if __name__ == "__main__":
    main()
