"""The page that a run leaves behind: one HTML file, a pure function of the run folder's other files."""

from __future__ import annotations

from pathlib import Path

from bertsmith.durable_files import write_whole
from bertsmith.report.finished_run import FinishedRun, read_finished_run
from bertsmith.report.html_pages import render_page
from bertsmith.report.markdown import neutral
from bertsmith.report.page_answer import answer
from bertsmith.report.page_data import data, repeating, using
from bertsmith.report.page_mistakes import mistakes, trust
from bertsmith.report.page_training import training
from bertsmith.run_folder import RunFolder


def write_page(folder: RunFolder) -> Path:
    """Write `report.html` of a complete run; gives its path.

    Raises:
        NotARunFolder: bertsmith did not write this folder.
        RunFolderError: the run is not complete, or a file of it cannot be read or written.
    """
    text = page(read_finished_run(folder.path))
    # A lone surrogate of a damaged text has no UTF-8.
    write_whole(folder.report, text.encode("utf-8", "replace"))
    return folder.report


def page(run: FinishedRun) -> str:
    """The HTML of a run."""
    values = {
        "name": neutral(run.name),
        "base_model": repeating(run)["model"]["Model"],
        "answer": answer(run),
        "training": training(run),
        "mistakes": mistakes(run),
        "trust": trust(run),
        "data": data(run),
        "repeating": repeating(run),
        "using": using(run),
        "version": run.results["environment"]["versions"].get("bertsmith", ""),
    }
    return render_page("page.html.jinja", values)
