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

  const loader = {
    load: async uri => { throw Error (`reads ${uri}: a figure has no data but its rows`); },
    sanitize: async uri => { throw Error (`links to ${uri}: a figure has no links`); },
  };

  async function drawInner (spec, config, inner)
  {
    const faults = [];
    const view = { ...config.view, continuousWidth: inner, discreteWidth: inner };
    const vega_spec = vegaLite.compile (spec, { config: { ...config, view }, logger: logger (faults) }).spec;
    const runtime = vega.parse (vega_spec, null, { ast: true });
    const chart = new vega.View (runtime, { renderer: "none", loader, logger: logger (faults), expr: vega.expressionInterpreter });
    const svg = await chart.toSVG ();
    chart.finalize ();
    if (faults.length > 0)
      throw Error (faults[0]);
    const [, total, height] = /^<svg[^>]* width="([\d.]+)" height="([\d.]+)"/.exec (svg);
    return { svg, total: +total, height: +height };
  }

  /* Axes and legends take their room beside what the specification calls its width, and several views share it: the width of one that fills
   * `total` is found by trying (secants). */
  async function fit (spec, config, total)
  {
    const n_trials = 8;
    let inner = 0.8 * total, previous = null, best = null;
    for (let i = 0; i < n_trials; i++)
      {
        const drawn = { ...await drawInner (spec, config, inner), inner };
        if (best === null || Math.abs (drawn.total - total) < Math.abs (best.total - total))
          best = drawn;
        if (Math.abs (drawn.total - total) <= 1)
          break;
        const slope = previous === null ? 1 : (drawn.total - previous.total) / (drawn.inner - previous.inner);
        if (!(slope > 0)) /* its width follows from its content */
          break;
        previous = drawn;
        inner = Math.max (8, Math.round (2 * (inner - (drawn.total - total) / slope)) / 2);
        if (inner === drawn.inner)
          break;
      }
    return best;
  }

  /* An SVG that is `total` points wide, a unit of the specification being a point; what does not fit is made smaller. */
  return async (spec_text, rows_text, theme_text, total) => {
    vega.textMetrics.width = width;
    widths.clear ();
    const spec = { ...JSON.parse (spec_text), datasets: { rows: JSON.parse (rows_text) } };
    const drawn = await fit (spec, JSON.parse (theme_text), total);
    const shown = Math.max (drawn.total, total), left = (drawn.total - shown) / 2;
    const round = x => +x.toFixed (3);
    const size = `width="${round (total)}pt" height="${round (drawn.height * total / shown)}pt"`;
    return printable (drawn.svg).replace (/ width="[^"]*" height="[^"]*" viewBox="[^"]*"/,
                                          ` ${size} viewBox="${round (left)} 0 ${round (shown)} ${drawn.height}"`);
  };
}) ();
