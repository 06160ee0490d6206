// Elements and words. What comes from the server becomes text here, and never HTML.

const SVG = "http://www.w3.org/2000/svg";

function fill(node, props, children) {
  for (const [key, value] of Object.entries(props || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key in node && !(node instanceof SVGElement) && typeof value !== "string") node[key] = value;
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export const el = (name, props, ...children) => fill(document.createElement(name), props, children);
export const svg = (name, props, ...children) => fill(document.createElementNS(SVG, name), props, children);

// A text of somebody else: its direction of writing stays in it, and so does its length.
export function text(value, instead = "—") {
  const shown = value === null || value === undefined || value === "" ? null : String(value);
  if (shown === null) return el("span", { class: "none" }, instead);
  return el("bdi", { class: "text", title: shown.length > 60 ? shown.slice(0, 400) : null },
    shown.length > 400 ? shown.slice(0, 400) + "…" : shown);
}

// Without Intl: to load its data takes longer than all else of a page.
export const number = (value) => String(Number(value)).replace(/\B(?=(\d{3})+$)/g, ",");
export const count = (value, one, many = one + "s") => `${number(value)} ${value === 1 ? one : many}`;

export function bytes(value) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let step = 0;
  for (; value >= 1000 && step < units.length - 1; step++) value /= 1000;
  return `${value >= 100 || step === 0 ? Math.round(value) : value.toFixed(1)} ${units[step]}`;
}

export function clock(seconds) {
  const sign = seconds < 0 ? "−" : "";
  const whole = Math.round(Math.abs(seconds));
  const rest = String(whole % 60).padStart(2, "0");
  const minutes = Math.floor(whole / 60);
  return minutes < 60 ? `${sign}${minutes}:${rest}`
    : `${sign}${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${rest}`;
}

export function duration(seconds) {
  if (seconds < 90) return count(Math.max(0, Math.round(seconds)), "second");
  if (seconds < 5400) return count(Math.round(seconds / 60), "minute");
  if (seconds < 172800) return count(Math.round(seconds / 3600), "hour");
  return count(Math.round(seconds / 86400), "day");
}

export const ageOf = (moment) => (Date.now() - Date.parse(moment)) / 1000;

export function ago(moment) {
  if (!moment) return el("span", { class: "none" }, "never");
  return el("time", { datetime: moment, title: moment }, `${duration(ageOf(moment))} ago`);
}

export const button = (label, press, kind = "") => el("button", { type: "button", class: kind, onclick: press }, label);

let quiet;
// Says a short sentence at the foot of the page, to screen readers too.
export function say(words) {
  const place = document.getElementById("said");
  place.textContent = words;
  place.classList.add("shown");
  clearTimeout(quiet);
  quiet = setTimeout(() => place.classList.remove("shown"), 6000);
}

// A table; each column is [heading, cell of a row, class].
export function table(caption, columns, rows) {
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    el("table", {}, el("caption", { class: "unseen" }, caption),
      el("thead", {}, el("tr", {}, columns.map(([head, , kind]) => el("th", { scope: "col", class: kind }, head || el("span", { class: "unseen" }, "Action"))))),
      el("tbody", {}, rows.map((row) => el("tr", {}, columns.map(([head, cell, kind]) =>
        el("td", { class: kind, "data-head": head }, cell(row))))))));
}

export const facts = (...pairs) => el("dl", { class: "facts" },
  pairs.filter(Boolean).map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));

// Asks in a dialog; fields are elements; only: there is nothing to cancel. Gives true when it was agreed to.
export function confirm(title, words, yes, danger = true, fields = [], only = false) {
  return new Promise((done) => {
    let agreed = false;
    const form = el("form", { onsubmit: (event) => { event.preventDefault(); agreed = true; box.close(); } },
      el("h2", { id: "asked" }, title), [words].flat().map((line) => el("p", {}, line)), fields,
      el("div", { class: "row end" }, only ? null : button("Cancel", () => box.close()),
        el("button", { type: "submit", class: danger ? "danger" : "first" }, yes)));
    const box = el("dialog", { "aria-labelledby": "asked", onclose: () => { box.remove(); done(agreed); } }, form);
    document.body.append(box);
    box.showModal();
    (form.querySelector("input") || form.querySelector("button")).focus();
  });
}

export const field = (label, props) => {
  const input = el("input", { type: "text", autocomplete: "off", ...props });
  return Object.assign(el("label", { class: "field" }, el("span", {}, label), input), { input });
};

export const empty = (...words) => el("p", { class: "empty" }, words);
export const failed = (why) => el("p", { class: "failed", role: "alert" }, why.message || String(why));
