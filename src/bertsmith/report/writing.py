"""This file knows how to write a finished run's files; the weights themselves leave through `bertsmith.model.saving`."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bertsmith.data.csv_safety import neutralise_formula
from bertsmith.data.example import Dataset
from bertsmith.data.splitting import Splits
from bertsmith.durable_files import open_whole, write_whole
from bertsmith.report.card_pictures import pictures
from bertsmith.report.model_card import model_card
from bertsmith.report.page import write_page
from bertsmith.report.trainer_state import trainer_state_text
from bertsmith.run import Run
from bertsmith.run_folder import RunFolder, write_json


def write_run(run: Run) -> None:
    """Card with its pictures, findings, trainer state and, last, the results: a folder without results is unfinished.

    All are pure functions of the run; the page is one of these files.
    """
    write_json(run.folder.findings, [finding.to_json() for finding in run.findings])
    write_whole(run.folder.trainer_state, trainer_state_text(run))
    for name, picture in pictures(run).items():
        run.folder.images.mkdir(exist_ok=True)
        write_whole(run.folder.images / name, picture)
    write_whole(run.folder.card, model_card(run))
    write_json(run.folder.results, run.to_json())
    write_page(run.folder)


def write_splits(folder: RunFolder, splits: Splits) -> None:
    """Which row went where, and why."""
    rows = ((row.origin.file, row.origin.line, row.split, row.reason) for row in splits.assignments)
    _write_csv(folder.splits, ("file", "line", "split", "reason"), rows)


def write_folds(folder: RunFolder, dataset: Dataset, numbers: NDArray[np.int64]) -> None:
    """Which fold each row was predicted in, from 1; every row also trained the kept model."""
    rows = (
        (example.origin.file, example.origin.line, f"fold {number + 1}", "random")
        for example, number in zip(dataset.examples, numbers.tolist(), strict=True)
    )
    _write_csv(folder.splits, ("file", "line", "split", "reason"), rows)


def write_predictions(
    folder: RunFolder,
    dataset: Dataset,
    *,
    probabilities: NDArray[np.float64],
    predicted_ids: NDArray[np.int64],
    label_names: Sequence[str],
) -> None:
    """The test rows with label, prediction, the prediction's probability, and whether it is right.

    Args:
        folder: where to.
        dataset: the test rows.
        probabilities: (rows, labels) of the chosen model.
        predicted_ids: (rows,) what it predicts.
        label_names: in id order.
    """
    pair_column = () if dataset.text_pairs is None else ("text_pair",)
    rows = []
    for example, row, best in zip(dataset.examples, probabilities, predicted_ids.tolist(), strict=True):
        predicted = label_names[best]
        texts = (example.text,) if example.text_pair is None else (example.text, example.text_pair)
        rows.append(
            (
                example.origin.file,
                example.origin.line,
                *texts,
                example.label,
                predicted,
                f"{row[best]:.6f}",
                str(predicted == example.label).lower(),
            )
        )
    _write_csv(
        folder.predictions,
        ("file", "line", "text", *pair_column, "label", "prediction", "probability", "correct"),
        rows,
    )


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """UTF-8 CSV in which no cell runs as a formula in a spreadsheet; whole or not at all."""
    with open_whole(path) as stream:
        file = io.TextIOWrapper(stream, encoding="utf-8", errors="backslashreplace", newline="")
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(
            [neutralise_formula(cell) if isinstance(cell, str) else cell for cell in row] for row in rows
        )
        file.detach()
