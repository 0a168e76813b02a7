// Free cross-tabulation: lays cells of the release out in rows and columns. It never adds, divides or
// estimates: a place for which the release has no cell stays empty, and a cell that is not shown says so.
// The whole selection stands in the address, in words.
import { asyncBufferFromUrl, parquetReadObjects } from "./vendor/hyparquet.min.js";

const root = document.getElementById("explore");
const TOTAL = "_T", NONE = "_Z";
// Incidents are counted one by one: their figures are told to the unit, whatever chance does.
const COUNTED = "compound-poisson";
// What a figure is broken down by besides its dimensions, and the value that stands for "all".
const PLACES = ["source", "time_period", "reference_area", "counterpart_area"];
const column = name => (name === "time_period" ? name : `${name}_code`);

/** Decimals of a figure: two digits of its error, at most those of its indicator. */
export function decimals(row, most) {
  if (row.method_code === COUNTED) return 0;
  const kinds = ["sampling_se", "perturbation_se", "model_se", "provisional_se"].map(k => row[k]).filter(Boolean);
  const width = row.lower != null && row.upper != null ? (row.upper - row.lower) / 4 : 0;
  const error = kinds.length ? Math.hypot(...kinds) : width;
  return error ? Math.min(most, 1 - Math.floor(Math.log10(Math.abs(error)))) : most;
}

/** A number in the marks of the language; negative decimals round to tens, hundreds ... */
export function written(value, places, marks) {
  const scale = 10 ** Math.max(0, -places);
  const exact = places < 0 ? Math.round(Math.abs(value) / scale) * scale : Math.abs(value);
  const [whole, part] = exact.toFixed(Math.max(places, 0)).split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, marks.group);
  const sign = value < 0 && Number(exact.toFixed(Math.max(places, 0))) !== 0 ? marks.minus : "";
  return sign + grouped + (part ? marks.decimal + part : "");
}

function told(row, words) {
  if (row.value == null) return { figure: words.text[row.obs_status_code === "Q" ? "withheld" : "no_figure"], limits: "", mark: "" };
  const places = decimals(row, words.indicators[row.indicator_code].decimals);
  const form = words.forms[row.unit_code] ?? "{number}";
  const amount = v => form.replace("{number}", written(v, places, words.numbers));
  const limits = row.lower != null && row.upper != null && row.lower !== row.upper
    ? words.text.interval.replace("{lower}", written(row.lower, places, words.numbers)).replace("{upper}", amount(row.upper)) : "";
  return { figure: amount(row.value), limits, mark: (words.reliability[row.reliability] ?? [""])[0] };
}

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

const label = (words, name, code) =>
  words.dimensions[name]?.codes[code] ?? (code === TOTAL || code === NONE ? words.text.all : code);

/** The codes of a dimension that the rows have, in the order of their list; the total leads. */
function codes(rows, name, words) {
  const there = [...new Set(rows.map(r => r[column(name)]))];
  const order = Object.keys(words.dimensions[name]?.codes ?? {});
  const rank = c => (c === TOTAL || c === NONE ? -1 : order.indexOf(c) < 0 ? 1e6 : order.indexOf(c));
  return there.sort((a, b) => rank(a) - rank(b) || a.localeCompare(b));
}

const state = {
  read: () => Object.fromEntries(new URLSearchParams(location.hash.slice(1))),
  write: chosen => history.replaceState(null, "", `#${new URLSearchParams(chosen)}`),
};

class Explorer {
  constructor(words) {
    this.words = words;
    this.chosen = state.read();
    this.controls = element("form", { class: "controls" });
    this.output = element("div", { "aria-live": "polite" });
    this.controls.addEventListener("submit", e => e.preventDefault());
    root.replaceChildren(this.controls, this.output);
  }

  async start() {
    const names = Object.keys(this.words.indicators);
    if (!names.includes(this.chosen.indicator)) this.chosen = { indicator: names[0] };
    await this.load();
  }

  async load() {
    const file = await asyncBufferFromUrl({ url: `${root.dataset.root}data/${this.words.indicators[this.chosen.indicator].file}.parquet` });
    const all = await parquetReadObjects({ file });
    // Of several editions of a figure the newest stands.
    this.rows = all.filter(r => r.indicator_code === this.chosen.indicator).sort((a, b) => a.vintage.localeCompare(b.vintage));
    const split = Object.keys(this.words.dimensions).filter(d => !PLACES.includes(d));
    this.dimensions = [...split, "reference_area", "counterpart_area", "time_period"]
      .filter(d => new Set(this.rows.map(r => r[column(d)])).size > 1);
    if (!this.dimensions.includes(this.chosen.rows)) this.chosen.rows = this.dimensions[0] ?? "";
    if (this.chosen.columns === this.chosen.rows || !this.dimensions.includes(this.chosen.columns)) this.chosen.columns = "";
    this.draw();
  }

  /** The rows that the fixed choices leave; a choice that leaves none is replaced by the first that does. */
  fixed() {
    let rows = this.rows;
    this.pickers = [];
    for (const name of ["source", ...this.dimensions]) {
      if (name === this.chosen.rows || name === this.chosen.columns) continue;
      const options = codes(rows, name, this.words);
      if (name === "time_period") options.reverse(); // the newest period is what most people ask for
      const wanted = this.chosen[name] ?? (name === "reference_area" ? this.words.area : undefined);
      const code = options.includes(wanted) ? wanted : options.includes(TOTAL) ? TOTAL : options[0];
      if (options.length > 1) this.pickers.push([name, options, code]);
      this.chosen[name] = code;
      rows = rows.filter(r => r[column(name)] === code);
    }
    return rows;
  }

  draw() {
    const rows = this.fixed();
    const names = this.dimensions.map(d => [d, this.words.dimensions[d].name]);
    const picker = (name, text, options, code) => {
      const select = element("select", { id: `x-${name}`, name });
      for (const [value, words] of options) select.append(new Option(words, value, false, value === code));
      select.addEventListener("change", () => this.pick(name, select.value));
      return element("p", {}, element("label", { for: `x-${name}` }, text), select);
    };
    const indicators = Object.entries(this.words.indicators).map(([code, i]) => [code, i.name]);
    this.controls.replaceChildren(
      picker("indicator", this.words.text.indicator, indicators, this.chosen.indicator),
      picker("rows", this.words.text.rows, names, this.chosen.rows),
      picker("columns", this.words.text.columns, [["", this.words.text.nothing], ...names.filter(([d]) => d !== this.chosen.rows)], this.chosen.columns),
      ...this.pickers.map(([name, options, code]) =>
        picker(name, this.words.dimensions[name].name, options.map(o => [o, label(this.words, name, o)]), code)),
    );
    this.output.replaceChildren(this.table(rows), ...this.links());
    state.write(Object.fromEntries(Object.entries(this.chosen).filter(([, v]) => v && v !== TOTAL && v !== NONE)));
  }

  table(rows) {
    const { rows: down, columns: across } = this.chosen;
    const heads = across ? codes(rows, across, this.words) : [""];
    const at = new Map(rows.map(r => [`${r[column(down)]} ${across ? r[column(across)] : ""}`, r]));
    const unit = this.words.indicators[this.chosen.indicator];
    const body = element("tbody");
    for (const code of codes(rows, down, this.words)) {
      const line = element("tr", {}, element("th", { scope: "row" }, label(this.words, down, code)));
      for (const head of heads) line.append(this.cell(at.get(`${code} ${head}`)));
      body.append(line);
    }
    const top = element("tr", {}, element("th", { scope: "col" }, this.words.dimensions[down]?.name ?? ""));
    for (const head of heads)
      top.append(element("th", { scope: "col", class: "num" }, across ? label(this.words, across, head) : this.words.text.figure));
    const always = ["source", "reference_area", "time_period"].filter(d => rows.length && d !== down && d !== across);
    const others = this.dimensions.filter(d => ![down, across, ...always].includes(d) && ![TOTAL, NONE, undefined].includes(this.chosen[d]));
    const said = [...always, ...others].map(d => label(this.words, d, rows[0][column(d)])).join(" · ");
    const caption = element("caption", {}, `${unit.name} (${unit.unit}). ${said}`);
    return element("div", { class: "scroll", role: "group", tabindex: "0", "aria-label": unit.name },
      element("table", {}, caption, element("thead", {}, top), body));
  }

  cell(row) {
    if (!row) return element("td", { class: "num empty" }, "·");
    const { figure, limits, mark } = told(row, this.words);
    const { file, countries } = this.words.indicators[row.indicator_code];
    const country = countries ? /^([A-Z]{2})(-.*)?$/.exec(row.reference_area_code) : null;
    const page = `indicator/${country ? `${file}/${country[1]}` : file}.html#${row.address}`;
    const link = element("a", { href: page, "data-address": row.address }, figure);
    const made = element("td", { class: row.value == null ? "num withheld" : "num" }, link);
    if (mark) made.append(" ", element("span", { class: "mark" }, mark));
    if (limits) made.append(element("br"), element("span", { class: "small" }, limits));
    return made;
  }

  links() {
    const file = this.words.indicators[this.chosen.indicator].file;
    const get = element("a", { href: `${root.dataset.root}data/${file}.csv`, download: "" }, "CSV");
    return [element("p", { class: "small" }, this.words.text.never_adds, " ", get)];
  }

  async pick(name, value) {
    this.chosen[name] = value;
    if (name === "indicator") { this.chosen = { indicator: value }; await this.load(); }
    else this.draw();
    document.getElementById(`x-${name}`)?.focus();
  }
}

try {
  const words = await (await fetch(root.dataset.words)).json();
  await new Explorer(words).start();
} catch (error) {
  root.replaceChildren(element("p", { class: "notice" }, root.dataset.needs), element("p", { class: "small" }, String(error)));
}
