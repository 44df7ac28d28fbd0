"""The command line: one function per command, which parses, calls, shows, and gives the exit code.

Flags are made from the settings themselves (`bertsmith.config`), so a flag, a TOML key and a keyword argument cannot
disagree. torch is imported inside the commands: `--help` and `--version` start without it.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from bertsmith import __version__
from bertsmith.config import Config, read_toml
from bertsmith.console import Console
from bertsmith.errors import BertsmithError, ConfigError, DataHasErrors
from bertsmith.exits import (
    EXIT_ANSWER_IS_NO,
    EXIT_OUR_BUG,
    EXIT_USER,
    exit_code,
    machine_failure,
    notes_of,
    tell_error,
)
from bertsmith.flags import with_settings

OutputFormat = Literal["csv", "tsv", "jsonl", "parquet"]

app = typer.Typer(
    name="bertsmith",
    help="Fine-tune BERT on your labelled text, and know whether it worked.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
)

Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say only the answer.")]
Json = Annotated[bool, typer.Option("--json", help="Put the result on standard output as JSON.")]
RunArgument = Annotated[
    str, typer.Argument(metavar="RUN", help="Run folder, or any Hugging Face classification folder.")
]


def run(arguments: Sequence[str]) -> int:
    """Run one command; gives the exit code. Nothing but our own bugs shows a traceback."""
    try:
        app(args=list(arguments), prog_name="bertsmith")
    except SystemExit as exit_:
        return exit_code(exit_)
    except BertsmithError as error:
        tell_error("\n".join((str(error), *notes_of(error))))
        return EXIT_ANSWER_IS_NO if isinstance(error, DataHasErrors) else EXIT_USER
    except Exception as error:  # noqa: BLE001 - the one door where our own bugs leave
        message = machine_failure(error)
        if message is not None:
            tell_error("\n".join((message, *notes_of(error))))
            return EXIT_USER
        traceback.print_exc()
        tell_error(f"this is a bug in bertsmith {__version__}. Please report it with the lines above.")
        return EXIT_OUR_BUG
    return 0


@app.callback(invoke_without_command=True)
def _root(
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and leave.", is_eager=True)
    ] = False,
) -> None:
    if version:
        typer.echo(f"bertsmith {__version__}")
        raise typer.Exit


@app.command("train")
@with_settings("data", "model", "training", "runtime", "output", leave_out=("train_file",))
def train_command(
    *,
    data: Annotated[
        str | None, typer.Argument(metavar="DATA", help="Labelled rows: CSV, TSV, JSON lines or Parquet.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", help="TOML file with the same settings; flags win over it.")
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Read, check, take ten steps, say how long it would take; write nothing."
        ),
    ] = False,
    quiet: Quiet = False,
    json_: Json = False,
    settings: dict[str, Any],
) -> None:
    """Fine-tune a model on labelled rows; the main job."""
    values = (read_toml(config) if config else {}) | settings
    if data is not None:
        values["train_file"] = data
    if values.get("train_file") is None:
        raise ConfigError(
            ["DATA is missing: give the file of labelled rows, as in: bertsmith train reviews.csv"]
        )
    resolved = Config.from_flat(values)
    console = Console(quiet=quiet)
    if dry_run:
        from bertsmith.watched_training import rehearse

        rehearsal = rehearse(resolved.data.train_file, config=resolved, console=console)
        if json_:
            _put_json(rehearsal.to_json())
        if rehearsal.divergence is not None and not resolved.output.no_fail:
            raise typer.Exit(EXIT_ANSWER_IS_NO)
        return
    from bertsmith.pipeline import finetune

    finished = finetune(resolved.data.train_file, config=resolved, console=console)
    if json_:
        _put_json(finished.to_json())
    if finished.verdict.exit_code and not resolved.output.no_fail:
        raise typer.Exit(EXIT_ANSWER_IS_NO)


NO_DEVICE = ("device", "precision", "threads")
SPLITTING = ("train_file", "validation", "test", "validation_share", "test_share", "split_seed")
CHECKING = (
    *("group_duplicates", "near_threshold", "fix_encoding", "merge_labels"),
    *("drop_empty", "drop_conflicts", "drop_duplicates", "ignore"),
)
TRAINING_ONLY = (*SPLITTING, *CHECKING)
"""Settings that a finished model does not ask for."""


@app.command("check")
@with_settings("data", "model", "runtime", leave_out=("train_file", *NO_DEVICE))
def check_command(
    *,
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA", help="Labelled rows: CSV, TSV, JSON lines or Parquet; or the folder of a run."
        ),
    ],
    write_clean: Annotated[
        Path | None,
        typer.Option(
            "--write-clean", help="Write the repaired table here, and beside it what was done to each row."
        ),
    ] = None,
    quiet: Quiet = False,
    json_: Json = False,
    settings: dict[str, Any],
) -> None:
    """Look for trouble in labelled rows; no model is loaded."""
    from bertsmith.checking import check_data, check_settings, write_repaired
    from bertsmith.report.checking import show_check

    data, values = check_settings(data, settings)
    resolved = Config.from_flat(values)
    console = Console(quiet=quiet)
    checked = check_data(data, config=resolved, console=console, write_to=write_clean)
    if "model" in values and checked.parts:
        from bertsmith.model.tokenizer import open_tokenizer

        tokenizer, max_length = open_tokenizer(
            resolved.model, offline=resolved.runtime.offline, tell=console.say
        )
        checked = checked.with_tokens(tokenizer, max_length=max_length)
    show_check(checked, console)
    if write_clean is not None:
        console.say(write_repaired(checked, write_clean))
    if json_:
        _put_json(checked.to_json())
    if checked.errors:
        raise typer.Exit(EXIT_ANSWER_IS_NO)


@app.command("predict")
@with_settings(
    "data", "runtime", leave_out=(*TRAINING_ONLY, "positive_label", "label_column", "precision", "offline")
)
def predict_command(
    *,
    run_path: RunArgument,
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA|-", help="Rows to label: CSV, TSV, JSON lines, Parquet, or - for standard input."
        ),
    ],
    output: Annotated[
        str,
        typer.Option(
            "--output", "-o", help="Where to: .csv, .tsv, .jsonl or .parquet; - is standard output."
        ),
    ] = "-",
    output_format: Annotated[
        OutputFormat | None, typer.Option("--format", help="By default what --output ends in, else CSV.")
    ] = None,
    batch_size: Annotated[int, typer.Option("--batch-size", min=1, help="Rows per forward pass.")] = 32,
    raw_csv: Annotated[
        bool,
        typer.Option(
            "--raw-csv", help="Write texts untouched, also those that a spreadsheet would run as a formula."
        ),
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the output file.")] = False,
    quiet: Quiet = False,
    settings: dict[str, Any],
) -> None:
    """Label new rows: the same rows, in the same order; any size."""
    from bertsmith.data.table import ReadOptions
    from bertsmith.inference.prediction_file import PredictionOptions, write_predictions
    from bertsmith.inference.predictor import Predictor

    console = Console(quiet=quiet)
    resolved = Config.from_flat(settings)
    options = PredictionOptions(
        read=ReadOptions.from_config(resolved.data),
        output_format=output_format,
        raw_csv=raw_csv,
        overwrite=overwrite,
        batch_size=batch_size,
    )
    predictor = Predictor.load(run_path, device=resolved.runtime.device, threads=resolved.runtime.threads)
    predictor.budget.tell = console.say
    with console.progress("Predicting", total_rows=None) as progress:
        summary = write_predictions(predictor, data, output, options=options, on_rows=progress.advance)
    for note in summary.notes:
        console.say(note, style="dim")
    console.say(
        f"{summary.predicted:,} of {summary.rows:,} rows predicted; {summary.failed:,} have an error instead, {summary.cut:,} were cut."
    )


@app.command("evaluate")
@with_settings("data", "runtime", leave_out=(*TRAINING_ONLY, "precision", "offline"))
def evaluate_command(
    *,
    run_path: RunArgument,
    data: Annotated[
        str, typer.Argument(metavar="DATA", help="Labelled rows: CSV, TSV, JSON lines or Parquet.")
    ],
    batch_size: Annotated[int, typer.Option("--batch-size", min=1, help="Rows per forward pass.")] = 32,
    quiet: Quiet = False,
    json_: Json = False,
    settings: dict[str, Any],
) -> None:
    """Score a finished model on labelled rows, with intervals."""
    from bertsmith.data.table import ReadOptions
    from bertsmith.inference.evaluating import evaluate_rows
    from bertsmith.inference.predictor import Predictor
    from bertsmith.report.showing import show_evaluation

    console = Console(quiet=quiet)
    resolved = Config.from_flat(settings)
    predictor = Predictor.load(run_path, device=resolved.runtime.device, threads=resolved.runtime.threads)
    predictor.budget.tell = console.say
    with console.progress("Scoring", total_rows=None) as progress:
        scored = evaluate_rows(
            predictor,
            data,
            options=ReadOptions.from_config(resolved.data),
            positive_label=resolved.data.positive_label,
            batch_size=batch_size,
            on_rows=progress.advance,
        )
    show_evaluation(scored.evaluation, console, notes=scored.notes, findings=scored.findings)
    if json_:
        findings = [finding.to_json() for finding in scored.findings]
        rows = {
            "read": scored.num_rows_read,
            "used": scored.evaluation.rows,
            "reported": scored.num_rows_reported,
        }
        _put_json(scored.evaluation.to_json() | {"data": {"rows": rows, "findings": findings}})


@app.command("diagnose")
def diagnose_command(
    *,
    path: Annotated[
        str,
        typer.Argument(
            metavar="PATH",
            help="Run folder, Hugging Face output folder, trainer_state.json, model card; - is a table on standard input.",
        ),
    ],
    no_fail: Annotated[bool, typer.Option("--no-fail", help="Exit 0 whatever the answer is.")] = False,
    quiet: Quiet = False,
    json_: Json = False,
) -> None:
    """Judge anybody's run by its published figures."""
    from bertsmith.diagnosis.foreign import read_foreign
    from bertsmith.diagnosis.printed_table import read_table
    from bertsmith.diagnosis.published import judge_published
    from bertsmith.report.diagnosing import show_diagnosis

    run = (
        read_table(sys.stdin.buffer.read().decode("utf-8", "replace"), name="<stdin>")
        if path == "-"
        else read_foreign(Path(path))
    )
    judged = judge_published(run)
    show_diagnosis(judged, Console(quiet=quiet))
    if json_:
        _put_json(judged.to_json())
    if judged.verdict.exit_code and not no_fail:
        raise typer.Exit(EXIT_ANSWER_IS_NO)


@app.command("explain")
def explain_command(
    *,
    code: Annotated[
        str | None, typer.Argument(metavar="CODE", help="A finding's code or a verdict; none lists them all.")
    ] = None,
) -> None:
    """What a finding or verdict means, how it was measured, and what to do."""
    from bertsmith.explanations import codes, explanation, title

    typer.echo(explanation(code).rstrip() if code else "\n".join(title(name) for name in codes()))


def _put_json(value: object) -> None:
    """One JSON document on standard output."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=True, allow_nan=False))
