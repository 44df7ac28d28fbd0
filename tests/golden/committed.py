"""A whole output beside its committed text. BERTSMITH_UPDATE_GOLDEN=1 writes it anew: read the difference."""

from __future__ import annotations

import os
from pathlib import Path

GOLDEN = Path(__file__).parent


def committed(file_name: str, output: str) -> str:
    """The committed text of this output."""
    file = GOLDEN / file_name
    if os.environ.get("BERTSMITH_UPDATE_GOLDEN") == "1":
        file.write_text(output, encoding="utf-8")
    return file.read_text("utf-8")
