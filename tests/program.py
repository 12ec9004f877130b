"""The program under test, which the command line names first."""
import shutil, subprocess, sys, tempfile
from pathlib import Path

UNDERTOW = sys.argv[1]


def undertow(*args, **kwargs):
    return subprocess.run([UNDERTOW, *map(str, args)], capture_output=True, text=True, timeout=900, **kwargs)


def done(*args):
    """Runs what must succeed; gives what it printed."""
    result = undertow(*args)
    assert result.returncode == 0, result.stderr
    return result.stdout


def once(make):
    """What several tests read is made once. A test that names its folder gets a copy there, which it may change."""
    made = {}

    def get(folder=None):
        if not made:
            made["folder"] = tempfile.TemporaryDirectory()
            made["run"] = make(Path(made["folder"].name))
        return Path(shutil.copy(made["run"], folder)) if folder else made["run"]

    return get
