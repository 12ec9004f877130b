/* Draws the figures: makes an SVG of a Vega-Lite specification, where there is no browser. It runs before Vega, whose scripts look for some
 * of this while they are loaded. `undertowTextWidth (family, size, style, weight, text)` is the program's. */
"use strict";

globalThis.console = { log () {}, info () {}, warn () {}, error () {} };
globalThis.setTimeout = f => { Promise.resolve ().then (f); };
globalThis.setInterval = () => 0; /* nothing happens in a figure after it is drawn */
globalThis.structuredClone = value => {
  if (Array.isArray (value))
    return value.map (structuredClone);
  if (value instanceof Date)
    return new Date (value);
  if (value === null || typeof value !== "object")
    return value;
  return Object.fromEntries (Object.entries (value).map (([key, v]) => [key, structuredClone (v)]));
};

globalThis.undertowDraw = (() => {
  /* What XML cannot hold: most control characters, and halves of pairs, as truncation leaves them. */
  const printable = text => text.replace (/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|[\ud800-\udfff]/gu, "\ufffd");

  const widths = new Map ();

  function measure (item, text)
  {
    const font = [item.font ?? "sans-serif", +(item.fontSize ?? 11), item.fontStyle ?? "normal", String (item.fontWeight ?? "normal")];
    const key = font.join ("\n") + "\n" + text;
    if (!widths.has (key))
      widths.set (key, undertowTextWidth (...font, text));
    return widths.get (key);
  }

  /* Vega asks this both for the room a text takes, which a limit bounds, and to find how much of the text that limit leaves. */
  function width (item, line)
  {
    const text = printable (String (line ?? "").trim ());
    const full = text === "" ? 0 : measure (item, text);
    const whole = [item.text].flat ().some (t => printable (String (t ?? "").trim ()) === text);
    return item.limit > 0 && whole ? Math.min (full, item.limit) : full;
  }

  /* A mistake in the specification stops the figure instead of leaving a hole in it. */
  function logger (faults)
  {
    const ignore = () => log, note = (...texts) => { faults.push (texts.map (String).join (" ")); return log; };
    const log = { level: ignore, error: note, warn: ignore, info: ignore, debug: ignore };
    return log;
  }

  /* Vega itself only warns of data that cannot be loaded. */
  function closedLoader (faults)
  {
    const refuse = async uri => {
      faults.push (`reads ${uri}: a figure has no data but its rows`);
      throw Error (faults[0]);
    };
    return { load: refuse, sanitize: refuse };
  }

  const n_trials = 8, narrowest = 8, narrowest_column = 60, narrowest_legend = 75;

  /* `inner` is the width of one view within its axes. */
  async function drawOnce (spec, config, inner)
  {
    const faults = [];
    const view = { ...config.view, continuousWidth: inner, discreteWidth: inner };
    const header = { ...config.header, labelLimit: Math.max (narrowest_column, inner) };
    const compiled = vegaLite.compile (spec, { config: { ...config, view, header }, logger: logger (faults) }).spec;
    const runtime = vega.parse (compiled, null, { ast: true });
    const chart = new vega.View (runtime, { renderer: "none", loader: closedLoader (faults), logger: logger (faults),
                                            expr: vega.expressionInterpreter });
    const svg = await chart.toSVG ();
    chart.finalize ();
    if (faults.length > 0)
      throw Error (faults[0]);
    const [, total, height] = /^<svg[^>]* width="([\d.]+)" height="([\d.]+)"/.exec (svg);
    return { svg, inner, total: +total, height: +height };
  }

  /* Axes and legends take their room beside the views, and several views share the rest: the width of one that fills `total` is found by
   * trying. Labels that come and go make jumps, so that secants are kept between what fits and what does not. */
  async function fitWidth (spec, config, total, inner)
  {
    let drawn = null, previous = null, fitting = null, excessive = null;
    for (let i = 0; i < n_trials; i++)
      {
        previous = drawn;
        drawn = await drawOnce (spec, config, inner);
        if (drawn.total > total + 1)
          excessive = drawn;
        else
          fitting = drawn;
        if (Math.abs (drawn.total - total) <= 1 || drawn.total === previous?.total) /* there, or its width follows from its content */
          break;
        const slope = previous === null ? 1 : (drawn.total - previous.total) / (drawn.inner - previous.inner);
        inner = Math.max (narrowest, +(inner - (drawn.total - total) / slope).toFixed (2));
        if (fitting !== null && excessive !== null && !(inner > fitting.inner && inner < excessive.inner))
          inner = (fitting.inner + excessive.inner) / 2;
        if (inner === drawn.inner)
          break;
      }
    return fitting ?? excessive;
  }

  /* In how many columns the specification lays views out; 1 where it does not. */
  const columnsOf = spec => spec.columns ?? spec.encoding?.facet?.columns ?? 1;

  function withColumns (spec, columns)
  {
    if (spec.columns !== undefined)
      return { ...spec, columns };
    if (spec.encoding?.facet?.columns !== undefined)
      return { ...spec, encoding: { ...spec.encoding, facet: { ...spec.encoding.facet, columns } } };
    return spec;
  }

  /* As many columns as leave each view room to be read, and as many of a legend's entries side by side as there is room for. */
  async function fit (spec, config, total)
  {
    let best = null;
    for (let columns = columnsOf (spec); columns >= 1; columns--)
      for (let entries = Math.max (1, Math.floor (total / narrowest_legend)); entries >= 1; entries--)
        {
          const legend = { ...config.legend, columns: entries };
          const drawn = await fitWidth (withColumns (spec, columns), { ...config, legend }, total, 0.8 * total / columns);
          const fits = drawn.total <= total + 1;
          if (fits && (drawn.inner >= narrowest_column || columns === 1))
            return drawn;
          if (best === null || drawn.total < best.total)
            best = drawn;
          if (fits)
            break;
        }
    return best;
  }

  /* Vega keeps groups in plain objects, where a group called "constructor" would be there already: an invisible sign makes it another. */
  const distinct = (key, value) => typeof value === "string" && value in Object.prototype ? value + "\u2060" : value;

  function parse (text, what, reviver)
  {
    try
      {
        return JSON.parse (text, reviver);
      }
    catch (fault)
      {
        throw Error (`the ${what} cannot be read as JSON: ${fault.message}`);
      }
  }

  /* An SVG that is `total` points wide, a unit of the specification being a point; what does not fit is made smaller. */
  async function draw (spec_text, rows_text, theme_text, total)
  {
    vega.textMetrics.width = width;
    widths.clear ();
    const spec = { ...parse (spec_text, "specification"), datasets: { rows: parse (rows_text, "rows", distinct) } };
    const drawn = await fit (spec, parse (theme_text, "theme"), total);
    const shown = Math.max (drawn.total, total), left = (drawn.total - shown) / 2;
    const round = x => +x.toFixed (3);
    const size = `width="${round (total)}pt" height="${round (drawn.height * total / shown)}pt"`;
    return printable (drawn.svg).replace (/ width="[^"]*" height="[^"]*" viewBox="[^"]*"/,
                                          ` ${size} viewBox="${round (left)} 0 ${round (shown)} ${drawn.height}"`);
  }

  const longest_message = 300;

  /* Some messages quote the whole specification, with its rows. */
  const shorten = text => text.length > longest_message ? printable (text.slice (0, longest_message)) + "…" : text;

  return (...figure) => draw (...figure).catch (fault => { throw shorten (String (fault?.message ?? fault)); });
}) ();
