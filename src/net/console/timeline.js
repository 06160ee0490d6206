// What streams played on a day, in UTC: a lane for each stream, and a table.
import { el, svg, text, count, clock, table, button, empty, failed } from "./dom.js";
import { ask, id } from "./api.js";
import { save } from "./csv.js";

const DAY = 86400000; // ms
const PAGES = 20; // of 1,000 plays and gaps each; more of a day are not shown
const FIRST = 25;
const MORE = 100;

const today = () => new Date().toISOString().slice(0, 10);
const shifted = (day, by) => new Date(Date.parse(day) + by * DAY).toISOString().slice(0, 10);
const named = (day) => new Date(day).toUTCString().slice(0, 16); // "Mon, 30 Nov 2026"
const titleOf = (one) => one.reason !== undefined ? "Not heard" : one.track || one.track_id;
const short = (words) => words.length > 120 ? words.slice(0, 120) + "…" : words;
const timeOf = (moment) => moment.slice(11, 19);

// When it began and ended, in ms; what is under way ends now, as far as is known.
function span(one) {
  const start = Date.parse(one.start);
  return { ...one, from: start, to: one.duration_s === null ? Math.max(start, Date.now()) : start + one.duration_s * 1000 };
}

// Those of a day, in the order in which they began. What began on the day before may go on into this one.
async function fetchDay(day, signal) {
  const all = [];
  let after = null;
  for (let page = 0; page < PAGES && (page === 0 || after); page++) {
    const query = new URLSearchParams({ from: shifted(day, -1), to: shifted(day, 1), limit: "1000" });
    if (after) query.set("after", after);
    const got = await ask(`plays?${query}`, { signal });
    all.push(...got.plays, ...got.gaps);
    after = got.next;
  }
  const begin = Date.parse(day);
  return { more: after !== null, all: all.map(span).filter((one) => one.to > begin || one.from >= begin).sort((a, b) => a.from - b.from) };
}

// ---- lanes ----

function block(one, begin, odd) {
  const from = Math.max(0, one.from - begin) / 1000;
  const to = Math.min(DAY, one.to - begin) / 1000;
  const gap = one.reason !== undefined;
  const words = gap ? `Not heard: ${short(one.reason)}` : `${short(titleOf(one))}${one.artist ? " – " + short(one.artist) : ""}`;
  return svg("rect", { class: gap ? "gap" : odd ? "play odd" : "play", x: from, y: gap ? 14 : 0, width: Math.max(gap ? 240 : 120, to - from), height: gap ? 12 : 40 },
    svg("title", {}, `${timeOf(one.start)} to ${one.end ? timeOf(one.end) : "now"}\n${words}`));
}

function lane(stream, items, begin) {
  const plays = items.filter((one) => one.reason === undefined).length;
  const words = `${count(plays, "play")}${plays < items.length ? `, ${count(items.length - plays, "gap")}` : ""}`;
  return el("li", {}, el("div", { class: "row" }, el("strong", { class: "short" }, text(stream)), el("span", { class: "told" }, words)),
    svg("svg", { class: "lane-of-day", viewBox: "0 0 86400 40", preserveAspectRatio: "none", role: "img", "aria-label": `${short(stream)}: ${words}` },
      [6, 12, 18].map((hour) => svg("line", { class: "rule", x1: hour * 3600, x2: hour * 3600, y1: 0, y2: 40 })),
      items.map((one, index) => block(one, begin, index % 2 === 1))));
}

function lanes(all, streams, begin) {
  const of = new Map(streams.map((stream) => [stream, []]));
  for (const one of all) {
    if (!of.has(one.stream)) of.set(one.stream, []);
    of.get(one.stream).push(one);
  }
  return el("figure", { class: "card day" }, el("ul", {}, [...of].map(([stream, items]) => lane(stream, items, begin))),
    el("div", { class: "hours", "aria-hidden": "true" }, ["00:00", "06:00", "12:00", "18:00", "24:00"].map((hour) => el("span", {}, hour))),
    el("div", { class: "keys" }, el("span", { class: "key" }, "a play"), el("span", { class: "key gap" }, "not heard"), el("span", {}, "empty: nothing that is known")));
}

// ---- the table ----

const columns = [
  ["Title", (one) => one.reason !== undefined ? el("span", {}, el("span", { class: "state warn" }, "not heard"), el("span", { class: "by" }, text(one.reason, "")))
    : el("a", { href: `#/track/${id(one.track_id)}` }, text(titleOf(one))), "wide"],
  ["Artist", (one) => text(one.artist, ""), "wide"],
  ["Stream", (one) => text(one.stream)],
  ["Start", (one) => el("time", { datetime: one.start, title: one.start }, timeOf(one.start))],
  ["End", (one) => one.end ? el("time", { datetime: one.end, title: one.end }, timeOf(one.end)) : "now"],
  ["Length", (one) => clock((one.to - one.from) / 1000), "figure"],
  ["Score", (one) => one.score === undefined ? "" : String(one.score), "figure"],
];

// The columns of `echoprint plays --format csv`, between what it is and why it was not heard.
const exported = (all) => [["kind", "stream", "start", "end", "duration_s", "artist", "title", "release", "track_id", "isrc", "score", "reason"],
  ...all.map((one) => [one.reason === undefined ? "play" : "gap", one.stream, one.start, one.end, one.duration_s === null ? null : Math.round(one.duration_s),
    one.artist, one.track, one.release, one.track_id, one.isrc, one.score, one.reason])];

// ---- the day ----

// Draws a day into place; refresh() draws it again, with the streams that it is given.
export function timeline(given, { signal }) {
  const title = el("h2");
  const body = el("div", {});
  let day = /^\d{4}-\d{2}-\d{2}$/.test(given || "") && Date.parse(given) <= Date.now() ? given : today();
  let shown = FIRST;
  let all = [];
  let known = [];
  let turn = 0;
  const before = button("Previous day", () => go(-1));
  const behind = button("Next day", () => go(1));
  const keep = button("Save as CSV", () => save(`plays-${day}.csv`, exported(all)));

  function paint(more) {
    const latest = [...all].reverse();
    keep.disabled = !all.length;
    body.replaceChildren(lanes(all, known, Date.parse(day)), ...(all.length ? [
      table("Plays", columns, latest.slice(0, shown)),
      all.length > shown ? button("More", () => { shown += MORE; paint(more); }, "first more") : "",
      el("p", { class: "told" }, `${count(Math.min(shown, all.length), "row")} of ${all.length}, the latest first.${more ? " The day has more than are listed here: echoprint plays prints all." : ""}`)]
      : [empty("No play was logged on this day.")]));
  }

  async function refresh(streams) {
    const mine = ++turn;
    known = streams;
    title.textContent = `${named(day)}, UTC`;
    behind.disabled = day >= today();
    try {
      const got = await fetchDay(day, signal);
      if (mine !== turn) return;
      ({ all } = got);
      paint(got.more);
    } catch (why) {
      if (!signal.aborted && mine === turn) body.replaceChildren(failed(why));
    }
  }

  function go(by) {
    day = shifted(day, by);
    shown = FIRST;
    all = [];
    keep.disabled = true;
    history.replaceState(null, "", day === today() ? "#/streams" : `#/streams?day=${day}`);
    if (by > 0 && day >= today()) before.focus(); // the other button can be pressed no more
    return refresh(known);
  }

  const place = el("section", {}, el("div", { class: "row" }, title, before, behind, keep), body);
  return { place, refresh, isToday: () => day === today() };
}
