#!/usr/bin/env python3
"""The published formulas once more, from method.md alone and in plain Python, held against the views of a run. Speaks TAP.

    views.py UNDERTOW

It runs the mock engine on a benchmark of its own (four options and yes/no, several questions an image, one that fails, one image that
cannot be read) and on two bundled ones, whose labels a perturbation can change; takes the raw rows (scores, measurements, control
drifts, trials' failures and labels) and computes what the views of answers, pixels, drift, correlation and drift to the prior publish, the
sums that intervals are drawn from, and AUROC by its definition. Agreement: 1e-9 relative, since both add the same doubles. It does the
same with runs that another score decides, when they were made or later.
"""
import collections, csv, fractions, functools, io, json, math, re, statistics, subprocess, sys, tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import importlib

UNDERTOW = sys.argv[1]
cli = importlib.import_module("test-cli")

CORE = {"translation", "pad_crop", "scale", "scale_pad", "rotation", "text_semantic"}
N_GENERATE = 8
CHOSEN = "translation,rotation,text_empty,keep_low:0,0.2,0.5,1,keep_high:0,0.1,0.4,band_noise_low:8"
DRIFT = "cosine_distance"


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


def make_bundled(folder, task, limit, *more, perturbations="translation,rotation,text_empty"):
    """The same of a bundled benchmark: its right answers are read from the options that the scores were of."""
    run = folder / task
    subprocess.run([UNDERTOW, "run", "--engine", "mock", "-q", "-d", f"bundled:{task}", "--limit", str(limit), "-p",
                    perturbations, *more, "-o", run], check=True, stdout=subprocess.DEVNULL)
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


@functools.cache
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
    """All tables of the summary at once, but for the one row that tells what the overlays were chosen by, and the states of the option
    that was chosen first."""
    shown = subprocess.run([UNDERTOW, "show", run, "--format", "json"], check=True, capture_output=True, text=True)
    return {name: [r for r in rows if r.get("channel") not in ("ans_mcq", "ans_mcq.normed")]
            for name, rows in json.loads(shown.stdout).items() if name != "overview"}


def is_layer(channel):
    return re.fullmatch(r"(vision|llm)\.\d+", channel) is not None


class Run:
    """The raw rows of a run, by item and variant; of these, the score that decides is computed."""

    def __init__(self, run, questions, score="sum"):
        self.run, self.questions = run, questions
        self.scores = collections.defaultdict(dict)
        for row in view(run, "scores"):
            self.scores[row["id"], row["variant"]][row["option"]] = FORMS[score](row)
        self.values = {(r["id"], r["variant"], r["channel"], r["metric"]): r["value"] for r in view(run, "measurements")}
        self.all_controls = collections.defaultdict(dict)
        for row in view(run, "control_items"):
            self.all_controls[row["channel"]][row["id"]] = row["mean_distance"]
        self.control = {channel: values for channel, values in self.all_controls.items() if not is_layer(channel)}
        trials = view(run, "trials")
        self.family = {t["variant"]: t["family"] for t in view(run, "transitions")}  # those that apply to no question here, too
        self.items = [i for i in questions if (i, "clean") in self.scores]
        self.variants = list(self.family)
        self.priors = [v for v in dict.fromkeys(v for _, v in self.scores) if v.startswith("prior")]
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

    def flip(self, item, variant):
        return self.answer(item, variant) != self.answer(item, "clean")

    def m(self, item, variant):
        """The margin of the clean prediction."""
        return self.margin(item, variant, self.answer(item, "clean"))

    def cluster(self, item):
        return self.questions[item][2]

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


def ratio(a, b):
    return a / b if b else None


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
    return dict(instances=len(instances), unjudged=run.unjudged(instances),
                accuracy=mean(run.answer(i, v) == run.right(i) for i, v in judged), yes_no=len(yn),
                precision=ratio(tp, tp + fp), recall=ratio(tp, tp + fn), F1=ratio(2 * tp, 2 * tp + fp + fn),
                FPR=ratio(fp, fp + tn), yes_rate=ratio(tp + fp, len(yn)))


def binomial_two_sided(k, n):
    return min(1.0, float(2 * fractions.Fraction(sum(math.comb(n, j) for j in range(min(k, n - k) + 1)), 2**n)))


def p_of_variant(run, variant):
    """McNemar's, over the questions of one variant; None where none of them is judged."""
    instances = run.instances([variant])
    counts = transitions(run, instances)
    return binomial_two_sided(counts["RW"], counts["RW"] + counts["WR"]) if run.judged(instances) else None


def p_of_family(run, variants):
    """Bonferroni's of its variants."""
    ps = [p for v in variants if (p := p_of_variant(run, v)) is not None]
    return min(1.0, len(ps) * min(ps)) if ps else None


def holm(ps):
    """Step down: the smallest times their number, the next times one less, never below the one before (Holm 1979)."""
    adjusted, last = {}, 0.0
    known = sorted((p, name) for name, p in ps.items() if p is not None)
    for i, (p, name) in enumerate(known):
        last = adjusted[name] = max(last, min(1.0, (len(known) - i) * p))
    return adjusted


def flip_counts(run, variants):
    """Item → (V_i, m_i)."""
    counts = collections.defaultdict(lambda: [0, 0])
    for i, v in run.instances(variants):
        counts[i][0] += 1
        counts[i][1] += run.flip(i, v)
    return counts


def vulnerability(counts, k):
    return [1 - math.comb(V - m, k) / math.comb(V, k) for V, m in counts.values()]


def deciles(run):
    """Item → 1..10; the first parts are larger by one where ten parts cannot be equal."""
    order = sorted(run.items, key=lambda i: run.m(i, "clean"))
    whole, more = divmod(len(order), 10)
    sizes = [whole + (d < more) for d in range(10)]
    return dict(zip(order, (d + 1 for d in range(10) for _ in range(sizes[d]))))


def auroc(values):
    """Over all pairs of a flip and an answer kept, of (drift, flip)."""
    flipped, kept = ([d for d, flip in values if flip == wanted] for wanted in (True, False))
    return ratio(sum((f > k) + (f == k) / 2 for f in flipped for k in kept), len(flipped) * len(kept))


def pearson(pairs):
    """None where a side does not vary."""
    if not pairs:
        return None
    mx, my = (mean(side) for side in zip(*pairs))
    xx, yy, xy = (math.fsum(f(x - mx, y - my) for x, y in pairs) for f in (lambda x, y: x * x, lambda x, y: y * y, lambda x, y: x * y))
    return xy / math.sqrt(xx * yy) if xx and yy else None


def softmax(scores):
    top = max(scores.values())
    total = math.fsum(math.exp(s - top) for s in scores.values())
    return {k: math.exp(s - top) / total for k, s in scores.items()}


def js(p, q):
    kl = lambda a: math.fsum(a[k] * math.log(2 * a[k] / (p[k] + q[k])) for k in a if a[k])
    return kl(p) / 2 + kl(q) / 2


def drift_of(run, channel, instances):
    """Mean PD in % of mean CD with its deviation, and Cohen's d; PD_i is the mean over an item's instances."""
    by_item = collections.defaultdict(list)
    for i, v in instances:
        by_item[i].append(run.values[i, v, channel, DRIFT])
    pd = [mean(d) for d in by_item.values()]
    cd = [run.all_controls[channel][i] for i in run.items]
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
    expected = dict(instances=len(instances), cos=mean(1 - run.values[i, v, channel, DRIFT] for i, v in instances),
                    l2=mean(run.values[i, v, channel, "l2_distance"] for i, v in instances), percent=percent, percent_sd=sd, cohens_d=d,
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
        check(transitions(run, run.instances([v])) | {"p_mcnemar": p_of_variant(run, v)}, rows[v], v)


def test_mcnemar(run):
    rows = {r["family"]: r for r in view(run.run, "mcnemar")}
    ps = {name: p_of_family(run, variants) for name, variants in run.pools()}
    adjusted = holm({name: p for name, p in ps.items() if not name.startswith("any")})
    for name, variants in run.pools():
        counts = transitions(run, run.instances(variants))
        check(dict(variants=len(variants), RW=counts["RW"], WR=counts["WR"], p=ps[name], p_holm=adjusted.get(name)), rows.pop(name), name)
    assert not rows, rows


def test_vulnerability(run):
    rows = {(r["family"], r["k"]): r for r in view(run.run, "vulnerability")}
    for name, variants in run.pools():
        counts = flip_counts(run, variants)
        for k in range(1, min(V for V, _ in counts.values()) + 1):
            check(dict(questions=len(counts), IV=mean(vulnerability(counts, k))), rows.pop((name, k)), (name, k))
    assert not rows, rows


def test_flips_by_margin(run):
    rows = {(r["family"], r["decile"]): r for r in view(run.run, "flips_by_margin")}
    decile = deciles(run)
    for name, variants in run.pools():
        for d in range(1, 11):
            instances = [(i, v) for i, v in run.instances(variants) if decile[i] == d]
            flips = sum(run.flip(i, v) for i, v in instances)
            margins = [run.m(i, "clean") for i, _ in instances]
            check(dict(margin_from=min(margins), margin_to=max(margins), questions=len({i for i, _ in instances}),
                       instances=len(instances), flips=flips, IFR=flips / len(instances)), rows.pop((name, d)), (name, d))
    assert not rows, rows


def parameters(run):
    """{(family, parameter): its variants}, of those that have one that is a severity."""
    found = collections.defaultdict(list)
    for t in view(run.run, "transitions"):
        if t["param"] is not None and not t["family"].startswith("text_"):
            found[t["family"], t["param"]].append(t["variant"])
    return found


def test_severity(run):
    rows = {(r["family"], r["param"]): r for r in view(run.run, "severity")}
    for (family, param), variants in parameters(run).items():
        instances = run.instances(variants)
        margins = [run.m(i, v) for i, v in instances]
        check(dict(questions=len({i for i, _ in instances}), instances=len(instances), flips=sum(run.flip(*x) for x in instances),
                   margin=mean(margins), margin_sd=statistics.stdev(margins),
                   margin_right=mean(run.margin(i, v, run.right(i)) for i, v in instances),
                   delta_margin=mean(run.m(i, v) - run.m(i, "clean") for i, v in instances)), rows.pop((family, param)), (family, param))
    assert not rows, rows


def test_flip_thresholds(run):
    rows = {r["family"]: r for r in view(run.run, "flip_thresholds")}
    for family, mildest in ("keep_low", max), ("keep_high", min):
        cuts = {param: variants for (f, param), variants in parameters(run).items() if f == family}
        flipping = [[c for c, (v,) in cuts.items() if run.flip(i, v)] for i in run.items] if cuts else []
        thresholds = [mildest(c) for c in flipping if c]
        if cuts:
            assert len(thresholds) > 1, family
            quarters = statistics.quantiles(thresholds, n=4, method="inclusive")
            check(dict(questions=len(run.items), flipping=len(thresholds), threshold_median=quarters[1], threshold_from=quarters[0],
                       threshold_to=quarters[2]), rows.pop(family), family)
    assert not rows, rows


def test_flip_margins(run):
    rows = {r["family"]: r for r in view(run.run, "flip_margins")}
    for name, variants in run.pools():
        if flips := [x for x in run.instances(variants) if run.flip(*x)]:
            check(dict(flips=len(flips), margin_clean=mean(run.m(i, "clean") for i, _ in flips),
                       margin=mean(run.m(i, v) for i, v in flips)), rows.pop(name), name)
    assert not rows, rows


def test_false_answers(run):
    rows = {r["family"]: r for r in view(run.run, "false_answers")}
    for name, variants in run.pools():
        asked = [(i, v) for i, v in run.judged(run.instances(variants)) if run.questions[i][1]]
        if asked:
            of = lambda right, said, clean: sum(
                run.right(i) == right and run.answer(i, "clean" if clean else v) == said for i, v in asked)
            fp, fp_clean, fn, fn_clean = of(1, 0, False), of(1, 0, True), of(0, 1, False), of(0, 1, True)
            check(dict(instances=len(asked), FP=fp, FP_clean=fp_clean, delta_FP=fp - fp_clean, FN=fn, FN_clean=fn_clean,
                       delta_FN=fn - fn_clean), rows.pop(name), name)
    assert not rows, rows


def test_pixel_changes(run):
    rows = {r["variant"]: r for r in view(run.run, "pixel_changes")}
    assert set(run.variants) <= set(rows), rows
    for v, row in rows.items():
        values = {m: [x for i in run.items if (x := run.values.get((i, v, "image", m))) is not None] for m in ("psnr", "linf", "touched")}
        trials = sum((i, v) in run.scores for i in run.items)
        check(dict(trials=trials, compared=len(values["linf"]), psnr_min=min(values["psnr"], default=None))
              | {m: mean(x) for m, x in values.items()}, row, v)


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


def test_noise_floor(run):
    rows = {(r["quantity"], r["channel"]): r for r in view(run.run, "noise_floor")}
    again = [i for i in run.items if (i, "noise_floor") in run.scores]
    assert len(again) == len({tuple(i.split("/")[:2]) if "/" in i else i.split("-")[0] for i in run.items}), again  # one question an image
    moved = [abs(run.m(i, "noise_floor") - run.m(i, "clean")) for i in again]
    check(dict(questions=len(again), mean=mean(moved), largest=max(moved)), rows.pop(("margin_change", None)), "margin")
    for (metric, channel), row in rows.items():
        values = [run.values[i, "noise_floor", channel, metric] for i in again if (i, "noise_floor", channel, metric) in run.values]
        check(dict(questions=len(values), mean=mean(values), largest=max(values)), row, (metric, channel))
    assert {m for m, _ in rows} == {"cosine_distance", "l2_distance"} and {c for _, c in rows} == set(run.all_controls), rows.keys()


def test_margin_yes(run):
    for row in view(run.run, "trials"):
        i, v = row["id"], row["variant"]
        yes_no = i in run.questions and run.questions[i][1] and (i, v) in run.scores
        assert (row["margin_yes"] is not None) == bool(yes_no), row
        if yes_no:
            check(dict(margin_yes=run.scores[i, v][0] - run.scores[i, v][1]), row, (i, v))


def test_layers(run):
    rows = {(r["family"], r["channel"]): r for r in view(run.run, "layers")}
    layers = [channel for channel in run.all_controls if is_layer(channel)]
    assert len(layers) in (0, 6), layers
    parts = {"vision": ("projector", None), "ctx_mcq.normed": ("final norm", None)}
    parts |= {c: ("encoder" if c.startswith("vision") else "llm", int(c.split(".")[1])) for c in layers}
    for channel, (part, layer) in parts.items():
        for name, variants in run.pools():
            instances = run.instances(variants)
            percent, sd, _ = drift_of(run, channel, instances)
            hidden = drift_of(run, channel, [x for x in instances if not run.flip(*x)])[0]
            row = rows.pop((name, channel))
            assert (row["part"], row["layer"]) == (part, layer), row
            check(dict(percent=percent, percent_sd=sd, hidden_percent=hidden), row, (channel, name))
    assert not rows, rows
    order = [r["channel"] for r in view(run.run, "layers") if r["family"] == "translation"]
    assert order == sorted(c for c in layers if c[0] == "v") + ["vision"] + sorted(c for c in layers if c[0] == "l") + ["ctx_mcq.normed"], order


def test_generations(run):
    rows = {(r["id"], r["variant"], r["prompt"]): r for r in view(run.run, "generations")}
    if not any(c.startswith("ans_mcq_free") for c in run.control):
        assert not rows, rows
        return
    assert set(rows) == {(i, v, p) for i, v in run.scores for p in ("open", "mcq")}
    for (i, _, prompt), row in rows.items():
        clean = rows[i, "clean", prompt]["text"]
        assert row["clean_text"] == clean and row["same"] == (row["text"] == clean) and 0 < len(clean) <= N_GENERATE, row
    assert {r["same"] for r in rows.values()} == {True, False}


def drifts_and_flips(run, channel, variants):
    return [(run.values[i, v, channel, DRIFT], run.flip(i, v)) for i, v in run.instances(variants)]


def medians(run, channel):
    """(control, its median drift): of unrelated items, and of the same question on another image."""
    found = [("unrelated", statistics.median(run.control[channel][i] for i in run.items))]
    matched = [run.values[i, "other_image", channel, DRIFT] for i in run.items if (i, "other_image", channel, DRIFT) in run.values]
    return found + ([("matched", statistics.median(matched))] if matched else [])


def test_exceedance(run):
    rows = {(r["channel"], r["family"], r["control"]): r for r in view(run.run, "exceedance")}
    for channel, control, median in ((c, *m) for c in run.control for m in medians(run, c)):
        for name, variants in run.pools():
            values = drifts_and_flips(run, channel, variants)
            kept, flipped = ([d for d, flip in values if flip == wanted] for wanted in (False, True))
            beyond = lambda some: ratio(sum(d > median for d in some), len(some))
            check(dict(median_control=median, instances=len(values), exceedance=beyond([d for d, _ in values]), kept=len(kept),
                       hidden_exceedance=beyond(kept), flipped=len(flipped), flipped_exceedance=beyond(flipped)),
                  rows.pop((channel, name, control)), (channel, name, control))
    assert not rows, rows


def test_auroc(run):
    rows = {(r["channel"], r["family"]): r for r in view(run.run, "auroc")}
    for channel in run.control:
        for name, variants in run.pools():
            values, row = drifts_and_flips(run, channel, variants), rows.pop((channel, name))
            clusters = ({run.cluster(i) for i, v in run.instances(variants) if run.flip(i, v) == wanted} for wanted in (True, False))
            check(dict(instances=len(values), flips=sum(flip for _, flip in values), auroc=auroc(values),
                       images=min(map(len, clusters))), row, (channel, name))
            assert row["low"] is None or row["low"] <= row["auroc"] <= row["high"], row
    assert not rows, rows


def changes(run):
    """(channel, metric) → {instance: its change against the clean trial, or its value where clean trials have none}."""
    own = {(channel, metric) for _, v, channel, metric in run.values if v == "clean"}
    found = collections.defaultdict(dict)
    for (i, v, channel, metric), value in run.values.items():
        if is_layer(channel):
            continue
        if v in run.family and i in run.items:
            before = run.values.get((i, "clean", channel, metric)) if (channel, metric) in own else 0.0
            if before is not None:
                found[channel, metric][i, v] = value - before
    for (channel, metric), low in list(found.items()):
        if metric == "input_low":
            high = found[channel, "input_high"]
            found[channel, "input_low/input_high"] = {x: low[x] / high[x] for x in low if high.get(x)}
    return found


def test_correlations(run):
    rows = {(r["channel"], r["metric"], r["family"]): r for r in view(run.run, "correlations")}
    found = changes(run)
    energy = found["vision", "dirichlet"]
    for (channel, metric), change in found.items():
        for name, variants in run.pools():
            instances = [x for x in run.instances(variants) if x in change]
            if not instances:  # no pixels to compare where every variant changes the size
                continue
            kept = [x for x in instances if not run.flip(*x)]
            y0 = lambda i: run.answer(i, "clean")
            logp = lambda i, v: run.scores[i, v][y0(i)] - run.scores[i, "clean"][y0(i)]
            expected = dict(
                instances=len(instances), kept=len(kept), r_logp_kept=pearson([(change[x], logp(*x)) for x in kept]),
                r_margin=pearson([(change[i, v], run.m(i, v) - run.m(i, "clean")) for i, v in instances]),
                r_dirichlet=None if metric == "dirichlet" else pearson([(change[x], energy[x]) for x in instances if x in energy]))
            check(expected, rows.pop((channel, metric, name)), (channel, metric, name))
    assert not rows, rows


def shifts(run, prior, variants):
    """Instance → (DTP or None, whether it answers as the prior does, JS(c, b) − JS(p, b))."""
    found = {}
    for i, v in run.instances(variants):
        if (i, prior) in run.scores:
            way = run.m(i, prior) - run.m(i, "clean")
            c, p, b = (softmax(run.scores[i, x]) for x in ("clean", v, prior))
            found[i, v] = ((run.m(i, v) - run.m(i, "clean")) / way if abs(way) >= 0.05 else None,
                           run.answer(i, v) == run.answer(i, prior), js(c, b) - js(p, b))
    return found


def test_drift_to_prior(run):
    rows = {(r["prior"], r["family"]): r for r in view(run.run, "drift_to_prior")}
    for prior in run.priors:
        for name, variants in run.pools():
            found = shifts(run, prior, variants)
            dtp = [d for d, _, _ in found.values() if d is not None]
            flips = [found[x][1] for x in found if run.flip(*x)]
            check(dict(instances=len(found), with_dtp=len(dtp), dtp_median=statistics.median(dtp) if dtp else None,
                       dtp_positive=ratio(sum(d > 0 for d in dtp), len(dtp)), flips=len(flips),
                       flips_to_prior=ratio(sum(flips), len(flips)), js_shift=mean(j for _, _, j in found.values())),
                  rows.pop((prior, name)), (prior, name))
    assert not rows, rows


def sums_of_answers(run, items, instances):
    """One image's parts of the quantities that have no channel."""
    flips = [x for x in instances if run.flip(*x)]
    judged = run.judged(instances)
    right = sum(run.answer(i, v) == run.right(i) for i, v in judged)
    before = sum(run.answer(i, "clean") == run.right(i) for i, _ in judged)
    expected = {"accuracy": (right, len(judged)), "delta_accuracy": (right - before, len(judged)),
                "IFR": (len(flips), len(instances)), "IV": (len({i for i, _ in flips}), len({i for i, _ in instances}))}
    for rate, asked in ("FPR", 1), ("FNR", 0):
        of = [(i, v) for i, v in judged if run.questions[i][1] and run.right(i) == asked]
        wrong = lambda clean: sum(run.answer(i, "clean" if clean else v) != asked for i, v in of)
        if of:
            expected["delta_" + rate] = (wrong(False) - wrong(True), len(of))
        if of and rate == "FPR":
            expected[rate] = (wrong(False), len(of))
    asked = [(i, v) for i, v in judged if run.questions[i][1]]
    if asked:
        says_yes = lambda clean: [run.right(i) for i, v in asked if run.answer(i, "clean" if clean else v) == 0]
        said, before = says_yes(False), says_yes(True)
        positives = sum(run.right(i) == 0 for i, _ in asked)
        expected |= {"precision": (said.count(0), len(said)), "yes_rate": (len(said), len(asked)),
                     "delta_precision": (said.count(0), len(said), before.count(0), len(before)),
                     "delta_yes_rate": (len(said) - len(before), len(asked))}
        if positives:
            expected["recall"] = (said.count(0), positives)
    expected["delta_margin"] = (math.fsum(run.m(i, v) - run.m(i, "clean") for i, v in instances), len(instances))
    if flips:
        expected["flip_margin"] = (math.fsum(run.m(i, v) for i, v in flips), len(flips))
    return expected


def sums_of_drift(run, channel, items, instances):
    kept = [x for x in instances if not run.flip(*x)]
    drift = lambda i, v: run.values[i, v, channel, DRIFT]
    expected = {}
    for prefix, chosen in ("", instances), ("hidden_", kept):
        pd = collections.defaultdict(list)
        for i, v in chosen:
            pd[i].append(drift(i, v))
        cd = [run.control[channel][i] for i in items]
        expected[prefix + "percent"] = (100 * math.fsum(map(mean, pd.values())), len(pd), math.fsum(cd), len(cd))
        for control, median in medians(run, channel):
            expected[f"{prefix}exceedance_{control}"] = (sum(drift(*x) > median for x in chosen), len(chosen))
    return expected


def sums_of_prior(run, prior, instances):
    found = shifts(run, prior, {v: None for _, v in instances})
    found = {x: found[x] for x in instances if x in found}
    dtp = [d for d, _, _ in found.values() if d is not None]
    flips = [found[x][1] for x in found if run.flip(*x)]
    return {"flips_to_" + prior: (sum(flips), len(flips)), "dtp_positive_" + prior: (sum(d > 0 for d in dtp), len(dtp)),
            "js_shift_" + prior: (math.fsum(j for _, _, j in found.values()), len(found))}


def test_image_sums(run):
    """Each image's part on its own, from the raw rows."""
    rows = {(r["family"], r["quantity"], r["channel"], r["image_id"]): [r[k] for k in "abcd"] for r in view(run.run, "image_sums")}
    for name, variants in run.pools():
        counts = flip_counts(run, variants)
        for image in sorted({run.cluster(i) for i in run.items}):
            items = [i for i in run.items if run.cluster(i) == image]
            instances = [(i, v) for i, v in run.instances(variants) if i in items]
            expected = {(q, None): sums for q, sums in sums_of_answers(run, items, instances).items()}
            if min(V for V, _ in counts.values()) >= 2:
                expected["IV_at_2", None] = (math.fsum(vulnerability({i: counts[i] for i in items}, 2)), len(items))
            for channel in run.control:
                expected |= {(q, channel): sums for q, sums in sums_of_drift(run, channel, items, instances).items()}
            for prior in run.priors:
                expected |= {(q, None): sums for q, sums in sums_of_prior(run, prior, instances).items()}
            for (quantity, channel), sums in expected.items():
                where = (name, quantity, channel, image)
                check(dict(zip("abcd", list(sums) + [None] * (4 - len(sums)))), dict(zip("abcd", rows.pop(where))), where)
    assert {family for family, *_ in rows} == {"clean"}, rows


def yes_no_rates(run, variants, clean):
    """Of the instances that are judged: as they are answered, or as their questions were on the clean image."""
    asked = [(run.right(i), run.answer(i, "clean" if clean else v)) for i, v in run.judged(run.instances(variants)) if run.questions[i][1]]
    share = lambda of, some: sum(map(of, some)) / len(some) if some else None
    return {"FPR": share(lambda x: x[1] == 0, [x for x in asked if x[0] == 1]), "FNR": share(lambda x: x[1] == 1, [x for x in asked if x[0] == 0]),
            "precision": share(lambda x: x[0] == 0, [x for x in asked if x[1] == 0]), "yes_rate": share(lambda x: x[1] == 0, asked)}


def test_intervals(run):
    """Their values are those of the other views, and lie between their bounds where they have any."""
    rows = {(r["family"], r["quantity"], r["channel"]): r for r in view(run.run, "intervals")}
    published = {(r["family"], q, None): r[q] for r in view(run.run, "families") for q in ("IFR", "IV", "accuracy", "delta_accuracy")}
    whole = {r["family"]: r for r in view(run.run, "accuracy") if r["category"] == "all"}
    published |= {("clean", "accuracy", None): whole["clean"]["accuracy"]}
    published |= {("clean", "margin", None): mean(run.m(i, "clean") for i in run.items)}
    published |= {(r["family"], "delta_margin", None): r["delta_margin"] for r in view(run.run, "families")}
    if whole["clean"]["FPR"] is not None:
        published |= {(f, rate, None): r[rate] for f, r in whole.items() for rate in ("FPR", "precision", "recall", "yes_rate")}
        for name, variants in run.pools():
            now, before = (yes_no_rates(run, variants, clean) for clean in (False, True))
            for rate in now:
                known = None not in (now[rate], before[rate])
                if known or rate == "precision":  # undefined where nothing is called Yes
                    published[name, f"delta_{rate}", None] = now[rate] - before[rate] if known else None
    published |= {(r["family"], q, r["channel"]): r[q] for r in view(run.run, "drift") for q in ("percent", "hidden_percent")}
    published |= {(r["family"], f"{q}_{r['control']}", r["channel"]): r[q] for r in view(run.run, "exceedance")
                  for q in ("exceedance", "hidden_exceedance")}
    published |= {(r["family"], "IV_at_2", None): r["IV"] for r in view(run.run, "vulnerability") if r["k"] == 2}
    published |= {(r["family"], "flip_margin", None): r["margin"] for r in view(run.run, "flip_margins")}
    published |= {(r["family"], f"{name}_{r['prior']}", None): r[column] for r in view(run.run, "drift_to_prior")
                  for name, column in (("flips_to", "flips_to_prior"), ("dtp_positive", "dtp_positive"), ("js_shift", "js_shift"))}
    for key, value in published.items():
        row = rows.pop(key)
        check(dict(value=value), row, key)
        assert row["low"] is None or row["low"] <= row["value"] <= row["high"], row
    assert not rows, rows


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


CHECKS = [f for name, f in list(globals().items()) if name.startswith("test_") and not name.endswith("worth_checking") and name not in ("test_scores", "test_scores_decide")]


def main():
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        own, presence, perception = (Run(*made) for made in (
            make_own(folder), make_bundled(folder, "presence", 54), make_bundled(folder, "perception", 42, "--layers", "--generate", str(N_GENERATE), perturbations=CHOSEN)))
        tests = [("own", test_own_is_worth_checking, (own,)), ("bundled", test_bundled_is_worth_checking, (presence, perception))]
        tests += [(run.run.name, check, (run,)) for run in (own, presence, perception) for check in CHECKS + [test_scores]]
        by_letter = Run(rescore(own.run, "letter"), own.questions, "letter")
        tests += [(by_letter.run.name, check, (by_letter,)) for check in CHECKS]
        tests.append(("perception", test_scores_decide, ({score: make_scored(folder, score) for score in FORMS},)))
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
