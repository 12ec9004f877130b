"""Runs the tests of a file: its functions named test_…, each with a new folder of its own. After the program, the command line may name
those that are wanted. Reports in TAP."""
import sys, tempfile
from pathlib import Path


class Skip(Exception):
    """This test cannot be run here, and why."""


def run(functions):
    """Runs those of the file's globals(); gives the exit code."""
    wanted = sys.argv[2:]
    tests = [(name, f) for name, f in functions.items() if name.startswith("test_") and (not wanted or name in wanted)]
    print(f"1..{len(tests)}", flush=True)
    failed = 0
    for i, (name, f) in enumerate(tests, 1):
        with tempfile.TemporaryDirectory() as folder:
            try:
                f(Path(folder))
                print(f"ok {i} {name}", flush=True)
            except Skip as why:
                print(f"ok {i} {name} # SKIP {why}", flush=True)
            except Exception as e:
                failed += 1
                print(f"not ok {i} {name}\n# " + f"{type(e).__name__}: {e}".replace("\n", "\n# "), flush=True)
    return 1 if failed else 0
