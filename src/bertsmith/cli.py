"""The command line: one function per command, which parses, calls, shows, and gives the exit code.

Flags are made from the settings themselves (`bertsmith.config`), so a flag, a TOML key and a keyword argument cannot
disagree. torch is imported inside the commands: `--help` and `--version` start without it.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from bertsmith import __version__
from bertsmith.config import Config, read_toml
from bertsmith.console import Console, put_json
from bertsmith.errors import ConfigError
from bertsmith.exits import EXIT_ANSWER_IS_NO, Commands, ending_of, flush_standard_output, resume_command
from bertsmith.flags import with_settings
from bertsmith.inference.format_names import OutputFormat
from bertsmith.interruption import Interruption
from bertsmith.run_folder import RunFolder, folder_of

app = typer.Typer(
    name="bertsmith",
    cls=Commands,
    help="Fine-tune BERT on your labelled text, and know whether it worked.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
)

Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say only the answer.")]
Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Say more: steps, times, every label and row.")
]
Json = Annotated[bool, typer.Option("--json", help="Put the result on standard output as JSON.")]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace the output file, also an unfinished one.")
]
Resume = Annotated[
    bool, typer.Option("--resume", help="Go on with an unfinished output file, behind its last rows.")
]
RunArgument = Annotated[
    str, typer.Argument(metavar="RUN", help="Run folder, or any Hugging Face classification folder.")
]


def run(arguments: Sequence[str]) -> int:
    """Run one command; gives the exit code. Nothing but our own bugs shows a traceback."""
    command = functools.partial(app, args=list(arguments), prog_name="bertsmith", obj=tuple(arguments))
    code = ending_of(command, version=__version__)
    return flush_standard_output(code)


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
    verbose: Verbose = False,
    json_: Json = False,
    settings: dict[str, Any],
) -> None:
    """Fine-tune a model on labelled rows; the main job."""
    values = (read_toml(config) if config else {}) | settings
    if data is not None:
        values["train_file"] = data
    goes_on = values.get("resume") and values.get("output")
    if values.get("train_file") is None and not goes_on:
        raise ConfigError(
            ["DATA is missing: give the file of labelled rows, as in: bertsmith train reviews.csv"]
        )
    resolved = Config.from_flat(values)
    console = Console.asked_for(quiet, verbose, dated=True)
    if dry_run:
        from bertsmith.watched_training import rehearse

        rehearsal = rehearse(resolved.data.train_file, config=resolved, console=console)
        put_json(rehearsal, wanted=json_)
        if rehearsal.divergence is not None and not resolved.output.no_fail:
            raise typer.Exit(EXIT_ANSWER_IS_NO)
        return
    # Before torch is there: a folder that takes no files is told within a second.
    data_file = str(resolved.data.train_file)
    folder = folder_of(resolved.output.output, data_name="data" if data_file == "-" else Path(data_file).name)
    if not resolved.output.resume:
        folder.must_be_free(overwrite=resolved.output.overwrite)
    from bertsmith.pipeline import finetune

    finished = finetune(resolved.data.train_file, config=resolved, console=console)
    put_json(finished, wanted=json_)
    if finished.verdict.exit_code and not finished.config.output.no_fail:
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
    verbose: Verbose = False,
    json_: Json = False,
    settings: dict[str, Any],
) -> None:
    """Look for trouble in labelled rows; no model is loaded."""
    from bertsmith.checking import check_data, check_settings, write_repaired
    from bertsmith.report.checking import show_check

    data, values = check_settings(data, settings)
    resolved = Config.from_flat(values)
    console = Console.asked_for(quiet, verbose)
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
    put_json(checked, wanted=json_)
    if checked.errors:
        raise typer.Exit(EXIT_ANSWER_IS_NO)


@app.command("predict")
@with_settings(
    "data", "runtime", leave_out=(*TRAINING_ONLY, "positive_label", "label_column", "precision", "offline")
)
def predict_command(
    *,
    context: typer.Context,
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
    overwrite: Overwrite = False,
    resume: Resume = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    settings: dict[str, Any],
) -> None:
    """Label new rows: the same rows, in the same order; any size."""
    from bertsmith.inference.destination import check_destination

    console = Console.asked_for(quiet, verbose)
    resolved = Config.from_flat(settings)
    check_destination(data, output, overwrite=overwrite, resume=resume, output_format=output_format)
    told: dict[str, Any] = {
        "output_format": output_format,
        "raw_csv": raw_csv,
        "overwrite": overwrite,
        "resume": resume,
    }
    told |= {"batch_size": batch_size, "resume_command": resume_command(context.obj)}
    with Interruption().watch() as interruption:
        from bertsmith.data.table import ReadOptions
        from bertsmith.inference.prediction_file import PredictionOptions, write_predictions
        from bertsmith.inference.predictor import Predictor

        options = PredictionOptions(ReadOptions.from_config(resolved.data), interruption=interruption, **told)
        predictor = Predictor.load(run_path, device=resolved.runtime.device, threads=resolved.runtime.threads)
        predictor.budget.tell = console.say
        with console.progress("Predicting", total_rows=None) as progress:
            summary = write_predictions(predictor, data, output, options=options, on_rows=progress.advance)
    for note in summary.notes:
        console.say(note, style="dim")
    console.say(summary.sentence())


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
    verbose: Verbose = False,
    json_: Json = False,
    settings: dict[str, Any],
) -> None:
    """Score a finished model on labelled rows, with intervals."""
    from bertsmith.data.table import ReadOptions
    from bertsmith.inference.evaluating import evaluate_rows
    from bertsmith.inference.predictor import Predictor
    from bertsmith.report.showing import show_evaluation

    console = Console.asked_for(quiet, verbose)
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
    put_json(scored, wanted=json_)


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
    verbose: Verbose = False,
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
    show_diagnosis(judged, Console.asked_for(quiet, verbose))
    put_json(judged, wanted=json_)
    if judged.verdict.exit_code and not no_fail:
        raise typer.Exit(EXIT_ANSWER_IS_NO)


@app.command("report")
def report_command(
    *,
    path: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a finished run.")],
    quiet: Quiet = False,
) -> None:
    """Write the page of a finished run again: report.html in its folder."""
    from bertsmith.report.page import write_page

    Console(quiet=quiet).say(f"{write_page(RunFolder(path))}  answer, evidence and doubts in one file")


@app.command("compare")
def compare_command(
    *,
    paths: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of two runs or more.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write it as a page too.")] = None,
    quiet: Quiet = False,
    json_: Json = False,
) -> None:
    """Put finished runs side by side: scores, paired tests on the same rows, differing settings."""
    from bertsmith.report.comparing import compare_folders

    put_json(compare_folders(paths, console=Console(quiet=quiet), output=output), wanted=json_)


@app.command("explain")
def explain_command(
    *,
    code: Annotated[
        str | None, typer.Argument(metavar="CODE", help="Code or verdict; none lists all.")
    ] = None,
) -> None:
    """What a finding or verdict means, how it was measured, and what to do."""
    from bertsmith.explanations import codes, explanation, title

    typer.echo(explanation(code).rstrip() if code else "\n".join(title(name) for name in codes()))
