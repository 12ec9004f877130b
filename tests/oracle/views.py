#!/usr/bin/env python3
"""The published formulas once more, from method.md alone and in plain Python, held against the views of a run. Speaks TAP.

    views.py UNDERTOW

It runs the mock engine on a benchmark of its own (four options and yes/no, several questions an image, one that fails, one image that
cannot be read) and on two bundled ones, whose labels a perturbation can change; takes the raw rows (scores, measurements, control
drifts, trials' failures and labels) and computes what `families`, `transitions`, `accuracy`, `drift` and `items` publish. Agreement: 1e-9
relative, since both add the same doubles. It does the same with runs that another score decides, when they were made or later.
"""
import collections, csv, io, json, math, statistics, subprocess, sys, tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import importlib

UNDERTOW = sys.argv[1]
cli = importlib.import_module("test-cli")

CORE = {"translation", "pad_crop", "scale", "scale_pad", "rotation", "text_semantic"}


def make_own(folder):
    """The run's file, and its questions by id: index of the right option, whether it is a yes/no question, cluster, category."""
    questions = {}
    with open(folder / "own.csv", "w", newline="") as f:
        rows = csv.writer(f)
        rows.writerow(["id", "image", "question", "A", "B", "C", "D", "answer", "category", "image_id"])
        for i in range(14):
            cli.png(folder / f"{i}.png", 96 + 32 * (i % 4), 96 + 32 * (i % 3), i)
            for q in range(3):
                name, cluster = f"{i}-{q}", f"cluster{i // 2}"
                text = "[mock:error]" if name == "3-1" else f"Which, {q}?"
                if q == 2:
                    questions[name] = ((i + 1) % 2, True, cluster, "yn")
                    rows.writerow([name, f"{i}.png", text, "", "", "", "", "yes" if i % 2 else "no", "yn", cluster])
                else:
                    questions[name] = ((i + q) % 4, False, cluster, f"c{q}")
                    rows.writerow([name, f"{i}.png", text, "p", "q", "r", "s", "ABCD"[(i + q) % 4], f"c{q}", cluster])
    (folder / "5.png").write_bytes(b"no image")
    subprocess.run([UNDERTOW, "run", "--engine", "mock", "-q", "-d", folder / "own.csv", "-o", folder / "run"], check=True,
                   stdout=subprocess.DEVNULL)
    return folder / "run", questions


def make_bundled(folder, task, limit):
    """The same of a bundled benchmark: its right answers are read from the options that the scores were of."""
    run = folder / task
    subprocess.run([UNDERTOW, "run", "--engine", "mock", "-q", "-d", f"bundled:{task}", "--limit", str(limit), "-p",
                    "translation,rotation,text_empty", "-o", run], check=True, stdout=subprocess.DEVNULL)
    return run, questions_of(run, task)


def questions_of(run, task):
    texts = {(r["id"], r["text"]): r["option"] for r in view(run, "scores")}
    return {i["id"]: (texts[i["id"], i["right_answer"]], task == "presence", i["image_id"], i["category"]) for i in view(run, "items")}


def make_scored(folder, score):
    """A run that a score decides from the beginning. No overlays, which depend on the clean answers."""
    run = folder / f"perception-by-{score}"
    subprocess.run([UNDERTOW, "run", "--engine", "mock", "-q", "-d", "bundled:perception", "--limit", "42", "--score", score, "-p",
                    "translation", "-o", run], check=True, stdout=subprocess.DEVNULL)
    return run


def rescore(run, score):
    new = run.with_name(f"{run.name}-then-{score}")
    subprocess.run([UNDERTOW, "rescore", run, "--score", score, "-o", new], check=True, stdout=subprocess.DEVNULL)
    return new


def view(run, name):
    shown = subprocess.run([UNDERTOW, "show", run, name, "--format", "json"], check=True, capture_output=True, text=True)
    return json.loads(shown.stdout)


# §3: the score of an option from what is stored of it.
FORMS = {
    "sum": lambda r: r["logprob"],
    "text": lambda r: r["logprob_text"],
    "byte": lambda r: r["logprob"] / len(r["text"].encode()),
    "letter": lambda r: r["logprob_letter"],
    "image": lambda r: r["logprob"] - r["logprob_no_image"],
}


def summary(run):
    """All tables of the summary at once, but for the one row that tells what the overlays were chosen by."""
    shown = subprocess.run([UNDERTOW, "show", run, "--format", "json"], check=True, capture_output=True, text=True)
    return {name: rows for name, rows in json.loads(shown.stdout).items() if name != "overview"}


class Run:
    """The raw rows of a run, by item and variant; of these, the score that decides is computed."""

    def __init__(self, run, questions, score="sum"):
        self.run, self.questions = run, questions
        self.scores = collections.defaultdict(dict)
        for row in view(run, "scores"):
            self.scores[row["id"], row["variant"]][row["option"]] = FORMS[score](row)
        self.values = {(r["id"], r["variant"], r["channel"], r["metric"]): r["value"] for r in view(run, "measurements")}
        self.control = collections.defaultdict(dict)
        for row in view(run, "control_items"):
            self.control[row["channel"]][row["id"]] = row["mean_distance"]
        trials = view(run, "trials")
        self.family = {t["variant"]: t["family"] for t in view(run, "transitions")}  # those that apply to no question here, too
        self.items = [i for i in questions if (i, "clean") in self.scores]
        self.variants = list(self.family)
        self.label = {(t["id"], t["variant"]): t["label"] for t in trials}

    def right(self, item):
        return self.questions[item][0]

    def judged(self, instances):
        """Those that there is a right answer to."""
        return [x for x in instances if self.label[x] in (None, "holds")]

    def unjudged(self, instances):
        return len(instances) - len(self.judged(instances)) if any(self.label[x] for x in instances) else None

    def answer(self, item, variant):
        scores = self.scores[item, variant]
        return max(sorted(scores), key=lambda k: scores[k])  # the first of equals

    def margin(self, item, variant, option):
        scores = self.scores[item, variant]
        return scores[option] - max(s for k, s in scores.items() if k != option)

    def instances(self, variants):
        return [(i, v) for i in self.items for v in variants if (i, v) in self.scores]

    def pools(self):
        families = list(dict.fromkeys(self.family[v] for v in self.variants))
        yield from ((f, [v for v in self.variants if self.family[v] == f]) for f in families)
        core = [v for v in self.variants if self.family[v] in CORE]
        yield f"any (core-{len(core)})", core
        yield "any (all)", self.variants


def mean(values):
    values = list(values)
    return math.fsum(values) / len(values) if values else None


def entropy(answers):
    counts = collections.Counter(answers)
    return -math.fsum(c / len(answers) * math.log(c / len(answers)) for c in counts.values())


def transitions(run, instances):
    counts = collections.Counter()
    for i, v in run.judged(instances):
        right = run.right(i)
        counts["RW"[run.answer(i, "clean") != right] + "RW"[run.answer(i, v) != right]] += 1
    return {k: counts[k] for k in ("RR", "RW", "WR", "WW")} | {"unjudged": run.unjudged(instances)}


def expected_family(run, variants):
    instances = run.instances(variants)
    flips = [(i, v) for i, v in instances if run.answer(i, v) != run.answer(i, "clean")]
    asked = {i for i, _ in instances}
    n, counts, judged = len(instances), transitions(run, instances), len(run.judged(instances))
    cluster = lambda i: run.questions[i][2]
    y0 = {i: run.answer(i, "clean") for i in asked}
    return dict(
        variants=len(variants), questions=len(asked), instances=n, flips=len(flips), IFR=len(flips) / n,
        IV=len({i for i, _ in flips}) / len(asked),
        IV_image=len({cluster(i) for i, _ in flips}) / len({cluster(i) for i in asked}), **counts,
        accuracy=(counts["RR"] + counts["WR"]) / judged, delta_accuracy=(counts["WR"] - counts["RW"]) / judged,
        entropy=mean(entropy([y0[i]] + [run.answer(j, v) for j, v in instances if j == i]) for i in asked),
        delta_margin=mean(run.margin(i, v, y0[i]) - run.margin(i, "clean", y0[i]) for i, v in instances),
        delta_logp=mean(run.scores[i, v][y0[i]] - run.scores[i, "clean"][y0[i]] for i, v in instances))


def expected_accuracy(run, instances):
    judged = run.judged(instances)
    yn = [(run.answer(i, v), run.right(i)) for i, v in judged if run.questions[i][1]]
    tp, fp = yn.count((0, 0)), yn.count((0, 1))
    fn, tn = yn.count((1, 0)), yn.count((1, 1))
    ratio = lambda a, b: a / b if b else None
    return dict(instances=len(instances), unjudged=run.unjudged(instances),
                accuracy=mean(run.answer(i, v) == run.right(i) for i, v in judged), yes_no=len(yn),
                precision=ratio(tp, tp + fp), recall=ratio(tp, tp + fn), F1=ratio(2 * tp, 2 * tp + fp + fn),
                FPR=ratio(fp, fp + tn), yes_rate=ratio(tp + fp, len(yn)))


def drift_of(run, channel, instances):
    """Mean PD in % of mean CD with its deviation, and Cohen's d; PD_i is the mean over an item's instances."""
    by_item = collections.defaultdict(list)
    for i, v in instances:
        by_item[i].append(run.values[i, v, channel, "drift"])
    pd = [mean(d) for d in by_item.values()]
    cd = [run.control[channel][i] for i in run.items]
    if not pd:
        return None, None, None
    sd = statistics.stdev(pd) if len(pd) > 1 else None
    pooled = math.sqrt(((len(pd) - 1) * (sd or 0) ** 2 + (len(cd) - 1) * statistics.stdev(cd) ** 2) / (len(pd) + len(cd) - 2))
    return 100 * mean(pd) / mean(cd), None if sd is None else 100 * sd / mean(cd), (mean(pd) - mean(cd)) / pooled


def expected_drift(run, channel, variants):
    instances = run.instances(variants)
    kept = [(i, v) for i, v in instances if run.answer(i, v) == run.answer(i, "clean")]
    flipped = [x for x in instances if x not in set(kept)]
    percent, sd, d = drift_of(run, channel, instances)
    hidden, hidden_sd, _ = drift_of(run, channel, kept)
    expected = dict(instances=len(instances), cos=mean(1 - run.values[i, v, channel, "drift"] for i, v in instances),
                    l2=mean(run.values[i, v, channel, "l2"] for i, v in instances), percent=percent, percent_sd=sd, cohens_d=d,
                    kept=len(kept), hidden_percent=hidden, hidden_percent_sd=hidden_sd, flipped=len(flipped),
                    flipped_percent=drift_of(run, channel, flipped)[0])
    if channel == "vision":
        energy = lambda i, v: run.values[i, v, "vision", "dirichlet"]
        expected["delta_dirichlet"] = mean(energy(i, v) - energy(i, "clean") for i, v in instances)
    return expected


def check(expected, row, where):
    for key, want in expected.items():
        have = row[key]
        if want is None or have is None:
            assert want is None and have is None, (where, key, want, have)
        else:
            assert math.isclose(want, have, rel_tol=1e-9, abs_tol=1e-12), (where, key, want, have)


# ── tests ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_families(run):
    rows = {r["family"]: r for r in view(run.run, "families")}
    for name, variants in run.pools():
        check(expected_family(run, variants), rows.pop(name), name)
    assert not rows, rows


def test_transitions(run):
    rows = {r["variant"]: r for r in view(run.run, "transitions")}
    for v in run.variants:
        check(transitions(run, run.instances([v])), rows[v], v)


def test_accuracy(run):
    rows = {(r["category"], r["family"]): r for r in view(run.run, "accuracy")}
    categories = {"all": run.items}
    for i in run.items:
        categories.setdefault(run.questions[i][3], []).append(i)
    for category, items in categories.items():
        check(expected_accuracy(run, [(i, "clean") for i in items]), rows[category, "clean"], (category, "clean"))
        for name, variants in run.pools():
            instances = [(i, v) for i, v in run.instances(variants) if i in items]
            check(expected_accuracy(run, instances), rows[category, name], (category, name))


def test_drift(run):
    rows = {(r["channel"], r["family"]): r for r in view(run.run, "drift")}
    for channel in run.control:
        for name, variants in run.pools():
            check(expected_drift(run, channel, variants), rows.pop((channel, name)), (channel, name))
    assert not rows, rows


def test_image_sums(run):
    """Each image's part on its own, from the raw rows."""
    cluster = lambda i: f"cluster{int(i.split('-')[0]) // 2}"
    flip = lambda i, v: run.answer(i, v) != run.answer(i, "clean")
    false_yes = lambda i, v: run.right[i] == (1, True) and run.answer(i, v) == 0
    negative = lambda i: run.right[i] == (1, True)
    rows = {(r["family"], r["quantity"], r["channel"], r["image_id"]): [r[k] for k in "abcd"] for r in view(run.run, "image_sums")}
    for name, variants in run.pools():
        for image in sorted({cluster(i) for i in run.items}):
            items = [i for i in run.items if cluster(i) == image]
            instances = [(i, v) for i, v in run.instances(variants) if i in items]
            right = sum(run.answer(i, v) == run.right[i][0] for i, v in instances)
            before = sum(run.answer(i, "clean") == run.right[i][0] for i, _ in instances)
            expected = {"accuracy": (right, len(instances)), "delta_accuracy": (right - before, len(instances)),
                        "IFR": (sum(flip(i, v) for i, v in instances), len(instances)),
                        "IV": (len({i for i, v in instances if flip(i, v)}), len({i for i, _ in instances}))}
            if any(map(negative, items)):
                false = (sum(false_yes(i, v) for i, v in instances), sum(negative(i) for i, _ in instances))
                clean = (sum(false_yes(i, "clean") for i in items), sum(map(negative, items)))
                expected |= {"FPR": false, "delta_FPR": false + clean}
            for quantity, sums in expected.items():
                assert rows[name, quantity, None, image] == list(sums) + [None] * (4 - len(sums)), (name, quantity, image)
            for quantity, chosen in ("percent", instances), ("hidden_percent", [x for x in instances if not flip(*x)]):
                pd = collections.defaultdict(list)
                for i, v in chosen:
                    pd[i].append(run.values[i, v, "ctx_mcq", "drift"])
                cd = [run.control["ctx_mcq"][i] for i in items]
                sums = 100 * math.fsum(map(mean, pd.values())), len(pd), math.fsum(cd), len(cd)
                check(dict(zip("abcd", sums)), dict(zip("abcd", rows[name, quantity, "ctx_mcq", image])), (name, quantity, image))


def test_intervals(run):
    """Their values are those of the other views, and lie between their bounds."""
    rows = {(r["family"], r["quantity"], r["channel"]): r for r in view(run.run, "intervals")}
    published = {(r["family"], q, None): r[q] for r in view(run.run, "families") for q in ("IFR", "IV", "accuracy", "delta_accuracy")}
    fpr = {r["family"]: r["FPR"] for r in view(run.run, "accuracy") if r["category"] == "all"}
    published |= {(f, "FPR", None): rate for f, rate in fpr.items()}
    published |= {(f, "delta_FPR", None): rate - fpr["clean"] for f, rate in fpr.items() if f != "clean"}
    published |= {(r["family"], q, r["channel"]): r[q] for r in view(run.run, "drift") for q in ("percent", "hidden_percent")}
    for key, value in published.items():
        row = rows.pop(key)
        check(dict(value=value), row, key)
        assert row["low"] <= row["value"] <= row["high"], row
    assert set(rows) == {("clean", "accuracy", None)}, rows


def test_items(run):
    for row in view(run.run, "items"):
        if row["id"] not in run.items:
            assert row["margin"] is None and row["instances"] == 0, row
            continue
        i, instances = row["id"], [x for x in run.instances(run.variants) if x[0] == row["id"]]
        y0 = run.answer(i, "clean")
        check(dict(margin=run.margin(i, "clean", y0), margin_right=run.margin(i, "clean", run.right(i)), instances=len(instances),
                   flips=sum(run.answer(*x) != y0 for x in instances), entropy=entropy([y0] + [run.answer(*x) for x in instances])),
              row, i)


def test_scores(run):
    """Every form of an option's score, and what is equal in all of a question's trials."""
    published = {"byte": "logprob_per_byte", "image": "logprob_less_no_image", "sum": "deciding"}
    unseen = collections.defaultdict(set)
    for row in view(run.run, "scores"):
        for form, column in published.items():
            check({column: FORMS[form](row)}, row, (row["id"], row["variant"], form))
        unseen[row["id"], row["option"]].add(row["logprob_no_image"])
        if run.questions[row["id"]][1]:
            assert row["logprob_letter"] == row["logprob_text"], row
    assert all(len(values) == 1 and None not in values for values in unseen.values()), unseen
    assert len({next(iter(v)) for v in unseen.values()}) > 2


def test_predictions(run):
    """The stored answer of every trial is the option with the largest score."""
    labels = {(r["id"], r["option"]): r["text"] for r in view(run.run, "scores")}
    for t in view(run.run, "trials"):
        if t["error"] is None:
            assert t["answer"] == labels[t["id"], run.answer(t["id"], t["variant"])], t


def test_scores_decide(scored):
    """Five scores, five sets of answers; decided later they are those decided at once, in all that is derived; there and back is nothing."""
    answers, decided_later = {}, {}
    for score, run in reversed(scored.items()):  # back to the paper's at last
        test_predictions(Run(run, questions_of(run, "perception"), score))
        answers[score] = tuple(t["answer"] for t in view(run, "trials"))
        later = decided_later[score] = rescore(decided_later["letter"] if score == "sum" else scored["sum"], score)
        assert summary(run) == summary(later) and view(run, "trials") == view(later, "trials"), score
        told = {r["key"]: r["value"] for r in view(later, "identity")}
        assert told["--score"] == score and told.get("overlays chosen by") == (None if score == "sum" else "sum"), told
    assert len(set(answers.values())) == len(FORMS), {s: hash(a) for s, a in answers.items()}


def test_own_is_worth_checking(own):
    flips = expected_family(own, own.variants)["flips"]
    assert 20 < flips < len(own.instances(own.variants)) - 20, flips
    assert len(own.items) == 3 * 14 - 3 - 1, own.items
    failed = {f["id"] for f in view(own.run, "failures")}
    assert failed == {"3-1", "5-0", "5-1", "5-2"}, failed
    assert set(own.label.values()) == {None}


def test_bundled_is_worth_checking(presence, perception):
    for run in presence, perception:
        labels = collections.Counter(run.label.values())
        assert labels["holds"] > 100 and labels["doubtful"] > 4, labels
        assert {run.label[i, "clean"] for i in run.items} == {"holds"}
        assert {run.answer(i, "clean") == run.right(i) for i in run.items} == {True, False}
    assert "changed" in perception.label.values()


CHECKS = [test_families, test_transitions, test_accuracy, test_drift, test_items, test_predictions]


def main():
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        own, presence, perception = (Run(*made) for made in (
            make_own(folder), make_bundled(folder, "presence", 54), make_bundled(folder, "perception", 42)))
        tests = [("own", test_own_is_worth_checking, (own,)), ("bundled", test_bundled_is_worth_checking, (presence, perception))]
        tests += [(run.run.name, check, (run,)) for run in (own, presence, perception) for check in CHECKS + [test_scores]]
        by_letter = Run(rescore(own.run, "letter"), own.questions, "letter")
        tests += [(by_letter.run.name, check, (by_letter,)) for check in CHECKS]
        tests.append(("perception", test_scores_decide, ({score: make_scored(folder, score) for score in FORMS})))
        print(f"1..{len(tests)}")
        for n, (name, test, runs) in enumerate(tests, 1):
            try:
                test(*runs)
                print(f"ok {n} {test.__name__} {name}")
            except Exception as e:
                bad += 1
                print(f"not ok {n} {test.__name__} {name}\n# {type(e).__name__}: {e}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
