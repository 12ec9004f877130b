/* The pages that say what a run found, with which charts, by which rules, and how it was made. */
"use strict";

(() => {
  const {el, addPage, table, chart, folded, runName, runIndex, href, code} = undertow;

  const factsOf = run => Object.fromEntries(run.identity.map(({key, value}) => [key, value]));

  /* What was measured, in a line. */
  function subject(run) {
    const facts = factsOf(run), [overview] = run.tables.overview;
    /* An engine without a file says "default". */
    const file = facts["model file"], model = file && file !== "default" ? file.split("/").pop() : facts.model ?? facts.engine;
    const count = (n, word) => `${n.toLocaleString("en")} ${word}${n === 1 ? "" : "s"}`;
    return [model, facts.dataset, count(overview.questions, "question"), count(overview.images, "image"), count(overview.trials, "trial")]
      .filter(Boolean).join(" · ");
  }

  const warning = text => el("p", {className: "warning"}, el("strong", null, "Warning: "), text);

  const warnings = run => [run.caveat, run.unfinished].filter(Boolean).map(warning);

  /* A page about one run, made anew when another is chosen. */
  function pageOfRun(page) {
    addPage({
      ...page, show: () => true,
      mount(element, report, state) {
        const body = el("div");
        let shown = null;
        element.append(body);
        const update = state => {
          const i = runIndex(state);
          if (i !== shown)
            body.replaceChildren(...[page.content(report, report.runs[i], runName(report, i))].flat());
          shown = i;
          page.arrive?.(body, state);
        };
        update(state);
        return update;
      },
    });
  }

  /* ── summary ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

  const verdictClass = verdict => verdict.startsWith("holds") ? "good" : verdict.startsWith("does not") ? "bad" : "open";

  const verdicts = ({findings}) => el("section", {className: "verdicts"}, el("h2", null, "Of the paper’s findings"), el("ul", null, findings.map(({finding, verdict}) =>
    el("li", {className: verdictClass(verdict)}, el("a", {href: href("findings")}, finding), ": ", el("strong", null, verdict)))));

  pageOfRun({
    id: "summary", title: "Summary",
    content(report, run, name) {
      const overview = report.charts.find(({name}) => name === "overview");
      return [el("p", {className: "subject", dir: "auto"}, subject(run)), ...warnings(run),
              el("div", {className: "lead"}, run.summary.map(sentence => el("p", null, sentence))),
              chart(overview, run.rows[overview.name], {name}), verdicts(report.findings),
              el("p", null, el("a", {href: href("charts")}, "All charts"), " · ", el("a", {href: href("run")}, "How this run was made"))];
    },
  });

  /* ── charts ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

  const capital = text => text.charAt(0).toUpperCase() + text.slice(1);

  const anchor = ({name}) => `chart-${name}`;

  function contents(sections) {
    return el("nav", {className: "contents", "aria-label": "Charts"},
              el("ul", null, [...sections].map(([section, charts]) => el("li", null, el("span", null, capital(section)),
                el("div", null, charts.map(of => el("a", {href: href("charts", {chart: of.name})}, of.title)))))));
  }

  /* The rows of all runs in one list, each with its run. */
  const rowsOfAll = (report, {name}) =>
    report.runs.flatMap((run, i) => run.rows[name].map(row => ({run: runName(report, i), ...row})));

  pageOfRun({
    id: "charts", title: "Charts",
    content(report, run, name) {
      const together = report.runs.length > 1 ? report.run_charts : [];
      const sections = Map.groupBy([...report.charts, ...together], ({section}) => section);
      return [contents(sections), ...[...sections].flatMap(([section, charts]) => [el("h2", null, capital(section)), ...charts.map(of => {
        const figure = together.includes(of) ? chart(of, rowsOfAll(report, of), {name: "runs"}) : chart(of, run.rows[of.name], {name});
        figure.id = anchor(of);
        figure.tabIndex = -1;
        return figure;
      })])];
    },
    arrive(body, state) {
      const name = state.get("chart"), figure = name && body.querySelector(`#${CSS.escape(anchor({name}))}`);
      figure?.scrollIntoView();
      figure?.focus({preventScroll: true});
    },
  });

  /* ── findings ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

  /* docs/findings.md in a sentence each. */
  const rules = {
    "Representations move while answers stay":
      "Hidden drift, in % of the drift between unrelated items, of every core family, model and task, with intervals that hold all at once: it holds where one of them lies above 50 % as a whole, and does not where all lie below.",
    "Robustness does not grow with size":
      "The flip rate (IFR) of the largest model against the smallest, on the same images: it holds where a fall by a quarter is ruled out, and does not where fewer answers change.",
    "Perturbations harm accuracy and reduce false positives":
      "The change of accuracy on tasks with options, and of the false-positive rate on yes/no questions: it holds where both intervals lie below 0, and does not where either lies above.",
  };

  const article = ({finding, verdict, reason}) =>
    el("article", {className: `finding ${verdictClass(verdict)}`},
       el("h2", null, finding), el("p", {className: "verdict"}, capital(verdict)), el("p", {dir: "auto"}, reason),
       rules[finding] ? el("p", {className: "rule"}, el("span", null, "The test: "), rules[finding]) : null);

  addPage({
    id: "findings", title: "Findings", show: () => true,
    mount(element, {findings: {sized, models, tasks, left_out, estimates, findings}, runs}) {
      const names = list => new Intl.ListFormat("en").format(list);
      element.append(
        el("p", null, "Three findings of the paper, held against what these runs have. A verdict is about these models on these questions; it cannot be told where the interval leaves both open."),
        el("p", {dir: "auto"}, `${models.length === 1 ? "One model" : `${models.length} models${sized ? ", smallest first" : ""}`}: ${names(models)}. `
                               + `${tasks.length === 1 ? "One task" : `${tasks.length} tasks`}: ${names(tasks)}.`),
        left_out.length > 0 ? el("p", {className: "missing", dir: "auto"}, `Left out, since the findings are asked of every model on every task: ${names(left_out)}.`) : "",
        ...[...new Set(runs.map(({caveat}) => caveat).filter(Boolean))].map(warning),
        ...findings.map(article),
        el("h2", null, "The numbers behind"),
        el("p", null, "Each with its 95 % interval by bootstrap over images, the same images drawn for all models."),
        table(estimates, {name: "findings", caption: "By task, quantity and model"}));
    },
  });

  /* ── run ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

  /* How the facts of a run are read; what is not named stands at the end. */
  const factGroups = [
    ["Model", ["model", "model file", "model sha256", "mmproj file", "mmproj sha256", "caveat", "not given by the engine"]],
    ["Benchmark", ["dataset", "dataset format", "questions sha256", "--limit", "--prompt", "--score", "scores", "overlays chosen by", "variants", "--seed"]],
    ["Software and hardware", ["undertow", "engine", "engine versions", "backends", "device", "host", "processor", "-t", "-ngl", "-fa", "-c", "started", "finished"]],
  ];

  function factList(rows) {
    return el("dl", {className: "facts"}, rows.map(({key, value}) => [el("dt", null, key), el("dd", {dir: "auto"}, folded(value))]));
  }

  function facts(run) {
    const grouped = new Set(factGroups.flatMap(([, keys]) => keys).concat("command"));
    const of = keys => keys.map(key => run.identity.find(fact => fact.key === key)).filter(Boolean);
    return [...factGroups.map(([title, keys]) => [title, of(keys)]), ["Further settings", run.identity.filter(({key}) => !grouped.has(key))]]
      .filter(([, rows]) => rows.length > 0).flatMap(([title, rows]) => [el("h3", null, title), factList(rows)]);
  }

  /* An argument as a POSIX shell takes it. */
  const quoted = text => /^[\w./:=@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;

  const link = (address, text) => el("a", {href: address, rel: "noreferrer"}, text ?? address);

  function failures(run, name) {
    const [{failed, skipped}] = run.tables.overview, rows = run.tables.failures, n = failed + skipped;
    if (n === 0)
      return el("p", null, "Nothing failed, and nothing was left out.");
    return [el("p", null, `${failed.toLocaleString("en")} trials failed and ${skipped.toLocaleString("en")} rows of the benchmark were left out; no number counts them.`
                          + (rows.length < n ? ` The first ${rows.length.toLocaleString("en")}:` : "")),
            table(rows, {name: `${name}-failures`, sql: "SELECT * FROM failures", caption: "Failed and left out"})];
  }

  function noiseFloor(run, name) {
    return run.tables.noise_floor.length === 0 ? el("p", null, "This run did not ask the clean image again (noise_floor), so its floor is not known.")
      : [el("p", null, "How far the clean image, asked again alone, is from itself: nothing below this is a measurement."),
         table(run.tables.noise_floor, {name: `${name}-noise-floor`, sql: "SELECT * FROM noise_floor", caption: "Noise floor"})];
  }

  /* CITATION.cff as BibTeX. */
  const bibtex = version => `@software{undertow,
  author  = {{The Undertow developers}},
  title   = {Undertow: finding the drift beneath the same answer},
  version = {${version}},
}`;

  pageOfRun({
    id: "run", title: "Run",
    content(report, run, name) {
      const command = factsOf(run).command, file = quoted(run.name);
      return [
        el("p", {className: "subject", dir: "auto"}, subject(run)), ...warnings(run),
        el("h2", null, "Command"), command ? code(command) : el("p", null, "The run does not say by which command it was made."),
        el("h2", null, "The same tables from the file"),
        code(`undertow show ${file}\nundertow show ${file} families --format csv\nundertow sql ${file} "FROM families"`),
        el("h2", null, "Facts"), ...facts(run),
        el("h2", null, "Noise floor"), noiseFloor(run, name),
        el("h2", null, "Failed and left out"), failures(run, name),
        el("h2", null, "Method"),
        el("p", null, "The measurements are those of “Same Answer, Different Representations: Hidden Instability in VLMs” (",
           link("https://arxiv.org/abs/2602.06652", "arXiv:2602.06652"),
           "), under its names. Every formula stands in docs/method.md, every table and view in docs/schema.md, the rules of intervals and verdicts in docs/findings.md of the program’s sources."),
        el("h2", null, "How to cite"), el("p", null, `Undertow, version ${report.version}. Please cite the paper above with it.`), code(bibtex(report.version)),
      ].flat();
    },
  });
})();
