"""How much memory prediction takes as the file grows: it should not grow with it.

Run: PYTHONPATH=src python benchmarks/predict_memory.py [--rows 10000 100000 1000000]

Each size runs in a process of its own on one thread: short texts as CSV → CSV, through a tiny random BERT
(2 layers, hidden 32), so that reading, encoding and writing weigh as much as they can. The first line, of
100 rows, is what a process costs.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SIZES = (10_000, 100_000, 1_000_000)
BASE_ROWS = 100
WORDS = ("a", "good", "bad", "movie", "story", "with", "great", "acting", "and", "no", "plot", "but", "music")


def write_model(folder: Path) -> None:
    """A tiny random classifier."""
    from tests.tiny_models import write_tiny_model

    names = ("negative", "positive")
    ids = {name: index for index, name in enumerate(names)}
    write_tiny_model(folder, num_labels=2, id2label=dict(enumerate(names)), label2id=ids)


def write_rows(path: Path, num_rows: int) -> None:
    """A CSV of texts of 3 to 12 words."""
    with path.open("w", encoding="utf-8") as file:
        file.write("id,text\n")
        for row in range(num_rows):
            words = [WORDS[(row * 7 + 3 * place) % len(WORDS)] for place in range(3 + row % 10)]
            file.write(f"{row},{' '.join(words)}\n")


def predict(folder: Path, num_rows: int) -> None:
    """The child: predicts one file and prints its figures as JSON."""
    from bertsmith.inference.prediction_file import write_predictions
    from bertsmith.inference.predictor import Predictor

    predictor = Predictor.load(folder / "model", device="cpu", threads=1)
    started = time.perf_counter()
    summary = write_predictions(predictor, folder / f"{num_rows}.csv", folder / f"{num_rows}.out.csv")
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    print(json.dumps({"rows": summary.predicted, "seconds": seconds, "peak_bytes": peak}))


def main() -> None:
    """Every size in a process of its own, and the table of what they took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=SIZES, help="sizes to measure")
    parser.add_argument("--child", nargs=2, metavar=("FOLDER", "ROWS"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    if arguments.child:
        predict(Path(arguments.child[0]), int(arguments.child[1]))
        return
    environment = os.environ | {
        "OMP_NUM_THREADS": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "RAYON_NUM_THREADS": "1",
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_model(folder / "model")
        print(f"{'rows':>10} {'file MB':>8} {'seconds':>8} {'rows/s':>8} {'peak MB':>8}")
        for num_rows in (BASE_ROWS, *arguments.rows):
            source = folder / f"{num_rows}.csv"
            write_rows(source, num_rows)
            command = [sys.executable, __file__, "--child", str(folder), str(num_rows)]
            child = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
            result = json.loads(child.stdout)
            assert result["rows"] == num_rows, result
            rate = num_rows / result["seconds"]
            megabytes = source.stat().st_size / 1e6
            peak = result["peak_bytes"] / 1e6
            print(
                f"{num_rows:>10,} {megabytes:>8.1f} {result['seconds']:>8.1f} {rate:>8,.0f} {peak:>8.0f}",
                flush=True,
            )
            source.unlink()
            (folder / f"{num_rows}.out.csv").unlink()


if __name__ == "__main__":
    main()
