#!/usr/bin/env python3
"""Times how long the page of a large run takes to open: until its load event, and until its first chart is there.

Usage: bench-report.py UNDERTOW [RUN.duckdb [TIMES]]
Without a run it makes one of 100,000 trials on the mock engine. Prints the median of TIMES (default 5) with minimum and maximum; each time
is a new browser, so nothing is cached.
"""
import statistics, subprocess, sys, tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
import large
from browser import Browser

undertow, times = sys.argv[1], int(sys.argv[3]) if len(sys.argv) > 3 else 5


def opened(path):
    """Seconds from the start of the navigation; the second is asked for every 50 ms."""
    with Browser() as browser:
        page = browser.open(path)
        page.wait("document.querySelector('.drawing svg, .drawing canvas') !== null")
        return page.evaluate("[performance.getEntriesByType('navigation')[0].loadEventEnd / 1000, performance.now() / 1000]")


def spread(values):
    return f"{statistics.median(values):.2f} s (min {min(values):.2f}, max {max(values):.2f})"


with tempfile.TemporaryDirectory() as folder:
    folder = Path(folder)
    run = sys.argv[2] if len(sys.argv) > 2 else large.make_run(undertow, folder)
    subprocess.run([undertow, "report", run, "-o", folder / "report.html"], check=True, stdout=subprocess.DEVNULL)
    loads, charts = zip(*(opened(folder / "report.html") for _ in range(times)))
    print(f"{(folder / 'report.html').stat().st_size / 1e6:.1f} MB: loaded after {spread(loads)}, first chart after {spread(charts)}")
