"""A stranger's tokenizer.json is tried once, in a process of its own with a clock, before it is let into this one.

A pattern that backtracks for ever, a normalizer that multiplies its text or a file that crashes the library ends that
process and not ours. What passed is remembered by its contents, for as long as this process lives.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from threading import Timer

from bertsmith.errors import IncompatibleModel
from bertsmith.model.files import AGAIN

TRIAL_SECONDS = 5.0
START_SECONDS = 30.0
"""For Python and the import of tokenizers, which take 0.1 s on a machine that is not busy."""
CHILD = Path(__file__).with_name("trial_child.py")
EMBEDDED_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
"""tokenizer.json of sentence-transformers/all-MiniLM-L6-v2, which the embedded model brings.

Source: https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2/tree/1110a243fdf4706b3f48f1d95db1a4f5529b4d41
"""

_passed: set[str] = {EMBEDDED_SHA256}


def vouch_for(contents: bytes) -> None:
    """Take a tokenizer.json that this process wrote itself as tried."""
    _passed.add(hashlib.sha256(contents).hexdigest())


def try_tokenizer(model: str, contents: bytes, *, file: str = "tokenizer.json") -> None:
    """Refuse a tokenizer that is damaged, hangs, crashes, or makes too much of a little text.

    Raises:
        IncompatibleModel: with what happened.
    """
    digest = hashlib.sha256(contents).hexdigest()
    if digest in _passed:
        return
    with tempfile.TemporaryDirectory(prefix="bertsmith-trial-") as folder:
        path = Path(folder) / "tokenizer.json"
        path.write_bytes(contents)
        problem = _ask_child(path)
    if problem:
        raise IncompatibleModel(model, f"{file} {problem}.", remedy=AGAIN)
    _passed.add(digest)


def _ask_child(path: Path) -> str:
    """What the trial found; empty if the tokenizer passed."""
    # -P: the folder of the script is no place to import from. RUST_BACKTRACE: a panic is told in one line.
    environment = os.environ | {"RUST_BACKTRACE": "0", "TOKENIZERS_PARALLELISM": "false"}
    child = subprocess.Popen(
        [sys.executable, "-P", str(CHILD), str(path)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        text=True,
    )
    assert child.stdout is not None
    with child:
        ready, _ = _line_within(START_SECONDS, child)
        said, in_time = _line_within(TRIAL_SECONDS, child) if ready == "ready\n" else ("", True)
        child.kill()
    if said.endswith("\n"):
        return said.strip()
    if ready != "ready\n":
        return "could not be tried, because no process could be started for it"
    if not in_time:
        return f"did not take in a page of text within {TRIAL_SECONDS:.0f} s"
    return "crashed the process that tried it, or used up its memory"


def _line_within(seconds: float, child: subprocess.Popen[str]) -> tuple[str, bool]:
    """The next line that the child writes, and whether it came, or its end, in time; the child is ended if not."""
    assert child.stdout is not None
    ran_out: list[bool] = []

    def end() -> None:
        ran_out.append(True)
        child.kill()

    clock = Timer(seconds, end)
    clock.daemon = True
    clock.start()
    try:
        return child.stdout.readline(), not ran_out
    finally:
        clock.cancel()
