#!/usr/bin/env python3
"""The program as its users meet it, run on the mock engine: results, resuming, signals, bad input. Speaks TAP.

Usage: test-cli.py UNDERTOW [TEST…]
"""
import base64, csv, fcntl, io, json, os, pty, random, re, signal, struct, subprocess, sys, termios, time, zlib
from pathlib import Path

import tap

UNDERTOW = sys.argv[1]


def paint(path, lines):
    """Writes a PNG of lines of colours, with the standard library alone."""
    width, height = len(lines[0]), len(lines)
    rows = b"".join(b"\0" + bytes(value for colour in line for value in colour) for line in lines)

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
                     + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def png(path, width, height, seed):
    """An image of seeded noise on a seeded base colour."""
    rng = random.Random(seed)
    base = [rng.randrange(200) for _ in range(3)]
    paint(path, [[[base[c] + rng.randrange(56) for c in range(3)] for _ in range(width)] for _ in range(height)])


def undertow(*args, **kwargs):
    return subprocess.run([UNDERTOW, *map(str, args)], capture_output=True, text=True, timeout=120, **kwargs)


def make_benchmark(folder, n_images=6, questions=3, text="Is it so, version {}?"):
    """A benchmark of the user's own: four-option questions, several an image."""
    folder.mkdir(exist_ok=True)
    with open(folder / "own.csv", "w", newline="") as f:
        rows = csv.writer(f)
        rows.writerow(["id", "image", "question", "A", "B", "C", "D", "answer", "category"])
        for i in range(n_images):
            png(folder / f"{i}.png", 96 + 16 * (i % 3), 96, i)
            for q in range(questions):
                rows.writerow([f"{i}-{q}", f"{i}.png", text.format(q), "red", "None", "N/A", "a, b", "ABCD"[(i + q) % 4], f"c{q}"])
    return folder / "own.csv"


def run_args(dataset, out, *more):
    return ["run", "--engine", "mock", "-d", dataset, "-o", out, "-q", *more]


def show(run, view):
    shown = undertow("show", run, view, "--format", "csv")
    assert shown.returncode == 0, shown.stderr
    return shown.stdout


def rows(run, view):
    return list(csv.DictReader(io.StringIO(show(run, view))))


# What was observed: all other views are made of it.
OBSERVED = ["trials", "scores", "measurements", "control_items", "generations", "token_drifts", "failures"]
MADE = ["families", "accuracy", "drift", "layers", "intervals", "auroc", "correlations", "drift_to_prior", "transitions", "pixel_changes", "items",
        "noise_floor"]


def exports(run, views=OBSERVED):
    return {view: show(run, view) for view in views}


# ── tests: every function whose name begins with test_ ──────────────────────────────────────────────────────────────────────────


def test_end_to_end(tmp):
    done = undertow(*run_args(make_benchmark(tmp / "b"), tmp / "run.duckdb"))
    assert done.returncode == 0, done.stderr
    assert "translation" in done.stdout and "rotation" in done.stdout, done.stdout
    trials = rows(tmp / "run.duckdb", "trials")
    # 18 questions: clean, 24 core variants, 6 overlay controls, the prior and the matched control each; an image the noise floor.
    n_images = len({r["id"] for r in trials if r["variant"] == "noise_floor"})
    assert len(trials) == 18 * 33 + n_images and 1 < n_images < 18, (len(trials), n_images)


def test_answers_and_layers(tmp):
    args = run_args(make_benchmark(tmp / "b", n_images=2), tmp / "run", "-p", "scale")
    done = undertow(*args, "--layers", "--generate", 4)
    assert done.returncode == 0 and "ans_mcq_free" in done.stdout and "llm.1" not in done.stdout, done
    assert {"ans_open", "ans_mcq_free", "ans_mcq_free.normed", "ans_mcq"} <= {r["channel"] for r in rows(tmp / "run", "drift")}
    profile = [r["channel"] for r in rows(tmp / "run", "layers") if r["family"] == "scale"]
    assert profile == ["vision.0", "vision.1", "vision.2", "vision", "llm.0", "llm.1", "llm.2", "ctx_mcq.normed"], profile
    texts = [r["text"] for r in rows(tmp / "run", "generations")]
    assert texts and all(0 < len(t) <= 4 for t in texts), texts
    assert_fails(2, ["--generate", "4 there, 5 here"], *args, "--layers", "--generate", 5)
    assert_fails(2, ["--layers"], *args, "--generate", 4)
    assert_fails(2, ["--generate"], *args, "--generate", -1)


def test_perturb_makes_what_is_a_picture(tmp):
    png(tmp / "a.png", 64, 48, 1)
    done = undertow("perturb", tmp / "a.png", "-o", tmp / "v", "-p", "rotation:5,prior,prior_none,noise_floor,other_image")
    assert done.returncode == 0, done
    assert sorted(p.name for p in (tmp / "v").iterdir()) == ["clean.png", "prior-white.png", "rotation+5.png", "sheet.png"], list((tmp / "v").iterdir())


def test_listed_metrics_are_there(tmp):
    """Every quantity that is listed is a column of its view, or a stored metric."""
    listed = [line.split()[0] for line in undertow("list", "metrics").stdout.splitlines() if "  unit " in line]
    aggregates = [name for name in listed if "." in name]
    assert len(aggregates) > 30 and len(listed) - len(aggregates) > 25, listed
    assert undertow(*run_args(make_benchmark(tmp / "b"), tmp / "run")).returncode == 0
    columns = {view: show(tmp / "run", view).splitlines()[0].split(",") for view in {name.split(".")[0] for name in aggregates}}
    for view, column in (name.split(".") for name in aggregates):
        assert column in columns[view], (view, column, columns[view])
    stored = {r["metric"] for r in rows(tmp / "run", "measurements")} | {r["metric"] for r in rows(tmp / "run", "populations")}
    assert stored <= set(listed), stored - set(listed)


def test_identity_moves_nothing(tmp):
    done = undertow(*run_args(make_benchmark(tmp / "b"), tmp / "run.duckdb", "-p", "identity"))
    assert done.returncode == 0, done.stderr
    family = {r["family"]: r for r in rows(tmp / "run.duckdb", "families")}["identity"]
    assert float(family["IFR"]) == 0 and float(family["IV"]) == 0, family
    drifts = [r for r in rows(tmp / "run.duckdb", "drift") if r["family"] == "identity"]
    assert drifts and all(float(r["l2"]) == 0 and float(r["cos"]) == 1 for r in drifts), drifts
    tokens = [r for r in rows(tmp / "run.duckdb", "token_drifts") if r["variant"] == "identity"]
    assert len({r["id"] for r in tokens}) == 18 and all(float(r["drift"]) == 0 for r in tokens), tokens


def query(run, sql):
    done = undertow("sql", run, sql, "-f", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_token_drifts(tmp):
    dataset = make_benchmark(tmp / "b", n_images=3)
    dataset.write_text(dataset.read_text().replace("version 1", "version [mock:nan]"))
    run = tmp / "run"
    assert undertow(*run_args(dataset, run, "-p", "core,text_empty,prior,prior_none,other_image")).returncode == 0
    # Where there is a token drift there are those of the tokens, as many as the grid has, and their mean is it but for the rounding of each.
    compared, = query(run, """
        WITH whole AS (SELECT item, variant, value FROM measurement WHERE metric = 'token_drift'),
             token AS (SELECT item, v.variant, avg(drift) AS mean, count(*) AS n, min(image) + max(image) + max(slice) + max(frame) AS others,
                              (1 + max(row)) * (1 + max(col)) AS cells
                       FROM token_drifts t JOIN (SELECT variant, name FROM variant) v ON v.name = t.variant GROUP BY ALL)
        SELECT count(*) AS n, count(whole.value) AS n_whole, count(token.mean) AS n_token, max(value) AS largest, max(abs(mean - value) - value * pow(2, -24)) AS off,
               bool_and(token.n = cells AND others = 0) AS one_grid FROM whole FULL JOIN token USING (item, variant)""")
    assert compared["n"] == compared["n_whole"] == compared["n_token"] > 100 and compared["one_grid"], compared
    assert compared["off"] < 1e-15 and compared["largest"] > 0.01, compared
    # A clean trial has nothing to be compared with; turned images have other grids, and one without an image has none.
    of = {r["variant"] for r in rows(run, "token_drifts")}
    assert {"translation+4", "text_empty-1", "prior-white", "noise_floor", "other_image"} <= of, of
    assert not of & {"clean", "prior-none", "rotation+30", "pad_crop+16"}, of
    assert {r["id"][-1] for r in rows(run, "token_drifts")} == {"0", "2"}


def test_token_drifts_of_one_cell(tmp):
    """A cell of the mock's is seen by one token: where it alone is changed, no other moves."""
    (tmp / "b").mkdir()
    (tmp / "v" / "cell").mkdir(parents=True)
    places = {"a": (1, 3), "b": (2, 0)}  # row and column, of 3 × 4
    for name, (row, col) in places.items():
        cells = [[(40 * c + 10, 60 * r + 10, 90) for c in range(4)] for r in range(3)]
        for folder in "b", "v/cell":
            paint(tmp / folder / f"{name}.png", [[p for p in line for _ in range(32)] for line in cells for _ in range(32)])
            cells[row][col] = (250, 250, 0)
    (tmp / "b" / "own.jsonl").write_text(json.dumps({"question": "Which?", "image": ["a.png", "b.png"], "options": ["x", "y"], "answer": "B"}))
    assert undertow(*run_args(tmp / "b" / "own.jsonl", tmp / "run", "-p", f"folder:{tmp / 'v'}")).returncode == 0
    tokens = [r for r in rows(tmp / "run", "token_drifts") if r["variant"] == "folder:cell"]
    assert len(tokens) == 2 * 3 * 4, tokens
    moved = {(r["image"], r["slice"], int(r["row"]), int(r["col"])) for r in tokens if float(r["drift"]) > 0}
    assert moved == {("0", "0", *places["a"]), ("1", "0", *places["b"])}, moved


def test_token_drifts_of_a_sample(tmp):
    dataset = make_benchmark(tmp / "b", n_images=2, questions=140)
    assert undertow(*run_args(dataset, tmp / "run", "-p", "translation:4,identity")).returncode == 0
    sampled = query(tmp / "run", "SELECT variant, count(DISTINCT item) AS items, sum(DISTINCT item) AS which FROM token_drifts GROUP BY 1 ORDER BY 1")
    identity, _, translation = sampled
    assert identity["variant"] == "identity" and translation["variant"] == "translation+4" and identity["items"] == 256, sampled
    assert translation["items"] == 256 and translation["which"] == identity["which"], sampled


def test_rescore(tmp):
    dataset = make_benchmark(tmp / "b")
    run, new = tmp / "run", tmp / "new"
    assert undertow(*run_args(dataset, run)).returncode == 0
    done = undertow("rescore", run, "--score", "letter", "-o", new)
    assert done.returncode == 0 and "not chosen against these clean answers" in done.stdout and "by the score letter" in done.stdout, done
    assert "decided anew" in undertow("show", new).stdout and "decided anew" not in undertow("show", run).stdout
    before, after = rows(run, "trials"), rows(new, "trials")
    assert [t["answer"] for t in before] != [t["answer"] for t in after]
    assert [t["drift_ctx_mcq"] for t in before] == [t["drift_ctx_mcq"] for t in after]
    # A copy is no run to go on with; by its first score it is the run again.
    other = undertow(*run_args(dataset, new, "--score", "letter"))
    assert other.returncode == 2 and "overlays chosen by: sum there" in other.stderr, other
    back = undertow("rescore", new, "--score", "sum", "-o", tmp / "back")
    assert back.returncode == 0 and "not chosen against" not in back.stdout, back
    assert undertow(*run_args(dataset, tmp / "back")).returncode == 0
    assert exports(tmp / "back") == exports(run)

    assert_fails(2, ["--score: sum there, letter here"], *run_args(dataset, run, "--score", "letter"))
    assert_fails(2, ["'letter'"], "rescore", run, "--score", "leter", "-o", tmp / "x")
    assert_fails(2, ["'image'"], *run_args(dataset, tmp / "x", "--score", "imge"))
    assert_fails(2, ["--score"], "rescore", run, "-o", tmp / "x")
    assert_fails(1, ["exists"], "rescore", run, "--score", "text", "-o", new)
    assert_fails(1, ["own.csv"], "rescore", dataset, "--score", "text", "-o", tmp / "x")
    assert not (tmp / "x").exists()


def test_prompts(tmp):
    dataset, run = make_benchmark(tmp / "b", n_images=2), tmp / "run"
    of = lambda run: {r["key"]: r["value"] for r in rows(run, "identity")}
    done = undertow(*run_args(dataset, run, "-p", "scale", "--prompt", "lmms-eval"))
    assert done.returncode == 0 and "prompt lmms-eval" in done.stdout and "by the score letter" in done.stdout, done
    assert (of(run)["--prompt"], of(run)["--score"]) == ("lmms-eval", "letter"), of(run)
    assert_fails(2, ["--prompt: lmms-eval there, paper here"], *run_args(dataset, run, "-p", "scale"))

    # A template is known by its text.
    (tmp / "own.txt").write_text("{question}\n{label}) {option}\n")
    assert undertow(*run_args(dataset, tmp / "own", "-p", "scale", "--prompt", tmp / "own.txt")).returncode == 0
    assert of(tmp / "own")["prompt text"] == "{question}\n{label}) {option}\n" and of(tmp / "own")["--score"] == "sum", of(tmp / "own")
    (tmp / "own.txt").rename(tmp / "moved.txt")
    assert undertow(*run_args(dataset, tmp / "own", "-p", "scale", "--prompt", tmp / "moved.txt")).returncode == 0
    (tmp / "moved.txt").write_text("{question}\n{label}: {option}\n")
    assert_fails(2, ["--prompt: sha256:"], *run_args(dataset, tmp / "own", "-p", "scale", "--prompt", tmp / "moved.txt"))
    (tmp / "moved.txt").write_text("{question}\n{lable}: {option}\n")
    assert_fails(1, ["moved.txt, line 2", "{label}"], *run_args(dataset, tmp / "x", "--prompt", tmp / "moved.txt"))
    assert_fails(2, ["'lmms-eval'"], *run_args(dataset, tmp / "x", "--prompt", "lmm-eval"))

    # Where no letters are shown, none can be the answer, then or later.
    assert_fails(2, ["--score letter", "seedbench"], *run_args(dataset, tmp / "x", "--prompt", "seedbench", "--score", "letter"))
    assert_fails(2, ["mmmu", "Yes or No"], *run_args("bundled:presence", tmp / "x", "--prompt", "mmmu"))
    assert undertow(*run_args(dataset, tmp / "seed", "-p", "scale", "--prompt", "seedbench")).returncode == 0
    assert of(tmp / "seed")["--score"] == "text"
    assert_fails(2, ["seedbench", "letter", "sum,text,byte,image"], "rescore", tmp / "seed", "--score", "letter", "-o", tmp / "x")
    assert not (tmp / "x").exists()
    assert undertow("rescore", tmp / "seed", "--score", "byte", "-o", tmp / "byte").returncode == 0


def option_scores(run):
    return [(r["option"], r["variant"], r["logprob"], r["logprob_letter"], r["logprob_no_image"]) for r in rows(run, "scores")]


def test_images_stand_where_they_are_named(tmp):
    (tmp / "b").mkdir()
    for name in "ab":
        png(tmp / "b" / f"{name}.png", 64, 64, name)
    found = []
    for n, (question, options) in enumerate([("Which?", "xy"), ("<image 1> Which?", "xy"), ("<image 1> <image 2> Which?", "xy"),
                                             ("Which <image 2>?", "xy"), ("Which?", ["<image 1>", "<image 2>"])]):
        (tmp / "b" / f"{n}.jsonl").write_text(json.dumps({"question": question, "image": ["a.png", "b.png"], "options": list(options), "answer": "B"}))
        assert undertow(*run_args(tmp / "b" / f"{n}.jsonl", tmp / f"{n}", "-p", "scale")).returncode == 0
        found.append(option_scores(tmp / f"{n}"))
    assert found[0] == found[1] == found[2] and found[0] != found[3], found
    letters = [(r["n_bytes"], r["text"]) for r in rows(tmp / "4", "scores")]
    assert set(letters) == {("1", "<image 1>"), ("1", "<image 2>")}, letters
    assert "scored      1, whose options are images, by the options' letters" in undertow("inspect", tmp / "b" / "4.jsonl").stdout
    assert "letters" not in undertow("inspect", tmp / "b" / "3.jsonl").stdout
    assert_fails(2, ["images", "seedbench"], *run_args(tmp / "b" / "4.jsonl", tmp / "x", "--prompt", "seedbench"))

    # The bundled questions on two images are the same as their files', which name the images.
    assert undertow("scenes", "--export", tmp / "s", "--task", "reasoning", "--format", "vlmevalkit", "--count", 1).returncode == 0
    assert undertow(*run_args(tmp / "s" / "scenes.tsv", tmp / "file", "-p", "scale")).returncode == 0
    n = len(rows(tmp / "file", "items"))
    assert undertow(*run_args("bundled:reasoning", tmp / "bundled", "-p", "scale", "--limit", n)).returncode == 0
    assert any("<image 2>" in r["question"] for r in rows(tmp / "file", "items"))
    assert option_scores(tmp / "file") == option_scores(tmp / "bundled")


def test_scale_has_ifr_equal_iv(tmp):
    undertow(*run_args(make_benchmark(tmp / "b"), tmp / "run.duckdb", "-p", "scale"))
    family = {r["family"]: r for r in rows(tmp / "run.duckdb", "families")}["scale"]
    assert family["IFR"] == family["IV"], family


def test_chosen_variants(tmp):
    dataset = make_benchmark(tmp / "b", n_images=3)
    args = run_args(dataset, tmp / "run", "-p", "scale,rotation:30,10,occlusion,signs_all:8,prior:128,prior_none,text_right")
    done = undertow(*args)
    assert done.returncode == 0, done.stderr
    changes = {r["variant"]: r for r in rows(tmp / "run", "pixel_changes")}
    assert list(changes) == ["scale0.9", "rotation+10", "rotation+30", "occlusion10", "occlusion20", "occlusion30", "text_right",
                             *(f"signs_all8-{i}" for i in range(1, 6)), "prior-grey", "prior-none"], list(changes)
    assert all(r["trials"] == "9" for r in changes.values()), changes
    assert changes["scale0.9"]["compared"] == "0" and changes["scale0.9"]["psnr"] == "", changes["scale0.9"]
    assert abs(float(changes["occlusion20"]["touched"]) - 0.2) < 0.02, changes["occlusion20"]
    assert float(changes["signs_all8-1"]["linf"]) == 4 and 30 < float(changes["signs_all8-1"]["psnr"]) < 40, changes["signs_all8-1"]

    # Chosen angles stand beside the paper's; a question without an image has no vision, and no size.
    families = {r["family"]: r for r in rows(tmp / "run", "families")}
    assert families["rotation"]["variants"] == families["rotation (others)"]["variants"] == "1", families
    assert families["any (core-2)"]["instances"] == "18", families
    channels = {r["channel"] for r in rows(tmp / "run", "measurements") if r["variant"] == "prior-none"}
    assert channels == {"ctx_open", "ctx_open.normed", "ctx_mcq", "ctx_mcq.normed", "ans_mcq", "ans_mcq.normed"}, channels
    assert {r["channel"] for r in rows(tmp / "run", "drift")} == channels | {"vision"}
    trials = [r for r in rows(tmp / "run", "trials") if r["variant"] == "prior-none"]
    assert len(trials) == 9 and all(r["width"] == "" and r["answer"] and not r["error"] for r in trials), trials
    right = {r["id"]: r["detail"] for r in rows(tmp / "run", "trials") if r["variant"] == "text_right"}
    assert right["0-0"] == "Answer is A" and right["1-2"] == "Answer is D", right

    again = undertow(*args)
    assert again.returncode == 0, again.stderr
    assert_fails(2, ["variants"], *run_args(dataset, tmp / "run", "-p", "scale,rotation:30,11"))
    assert_fails(2, ["rotation:x", "degrees"], *run_args(dataset, tmp / "none", "-p", "rotation:x"))


def test_variants_of_others(tmp):
    dataset = make_benchmark(tmp / "b", n_images=3, questions=2)
    for variant, images in ("brighter", (0, 1, 2)), ("darker", (0, 2)):
        (tmp / "v" / variant).mkdir(parents=True)
        for i in images:
            png(tmp / "v" / variant / f"{i}.png", 96 + 16 * (i % 3), 96, f"{variant}{i}")
    args = run_args(dataset, tmp / "run", "-p", f"folder:{tmp / 'v'},scale")
    done = undertow(*args)
    assert done.returncode == 0, done.stderr
    failures = rows(tmp / "run", "failures")
    assert {(f["id"], f["variant"]) for f in failures} == {("1-0", "folder:darker"), ("1-1", "folder:darker")}, failures
    assert "1.png" in failures[0]["reason"], failures
    changes = {r["variant"]: r for r in rows(tmp / "run", "pixel_changes")}
    assert changes["folder:brighter"]["compared"] == "6" and changes["folder:brighter"]["param"] == "", changes

    # What was missing is tried again.
    png(tmp / "v" / "darker" / "1.png", 112, 96, "darker1")
    assert undertow(*args).returncode == 0
    assert rows(tmp / "run", "failures") == []


def test_same_seed_same_exports(tmp):
    dataset = make_benchmark(tmp / "b")
    for name, threads in (("one", 1), ("two", 2)):
        assert undertow(*run_args(dataset, tmp / name, "-t", threads)).returncode == 0
    assert exports(tmp / "one", OBSERVED + MADE) == exports(tmp / "two", OBSERVED + MADE)


def kill_and_resume(tmp, kill, times, seed=7):
    tmp = tmp / str(seed)
    tmp.mkdir()
    dataset = make_benchmark(tmp / "b", n_images=12)
    everything = ["--layers", "--generate", 8]
    assert undertow(*run_args(dataset, tmp / "whole", *everything)).returncode == 0
    codes = []
    rng = random.Random(seed)
    for _ in range(times):
        process = subprocess.Popen([UNDERTOW, *map(str, run_args(dataset, tmp / "cut", *everything))], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(rng.uniform(0.05, 0.5))
        process.send_signal(kill)
        codes.append(process.wait(timeout=60))
    last = undertow(*run_args(dataset, tmp / "cut", *everything))
    assert last.returncode == 0, last.stderr
    assert exports(tmp / "whole") == exports(tmp / "cut")
    return codes


def test_killed_goes_on(tmp):
    kill_and_resume(tmp, signal.SIGKILL, 6)


def test_interrupted_goes_on(tmp):
    # Several times over: a cut between the variants that need the clean answer is one in a few.
    codes = [code for seed in range(3) for code in kill_and_resume(tmp, signal.SIGINT, 4, seed)]
    assert set(codes) <= {0, 130, -signal.SIGINT}, codes


def test_interrupt_says_130(tmp):
    dataset = make_benchmark(tmp / "b", n_images=40, questions=6)
    process = subprocess.Popen([UNDERTOW, *map(str, run_args(dataset, tmp / "run"))], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not (tmp / "run").exists():
        time.sleep(0.01)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, (process.returncode, err)
    assert "same command" in err, err


def test_other_configuration_is_refused(tmp):
    dataset = make_benchmark(tmp / "b", n_images=2)
    assert undertow(*run_args(dataset, tmp / "run")).returncode == 0
    other = undertow(*run_args(dataset, tmp / "run", "--seed", 1))
    assert other.returncode == 2, other
    assert "--seed" in other.stderr and "0" in other.stderr and "1" in other.stderr, other.stderr
    assert len(rows(tmp / "run", "trials")) == 6 * 33 + 2  # the noise floor, once an image


def test_dead_engine_costs_only_its_question(tmp):
    dataset = make_benchmark(tmp / "b", n_images=3, questions=1)
    text = dataset.read_text().replace('1.png,"Is it so', '1.png,"[mock:abort] Is it so')
    dataset.write_text(text)
    done = undertow(*run_args(dataset, tmp / "run", "-p", "scale,rotation"))
    failures = rows(tmp / "run", "failures")
    assert failures and all("1-0" == f["id"] for f in failures), (failures, done.stderr)
    assert "signal 6" in failures[0]["reason"], failures[0]
    good = [t for t in rows(tmp / "run", "trials") if t["id"] in ("0-0", "2-0")]
    assert len(good) == 2 * (4 + 1), good  # with the noise floor


def test_failed_question_spares_its_neighbours(tmp):
    dataset = make_benchmark(tmp / "b", n_images=1, questions=3)
    dataset.write_text(dataset.read_text().replace("version 1", "version [mock:error]"))
    done = undertow(*run_args(dataset, tmp / "run", "-p", "scale"))
    assert done.returncode == 0, done.stderr
    assert {f["id"] for f in rows(tmp / "run", "failures")} == {"0-1"}
    assert "fail" in done.stdout, done.stdout


def test_no_number_is_an_error(tmp):
    dataset = make_benchmark(tmp / "b", n_images=2, questions=3)
    dataset.write_text(dataset.read_text().replace("version 1", "version [mock:nan]"))
    done = undertow(*run_args(dataset, tmp / "run", "-p", "scale"))
    assert done.returncode == 0, done.stderr
    failures = rows(tmp / "run", "failures")
    assert {(f["id"], f["variant"]) for f in failures} == {("0-1", "clean"), ("1-1", "clean")}, failures
    assert all("ctx_open is not finite" in f["reason"] for f in failures), failures
    assert {t["id"] for t in rows(tmp / "run", "trials") if not t["error"]} == {"0-0", "0-2", "1-0", "1-2"}


def test_unreadable_image(tmp):
    dataset = make_benchmark(tmp / "b", n_images=3, questions=2)
    (tmp / "b" / "1.png").write_bytes((tmp / "b" / "1.png").read_bytes()[:200])
    done = undertow(*run_args(dataset, tmp / "run", "-p", "scale"))
    assert done.returncode == 0, done.stderr
    failures = rows(tmp / "run", "failures")
    assert {f["id"] for f in failures} == {"1-0", "1-1"} and "1.png" in failures[0]["reason"], failures


def test_missing_images_are_counted(tmp):
    dataset = make_benchmark(tmp / "b", n_images=3, questions=2)
    (tmp / "b" / "2.png").unlink()
    done = undertow("run", "--engine", "mock", "-d", dataset, "-o", tmp / "run", "-p", "scale")
    assert done.returncode == 0 and "2 skipped" in done.stderr and "2.png" in done.stderr, done.stderr
    for name in ("0.png", "1.png"):
        (tmp / "b" / name).unlink()
    none = undertow(*run_args(dataset, tmp / "none"))
    assert none.returncode == 1 and len(none.stderr.strip().splitlines()) == 1, none.stderr


def assert_fails(code, words, *args):
    failed = undertow(*args)
    assert failed.returncode == code, (failed.returncode, failed.stderr)
    for word in words:
        assert word in failed.stderr, (word, failed.stderr)


def test_bad_input(tmp):
    dataset = make_benchmark(tmp / "b", n_images=1)
    out = tmp / "run"
    assert_fails(2, ["rotation"], *run_args(dataset, out, "-p", "rotatoin"))
    assert_fails(2, ["-d"], "run", "--engine", "mock", "-o", out)
    assert_fails(2, ["-o"], "run", "--engine", "mock", "-d", dataset)
    assert_fails(2, ["-m"], "run", "-d", dataset, "-o", out)
    assert_fails(2, ["--mmproj"], "run", "-m", "x.gguf", "-d", dataset, "-o", out)
    assert_fails(2, ["bundled:small"], "run", "-m", "bundled:smal", "-d", dataset, "-o", out)
    assert_fails(2, ["bundled:presence"], *run_args("bundled:presense", out))
    assert_fails(2, ["llama"], "run", "--engine", "lama", "-m", "x", "--mmproj", "y", "-d", dataset, "-o", out)
    assert_fails(2, ["--nonsense"], *run_args(dataset, out, "--nonsense"))
    assert_fails(1, ["missing.csv"], *run_args(tmp / "missing.csv", out))
    assert_fails(1, ["gone"], *run_args(dataset, tmp / "gone" / "run"))
    assert_fails(1, ["missing.gguf"], "run", "-m", tmp / "missing.gguf", "--mmproj", tmp / "missing.gguf", "-d", dataset, "-o", out)
    (tmp / "notes.txt").write_text("not a model")
    assert_fails(1, ["notes.txt"], "run", "-m", tmp / "notes.txt", "--mmproj", tmp / "notes.txt", "-d", dataset, "-o", out)
    (tmp / "bad.jsonl").write_text('{"question": "q", "image": "b/0.png", "A": "x", "B": "y", "answer": "A"}\n{"question": \n')
    assert_fails(1, ["bad.jsonl"], *run_args(tmp / "bad.jsonl", out))
    assert not out.exists(), "a run that could not start leaves no file"
    (tmp / "other").write_text("not a database")
    assert_fails(1, ["other"], *run_args(dataset, tmp / "other"))
    assert (tmp / "other").read_text() == "not a database"
    assert_fails(1, ["other"], "show", tmp / "other")


def test_commands(tmp):
    assert undertow().returncode == 2
    assert undertow("--help").returncode == 0
    assert_fails(2, ["show"], "shwo")
    for command in ("run", "demo", "show", "sql", "rescore", "inspect", "perturb", "scenes", "list"):
        helped = undertow(command, "--help")
        assert helped.returncode == 0 and "Usage" in helped.stdout, command
    for name in ("families", "metrics", "scores", "prompts", "datasets", "engines", "channels"):
        listed = undertow("list", name)
        assert listed.returncode == 0 and len(listed.stdout.splitlines()) >= 2, name
    assert_fails(2, ["metrics"], "list", "metrix")


def test_sql(tmp):
    """A query of the user's reads the run, all of it and nothing else, and changes nothing."""
    dataset = make_benchmark(tmp / "b", n_images=3, questions=2)
    assert undertow(*run_args(dataset, tmp / "run")).returncode == 0
    before = (tmp / "run").read_bytes()

    def query(sql, *options):
        done = undertow("sql", tmp / "run", sql, *options)
        assert done.returncode == 0, (sql, done.stderr)
        return done.stdout

    assert query("SELECT * FROM trials", "-f", "csv") == show(tmp / "run", "trials")
    # Tables that are made when they are asked for, and by whatever name.
    assert query("WITH a AS (FROM auroc) SELECT * FROM a;\n", "-f", "csv") == show(tmp / "run", "auroc")
    lists = json.loads(query("SELECT item, options, {'n': 1.5} AS s, NULL::DATE AS d FROM item ORDER BY item -- a remark", "-f", "json"))
    assert [row["item"] for row in lists] == list(range(6)) and "N/A" in lists[0]["options"] and lists[0]["s"] == "{'n': 1.5}", lists
    assert lists[0]["d"] is None
    assert "variant" in query("SHOW TABLES")
    assert "percent_sd" not in query("SELECT percent, percent_sd FROM drift") and len(query("SELECT percent_sd FROM drift").split()) > 3

    latex = query("SELECT family, IFR, delta_margin, '50_% \\ {a}' AS words, percent, percent_sd FROM families JOIN drift USING (family)"
                  " WHERE channel = 'ctx_mcq'", "-f", "latex").splitlines()
    assert latex[0] == "\\begin{tabular}{@{}lrrlr@{}}" and latex[-1] == "\\end{tabular}" and len(latex) > 8, latex
    assert latex[2] == "family & IFR & $\\Delta$m (nat) & words & drift (\\% of control) \\\\", latex[2]
    assert all(line.count(" & ") == 4 and "50\\_\\% \\textbackslash{} \\{a\\}" in line for line in latex[4:-2]), latex
    assert any("$-$" in line for line in latex) and any("$\\pm$" in line for line in latex), latex

    # docs/schema.md names every table and view with its columns, and says what each is.
    text = (Path(__file__).parent.parent / "docs" / "schema.md").read_text()
    listed = dict(re.findall(r"^\| `(\w+)` \| [^|]+ \| ([\w, ]+) \|$", text, re.M))
    told = set(re.findall(r"`(\w+)`", " ".join(re.findall(r"^\| ([^|]+) \| [^|]+ \|$", text, re.M))))
    columns = "FROM duckdb_columns() WHERE NOT internal AND database_name = 'run_file'"
    have = {r["n"]: r["c"] for r in json.loads(query(
        f"SELECT table_name AS n, string_agg(column_name, ', ' ORDER BY column_index) AS c {columns} GROUP BY 1", "-f", "json"))}
    for made in ("intervals", "auroc"):
        have[made] = ", ".join(show(tmp / "run", made).splitlines()[0].split(","))
    assert listed == have, {n: (listed.get(n), have.get(n)) for n in set(listed) | set(have) if listed.get(n) != have.get(n)}
    assert {c for names in have.values() for c in names.split(", ")} == told

    (tmp / "secret").write_text("hidden")
    assert_fails(2, ["nonsense", "Candidate"], "sql", tmp / "run", "SELECT nonsense, answer FROM trials")
    assert_fails(2, ["secret"], "sql", tmp / "run", f"FROM read_text('{tmp / 'secret'}')")
    assert_fails(2, ["disabled"], "sql", tmp / "run", f"COPY trials TO '{tmp / 'out.csv'}'")
    for change in ("DROP TABLE trial", "DELETE FROM run_file.trial", "SELECT 1; SELECT 2", ""):
        assert_fails(2, ["query"], "sql", tmp / "run", change)
    for format in ("table", "csv", "json", "markdown", "latex"):
        assert_fails(1, ["boom"], "sql", tmp / "run", "SELECT if(range < 500000, range, error('boom')) AS n FROM range(1000000)", "-f", format)
    assert_fails(2, ["operands"], "sql", tmp / "run")
    assert_fails(1, ["missing"], "sql", tmp / "missing", "SELECT 1")
    assert not (tmp / "out.csv").exists() and (tmp / "run").read_bytes() == before


def test_inspect(tmp):
    dataset = make_benchmark(tmp / "b", n_images=3, questions=2)
    (tmp / "b" / "2.png").unlink()
    shown = undertow("inspect", dataset)
    assert shown.returncode == 0, shown.stderr
    for word in ("table", "own.csv", "4 on 2 images", "4 options", "c0", "skipped", "2.png", "row 5", "None", "96×96"):
        assert word in shown.stdout, (word, shown.stdout)
    (tmp / "b" / "0.png").write_bytes(b"no image")
    broken = undertow("inspect", dataset)
    assert broken.returncode == 1 and "0.png" in broken.stdout, broken
    assert_fails(2, ["DATASET"], "inspect")
    assert_fails(1, ["missing"], "inspect", tmp / "missing")


def test_image_kinds(tmp):
    """Files of every kind (tests/oracle/images.py) are shown and asked about, by name, without an extension and as base64."""
    files = json.loads((Path(__file__).parent / "oracle" / "images.json").read_text())
    (tmp / "b").mkdir()
    with open(tmp / "b" / "own.csv", "w", newline="") as f:
        table = csv.writer(f)
        table.writerow(["id", "image", "question", "answer"])
        for i, file in enumerate(files):
            data = base64.b64decode(file["file"])
            (tmp / "b" / file["name"]).write_bytes(data)
            (tmp / "b" / f"image {i}").write_bytes(data)
            for way, cell in (("name", file["name"]), ("bare", f"image {i}"), ("base64", file["file"])):
                table.writerow([f"{file['name']} {way}", cell, "Is it?", "yes"])
    shown = undertow("inspect", tmp / "b" / "own.csv")
    assert shown.returncode == 0 and "skipped" not in shown.stdout and f"{3 * len(files)} yes/no" in shown.stdout, shown
    done = undertow(*run_args(tmp / "b" / "own.csv", tmp / "run", "-p", "identity"))
    assert done.returncode == 0, done
    sizes = {r["id"]: (int(r["width"]), int(r["height"])) for r in rows(tmp / "run", "trials") if r["variant"] == "clean"}
    assert sizes == {f"{file['name']} {way}": (file["width"], file["height"]) for file in files for way in ("name", "bare", "base64")}, sizes
    same = [r["logprob"] for r in rows(tmp / "run", "scores") if r["id"].startswith("cmyk.jpg") and r["variant"] == "clean" and r["option"] == "0"]
    assert len(same) == 3 and len(set(same)) == 1, same


def test_a_large_table_is_streamed(tmp):
    """What is held of a table does not grow with it: 240 MB are read in less than 250 MB, the program's own included."""
    png(tmp / "a.png", 8, 8, 1)
    small, padding = (tmp / "a.png").read_bytes(), random.Random(1).randbytes(150000)
    with open(tmp / "Set.tsv", "w") as f:
        f.write("index\timage\tquestion\tA\tB\tanswer\n")
        for i in range(1200):
            f.write(f"{i}\t{base64.b64encode(small + i.to_bytes(2) + padding).decode()}\tWhich?\tx\ty\tA\n")
    read, write = os.pipe()
    process = subprocess.Popen([UNDERTOW, "inspect", tmp / "Set.tsv"], stdout=write)
    os.close(write)
    with open(read) as f:
        shown = f.read()
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0 and "1200 on 1200 images" in shown, shown
    assert usage.ru_maxrss < 250_000, usage.ru_maxrss


def test_exported_benchmarks_run(tmp):
    for task, format, path in (("presence", "pope", "*.json"), ("presence", "parquet", "data"), ("perception", "seedbench", "SEED-Bench.json"),
                               ("reasoning", "vlmevalkit", "scenes.tsv"), ("reasoning", "parquet", "data/*.parquet")):
        folder = tmp / (task + format)
        made = undertow("scenes", "--export", folder, "--task", task, "--format", format, "--count", 1)
        assert made.returncode == 0, made.stderr
        done = undertow(*run_args(folder / path, tmp / (task + format + ".duckdb"), "-p", "scale"))
        assert done.returncode == 0 and "scale" in done.stdout, done.stderr
        assert undertow("inspect", folder / path).returncode == 0
    assert_fails(2, ["yes/no"], "scenes", "--export", tmp / "x", "--task", "reasoning", "--format", "pope")
    assert_fails(2, ["vlmevalkit"], "scenes", "--export", tmp / "x", "--format", "vlm")


def test_show_formats(tmp):
    undertow(*run_args(make_benchmark(tmp / "b", n_images=2), tmp / "run", "-p", "scale"))
    assert_fails(2, ["families"], "show", tmp / "run", "familes")
    for view in "families", "intervals", "trials", "generations", "failures":
        as_csv = rows(tmp / "run", view)
        as_json = json.loads(undertow("show", tmp / "run", view, "--format", "json").stdout)
        assert len(as_csv) == len(as_json), view
        assert undertow("show", tmp / "run", view, "--format", "markdown").returncode == 0
        assert undertow("show", tmp / "run", view).returncode == 0


def on_a_terminal(columns, *args):
    """What the program prints on a terminal so wide."""
    terminal, end = pty.openpty()
    fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    process = subprocess.Popen([UNDERTOW, *map(str, args)], stdout=end)
    os.close(end)
    printed = b""
    try:
        while more := os.read(terminal, 1 << 16):
            printed += more
    except OSError:  # the other end is closed
        pass
    os.close(terminal)
    assert process.wait() == 0
    return printed.decode().replace("\r\n", "\n")


def test_show_bars(tmp):
    """On a terminal with room for them, bars as long as their numbers stand behind one column; elsewhere nothing changes."""
    undertow(*run_args(make_benchmark(tmp / "b", n_images=3), tmp / "run", "-p", "core"))
    plain = undertow("show", tmp / "run", "drift").stdout
    room = plain.count("─") + 9
    wide, narrow = (on_a_terminal(columns, "show", tmp / "run", "drift") for columns in (room, room - 1))
    assert narrow == plain and not set("▏▎▍▌▋▊▉█") & set(plain)
    lengths = {}
    percents = {(r["channel"], r["family"]): float(r["percent"]) for r in rows(tmp / "run", "drift")}
    for line in wide.splitlines():
        at = next((k for k in percents if re.match(rf"{re.escape(k[0])} +{re.escape(k[1])}  ", line)), None)
        if at:
            lengths[at] = sum({"█": 8, **dict(zip("▏▎▍▌▋▊▉", range(1, 8)))}.get(c, 0) for c in line)
    assert lengths == {k: round(64 * min(p / 100, 1)) for k, p in percents.items()} and len(set(lengths.values())) > 2, (lengths, percents)


FINDINGS = ["Representations move while answers stay", "Robustness does not grow with size", "Perturbations harm accuracy and reduce false positives"]


def demo_args(out, *more):
    return ["demo", "--engine", "mock", "-q", "-o", out, *more]


def test_demo(tmp):
    done = undertow(*demo_args(tmp / "d", "--limit", 8))
    assert done.returncode == 0, done.stderr
    for words in ("presence: 8 questions on 8 images", "perception: 8 questions", "reasoning: 8 questions", "hidden drift", "bundled:small"):
        assert words in done.stdout, (words, done.stdout)
    for finding in FINDINGS:
        assert sum(line.strip().startswith(finding) for line in done.stdout.splitlines()) == 1, (finding, done.stdout)
    runs = sorted(path.name for path in (tmp / "d").iterdir())
    compared = [f"{m}-{t}-8.duckdb" for m in ("small", "medium", "large") for t in ("presence", "perception", "reasoning")]
    everything, = set(runs) - set(compared)
    assert len(runs) == 10 and everything == "small-perception-everything-1.duckdb", runs

    # One holds all that is measured: every family that can be listed, but those of the user's own folders.
    assert f"undertow show {tmp / 'd' / everything} severity" in done.stdout, done.stdout
    listed = [line.split()[0] for line in undertow("list", "families").stdout.splitlines() if not line.startswith(" ")]
    run = {r["family"] for r in rows(tmp / "d" / everything, "pixel_changes")} | {r["family"] for r in rows(tmp / "d" / everything, "transitions")}
    assert set(listed) - run <= {"clean", "folder", "prior", "prior_none", "noise_floor", "other_image"}, set(listed) - run
    assert not rows(tmp / "d" / everything, "failures")

    # Each is a run like any other, and the table's numbers are those of its views.
    told = json.loads(undertow(*demo_args(tmp / "d", "--limit", 8, "-f", "json")).stdout)
    assert [f["finding"] for f in told["findings"]] == FINDINGS
    core = {r["family"]: r for r in rows(tmp / "d" / "small-presence-8.duckdb", "families")}["any (core-24)"]
    for quantity in ("IFR", "IV", "delta_accuracy"):
        told_value, = (e["value"] for e in told["estimates"] if (e["task"], e["model"], e["quantity"]) == ("presence", "bundled:small", quantity))
        assert told_value == float(core[quantity]), (quantity, told_value, core)
    estimates = list(csv.DictReader(io.StringIO(undertow(*demo_args(tmp / "d", "--limit", 8, "-f", "csv")).stdout)))
    assert [e["quantity"] for e in estimates] == [e["quantity"] for e in told["estimates"]]


def test_demo_goes_on(tmp):
    whole = undertow(*demo_args(tmp / "whole", "--limit", 8))
    process = subprocess.Popen([UNDERTOW, *map(str, demo_args(tmp / "cut", "--limit", 8))], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while len(list(tmp.glob("cut/*"))) == 0:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130 and out == "" and "same command" in err, (process.returncode, out, err)
    for threads in (1, 3):
        again = undertow(*demo_args(tmp / "cut", "--limit", 8, "-t", threads))
        same = again.stdout.replace(str(tmp / "cut"), str(tmp / "whole"))  # it says where its runs are
        assert again.returncode == 0 and same == whole.stdout, (again.stdout, whole.stdout, again.stderr)


def test_demo_bad_input(tmp):
    assert_fails(2, ["--full", "--limit"], *demo_args(tmp / "d", "--full", "--limit", 3))
    assert_fails(2, ["--limit"], *demo_args(tmp / "d", "--limit", 0))
    assert_fails(2, ["extra"], *demo_args(tmp / "d", "extra"))
    assert_fails(2, ["markdown"], *demo_args(tmp / "d", "-f", "html"))
    (tmp / "file").write_text("")
    assert_fails(1, ["file"], *demo_args(tmp / "file"))
    assert not (tmp / "d").exists()
    # A run of another engine under the name of this one.
    assert undertow(*demo_args(tmp / "d", "--limit", 2)).returncode == 0
    assert_fails(2, ["engine: mock there, llama here", "-o"], "demo", "-q", "--limit", 2, "-o", tmp / "d")


if __name__ == "__main__":
    sys.exit(tap.run(globals()))
