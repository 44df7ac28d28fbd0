"""Ask for known flaws of what is installed; where nobody can be asked, say so in one line and go on.

Exit 1 for a flaw that is not listed in `ACCEPTED`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ACCEPTED: dict[str, str] = {}
"""Advisory → why it does not concern us."""
PROBE_SECONDS, AUDIT_SECONDS = 8, 300
OPTIONS = ("--progress-spinner", "off", "--timeout", "3", "--format", "json")


def main() -> int:
    """The exit code."""
    with tempfile.TemporaryDirectory() as folder:
        # One package first: without an answer the whole environment would take a timeout for each of its packages.
        probe = Path(folder) / "requirements.txt"
        probe.write_text("pip==25.0\n")
        asked = ask("--no-deps", "--disable-pip", "--requirement", str(probe), seconds=PROBE_SECONDS)
    if asked is None or "skip_reason" in asked[0]:
        print("audit: no advisory service answers here, so the installed packages were not audited")
        return 0
    found = ask("--local", "--skip-editable", seconds=AUDIT_SECONDS)
    if found is None:
        print("audit: the advisory service stopped answering, so the installed packages were not audited")
        return 0
    return told(found)


def ask(*options: str, seconds: float) -> list[dict[str, Any]] | None:
    """What pip-audit says of each package; None without an answer."""
    command = [sys.executable, "-m", "pip_audit", *OPTIONS, *options]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
        packages: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, ValueError, KeyError, TypeError):
        return None
    return packages or None


def told(packages: list[dict[str, Any]]) -> int:
    """Print what was found; the exit code."""
    audited = [package for package in packages if "skip_reason" not in package]
    flaws = [(package, flaw) for package in audited for flaw in package.get("vulns", ())]
    open_flaws = [(package, flaw) for package, flaw in flaws if flaw["id"] not in ACCEPTED]
    for package, flaw in open_flaws:
        mended = ", ".join(flaw.get("fix_versions") or ()) or "no version"
        print(f"audit: {package['name']} {package['version']}: {flaw['id']}, mended in {mended}")
    print(f"audit: {len(audited)} of {len(packages)} packages audited, {len(open_flaws)} open flaws")
    return 1 if open_flaws else 0


if __name__ == "__main__":
    sys.exit(main())
