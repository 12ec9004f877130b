#!/usr/bin/env python3
"""Paired comparisons once more, from method.md alone and in plain Python, held against `undertow compare`. Speaks TAP.

    paired.py UNDERTOW

Runs of the mock engine that differ as users' runs do: in other words and fewer questions, with other variants, a question that has changed
and one that fails; a bundled benchmark whose labels a perturbation can change, decided by another score. From the raw rows of both it matches
questions and variants, computes every quantity of each side over what both have, draws the images again with the same generator, and tests
discordant pairs: by images over all choices of signs, counted in whole numbers, and one by one by the binomial distribution.
"""
import collections, csv, functools, importlib, json, math, statistics, subprocess, sys, tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from splitmix import Rng

views = importlib.import_module("views")
UNDERTOW = sys.argv[1]
N_DRAWS = 10000
QUANTITIES = {"accuracy", "delta_accuracy", "IFR", "IV", "delta_margin", "precision", "recall", "FPR", "yes_rate", "percent", "hidden_percent"}
DRAWN = {("clean", "accuracy"), ("rotation", "IFR"), ("rotation", "hidden_percent"), ("any (all)", "accuracy"), ("any (all)", "IFR"),
         ("any (all)", "recall"), ("any (all)", "delta_margin"), ("translation", "hidden_percent")}


# ── the runs ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────


def run(folder, name, dataset, *more):
    subprocess.run([UNDERTOW, "run", "--engine", "mock", "-q", "-d", dataset, "-o", folder / name, *more], check=True, stdout=subprocess.DEVNULL)
    return folder / name


def make_own(folder):
    """Two files of the same benchmark, as it was and a later version of it; the runs on them, and the questions that are the same in both."""
    for i in range(16):
        views.cli.png(folder / f"{i}.png", 96 + 32 * (i % 4), 96 + 32 * (i % 3), i)
    questions = {}
    for version in "old", "new":
        with open(folder / f"{version}.csv", "w", newline="") as f:
            rows = csv.writer(f)
            rows.writerow(["id", "image", "question", "A", "B", "C", "answer", "category", "image_id"])
            for i in range(16):
                for q in range(3):
                    name, cluster, text = f"{i}-{q}", f"cluster{i // 2}", f"Which, {q}?"
                    right = (i + q) % 3
                    if (version, i) in (("old", 15), ("new", 14)):
                        continue
                    if version == "new":
                        text = {"2-0": "Which of them?", "5-1": "[mock:error]"}.get(name, text)
                        right = (right + 1) % 3 if name == "7-1" else right
                    if q == 2:
                        rows.writerow([name, f"{i}.png", text, "", "", "", "no" if i % 2 else "yes", "yn", cluster])
                        questions[version, name] = (i % 2, True, cluster, "yn")
                    else:
                        rows.writerow([name, f"{i}.png", text, "p", "q", "r", "ABC"[right], "mc", cluster])
                        questions[version, name] = (right, False, cluster, "mc")
    of = lambda version: {name: q for (v, name), q in questions.items() if v == version}
    old = run(folder, "old.run", folder / "old.csv")
    new = run(folder, "new.run", folder / "new.csv", "--prompt", "vlmevalkit", "--score", "sum", "--seed", "5", "-p",
              "translation,rotation,jpeg,text_empty,text_semantic,prior")
    same = set(of("old")) & set(of("new")) - {"2-0", "5-1", "7-1"}
    return views.Run(old, of("old")), views.Run(new, of("new")), same


def make_bundled(folder, task, limit, perturbations):
    """The same model's answers in other words and by another score, in a shorter run."""
    full = run(folder, f"{task}.run", f"bundled:{task}", "--limit", str(limit), "-p", perturbations, "--layers")
    part = run(folder, f"{task}-bytes.run", f"bundled:{task}", "--limit", str(limit - 20), "-p", perturbations, "--score", "byte", "--prompt",
               "lmms-eval")
    a, b = views.Run(full, views.questions_of(full, task)), views.Run(part, views.questions_of(part, task), "byte")
    return a, b, set(a.questions) & set(b.questions)


def compare(*runs):
    done = subprocess.run([UNDERTOW, "compare", *runs, "-f", "json"], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


# ── what both have ────────────────────────────────────────────────────────────────────────────────────────────────────────────────


def joint(own, other):
    """The label of an answer: unjudged in one, unjudged in both."""
    if own is None and other is None:
        return None
    return (other or "holds") if (own or "holds") == "holds" else own


class Pair:
    def __init__(self, a, b, same):
        self.a, self.b = a, b
        trials = {x for x in a.scores if x[0] in same and x in b.scores}
        trials = {(i, v) for i, v in trials if (i, "clean") in trials}
        labels = {x: (a.label[x], b.label[x]) for x in trials}
        for run, own, other in (a, 0, 1), (b, 1, 0):
            run.items = [i for i in run.items if (i, "clean") in trials]
            run.variants = [v for v in run.variants if any(x == v for _, x in trials)]
            run.scores = {x: s for x, s in run.scores.items() if x in trials}
            run.label |= {x: joint(l[own], l[other]) for x, l in labels.items()}
            run.control = {c: {i: d for i, d in values.items() if (i, "clean") in trials} for c, values in run.control.items()}
        self.images = sorted({a.cluster(i) for i in a.items})
        self.seed = int({r["key"]: r["value"] for r in views.view(a.run, "identity")}["--seed"])

    def pools(self):
        yield "clean", ["clean"]
        yield from self.a.pools()

    def instances(self, variants):
        return [(i, v) for i in self.a.items for v in variants if (i, v) in self.a.scores]

    def channels(self):
        return [c for c in self.a.control if c in self.b.control and not c.endswith(".normed")]

    def parts(self, run, variants):
        """(quantity, channel) → image → its part of the sums."""
        found = collections.defaultdict(dict)
        for image in self.images:
            items = [i for i in run.items if run.cluster(i) == image]
            instances = [(i, v) for i, v in self.instances(variants) if i in items]
            of_answers = views.sums_of_answers(run, items, instances)
            if variants == ["clean"]:
                of_answers = {q: s for q, s in of_answers.items() if q in ("accuracy", "precision", "recall", "FPR", "yes_rate")}
                found["margin", None][image] = (math.fsum(run.m(i, "clean") for i in items), len(items))
            for quantity, sums in of_answers.items():
                found[quantity, None][image] = sums
            for channel in self.channels() if variants != ["clean"] else ():
                for quantity, sums in views.sums_of_drift(run, channel, items, instances).items():
                    found[quantity, channel][image] = sums
        return {key: parts for key, parts in found.items() if key[0] in QUANTITIES | {"margin"}}

    @functools.cached_property
    def draws(self):
        n = len(self.images)
        rng = Rng.for_purpose(self.seed, "", "bootstrap", n)
        return [[self.images[rng.below(n)] for _ in range(n)] for _ in range(N_DRAWS)]


def combine(sums):
    if any(b == 0 for b in sums[1::2]):
        return None
    return sums[0] / sums[1] if len(sums) == 2 else sums[0] / sums[1] / (sums[2] / sums[3]) if sums[2] else None


def value_of(parts, images):
    terms = len(next(iter(parts.values())))
    return combine([math.fsum(parts[i][t] for i in images if i in parts) for t in range(terms)])


def student_quantile(p, freedom):
    """By Simpson's rule over the density, and halving."""
    scale = math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)) / math.sqrt(freedom * math.pi)
    density = lambda x: scale * (1 + x * x / freedom) ** (-(freedom + 1) / 2)

    def below(t):
        h = t / 2000
        return 0.5 + h / 3 * math.fsum(density(k * h) * (1 if k in (0, 2000) else 4 if k % 2 else 2) for k in range(2001))

    low, high = 0.0, 50.0
    while high - low > 1e-10:
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) < p else (low, middle)
    return low


def interval(values, n):
    """Hesterberg's expanded percentiles; a draw without a value counts against both bounds."""
    tail = statistics.NormalDist().cdf(-student_quantile(0.975, n - 1) * math.sqrt(n / (n - 1)))

    def quantile(values, q):
        rank = q * (len(values) - 1)
        below = math.floor(rank)
        return values[below] + (rank - below) * (values[min(below + 1, len(values) - 1)] - values[below])

    low = quantile(sorted(-math.inf if v is None else v for v in values), tail)
    high = quantile(sorted(math.inf if v is None else v for v in values), 1 - tail)
    return (low, high) if math.isfinite(low) and math.isfinite(high) else (None, None)


# ── tests ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────


def less(b, a):
    return None if a is None or b is None else b - a


def test_differences(pair, found):
    rows = {(r["family"], r["quantity"], r["channel"]): r for r in found["differences"]}
    drawn = 0
    same_score = all(r["key"] != "--score" for r in found["differs"])
    for name, variants in pair.pools():
        a, b = pair.parts(pair.a, variants), pair.parts(pair.b, variants)
        for key in a:
            if key[0].endswith("margin") and not same_score:
                continue
            where, row = (name, *key), rows.pop((name, *key))
            va, vb = value_of(a[key], pair.images), value_of(b[key], pair.images)
            n = min(sum(part[1] != 0 for part in side[key].values()) for side in (a, b))
            views.check(dict(reference=va, value=vb, difference=less(vb, va), images=n), row, where)
            assert row["low"] is None or row["low"] <= row["difference"] <= row["high"], row
            if (name, key[0]) in DRAWN and key[1] in (None, "ctx_mcq"):
                values = [less(value_of(b[key], draw), value_of(a[key], draw)) for draw in pair.draws]
                views.check(dict(zip(("low", "high"), interval(values, n))), row, where)
                drawn += 1
    assert not rows, list(rows)
    assert drawn >= 6, drawn


def signs(differences):
    """P(|Σ ±d| ≥ |Σ d|): choices of signs counted by their sum, in whole numbers."""
    counts = {0: 1}
    for d in differences:
        counts, before = collections.Counter(), counts
        for total, n in before.items():
            counts[total + d] += n
            counts[total - d] += n
    return sum(n for total, n in counts.items() if abs(total) >= abs(sum(differences))) / 2 ** len(differences)


def discordant(pair, test, variants):
    """Image → [pairs, only the first, only the other]."""
    images = collections.defaultdict(lambda: [0, 0, 0])
    for i, v in pair.instances(variants):
        if test == "flips":
            a, b = pair.a.flip(i, v), pair.b.flip(i, v)
        elif pair.a.label[i, v] in (None, "holds") and pair.b.label[i, v] in (None, "holds"):
            a, b = (run.answer(i, v) == run.right(i) for run in (pair.a, pair.b))
        else:
            continue
        counts = images[pair.a.cluster(i)]
        counts[0] += 1
        counts[1] += a and not b
        counts[2] += b and not a
    return images


def expected_tests(pair):
    for name, variants in pair.pools():
        for test in ("clean",) if name == "clean" else ("accuracy", "flips"):
            images = discordant(pair, test, variants).values()
            if images:
                pairs, first, other = (sum(c) for c in zip(*images))
                yield test, name, dict(pairs=pairs, images=len(images), only_reference=first, only_run=other,
                                       p=signs([o - f for _, f, o in images]), p_mcnemar=views.binomial_two_sided(first, first + other))


def test_tests(pair, found):
    rows = {(r["test"], r["family"]): r for r in found["tests"]}
    ps = collections.defaultdict(dict)
    for test, name, expected in expected_tests(pair):
        views.check(expected, rows[test, name], (test, name))
        if not name.startswith("any ("):
            ps[test][name] = expected["p"]
    corrected = {(test, name): p for test, by_name in ps.items() for name, p in views.holm(by_name).items()}
    for key, row in rows.items():
        views.check(dict(p_holm=corrected.get(key)), row, key)
    assert len(rows) == len(list(expected_tests(pair)))


def test_matched(pair, found):
    (row,) = found["matched"]
    instances = pair.instances(pair.a.variants)
    views.check(dict(questions=len(pair.a.items), images=len(pair.images), variants=len({v for _, v in instances}), instances=len(instances)),
                row, "matched")


def test_worth_checking(pair, found):
    assert len(pair.a.items) >= 20 and len(pair.images) >= 6, (len(pair.a.items), pair.images)
    differing = [r for r in found["differences"] if r["difference"]]
    assert len(differing) > len(found["differences"]) / 2, len(differing)
    assert any(0 < r["p"] < 1 and not math.isclose(r["p"], r["p_mcnemar"]) for r in found["tests"]), found["tests"]


def test_holm_over_runs(pair, found):
    """A third run, the first once more: its tests count, too."""
    both = compare(pair.a.run, pair.b.run, pair.a.run)
    for test in "clean", "accuracy", "flips":
        ps = {(r["run"], r["family"]): r["p"] for r in both["tests"] if r["test"] == test and not r["family"].startswith("any (")}
        expected = views.holm({key: p for key, p in ps.items()})
        for r in both["tests"]:
            if r["test"] == test and (r["run"], r["family"]) in ps:
                views.check(dict(p_holm=expected[r["run"], r["family"]]), r, (test, r["family"]))
    alone = {(r["family"], r["quantity"], r["channel"]): r for r in found["differences"]}
    for r in both["differences"]:
        if r["run"] == 1:
            views.check({k: alone[r["family"], r["quantity"], r["channel"]][k] for k in ("reference", "value", "low", "high")}, r, "alone")
        else:
            assert r["difference"] in (0, None) and r["low"] in (0, None) and r["high"] in (0, None), r
    assert all(r["p"] == r["p_mcnemar"] == 1 for r in both["tests"] if r["run"] == 2)


def main():
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        tests = []
        for name, made in (("own", make_own(folder)), ("perception", make_bundled(folder, "perception", 60, "translation,rotation,text_semantic,occlusion")),
                           ("presence", make_bundled(folder, "presence", 164, "rotation,text_semantic,occlusion"))):
            found = compare(made[0].run, made[1].run)
            pair = Pair(*made)
            tests += [(name, f, (pair, found)) for key, f in globals().items() if key.startswith("test_")]
        print(f"1..{len(tests)}")
        for n, (name, test, values) in enumerate(tests, 1):
            try:
                test(*values)
                print(f"ok {n} {test.__name__} {name}", flush=True)
            except Exception as e:
                bad += 1
                print(f"not ok {n} {test.__name__} {name}\n# {type(e).__name__}: {e}", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
