"""How large a report of 200 rows is, and how long a browser takes until it shows a chart.

Usage: python benchmarks/report_of_200_rows.py

Makes up 200 rows with every field filled (percentiles, curves, AP of 80 classes, confusion, energy,
where the loss comes from), of one run and of twenty that are merged, and writes their pages without
pictures. Chromium opens each from file:// five times, in a fresh profile: once as it is and once
with the processor slowed down four times, which is what browsers take for a phone.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.sync_api import sync_playwright

from edgekit.measure.machine import describe_machine
from edgekit.report.json_file import to_json
from edgekit.report.page import to_html, to_merged_html

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from committed import RESULTS, commit  # noqa: E402  (a sibling script)

from tests.browser.made import made_runs  # noqa: E402
from tests.browser.pages import browser_path  # noqa: E402

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROWS = 200
RUNS = (1, 20)
REPEATS = 5
SLOWER = {"desk": 1, "phone": 4}
WAIT_MS = 120_000
TIMES = """() => ({
  painted_ms: performance.getEntriesByName("first-contentful-paint")[0].startTime,
  loaded_ms: performance.getEntriesByType("navigation")[0].loadEventEnd,
  ready_ms: window.edgekitReady,
})"""


def main() -> None:
    """Measure and write the result."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path(playwright))
        result = {
            "commit": commit(),
            "machine": vars(describe_machine()),
            "load_1min_before": os.getloadavg()[0],
            "browser": f"Chromium {browser.version}",
            "rows": ROWS,
            "repeats": REPEATS,
            "runs": {str(n): page_of(n, browser, Path(folder)) for n in RUNS},
        }
        browser.close()
    text = json.dumps(result, indent=1) + "\n"
    (RESULTS / "report_of_200_rows.json").write_text(text, encoding="utf-8")
    print(text)


def page_of(runs: int, browser: Browser, folder: Path) -> dict[str, Any]:
    """Return what the page of all rows, shared out among ``runs``, weighs and takes."""
    reports = made_runs(runs, ROWS // runs)
    before = time.perf_counter()
    page = to_html(reports[0]) if runs == 1 else to_merged_html(reports)
    seconds = time.perf_counter() - before
    path = folder / f"{runs}.html"
    path.write_text(page, encoding="utf-8")
    return {
        "write_s": round(seconds, 2),
        "page_bytes": len(page.encode()),
        "json_bytes": sum(len(to_json(report).encode()) for report in reports),
        "opened": {name: opened(browser, path, by) for name, by in SLOWER.items()},
    }


def opened(browser: Browser, path: Path, slower: int) -> dict[str, list[float]]:
    """Return milliseconds from the start of opening, each time."""
    runs = [opened_once(browser, path, slower) for _ in range(REPEATS)]
    times = {key: [round(run[key], 1) for run in runs] for key in runs[0]}
    return times | {f"median_{key}": statistics.median(times[key]) for key in times}


def opened_once(browser: Browser, path: Path, slower: int) -> dict[str, float]:
    """Return when the page was painted, loaded, and its charts drawn."""
    context = browser.new_context()
    page = context.new_page()
    context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": slower})
    page.goto(path.as_uri(), timeout=WAIT_MS)
    page.wait_for_function("window.edgekitReady", timeout=WAIT_MS)
    times: dict[str, float] = page.evaluate(TIMES)
    context.close()
    return times


if __name__ == "__main__":
    main()
