/* What all pages of the report are made of: elements, tables, charts, and the way between pages. Texts of the data become text nodes and
 * nothing else; what the report says stands in `report` (page.h). */
"use strict";

const report = JSON.parse(document.getElementById("report").textContent);

const undertow = (() => {
  /* ── elements ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

  /* An element. Properties are the DOM's; a name with a dash, or "role", is an attribute. Children are nodes or texts; null is left out. */
  function el(tag, properties, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(properties ?? {}))
      if (name.includes("-") || name === "role")
        element.setAttribute(name, value);
      else
        element[name] = value;
    element.append(...children.flat(Infinity).filter(child => child !== null && child !== undefined));
    return element;
  }

  /* A name that every file system takes. */
  const fileName = text => text.replace(/[^\p{L}\p{N}._-]+/gu, "_").slice(0, 120);

  function save(name, blob) {
    const link = el("a", {href: URL.createObjectURL(blob), download: fileName(name)});
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  }

  const saveText = (name, type, text) => save(name, new Blob([text], {type}));

  /* Buttons that save files: a text on each, and what to do. */
  const saveButtons = (of, actions) =>
    el("div", {className: "buttons", role: "group", "aria-label": `Save ${of}`},
       Object.entries(actions).map(([title, onclick]) => el("button", {type: "button", onclick, title: `Save as ${title}`}, title)));

  /* ── numbers ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

  /* How people read a column: the same as `undertow show`. */
  const columnStyle = column => report.columns[column] ?? {};

  function number(value, column, fraction = false) {
    if (value === null || value === undefined)
      return "–";
    if (typeof value === "boolean")
      return value ? "yes" : "no";
    if (typeof value !== "number")
      return String(value);
    const {digits, sign} = columnStyle(column);
    let places = digits ?? (Number.isInteger(value) && !fraction ? 0 : -1);
    if (places === -2)
      return String(Number(value.toPrecision(6)));
    if (places === -1)
      places = value === 0 ? 0 : Math.min(12, Math.max(0, 3 - Math.floor(Math.log10(Math.abs(value)))));
    const text = Math.abs(value) < 1e15 ? value.toFixed(places) : String(value);
    if (!/[1-9]/.test(text))
      return text.replace(/^-/, ""); /* a rounded −0.000 reads as if it were something */
    return (sign && value > 0 ? "+" : "") + text.replace("-", "−");
  }

  /* ── tables ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

  const csvCell = value => {
    const text = value === null || value === undefined ? "" : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };

  /* RFC 4180, as `undertow show --format csv`. */
  const csv = (rows, columns) =>
    [columns, ...rows.map(row => columns.map(column => row[column]))].map(cells => cells.map(csvCell).join(",") + "\r\n").join("");

  const columnsOf = rows => rows.length > 0 ? Object.keys(rows[0]) : [];

  const saveCsv = (name, rows, columns) => saveText(`${name}.csv`, "text/csv", csv(rows, columns ?? columnsOf(rows)));
  const saveJson = (name, rows) => saveText(`${name}.json`, "application/json", JSON.stringify(rows, null, 1));

  /* Nulls come last, whichever way. */
  function compareBy(column, direction) {
    return (a, b) => {
      const [x, y] = [a[column] ?? null, b[column] ?? null];
      if (x === null || y === null)
        return (x === null) - (y === null);
      return direction * (typeof x === "string" || typeof y === "string"
                          ? String(x).localeCompare(String(y), undefined, {numeric: true}) : x - y);
    };
  }

  /* Very long texts are there for those who open them. */
  function folded(text) {
    return text.length <= 300 ? text
      : el("details", null, el("summary", null, `${text.slice(0, 80)}…`), el("p", null, text));
  }

  const rowsAtOnce = 100;

  /* Draws the body of a table again and again, as it is sorted, filtered and grows. */
  class Table {
    constructor(rows, columns, caption) {
      this.rows = this.matching = rows;
      /* A standard deviation stands behind the column before it, after ±. */
      this.columns = columns.filter((column, i) => i === 0 || !columnStyle(column).spread);
      this.spreads = new Map(columns.slice(1).map((column, i) => [columns[i], column]).filter(([, column]) => columnStyle(column).spread));
      this.numeric = new Set(columns.filter(column => rows.some(row => typeof row[column] === "number")));
      this.fractional = new Set(columns.filter(column => rows.some(row => typeof row[column] === "number" && !Number.isInteger(row[column]))));
      this.limit = rowsAtOnce;
      this.head = columns.length > 0 ? this.columns.map(column => this.header(column)) : [];
      this.body = el("tbody");
      this.more = el("button", {type: "button", onclick: () => this.grow()});
      this.element = el("table", null, caption ? el("caption", null, caption) : null, el("thead", null, el("tr", null, this.head)), this.body);
      this.fill();
    }

    header(column) {
      const {header, unit} = columnStyle(column);
      return el("th", {scope: "col", className: this.numeric.has(column) ? "number" : ""},
                el("button", {type: "button", onclick: () => this.sort(column)}, header || column,
                   unit ? el("span", {className: "unit"}, ` ${unit}`) : null));
    }

    /* Numbers begin with the largest, texts with the first. */
    sort(column) {
      const first = this.numeric.has(column) ? -1 : 1;
      this.direction = this.sorted === column ? -this.direction : first;
      this.sorted = column;
      this.columns.forEach((name, i) => {
        if (name === column)
          this.head[i].setAttribute("aria-sort", this.direction > 0 ? "ascending" : "descending");
        else
          this.head[i].removeAttribute("aria-sort");
      });
      this.fill();
    }

    filter(text) {
      const wanted = text.toLowerCase();
      this.matching = this.rows.filter(row => this.columns.some(column => number(row[column], column).toLowerCase().includes(wanted)));
      this.limit = rowsAtOnce;
      this.fill();
    }

    grow() {
      this.limit += 10 * rowsAtOnce;
      this.fill();
    }

    text(row, column) {
      const value = row[column];
      /* In a column of fractions, 1 reads as 1.000. */
      return this.fractional.has(column) && Number.isInteger(value) && value !== 0 && columnStyle(column).digits === undefined
        ? number(value, column, true) : number(value, column);
    }

    cell(row, column) {
      const spread = this.spreads.get(column);
      const text = this.text(row, column) + (spread && row[spread] !== null && row[spread] !== undefined ? ` ± ${number(row[spread], spread)}` : "");
      return el("td", {className: this.numeric.has(column) ? "number" : "", dir: "auto"}, folded(text));
    }

    fill() {
      const rows = this.sorted ? [...this.matching].sort(compareBy(this.sorted, this.direction)) : this.matching;
      this.body.replaceChildren(...rows.slice(0, this.limit).map(row => el("tr", null, this.columns.map(column => this.cell(row, column)))));
      this.more.hidden = rows.length <= this.limit;
      this.more.textContent = `${this.limit.toLocaleString("en")} of ${rows.length.toLocaleString("en")} rows: show more`;
    }
  }

  /* A table of row objects: sortable, filtered by text where it is long, in a box that scrolls by itself, saved as CSV or JSON.
   * `columns` are those shown, in order; `name` begins the names of saved files; `sql` is the query that gives the rows. */
  function table(rows, {columns, name = "table", sql, caption} = {}) {
    const shown = columns ?? columnsOf(rows);
    const content = new Table(rows, shown, caption);
    const filter = rows.length > 20
      ? el("label", {className: "filter"}, "Filter ", el("input", {type: "search", oninput: event => content.filter(event.target.value)}))
      : null;
    const buttons = saveButtons(caption ?? "the table", {CSV: () => saveCsv(name, rows, shown), JSON: () => saveJson(name, rows)});
    return el("div", {className: "table"}, el("div", {className: "tools"}, filter, buttons),
              el("div", {className: "scroll", tabIndex: 0, role: "region", "aria-label": caption ?? "Table"}, content.element),
              content.more, sql ? query(sql) : null);
  }

  const query = sql => el("details", {className: "sql"}, el("summary", null, "SQL"), code(sql.trim()));

  /* Text to be copied, with a button that does. */
  function code(text) {
    const copy = el("button", {type: "button", className: "copy", onclick: async () => {
      try {
        await navigator.clipboard.writeText(text);
        copy.textContent = "Copied";
      } catch { /* the browser does not let a file's page do that: it is a key away */
        getSelection().selectAllChildren(pre);
        copy.textContent = "Selected";
      }
      setTimeout(() => copy.textContent = "Copy", 2000);
    }}, "Copy");
    const pre = el("pre", {tabIndex: 0}, text);
    return el("div", {className: "code"}, pre, copy);
  }

  /* ── charts ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

  const fonts = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif";

  /* The colours of the moment, or those of paper. */
  function colours(paper) {
    const root = document.documentElement, had = root.classList.contains("paper");
    root.classList.toggle("paper", paper || had);
    const style = getComputedStyle(root);
    const colour = name => style.getPropertyValue(`--${name}`).trim();
    const found = {
      text: colour("text"), muted: colour("muted"), back: colour("back"), line: colour("line"),
      series: [1, 2, 3, 4, 5, 6, 7, 8].map(i => colour(`c${i}`)),
    };
    root.classList.toggle("paper", had);
    return found;
  }

  /* Vega-Lite's look: the page's colours and font, and no ink that says nothing. `panel` is a panel's width, `step` a category's height. */
  function theme(width, {panel = width, step, paper}) {
    const {text, muted, back, line, series} = colours(paper);
    const words = {labelColor: muted, titleColor: text, labelFontSize: 12, titleFontSize: 12, titleFontWeight: "normal"};
    return {
      background: paper ? back : "transparent",
      font: fonts,
      padding: 2,
      view: {stroke: null, discreteHeight: {step}, continuousHeight: 260},
      axis: {...words, labelLimit: width < 500 ? 110 : 220, domainColor: line, tickColor: line, gridColor: line, gridOpacity: 0.6, tickSize: 4, labelPadding: 6,
             titlePadding: 10, labelOverlap: true},
      axisY: {domain: false, ticks: false},
      axisQuantitative: {tickCount: Math.min(8, Math.max(3, Math.floor(panel / 70)))},
      axisBand: {grid: false},
      header: {...words, labelFontWeight: 600, labelColor: text},
      legend: {...words, orient: "top", direction: "horizontal", columns: Math.max(1, Math.floor(width / 150)), labelLimit: 200,
               symbolStrokeWidth: 2, rowPadding: 4, offset: 20},
      title: {color: text, fontSize: 13, fontWeight: 600, anchor: "start"},
      range: {category: series, ordinal: series},
      mark: {color: series[0]},
      bar: {cornerRadiusEnd: 1.5},
      rule: {color: muted},
      text: {color: text, fontSize: 12},
      line: {strokeWidth: 2},
      point: {filled: true, size: 40, opacity: 1},
      tick: {color: series[0]},
      boxplot: {median: {color: back}},
      errorbar: {rule: {color: muted}},
    };
  }

  /* Charts of several panels take their width from their panels, and a panel its from here. */
  function panels(spec, rows) {
    const {row, column, facet} = {...spec.encoding, ...(spec.facet?.field ? {facet: {...spec.facet, columns: spec.columns}} : spec.facet)};
    const distinct = channel => new Set(rows.map(r => r[channel.field])).size;
    if (spec.hconcat)
      return spec.hconcat.length;
    if (facet)
      return Math.min(facet.columns ?? spec.columns ?? Infinity, distinct(facet));
    if (column)
      return distinct(column);
    return row || spec.vconcat || spec.concat || spec.repeat ? 1 : 0;
  }

  function withWidth(spec, width) {
    const inner = "spec" in spec ? {spec: {...spec.spec, width}} : {width};
    for (const list of ["hconcat", "vconcat", "concat"])
      if (spec[list])
        return {...spec, [list]: spec[list].map(part => withWidth(part, width))};
    return {...spec, ...inner};
  }

  /* On a narrow screen panels stand under each other. */
  function narrowed(spec, columns) {
    if (spec.encoding?.facet)
      return {...spec, encoding: {...spec.encoding, facet: {...spec.encoding.facet, columns}}};
    return spec.facet?.field ? {...spec, columns} : spec;
  }

  const noLoader = {load: () => Promise.reject(new Error("the report loads nothing")), sanitize: () => Promise.reject(new Error("the report links nowhere"))};

  /* Warnings are for who writes a chart, not for who reads it. */
  const quiet = vega.logger(vega.Error);

  function makeView(spec, rows, config, container, renderer) {
    /* Vega marks the rows it reads, so it gets its own. */
    const whole = {...spec, config, datasets: {rows: rows.map(row => ({...row}))}};
    const runtime = vega.parse(vegaLite.compile(whole, {logger: quiet}).spec, null, {ast: true});
    return new vega.View(runtime, {expr: vega.expressionInterpreter, renderer, container, loader: noLoader, logLevel: vega.Error, hover: true});
  }

  /* A view of the chart so wide, run. The width of panels beside each other is found in a second try: what axes take shows in the first. */
  function fitView(spec, rows, width, {paper = false, container = null, renderer = "svg"} = {}) {
    /* A category with rows of its own within it needs no more room for each. */
    const step = JSON.stringify(spec).includes('"yOffset"') ? 13 : 24;
    const draw = (fitted, panel) => makeView(fitted, rows, theme(width, {panel, step, paper}), container, renderer).run();
    const wanted = panels(spec, rows);
    if (wanted === 0)
      return draw({...spec, width, autosize: {type: "fit-x", contains: "padding"}});
    const n = Math.min(wanted, Math.max(1, Math.floor(width / 150))), fitting = n < wanted ? narrowed(spec, n) : spec;
    const guess = Math.max(60, width / n - 50);
    const view = draw(withWidth(fitting, guess), guess);
    const excess = view.scenegraph().root.bounds.width() - width;
    if (Math.abs(excess) < 4)
      return view;
    view.finalize();
    const panel = Math.max(60, guess - excess / n - 1);
    return draw(withWidth(fitting, panel), panel);
  }

  const charts = new Set();
  let onPaper = false;

  /* Canvas where SVG would be too many elements. */
  const svgLimit = 4000;

  class Chart {
    constructor(chart, rows, name) {
      this.chart = chart;
      this.rows = rows;
      this.name = `${name}-${chart.name}`;
      /* Vega says of its container what it is, so that is another. */
      this.container = el("div");
      this.place = el("div", {className: "drawing", role: "img", "aria-label": `${chart.title}. ${chart.reading}`}, this.container);
      this.width = 0;
      charts.add(this);
      seen.observe(this.place);
    }

    draw() {
      const width = Math.min(900, this.place.clientWidth);
      if (width === 0)
        return;
      this.view?.finalize();
      this.width = width;
      this.view = fitView(this.chart.spec, this.rows, width,
                          {paper: onPaper, container: this.container, renderer: this.rows.length > svgLimit ? "canvas" : "svg"});
      sized.observe(this.place);
    }

    /* For papers: on white, in one width. */
    paper() {
      return fitView(this.chart.spec, this.rows, 720, {paper: true, renderer: "none"});
    }

    async saveSvg() {
      saveText(`${this.name}.svg`, "image/svg+xml", await this.paper().toSVG());
    }

    async savePng() {
      const canvas = await this.paper().toCanvas(3);
      canvas.toBlob(blob => save(`${this.name}.png`, blob), "image/png");
    }
  }

  const ofPlace = place => [...charts].find(chart => chart.place === place);

  /* Charts that are no more in the page; those of a page that is hidden are. Without this each would stay for as long as the report is open. */
  function forgetGone() {
    for (const chart of charts)
      if (!chart.place.isConnected) {
        chart.view?.finalize();
        seen.unobserve(chart.place);
        sized.unobserve(chart.place);
        charts.delete(chart);
      }
  }

  const seen = new IntersectionObserver(entries => {
    forgetGone();
    for (const {isIntersecting, target} of entries)
      if (isIntersecting) {
        seen.unobserve(target);
        ofPlace(target)?.draw();
      }
  }, {rootMargin: "300px"});

  const sized = new ResizeObserver(entries => {
    for (const {target} of entries) {
      const chart = ofPlace(target), width = Math.min(900, target.clientWidth);
      if (chart && width > 0 && Math.abs(width - chart.width) > 1)
        chart.draw();
    }
  });

  function redraw(all) {
    forgetGone();
    for (const chart of charts)
      if (all || chart.view)
        chart.draw();
  }

  /* On paper all charts of the page are there, in the colours of paper. */
  function setPaper(paper) {
    if (paper === onPaper)
      return;
    onPaper = paper;
    document.documentElement.classList.toggle("paper", paper);
    redraw(paper);
  }

  function followSurroundings() {
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => redraw(false));
    matchMedia("print").addEventListener("change", event => setPaper(event.matches));
    addEventListener("beforeprint", () => setPaper(true));
    addEventListener("afterprint", () => setPaper(false));
  }

  /* A <details> whose content is made when it is opened first. */
  function later(title, make) {
    const details = el("details", null, el("summary", null, title));
    details.addEventListener("toggle", () => details.append(make()), {once: true});
    return details;
  }

  /* A chart as a figure: drawn when it comes into sight, with its reading, its table and SQL, and what can be saved. Without rows it says
   * why there are none. `name` begins the names of saved files. */
  function chart(of, rows, {name = "undertow"} = {}) {
    const heading = el("h3", null, of.title);
    if (rows.length === 0)
      return el("figure", {className: "chart"}, heading, el("p", {className: "missing"}, of.missing), query(of.sql));
    const drawing = new Chart(of, rows, name);
    return el("figure", {className: "chart"}, heading, drawing.place, el("figcaption", null, of.reading),
              saveButtons(of.title, {SVG: () => drawing.saveSvg(), PNG: () => drawing.savePng(), CSV: () => saveCsv(drawing.name, rows),
                                     JSON: () => saveJson(drawing.name, rows)}),
              later("Table and SQL", () => table(rows, {name: drawing.name, sql: of.sql, caption: of.title})));
  }

  /* ── pages ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

  const pages = [];
  const order = ["summary", "charts", "findings", "samples", "compare", "run"];

  /* A page at #id. `show (report)` says whether this report has it. `mount (element, report, state)` fills the element when the page is
   * opened for the first time and may give a function that is called with the state, a URLSearchParams, at each later change. */
  function addPage(page) {
    pages.push(page);
    pages.sort((a, b) => order.indexOf(a.id) - order.indexOf(b.id));
  }

  const shownPages = () => pages.filter(page => page.show(report));

  /* Where the reader is: the page and its state. */
  function here() {
    const [id, state = ""] = location.hash.slice(1).split("?");
    const shown = shownPages();
    return {page: shown.find(page => page.id === id) ?? shown[0], state: new URLSearchParams(state)};
  }

  /* Which run is looked at. */
  const runIndex = state => Math.min(report.runs.length - 1, Math.max(0, Math.trunc(Number(state.get("run")) || 0)));

  /* The address of a page; the run that is looked at stays. A change of null takes a parameter away. */
  function href(id, changes = {}) {
    const state = new URLSearchParams(), run = here().state.get("run");
    for (const [key, value] of Object.entries({run, ...changes}))
      if (value !== null)
        state.set(key, value);
    return `#${id}${state.size > 0 ? `?${state}` : ""}`;
  }

  function runName(of, i) {
    return of.runs[i].name.replace(/\.duckdb$/, "");
  }

  /* What stays the same on all pages. */
  class Frame {
    constructor() {
      this.links = new Map(shownPages().map(page => [page.id, el("a", null, page.title)]));
      this.main = el("main", {id: "main", tabIndex: -1});
      this.mounted = new Map();
      this.select = el("select", {onchange: () => location.hash = href(here().page.id, {run: this.select.value})},
                       report.runs.map((_, i) => el("option", {value: i}, runName(report, i))));
      const skip = el("a", {href: "#main", className: "skip", onclick: event => {
        event.preventDefault();
        this.main.focus();
      }}, "Skip to the content");
      document.body.append(skip, el("header", null, el("p", {className: "brand"}, report.title || "Undertow"),
        el("nav", {"aria-label": "Pages"}, [...this.links.values()]),
        report.runs.length > 1 ? el("label", {className: "run"}, "Run ", this.select) : null), this.main);
    }

    open(page, state) {
      let {element, update} = this.mounted.get(page.id) ?? {};
      if (element) {
        element.hidden = false;
        update?.(state);
        return element;
      }
      element = el("section", {id: `page-${page.id}`}, el("h1", {tabIndex: -1}, page.title));
      this.main.append(element);
      this.mounted.set(page.id, {element});
      this.mounted.set(page.id, {element, update: page.mount(element, report, state)});
      return element;
    }

    /* Goes where the address says. */
    route(first) {
      const {page, state} = here(), moved = page !== this.page;
      this.page = page;
      for (const {element} of this.mounted.values())
        element.hidden = true;
      for (const [id, link] of this.links) {
        link.href = href(id);
        if (id === page.id)
          link.setAttribute("aria-current", "page");
        else
          link.removeAttribute("aria-current");
      }
      this.select.value = runIndex(state);
      document.title = `${page.title} – ${report.title || "Undertow"}`;
      const element = this.open(page, state);
      if (moved && !first) {
        scrollTo(0, 0);
        element.querySelector("h1").focus({preventScroll: true});
      }
    }
  }

  function start() {
    const frame = new Frame();
    followSurroundings();
    addEventListener("hashchange", () => frame.route(false));
    frame.route(true);
  }

  return {el, addPage, table, chart, number, folded, runName, runIndex, href, code, query, later, save, start};
})();
