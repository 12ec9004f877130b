#!/usr/bin/env python3
"""The figures and tables for papers, and exports, as a user makes them of runs. Speaks TAP.

Usage: test-figures.py UNDERTOW [TEST…]
"""
import csv, io, json, re, shutil, struct, subprocess, sys, xml.etree.ElementTree, zlib
from pathlib import Path

import tap
from program import UNDERTOW, done, once, undertow

TREE = Path(__file__).resolve().parent.parent
CHARTS = TREE / "src" / "report" / "charts"
MM = 72 / 25.4  # points

HOSTILE = ["<script>alert('1')</script> & \"x\"", "a_b % 5$ #1 {c} ~ ^ \\input{x}", "שלום ‮العربية", "[0] * 中 😀 --x", "n" * 10000]


def make_run(path, *more):
    done("run", "--engine", "mock", "-d", "bundled:perception", "--limit", 12, "-q", "-o", path, *more)
    return path


@once
def plain_run(folder):
    return make_run(folder / "run.duckdb")


@once
def hostile_run(folder):
    """Of a benchmark whose every text is hostile, in a file whose name is."""
    shutil.copy(Path(__file__).parent / "data" / "six-colours.avif", folder / "image.avif")
    with open(folder / "own.jsonl", "w") as f:
        for i in range(10):
            text = HOSTILE[i % len(HOSTILE)]
            row = {"id": f"{i} {text}", "question": text, "image": "image.avif", "options": [text, "other"], "answer": "A",
                   "category": text, "image_id": f"{i} {text[:100]}"}
            f.write(json.dumps(row) + "\n")
    path = folder / "we&ird <b>\"$x\" 100%.duckdb"
    done("run", "--engine", "mock", "-d", folder / "own.jsonl", "-q", "-o", path)
    return path


def written(printed):
    """The files a command says it wrote: its lines but those about charts without data."""
    return [Path(line) for line in printed.splitlines() if not line.endswith("has no data for it")]


def pdf_text(path):
    """The file's objects, unpacked."""
    data = path.read_bytes()
    assert data.startswith(b"%PDF-1.") and data.rstrip().endswith(b"%%EOF"), data[:20]
    text = data
    for stream in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", data, re.S):
        try:
            text += zlib.decompress(stream)
        except zlib.error:
            pass
    return text.decode("latin1")


def pdf_size(text):
    boxes = re.findall(r"/MediaBox \[ ?([\d. ]+) ?\]", text)
    assert len(boxes) == 1 and len(re.findall(r"/Type /Page\b", text)) == 1, boxes
    return tuple(map(float, boxes[0].split()))[2:]


def svg_size(path):
    root = xml.etree.ElementTree.parse(path).getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg", root.tag
    size = [root.get(side) for side in ("width", "height")]
    assert all(s.endswith("pt") for s in size), size
    return tuple(float(s[:-2]) for s in size)


def png_size(path):
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n" and data[12:16] == b"IHDR", data[:16]
    return struct.unpack(">II", data[16:24])


def marks(path, role):
    return sum(e.get("aria-roledescription") == role for e in xml.etree.ElementTree.parse(path).iter())


# ── tests: every function whose name begins with test_ ──────────────────────────────────────────────────────────────────────────


def test_figures(tmp):
    run = make_run(tmp / "run.duckdb", "-p", "core,rotation:ladder")
    files = written(done("figures", run, "-o", tmp / "out", "--format", "svg,pdf,png", "--dpi", 200))
    assert sorted(files) == sorted((tmp / "out").iterdir()) and len(files) % 3 == 0 and files, files
    counted = 0
    for svg in (f for f in files if f.suffix == ".svg"):
        width, height = svg_size(svg)
        assert abs(width - 84 * MM) < 0.01 and 20 < height < 1000, (svg, width, height)

        pdf = pdf_text(svg.with_suffix(".pdf"))
        assert all(abs(a - b) < 0.1 for a, b in zip(pdf_size(pdf), (width, height))), pdf_size(pdf)
        fonts = len(re.findall(r"/FontDescriptor\b", pdf))
        assert fonts > 0 and re.search(r"/FontFile[23]?\b", pdf), "the fonts are not in the file"
        assert "/Subtype /Image" not in pdf, f"{svg.stem} is not all vectors"

        pixels = png_size(svg.with_suffix(".png"))
        assert all(abs(p - s * 200 / 72) <= 1 for p, s in zip(pixels, (width, height))), pixels

        # What is one mark a row can be counted.
        spec = json.loads((CHARTS / f"{svg.stem}.json").read_text())
        mark = spec.get("mark")
        mark = mark["type"] if isinstance(mark, dict) else mark
        fields = [c for c in spec.get("encoding", {}).values() if isinstance(c, dict)]
        if mark in ("bar", "point", "circle") and "transform" not in spec and not any("aggregate" in c or "bin" in c for c in fields):
            rows = json.loads(done("sql", run, (CHARTS / f"{svg.stem}.sql").read_text(), "--format", "json"))
            shown = [r for r in rows if all(r[c["field"]] is not None for c in fields if c.get("type") == "quantitative" and "field" in c)]
            assert marks(svg, mark) == len(shown), (svg.stem, marks(svg, mark), len(shown))
            counted += 1
    assert counted > 0


def test_widths(tmp):
    run = plain_run(tmp)
    for width, mm in (("column", 84), ("text", 174), ("120.5", 120.5)):
        for svg in written(done("figures", run, "-o", tmp / width, "--format", "svg", "--width", width)):
            assert abs(svg_size(svg)[0] - mm * MM) < 0.01, (svg, svg_size(svg))


def test_same_bytes(tmp):
    run = plain_run(tmp)
    for out in ("a", "b"):
        done("figures", run, "-o", tmp / out, "--format", "svg,pdf,png")
    names = sorted(f.name for f in (tmp / "a").iterdir())
    assert names == sorted(f.name for f in (tmp / "b").iterdir()) and names
    for name in names:
        assert (tmp / "a" / name).read_bytes() == (tmp / "b" / name).read_bytes(), name
    assert "/CreationDate" not in pdf_text(next((tmp / "a").glob("*.pdf")))


def test_several_runs(tmp):
    first, second = plain_run(tmp).rename(tmp / "a b.duckdb"), hostile_run(tmp)
    (tmp / "other").mkdir()
    third = Path(shutil.copy(first, tmp / "other" / "a b.duckdb"))
    out = tmp / "out"
    files = written(done("figures", first, second, third, "-o", out, "--chart", "flips", "--format", "svg"))
    assert sorted(f.relative_to(out).as_posix() for f in files) == ["a_b-2/flips.svg", "a_b/flips.svg", "we_ird__b___x__100_/flips.svg"], files
    assert all(f.resolve().is_relative_to(out.resolve()) for f in files)


def test_families(tmp):
    """Charts of chosen families have their rows alone, whatever stands behind the name; those without families have all."""
    run = make_run(tmp / "run.duckdb", "-p", "core,rotation:ladder")
    chosen = ["rotation", "any (core-24)"]
    done("figures", run, "-o", tmp / "out", "--format", "svg", "--chart", "flips,severity,categories", "--family", ",".join(chosen))
    shown = {name: set(re.findall(r">([^<]+)</text>", (tmp / "out" / f"{name}.svg").read_text())) for name in ("flips", "severity", "categories")}
    assert set(chosen) <= shown["flips"] and "translation" not in shown["flips"], shown
    assert "rotation, °" in shown["severity"] and not any(t.startswith("translation") for t in shown["severity"]), shown
    assert "count" in shown["categories"], shown
    failed = undertow("figures", run, "-o", tmp / "none", "--family", "rotaton")
    assert failed.returncode == 2 and "rotaton" in failed.stderr and "rotation" in failed.stderr and not (tmp / "none").exists(), failed


def test_all_runs_together(tmp):
    runs = [make_run(tmp / f"{n}.duckdb", "--seed", n) for n in (1, 2)]
    done("figures", *runs, "-o", tmp / "out", "--format", "svg", "--chart", "scale,flips")
    assert sorted(str(f.relative_to(tmp / "out")) for f in (tmp / "out").rglob("*.svg")) == ["1/flips.svg", "2/flips.svg", "scale.svg"]
    rows = json.loads(done("sql", runs[0], (CHARTS / "scale.sql").read_text(), "--format", "json"))
    assert marks(tmp / "out" / "scale.svg", "point") >= 2 * len(rows) > 0
    alone = undertow("figures", runs[0], "-o", tmp / "alone", "--chart", "scale")
    assert alone.returncode == 2 and "several runs" in alone.stderr, alone


def test_no_data(tmp):
    run = make_run(tmp / "run.duckdb", "-p", "prior")
    printed = done("figures", run, "-o", tmp / "out", "--chart", "flips")
    assert printed.startswith("flips: ") and printed.strip().endswith("has no data for it"), printed
    assert list((tmp / "out").iterdir()) == []


def test_old_files(tmp):
    run = plain_run(tmp)
    figure = written(done("figures", run, "-o", tmp / "out", "--chart", "flips", "--format", "svg"))[0]
    figure.write_text("mine")
    again = undertow("figures", run, "-o", tmp / "out", "--chart", "flips", "--format", "svg")
    assert again.returncode == 1 and str(figure) in again.stderr and "--force" in again.stderr, again.stderr
    assert figure.read_text() == "mine"
    done("figures", run, "-o", tmp / "out", "--chart", "flips", "--format", "svg", "--force")
    assert figure.read_text().startswith("<svg")

    done("export", run, "-o", tmp / "csv", "-f", "csv", "--view", "families")
    again = undertow("export", run, "-o", tmp / "csv", "-f", "csv", "--view", "families")
    assert again.returncode == 1 and "families.csv exists already" in again.stderr, again.stderr
    done("export", run, "-o", tmp / "csv", "-f", "csv", "--view", "families", "--force")


def test_bad_arguments(tmp):
    run = plain_run(tmp)
    for arguments, word in ((["figures", run], "-o DIR"), (["figures", "-o", tmp / "o"], "RUN.duckdb"),
                            (["figures", run, "-o", tmp / "o", "--chart", "flip"], "“flips”"),
                            (["figures", run, "-o", tmp / "o", "--chart", ""], "no chart"),
                            (["figures", run, "-o", tmp / "o", "--format", "gif"], "svg, pdf or png"),
                            (["figures", run, "-o", tmp / "o", "--format", ""], "no format"),
                            (["export", run, "-o", tmp / "o", "-f", "csv", "--view", ""], "unknown view"),
                            (["figures", run, "-o", tmp / "o", "--width", "3"], "column, text"),
                            (["figures", run, "-o", tmp / "o", "--width", "nan"], "column, text"),
                            (["figures", run, "-o", tmp / "o", "--dpi", "5"], "--dpi"),
                            (["export", run, "-o", tmp / "o"], "--format"), (["export", run, "-f", "csv"], "-o PATH"),
                            (["export", run, "-o", tmp / "o", "-f", "xlsx"], "csv, parquet, json or latex"),
                            (["export", run, "-o", tmp / "o", "-f", "csv", "--view", "famly"], "unknown view “famly”"),
                            (["export", run, run, "-o", tmp / "o", "-f", "csv"], "expected one run")):
        result = undertow(*arguments)
        assert result.returncode == 2 and word in result.stderr, (arguments, result.stderr)
    assert not (tmp / "o").exists()
    missing = undertow("figures", tmp / "none.duckdb", "-o", tmp / "o")
    assert missing.returncode == 1 and "none.duckdb" in missing.stderr, missing.stderr


def test_csv_and_json(tmp):
    """The files hold what `undertow sql` gives, whatever the texts."""
    run = hostile_run(tmp)
    files = written(done("export", run, "-o", tmp / "csv", "--format", "csv"))
    done("export", run, "-o", tmp / "run.json", "--format", "json")
    views = json.loads((tmp / "run.json").read_text())
    assert [f.stem for f in files] == list(views) and len(files) > 30, files
    for file in files:
        rows = list(csv.DictReader(io.StringIO(file.read_bytes().decode(), newline="")))
        assert len(rows) == len(views[file.stem]), file
        assert not rows or list(rows[0]) == list(views[file.stem][0]), file
    for view in ("families", "items", "trials", "drift", "intervals", "identity"):
        text = (tmp / "csv" / f"{view}.csv").read_bytes().decode()
        assert text == subprocess.run([UNDERTOW, "sql", run, f"FROM {view}", "-f", "csv"], capture_output=True).stdout.decode(), view
        assert views[view] == json.loads(done("sql", run, f"FROM {view}", "-f", "json")), view
    items = list(csv.DictReader(io.StringIO((tmp / "csv" / "items.csv").read_bytes().decode(), newline="")))
    assert [r["question"] for r in items] == [HOSTILE[i % len(HOSTILE)] for i in range(10)]


def test_parquet(tmp):
    """tests/test-tables.c compares every view."""
    run = hostile_run(tmp)
    files = written(done("export", run, "-o", tmp / "p", "--format", "parquet", "--view", "items,trials,auroc,embeddings"))
    assert len(files) == 4 and sorted(files) == sorted((tmp / "p").iterdir())
    for file in files:
        data = file.read_bytes()
        assert data[:4] == b"PAR1" and data[-4:] == b"PAR1", file


def latex_is_whole(text):
    """Groups and environments close, and every row of a table has as many cells as the table has columns."""
    plain = re.sub(r"\\[\\{}&%]", "", text)
    assert plain.count("{") == plain.count("}"), "braces"
    assert re.findall(r"\\begin\{(\w+\*?)\}", text).__len__() == re.findall(r"\\end\{(\w+\*?)\}", text).__len__()
    for columns, body in re.findall(r"\\begin\{tabular\}\{@\{\}([lr]+)@\{\}\}(.*?)\\end\{tabular\}", text, re.S):
        for row in re.findall(r"^(?!\\)(.*) \\\\$", body, re.M):
            cells = len(re.findall(r"(?<!\\)&", row)) + 1
            for span in re.findall(r"\\multicolumn\{(\d+)\}", row):
                cells += int(span) - 1
            assert cells == len(columns), (cells, columns, row[:200])


def compile_latex(folder, document):
    """By pdflatex, where there is one, with nothing but booktabs."""
    if shutil.which("pdflatex") is None:
        return
    result = subprocess.run(["pdflatex", "-interaction=nonstopmode", "-halt-on-error", document], cwd=folder, capture_output=True, text=True,
                            errors="replace", timeout=120)
    assert result.returncode == 0, result.stdout[-2000:]


def test_paper_tables(tmp):
    """Two runs that differ in nothing but their files' names, and another benchmark."""
    runs = [plain_run(tmp).rename(tmp / "one.duckdb"), make_run(tmp / "two.duckdb", "--seed", 1), hostile_run(tmp)]
    files = written(done("export", *runs, "-o", tmp / "tex", "--format", "latex"))
    names = [f.name for f in files]
    assert names[0] == "flips.tex" and names[-1] == "tables.tex" and "drift-ctx_mcq.tex" in names, names
    for file in files:
        latex_is_whole(file.read_text())

    flips = (tmp / "tex" / "flips.tex").read_text()
    assert "\\multicolumn{2}{c}{one} & \\multicolumn{2}{c}{two}" in flips, flips[:600]
    families = json.loads(done("sql", runs[0], "FROM families", "-f", "json"))
    intervals = {(r["family"], r["quantity"]): r for r in json.loads(done("sql", runs[0], "FROM intervals WHERE channel IS NULL", "-f", "json"))}
    block = flips[flips.index("\\textit{perception}, 12 questions"):]
    rows = [line.split(" & ") for line in block.splitlines()[1:1 + len(families)]]
    called = {"any (all)": f"any (all-{families[-1]['variants']})"}
    assert [r[0] for r in rows] == [called.get(f["family"], f["family"]).replace("_", "\\_") for f in families], rows
    for row, family in zip(rows, families):
        for cell, name in ((row[1], "IFR"), (row[2], "IV")):
            bounds = intervals[family["family"], name]
            expected = f"{family[name]:.3f}"
            if bounds["low"] is not None:
                expected += f" {{\\tiny[{bounds['low']:.3f}, {bounds['high']:.3f}]}}"
            assert cell == expected, (cell, expected)

    drift = (tmp / "tex" / "drift-ctx_mcq.tex").read_text()
    one = json.loads(done("sql", runs[0], "FROM drift_by_answer WHERE answer = 'all' AND channel = 'ctx_mcq'", "-f", "json"))[0]
    assert f"translation & {one['mean_pd']:.4f}\\,$\\pm$\\,{one['sd_pd']:.4f} & {one['percent']:.1f}\\,$\\pm$\\,{one['percent_sd']:.1f}" in drift, drift[:900]
    compile_latex(tmp / "tex", "tables.tex")


def test_latex_views(tmp):
    run = hostile_run(tmp)
    files = written(done("export", run, "-o", tmp / "tex", "--format", "latex", "--view", "families,items,identity,accuracy"))
    for file in files:
        latex_is_whole(file.read_text())
    inputs = "\n\n".join(f"\\input{{{f.name}}}" for f in files)
    (tmp / "tex" / "d.tex").write_text(f"\\documentclass{{article}}\\usepackage{{booktabs}}\\begin{{document}}\\tiny\n{inputs}\n\\end{{document}}\n")
    compile_latex(tmp / "tex", "d.tex")


if __name__ == "__main__":
    sys.exit(tap.run(globals()))
