#!/usr/bin/env python3
"""`undertow compare` as its users meet it: runs of the mock engine that differ in what users change. Numbers are held by oracle/paired.py.
Speaks TAP.

Usage: test-compare.py UNDERTOW [TEST…]
"""
import csv, importlib, io, json, re, sys

import tap
from program import undertow

cli = importlib.import_module("test-cli")

HOSTILE = ["<script>alert(1)</script>", "</script><!--", "\"quoted\", and 'so'", "a\\b|c&d_%{}$#~^", "\u202eright to left \u05d0", "x" * 10_000,
           "tab\there", "'; DROP TABLE item; --"]


def good(done):
    assert done.returncode == 0, done
    return done.stdout


def bad(done, code, *words):
    assert done.returncode == code and not done.stdout, done
    for word in words:
        assert word in done.stderr, (word, done.stderr)


def write_benchmark(path, questions):
    """Rows of (id, image number, text, right label); images beside the file."""
    with open(path, "w", newline="") as f:
        rows = csv.writer(f)
        rows.writerow(["id", "image", "question", "A", "B", "C", "answer"])
        for name, image, text, right in questions:
            if not (path.parent / f"{image}.png").exists():
                cli.png(path.parent / f"{image}.png", 96 + 32 * (image % 3), 96, image)
            rows.writerow([name, f"{image}.png", text, "p", "q", "r", right])
    return path


def plain(n_images=5):
    return [(f"{i}-{q}", i, f"Which, {q}?", "ABC"[(i + q) % 3]) for i in range(n_images) for q in range(2)]


def run(dataset, out, *more, families="rotation,text_empty,prior"):
    good(undertow("run", "--engine", "mock", "-q", "-d", dataset, "-o", out, "-p", families, *more))
    return out


def compared(*runs):
    return json.loads(good(undertow("compare", *runs, "-f", "json")))


def table(name, *runs):
    return list(csv.DictReader(io.StringIO(good(undertow("compare", *runs, "-f", "csv", "-t", name)))))


# ── tests: every function whose name begins with test_ ──────────────────────────────────────────────────────────────────────────


def test_a_run_against_itself(tmp):
    one = run(write_benchmark(tmp / "b.csv", plain(7)), tmp / "one.duckdb")
    found = compared(one, one)
    assert found["differs"] == [], found["differs"]
    (matched,) = found["matched"]
    assert matched["questions"] == 14 and matched["instances"] == matched["variants"] * 14, matched
    assert not any(n for column, n in matched.items() if "_only_" in column or column.endswith(("reworded", "unanswered"))), matched
    told = [r for r in found["differences"] if r["difference"] is not None]
    assert len(told) > 30 and all(r["difference"] == 0 and r["reference"] == r["value"] for r in told), told
    assert all(r["low"] == r["high"] == 0 for r in told if r["images"] == 7 and r["quantity"] != "hidden_percent"), told
    assert found["tests"] and all(r["p"] == r["p_mcnemar"] == 1 and r["only_reference"] == r["only_run"] == 0 for r in found["tests"])
    assert "alike in all" in good(undertow("compare", one, one))


def test_the_other_way_round(tmp):
    """B − A is −(A − B), and a test does not ask which run comes first."""
    benchmark = write_benchmark(tmp / "b.csv", plain(8))
    a, b = run(benchmark, tmp / "a.duckdb"), run(benchmark, tmp / "b.duckdb", "--prompt", "vlmevalkit", "--score", "sum")
    there, back = compared(a, b), compared(b, a)
    key = lambda r: (r["family"], r["quantity"], r["channel"])
    mirrored = {key(r): r for r in back["differences"]}
    assert any(r["difference"] for r in there["differences"])
    for r in there["differences"]:
        m = mirrored.pop(key(r))
        assert (r["reference"], r["value"]) == (m["value"], m["reference"]), (r, m)
        if r["low"] is not None:
            assert abs(r["low"] + m["high"]) < 1e-9 and abs(r["high"] + m["low"]) < 1e-9, (r, m)
    assert not mirrored
    tests = {(r["test"], r["family"]): r for r in back["tests"]}
    for r in there["tests"]:
        m = tests[r["test"], r["family"]]
        assert (r["only_reference"], r["only_run"], r["p"], r["p_holm"], r["p_mcnemar"]) == (m["only_run"], m["only_reference"], m["p"], m["p_holm"], m["p_mcnemar"])


def test_margins_of_other_scores(tmp):
    """Nats of a sum less nats per byte are nothing."""
    benchmark = write_benchmark(tmp / "b.csv", plain())
    a = run(benchmark, tmp / "a.duckdb")
    b = tmp / "b.duckdb"
    good(undertow("rescore", a, "--score", "byte", "-o", b))
    quantities = lambda *runs: {r["quantity"] for r in compared(*runs)["differences"]}
    margins = {"margin", "delta_margin"}
    assert margins <= quantities(a, a) and quantities(a, b) == quantities(a, a) - margins, quantities(a, b)


def test_what_only_one_has(tmp):
    questions = plain(5)
    a = run(write_benchmark(tmp / "a.csv", questions), tmp / "a.duckdb", families="translation,rotation,jpeg:50")
    later = [(n, i, "Another question?" if n == "0-0" else t, "C" if n == "1-0" else r) for n, i, t, r in questions if n != "4-1"]
    later = [(n, i, "[mock:error]" if n == "2-0" else t, r) for n, i, t, r in later] + [("new", 4, "And this?", "A")]
    b = run(write_benchmark(tmp / "b.csv", later), tmp / "b.duckdb", families="rotation,jpeg:30")
    (m,) = compared(a, b)["matched"]
    assert m["questions"] == 6 and m["questions_only_reference"] == 4 and m["questions_only_run"] == 4, m
    assert m["questions_reworded"] == 3 and m["questions_unanswered"] == 0, m  # 0-0, 1-0 with another right answer, 2-0
    assert m["variants"] == 2 and m["variants_only_reference"] == 9 and m["variants_only_run"] == 1, m
    assert m["instances"] == 12 and m["instances_only_reference"] == 10 * 11 - 12 and m["instances_only_run"] == 9 * 3 - 12, m
    text = good(undertow("compare", a, b))
    for said in "Compared: 6 questions on", "Left out: 4 questions in the first run alone", "3 questions among these", "Left out: 1 variant in this run alone":
        assert said in text, (said, text)
    assert {r["family"] for r in table("differences", a, b)} == {"clean", "rotation", "any (core-2)", "any (all)"}


def test_a_question_that_failed(tmp):
    """Both runs have it, one has no answer."""
    a = run(write_benchmark(tmp / "a.csv", plain(4)), tmp / "a.duckdb")
    (tmp / "broken").mkdir()
    broken = write_benchmark(tmp / "broken" / "a.csv", plain(4))
    (tmp / "broken" / "3.png").write_bytes(b"no image")
    b = run(broken, tmp / "b.duckdb")
    (m,) = compared(a, b)["matched"]
    assert (m["questions"], m["questions_unanswered"], m["questions_only_reference"], m["questions_only_run"]) == (6, 2, 0, 0), m


def test_refusals(tmp):
    a = run(write_benchmark(tmp / "a.csv", plain(2)), tmp / "a.duckdb")
    b = run(write_benchmark(tmp / "b.csv", [(n, i, t + "!", r) for n, i, t, r in plain(2)]), tmp / "b.duckdb")
    bad(undertow("compare", a), 2, "two runs")
    bad(undertow("compare", a, b), 2, "no question in common", "4 of them with an id and image of the first")
    bad(undertow("compare", a, tmp / "missing.duckdb"), 1, "missing.duckdb")
    bad(undertow("compare", a, tmp / "a.csv"), 1, "a.csv")
    bad(undertow("compare", a, a, "-t", "test"), 2, "unknown table", "tests")
    bad(undertow("compare", a, a, "-f", "xml"), 2, "xml")
    # With a third run that shares questions, the other is named and left out.
    found = compared(a, b, a)
    assert [m["questions"] for m in found["matched"]] == [0, 4] and {r["run"] for r in found["differences"]} == {2}
    assert "not compared" in good(undertow("compare", a, b, a))


def test_different_families(tmp):
    """What is shared is compared: here the clean images alone."""
    benchmark = write_benchmark(tmp / "b.csv", plain(3))
    a, b = run(benchmark, tmp / "a.duckdb", families="rotation"), run(benchmark, tmp / "b.duckdb", families="jpeg")
    found = compared(a, b)
    assert {r["family"] for r in found["differences"]} == {"clean"} and [r["test"] for r in found["tests"]] == ["clean"]
    assert found["matched"][0]["variants"] == 0 and found["matched"][0]["variants_only_reference"] == 2
    assert "2 variants in the first run alone" in good(undertow("compare", a, b))


def test_unfinished(tmp):
    """A run that ended early is compared by what it has, and said to be unfinished. The engine of one dies of the hint, which the words of the
    other leave out, on five questions in a row."""
    rows = [[name, f"{i}.png", text, "[mock:abort]" if i >= 3 else "", "p", "q", "r", right] for name, i, text, right in plain(6)]
    with open(write_benchmark(tmp / "b.csv", plain(6)), "w", newline="") as f:
        csv.writer(f).writerows([["id", "image", "question", "hint", "A", "B", "C", "answer"]] + rows)
    a, b = run(tmp / "b.csv", tmp / "a.duckdb", "--prompt", "mmmu", "--score", "sum"), tmp / "b.duckdb"
    ended = undertow("run", "--engine", "mock", "-q", "-d", tmp / "b.csv", "-o", b, "-p", "rotation,text_empty,prior")
    assert ended.returncode == 1, ended
    found = compared(a, b)
    assert [r["finished"] for r in found["runs"]] == [True, False], found["runs"]
    (m,) = found["matched"]
    assert m["questions"] == 6 and m["questions_unanswered"] == 6 and m["instances_only_run"] == 0 < m["instances_only_reference"], m
    assert not any(r["quantity"] == "percent" and r["difference"] is not None for r in found["differences"])
    assert "b.duckdb is not finished" in good(undertow("compare", a, b))


def test_what_differs(tmp):
    benchmark = write_benchmark(tmp / "b.csv", plain(3))
    a, b = run(benchmark, tmp / "a.duckdb"), run(benchmark, tmp / "b.duckdb", "--prompt", "mmmu", "--seed", "3", "--layers")
    differs = {(r["key"], r["run"]): r["value"] for r in compared(a, b)["differs"]}
    assert differs["--prompt", 0] == "paper" and differs["--prompt", 1] == "mmmu" and differs["--seed", 1] == "3", differs
    assert differs["--score", 1] == "letter" and differs["--layers", 0] == "no", differs
    assert ("engine", 0) not in differs and ("questions sha256", 0) not in differs, differs
    text = good(undertow("compare", a, b))
    assert text.startswith("What differs") and re.search(r"^--prompt +paper +mmmu$", text, re.M), text
    # Layers stand in a run alone; all channels of both are compared.
    assert {r["channel"] for r in table("differences", a, b)} >= {"", "vision", "ctx_mcq", "ans_mcq"}


def test_formats(tmp):
    benchmark = write_benchmark(tmp / "b.csv", plain(4))
    a, b = run(benchmark, tmp / "a.duckdb"), run(benchmark, tmp / "b.duckdb", "--score", "letter")
    found = compared(a, b)
    for name in "differences", "tests", "matched", "differs":
        rows = table(name, a, b)
        assert [list(r) for r in rows[:1]] == [list(r) for r in found[name][:1]] and len(rows) == len(found[name]), name
    assert good(undertow("compare", a, b, "-f", "csv")) == good(undertow("compare", a, b, "-f", "csv", "-t", "differences"))
    latex = good(undertow("compare", a, b, "-f", "latex", "-t", "tests"))
    assert latex.startswith("\\begin{tabular}") and "\\bottomrule" in latex and latex.count("\\\\") == len(found["tests"]) + 1
    markdown = good(undertow("compare", a, b, "-f", "markdown"))
    assert "### b.duckdb less a.duckdb" in markdown and "| any (core-2) | IFR |" in markdown, markdown
    text = good(undertow("compare", a, b))
    assert re.search(r"^any \(core-2\) +IFR +– +0\.\d{3} +0\.\d{3} +[+-]?\d\.\d{3} \[", text, re.M), text


def test_hostile(tmp):
    """Names and ids are data: they travel whole, and move no cursor."""
    questions = [(f"{text}{i}", i, f"{text} Which?", "ABC"[i % 3]) for i, text in enumerate(HOSTILE)]
    folder = tmp / "it's <b> \u202e"
    folder.mkdir()
    benchmark = write_benchmark(folder / "b.csv", questions)
    a, b = run(benchmark, folder / "<script>'\"\x1b[2J.duckdb"), run(benchmark, folder / "b|_%.duckdb", "--seed", "2")
    found = compared(a, b)
    assert found["matched"][0]["questions"] == len(HOSTILE), found["matched"]
    assert [r["name"] for r in found["runs"]] == [a.name, b.name]
    for form in "table", "markdown", "latex":
        assert "\x1b" not in good(undertow("compare", a, b, "-f", form)), form


def test_equal_names(tmp):
    """Two files of one name are told apart by their paths."""
    benchmark = write_benchmark(tmp / "b.csv", plain(2))
    (tmp / "x").mkdir()
    a, b = run(benchmark, tmp / "run.duckdb"), run(benchmark, tmp / "x" / "run.duckdb", "--seed", "2")
    assert [r["name"] for r in compared(a, b)["runs"]] == [str(a), str(b)]
    assert re.search(r"^--seed +\d+ +2 +\d+$", good(undertow("compare", a, b, a)), re.M)


def test_same_bits(tmp):
    benchmark = write_benchmark(tmp / "b.csv", plain(4))
    a, b = run(benchmark, tmp / "a.duckdb"), run(benchmark, tmp / "b.duckdb", "--score", "byte")
    assert good(undertow("compare", a, b, "-f", "json")) == good(undertow("compare", a, b, "-f", "json"))


if __name__ == "__main__":
    sys.exit(tap.run(globals()))
