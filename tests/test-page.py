#!/usr/bin/env python3
"""The report as its readers meet it, in a headless Chromium. Speaks TAP.

Usage: test-page.py UNDERTOW [TEST…]
"""
import base64, csv, hashlib, io, json, os, re, shutil, signal, subprocess, sys, time
from pathlib import Path

import large, tap
from browser import Browser
from program import UNDERTOW, done, once, undertow

# What must stay text. The scripts would set a global.
HARM = "globalThis.harmed = true"
HOSTILE = [
    f"<script>{HARM}</script>", f"</script><script>{HARM}</script>", f"<!--<script>{HARM}</script>", f"]]><img src=x onerror='{HARM}'>",
    f"\"><svg onload=\"{HARM}\">", "\u2028\u2029' \" ` ${harmed = true} \\u003c", f"javascript:{HARM}", "\u202eright to left\u202c שלום العربية", "n" * 10000,
    "__proto__", "=1+1", "&lt;b&gt; &amp;",
]


def fails(code, words, *args):
    result = undertow(*args)
    assert result.returncode == code and all(w in result.stderr for w in words), (words, result)


def make_run(path, *more, dataset="bundled:perception", limit=8):
    done("run", "--engine", "mock", "-d", dataset, "--limit", limit, "-q", "-o", path, *more)
    return path


@once
def plain_run(folder):
    return make_run(folder / "plain.duckdb", "--layers", "--generate", 4, limit=42)  # on six images, which bounds take


@once
def other_run(folder):
    return make_run(folder / "other.duckdb", dataset="bundled:presence")


@once
def hostile_run(folder):
    """Of a benchmark whose every text is hostile, in a file whose name is."""
    shutil.copy(large.IMAGE, folder / "image.avif")
    with open(folder / "own.csv", "w", newline="") as f:
        rows = csv.writer(f)
        rows.writerow(["id", "image", "question", "A", "B", "answer", "category", "image_id"])
        for i, text in enumerate(HOSTILE):
            rows.writerow([f"{i} {text}", "image.avif", text, text, f"other {text}", "AB"[i % 2], text, f"{i} {text}"])
    path = folder / "we&ird <img src=x onerror=harmed=1> \"'\u202e.duckdb"
    done("run", "--engine", "mock", "-d", folder / "own.csv", "-q", "-o", path)
    return path


def report(folder, *args, name="report.html"):
    done("report", "-o", folder / name, *args)
    return folder / name


def data_of(path):
    """What the page's scripts read."""
    return json.loads(re.search(r'<script type="application/json" id="report">(.*?)</script>', path.read_text(), re.S)[1])


PAGES = "[...document.querySelectorAll('header nav a')].map(a => a.hash)"
DRAWN = "[...document.querySelectorAll('section:not([hidden]) .drawing')].every(d => d.querySelector('svg, canvas'))"
OVERFLOW = "document.scrollingElement.scrollWidth - innerWidth"


def show_all(page):
    """Scrolls through the whole page, so that all of it is drawn."""
    page.evaluate("(async () => { for (let y = 0; y <= document.documentElement.scrollHeight; y += 400) { scrollTo(0, y);"
                  "await new Promise(done => requestAnimationFrame(() => setTimeout(done, 0))) } scrollTo(0, 0) })()")
    page.wait(DRAWN)


def assert_clean(page, path):
    assert page.problems == [], page.problems
    asked = [url for url in page.requests if url.split("#")[0] != path.as_uri() and not url.startswith(("data:", "blob:"))]
    assert asked == [], asked


def downloaded(folder, name, start):
    """The file that a click saves."""
    start()
    end = time.monotonic() + 60
    while not (folder / name).exists() or list(folder.glob("*.crdownload")):
        assert time.monotonic() < end, list(folder.iterdir())
        time.sleep(0.05)
    return folder / name


def sql(run, query):
    return list(csv.DictReader(io.StringIO(done("sql", run, query, "--format", "csv"))))


def same(a, b):
    """Cells of two CSV files: the same texts, or the same numbers."""
    try:
        return a == b or float(a) == float(b)
    except ValueError:
        return False


# ── tests: every function whose name begins with test_ ──────────────────────────────────────────────────────────────────────────────────


def test_what_is_written(tmp):
    run, out = plain_run(), tmp / "a.html"
    assert re.fullmatch(r"\S+a\.html: 1 run, [\d.]+\s[kM]B\n", done("report", run, "-o", out))
    first = out.read_bytes()
    assert "2 runs" in done("report", run, other_run(), "-o", out) and out.read_bytes() != first, "a page is replaced"
    fails(1, ["none.duckdb"], "report", tmp / "none.duckdb", "-o", out)
    (tmp / "text").write_text("no run")
    fails(1, [str(tmp / "text")], "report", tmp / "text", "-o", out)
    before = out.read_bytes()
    fails(1, ["none.duckdb"], "report", run, tmp / "none.duckdb", "-o", out)
    assert out.read_bytes() == before, "a page that cannot be written whole leaves the old one"
    fails(1, [str(tmp / "no"), "no folder"], "report", run, "-o", tmp / "no" / "a.html")
    fails(1, [str(tmp), "is a folder"], "report", run, "-o", tmp)
    copy = Path(shutil.copy(run, tmp / "copy.duckdb"))
    fails(1, ["copy.duckdb", "not replaced"], "report", run, "-o", copy)
    assert copy.read_bytes() == run.read_bytes()
    os.mkfifo(tmp / "pipe")
    fails(1, [str(tmp / "pipe"), "pipe, expected"], "report", run, "-o", tmp / "pipe")
    assert (tmp / "pipe").is_fifo()
    if os.geteuid() != 0:  # who may read everything
        (tmp / "mine.html").touch(0)
        fails(1, ["mine.html", "cannot be read"], "report", run, "-o", tmp / "mine.html")
        assert (tmp / "mine.html").stat().st_mode & 0o777 == 0
        (tmp / "mine.html").unlink()
    fails(2, ["RUN.duckdb"], "report", "-o", out)
    assert sorted(p.name for p in tmp.iterdir()) == ["a.html", "copy.duckdb", "pipe", "text"], "nothing is left behind"


def test_policy(tmp):
    """The page allows the scripts it has, by their hashes, and no address at all."""
    page = report(tmp, plain_run()).read_text()
    policy = re.search(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)"', page)[1]
    rules = {words[0]: words[1:] for words in (rule.split() for rule in policy.split(";"))}
    assert rules["default-src"] == ["'none'"] and rules["img-src"] == ["data:", "'self'"], rules
    hash_of = lambda text: "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"
    assert rules["script-src"] == [hash_of(text) for text in re.findall(r"<script>(.*?)</script>", page, re.S)], rules
    assert rules["style-src"] == [hash_of(text) for text in re.findall(r"<style>(.*?)</style>", page, re.S)], rules
    assert page.index("Content-Security-Policy") < page.index("<script"), "it holds from the first script on"


def test_every_page_loads(tmp):
    path = report(tmp, plain_run(), other_run())
    with Browser() as browser:
        for dark in [False, True]:
            for width in [1000, 390]:
                page = browser.open(path, width=width, dark=dark)
                hashes = page.evaluate(PAGES)
                assert {h.split("?")[0] for h in hashes} >= {"#summary", "#charts", "#run"}, hashes
                for h in hashes:
                    page.evaluate(f"location.hash = {json.dumps(h)}")
                    page.settle()
                    show_all(page)
                    assert page.evaluate("document.querySelectorAll('section:not([hidden]) h1').length") == 1
                    assert page.evaluate(OVERFLOW) <= 0, (h, width, page.evaluate(OVERFLOW))
                assert_clean(page, path)
                page.close()


def test_all_charts_are_drawn(tmp):
    path = report(tmp, plain_run())
    charts = data_of(path)
    with Browser() as browser:
        page = browser.open(path, fragment="#charts")
        show_all(page)
        figures = page.evaluate("[...document.querySelectorAll('section:not([hidden]) figure')].map(f => [f.querySelector('h3').textContent,"
                                "!!f.querySelector('.drawing svg, .drawing canvas'), f.querySelector('.missing')?.textContent])")
        assert [f[0] for f in figures] == [c["title"] for c in charts["charts"]], figures
        for chart, (title, drawn, missing) in zip(charts["charts"], figures):
            assert drawn == bool(charts["runs"][0]["rows"][chart["name"]]) and (drawn or missing), (title, drawn, missing)
        labels = page.evaluate("[...document.querySelectorAll('.drawing')].map(d => d.getAttribute('role') + d.getAttribute('aria-label'))")
        assert labels and all(label.startswith("img") and len(label) > 20 for label in labels), labels
        assert page.evaluate("Math.max(...[...document.querySelectorAll('.drawing svg, .drawing canvas')].map(d => d.getBoundingClientRect().width))") <= 900
        assert_clean(page, path)


def test_rows_are_what_sql_gives(tmp):
    """Every chart's query, pasted into undertow sql, gives the rows it is drawn from."""
    run = plain_run()
    data = data_of(report(tmp, run))
    for chart in data["charts"]:
        given = json.loads(done("sql", run, chart["sql"], "--format", "json"))
        assert given == data["runs"][0]["rows"][chart["name"]], chart["name"]
        assert isinstance(chart["spec"], dict) and chart["title"] and chart["reading"] and chart["missing"], chart


def test_keyboard(tmp):
    path = report(tmp, plain_run(), other_run())
    with Browser() as browser:
        page = browser.open(path)
        focus = lambda: page.evaluate("[document.activeElement.tagName, document.activeElement.textContent]")
        current = lambda: page.evaluate("[...document.querySelectorAll('[aria-current]')].map(a => a.textContent)")
        assert current() == ["Summary"]
        for name in ["Skip to the content", "Summary", "Charts"]:
            page.press("Tab")
            assert focus() == ["A", name], (name, focus())
            assert page.evaluate("document.activeElement.getBoundingClientRect().x") >= 0, "the skip link shows when it has the focus"
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none", "focus can be seen"
        page.press("Enter")
        page.wait("document.querySelector('#page-charts')?.hidden === false")
        assert current() == ["Charts"] and focus() == ["H1", "Charts"], (current(), focus())
        assert page.evaluate("document.title") == "Charts – Undertow"
        page.evaluate("history.back()")
        page.wait("!document.querySelector('#page-summary').hidden")
        assert current() == ["Summary"] and page.evaluate("document.querySelector('#page-charts').hidden")
        page.click(".brand")
        page.press("Tab", shift=True)
        assert focus() == ["A", "Skip to the content"], focus()
        page.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main" and page.evaluate("location.hash") == ""
        # Everything that can be clicked can be reached and has a name.
        nameless = page.evaluate("[...document.querySelectorAll('a, button, select, input')].filter(e => !(e.textContent.trim() || e.labels?.length"
                                 "|| e.getAttribute('aria-label'))).length")
        assert nameless == 0 and page.evaluate("document.querySelectorAll('[onclick]').length") == 0
        assert_clean(page, path)


def test_run_is_chosen_for_all_pages(tmp):
    path = report(tmp, plain_run(), other_run())
    with Browser() as browser:
        page = browser.open(path, fragment="#run")
        subject = lambda: page.evaluate("document.querySelector('section:not([hidden]) .subject').textContent")
        assert "bundled:perception" in subject()
        page.evaluate("(s => { s.value = 1; s.dispatchEvent(new Event('change')) })(document.querySelector('header select'))")
        page.wait("location.hash === '#run?run=1'")
        page.settle()
        assert "bundled:presence" in subject()
        page.click("header nav a")
        assert page.evaluate("location.hash") == "#summary?run=1" and "bundled:presence" in subject(), subject()
        page.evaluate("location.hash = '#summary?run=99&x=%00'")
        page.settle()
        assert "bundled:presence" in subject(), "the last one, for a run there is not"
        assert_clean(page, path)


def test_tables(tmp):
    run = plain_run()
    path = report(tmp, run)
    with Browser() as browser:
        page = browser.open(path, fragment="#run", downloads=tmp)
        cells = lambda column: page.evaluate(f"[...document.querySelectorAll('.table tbody tr')].map(r => r.cells[{column}].textContent)")
        sorts = lambda: page.evaluate("[...document.querySelectorAll('.table th')].map(h => h.getAttribute('aria-sort'))")
        floor = sql(run, "SELECT * FROM noise_floor")
        assert cells(0) == [r["quantity"] for r in floor]
        page.click(".table th:nth-child(2) button")
        channels = cells(1)
        assert sorted(channels[:-1]) == sorted(r["channel"] for r in floor if r["channel"]) and channels[-1] == "–", channels
        assert [c for c in channels if c.startswith("llm")] == ["llm.0", "llm.1", "llm.2"] and channels[0].startswith("ans"), channels
        assert sorts()[:2] == [None, "ascending"]
        page.click(".table th:nth-child(2) button")
        assert cells(1) == channels[-2::-1] + ["–"] and sorts()[:2] == [None, "descending"], cells(1)
        page.click(".table input")
        page.type("CTX_OPEN")
        page.settle()
        assert cells(1) and all("ctx_open" in c for c in cells(1)), cells(1)
        saved = downloaded(tmp, "plain-noise-floor.csv", lambda: page.click(".table .buttons button"))
        with open(saved, newline="") as f:
            rows = list(csv.DictReader(f))
        assert len(rows) == len(floor) and all(same(a[k], b[k]) for a, b in zip(rows, floor) for k in b), "what is saved is all of it"
        saved = downloaded(tmp, "plain-noise-floor.json", lambda: page.click(".table .buttons button:nth-child(2)"))
        assert json.loads(saved.read_text()) == data_of(path)["runs"][0]["tables"]["noise_floor"]
        assert_clean(page, path)


def test_charts_are_saved(tmp):
    run = plain_run()
    path = report(tmp, run)
    with Browser() as browser:
        page = browser.open(path, fragment="#charts", dark=True, downloads=tmp)
        show_all(page)
        drawn = [c for c in data_of(path)["charts"] if data_of(path)["runs"][0]["rows"][c["name"]]]
        for chart in drawn:
            figure = f"#chart-{chart['name']}"
            saved = downloaded(tmp, f"plain-{chart['name']}.csv", lambda: page.click(f"{figure} > .buttons button:nth-child(3)"))
            with open(saved, newline="") as f:
                rows = list(csv.DictReader(f))
            wanted = sql(run, chart["sql"])
            assert len(rows) == len(wanted) and all(same(a[k], b[k]) for a, b in zip(rows, wanted) for k in b), chart["name"]
        figure = f"#chart-{drawn[0]['name']}"
        svg = downloaded(tmp, f"plain-{drawn[0]['name']}.svg", lambda: page.click(f"{figure} > .buttons button")).read_text()
        assert svg.startswith("<svg") and 'fill="#ffffff"' in svg.lower(), "on white, though the page is dark"
        png = downloaded(tmp, f"plain-{drawn[0]['name']}.png", lambda: page.click(f"{figure} > .buttons button:nth-child(2)")).read_bytes()
        assert png[:8] == b"\x89PNG\r\n\x1a\n" and int.from_bytes(png[16:20]) >= 1440, png[:24]
        page.click(f"{figure} > details summary")
        assert page.evaluate(f"document.querySelector({json.dumps(figure)}).querySelector('.table pre').textContent") == drawn[0]["sql"].strip()
        assert_clean(page, path)


def test_numbers_are_those_of_show(tmp):
    run = plain_run()
    rows = json.loads(done("sql", run, "FROM families", "--format", "json"))
    printed = [[cell.strip() for cell in line.strip("| \n").split(" | ")] for line in done("show", run, "families", "-f", "markdown").splitlines()[2:]]
    with Browser() as browser:
        page = browser.open(report(tmp, run))
        shown = page.evaluate(f"{json.dumps(rows)}.map(row => Object.entries(row).map(([column, value]) => undertow.number(value, column)))")
    assert len(printed) == len(rows) > 5, printed
    for a, b in zip(shown, printed):
        assert [cell.replace("−", "-") for cell in a] == [cell.replace("\\", "") for cell in b], (a, b)


def with_data(path, change):
    """The same page with other data, as other runs might give them."""
    page, data = path.read_text(), data_of(path)
    change(data)
    start, rest = page.split('id="report">')
    path.write_text(start + 'id="report">' + json.dumps(data).replace("<", "\\u003c") + rest[rest.index("</script>"):])
    return path


def test_summary_and_warnings(tmp):
    run, caveat = plain_run(), "not <b>the</b> model's"
    path = with_data(report(tmp, run), lambda data: data["runs"][0].update(caveat=caveat))
    (flips,) = sql(run, "SELECT 100 * value AS value, 100 * low AS low, 100 * high AS high FROM intervals, overview WHERE family = pool AND quantity = 'IFR'")
    with Browser() as browser:
        page = browser.open(path)
        said = page.evaluate("[...document.querySelectorAll('.lead p')].map(p => p.textContent)")
        assert len(said) == 3 and "{:.1f} [{:.1f}, {:.1f}] %".format(*map(float, flips.values())) in said[0], (said, flips)
        assert "% as far as to an unrelated question" in said[1] and said[2].startswith("Accuracy is "), said
        assert page.evaluate("document.querySelector('.warning').textContent") == "Warning: " + caveat
        assert page.evaluate("document.querySelectorAll('.verdicts li').length") == 3
        assert_clean(page, path)


def test_findings(tmp):
    """The verdicts stand with their reasons and rules, above the numbers they come from; a second run of a model on a task has no place."""
    again = make_run(tmp / "again.duckdb", "--layers", "--generate", 4, limit=42)
    path = report(tmp, plain_run(), other_run(), again)
    findings = data_of(path)["findings"]
    assert findings["tasks"] == ["perception", "presence"] and len(findings["models"]) == 1 and findings["left_out"] == [again.name], findings
    (accuracy,) = (row for row in findings["estimates"] if row["task"] == "presence" and row["quantity"] == "accuracy")
    (expected,) = sql(other_run(), "SELECT value, low, high FROM intervals WHERE family = 'clean' AND quantity = 'accuracy'")
    assert accuracy["value"] == float(expected["value"]), (accuracy, expected)
    with Browser() as browser:
        page = browser.open(path, fragment="#findings")
        shown = page.evaluate("[...document.querySelectorAll('#page-findings article')].map(a => [...a.children].map(c => c.textContent))")
        assert [article[0] for article in shown] == [finding["finding"] for finding in findings["findings"]], shown
        for (_, verdict, reason, rule), finding in zip(shown, findings["findings"], strict=True):
            assert verdict.lower() == finding["verdict"] and reason == finding["reason"] and rule.startswith("The test: "), (verdict, finding)
        assert again.name in page.evaluate("document.querySelector('#page-findings .missing').textContent")
        rows = page.evaluate("document.querySelectorAll('#page-findings tbody tr').length")
        assert rows == len(findings["estimates"]) > 10, rows
        assert_clean(page, path)


def test_compared_runs(tmp):
    """Runs of the same questions stand against their first, by the numbers of `undertow compare`; two benchmarks are two comparisons."""
    letters = tmp / "letters.duckdb"
    done("rescore", plain_run(), "--score", "letter", "-o", letters)
    seeded = make_run(tmp / "seeded.duckdb", "--seed", 7, dataset="bundled:presence")
    path = report(tmp, plain_run(), other_run(), letters, seeded)
    comparisons = data_of(path)["comparisons"]
    assert [[run["name"] for run in c["runs"]] for c in comparisons] == [["plain.duckdb", "letters.duckdb"], ["other.duckdb", "seeded.duckdb"]], comparisons
    assert comparisons[0] == json.loads(done("compare", plain_run(), letters, "-f", "json"))
    shown = "document.querySelector('#page-compare %s')"
    with Browser() as browser:
        page = browser.open(path, fragment="#compare")
        assert "letters, held against plain" in page.evaluate(shown % ".subject" + ".textContent")
        assert page.evaluate(shown % "tbody" + ".textContent").count("letter") > 0  # --score differs
        show_all(page)
        page.evaluate(f"(() => {{ const s = [...document.querySelectorAll('#page-compare select')].at(-1); s.value = 'accuracy'; s.onchange() }})()")
        page.wait(shown % "figure h3" + ".textContent === 'Accuracy'")
        page.evaluate(f"(() => {{ const s = {shown % 'select'}; s.value = '1'; s.onchange() }})()")
        page.wait(shown % ".subject" + ".textContent.startsWith('seeded, held against other')")
        page.wait(shown % "figure h3" + ".textContent === 'Accuracy'")
        show_all(page)
        assert_clean(page, path)
    alone = report(tmp, plain_run(), other_run())
    assert data_of(alone)["comparisons"] == []
    with Browser() as browser:
        page = browser.open(alone)
        assert "#compare" not in page.evaluate(PAGES)


def test_long_texts_are_folded_as_they_are(tmp):
    text = "needed 1,024 tokens of 4,096;" + "x,y" * 200
    path = with_data(report(tmp, plain_run()), lambda data: (data["runs"][0]["identity"].append({"key": "note", "value": text}),
                                                             data["runs"][0]["tables"]["noise_floor"].append({"quantity": text, "channel": text})))
    with Browser() as browser:
        for width in [1000, 390]:
            page = browser.open(path, fragment="#run", width=width)
            page.evaluate("document.querySelectorAll('#page-run details').forEach(d => d.open = true)")
            page.settle()
            shown = page.evaluate("[...document.querySelectorAll('#page-run :is(dd, td) details p')].map(p => [p.textContent, p.scrollWidth <= p.clientWidth])")
            assert all(fits for _, fits in shown) and [t for t, _ in shown].count(text) == 3, [(t[:60], fits) for t, fits in shown]
            assert page.evaluate(OVERFLOW) <= 0
            page.close()


def test_themes_and_paper(tmp):
    path = report(tmp, plain_run())
    with Browser() as browser:
        page = browser.open(path, fragment="#charts")
        show_all(page)
        ink = lambda: page.evaluate("getComputedStyle(document.querySelector('.drawing svg text')).fill")
        light = ink()
        page.media(dark=True)
        page.settle()
        assert ink() != light, "drawn anew for the dark"
        page.media(dark=True, printed=True)
        page.settle()
        assert ink() == light and page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)", "light on paper"
        assert page.evaluate("getComputedStyle(document.querySelector('header nav')).display") == "none"
        page.media(dark=True)
        page.close()
        page = browser.open(path, fragment="#charts")
        assert page.pdf().startswith(b"%PDF")
        assert page.evaluate(DRAWN), "all of them, seen or not"
        assert_clean(page, path)


def test_hostile_texts(tmp):
    run = hostile_run()
    path = report(tmp, run, "--title", f"</title><script>{HARM}</script>")
    with Browser() as browser:
        for width in [1000, 390]:
            page = browser.open(path, width=width)
            for h in page.evaluate(PAGES):
                page.evaluate(f"location.hash = {json.dumps(h)}")
                page.settle()
                show_all(page)
                page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
                page.settle()
                assert page.evaluate(OVERFLOW) <= 0, (h, width, page.evaluate(OVERFLOW))
            assert page.evaluate("globalThis.harmed") is None
            assert page.evaluate("document.querySelectorAll('body script:not([type])').length") == page.evaluate("document.scripts.length") - 1
            assert page.evaluate("[...document.querySelectorAll('img')].every(i => i.src.startsWith('data:'))")
            assert page.evaluate("document.querySelector('.brand').textContent") == f"</title><script>{HARM}</script>"
            assert "we&ird <img src=x onerror=harmed=1>" in page.evaluate("document.querySelector('#page-run').textContent")
            assert_clean(page, path)
            page.close()


def test_failures_are_told(tmp):
    (tmp / "b").mkdir()
    shutil.copy(large.IMAGE, tmp / "b" / "a.avif")
    (tmp / "b" / "broken.png").write_bytes(b"no picture")
    (tmp / "b" / "own.csv").write_text("id,image,question,A,B,answer\nfine,a.avif,Which?,x,y,A\nill,broken.png,Which?,x,y,B\n")
    done("run", "--engine", "mock", "-d", tmp / "b" / "own.csv", "-p", "scale", "-q", "-o", tmp / "run.duckdb")
    path = report(tmp, tmp / "run.duckdb")
    with Browser() as browser:
        page = browser.open(path, fragment="#run")
        text = page.evaluate("document.querySelector('#page-run').textContent")
        assert "trials failed" in text and "broken.png" in text, text
        assert_clean(page, path)


def test_unfinished_run(tmp):
    process = subprocess.Popen([UNDERTOW, "run", "--engine", "mock", "-d", "bundled:perception", "-q", "-o", tmp / "run.duckdb", "-p", "everything"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not (tmp / "run.duckdb").exists():
        time.sleep(0.01)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    assert process.wait() == 130
    path = report(tmp, tmp / "run.duckdb")
    assert data_of(report(tmp, plain_run(), name="whole.html"))["runs"][0]["unfinished"] is None
    with Browser() as browser:
        page = browser.open(path)
        assert "unfinished" in page.evaluate("document.querySelector('#page-summary .warning').textContent")
        assert_clean(page, path)


def test_a_hundred_thousand_trials(tmp):
    """Stays below 25 MB, and works. How fast it opens is measured by bench/bench-report.py."""
    run = large.make_run(UNDERTOW, tmp)
    (trials,) = sql(run, "SELECT count(*) AS n FROM trial")
    assert int(trials["n"]) >= 100000, trials
    path = report(tmp, run)
    assert path.stat().st_size < 25e6, path.stat().st_size
    with Browser() as browser:
        begun = time.monotonic()
        page = browser.open(path)
        page.wait("document.querySelector('.drawing svg, .drawing canvas') !== null")
        print(f"# {path.stat().st_size / 1e6:.1f} MB, first chart after {time.monotonic() - begun:.2f} s")
        for h in page.evaluate(PAGES):
            page.evaluate(f"location.hash = {json.dumps(h)}")
            page.settle()
            show_all(page)
        assert_clean(page, path)


if __name__ == "__main__":
    sys.exit(tap.run(globals()))
