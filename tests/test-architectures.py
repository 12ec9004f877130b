#!/usr/bin/env python3
"""Every architecture through the whole program, on the tiny models of tests/oracle/architectures.py. Speaks TAP.

Usage: test-architectures.py UNDERTOW [TEST…]
"""
import csv, io, json, math, os, subprocess, sys
from pathlib import Path

import tap

UNDERTOW = sys.argv[1]
MODELS = Path(__file__).resolve().parent / "data" / "architectures"
ENVIRONMENT = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
NOT_THE_MODELS = "these numbers are not the model's"


def undertow(*args):
    return subprocess.run([UNDERTOW, *map(str, args)], capture_output=True, text=True, timeout=300, env=ENVIRONMENT)


def run(model, mmproj, out):
    """Two questions, each on its own image, under a family that keeps the size and one that does not."""
    return undertow("run", "-q", "-t", 1, "-m", MODELS / f"{model}.gguf", "--mmproj", MODELS / f"{mmproj}-mmproj.gguf", "-d", "bundled:presence",
                    "--limit", 2, "-p", "translation,scale", "--layers", "--generate", 4, "-o", out)


def rows(out, view):
    shown = undertow("show", out, view, "--format", "csv")
    assert shown.returncode == 0, shown.stderr
    return list(csv.DictReader(io.StringIO(shown.stdout)))


def check_architecture(name, tmp, n_slices=1):
    done = run(name, name, tmp / "run")
    assert done.returncode == 0, done.stderr
    assert "arning" not in done.stderr + done.stdout
    overview, = rows(tmp / "run", "overview")
    assert (overview["questions"], overview["failed"]) == ("2", "0"), overview
    assert int(overview["trials"]) > 10
    drift = {(r["channel"], r["family"]): r for r in rows(tmp / "run", "drift")}
    for channel in ("vision", "ctx_mcq", "ans_mcq"):
        for family in ("translation", "scale"):
            assert 0 < float(drift[channel, family]["cos"]) <= 1 + 1e-6, (channel, family)
    # Of vision tokens on a grid of their own; a single row of tokens would have no neighbours above and below.
    assert all(math.isfinite(float(drift["vision", family]["delta_dirichlet"])) for family in ("translation", "scale"))
    depths = {r["channel"].split(".")[0] for r in rows(tmp / "run", "layers")}
    assert {"vision", "llm"} <= depths, depths
    assert rows(tmp / "run", "generations")
    # Every token has moved, however the image is cut; the grid says where each lies.
    tokens = [r for r in rows(tmp / "run", "token_drifts") if r["variant"] == "translation+4"]
    assert {r["image"] for r in tokens} == {"0"} and {int(r["slice"]) for r in tokens} == set(range(n_slices)), tokens
    assert len({tuple(r[c] for c in ("item", "slice", "row", "col")) for r in tokens}) == len(tokens) > 2 * n_slices, tokens
    assert min(float(r["drift"]) for r in tokens) >= 0 and sum(float(r["drift"]) > 0 for r in tokens) > len(tokens) / 2, tokens


def test_qwen2_vl(tmp):
    check_architecture("qwen2vl", tmp)


def test_qwen2_5_vl(tmp):
    check_architecture("qwen25vl", tmp)


def test_qwen3_vl(tmp):
    check_architecture("qwen3vl", tmp)


def test_smolvlm(tmp):
    check_architecture("smolvlm", tmp, n_slices=3)


def test_gemma_3(tmp):
    check_architecture("gemma3", tmp)


def test_strange_mmproj(tmp):
    done = run("gemma3", "smolvlm", tmp / "run")
    assert done.returncode == 1, done
    for word in ("smolvlm-mmproj.gguf", "idefics3", "gemma3.gguf", "“gemma3”"):
        assert word in done.stderr, (word, done.stderr)
    assert not (tmp / "run").exists()


def check_warned(name, tmp):
    done = run("smolvlm", name, tmp / "run")
    assert done.returncode == 0, done.stderr
    assert f"warning: {NOT_THE_MODELS}" in done.stderr and "--engine exec" in done.stderr, done.stderr
    assert done.stdout.startswith(f"Warning: {NOT_THE_MODELS}"), done.stdout
    for view in ([], ["families"]):
        assert undertow("show", tmp / "run", *view).stdout.startswith(f"Warning: {NOT_THE_MODELS}")
        assert undertow("show", tmp / "run", *view, "--format", "markdown").stdout.startswith(f"**Warning:** {NOT_THE_MODELS}")
    assert undertow("show", tmp / "run", "families", "--format", "latex").stdout.startswith(f"% Warning: {NOT_THE_MODELS}")
    for shown in (undertow("show", tmp / "run", "families", "--format", "csv"), undertow("sql", tmp / "run", "FROM families")):
        assert shown.stderr.startswith(f"warning: {NOT_THE_MODELS}"), shown.stderr
    told, = json.loads(undertow("show", tmp / "run", "--format", "json").stdout)["caveat"]
    assert told["caveat"].startswith(NOT_THE_MODELS)
    rescored = undertow("rescore", tmp / "run", "--score", "text", "-o", tmp / "text").stdout
    assert f"Warning: {NOT_THE_MODELS}" in rescored, rescored


def test_internvl_is_warned_of(tmp):
    check_warned("internvl", tmp)


def test_llava_is_warned_of(tmp):
    check_warned("llava", tmp)


if __name__ == "__main__":
    sys.exit(tap.run(globals()))
