/* The sample browser: a list of all trials, filtered and sorted, and everything that is known of one. What the data are is said in samples.h and
 * details.h. */
"use strict";

undertow.samples = (() => {
  const {el, addPage, chart, number, query, runIndex, runName} = undertow;

  const count = (n, word) => `${n.toLocaleString("en")} ${word}${n === 1 ? "" : "s"}`;

  /* ── data ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

  function bytesOf(base64) {
    const text = atob(base64), bytes = new Uint8Array(text.length);
    for (let i = 0; i < bytes.length; i++)
      bytes[i] = text.charCodeAt(i);
    return bytes;
  }

  const column = (Type, base64) => new Type(bytesOf(base64).buffer);

  const noOption = 65535;
  const kept = 0, flipped = 1, failed = 2;
  const answerNames = ["kept", "flipped", "failed"];
  const transitions = ["", "R→R", "R→W", "W→R", "W→W", "unjudged"];
  const labels = ["", "holds", "changed", "doubtful"];
  const channelNames = {vision: "vision tokens", ctx_open: "open prompt", ctx_mcq: "prompt with options"};

  /* What can be sorted by: how it is called, and whether what is largest comes first. */
  const orders = {
    hidden: {title: "worst hidden drift first", key: (data, row, percent) => data.answer[row] === failed ? NaN
             : (data.answer[row] === kept ? 1e9 : 0) + percent[row]},
    drift: {title: "largest drift first", key: (data, row, percent) => percent[row]},
    fall: {title: "largest fall of the margin first", key: (data, row) => -data.deltaMargin[row]},
    unsure: {title: "smallest margin first", key: (data, row) => -data.margin[row]},
    benchmark: {title: "as in the benchmark", key: (_, row) => -row},
  };

  /* The trials of a run as columns, a row each; `items` and `variants` as objects. `rows` are those to be shown: all but the clean ones, and of
   * those the failed, which are all that there is of their questions. */
  class Data {
    constructor(raw) {
      this.raw = raw;
      this.items = raw.items.map(([item, id, image, category, hint, question, options, answer]) =>
        ({item, id, image, category, hint, question, options, answer}));
      this.placeOfItem = new Map(this.items.map(({item}, place) => [item, place]));
      this.variants = new Map(raw.variants.map(([variant, name, family, param, role]) => [variant, {variant, name, family, param, role}]));
      this.control = Object.fromEntries(Object.entries(raw.control).map(([channel, values]) => [channel, column(Float32Array, values)]));
      this.channels = Object.keys(this.control).filter(channel => this.control[channel].some(value => value > 0));
      this.percents = {};
      this.sorted = {};
      this.read(raw.trials);
    }

    read(trials) {
      const counts = column(Uint16Array, trials.count), variant = column(Uint16Array, trials.variant), n = variant.length;
      const [option, label, margin] = [column(Uint16Array, trials.option), column(Uint8Array, trials.label), column(Float32Array, trials.margin)];
      Object.assign(this, {variant, option, label, margin});
      this.drift = Object.fromEntries(Object.entries(trials.drift).map(([channel, values]) => [channel, column(Float32Array, values)]));
      this.place = new Uint32Array(n);
      this.deltaMargin = new Float32Array(n).fill(NaN);
      this.answer = new Uint8Array(n).fill(failed);
      this.transition = new Uint8Array(n);
      this.clean = new Map();
      const rows = [];
      for (let place = 0, row = 0; place < counts.length; place++) {
        const begin = row, end = row + counts[place], {answer, item} = this.items[place];
        const clean = begin < end && variant[begin] === 0 && option[begin] !== noOption ? begin : -1;
        this.clean.set(item, clean);
        for (; row < end; row++) {
          this.place[row] = place;
          if (variant[row] !== 0 || option[row] === noOption)
            rows.push(row);
          if (clean < 0 || option[row] === noOption)
            continue;
          this.answer[row] = option[row] === option[clean] ? kept : flipped;
          this.deltaMargin[row] = margin[row] - margin[clean];
          this.transition[row] = label[row] > 1 ? 5 : 1 + 2 * (option[clean] !== answer) + (option[row] !== answer);
        }
      }
      this.rows = Uint32Array.from(rows);
    }

    itemOf(row) {
      return this.items[this.place[row]];
    }

    variantOf(row) {
      return this.variants.get(this.variant[row]);
    }

    /* Drift in % of the question's own control, by row. */
    percent(channel) {
      if (!this.percents[channel]) {
        const [drift, control] = [this.drift[channel], this.control[channel]], values = new Float32Array(drift.length);
        for (let row = 0; row < values.length; row++)
          values[row] = control[this.place[row]] > 0 ? 100 * drift[row] / control[this.place[row]] : NaN;
        this.percents[channel] = values;
      }
      return this.percents[channel];
    }

    /* All rows in an order, kept once it is made: to filter is then to walk along it. What has no number stands last. */
    inOrder(order, channel) {
      const name = `${order} ${channel}`;
      if (!this.sorted[name]) {
        const percent = this.percent(channel), keys = new Float64Array(this.variant.length);
        for (const row of this.rows) {
          const key = orders[order].key(this, row, percent);
          keys[row] = Number.isNaN(key) ? -Infinity : key;
        }
        this.sorted[name] = this.rows.slice().sort((a, b) => keys[b] - keys[a] || a - b);
      }
      return this.sorted[name];
    }

    /* Which items hold a text in what people read of them. */
    search(text) {
      const wanted = text.toLowerCase();
      this.texts ??= this.items.map(({id, question, options, category}) => [id, question, ...options, category ?? ""].join("\n").toLowerCase());
      return Uint8Array.from(this.texts, found => found.includes(wanted));
    }

    /* The rows that a filter leaves, in order. */
    filter({family, category, answer, transition, least, fall, text, order, channel}) {
      const variants = new Uint8Array(1 + Math.max(0, ...this.variants.keys()));
      for (const {variant, family: of, role} of this.variants.values())
        variants[variant] = family === "" ? role === "perturbation" || role === "clean" : of === family;
      const items = text === "" ? new Uint8Array(this.items.length).fill(1) : this.search(text);
      if (category !== "")
        this.items.forEach((item, place) => items[place] &= (item.category ?? "") === category);
      const percent = this.percent(channel), wanted = answerNames.indexOf(answer), code = transitions.indexOf(transition);
      return this.inOrder(order, channel).filter(row =>
        variants[this.variant[row]] && items[this.place[row]] && (wanted < 0 || this.answer[row] === wanted)
        && (code < 1 || this.transition[row] === code) && (least === null || percent[row] >= least)
        && (fall === null || -this.deltaMargin[row] >= fall));
    }
  }

  const datas = new Map();

  function dataOf(run) {
    if (!datas.has(run))
      datas.set(run, new Data(report.runs[run].samples));
    return datas.get(run);
  }

  /* ── details ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

  const arrived = new Map(), awaited = new Map();

  /* Called by the scripts of the folder beside the page, which may since have been made of another run. */
  function add(run, item, hash, details) {
    if (hash === report.runs[run]?.samples.hash)
      arrived.set(`${run} ${item}`, details);
  }

  const detailsHere = (run, item) => report.runs[run].samples.details[item] ?? arrived.get(`${run} ${item}`) ?? null;

  /* The details of an item; null where this page has none. */
  async function detailsOf(run, item) {
    const {bundle} = report.runs[run].samples, key = `${run} ${item}`, here = detailsHere(run, item);
    if (here || !bundle)
      return here;
    if (!awaited.has(key))
      awaited.set(key, new Promise((done, fail) => {
        const script = el("script", {src: `${bundle}item-${String(item).padStart(5, "0")}.js`, onload: done,
                                     onerror: () => fail(new Error(`the folder ${decodeURI(bundle)} is not beside this page`))});
        document.head.append(script);
      }));
    try {
      await awaited.get(key);
    } catch (error) {
      awaited.delete(key);
      throw error;
    }
    const found = detailsHere(run, item);
    if (!found)
      throw new Error(`the folder ${decodeURI(bundle)} was made of another run than this page, or of this one at another time`);
    return found;
  }

  function imageAddress(run, name) {
    const {thumbnails, bundle} = report.runs[run].samples;
    return thumbnails[name] ? `data:image/webp;base64,${thumbnails[name]}` : `${bundle}images/${name}.webp`;
  }

  /* ── the list ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

  const percentText = value => Number.isFinite(value) ? `${value < 9.95 ? value.toFixed(1) : Math.round(value).toLocaleString("en")} %` : "–";

  function signed(value) {
    if (!Number.isFinite(value))
      return "–";
    const text = value.toFixed(2);
    if (!/[1-9]/.test(text))
      return text.replace(/^-/, ""); /* as number() does */
    return (value > 0 ? "+" : "") + text.replace("-", "−");
  }

  /* By its text, as a table's options keep their columns' letters, which need not be those of their places. Isolated, so that an arrow between
   * texts that run to the left points from the first to the second. */
  const optionName = (item, k) => `\u2068${item.options[k].slice(0, 24)}\u2069`;

  /* The change of the answer in a few words. */
  function answerText(data, row) {
    const item = data.itemOf(row), clean = data.clean.get(item.item);
    if (data.answer[row] === failed)
      return "failed";
    const before = optionName(item, data.option[clean]), after = optionName(item, data.option[row]);
    return data.answer[row] === kept ? `kept ${before}` : `flipped ${before} → ${after}`;
  }

  const bar = (share, className = "") => {
    const inner = el("span", {className: `fill ${className}`});
    inner.style.width = `${100 * Math.min(1, Math.max(0, share || 0))}%`;
    return el("span", {className: "bar", "aria-hidden": "true"}, inner);
  };

  /* Only what is in sight is in the document; all rows are of one height. */
  class List {
    constructor(run, data, open) {
      Object.assign(this, {run, data, open, rows: new Uint32Array(0), active: 0, channel: data.raw.channel});
      /* Rows are made anew while they are clicked, so it is the place that counts. */
      this.inner = el("div", {className: "rows", role: "presentation", onclick: event => this.choose(event.clientY)});
      this.element = el("div", {className: "samples-list", role: "listbox", tabIndex: 0, "aria-label": "Samples", onscroll: () => this.draw(),
                                onkeydown: event => this.key(event)}, this.inner);
      new ResizeObserver(() => this.draw()).observe(this.element);
    }

    show(rows, channel) {
      this.rows = rows;
      this.channel = channel;
      this.active = Math.max(0, Math.min(this.active, rows.length - 1));
      this.draw();
    }

    get rowHeight() {
      return matchMedia("(max-width: 600px)").matches ? 92 : 64;
    }

    draw() {
      const height = this.rowHeight, first = Math.max(0, Math.floor(this.element.scrollTop / height) - 4);
      const last = Math.min(this.rows.length, first + Math.ceil(this.element.clientHeight / height) + 8);
      this.inner.style.height = `${this.rows.length * height}px`;
      const nodes = [];
      for (let i = first; i < last; i++)
        nodes.push(this.row(i, height));
      this.inner.replaceChildren(...nodes);
      this.element.setAttribute("aria-activedescendant", this.active >= first && this.active < last ? `sample-${this.active}` : "");
    }

    thumbnail(row) {
      const details = detailsHere(this.run, this.data.itemOf(row).item);
      const name = details?.images?.[details.variants.indexOf(this.data.variant[row])]?.[0];
      return name ? el("img", {src: imageAddress(this.run, name), alt: "", className: "thumb"}) : el("span", {className: "thumb none"});
    }

    row(i, height) {
      const {data} = this, row = this.rows[i], item = data.itemOf(row), percent = data.percent(this.channel)[row];
      const node = el("div", {
        id: `sample-${i}`, className: `row ${answerNames[data.answer[row]]}`, role: "option", "aria-selected": String(i === this.active),
        "aria-posinset": i + 1, "aria-setsize": this.rows.length},
        this.thumbnail(row),
        el("span", {className: "what"}, el("span", {className: "question", dir: "auto"}, item.question.slice(0, 300)),
           el("span", {className: "meta", dir: "auto"}, [data.variantOf(row).name, item.category, item.id].filter(Boolean).map(text => text.slice(0, 80)).join(" · "))),
        el("span", {className: "outcome"}, answerText(data, row)),
        el("span", {className: "moved"}, el("span", null, percentText(percent)), bar(percent / 150)),
        el("span", {className: "margin"}, signed(data.deltaMargin[row])));
      node.style.height = `${height}px`;
      node.style.top = `${i * height}px`;
      return node;
    }

    choose(y) {
      const i = Math.floor((y - this.inner.getBoundingClientRect().top) / this.rowHeight);
      if (i >= this.rows.length)
        return;
      this.active = i;
      this.open(this.rows[i]);
    }

    go(i) {
      this.active = Math.max(0, Math.min(this.rows.length - 1, i));
      const height = this.rowHeight, top = this.active * height, {scrollTop, clientHeight} = this.element;
      if (top < scrollTop)
        this.element.scrollTop = top;
      else if (top + height > scrollTop + clientHeight)
        this.element.scrollTop = top + height - clientHeight;
      this.draw();
    }

    key(event) {
      const page = Math.max(1, Math.floor(this.element.clientHeight / this.rowHeight) - 1);
      const steps = {ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -this.rows.length, End: this.rows.length};
      if (event.key in steps)
        this.go(this.active + steps[event.key]);
      else if (event.key === "Enter" && this.rows.length > 0)
        this.open(this.rows[this.active]);
      else
        return;
      event.preventDefault();
    }
  }

  /* ── filters ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

  const numberOf = text => text === null || text.trim() === "" || !Number.isFinite(Number(text)) ? null : Number(text);

  /* What the address asks for. */
  function wish(data, state) {
    const of = (name, allowed, otherwise) => allowed.includes(state.get(name)) ? state.get(name) : otherwise;
    return {
      family: of("family", [...data.variants.values()].map(({family}) => family), ""),
      category: state.get("category") ?? "", answer: of("answer", answerNames, ""), transition: of("transition", transitions, ""),
      least: numberOf(state.get("least")), fall: numberOf(state.get("fall")), text: state.get("q") ?? "",
      order: of("sort", Object.keys(orders), "hidden"), channel: of("channel", data.channels, data.channels.includes(data.raw.channel)
        ? data.raw.channel : data.channels[0] ?? data.raw.channel),
    };
  }

  class Filters {
    constructor(data, change) {
      const families = [...new Map([...data.variants.values()].filter(({role}) => role !== "clean").map(v => [v.family, v])).values()];
      const categories = [...new Set(data.items.map(({category}) => category ?? ""))].filter(Boolean).sort();
      const option = ([value, title]) => el("option", {value}, title);
      const select = (name, title, options) => this.field(name, title, el("select", null, options.map(option)), "change");
      this.change = change;
      this.inputs = {};
      this.element = el("form", {className: "filters", role: "search", "aria-label": "Which samples", onsubmit: event => event.preventDefault()},
        this.field("q", "Text", el("input", {type: "search", placeholder: "in questions, options, ids"}), "input"),
        select("family", "Perturbation", [["", "all perturbations"], ...families.map(({family, role}) => [family, role === "perturbation" ? family : `${family} (${role})`])]),
        categories.length > 1 ? select("category", "Category", [["", "all"], ...categories.map(c => [c, c.slice(0, 60)])]) : null,
        select("answer", "Answer", [["", "any"], ["kept", "kept"], ["flipped", "flipped"], ["failed", "failed"]]),
        select("transition", "Right or wrong", [["", "any"], ...transitions.slice(1).map(t => [t, t])]),
        data.channels.length > 1 ? select("channel", "Drift of", data.channels.map(c => [c, channelNames[c]])) : null,
        this.field("least", "Drift from, % of control", el("input", {type: "number", min: 0, step: "any"}), "input"),
        this.field("fall", "Margin fell by, nats", el("input", {type: "number", step: "any"}), "input"),
        select("sort", "Order", Object.entries(orders).map(([name, {title}]) => [name, title])));
    }

    field(name, title, input, event) {
      this.inputs[name] = input;
      input.name = name;
      input.addEventListener(event, () => this.change(name, input.value));
      return el("label", {className: `field ${name}`}, el("span", null, title), input);
    }

    show(state, wished) {
      const values = {q: wished.text, family: wished.family, category: wished.category, answer: wished.answer, transition: wished.transition,
                      channel: wished.channel, least: state.get("least") ?? "", fall: state.get("fall") ?? "", sort: wished.order};
      for (const [name, input] of Object.entries(this.inputs))
        if (document.activeElement !== input && input.value !== values[name])
          input.value = values[name];
    }
  }

  /* ── one sample ───────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

  /* Stops of cividis, a scale that readers with and without colour blindness see alike. */
  const stops = [[0, 34, 78], [18, 53, 112], [59, 73, 108], [87, 93, 109], [112, 113, 115], [138, 135, 121], [166, 157, 117], [196, 181, 108],
                 [228, 207, 91], [254, 232, 56]];

  function colourOf(share) {
    const at = Math.min(1, Math.max(0, share)) * (stops.length - 1), k = Math.min(stops.length - 2, Math.floor(at));
    return stops[k].map((from, c) => Math.round(from + (stops[k + 1][c] - from) * (at - k)));
  }

  function paint(canvas, width, height, shareOf) {
    canvas.width = width;
    canvas.height = height;
    const context = canvas.getContext("2d"), pixels = context.createImageData(width, height);
    for (let i = 0; i < width * height; i++)
      pixels.data.set([...colourOf(shareOf(i)), 255], 4 * i);
    context.putImageData(pixels, 0, 0);
    return canvas;
  }

  /* How it was set, from one sample to the next. */
  const heat = {on: true, opacity: 0.6};

  /* A canvas over an image: how far each vision token moved. Read by pointer, or by arrow keys. */
  function heatMap(tokens) {
    const {width, height} = tokens, values = column(Float32Array, tokens.values), largest = values.reduce((a, b) => Math.max(a, b), 0);
    const canvas = paint(el("canvas", {className: "heat", tabIndex: 0, role: "img", "aria-label": `How far each of ${width} by ${height} vision tokens moved; arrow keys read them`}),
                         width, height, i => largest > 0 ? values[i] / largest : 0);
    const readout = el("output", {"aria-live": "polite"}, "Point at the image to read a token.");
    let at = 0;
    const read = i => {
      at = i;
      readout.textContent = `Row ${Math.floor(i / width) + 1}, column ${i % width + 1}: ${number(values[i], "drift")}`;
    };
    canvas.onpointermove = event => {
      const box = canvas.getBoundingClientRect();
      const x = Math.floor((event.clientX - box.left) / box.width * width), y = Math.floor((event.clientY - box.top) / box.height * height);
      if (x >= 0 && x < width && y >= 0 && y < height)
        read(y * width + x);
    };
    canvas.onkeydown = event => {
      const x = at % width, step = {ArrowRight: x < width - 1 ? 1 : 0, ArrowLeft: x > 0 ? -1 : 0, ArrowDown: at + width < values.length ? width : 0, ArrowUp: at >= width ? -width : 0}[event.key];
      if (step === undefined)
        return;
      read(at + step);
      event.preventDefault();
      event.stopPropagation();
    };
    const apply = () => {
      canvas.style.opacity = heat.opacity;
      canvas.hidden = !heat.on;
    };
    const on = el("input", {type: "checkbox", checked: heat.on, onchange: () => { heat.on = on.checked; apply(); }});
    const opacity = el("input", {type: "range", min: 0.1, max: 1, step: 0.05, value: heat.opacity, oninput: () => { heat.opacity = Number(opacity.value); apply(); }});
    const legend = el("div", {className: "legend"}, el("span", null, "0"), paint(el("canvas", {"aria-hidden": "true"}), 128, 1, i => i / 127),
                      el("span", null, number(largest, "drift")));
    apply();
    return {canvas, controls: el("div", {className: "heat-controls"}, el("label", null, on, " Heat map: drift of each vision token"),
                                 el("label", null, "Opacity ", opacity), legend, readout)};
  }

  function enlarge(address, title) {
    const dialog = el("dialog", {className: "enlarged", "aria-label": title, onclose: () => dialog.remove(), onclick: () => dialog.close(),
                                 onkeydown: event => event.stopPropagation()},
                      el("img", {src: address, alt: title}), el("p", null, title), el("button", {type: "button"}, "Close"));
    document.body.append(dialog);
    dialog.showModal();
  }

  class Sample {
    constructor(run, data, row, details, choose) {
      const item = data.itemOf(row);
      Object.assign(this, {run, data, row, details, choose, item, clean: data.clean.get(item.item), variant: data.variantOf(row)});
      this.at = details ? details.variants.indexOf(this.variant.variant) : -1;
    }

    /* A picture that grows when it is clicked, with whatever lies over it. */
    picture(place, title, over) {
      const {details, run} = this, names = details.images[place];
      if (!names)
        return el("figure", {className: "picture"}, el("p", {className: "missing"}, details.missing[place] ?? report.runs[run].samples.missing ?? "There is no image."),
                  el("figcaption", null, title));
      if (names.length === 0)
        return el("figure", {className: "picture"}, el("p", {className: "missing"}, "Asked with no image."), el("figcaption", null, title));
      return el("figure", {className: "picture"}, names.map((name, k) => {
        const address = imageAddress(run, name), alt = names.length > 1 ? `${title}, image ${k + 1}` : title;
        return el("div", {className: "frame"}, el("button", {type: "button", title: "Enlarge", "aria-label": `Enlarge: ${alt}`, onclick: () => enlarge(address, alt)},
                                                  el("img", {src: address, alt})), k === 0 ? over : null);
      }), el("figcaption", null, title));
    }

    pictures() {
      const {details, at, variant, item} = this, clean = details.variants.indexOf(0);
      const tokens = details.tokens?.[at], map = tokens ? heatMap(tokens) : null;
      const note = report.runs[this.run].samples.missing;
      if (note)
        return el("p", {className: "missing"}, `No images: ${note}`);
      return [el("div", {className: "pictures"}, this.picture(clean, "clean", null),
                 at !== clean ? this.picture(at, details.detail[at] ? `${variant.name}: “${details.detail[at]}”` : variant.name, map?.canvas ?? null) : null),
              map ? map.controls : el("p", {className: "missing"}, this.whyNoTokens())];
    }

    whyNoTokens() {
      if (!this.details.tokens)
        return "No heat map: this run did not store how far each vision token moved.";
      const {width, height} = this.details, clean = this.details.variants.indexOf(0);
      if (width[this.at] !== width[clean] || height[this.at] !== height[clean])
        return "No heat map: the image has another size than the clean one, so its vision tokens have no counterparts.";
      return "No heat map: how far each vision token moved is not known of this sample.";
    }

    /* All variants of the question, small; null where there are none. */
    strip() {
      const {details, data, item, run, variant, row} = this, place = data.place[row];
      const rows = [];
      for (let other = row; other >= 0 && data.place[other] === place; other--)
        rows.unshift(other);
      for (let other = row + 1; other < data.place.length && data.place[other] === place; other++)
        rows.push(other);
      const perturbed = rows.filter(other => data.variant[other] !== 0);
      if (perturbed.length === 0)
        return null;
      return [el("h3", null, "Other variants of this question"), el("div", {className: "strip", role: "group", "aria-label": "Variants"}, perturbed.map(other => {
        const of = data.variantOf(other), name = details?.images[details.variants.indexOf(of.variant)]?.[0];
        return el("button", {type: "button", className: answerNames[data.answer[other]], "aria-pressed": String(of === variant), onclick: () => this.choose(other)},
                  name ? el("img", {src: imageAddress(run, name), alt: "", loading: "lazy"}) : null, el("span", null, of.name),
                  el("span", {className: "word"}, answerNames[data.answer[other]]));
      }))];
    }

    sentence() {
      const {data, row, clean, item} = this;
      if (data.answer[row] === failed)
        return `This trial failed${this.details ? `: ${this.details.error[this.at] ?? "its clean trial has no answer"}` : ""}.`;
      const name = k => `“${item.options[k]}”`;
      const percents = data.channels.map(channel => [channel, data.percent(channel)[row]]).filter(([, value]) => Number.isFinite(value));
      const moved = percents.map(([channel, value]) => `${channelNames[channel]} ${percentText(value)}`).join(", ");
      const judged = data.transition[row] === 5 ? ` What the right answer is after this change is ${labels[data.label[row]]}.` : "";
      return (data.answer[row] === kept ? `The answer stayed ${name(data.option[row])}` : `The answer went from ${name(data.option[clean])} to ${name(data.option[row])}`)
        + `; its margin went from ${signed(data.margin[clean])} to ${signed(data.margin[row])} nats.`
        + (moved ? ` Drift in % of control: ${moved}.` : "") + judged;
    }

    answers() {
      const {item, data, row, clean, details, at} = this;
      const before = details?.p[details.variants.indexOf(0)] ?? [], after = details?.p[at] ?? [];
      const share = value => Number.isFinite(value) ? value.toFixed(3) : "–";
      const cell = value => el("td", {className: "number"}, share(value), bar(value));
      return el("div", {className: "scroll"}, el("table", {className: "answers"},
        el("thead", null, el("tr", null, ["Option and its probability", "clean", this.variant.name].map((title, i) => el("th", {scope: "col", className: i > 0 ? "number" : ""}, title)))),
        el("tbody", null, item.options.map((text, k) => {
          const marks = [k === item.answer ? "right" : null, clean >= 0 && data.option[clean] === k ? "chosen before" : null, data.option[row] === k ? "chosen after" : null];
          return el("tr", {className: k === item.answer ? "right" : ""}, el("th", {scope: "row", dir: "auto"}, text, el("span", {className: "marks"}, marks.filter(Boolean).join(", "))),
                    cell(before[k]), cell(after[k]));
        }))));
    }

    generated() {
      const {details, at} = this, clean = details.variants.indexOf(0);
      const texts = [["open", "Answer to the open question"], ["mcq", "Answer to the question with options"]].filter(([key]) => details[key]);
      if (texts.length === 0)
        return null;
      const cell = text => el("td", {dir: "auto"}, text ?? "–");
      return [el("h3", null, "What it wrote"), el("div", {className: "scroll"}, el("table", null,
        el("thead", null, el("tr", null, ["", "clean", this.variant.name].map(title => el("th", {scope: "col"}, title)))),
        el("tbody", null, texts.map(([key, title]) => el("tr", null, el("th", {scope: "row"}, title), cell(details[key][clean]), cell(details[key][at]))))))];
    }

    drifts() {
      const {details, at} = this;
      const rows = Object.entries(details.drift).filter(([channel]) => !/^(vision|llm)\.\d+$/.test(channel))
        .map(([channel, values]) => ({channel, drift: values[at], control: details.control[channel] ?? null})).filter(({drift}) => drift !== null && drift !== undefined);
      if (rows.length === 0)
        return null;
      return [el("h3", null, "Drift by channel"), el("div", {className: "scroll"}, el("table", {className: "drifts"},
        el("thead", null, el("tr", null, ["Channel", "Drift", "Control", "% of control"].map((title, i) => el("th", {scope: "col", className: i > 0 ? "number" : ""}, title)))),
        el("tbody", null, rows.map(({channel, drift, control}) => el("tr", null, el("th", {scope: "row"}, channel), el("td", {className: "number"}, number(drift, "drift")),
          el("td", {className: "number"}, number(control, "control")), el("td", {className: "number"}, percentText(control > 0 ? 100 * drift / control : NaN), bar(drift / control / 1.5)))))))];
    }

    layers() {
      const {details, at, item, variant} = this;
      const rows = Object.entries(details.drift).map(([channel, values]) => ({channel, match: /^(vision|llm)\.(\d+)$/.exec(channel), drift: values[at]}))
        .filter(({match, drift}) => match && drift !== null && drift !== undefined)
        .map(({channel, match, drift}) => ({part: match[1] === "vision" ? "encoder" : "language model", layer: Number(match[2]), channel, drift}));
      if (rows.length === 0)
        return null;
      const of = {
        name: `layers-${item.item}-${variant.variant}`, title: "Drift by layer",
        reading: "How far this question's representation moved after every layer, against the clean image.",
        sql: `SELECT channel, value AS drift FROM measurements WHERE item = ${item.item} AND variant = '${variant.name.replaceAll("'", "''")}' AND metric = 'cosine_distance'`,
        spec: {data: {name: "rows"}, mark: {type: "line", point: true}, encoding: {
          x: {field: "layer", type: "quantitative", title: "layer", axis: {tickMinStep: 1}}, y: {field: "drift", type: "quantitative", title: "drift (1 − cos)"},
          color: {field: "part", type: "nominal", title: null}, strokeDash: {field: "part", type: "nominal", title: null}}},
      };
      return chart(of, rows, {name: runName(report, this.run)});
    }

    facts() {
      const {details, at, item} = this, of = name => details[name][at];
      const size = of("width") ? `${of("width")} × ${of("height")} pixels` : null;
      const rows = [["Size", size], ["PSNR", of("psnr") === null ? null : `${of("psnr").toFixed(1)} dB`],
                    ["Pixels changed", of("touched") === null ? null : percentText(100 * of("touched"))],
                    ["Largest change", of("linf") === null ? null : `${of("linf")} of 255 levels`], ["Written on it", of("detail")], ["The right answer", of("label")],
                    ["Id", item.id], ["Images", item.image], ["Category", item.category], ["Hint", item.hint]].filter(([, value]) => value);
      return [el("h3", null, "Image and question"), el("dl", {className: "facts"}, rows.map(([key, value]) => [el("dt", null, key), el("dd", {dir: "auto"}, value)]))];
    }

    prompts() {
      const {details, item, variant} = this;
      const words = details?.prompts ? Object.values(details.prompts) : [];
      return [words.length > 0 ? undertow.later("The words that were asked", () => el("div", null, words.map(text => undertow.code(text)))) : null,
              query(`SELECT * FROM trials WHERE item = ${item.item} AND variant IN ('clean', '${variant.name.replaceAll("'", "''")}')`)];
    }

    body() {
      const {item, details} = this;
      return [el("h2", {className: "asked", tabIndex: -1, dir: "auto"}, item.question), el("p", {className: "sentence", dir: "auto"}, this.sentence()),
              details ? this.pictures() : el("p", {className: "missing"}, report.runs[this.run].samples.missing ? `No images: ${report.runs[this.run].samples.missing}`
                : "This page holds no images and details of this question; undertow report --bundle DIR writes those of all."),
              this.answers(), this.strip(),
              ...details ? [this.generated(), this.drifts(), this.layers(), this.facts()] : [], this.prompts()].flat().filter(Boolean);
    }
  }

  /* ── the page ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

  class Browser {
    constructor(run) {
      this.run = run;
      this.data = dataOf(run);
      this.filters = new Filters(this.data, (name, value) => this.filter(name, value));
      this.list = new List(run, this.data, row => this.open(row));
      this.counted = el("p", {className: "counted", role: "status"});
      this.browse = el("div", null, this.about(), this.filters.element, this.counted,
        el("div", {className: "samples-head", "aria-hidden": "true"}, el("span", {className: "thumb none"}), el("span", {className: "what"}, "Question and variant"), el("span", {className: "outcome"}, "Answer"),
           el("span", {className: "moved"}, "Drift, % of control"), el("span", {className: "margin"}, "Margin, nats")), this.list.element);
      this.one = el("div", {className: "sample", hidden: true, onkeydown: event => this.key(event)});
      this.element = el("div", null, this.browse, this.one);
    }

    about() {
      const {of, items, details, missing, bundle} = this.data.raw, n = Object.keys(details).length, notes = [];
      if (items.length < of.items)
        notes.push(`This page holds ${count(items.length, "question")} of ${of.items.toLocaleString("en")} (${this.data.variant.length.toLocaleString("en")} of ${count(of.trials, "trial")}): `
                   + "those with the worst hidden drift of each family, then those with most flips, then a sample of the rest. --max-size says how much it may hold.");
      if (missing)
        notes.push(`There are no images: ${missing}`);
      if (!bundle && n < items.length)
        notes.push(`Images and details of ${count(n, "question")} of ${items.length.toLocaleString("en")} are in this page, the worst hidden drift of each family first; undertow report --bundle DIR writes those of all.`);
      return el("div", {className: "about"}, el("p", null, "Every question under every perturbation. Hidden drift is what moved beneath an answer that stayed."),
                notes.map(note => el("p", {className: "missing", dir: "auto"}, note)));
    }

    filter(name, value) {
      const state = new URLSearchParams(this.state);
      if (value === "")
        state.delete(name);
      else
        state.set(name, value);
      this.list.active = 0;
      this.list.element.scrollTop = 0;
      history.replaceState(null, "", `#samples?${state}`);
      this.update(state);
    }

    /* The address with an item open, or with none. */
    address(item, variant) {
      const state = new URLSearchParams(this.state);
      for (const [key, value] of Object.entries({item, variant}))
        if (value === null)
          state.delete(key);
        else
          state.set(key, value);
      return `#samples?${state}`;
    }

    open(row) {
      location.hash = this.address(this.data.itemOf(row).item, this.data.variant[row]);
    }

    close() {
      location.hash = this.address(null, null);
    }

    step(by) {
      const {rows} = this.list, next = rows[rows.indexOf(this.row) + by];
      if (next !== undefined && rows.indexOf(this.row) >= 0)
        this.open(next);
    }

    key(event) {
      if (event.key === "Escape" && !document.querySelector("dialog[open]"))
        this.close();
    }

    counts(rows) {
      const {data} = this, n = [0, 0, 0], items = new Set();
      for (const row of rows) {
        n[data.answer[row]]++;
        items.add(data.place[row]);
      }
      return `${count(rows.length, "sample")} of ${count(items.size, "question")}: ${n[kept].toLocaleString("en")} kept, ${n[flipped].toLocaleString("en")} flipped`
             + (n[failed] > 0 ? `, ${n[failed].toLocaleString("en")} failed` : "");
    }

    update(state) {
      this.state = new URLSearchParams(state);
      const filter = new URLSearchParams(state);
      filter.delete("item");
      filter.delete("variant");
      if (`${filter}` !== this.filtered) {
        const wished = wish(this.data, state);
        this.filters.show(state, wished);
        const rows = this.data.filter(wished);
        this.counted.textContent = this.counts(rows);
        this.list.show(rows, wished.channel);
        this.filtered = `${filter}`;
      }
      const row = this.find(state);
      if (row === null)
        this.showList();
      else
        this.showSample(row);
    }

    /* The row that the address names; of an item alone the first that the filter leaves. */
    find(state) {
      const item = numberOf(state.get("item")), variant = numberOf(state.get("variant")), place = this.data.placeOfItem.get(item);
      if (item === null || place === undefined)
        return null;
      const rows = this.data.rows.filter(row => this.data.place[row] === place && (variant === null || this.data.variant[row] === variant));
      return rows.length === 0 ? null : variant === null ? this.list.rows.find(row => rows.includes(row)) ?? rows[0] : rows[0];
    }

    showList() {
      const was = !this.one.hidden;
      this.one.hidden = true;
      this.browse.hidden = false;
      this.row = null;
      if (was)
        this.list.go(this.list.active);
      if (was)
        this.list.element.focus({preventScroll: true});
    }

    async showSample(row) {
      if (row === this.row && !this.one.hidden)
        return;
      const same = this.row !== null && this.row !== undefined && this.data.place[this.row] === this.data.place[row];
      this.row = row;
      this.browse.hidden = true;
      this.one.hidden = false;
      let details = null, fault = null;
      try {
        details = await detailsOf(this.run, this.data.itemOf(row).item);
      } catch (error) {
        fault = error;
      }
      if (this.row === row)
        this.fill(row, details, fault, same);
    }

    fill(row, details, fault, same) {
      const {rows} = this.list, at = rows.indexOf(row), button = (title, onclick, disabled = false) => el("button", {type: "button", onclick, disabled}, title);
      const sample = new Sample(this.run, this.data, row, details, other => this.open(other));
      const scroll = same ? this.one.querySelector(".strip")?.scrollTop ?? 0 : 0;
      const pressed = this.one.querySelector(".steps button:focus")?.textContent;
      this.one.replaceChildren(
        el("div", {className: "steps"}, button("← All samples", () => this.close()), button("Previous", () => this.step(-1), at < 1), button("Next", () => this.step(1), at < 0 || at === rows.length - 1),
           el("span", null, at < 0 ? sample.variant.name : `${(at + 1).toLocaleString("en")} of ${rows.length.toLocaleString("en")} · ${sample.variant.name}`)),
        fault ? el("p", {className: "warning"}, `Details could not be loaded: ${fault.message}`) : "", ...sample.body());
      const strip = this.one.querySelector(".strip");
      if (same)
        strip.scrollTop = scroll;
      else
        scrollTo(0, 0);
      /* Who steps on by the keyboard stays on the button. */
      const again = [...this.one.querySelectorAll(".steps button:enabled")].find(({textContent}) => textContent === pressed);
      const chosen = same ? strip.querySelector("[aria-pressed=true]") : null;
      (again ?? chosen ?? this.one.querySelector("h2")).focus({preventScroll: true});
      if (at >= 0)
        this.list.active = at;
    }
  }

  addPage({
    id: "samples", title: "Samples", show: of => of.runs.some(run => run.samples && run.samples.items.length > 0),
    mount(element, of, state) {
      let browser = null;
      const place = el("div");
      element.append(place);
      const update = now => {
        const run = runIndex(now);
        if (!of.runs[run].samples)
          place.replaceChildren(el("p", {className: "missing"}, "This page holds no samples of this run."));
        else if (browser?.run !== run)
          place.replaceChildren((browser = new Browser(run)).element);
        if (of.runs[run].samples)
          browser.update(now);
      };
      update(state);
      return update;
    },
  });

  return {add};
})();
