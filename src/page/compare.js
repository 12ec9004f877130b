/* The page that holds runs against the first of them: what differs, what is compared, by how much, and whether that is chance. Its data, one
 * of report.comparisons, are those of ut_paired_json (report/paired.h). */
"use strict";

(() => {
  const {el, addPage, table, chart, href, later} = undertow;

  /* What can be chosen, in this order; a quantity of channels is a choice for each. */
  const quantities = {
    IFR: {title: "Flip rate (IFR)", right: "more answers change than in the first run"},
    IV: {title: "Questions with a flip (IV)", right: "more questions have an answer that changes than in the first run"},
    accuracy: {title: "Accuracy", right: "more answers are right than in the first run"},
    delta_accuracy: {title: "Change of accuracy (ΔAcc)", right: "perturbations cost less accuracy than in the first run"},
    hidden_percent: {title: "Hidden drift, % of control", right: "representations move further than in the first run where the answer stays"},
    percent: {title: "Drift, % of control", right: "representations move further than in the first run"},
    delta_margin: {title: "Change of the margin, nats", right: "perturbations cost less margin than in the first run"},
    margin: {title: "Margin on clean images, nats", right: "clean answers are surer than in the first run"},
    precision: {title: "Precision of Yes", right: "Yes is right more often than in the first run"},
    recall: {title: "Recall of Yes", right: "more of what is there is found than in the first run"},
    FPR: {title: "False-positive rate", right: "more is seen that is not there than in the first run"},
    yes_rate: {title: "Share of Yes", right: "Yes is said more often than in the first run"},
  };

  const isPool = family => family.startsWith("any (");

  /* Names of runs head columns: those that are alike, or like a column that is there, get a number. */
  function distinct(names, taken) {
    const used = new Set(taken);
    return names.map(name => {
      let label = name;
      for (let n = 2; used.has(label); n++)
        label = `${name} (${n})`;
      used.add(label);
      return label;
    });
  }

  /* Runs go by their files' names, as on the other pages. */
  function withShortNames(comparison) {
    const short = row => "name" in row ? {...row, name: row.name.replace(/\.duckdb$/, "")} : row;
    return Object.fromEntries(Object.entries(comparison).map(([part, rows]) => [part, rows.map(short)]));
  }

  const count = (n, word) => `${n.toLocaleString("en")} ${word}${n === 1 ? "" : "s"}`;

  const warning = text => el("p", {className: "warning", dir: "auto"}, el("strong", null, "Warning: "), text);

  function warnings({runs}) {
    return runs.flatMap(({name, caveat, finished}) => [
      caveat ? warning(`${name}: ${caveat}`) : null,
      finished ? null : warning(`${name} is not finished: what both runs have is compared, and its control drifts are not there yet.`)]);
  }

  /* ── what differs ─────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

  /* Hashes are told apart by their beginnings; the page of a run has them whole. */
  const shortHash = (fact, value) => fact.endsWith("sha256") && value ? value.slice(0, 12) : value;

  /* A fact a row, a run a column. */
  function factTable({runs, differs}, informative, caption) {
    const labels = distinct(runs.map(({name}) => name), ["fact"]);
    const byFact = Map.groupBy(differs.filter(row => row.informative === informative), ({key}) => key);
    const rows = [...byFact].map(([fact, values]) =>
      ({fact, ...Object.fromEntries(labels.map((label, i) => [label, shortHash(fact, values.find(({run}) => run === i)?.value ?? null)]))}));
    return rows.length > 0 ? table(rows, {columns: ["fact", ...labels], name: "differs", caption})
      : el("p", null, "The runs are alike in all that makes a run what it is.");
  }

  function whatDiffers(comparison) {
    return [el("h2", null, "What differs"), factTable(comparison, false, "Facts that are not alike in all runs"),
            later("Command, files, machine and time", () => factTable(comparison, true, "Facts that change no number"))];
  }

  /* ── what is compared ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

  const leftOut = [
    ["questions_only_reference", "question", "in the first run alone"],
    ["questions_only_run", "question", "in this run alone"],
    ["questions_reworded", "question", "among these with the id and image of one of the first run, but in other words or with another right answer"],
    ["questions_unanswered", "question", "in both, but not answered by both on the clean image"],
    ["variants_only_reference", "variant", "in the first run alone"],
    ["variants_only_run", "variant", "in this run alone"],
    ["instances_only_reference", "instance", "in the first run alone"],
    ["instances_only_run", "instance", "in this run alone"],
  ];

  function matchedSentences(matched) {
    if (matched.questions === 0)
      return [`${matched.name}: no question in common that both answered, so it is not compared.`];
    const [questions, images, instances, variants] = ["question", "image", "instance", "variant"].map(word => count(matched[`${word}s`], word));
    return [`${matched.name}: ${questions} on ${images}, ${instances} under ${variants}.`,
            ...leftOut.filter(([column]) => matched[column] > 0)
              .map(([column, word, where]) => `${matched.name}, left out: ${count(matched[column], word)} ${where}.`)];
  }

  function whatIsCompared({matched}) {
    return [el("h2", null, "What is compared"),
            el("p", null, "Questions that are the same in both runs (id, image, words, options, right answer), under variants that both have finished."),
            el("ul", null, matched.flatMap(matchedSentences).map(sentence => el("li", {dir: "auto"}, sentence)))];
  }

  /* ── by how much ──────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

  const shown = ({family, quantity, channel, reference, value, difference, low, high, images}) =>
    ({family, quantity, channel, difference, low, high, reference, value, images});

  /* The pool of the core variants stands for all, or that of all variants where there is no other. */
  function atAGlance({differences}, run) {
    const rows = differences.filter(row => row.run === run), pool = rows.find(({family}) => isPool(family))?.family;
    return rows.filter(({family, quantity, channel}) => (family === "clean" || family === pool) && (channel === null || quantity === "hidden_percent"))
      .map(shown);
  }

  function byHowMuch(comparison) {
    const compared = comparison.matched.filter(({questions}) => questions > 0), [first] = comparison.runs;
    return [el("h2", null, "By how much"),
            compared.map(({run, name}) => table(atAGlance(comparison, run), {name: `compare-${run}`, caption: `${name} less ${first.name}`}))];
  }

  const choiceOf = ({quantity, channel}) => channel === null ? quantity : `${quantity} ${channel}`;

  const titleOf = ({quantity, channel}) => quantities[quantity].title + (channel === null ? "" : `, ${channel}`);

  /* Key → quantity and channel, of what these runs have. */
  function choices({differences}) {
    const found = new Map(differences.filter(({quantity}) => quantity in quantities).map(row => [choiceOf(row), row]));
    const order = Object.keys(quantities);
    return new Map([...found].sort(([, a], [, b]) => order.indexOf(a.quantity) - order.indexOf(b.quantity)));
  }

  /* The difference and its interval, a family a row, several runs under each other. */
  function forest(title, n) {
    const x = {type: "quantitative", title};
    const runs = n > 1 ? {yOffset: {field: "run", type: "nominal", sort: null}, color: {field: "name", type: "nominal", sort: null, title: null}} : {};
    const encoding = {y: {field: "family", type: "nominal", sort: null, title: null}, ...runs};
    return {
      data: {name: "rows"},
      height: {step: n > 1 ? 14 : 26},
      layer: [
        {mark: {type: "rule", strokeDash: [4, 3]}, encoding: {x: {datum: 0, type: "quantitative"}}},
        {transform: [{filter: "isValid(datum.low)"}], mark: {type: "rule", strokeWidth: 2},
         encoding: {...encoding, x: {...x, field: "low"}, x2: {field: "high"}}},
        {mark: {type: "point", filled: true, size: 60, opacity: 1}, encoding: {...encoding, x: {...x, field: "difference"}}},
      ],
    };
  }

  function difference({runs: [first], differences}, choice) {
    const rows = differences.filter(row => choiceOf(row) === choiceOf(choice) && row.difference !== null)
      .map(row => ({run: row.run, name: row.name, ...shown(row)}));
    if (rows.length === 0)
      return el("p", null, "This quantity is undefined in these runs.");
    const title = titleOf(choice);
    return chart({name: `difference-${choice.quantity}`, title, spec: forest(`${title}: run less first run`, new Set(rows.map(({run}) => run)).size),
                  reading: `The difference to ${first.name} with its 95 % interval by bootstrap over images, drawn again in both runs at once. To the right of 0 ${quantities[choice.quantity].right}.`},
                 rows, {name: "compare"});
  }

  /* ── whether it is chance ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

  function whetherChance({matched, tests}) {
    const columns = ["test", "family", "pairs", "images", "only_reference", "only_run", "p", "p_holm", "p_mcnemar"];
    return [
      el("h2", null, "Whether it is chance"),
      el("p", null, "Counted are pairs that differ: an answer that is right (test “clean”: on clean images; “accuracy”: on perturbed ones) or flipped (“flips”) in one run alone. "
                    + "p takes the image as the unit, since all pairs of an image may go together (an exact test of signs), and p_holm allows for all families and runs tested alike. "
                    + "p_mcnemar takes every pair as independent: where an image has several, it is too small."),
      table(tests, {columns: matched.length > 1 ? ["name", ...columns] : columns, name: "tests", caption: "Tests of paired answers"}),
    ];
  }

  /* ── the page ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

  /* One group of runs that share questions. Gives what follows the state. */
  function showComparison(place, comparison, goTo) {
    const known = choices(comparison), drawing = el("div"), [first, ...others] = comparison.runs;
    const select = el("select", {onchange: () => goTo({quantity: select.value})}, [...known].map(([key, choice]) => el("option", {value: key}, titleOf(choice))));
    let drawn = null;
    const parts = [el("p", {className: "subject", dir: "auto"}, `${others.map(({name}) => name).join(", ")}, held against ${first.name}`),
                   warnings(comparison), whatDiffers(comparison), whatIsCompared(comparison), byHowMuch(comparison),
                   el("label", {className: "chosen"}, "Difference by family: ", select), drawing, whetherChance(comparison),
                   later("All differences", () => table(comparison.differences, {name: "differences", caption: "All differences"}))];
    place.replaceChildren(...parts.flat(Infinity).filter(Boolean));
    return state => {
      const wanted = state.get("quantity"), key = known.has(wanted) ? wanted : known.keys().next().value;
      if (key === undefined || key === drawn)
        return;
      drawn = select.value = key;
      drawing.replaceChildren(difference(comparison, known.get(key)));
    };
  }

  addPage({
    id: "compare", title: "Compare",
    show: report => report.comparisons.length > 0,
    mount(element, report, state) {
      const comparisons = report.comparisons.map(withShortNames), place = el("div");
      const groupOf = state => Math.min(comparisons.length - 1, Math.max(0, Math.trunc(Number(state.get("against")) || 0)));
      let now = state, shown = null, follow = null;
      const goTo = changes => location.hash = href("compare", {against: now.get("against"), quantity: now.get("quantity"), ...changes});
      const select = el("select", {onchange: () => goTo({against: select.value})},
                        comparisons.map(({runs: [{name}]}, i) => el("option", {value: i}, name)));
      if (comparisons.length > 1)
        element.append(el("label", {className: "chosen"}, "Runs of the same questions, held against ", select));
      element.append(place);
      const update = state => {
        const group = groupOf(now = state);
        if (group !== shown)
          follow = showComparison(place, comparisons[group], goTo);
        shown = select.value = group;
        follow(state);
      };
      update(state);
      return update;
    },
  });
})();
