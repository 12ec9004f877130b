"""Counts the results in Meson's testlog.json, subtest by subtest, and prints "N passed, N failed[, N skipped]".

A TAP test counts its points; any other test is one. A program that died, ran out of time or reported too few points counts as one
more failure. The exit code is 1 when anything failed or nothing ran.
"""
import json
import re
import sys

POINT = re.compile(r"^(not )?ok\b[^#\n]*(#\s*SKIP)?", re.MULTILINE | re.IGNORECASE)

passed = failed = skipped = 0
with open(sys.argv[1], encoding="utf-8") as log:
    for test in map(json.loads, log):
        points = [(bool(bad), bool(skip)) for bad, skip in POINT.findall(test.get("stdout", ""))]
        good = test["result"] in ("OK", "SKIP", "EXPECTEDFAIL")
        if not points:
            points = [(not good, test["result"] == "SKIP")]
        elif not good and not any(bad for bad, skip in points):
            points.append((True, False))
        failed += sum(bad for bad, skip in points)
        skipped += sum(skip and not bad for bad, skip in points)
        passed += sum(not bad and not skip for bad, skip in points)

print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
sys.exit(failed > 0 or passed == 0)
