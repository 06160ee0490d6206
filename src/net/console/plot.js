// Plots over time, as SVG at the width that there is.
import { el, svg } from "./dom.js";

const HIGH = 150;
const LEFT = 44;
const FOOT = 22;
const TOP = 10;

// A round number at or above value, for the top of an axis.
export function roundUp(value) {
  if (!(value > 0)) return 10;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 2.5, 5, 10].map((step) => step * power).find((step) => step >= value * 0.9999);
}

const short = (value) => value >= 1e6 ? `${+(value / 1e6).toFixed(1)}M` : value >= 1e3 ? `${+(value / 1e3).toFixed(1)}k`
  : String(+value.toPrecision(2));

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const two = (value) => String(value).padStart(2, "0");
// Without Intl, as numbers in dom.js are.
export function moment(time, span) {
  const date = new Date(time);
  return span === "month" ? `${date.getDate()} ${MONTHS[date.getMonth()]}` : `${two(date.getHours())}:${two(date.getMinutes())}`;
}

function axes(width, top, from, to, span, unit) {
  const wide = width - LEFT - 8;
  const lines = [0, 0.5, 1].map((part) => {
    const y = TOP + (1 - part) * (HIGH - TOP - FOOT);
    return [svg("line", { class: "rule", x1: LEFT, x2: width - 8, y1: y, y2: y }),
      svg("text", { x: LEFT - 6, y: y + 4, "text-anchor": "end" }, short(top * part))];
  });
  const steps = width < 420 ? 2 : 4;
  const marks = Array.from({ length: steps + 1 }, (_, i) => svg("text", {
    x: LEFT + (wide * i) / steps, y: HIGH - 5, "text-anchor": i === 0 ? "start" : i === steps ? "end" : "middle",
  }, i === steps ? "now" : moment(from + ((to - from) * i) / steps, span)));
  return [lines, marks, svg("text", { class: "unit", x: LEFT + 4, y: TOP + 15 }, unit)];
}

// Those with no neighbour, which a line would not show.
const alone = (slots, step) => slots.filter((slot, i) =>
  !(slots[i - 1]?.time >= slot.time - step * 3.5) && !(slots[i + 1]?.time <= slot.time + step * 3.5));

// series: [{ name, kind: "bars" or "line", of: (slot) => value or null }].
function paint(width, { slots, from, to, step, span, series, unit }) {
  const wide = width - LEFT - 8;
  const top = roundUp(Math.max(...slots.flatMap((slot) => series.map((one) => one.of(slot) ?? 0)), 0));
  const x = (time) => LEFT + ((time - from) / (to - from)) * wide;
  const y = (value) => TOP + (1 - value / top) * (HIGH - TOP - FOOT);
  const shapes = series.map((one, index) => {
    let path = "";
    let last = null;
    for (const slot of slots) {
      const value = one.of(slot);
      if (value === null || value === undefined) continue;
      const at = x(slot.time);
      const thick = Math.max(1, (step / (to - from)) * wide - 1);
      if (one.kind === "bars") path += value ? `M${at.toFixed(1)} ${y(0)}V${y(value).toFixed(1)}h${thick.toFixed(1)}V${y(0)}z` : "";
      else path += `${last !== null && slot.time - last <= step * 3.5 ? "L" : "M"}${(at + thick / 2).toFixed(1)} ${y(value).toFixed(1)}h.01`;
      last = slot.time;
    }
    return svg("path", { class: `${one.kind} series${index}`, d: path });
  });
  // A time alone is a dot, else it would not be seen.
  const dots = series.map((one, index) => one.kind !== "line" ? [] : svg("path", { class: `line dots series${index}`,
    d: alone(slots.filter((slot) => one.of(slot) !== null), step).map((slot) => `M${(x(slot.time) + ((step / (to - from)) * wide) / 2).toFixed(1)} ${y(one.of(slot)).toFixed(1)}h.01`).join("") }));
  return [axes(width, top, from, to, span, unit), shapes, dots];
}

// What the plots of an answer of /v1/history have in common.
export function frameOf(history) {
  const to = Date.parse(history.now);
  const step = history.step_s * 1000;
  const slots = history.slots.map((slot, index) => ({ ...slot, index, time: Date.parse(slot.at) }));
  return { slots, step, span: history.span, to, from: to - history.steps * step };
}

// Buttons for the span of plots; change is called with "hour", "day" or "month".
export function spans(change) {
  const group = el("div", { class: "switch", role: "group", "aria-label": "Span of the plots" },
    ["hour", "day", "month"].map((name) => el("button", { type: "button", "aria-pressed": String(name === "hour"), onclick: () => {
      for (const one of group.children) one.setAttribute("aria-pressed", String(one.textContent === `Last ${name}`));
      change(name);
    } }, `Last ${name}`)));
  return group;
}

// A figure with its title, its latest number in words, and what is under the pointer.
export function plot(title, words, given) {
  const picture = svg("svg", { class: "plot", role: "img", "aria-label": `${title}: ${words}`, height: HIGH });
  const told = el("span", { class: "told" }, words);
  const draw = () => {
    const width = Math.max(260, Math.floor(figure.clientWidth - 32));
    picture.setAttribute("width", width);
    picture.replaceChildren(...paint(width, given).flat(4));
  };
  picture.addEventListener("pointermove", (event) => {
    const box = picture.getBoundingClientRect();
    const time = given.from + ((event.clientX - box.left - LEFT) / (box.width - LEFT - 8)) * (given.to - given.from);
    const slot = given.slots.find((one) => one.time <= time && time < one.time + given.step);
    told.textContent = slot ? `${moment(slot.time, given.span)}: ` + given.series.map((one) =>
      `${one.name ? one.name + " " : ""}${one.of(slot) === null ? "none" : short(one.of(slot))}`).join(", ") + ` ${given.unit}` : words;
  });
  picture.addEventListener("pointerleave", () => { told.textContent = words; });
  const keys = given.series.length > 1 ? el("span", { class: "keys" }, given.series.map((one, index) =>
    el("span", { class: `key series${index}` }, one.name))) : null;
  const figure = el("figure", { class: "card" }, el("figcaption", {}, el("strong", {}, title), told), picture, keys);
  new ResizeObserver(draw).observe(figure);
  return figure;
}
