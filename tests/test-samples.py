#!/usr/bin/env python3
"""The sample browser of a report, as a reader uses it: in a browser, held against what SQL says of the run. Speaks TAP.

Usage: test-samples.py UNDERTOW [TEST…]
"""
import base64, csv, ctypes, io, json, re, shutil, struct, sys, zlib
from pathlib import Path
from urllib.parse import urlencode

import tap
from browser import Browser
from program import done, once, undertow

IMAGE = Path(__file__).parent / "data" / "six-colours.avif"
HOSTILE = ["</script><script>alert(1)</script>", "<img src=x onerror=alert(2)>", "\"'`${1}&amp;", "שלום ‮العربية", "n" * 10000]


@once
def plain_run(folder):
    done("run", "--engine", "mock", "-d", "bundled:perception", "--limit", 8, "--generate", 4, "--layers", "-q", "-o", folder / "run.duckdb")
    return folder / "run.duckdb"


def own_run(folder, n=6, text=lambda i: f"Question {i}?"):
    """Of a benchmark in files beside it."""
    shutil.copy(IMAGE, folder / "image.avif")
    with open(folder / "own.jsonl", "w") as f:
        for i in range(n):
            f.write(json.dumps({"id": f"{i} {text(i)}", "question": text(i), "image": "image.avif", "options": [text(i), "other"], "answer": "A",
                                "category": text(i), "image_id": f"image {i}"}) + "\n")
    done("run", "--engine", "mock", "-d", folder / "own.jsonl", "-p", "rotation,text_semantic", "-q", "-o", folder / "own.duckdb")
    return folder / "own.duckdb"


def write_png(path, width, height):
    """A grey image."""
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
                     + chunk(b"IDAT", zlib.compress((b"\0" + b"\x80" * 3 * width) * height)) + chunk(b"IEND", b""))


def alter(run, *statements):
    """Changes a run file as none of ours does, with the program's own DuckDB."""
    duckdb, db, connection = ctypes.CDLL("libduckdb.so"), ctypes.c_void_p(), ctypes.c_void_p()
    assert duckdb.duckdb_open(bytes(run), ctypes.byref(db)) == 0 and duckdb.duckdb_connect(db, ctypes.byref(connection)) == 0
    for sql in statements:
        assert duckdb.duckdb_query(connection, sql.encode(), None) == 0, sql
    duckdb.duckdb_disconnect(ctypes.byref(connection))
    duckdb.duckdb_close(ctypes.byref(db))


def told(*args):
    """Runs what must succeed; gives what it warned of."""
    result = undertow(*args)
    assert result.returncode == 0, result
    return result.stderr


def rows(run, sql):
    """The rows of a query, texts by column."""
    return list(csv.DictReader(io.StringIO(done("sql", run, sql, "--format", "csv"))))


def count(run, sql):
    return int(next(iter(rows(run, sql)[0].values())))


def report(run, *args):
    """The page of a run, and what the command said."""
    page = run.parent / "report.html"
    return page, told("report", run, "-q", "-o", page, *args)


def data_of(page):
    return json.loads(re.search(r'id="report">(.*?)</script>', page.read_text(), re.S).group(1))["runs"][0]["samples"]


def open_at(browser, page, **state):
    shown = browser.open(page, fragment=f"#samples?{urlencode(state)}")
    shown.wait("document.querySelector('.counted') !== null")
    return shown


COUNTED = "Number(document.querySelector('.counted').textContent.split(' ')[0].replaceAll(',', ''))"
DRIFTS = "drifts d JOIN control c ON c.item = d.item AND c.channel = d.channel"


def test_filters_leave_what_sql_counts(folder):
    run = plain_run(folder)
    page, _ = report(run)
    cases = [
        ({}, "SELECT count(*) FROM instances"),
        ({"answer": "kept"}, "SELECT count(*) FROM instances WHERE NOT flip"),
        ({"answer": "flipped"}, "SELECT count(*) FROM instances WHERE flip"),
        ({"family": "rotation"}, "SELECT count(*) FROM instances WHERE family = 'rotation'"),
        ({"category": "colour", "answer": "kept"}, "SELECT count(*) FROM instances WHERE category = 'colour' AND NOT flip"),
        ({"transition": "W→W"}, "SELECT count(*) FROM instances WHERE WW"),
        ({"transition": "R→R"}, "SELECT count(*) FROM instances WHERE RR"),
        ({"transition": "unjudged"}, "SELECT count(*) FROM instances WHERE right_now IS NULL"),
        ({"channel": "vision", "least": "25"}, f"SELECT count(*) FROM {DRIFTS} WHERE d.channel = 'vision' AND 100 * d.drift >= 25 * c.mean_distance"),
        ({"fall": "0.01"}, "SELECT count(*) FROM instances WHERE delta_margin <= -0.01"),
        ({"q": "GREEN"}, "SELECT count(*) FROM instances JOIN item i USING (item) WHERE lower(concat_ws(' ', i.id, i.question, array_to_string(i.options, ' '), i.category)) LIKE '%green%'"),
        ({"family": "prior"}, "SELECT count(*) FROM answers JOIN variant USING (variant) WHERE family = 'prior'"),
    ]
    with Browser() as browser:
        for state, sql in cases:
            shown = open_at(browser, page, **state)
            assert (n := shown.evaluate(COUNTED)) == count(run, sql), f"{state}: {n}, not {count(run, sql)}"
            assert not shown.problems, shown.problems
            shown.close()


def test_typing_and_choosing_filters_and_stands_in_the_address(folder):
    run = plain_run(folder)
    page, _ = report(run)
    with Browser() as browser:
        shown = open_at(browser, page)
        shown.evaluate("document.querySelector('input[name=q]').focus()")
        shown.type("green")
        shown.evaluate("{ const s = document.querySelector('select[name=answer]'); s.value = 'kept'; s.dispatchEvent(new Event('change')); }")
        shown.settle()
        n, address = shown.evaluate(COUNTED), shown.evaluate("location.hash")
        assert "q=green" in address and "answer=kept" in address, address
        again = browser.open(page, fragment=address)
        again.wait("document.querySelector('.counted') !== null")
        assert again.evaluate(COUNTED) == n and again.evaluate("document.querySelector('input[name=q]').value") == "green"


def test_worst_hidden_drift_comes_first(folder):
    run = plain_run(folder)
    page, _ = report(run)
    channel = data_of(page)["channel"]
    worst = rows(run, f"SELECT d.item, d.variant FROM {DRIFTS} WHERE NOT d.flip AND d.channel = '{channel}' ORDER BY d.drift / c.mean_distance DESC LIMIT 1")[0]
    fall = rows(run, "SELECT item, variant FROM instances ORDER BY delta_margin, item, variant LIMIT 1")[0]
    with Browser() as browser:
        for order, wanted in [("hidden", worst), ("fall", fall)]:
            shown = open_at(browser, page, sort=order)
            shown.click(".samples-list .row")
            shown.wait("document.querySelector('.sample:not([hidden]) h2') !== null")
            address = shown.evaluate("location.hash")
            assert f"item={wanted['item']}&variant={wanted['variant']}" in address, f"{order}: {address}, not {wanted}"


def test_the_keyboard_opens_steps_and_closes(folder):
    page, _ = report(plain_run(folder))
    with Browser() as browser:
        shown = open_at(browser, page)
        shown.evaluate("document.querySelector('.samples-list').focus()")
        for _ in range(3):
            shown.press("ArrowDown")
        assert shown.evaluate("document.querySelector('.samples-list').getAttribute('aria-activedescendant')") == "sample-3"
        shown.press("Enter")
        shown.wait("document.querySelector('.sample:not([hidden]) h2') !== null")
        assert shown.evaluate("document.querySelector('.steps span').textContent").startswith("4 of ")
        shown.press("Escape")
        shown.wait("document.querySelector('.sample[hidden]') !== null")
        assert shown.evaluate("document.activeElement.className") == "samples-list"
        assert "item=" not in shown.evaluate("location.hash")


def test_the_keyboard_keeps_its_place(folder):
    page, _ = report(plain_run(folder))
    with Browser() as browser:
        shown = open_at(browser, page)
        place = lambda: shown.evaluate("document.querySelector('.steps span').textContent").split(" of ")[0]
        active = lambda: shown.evaluate("document.querySelector('.samples-list').getAttribute('aria-activedescendant')")
        shown.press("Tab")
        shown.evaluate("document.querySelector('.samples-list').focus()")
        shown.press("Enter")
        shown.wait("document.querySelector('.steps') !== null")
        shown.evaluate("document.querySelectorAll('.steps button')[2].focus()")
        for n in range(2, 40):
            shown.press("Enter")
            shown.wait(f"document.querySelector('.steps span').textContent.startsWith('{n} of ')")
            assert shown.evaluate("document.activeElement.textContent") == "Next", n
        shown.evaluate("document.querySelectorAll('.steps button')[1].focus()")
        shown.press("Enter")
        shown.wait("document.querySelector('.steps span').textContent.startsWith('38 of ')")
        assert shown.evaluate("document.activeElement.textContent") == "Previous"
        # What was open is what the list goes on from, by whichever way it was opened; what is out of sight is not named.
        shown.close()
        shown = open_at(browser, page, item=3, variant=9)
        shown.wait("document.querySelector('.steps') !== null")
        opened = int(place().replace(",", "")) - 1
        shown.press("Escape")
        shown.wait("document.querySelector('.sample[hidden]') !== null")
        assert active() == f"sample-{opened}" and opened > 0, (active(), opened)
        assert shown.evaluate(f"document.getElementById('sample-{opened}').getAttribute('aria-selected')") == "true"
        shown.evaluate("{ const l = document.querySelector('.samples-list'); l.scrollTop = l.scrollHeight * (l.scrollTop < l.scrollHeight / 2); }")
        shown.settle()
        assert active() == "" and shown.evaluate(f"document.getElementById('sample-{opened}')") is None
        assert not shown.problems, shown.problems


def test_a_question_whose_clean_trial_failed_is_shown(folder):
    run = own_run(folder)
    alter(run, "DELETE FROM trial WHERE item = 2 AND variant > 0", *(f"DELETE FROM {table} WHERE item = 2" for table in ["score", "measurement", "control"]),
          "UPDATE trial SET error = 'the engine ran away', predicted = NULL, width = NULL, height = NULL WHERE item = 2")
    page, _ = report(run)
    with Browser() as browser:
        shown = open_at(browser, page, q="Question 2?")
        assert shown.evaluate(COUNTED) == 1
        shown.click(".samples-list .row")
        shown.wait("document.querySelector('.sample:not([hidden]) h2') !== null")
        assert "item=2&variant=0" in shown.evaluate("location.hash")
        assert "the engine ran away" in shown.evaluate("document.querySelector('.sentence').textContent")
        assert shown.evaluate("document.querySelectorAll('.picture').length") == 1
        shown.close()
        shown = open_at(browser, page, answer="failed")
        assert shown.evaluate(COUNTED) == 1
        shown.close()
        shown = open_at(browser, page, family="rotation")
        assert shown.evaluate(COUNTED) == count(run, "SELECT count(*) FROM instances WHERE family = 'rotation'")
        assert not shown.problems, shown.problems


def test_numbers_that_are_not_known_or_round_to_nothing(folder):
    run = plain_run(folder)
    alter(run, "UPDATE score SET logprob = -1.0 WHERE item = 1", "UPDATE score SET logprob = -1.002 WHERE item = 1 AND variant = 4 AND option = "
          "(SELECT predicted FROM trial WHERE item = 1 AND variant = 0)")
    page, _ = report(run)
    text = page.read_text()
    match = re.search(r'(id="report">)(.*?)(</script>)', text, re.S)
    whole = json.loads(match.group(2))
    details = whole["runs"][0]["samples"]["details"]["2"]
    details["p"][details["variants"].index(4)] = [None] * 4
    page.write_text(text[:match.start(2)] + json.dumps(whole).replace("<", "\\u003c") + text[match.end(2):])
    with Browser() as browser:
        shown = open_at(browser, page, item=1, variant=4)
        shown.wait("document.querySelector('.sentence') !== null")
        assert "margin went from 0.00 to 0.00 nats" in shown.evaluate("document.querySelector('.sentence').textContent")
        shown.evaluate("location.hash = '#samples?item=2&variant=4'")
        shown.wait("document.querySelector('.answers td:last-child').textContent === '–'")
        assert not shown.problems, shown.problems


def test_what_flipped_is_told_apart_in_the_strip(folder):
    run = plain_run(folder)
    alter(run, "UPDATE trial SET predicted = (predicted + 1) % 2 WHERE item = 1 AND variant = 4")
    page, _ = report(run)
    with Browser() as browser:
        shown = open_at(browser, page, item=1)
        shown.wait("document.querySelector('.strip') !== null")
        kept, flipped = (shown.evaluate(f"getComputedStyle(document.querySelector('.strip .{word} .word')).color") for word in ["kept", "flipped"])
        assert kept != flipped, kept


def test_paper_takes_what_is_in_sight_of_the_list(folder):
    page, _ = report(plain_run(folder))
    with Browser() as browser:
        shown = open_at(browser, page)
        shown.media(printed=True)
        shown.settle()
        shown.settle()
        assert 0 < shown.evaluate("document.querySelectorAll('.samples-list .row').length") < 60 < shown.evaluate(COUNTED)


def test_charts_of_samples_left_are_forgotten(folder):
    page, _ = report(plain_run(folder))
    with Browser() as browser:
        shown = open_at(browser, page)
        shown.evaluate("globalThis.alive = 0; for (const [name, by] of [['run', 1], ['finalize', -1]]) { const old = vega.View.prototype[name];"
                       "vega.View.prototype[name] = function (...args) { if (name === 'finalize' || !this.counted) alive += by; this.counted = true;"
                       "return old.apply(this, args); } }")
        for item in range(8):
            shown.evaluate(f"location.hash = '#samples?item={item}&variant=3'")
            shown.wait(f"document.querySelector('.sample h2')?.textContent === report.runs[0].samples.items[{item}][5]")
            shown.evaluate("document.querySelector('.sample .drawing').scrollIntoView()")
            shown.wait("document.querySelector('.sample .drawing svg') !== null")
        assert shown.evaluate("alive") == 1, shown.evaluate("alive")
        assert not shown.problems, shown.problems


def test_a_sample_shows_what_the_run_holds(folder):
    run = plain_run(folder)
    page, _ = report(run)
    item, variant = 2, 5
    p = [float(r["p"]) for r in rows(run, f"SELECT p FROM probabilities WHERE item = {item} AND variant = {variant} ORDER BY option")]
    drift = rows(run, f"SELECT channel, value FROM measurement WHERE item = {item} AND variant = {variant} AND metric = 'cosine_distance'")
    texts = rows(run, f"SELECT text FROM generated WHERE item = {item} AND variant = {variant}")
    details = data_of(page)["details"][str(item)]
    at = details["variants"].index(variant)
    assert all(abs(a - b) < 1e-5 for a, b in zip(details["p"][at], p)) and len(p) == len(details["p"][at])
    for r in drift:
        value = float(r["value"])
        assert abs(details["drift"][r["channel"]][at] - value) <= 1e-5 * max(1e-9, abs(value)) * 10, r
    assert {details["open"][at], details["mcq"][at]} == {r["text"] for r in texts}
    with Browser() as browser:
        shown = open_at(browser, page, item=item, variant=variant)
        shown.wait("document.querySelector('.answers') !== null")
        marks = shown.evaluate("[...document.querySelectorAll('.answers tbody tr')].map(r => r.textContent)")
        assert len(marks) == len(p) and all(f"{x:.3f}" in mark for x, mark in zip(p, marks)), marks
        assert sum("right" in mark for mark in marks) == 1 and sum("chosen after" in mark for mark in marks) == 1, marks
        assert not shown.problems, shown.problems


def test_options_go_by_their_texts(folder):
    """A table's options keep their columns' letters, which the run does not store: the third is C, though it is the second here."""
    shutil.copy(IMAGE, folder / "image.avif")
    (folder / "own.csv").write_text("id,image,question,A,B,C,D,answer\n" + "".join(f"q{i},image.avif,Which of {i}?,red,,blue,green,C\n" for i in range(3)))
    done("run", "--engine", "mock", "-d", folder / "own.csv", "-p", "rotation", "-q", "-o", folder / "own.duckdb")
    page, _ = report(folder / "own.duckdb")
    assert "C. blue" in data_of(page)["details"]["0"]["prompts"]["closed"]
    texts = ["red", "blue", "green"]
    with Browser() as browser:
        shown = open_at(browser, page)
        outcomes = shown.evaluate("[...document.querySelectorAll('.row .outcome')].map(o => o.textContent)")
        named = {t.strip("\u2068\u2069") for o in outcomes for t in re.sub("^(kept|flipped) ", "", o).split(" → ")}
        assert named and named <= set(texts), outcomes
        shown.evaluate("location.hash = '#samples?item=0&variant=1'")
        shown.wait("document.querySelector('.answers') !== null")
        options = shown.evaluate("[...document.querySelectorAll('.answers tbody th')].map(th => [th.firstChild.textContent, th.lastChild.textContent])")
        assert [text for text, _ in options] == texts and ["right" in marks for _, marks in options] == [False, True, False], options
        said = shown.evaluate("document.querySelector('.sentence').textContent")
        assert set(re.findall("“(.*?)”", said)) <= set(texts) and "“" in said and "(" not in said, said
        assert not shown.problems, shown.problems


def test_images_are_those_the_model_saw(folder):
    run = plain_run(folder)
    page, said = report(run)
    assert "warning" not in said, said
    sizes = {(int(r["item"]), int(r["variant"])): (int(r["width"]), int(r["height"])) for r in rows(run, "SELECT item, variant, width, height FROM trial WHERE error IS NULL")}
    details = data_of(page)["details"]
    assert all(reason is None for d in details.values() for reason in d["missing"])
    with Browser() as browser:
        shown = open_at(browser, page, item=0, variant=3)
        shown.wait("document.querySelectorAll('.strip img').length > 20")
        found = shown.evaluate("Promise.all(report.runs[0].samples.details[0].images.map(async ([name]) => { const i = new Image();"
                               "i.src = 'data:image/webp;base64,' + report.runs[0].samples.thumbnails[name]; await i.decode(); return [i.naturalWidth, i.naturalHeight]; }))")
        for variant, (width, height) in zip(details["0"]["variants"], found):
            full = sizes[0, variant]
            scale = min(1, 256 / max(full))
            assert (width, height) == tuple(round(side * scale) for side in full), (variant, full, width, height)
        assert not shown.problems, shown.problems


def test_a_changed_or_missing_benchmark_gives_no_images_and_says_so(folder):
    run = own_run(folder)
    page, said = report(run)
    assert said == "" and data_of(page)["thumbnails"], said
    (folder / "own.jsonl").rename(folder / "moved.jsonl")
    page, said = report(run)
    samples = data_of(page)
    assert "warning" in said and "own.jsonl" in said and not samples["thumbnails"] and "own.jsonl" in samples["missing"], said
    with Browser() as browser:
        shown = open_at(browser, page, item=0)
        shown.wait("document.querySelector('.answers') !== null")
        assert shown.evaluate("document.querySelectorAll('.sample img').length") == 0
        assert "own.jsonl" in shown.evaluate("document.querySelector('.sample').textContent")
    page, said = report(run, "-d", folder / "moved.jsonl")
    assert said == "" and data_of(page)["thumbnails"], said
    other = (folder / "moved.jsonl").read_text().replace("Question 3?", "Question three?")
    (folder / "own.jsonl").write_text(other)
    page, said = report(run)
    assert "questions have changed" in said and not data_of(page)["thumbnails"], said


def test_another_image_under_the_old_name_is_refused(folder):
    run = own_run(folder)
    write_png(folder / "image.avif", 32, 48)
    page, said = report(run)
    samples = data_of(page)
    assert "could not be made as the model saw them" in said, said
    assert all(names is None for names in samples["details"]["0"]["images"]), samples["details"]["0"]["images"]
    assert "not the one that the model saw" in samples["details"]["0"]["missing"][0]


def test_a_damaged_run_is_refused(folder):
    """Each in a copy, with the name of the file; without its questions or answers a run is none, but not damaged."""
    item = "id, image_id, category, hint, question, options, answer, yes_no FROM item WHERE item = 0"
    trial = "error, predicted, width, height, detail, label FROM trial"
    damages = {
        "variant-of-none": [f"INSERT INTO trial SELECT item, 1000000, {trial} WHERE variant = 0"],
        "variant-too-large": ["INSERT INTO variant SELECT 1000000, name, family, param, core, role FROM variant WHERE variant = 1"],
        "item-of-none": [f"INSERT INTO trial SELECT 3000000, variant, {trial} WHERE item = 0"],
        "item-with-a-gap": [f"INSERT INTO item SELECT 3000, {item}", f"INSERT INTO trial SELECT 3000, variant, {trial} WHERE item = 0"],
        "item-far-away": [f"INSERT INTO item SELECT 4294967295, {item}"],
        "item-twice": [f"INSERT INTO item SELECT 0, {item}"],
        "option-of-none": ["UPDATE trial SET predicted = 9 WHERE item = 1 AND variant = 2"],
    }
    run = plain_run(folder)
    for name, statements in damages.items():
        damaged = Path(shutil.copy(run, folder / f"{name}.duckdb"))
        alter(damaged, *statements)
        result = undertow("report", damaged, "-q", "-o", folder / "damaged.html")
        assert result.returncode == 1 and f"{name}.duckdb: the file is damaged" in result.stderr, (name, result)
        assert not (folder / "damaged.html").exists()
    alter(run, "INSERT INTO variant SELECT max(variant) + 1, 'more', 'more', NULL, false, 'perturbation' FROM variant",
          f"INSERT INTO trial SELECT item, (SELECT max(variant) FROM variant), {trial} WHERE variant = 0")
    page, said = report(run)
    assert "variants are others" in said and not data_of(page)["thumbnails"], said
    fewer = plain_run(folder)
    alter(fewer, *(f"DELETE FROM {table} WHERE item = 7" for table in ["item", "trial", "score", "measurement", "control", "embedding", "generated"]))
    page, said = report(fewer)
    assert "questions have changed" in said and len(data_of(page)["items"]) == 7, said
    alter(fewer, *(f"DELETE FROM {table}" for table in ["item", "trial", "score", "measurement", "control", "embedding", "generated"]))
    page, said = report(fewer)
    assert data_of(page)["items"] == [], said


def test_hostile_texts_stay_texts(folder):
    run = own_run(folder, len(HOSTILE), lambda i: HOSTILE[i])
    page, _ = report(run)
    with Browser() as browser:
        for item, text in enumerate(HOSTILE):
            shown = open_at(browser, page, item=item)
            shown.wait("document.querySelector('.sample h2') !== null")
            assert shown.evaluate("document.querySelector('.sample h2').textContent") == text
            assert not shown.problems, shown.problems
            assert all(r.startswith(("file:", "data:")) for r in shown.requests), shown.requests
            assert shown.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page is wider than the window"
            shown.close()


def test_a_bundle_opens_from_the_disk(folder):
    run = plain_run(folder)
    page, _ = report(run, "--bundle", folder / "more & <b>")
    files = sorted(p.name for p in (folder / "more & <b>" / "run-0").iterdir())
    assert files == ["bundle.txt", "images"] + [f"item-{i:05}.js" for i in range(8)], files
    assert not data_of(page)["thumbnails"] and not data_of(page)["details"]
    with Browser() as browser:
        shown = open_at(browser, page, item=3, variant=4)
        shown.wait("document.querySelectorAll('.pictures img').length === 2")
        shown.wait("[...document.querySelectorAll('.pictures img')].every(i => i.naturalWidth > 0)")
        assert not shown.problems, shown.problems
        below = folder.as_uri() + "/"
        assert all(r.startswith((below, "data:")) for r in shown.requests), shown.requests
        assert sum(r.endswith("item-00003.js") for r in shown.requests) == 1, shown.requests


def test_a_bundle_is_gone_on_with_but_not_mixed(folder):
    run = plain_run(folder)
    report(run, "--bundle", folder / "bundle")
    first = folder / "bundle" / "run-0" / "item-00000.js"
    second = folder / "bundle" / "run-0" / "item-00001.js"
    whole = second.read_text()
    first.write_text("kept")
    second.unlink()
    report(run, "--bundle", folder / "bundle")
    assert first.read_text() == "kept" and second.read_text() == whole
    other = own_run(folder)
    for args in [(other, "--bundle", folder / "bundle"), (run, "--bundle", "/elsewhere")]:
        result = undertow("report", "-q", "-o", folder / "report.html", *args)
        assert result.returncode != 0 and "--bundle" in result.stderr, result.stderr
    (folder / "full" / "run-0").mkdir(parents=True)
    (folder / "full" / "run-0" / "mine.txt").write_text("mine")
    result = undertow("report", "-q", "-o", folder / "report.html", run, "--bundle", folder / "full")
    assert result.returncode == 1 and "no bundle" in result.stderr, result.stderr


def test_a_bundle_is_of_the_run_as_it_is(folder):
    """What failed and was tried again is another run to it; an image that is found later comes into it; images that are all gone are named."""
    run = own_run(folder)
    alter(run, "UPDATE trial SET error = 'engine died', predicted = NULL, width = NULL, height = NULL, detail = NULL WHERE item = 1 AND variant = 2",
          "DELETE FROM score WHERE item = 1 AND variant = 2", "DELETE FROM measurement WHERE item = 1 AND variant = 2")
    page, said = report(run, "--bundle", folder / "bundle")
    items = [folder / "bundle" / "run-0" / f"item-{i:05}.js" for i in range(6)]
    assert said == "" and "engine died" in items[1].read_text(), said
    begun = [item.stat().st_ino for item in items]
    report(run, "--bundle", folder / "bundle")
    assert [item.stat().st_ino for item in items] == begun, "what failed in the run is not missing in the folder"
    done("run", "--engine", "mock", "-d", folder / "own.jsonl", "-p", "rotation,text_semantic", "-q", "-o", run)
    refused = lambda: undertow("report", run, "-q", "-o", page, "--bundle", folder / "bundle")
    assert count(run, "SELECT count(*) AS n FROM trial WHERE error IS NOT NULL") == 0
    assert (result := refused()).returncode == 1 and "its trials differed" in result.stderr, result
    shutil.rmtree(folder / "bundle")

    write_png(folder / "image.avif", 32, 48)
    page, said = report(run, "--bundle", folder / "bundle")
    assert "could not be made" in said and "not the one that the model saw" in items[0].read_text(), said
    shutil.copy(IMAGE, folder / "image.avif")
    page, said = report(run, "--bundle", folder / "bundle")
    assert said == "" and not any("not the one that the model saw" in item.read_text() for item in items), said
    with Browser() as browser:
        shown = open_at(browser, page, item=0, variant=2)
        shown.wait("document.querySelectorAll('.pictures img').length === 2")
        assert not shown.problems, shown.problems
    (folder / "own.jsonl").rename(folder / "moved.jsonl")
    assert (result := refused()).returncode == 1 and "its images differed" in result.stderr, result


def test_a_page_takes_nothing_from_a_folder_of_another_run(folder):
    page, _ = report(own_run(folder), "--bundle", folder / "bundle")
    old = page.rename(folder / "old.html")
    shutil.rmtree(folder / "bundle")
    report(plain_run(folder), "--bundle", folder / "bundle")
    with Browser() as browser:
        shown = open_at(browser, old, item=0, variant=2)
        shown.wait("document.querySelector('.sample .warning') !== null")
        assert "was made of another run" in shown.evaluate("document.querySelector('.sample .warning').textContent")
        assert shown.evaluate("document.querySelectorAll('.sample img').length") == 0
        assert not shown.problems, shown.problems


def test_ninety_thousand_rows_scroll(folder):
    """In a page whose columns are repeated until there are as many."""
    run = plain_run(folder)
    page, _ = report(run)
    text = page.read_text()
    match = re.search(r'(id="report">)(.*?)(</script>)', text, re.S)
    whole = json.loads(match.group(2))
    samples, n = whole["runs"][0]["samples"], 350
    samples["items"] = [[k * 8 + i, *item[1:]] for k in range(n) for i, item in enumerate(samples["items"])]
    again = lambda b64: base64.b64encode(base64.b64decode(b64) * n).decode()
    samples["control"] = {k: again(v) for k, v in samples["control"].items()}
    samples["trials"] = {k: {c: again(x) for c, x in v.items()} if k == "drift" else again(v) for k, v in samples["trials"].items()}
    page.write_text(text[:match.start(2)] + json.dumps(whole).replace("<", "\\u003c") + text[match.end(2):])
    with Browser() as browser:
        shown = open_at(browser, page)
        rows_there = shown.evaluate(COUNTED)
        assert rows_there > 80000, rows_there
        for share in [0.25, 0.5, 1]:
            shown.evaluate(f"{{ const l = document.querySelector('.samples-list'); l.scrollTop = l.scrollHeight * {share}; }}")
            shown.settle()
            n_nodes = shown.evaluate("document.querySelectorAll('.samples-list .row').length")
            assert 0 < n_nodes < 60, n_nodes
        shown.wait(f"document.querySelector('.samples-list .row:last-child').getAttribute('aria-posinset') === '{rows_there}'")
        shown.evaluate("{ const s = document.querySelector('select[name=answer]'); s.value = 'flipped'; s.dispatchEvent(new Event('change')); }")
        left, flips = shown.evaluate(COUNTED), n * count(run, "SELECT count(*) FROM instances WHERE flip")
        assert left == flips < rows_there, (left, flips)
        assert not shown.problems, shown.problems


def test_what_does_not_fit_is_left_out_and_said(folder):
    run = own_run(folder, 300, lambda i: f"{i} " + "long " * 1000)
    page, _ = report(run, "--max-size", 1)
    samples = data_of(page)
    assert 0 < len(samples["items"]) < 300 and samples["of"]["items"] == 300
    assert page.stat().st_size < 2_500_000, page.stat().st_size
    with Browser() as browser:
        shown = open_at(browser, page)
        said = shown.evaluate("document.querySelector('.about').textContent")
        assert f"{len(samples['items'])} questions of 300" in said, said


def test_what_does_not_fit_is_passed_over(folder):
    run = plain_run(folder)
    alter(run, "UPDATE item SET question = repeat('long ', 1000000) WHERE item = 3", "UPDATE generated SET text = repeat('<', 400000) WHERE item = 5 AND variant = 0")
    page, _ = report(run, "--max-size", 2)
    samples = data_of(page)
    assert [item[0] for item in samples["items"]] == [0, 1, 2, 4, 5, 6, 7], samples["items"]
    assert set(samples["details"]) == {"0", "1", "2", "4", "6", "7"}, samples["details"].keys()
    shown = {name for d in samples["details"].values() for names in d["images"] for name in names}
    assert shown == set(samples["thumbnails"]), "those of what was passed over may be others' too"


def test_what_is_escaped_counts(folder):
    """Within the page, "<" takes six bytes."""
    run = own_run(folder)
    alter(run, "UPDATE item SET question = repeat('<', 600000)", "UPDATE trial SET error = repeat('<long> ', 100000), predicted = NULL, width = NULL, height = NULL, "
          "detail = NULL WHERE variant > 0", "INSERT INTO skipped SELECT repeat('<', 100000), repeat('<', 100000) FROM range(1000)")
    page, _ = report(run, "--max-size", 4)
    assert data_of(page)["items"] == [] and page.stat().st_size < 12_000_000, page.stat().st_size


def test_warnings_name_their_run(folder):
    """Of two runs, each finds its own benchmark, whichever of them -d is of, and says so where -d is of the other."""
    plain, own = plain_run(folder), own_run(folder)
    warned = lambda *args: told("report", plain, own, "-q", "-o", folder / "two.html", *args)
    elsewhere = lambda of, said: said.count("warning") == 1 and f"{of} has its images from where it was made: " in said
    assert warned() == ""
    assert elsewhere(plain, said := warned("-d", folder / "own.jsonl")), said
    assert elsewhere(own, said := warned("-d", "bundled:perception")), said
    (folder / "own.jsonl").rename(folder / "moved.jsonl")
    assert elsewhere(plain, said := warned("-d", folder / "moved.jsonl")), said
    assert f"{own} has no images: " in (said := warned()) and str(plain) not in said, said
    shutil.copy(folder / "moved.jsonl", folder / "own.jsonl")
    write_png(folder / "image.avif", 32, 48)
    assert re.search(rf"{re.escape(str(own))}: \d+ images could not be made", said := warned()) and str(plain) not in said, said


if __name__ == "__main__":
    sys.exit(tap.run(globals()))
