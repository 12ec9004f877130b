#!/usr/bin/env python3
"""The engine exec as its users meet it: a program of theirs (exec-program.py) that is right, and wrong in every way. Speaks TAP.

Usage: test-exec.py UNDERTOW [TEST…]
"""
import base64, csv, importlib.util, io, json, math, os, random, re, shlex, shutil, signal, subprocess, sys, time
from pathlib import Path

import tap

UNDERTOW = sys.argv[1]
HERE = Path(__file__).resolve().parent
PROGRAM = HERE / "exec-program.py"
OBSERVED = ["trials", "scores", "measurements", "control_items", "generations", "embeddings", "token_drifts", "failures"]
SCORES_ALONE = ["--gives", ""]


def undertow(*args, **kwargs):
    return subprocess.run([UNDERTOW, *map(str, args)], capture_output=True, text=True, timeout=600, **kwargs)


def command(*args):
    return shlex.join([sys.executable, str(PROGRAM), *map(str, args)])


def run_args(dataset, out, command, *more):
    return ["run", "--engine", "exec", "--command", command, "-d", dataset, "-o", out, "-q", *more]


def show(run, view):
    shown = undertow("show", run, view, "--format", "csv")
    assert shown.returncode == 0, shown.stderr
    return list(csv.DictReader(io.StringIO(shown.stdout)))


def exports(run):
    return {view: show(run, view) for view in OBSERVED}


def good(done):
    assert done.returncode == 0, done
    return done


def bad(done, code, *words):
    assert done.returncode == code, done
    for word in words:
        assert word in done.stderr, (word, done.stderr)
    return done


def make_benchmark(folder, n_images=3, questions=2, fault=None):
    """A benchmark of the user's own on rendered scenes. The `fault`-th image's questions have the word that the program trips over; "all": all."""
    folder.mkdir(exist_ok=True)
    good(undertow("scenes", "--export", folder / "scenes", "--task", "perception", "--format", "vlmevalkit", "--count", n_images))
    csv.field_size_limit(2 ** 30)
    cells = list(dict.fromkeys(row["image"] for row in csv.DictReader(open(folder / "scenes" / "scenes.tsv"), delimiter="\t") if len(row["image"]) > 100))
    with open(folder / "own.csv", "w", newline="") as f:
        rows = csv.writer(f)
        rows.writerow(["id", "image", "question", "A", "B", "C", "answer"])
        for i, cell in enumerate(cells[:n_images]):
            (folder / f"{i}.png").write_bytes(base64.b64decode(cell))
            for q in range(questions):
                word = " [fault]" if fault in (i, "all") and q == 0 else ""
                rows.writerow([f"{i}-{q}", f"{i}.png", f"Is it so, version {q}?{word}", "red", "dark green", "blue", "ABC"[(i + q) % 3]])
    return folder / "own.csv"


def lines(path):
    return path.read_text().splitlines() if path.exists() else []


def starts(log):
    return [int(line.split()[1]) for line in lines(log) if line.startswith("start")]


def is_gone(pid):
    """Whether the process has ended, or is about to."""
    for _ in range(1000):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.01)
    return False


# ── tests: every function whose name begins with test_ ──────────────────────────────────────────────────────────────────────────


def test_the_documents_program(tmp):
    """The program in docs/exec-engine.md runs as it stands there."""
    text = (HERE.parent / "docs" / "exec-engine.md").read_text()
    (tmp / "my model.py").write_text(re.search(r"```python\n(.*?)```", text, re.S)[1])
    done = good(undertow("run", "--engine", "exec", "--command", "python3 'my model.py'", "-d", make_benchmark(tmp / "b").relative_to(tmp), "-o", "run",
                         "-p", "core,prior_none", cwd=tmp))
    assert "exec (my model; unknown, unknown)" in done.stderr and "gives no logprob_text, logprob_label, n_tokens, ctx," in done.stderr, done.stderr
    assert "Not given by the engine, so measured nowhere: logprob_text, logprob_label," in done.stdout, done.stdout
    flips = {r["family"]: int(r["flips"]) for r in show(tmp / "run", "families")}
    assert flips["any (core-24)"] > 0, flips


def test_all_is_stored(tmp):
    """What the program says is what stands in the run."""
    spec = importlib.util.spec_from_file_location("program", PROGRAM)
    model = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(model)
    run = tmp / "run"
    done = good(undertow(*run_args(make_benchmark(tmp / "b", n_images=4), run, command(), "-p", "scale,prior", "--layers", "--generate", 12)))
    assert "Not given" not in done.stdout, done.stdout
    assert {r["channel"] for r in show(run, "drift")} == {c + n for c in ("ctx_open", "ctx_mcq", "ans_open", "ans_mcq", "ans_mcq_free") for n in ("", ".normed")} | {"vision"}
    profile = [r["channel"] for r in show(run, "layers") if r["family"] == "scale"]
    assert profile == ["vision.0", "vision.1", "vision.2", "vision", "llm.0", "llm.1", "llm.2", "ctx_mcq.normed"], profile

    raw = subprocess.run([sys.executable, "-c", "import sys, zlib, struct; exec(sys.stdin.read())"], input=UNFILTER, text=True, capture_output=True, check=True,
                         env=os.environ | {"PNG": str(tmp / "b" / "2.png")})
    width, height, pixels = json.loads(raw.stdout)
    pixels = bytes.fromhex(pixels)
    prompt = "[0]Question: Is it so, version 1?\nOptions:\nA. red\nB. dark green\nC. blue\nPlease select the correct answer from the options above."
    seen = model.mean_of(model.cells(width, height, pixels)[0])
    stored = {r["text"]: r for r in show(run, "scores") if r["id"] == "2-1" and r["variant"] == "clean"}
    for label, option in zip("ABC", ("red", "dark green", "blue")):
        row = stored[option]
        expected = model.score(seen, prompt, option)
        assert abs(float(row["logprob_text"]) - expected) < 1e-12 and abs(float(row["logprob"]) - expected + 0.1 * len(option)) < 1e-12, row
        assert abs(float(row["logprob_letter"]) - model.score(seen, prompt, label)) < 1e-12 and int(row["n_tokens"]) == len(option), row
        bare = model.score(model.vector("no image"), prompt[3:], option) - 0.1 * len(option)
        assert abs(float(row["logprob_no_image"]) - bare) < 1e-12, row
    of = {r["channel"]: [float(x) for x in r["vector"].split()] for r in show(run, "embeddings") if r["id"] == "2-1" and r["variant"] == "clean"}
    chosen = max(stored, key=lambda o: float(stored[o]["logprob"]))
    state = model.add(seen, model.vector(prompt))
    for channel, expected in (("vision", seen), ("ctx_mcq", state), ("ctx_mcq.normed", model.add(seen, model.vector(prompt, "normed"), 0.5)),
                              ("ans_mcq", model.add(seen, model.vector(chosen))), ("llm.2", state), ("ans_mcq_free", model.add(state, model.vector("greedy"))),
                              ("vision.1", [x * x for x in seen])):
        assert all(abs(a - b) < 1e-6 for a, b in zip(of[channel], expected, strict=True)), (channel, of[channel], expected)
    text = {r["prompt"]: r["text"] for r in show(run, "generations") if r["id"] == "2-1" and r["variant"] == "clean"}
    assert text["mcq"] == f"{max(seen):.2f} {prompt}"[:12], text
    # How far every token moved towards that of the white image, which has the same pixels in number.
    before, (_, _, columns) = model.cells(width, height, pixels)
    after, _ = model.cells(width, height, b"\xff" * len(pixels))
    moved = {(int(r["row"]), int(r["col"])): float(r["drift"]) for r in show(run, "token_drifts") if r["id"] == "2-1" and r["variant"] == "prior-white"}
    assert len(moved) == len(before) > 20 and columns > 1, moved
    for t, (a, b) in enumerate(zip(before, after)):
        assert abs(moved[t // columns, t % columns] - cosine_distance(a, b)) < 1e-6, (t, moved)


def cosine_distance(a, b):
    return 1 - math.sumprod(a, b) / math.hypot(*a) / math.hypot(*b)


def test_pieces_of_images(tmp):
    """Of one image in pieces all are its; of several in pieces nobody knows whose is whose."""
    make_benchmark(tmp / "b")
    ask = {"question": "Which?", "options": ["red", "blue"], "answer": "red"}
    for name, images in ("one", ["0.png"]), ("two", ["0.png", "1.png"]):
        (tmp / "b" / f"{name}.jsonl").write_text(json.dumps(ask | {"image": images}))
        for program, *options in ("whole",), ("cut", "--cut", "rows"):
            good(undertow(*run_args(tmp / "b" / f"{name}.jsonl", tmp / f"{name}-{program}", command(*options), "-p", "prior")))
    grids, drifts = {}, {}
    for run in (f"{n}-{p}" for n in ("one", "two") for p in ("whole", "cut")):
        tokens = [r for r in show(tmp / run, "token_drifts") if r["variant"] == "prior-white"]
        grids[run] = list(dict.fromkeys((r["image"], r["slice"]) for r in tokens))
        drifts[run] = [r["drift"] for r in tokens]
    assert drifts["one-cut"] == drifts["one-whole"] and drifts["two-cut"] == drifts["two-whole"] and len(set(drifts["two-cut"])) > 20, drifts
    assert grids == {"one-whole": [("0", "0")], "two-whole": [("0", "0"), ("1", "0")], "one-cut": [("0", "0"), ("0", "1")],
                     "two-cut": [("", "0"), ("", "1"), ("", "2"), ("", "3")]}, grids


# Reads a PNG of 8-bit RGB with the standard library.
UNFILTER = r"""
import json, os
data, at, packed = open(os.environ["PNG"], "rb").read(), 8, b""
while at < len(data):
    size, kind = struct.unpack(">I4s", data[at:at + 8])
    body = data[at + 8:at + 8 + size]
    if kind == b"IHDR":
        width, height, depth, colour = struct.unpack(">IIBB", body[:10])
        assert (depth, colour) == (8, 2)
    packed += body if kind == b"IDAT" else b""
    at += 12 + size
rows, last, out = zlib.decompress(packed), bytes(3 * width), b""
for y in range(height):
    kind, row = rows[y * (3 * width + 1)], bytearray(rows[y * (3 * width + 1) + 1:(y + 1) * (3 * width + 1)])
    for i in range(len(row)):
        a, b, c = row[i - 3] if i > 2 else 0, last[i], last[i - 3] if i > 2 else 0
        p = a + b - c
        paeth = min((a, b, c), key=lambda v: abs(p - v))
        row[i] = (row[i] + (0, a, b, (a + b) // 2, paeth)[kind]) % 256
    last, out = bytes(row), out + row
print(json.dumps([width, height, out.hex()]))
"""


def test_what_is_not_given(tmp):
    """No rows, and no zeros; what needs it is refused."""
    dataset, run = make_benchmark(tmp / "b"), tmp / "run"
    alone = command(*SCORES_ALONE)
    done = good(undertow(*run_args(dataset, run, alone)))
    assert "Not given by the engine, so measured nowhere: logprob_text, logprob_label, n_tokens, no_image, ctx" in done.stdout, done.stdout
    assert {r["channel"] for r in show(run, "measurements")} == {"image"}
    for view in "embeddings", "control_items", "drift", "layers", "generations", "auroc", "populations":
        assert show(run, view) == [], view
    for row in show(run, "scores"):
        empty = {name for name, value in row.items() if value == ""}
        assert empty == {"logprob_text", "n_tokens", "logprob_letter", "logprob_no_image", "logprob_less_no_image"}, row
    assert all(r["drift_ctx_mcq"] == r["drift_vision"] == r["error"] == "" and r["answer"] and r["margin"] for r in show(run, "trials"))
    assert [r["value"] for r in show(run, "identity") if r["key"].startswith("not given")][0].startswith("logprob_text, logprob_label"), show(run, "identity")
    good(undertow("show", run, "--format", "json"))

    bad(undertow("rescore", run, "--score", "letter", "-o", tmp / "new"), 2, "letter", "did not give")
    assert not (tmp / "new").exists()
    good(undertow("rescore", run, "--score", "byte", "-o", tmp / "new"))
    for option, word in (("--layers", "layers"), ("--generate=3", "text"), ("--score=text", "logprob_text"), ("--score=letter", "logprob_label"),
                         ("--score=image", "no_image"), ("-p=prior_none", "without an image")):
        bad(undertow(*run_args(dataset, tmp / "other", alone, *option.split("="))), 2, word)
    assert not (tmp / "other").exists()

    # A part of it: raw states alone, and of the layers the decoder's.
    part = command("--gives", "ctx,layers,options,logprob_label")
    good(undertow(*run_args(dataset, tmp / "part", part, "--layers", "-p", "scale,text_right")))
    assert {r["channel"] for r in show(tmp / "part", "drift")} == {"ctx_open", "ctx_mcq", "ans_mcq"}
    assert [r["channel"] for r in show(tmp / "part", "layers") if r["family"] == "scale"] == ["llm.0", "llm.1", "llm.2"]


# What costs a question and a start of the program, with words of the message.
NONSENSE = {
    "exit": ["ended with exit code 4", "the abacus broke"],
    "signal": ["signal 11"],
    "closed": ["closed its standard output"],
    "aside": ["“[31mSetting `pad_token_id` to 0”", "is no message"],
    "huge": ["1000000000000", "2147483648"],
    "negative": ["-1"],
    "endless": ["without the end of a line", "“xxxx"],
    "short": ["ended with exit code 0"],
    "beyond": ["answers[", "“ctx”", "whole within the"],
    "shape": ["“ctx”", "[1,8]", "[8]"],
    "shape of text": ["“ctx”", "a vector"],
    "count": ["answers to"],
    "scores": ["2 scores for 3 options"],
    "missing": ["no “ctx_normed”"],
    "grids": ["“vision”", "[6,8]"],
    "type": ["“anser”"],
    "list": ["“[1, 2]”", "no type"],
}
# What costs the question alone.
FAULTS = {"error": ["CUDA out of memory"], "nan": ["“ctx” whose value 0 is not a finite number"], "infinite": ["“logprob” that is not a finite number"]}


def one_fault(tmp, fault, words, *more):
    """The second image's first question goes wrong under every variant, and nothing else does."""
    log, name = tmp / f"{fault}.log", f"run-{fault}"
    # In a shell's place, so that the shell keeps no stream of its open.
    program = "exec " + command("--fault", fault, "--log", log, *more)
    done = good(undertow(*run_args(make_benchmark(tmp / "b", fault=1), tmp / name, program, "-p", "scale")))
    failures = show(tmp / name, "failures")
    assert [(f["id"], f["variant"]) for f in failures] == [("1-0", "clean")], (fault, failures, done)
    for word in ["the program 'exec ", *words]:
        assert word in failures[0]["reason"], (fault, word, failures[0]["reason"])
    fine = [t for t in show(tmp / name, "trials") if not t["error"]]
    assert {t["id"] for t in fine} == {"0-0", "0-1", "1-1", "2-0", "2-1"} and len([t for t in fine if t["variant"] == "scale0.9"]) == 5, (fault, fine)
    assert all(is_gone(pid) for pid in starts(log)), fault
    return len(starts(log))


def test_nonsense_costs_its_question(tmp):
    for fault, words in NONSENSE.items():
        # All of the image's questions together, then the one alone, and maybe variants that were under way.
        assert one_fault(tmp, fault, words) >= 3, fault
    assert one_fault(tmp, "unlisted", ["“ctx_normed”, which the hello does not give"], "--gives", "ctx") >= 3


def test_a_failure_costs_no_start(tmp):
    for fault, words in FAULTS.items():
        assert one_fault(tmp, fault, words) == 1, fault


def test_speaking_out_of_turn(tmp):
    """An answer too many, and output before the question was read, more than a pipe holds."""
    dataset = make_benchmark(tmp / "b", fault=1)
    good(undertow(*run_args(dataset, tmp / "twice", command("--fault", "twice"), "-p", "scale")))
    failures = show(tmp / "twice", "failures")
    # Whether it comes before the next question or after depends on who is quicker; the question after must never take it.
    assert failures and all("unasked: “{\"type\"" in f["reason"] or "its message has the id " in f["reason"] for f in failures), failures
    done = undertow(*run_args(dataset, tmp / "junk", command("--fault", "unasked"), "-p", "scale"))
    bad(done, 1, "5 questions in a row", "still here")


def test_hanging(tmp):
    log = tmp / "log"
    # Time enough for a start on a busy machine; what hangs does so for a minute.
    done = good(undertow(*run_args(make_benchmark(tmp / "b", n_images=2, fault=1), tmp / "run", command("--fault", "hang", "--log", log), "--timeout", 10, "-p",
                                   "scale")))
    failures = show(tmp / "run", "failures")
    assert [f["id"] for f in failures] == ["1-0"] and "gave no answer in 10 s (--timeout)" in failures[0]["reason"], (failures, done)
    assert all(is_gone(pid) for pid in starts(log))


def test_wrong_hellos(tmp):
    dataset = make_benchmark(tmp / "b", n_images=1)
    for fault, words in {"remark": ["“Loading checkpoint shards: 100%”", "loading the model"], "version": ["version 2", "speaks 1"],
                         "no protocol": ["undertow-exec"], "late": ["2 s"], "early end": ["exit code 3", "no such model"],
                         "unknown give": ["“ctx_norm”", "ctx_normed"], "no width": ["n_embd"], "binary": ["no message"]}.items():
        done = bad(undertow(*run_args(dataset, tmp / "run", command("--fault", fault), "--timeout", 2 if fault == "late" else 60)), 1, "exec-program.py", *words)
        assert done.stdout == "" and not (tmp / "run").exists(), fault
    mixed = bad(undertow(*run_args(make_benchmark(tmp / "six", n_images=6, questions=1), tmp / "mixed", command("--fault", "id"))), 1, "5 questions")
    wrong_id = re.search(r"has the id (\d+); the request's is (\d+)", mixed.stderr)
    assert wrong_id and int(wrong_id[1]) == int(wrong_id[2]) + 1, mixed.stderr
    bad(undertow(*run_args(dataset, tmp / "run", "no-such-program --model x")), 1, "'no-such-program --model x'", "exit code 127", "not found")
    bad(undertow(*run_args(dataset, tmp / "run", "true")), 1, "exit code 0")


def test_five_in_a_row_end_the_run(tmp):
    dataset, mended = make_benchmark(tmp / "b", n_images=8, questions=1, fault="all"), tmp / "mended"
    args = lambda name: run_args(dataset, tmp / name, command("--fault", "exit", "--unless", mended, "--log", tmp / "log"), "-p", "scale,rotation")
    bad(undertow(*args("run")), 1, "failed on 5 questions in a row", "exec-program.py", "the abacus broke")
    trials = show(tmp / "run", "trials")
    assert 0 < len(trials) <= 5 and all(t["error"] for t in trials), trials
    # What failed is tried again.
    mended.touch()
    good(undertow(*args("run")))
    assert show(tmp / "run", "failures") == []
    good(undertow(*args("whole")))
    assert exports(tmp / "run") == exports(tmp / "whole")


def test_another_program_is_refused(tmp):
    dataset, run = make_benchmark(tmp / "b", n_images=1), tmp / "run"
    once = lambda *args: undertow(*run_args(dataset, run, *args, "-p", "scale"))
    good(once(command()))
    bad(once(command("--model", "differences")), 2, "--command: ", "model: sums there, differences here")
    bad(once(command("--gives", "ctx")), 2, "not given by the engine: (none) there, logprob_text, ")
    # The same command may bring another model.
    shutil.copy(PROGRAM, tmp / "program.py")
    indirect = f"python3 {tmp / 'program.py'}"
    good(undertow(*run_args(dataset, tmp / "own", indirect, "-p", "scale")))
    (tmp / "program.py").write_text(PROGRAM.read_text().replace('"float32"', '"float16"'))
    other = bad(undertow(*run_args(dataset, tmp / "own", indirect, "-p", "scale")), 2, "program: dtype: float32 there, float16 here")
    assert "--command" not in other.stderr, other.stderr
    identity = {r["key"]: r["value"] for r in show(run, "identity")}
    assert identity["--command"] == command() and identity["model"] == "sums" and identity["device"] == "abacus", identity
    assert identity["engine versions"] == "sums 1.0" and identity["backends"] == "exec protocol 1", identity


def test_another_hello_after_a_failure(tmp):
    """A program that starts anew on other terms, as without its GPU, does not go on in the same run."""
    dataset = make_benchmark(tmp / "b", n_images=8, questions=1, fault=1)
    twice = f'n=$(cat "{tmp / "n"}" 2>/dev/null); echo "x$n" >"{tmp / "n"}"; exec {command("--fault", "exit", "--identity")} "dtype$n"'
    bad(undertow(*run_args(dataset, tmp / "run", twice, "-p", "scale")), 1, "says another hello than before", "dtypex")


def test_killed_goes_on(tmp):
    dataset = make_benchmark(tmp / "b", n_images=6)
    args = lambda name: run_args(dataset, tmp / name, command("--log", tmp / "log"), "-p", "translation,text_semantic,prior", "--generate", 5, "--layers")
    good(undertow(*args("whole")))
    rng = random.Random(3)
    for kill in (signal.SIGKILL, signal.SIGINT) * 3:
        (tmp / "log").unlink(missing_ok=True)
        process = subprocess.Popen([UNDERTOW, *map(str, args("cut"))], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        while process.poll() is None and len(lines(tmp / "log")) < 4:
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 0.2))
        process.send_signal(kill)
        err = process.communicate(timeout=60)[1]
        assert process.returncode in (0, -kill, 130), (process.returncode, err)
        assert all(is_gone(pid) for pid in starts(tmp / "log")), kill
    good(undertow(*args("cut")))
    assert exports(tmp / "cut") == exports(tmp / "whole")


def test_dies_with_the_run(tmp):
    """A program that hangs goes when the run is killed, and so do its children when the run gives it up."""
    dataset, log = make_benchmark(tmp / "b", n_images=6, questions=1, fault="all"), tmp / "log"
    process = subprocess.Popen([UNDERTOW, *map(str, run_args(dataset, tmp / "run", command("--fault", "hang", "--log", log)))], stderr=subprocess.PIPE)
    while len(lines(log)) < 2:
        time.sleep(0.01)
    process.kill()
    process.communicate(timeout=60)
    assert all(is_gone(pid) for pid in starts(log))

    child = tmp / "child"
    shell = f'sleep 600 & echo $! >"{child}"; {command("--fault", "hang", "--log", log)}; true'
    bad(undertow(*run_args(dataset, tmp / "other", shell, "--timeout", 4)), 1, "5 questions in a row")
    assert is_gone(int(child.read_text())) and all(is_gone(pid) for pid in starts(log))


def test_standard_error_passes(tmp):
    dataset = make_benchmark(tmp / "b", n_images=1)
    talking = f"echo 'a word of warning' >&2; exec {command()}"
    args = ["run", "--engine", "exec", "--command", talking, "-d", dataset, "-p", "scale", "-o"]
    done = good(undertow(*args, tmp / "run"))
    assert "a word of warning\n" in done.stderr, done.stderr
    quiet = good(undertow(*args, tmp / "other", "-q"))
    assert quiet.stderr == "", quiet.stderr


def test_options(tmp):
    dataset, out = make_benchmark(tmp / "b", n_images=1), tmp / "run"
    exec_ = undertow("list", "engines").stdout
    assert "exec " in exec_ and "--command" in exec_, exec_
    bad(undertow("run", "--engine", "exec", "-d", dataset, "-o", out), 2, "--command")
    for option in (["-m", "x.gguf"], ["-t", "2"], ["-ngl", "0"], ["-fa", "on"], ["--image-max-tokens", "9"]):
        bad(undertow(*run_args(dataset, out, command(), *option)), 2, option[0], "--engine exec")
    for option in (["--command", "true"], ["--timeout", "3"]):
        bad(undertow("run", "--engine", "mock", "-d", dataset, "-o", out, *option), 2, option[0], "exec alone")
    for seconds in ("0", "-3", "x"):
        bad(undertow(*run_args(dataset, out, command(), "--timeout", seconds)), 2, "--timeout")
    bad(undertow("run", "--engine", "exe", "--command", "true", "-d", dataset, "-o", out), 2, "exec")
    assert not out.exists()


if __name__ == "__main__":
    sys.exit(tap.run(globals()))
