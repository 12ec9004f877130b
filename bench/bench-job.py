#!/usr/bin/env python3
"""Times the main job as a whole: trials a second and the share of it spent in the engine.

Usage: bench-job.py UNDERTOW [RUNS [-m MODEL …further arguments of undertow run…]]
Prints the median of RUNS (default 3) with minimum and maximum.
"""
import re, statistics, subprocess, sys, tempfile
from pathlib import Path

undertow, runs = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 3
job = sys.argv[3:] or ["-m", "bundled:small", "-d", "bundled:presence", "--limit", "60"]
LINE = re.compile(r"(\d+) trials in ([\d.]+) s: ([\d.]+)/s, (\d+) % of the time in the engine")

rates, shares = [], []
for _ in range(runs):
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([undertow, "run", *job, "-o", Path(folder) / "run.duckdb"], capture_output=True, text=True, check=True)
    trials, seconds, rate, share = LINE.search(done.stderr).groups()
    rates.append(float(rate))
    shares.append(float(share))
    print(f"{trials} trials in {seconds} s: {rate}/s, {share} % in the engine", flush=True)
print(f"median {statistics.median(rates):.1f} trials/s (min {min(rates):.1f}, max {max(rates):.1f}), "
      f"{statistics.median(shares):.0f} % in the engine")
