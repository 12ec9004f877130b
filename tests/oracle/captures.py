#!/usr/bin/env python3
"""Computes from a real model's representations what a run publishes about them, from the formulas alone.

    python3 tests/oracle/captures.py UNDERTOW

It runs a bundled model, takes the representations that the run has stored (float32, clean and perturbed) and computes the distances between
them, how alike the populations are, and what the control drift can be. No code is shared with the C.
"""
import collections, itertools, json, math, struct, subprocess, sys, tempfile, zlib
from pathlib import Path

UNDERTOW = sys.argv[1]
CHANNELS = ("vision", "ctx_open", "ctx_mcq")
N_QUESTIONS, N_NEAREST = 14, 10


def view(run, name):
    shown = subprocess.run([UNDERTOW, "show", run, name, "--format", "json"], check=True, capture_output=True, text=True)
    return json.loads(shown.stdout)


def close(value, expected, what, relative=1e-6, absolute=1e-12):
    assert math.isclose(value, expected, rel_tol=relative, abs_tol=absolute), (what, value, expected)


def dot(a, b):
    return math.sumprod(a, b)


def norm(a):
    return math.sqrt(dot(a, a))


def less(a, b):
    return [x - y for x, y in zip(a, b)]


def cosine_distance(a, b):
    """As half the squared distance of the unit vectors, which loses nothing where they are near."""
    a, b = ([x / norm(v) for x in v] for v in (a, b))
    return dot(less(a, b), less(a, b)) / 2


def mean(vectors):
    return [math.fsum(column) / len(vectors) for column in zip(*vectors)]


class Run:
    def __init__(self, run):
        self.run = run
        self.vectors = {(r["channel"], r["variant"], r["id"]): [float(x) for x in r["vector"].split()] for r in view(run, "embeddings")}
        self.items = [i for c, v, i in self.vectors if (c, v) == ("ctx_mcq", "clean")]
        self.variants = list(dict.fromkeys(v for _, v, _ in self.vectors if v != "clean"))
        self.values = {(r["channel"], r["variant"], r["id"], r["metric"]): r["value"] for r in view(run, "measurements")}

    def pairs(self, channel, variant):
        return [(i, self.vectors[channel, "clean", i], self.vectors[channel, variant, i]) for i in self.items]


def test_is_worth_checking(run):
    assert len(run.items) == N_QUESTIONS and run.variants == ["translation+4", "scale0.9", "rotation-30", "rotation+30", "identity"], run.variants


def test_distances(run):
    for channel, variant in itertools.product(CHANNELS, run.variants):
        centre = mean([run.vectors[channel, "clean", i] for i in run.items])
        for i, clean, perturbed in run.pairs(channel, variant):
            value = lambda metric: run.values[channel, variant, i, metric]
            close(value("cosine_distance"), cosine_distance(clean, perturbed), (channel, variant, i), 1e-6, 1e-9)
            close(value("l2_distance"), norm(less(perturbed, clean)), (channel, variant, i))
            close(value("relative_l2"), norm(less(perturbed, clean)) / norm(clean), (channel, variant, i))
            # The centre is kept in float32, which moves a short vector's direction.
            close(value("centred_cosine_distance"), cosine_distance(less(clean, centre), less(perturbed, centre)), (channel, variant, i), 1e-4, 1e-9)
            if variant == "identity":
                assert value("cosine_distance") == value("l2_distance") == 0, (channel, i)


def centred_gram(vectors):
    n = len(vectors)
    gram = [[dot(a, b) for b in vectors] for a in vectors]
    rows = [math.fsum(row) / n for row in gram]
    whole = math.fsum(rows) / n
    return [[gram[i][j] - rows[i] - rows[j] + whole for j in range(n)] for i in range(n)]


def linear_cka(a, b):
    k, l = ([x for row in centred_gram(v) for x in row] for v in (a, b))
    return dot(k, l) / (norm(k) * norm(l))


def nearest(vectors, i):
    """The places of the vectors nearest to the i-th, by cosine."""
    others = [j for j in range(len(vectors)) if j != i]
    return set(sorted(others, key=lambda j: cosine_distance(vectors[i], vectors[j]))[:N_NEAREST])


def test_populations(run):
    rows = {(r["variant"], r["channel"], r["metric"]): r for r in view(run.run, "populations")}
    for channel, variant in itertools.product(CHANNELS, run.variants):
        clean, perturbed = ([pair[k] for pair in run.pairs(channel, variant)] for k in (1, 2))
        cka, knn = rows.pop((variant, channel, "linear_cka")), rows.pop((variant, channel, "mutual_knn"))
        close(cka["value"], linear_cka(clean, perturbed), (channel, variant))
        common = [len(nearest(clean, i) & nearest(perturbed, i)) / N_NEAREST for i in range(len(clean))]
        if channel != "vision":  # whose vectors questions on one image share: equally near ones
            close(knn["value"], math.fsum(common) / len(common), (channel, variant))
        assert cka["items"] == knn["items"] == N_QUESTIONS
    assert not rows, rows


def test_control(run):
    """Fewer than 25 others: the control drift is the mean distance to all of them."""
    found = collections.Counter()
    for row in view(run.run, "control_items"):
        if row["channel"] not in CHANNELS:
            continue
        own = run.vectors[row["channel"], "clean", row["id"]]
        others = [cosine_distance(own, run.vectors[row["channel"], "clean", i]) for i in run.items if i != row["id"]]
        close(row["mean_distance"], math.fsum(others) / len(others), row["id"], 1e-6, 1e-9)
        assert row["k"] == N_QUESTIONS - 1, row
        found[row["channel"]] += 1
    assert found == {c: N_QUESTIONS for c in CHANNELS}, found


def tokens(run, variant):
    """{item: {(row, column): drift}} of images of one grid."""
    found = collections.defaultdict(dict)
    for row in view(run, "token_drifts"):
        if row["variant"] == variant:
            assert row["image"] == row["slice"] == row["frame"] == 0, row
            found[row["id"]][row["row"], row["col"]] = row["drift"]
    return found


def test_tokens(run):
    """How far an image's tokens moved is what their mean was taken of."""
    compared = 0
    for variant in run.variants:
        moved = tokens(run.run, variant)
        for i in run.items:
            whole = run.values.get(("vision", variant, i, "token_drift"))
            assert (whole is None) == (i not in moved), (variant, i)
            if whole is None:
                continue
            close(math.fsum(moved[i].values()) / len(moved[i]), whole, (variant, i), 2 ** -24, 0)
            assert whole > 0 if variant != "identity" else not any(moved[i].values()), (variant, i)
            compared += whole > 0
    assert compared > N_QUESTIONS / 2, compared


def paint(path, colour_of):
    """A PNG of PATCHED tokens, 32 pixels a side each, with a little texture."""
    height, width = (32 * n for n in PATCHED)
    rows = b"".join(b"\0" + bytes(min(255, v + (7 * x + 3 * y) % 24) for x in range(width) for v in colour_of(y // 32, x // 32)) for y in range(height))
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
                     + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


PATCHED = 6, 9  # rows and columns of tokens


def test_one_patch(run):
    """Where a token's pixels alone are covered it moves further than any other, wherever it lies: tokens are where the map has them."""
    folder, places = Path(run.run).parent, [(0, 1), (1, 6), (4, 2), (5, 8)]
    colour = lambda row, column: (40 + 20 * column, 60 + 30 * row, 120)
    for n, place in enumerate(places):
        (folder / "covered" / str(n)).mkdir(parents=True)
        paint(folder / "covered" / str(n) / "image.png", lambda *at, place=place: (0, 0, 0) if at == place else colour(*at))
    paint(folder / "image.png", colour)
    (folder / "own.jsonl").write_text(json.dumps({"question": "Which?", "image": "image.png", "options": ["red", "blue"], "answer": "B"}))
    undertow_run("-d", folder / "own.jsonl", "-p", f"folder:{folder / 'covered'}", "-o", folder / "covered-run")
    for n, place in enumerate(places):
        moved, = tokens(folder / "covered-run", f"folder:{n}").values()
        assert len(moved) == math.prod(PATCHED), moved
        assert max(moved, key=moved.get) == place, (place, moved)


def undertow_run(*args):
    subprocess.run([UNDERTOW, "run", "-q", "-t", "1", "-m", "bundled:small", *args], check=True, stdout=subprocess.DEVNULL)


def main():
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run"
        undertow_run("-d", "bundled:perception", "--limit", str(N_QUESTIONS), "-p", "scale,rotation,translation:4,identity", "-o", path)
        run, bad = Run(path), 0
        tests = [test_is_worth_checking, test_distances, test_populations, test_control, test_tokens, test_one_patch]
        print(f"1..{len(tests)}")
        for n, test in enumerate(tests, 1):
            try:
                test(run)
                print(f"ok {n} {test.__name__}")
            except Exception as e:
                bad += 1
                print(f"not ok {n} {test.__name__}\n# {type(e).__name__}: {e}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
