#!/usr/bin/env python3
"""The charts: the rows behind each, against committed ones and computed again here from the run's trials, scores and measurements; and that
each can be drawn. Speaks TAP.

Usage: test-charts.py UNDERTOW [TEST…]
       test-charts.py UNDERTOW --write    writes tests/data/charts.json anew, to be read before it is committed

The runs are of exec-program.py, whose every number follows from the pixels.
"""
import json, math, re, shlex, shutil, subprocess, sys, tempfile
from pathlib import Path

import tap
from program import done

HERE = Path(__file__).resolve().parent
FOLDER = HERE.parent / "src" / "report" / "charts"
NAMES = sorted(f.stem for f in FOLDER.glob("*.sql"))
GOLDEN = HERE / "data" / "charts.json"
OF_RUNS = {"scale"}  # charts of several runs
NODE = Path("/usr/share/nodejs")
# Both ask about six images, which bounds take.
RUNS = {"perception": ["--limit", 42, "-p", "core,keep,rotation:ladder,jpeg,prior", "--layers"],
        "presence": ["--limit", 108, "-p", "core,prior"]}
CORE = ({f"{family}{sign}{n}" for family in ("translation", "pad_crop") for sign in "+-" for n in (4, 8, 12, 16)}
        | {"scale0.9", "scale_pad-black", "scale_pad-white", "rotation-30", "rotation+30"} | {f"text_semantic-{n}" for n in (1, 2, 3)})
NO_PERTURBATION = {"clean", "prior", "noise_floor", "other_image"}


def make_run(task, path, args):
    command = shlex.join([sys.executable, str(HERE / "exec-program.py"), "--model", "sums 24M"])
    done("run", "--engine", "exec", "--command", command, "-d", f"bundled:{task}", "-q", "-o", path, *args)
    return path


def query(run, sql):
    return json.loads(done("sql", run, sql, "--format", "json"))


def sql_of(name):
    return (FOLDER / f"{name}.sql").read_text()


def spec_of(name):
    return json.loads((FOLDER / f"{name}.json").read_text())


class Made:
    """The runs and their charts' rows, each made once."""

    def __init__(self):
        self.folder, self.runs, self.charts = tempfile.TemporaryDirectory(), {}, {}

    def run(self, task):
        if task not in self.runs:
            self.runs[task] = make_run(task, Path(self.folder.name) / f"{task}.duckdb", RUNS[task])
        return self.runs[task]

    def rows(self, task, name):
        if (task, name) not in self.charts:
            self.charts[task, name] = query(self.run(task), sql_of(name))
        return self.charts[task, name]


made = Made()


def differences(have, want, where=""):
    """Where two JSON values differ by more than rounding; representations are 32-bit floats."""
    if isinstance(want, list) and isinstance(have, list):
        yield from () if len(have) == len(want) else [f"{where}: {len(have)} rows, not {len(want)}"]
        for i, (h, w) in enumerate(zip(have, want)):
            yield from differences(h, w, f"{where}[{i}]")
    elif isinstance(want, dict) and isinstance(have, dict):
        for key in sorted(have.keys() | want.keys()):
            yield from differences(have.get(key, "no such column"), want.get(key, "no such column"), f"{where}.{key}")
    elif isinstance(want, (int, float)) and isinstance(have, (int, float)):
        if not math.isclose(have, want, rel_tol=1e-5, abs_tol=1e-6):
            yield f"{where}: {have}, not {want}"
    elif have != want:
        yield f"{where}: {have!r}, not {want!r}"


def assert_same(have, want, what):
    found = list(differences(have, want, what))
    assert not found, "\n".join(found[:10])


# ── computed again ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


class Observed:
    """A run as it is exported, without the program's own aggregates."""

    def __init__(self, run):
        view = lambda name: json.loads(done("show", run, name, "--format", "json"))
        self.items = {row["item"]: row for row in view("items")}
        self.trials = view("trials")
        answers = {(t["item"], t["variant"]): t for t in self.trials}
        scores = {}
        for s in view("scores"):
            scores.setdefault((s["item"], s["variant"]), {})[s["text"]] = s["deciding"]
        drifts = {(m["item"], m["variant"]): m["value"] for m in view("measurements")
                  if (m["channel"], m["metric"]) == ("ctx_mcq", "cosine_distance")}
        self.controls = [c["mean_distance"] for c in view("control_items") if c["channel"] == "ctx_mcq"]
        self.other_image = [m["value"] for m in view("measurements")
                            if (m["variant"], m["channel"], m["metric"]) == ("other_image", "ctx_mcq", "cosine_distance")]
        self.param = {row["variant"]: row["param"] for row in view("transitions")}
        self.instances = []
        for t in self.trials:
            if t["family"] in NO_PERTURBATION or t["error"] is not None:
                continue
            key, clean = (t["item"], t["variant"]), answers[t["item"], "clean"]
            margin = lambda s: s[clean["answer"]] - max(v for text, v in s.items() if text != clean["answer"])
            self.instances.append({
                "item": t["item"], "family": t["family"], "variant": t["variant"], "flip": t["answer"] != clean["answer"],
                "answer": t["answer"], "clean_answer": clean["answer"], "right": self.items[t["item"]]["right_answer"],
                "judged": t["label"] in (None, "holds"), "margin": margin(scores[key]), "margin_clean": margin(scores[t["item"], "clean"]),
                "drift": drifts.get(key)})

    def families(self, all_too=True):
        """Families and pools with their instances, in the order of their first variant."""
        found = {}
        with_core = {n["family"] for n in self.instances if n["variant"] in CORE}
        for n in self.instances:
            others = n["family"] in with_core and n["variant"] not in CORE
            found.setdefault(n["family"] + (" (others)" if others else ""), []).append(n)
        core = [n for n in self.instances if n["variant"] in CORE]
        found[f"any (core-{len(CORE)})"] = core
        if all_too and len(core) < len(self.instances):
            found["any (all)"] = self.instances
        return found


def mean(values):
    values = list(values)
    return math.fsum(values) / len(values) if values else None


def quantile(values, q):
    values = sorted(values)
    place = q * (len(values) - 1)
    low = math.floor(place)
    return values[low] + (place - low) * (values[min(low + 1, len(values) - 1)] - values[low])


def questions(instances):
    found = {}
    for n in instances:
        found.setdefault(n["item"], []).append(n)
    return found


def hidden_percent(observed, instances):
    kept = questions(n for n in instances if not n["flip"])
    return 100 * mean(mean(n["drift"] for n in of) for of in kept.values()) / mean(observed.controls) if kept else None


def by_family(rows, *more):
    """Rows by what tells them apart; every row must be another's."""
    found = {tuple(row[key] for key in ("family", *more)): row for row in rows}
    assert len(found) == len(rows), "a row stands twice"
    return found


def pick(row, want):
    return {key: row[key] for key in want}


def assert_rows(rows, keys, wanted, what):
    """The chart has these rows, by these keys, and no others."""
    have = by_family(rows, *keys)
    assert have.keys() == wanted.keys(), f"{what}: {sorted(map(str, have.keys() ^ wanted.keys()))}"
    for key, want in wanted.items():
        assert_same(pick(have[key], want), want, f"{what} {key}")


def test_flips(_):
    for task in RUNS:
        wanted = {}
        for family, of in Observed(made.run(task)).families().items():
            ratio = {"IFR": mean(n["flip"] for n in of), "IV": mean(any(n["flip"] for n in q) for q in questions(of).values())}
            for quantity, value in ratio.items():
                wanted[family, quantity] = {"value": value, "flips": sum(n["flip"] for n in of), "instances": len(of),
                                            "questions": len(questions(of))}
        rows = made.rows(task, "flips")
        assert_rows(rows, ["quantity"], wanted, "flips")
        assert all(r["low"] <= r["value"] <= r["high"] for r in rows if r["low"] is not None)
    assert any(0 < r["value"] < 1 for r in made.rows("perception", "flips")), "a run without flips shows nothing"


def test_overview(_):
    for task in RUNS:
        observed, wanted = Observed(made.run(task)), {}
        for family, of in observed.families(all_too=False).items():
            hidden = hidden_percent(observed, of)
            kind = "pooled" if family.startswith("any (") else "core" if of[0]["variant"] in CORE else "other"
            if hidden is not None:
                wanted[(family,)] = {"IFR": mean(n["flip"] for n in of), "hidden_percent": hidden, "kind": kind, "channel": "ctx_mcq"}
        rows = made.rows(task, "overview")
        assert_rows(rows, [], wanted, "overview")
        assert [r["family"] for r in rows] == [f for f, in wanted], "the paper's order"

        # Labels: in the order of their points, a 21st of the height apart, no lower than the lowest point and within the axis.
        labelled = sorted((r for r in rows if r["label_at"] is not None), key=lambda r: r["label_at"])
        at, top = [math.log1p(r["label_at"]) for r in labelled], max(math.log1p(max(100, r["hidden_percent"], r["hidden_high"] or 0)) for r in rows)
        assert len(labelled) == min(20, len(rows)) and at[-1] <= top + 1e-9, at
        assert all(b - a >= top / 21 - 1e-9 for a, b in zip(at, at[1:])), at
        heights = [r["hidden_percent"] for r in labelled]
        assert heights == sorted(heights), "lines to the labels do not cross"


def transition(n):
    if not n["judged"]:
        return "unjudged"
    return "→".join("R" if answer == n["right"] else "W" for answer in (n["clean_answer"], n["answer"]))


def test_transitions(_):
    for task in RUNS:
        shares, margins = {}, {}
        for family, of in Observed(made.run(task)).families().items():
            for name in {transition(n) for n in of}:
                those = [n for n in of if transition(n) == name]
                shares[family, name] = {"instances": len(those), "share": len(those) / len(of)}
                if name != "unjudged":
                    for image in ("clean", "perturbed"):
                        before, after = mean(n["margin_clean"] for n in those), mean(n["margin"] for n in those)
                        margins[family, name, image] = {"instances": len(those), "margin_clean": before, "margin_perturbed": after,
                                                        "margin": before if image == "clean" else after}
        assert_rows(made.rows(task, "transitions"), ["transition"], shares, "transitions")
        assert_rows(made.rows(task, "transition_margins"), ["transition", "image"], margins, "transition_margins")


def test_flips_by_margin(_):
    observed = Observed(made.run("perception"))
    margins = {n["item"]: n["margin_clean"] for n in observed.instances}
    ranked, wanted, start = sorted(margins, key=lambda item: (margins[item], item)), {}, 0
    for tenth in range(10):
        end = start + len(ranked) // 10 + (tenth < len(ranked) % 10)
        part = set(ranked[start:end])
        for family, of in observed.families().items():
            those = [n for n in of if n["item"] in part]
            wanted[family, tenth + 1] = {"instances": len(those), "flips": sum(n["flip"] for n in those), "IFR": mean(n["flip"] for n in those),
                                         "margin_from": margins[ranked[start]], "margin_to": margins[ranked[end - 1]]}
        start = end
    assert_rows(made.rows("perception", "flips_by_margin"), ["decile"], wanted, "flips_by_margin")


def test_drift(_):
    observed, wanted = Observed(made.run("perception")), {}
    control = mean(observed.controls)
    groups = {("other questions, mean", "control"): observed.controls, ("same question, other image", "control"): observed.other_image}
    for family, of in observed.families().items():
        for flip, answer in ((False, "kept"), (True, "flipped")):
            groups[family, answer] = [n["drift"] for n in of if n["flip"] == flip]
    for key, values in groups.items():
        percent = [100 * v / control for v in values]
        if values:
            wanted[key] = {"instances": len(values), "median": quantile(percent, 0.5)} | {f"p{q}": quantile(percent, q / 100) for q in (5, 25, 75, 95)}
    assert_rows(made.rows("perception", "drift"), ["answer"], wanted, "drift")


def test_severity(_):
    observed, groups = Observed(made.run("perception")), {}
    for n in observed.instances:
        param = observed.param[n["variant"]]
        if param is not None and not n["family"].startswith("text_"):
            groups.setdefault((n["family"], param), []).append(n)
    several = [family for family, _ in groups if sum(f == family for f, _ in groups) > 1 and not family.startswith(("keep_", "scale_pad"))]
    flips = lambda of: {"instances": len(of), "flips": sum(n["flip"] for n in of), "IFR": mean(n["flip"] for n in of)}
    margins = lambda of: {"instances": len(of), "margin": mean(n["margin"] for n in of),
                          "delta_margin": mean(n["margin"] - n["margin_clean"] for n in of)}
    bare = lambda rows: [r | {"family": r["family"].partition(",")[0]} for r in rows]  # without the unit
    for name, quantities in (("severity", flips), ("severity_margins", margins)):
        wanted = {key: quantities(of) for key, of in groups.items() if key[0] in several}
        assert {f for f, _ in wanted} >= {"translation", "rotation", "jpeg"}, wanted.keys()
        assert_rows(bare(made.rows("perception", name)), ["param"], wanted, name)
    wanted = {key: flips(of) | {"margin": mean(n["margin"] for n in of)} for key, of in groups.items() if key[0].startswith("keep_")}
    assert_rows(made.rows("perception", "margin_curves"), ["cut_off"], wanted, "margin_curves")


def rates(answers):
    """POPE's figures of (answer, right answer)."""
    count = lambda answer, right: sum(a == answer and r == right for a, r in answers)
    tp, fp, fn, tn = count("Yes", "Yes"), count("Yes", "No"), count("No", "Yes"), count("No", "No")
    ratio = lambda a, b: a / b if b > 0 else None
    return {"precision": ratio(tp, tp + fp), "recall": ratio(tp, tp + fn), "FPR": ratio(fp, fp + tn), "yes_rate": ratio(tp + fp, len(answers))}


def test_pope(_):
    """Shifts are those of the same judged answers."""
    observed, wanted = Observed(made.run("presence")), {}
    for family, of in observed.families().items():
        judged = [n for n in of if n["judged"]]
        clean = rates([(n["clean_answer"], n["right"]) for n in judged])
        for measure, value in rates([(n["answer"], n["right"]) for n in judged]).items():
            if value is not None and clean[measure] is not None:
                wanted[family, measure] = {"clean": clean[measure], "perturbed": value, "shift": value - clean[measure]}
    rows = made.rows("presence", "pope")
    assert_rows(rows, ["measure"], wanted, "pope")
    assert all(r["low"] - 1e-9 <= r["shift"] <= r["high"] + 1e-9 for r in rows if r["low"] is not None)
    assert {r["measure"] for r in rows if r["low"] is not None} == {"precision", "recall", "FPR", "yes_rate"}
    assert made.rows("perception", "pope") == []


def test_categories(_):
    for task in RUNS:
        observed, wanted = Observed(made.run(task)), {}
        pool = observed.families()[f"any (core-{len(CORE)})"]
        for category in {i["category"] for i in observed.items.values()}:
            of = [n for n in pool if n["judged"] and observed.items[n["item"]]["category"] == category]
            before, after = mean(n["clean_answer"] == n["right"] for n in of), mean(n["answer"] == n["right"] for n in of)
            for images, accuracy in (("clean", before), ("perturbed", after)):
                wanted[category, images] = {"accuracy_clean": before, "accuracy_perturbed": after, "accuracy": accuracy, "instances": len(of),
                                            "questions": len({n["item"] for n in of})}
        rows = [r | {"family": r["category"]} for r in made.rows(task, "categories")]
        assert_rows(rows, ["images"], wanted, "categories")


def test_scale(_):
    rows = made.rows("perception", "scale")
    assert {r["parameters"] for r in rows} == {24e6} and {r["benchmark"] for r in rows} == {"bundled:perception"}, rows
    flips = {r["quantity"]: r for r in made.rows("perception", "flips") if r["family"].startswith("any (core")}
    assert all(r["value"] == flips[r["measure"]]["value"] for r in rows if r["measure"] in flips) and len(rows) == 4, rows


# ── as they are committed, and as they are drawn ────────────────────────────────────────────────────────────────────────────────


def rounded(value):
    return float(f"{value:.9g}") if isinstance(value, float) else value


def write_golden():
    lines = []
    for task in RUNS:
        charts = []
        for name in NAMES:
            rows = [json.dumps({k: rounded(v) for k, v in row.items()}, ensure_ascii=False) for row in made.rows(task, name)]
            charts.append(f'"{name}": [\n' + ",\n".join(rows) + "\n]")
        lines.append(f'"{task}": {{\n' + ",\n".join(charts) + "\n}")
    GOLDEN.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def test_golden(_):
    golden = json.loads(GOLDEN.read_text())
    assert golden.keys() == RUNS.keys() and all(charts.keys() == set(NAMES) for charts in golden.values()), "a chart without golden rows"
    for task, charts in golden.items():
        for name, rows in charts.items():
            assert_same(made.rows(task, name), rows, f"{task} {name}")
    for name in NAMES:
        assert any(charts[name] for charts in golden.values()), f"{name} has no row in any run"


def test_report_has_them(tmp):
    """The page's rows are those of the SQL beside them."""
    done("report", made.run("perception"), "-o", tmp / "page.html")
    text = re.search(r'<script type="application/json" id="report">(.*?)</script>', (tmp / "page.html").read_text(), re.S)[1]
    report = json.loads(text)
    assert {c["name"] for c in report["charts"]} == set(NAMES) - OF_RUNS
    for chart in report["charts"]:
        assert chart["sql"].strip() == sql_of(chart["name"]).strip() and chart["spec"] == spec_of(chart["name"]) and chart["reading"]
        assert report["runs"][0]["rows"][chart["name"]] == made.rows("perception", chart["name"]), chart["name"]


def parts(value):
    """All objects within a JSON value."""
    if isinstance(value, dict):
        yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from parts(part)


def test_specifications(_):
    """They draw columns that there are, and leave the looks to the theme."""
    for name in NAMES:
        spec, rows = spec_of(name), made.rows("presence" if name == "pope" else "perception", name)
        own = {key for part in parts(spec) if "values" in part and isinstance(part["values"], list)
               for value in part["values"] if isinstance(value, dict) for key in value}
        own |= {part["as"] for part in parts(spec) if "calculate" in part}
        columns = {key for row in rows for key in row} | own | ({"run"} if name in OF_RUNS else set())
        fields = {part["field"] for part in parts(spec) if isinstance(part.get("field"), str)}
        assert fields <= columns, (name, fields - columns)
        assert spec["data"] == {"name": "rows"}, name
        looks = {"width", "font", "fontSize", "labelFontSize", "titleFontSize", "fill", "stroke", "size", "config", "background", "scheme"}
        for part in parts(spec):
            assert not looks & part.keys(), (name, part)
            assert not {"aggregate", "bin", "impute", "regression", "loess", "density"} & part.keys(), (name, part)


DRAW = """
const vega = require("/usr/share/nodejs/vega/build/vega.min.js"), vegaLite = require("/usr/share/nodejs/vega-lite/build/vega-lite.min.js");
const {spec, rows, width} = JSON.parse(require("fs").readFileSync(0, "utf8")), faults = [];
const note = (...texts) => { faults.push(texts.join(" ")); return logger; }, quiet = () => logger;
const logger = {level: quiet, error: note, warn: note, info: quiet, debug: quiet};
const compiled = vegaLite.compile({...spec, datasets: {rows}}, {logger, config: {view: {continuousWidth: width}}}).spec;
new vega.View(vega.parse(compiled), {renderer: "none", logger}).toSVG().then(svg => {
  if (faults.length > 0) { console.error(faults.join("\\n")); process.exit(1); }
  console.log(svg);
});
"""


def without_intervals(rows):
    return [{k: None if re.search(r"(^|_)(low|high)$", k) else v for k, v in row.items()} for row in rows]


def test_drawn_without_a_warning(tmp):
    """Each chart of each run, whole, without intervals and its first row alone."""
    if shutil.which("node") is None or not (NODE / "vega-lite").is_dir():
        raise tap.Skip("node is not installed")
    (tmp / "draw.js").write_text(DRAW)
    for task in RUNS:
        for name in NAMES:
            rows = [row | {"run": "a.duckdb"} for row in made.rows(task, name)] if name in OF_RUNS else made.rows(task, name)
            for shown in (rows, without_intervals(rows), rows[:1]):
                if shown:
                    figure = json.dumps({"spec": spec_of(name), "rows": shown, "width": 300})
                    drawn = subprocess.run(["node", tmp / "draw.js"], input=figure, capture_output=True, text=True, timeout=120)
                    assert drawn.returncode == 0 and "<svg" in drawn.stdout, (task, name, len(shown), drawn.stderr[:500])


def test_figures(tmp):
    """The same in figures for papers; a chart that has rows is a file."""
    for task in RUNS:
        done("figures", made.run(task), "-o", tmp / task, "--format", "svg")
        assert {f.stem for f in (tmp / task).iterdir()} == {name for name in NAMES if name not in OF_RUNS and made.rows(task, name)}


if __name__ == "__main__":
    sys.exit(write_golden() if sys.argv[2:] == ["--write"] else tap.run(globals()))
