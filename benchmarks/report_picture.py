"""The picture of the report in the README: the top of a run's page in a headless Chromium, light, as docs/report.png.

`python -m benchmarks.report_picture RUN`; needs chromium on the PATH, and playwright.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from bertsmith.report.page import write_page
from bertsmith.run_folder import RunFolder

PICTURE = Path(__file__).parents[1] / "docs" / "report.png"
WIDTH, HEIGHT = 1120, 1745
"""In CSS pixels: the answer, the scores and the curves."""


def main(run: Path) -> None:
    """Write the page of a run and take its picture."""
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium") or sys.exit("no chromium is on the PATH")
    page_path = write_page(RunFolder(run)).resolve()
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        page.goto(page_path.as_uri())
        page.screenshot(path=PICTURE)
        browser.close()
    print(f"{PICTURE}: {PICTURE.stat().st_size:,} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
