"use strict";
// The tables of `dcmmm export`, as the page holds them: columns of numbers, and of texts by their places in a list.

const report = JSON.parse(document.getElementById("data").textContent);

class Table {
  constructor(name, stored) {
    this.name = name;
    this.columns = stored ? stored.columns : [];
    this.rows = stored ? stored.rows : 0;
    this.stored = stored ? stored.values : {};
  }
  isText(column) { return !Array.isArray(this.stored[column]); }
  at(column, row) {
    const values = this.stored[column];
    if (values === undefined) return null;
    return Array.isArray(values) ? values[row] : values.labels[values.codes[row]];
  }
  // The column's values in all rows, or in those listed.
  get(column, rows) { return (rows || this.all()).map((row) => this.at(column, row)); }
  all() { return Array.from({ length: this.rows }, (_, row) => row); }
  // Rows where the column holds the text.
  where(column, text, rows) {
    const values = this.stored[column];
    const code = values ? values.labels.indexOf(text) : -1;
    if (code < 0) return [];
    return (rows || this.all()).filter((row) => values.codes[row] === code);
  }
  labels(column) { return this.stored[column] ? this.stored[column].labels : []; }
  csv(rows) {
    const number = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i;
    const field = (value) => {
      if (value === null) return "";
      // As dcmmm export writes it: a spreadsheet must not run a name as a formula.
      const isFormula = typeof value === "string" && /^[=+\-@\t\r]/.test(value) && !number.test(value);
      const text = (isFormula ? "'" : "") + value;
      return /[",\r\n]|^ | $/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;
    };
    const lines = (rows || this.all()).map((row) => this.columns.map((column) => field(this.at(column, row))).join(","));
    return [this.columns.join(","), ...lines].join("\n") + "\n";
  }
}

function table(name) { return new Table(name, report.tables[name]); }

// Of a column of any length: as arguments of Math.max, browsers take a hundred thousand values or so.
function largestOf(values) { return values.reduce((most, value) => Math.max(most, value), -Infinity); }
function smallestOf(values) { return values.reduce((least, value) => Math.min(least, value), Infinity); }

// Elements: element("p", {class: "x"}, "text", child, ...).
function element(kind, attributes, ...children) {
  const out = document.createElement(kind);
  for (const [name, value] of Object.entries(attributes || {})) out.setAttribute(name, value);
  out.append(...children.filter((child) => child !== null));
  return out;
}

function save(name, content, type) {
  const link = element("a", { href: URL.createObjectURL(new Blob([content], { type })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

// A number for people; the exact one stands in the cell's data-value.
function rounded(value) {
  if (value === null || !Number.isFinite(value)) return "";
  const size = Math.abs(value);
  if (size >= 1000) return Math.round(value).toLocaleString("en-US");
  if (size === 0 || size >= 0.001) return String(Number(value.toPrecision(4)));
  return value.toExponential(2);
}

const kShownRows = 300;

function tableElement(source, rows, columns) {
  const shown = rows.slice(0, kShownRows);
  const head = columns.map((column) =>
    element("th", source.isText(column) ? { scope: "col", class: "text" } : { scope: "col" }, column.replaceAll("_", " ")));
  const body = shown.map((row) => element("tr", {}, ...columns.map((column) => {
    const value = source.at(column, row);
    if (source.isText(column)) return element("td", { class: "text", title: value }, value);
    return element("td", { "data-value": value === null ? "" : String(value) }, rounded(value));
  })));
  const out = element("table", { "data-table": source.name }, element("thead", {}, element("tr", {}, ...head)),
                      element("tbody", {}, ...body));
  return element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": source.name }, out);
}
