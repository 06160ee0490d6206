// Why a query matches: its onsets and those of the track on one axis, and how many pairs each offset has.
import { el, svg, clock, number } from "./dom.js";

const BANDS = 8;
const ROW = 26;
const LEFT = 52;
const NAMES = ["lowest", "", "", "", "", "", "", "highest"];

// The query's onsets at the times of the track, and which of both coincide, within one unit.
export function compare(query, track, offset, speed) {
  const unit = track.unit_s;
  const bands = [];
  let coincide = 0;
  for (let band = 0; band < BANDS; band++) {
    const times = track.bands[band];
    const moved = query.bands[band].map((time) => offset + time * speed);
    let at = 0;
    const hits = moved.map((time) => {
      while (at < times.length && times[at] < time - 1.5) at++;
      return at < times.length && times[at] <= time + 1.5;
    });
    coincide += hits.filter(Boolean).length;
    bands.push({ times, moved, hits });
  }
  const all = query.bands.flat();
  const last = all.reduce((most, time) => Math.max(most, time), 0);
  return { unit, bands, coincide, of: all.length, from: offset, to: offset + last * speed };
}

// How many pairs of onsets of one band each offset has, in units; offsets as query times go.
export function histogram(query, track, speed) {
  const counts = new Map();
  for (let band = 0; band < BANDS; band++) {
    for (const one of query.bands[band]) {
      for (const other of track.bands[band]) {
        const offset = Math.round(other - one * speed);
        counts.set(offset, (counts.get(offset) || 0) + 1);
      }
    }
  }
  return counts;
}

// The offset of a match is rounded; the pairs say which of its neighbours it is.
function refine(counts, offset) {
  const near = Math.round(offset);
  let best = offset;
  let most = counts.get(near) || 0;
  for (let one = near - 4; one <= near + 4; one++) {
    if ((counts.get(one) || 0) > most) [best, most] = [one, counts.get(one)];
  }
  return best;
}

const ticks = (times, x, from, to) => times.map((time) => `M${x(time).toFixed(1)} ${from}V${to}`).join("");

function rows(found, width, alone = false) {
  const high = BANDS * ROW + 24;
  const margin = alone ? 0 : (found.to - found.from) * 0.02 + 10;
  const from = found.from - margin;
  const to = found.to + margin;
  const x = (time) => LEFT + ((time - from) / (to - from)) * (width - LEFT - 6);
  const within = (times) => times.filter((time) => time >= from && time <= to);
  const shapes = found.bands.map((band, number) => {
    const top = (BANDS - 1 - number) * ROW; // the lowest band below
    const hit = band.moved.filter((_, i) => band.hits[i]);
    const others = band.moved.filter((_, i) => !band.hits[i]);
    return [svg("rect", { class: number % 2 ? "lane" : "lane odd", x: LEFT, y: top, width: width - LEFT - 6, height: ROW }),
      svg("path", { class: alone ? "of-both" : "of-track", d: ticks(within(band.times), x, top + 3, top + (alone ? 23 : 12)) }),
      svg("path", { class: "of-query", d: ticks(others, x, top + 14, top + 23) }),
      svg("path", { class: "of-both", d: ticks(hit, x, top + 3, top + 23) }),
      NAMES[number] ? svg("text", { x: LEFT - 6, y: top + 17, "text-anchor": "end" }, NAMES[number]) : null];
  });
  const steps = width < 500 ? 3 : 6;
  const marks = Array.from({ length: steps + 1 }, (_, i) => svg("text", { y: high - 5,
    x: LEFT + ((width - LEFT - 6) * i) / steps, "text-anchor": i === 0 ? "start" : i === steps ? "end" : "middle",
  }, clock((from + ((to - from) * i) / steps) * found.unit)));
  return [high, [shapes, marks]];
}

function peaks(counts, found, width, unit) {
  const high = 130;
  const all = [...counts.keys()];
  const from = all.reduce((least, one) => Math.min(least, one), Infinity);
  const to = all.reduce((most, one) => Math.max(most, one), -Infinity) + 1;
  const wide = width - LEFT - 6;
  const columns = new Float64Array(Math.ceil(wide));
  for (const [offset, count] of counts) {
    const column = Math.min(columns.length - 1, Math.floor(((offset - from) / (to - from)) * wide));
    columns[column] = Math.max(columns[column], count);
  }
  const best = columns.reduce((most, one) => Math.max(most, one), 1);
  const y = (count) => high - 24 - (count / best) * (high - 52);
  const peak = LEFT + ((found.from - from) / (to - from)) * wide;
  const bars = Array.from(columns, (count, i) => count ? `M${LEFT + i + 0.5} ${high - 24}V${y(count).toFixed(1)}` : "").join("");
  const right = peak > width / 2;
  return [high, [svg("path", { class: "counts", d: bars }), svg("path", { class: "peak", d: `M${peak.toFixed(1)} ${high - 24}V${y(best)}` }),
    svg("text", { class: "strong", x: peak + (right ? -8 : 8), y: 18, "text-anchor": right ? "end" : "start" },
      `${number(best)} pairs at ${clock(found.from * unit)}`),
    svg("text", { x: LEFT, y: high - 6 }, clock(from * unit)), svg("text", { x: width - 6, y: high - 6, "text-anchor": "end" }, clock(to * unit))]];
}

function figure(title, words, paint, keys = null) {
  const picture = svg("svg", { class: "picture", role: "img", "aria-label": `${title}. ${words}` });
  const node = el("figure", { class: "card" }, el("figcaption", {}, el("strong", {}, title), el("span", { class: "told" }, words)), picture, keys);
  let before = 0;
  new ResizeObserver(() => {
    const width = Math.max(260, Math.floor(node.clientWidth - 32));
    if (width === before) return;
    before = width;
    const [high, shapes] = paint(width);
    picture.setAttribute("width", width);
    picture.setAttribute("height", high);
    picture.replaceChildren(...shapes.flat(4).filter(Boolean));
  }).observe(node);
  return node;
}

export function why(query, track, match) {
  const counts = histogram(query, track, match.speed);
  const found = compare(query, track, refine(counts, match.offset_s / track.unit_s), match.speed);
  const share = found.of ? Math.round((100 * found.coincide) / found.of) : 0;
  const keys = el("span", { class: "keys" }, el("span", { class: "key both" }, "in both"),
    el("span", { class: "key track" }, "in the track alone"), el("span", { class: "key query" }, "in your recording alone"));
  return [
    figure("Onsets in eight bands", `${number(found.coincide)} of ${number(found.of)} onsets of the recording (${share} %) are in the track, at the same moments`,
      (width) => rows(found, width), keys),
    figure("All ways to lay one on the other", "If the music is the same, one offset stands out; else none does",
      (width) => peaks(counts, found, width, track.unit_s)),
  ];
}

// The onsets of a track alone.
export function onsets(track) {
  const all = track.bands.flat();
  const last = all.reduce((most, time) => Math.max(most, time), 1);
  const bands = track.bands.map((times) => ({ times, moved: [], hits: [] }));
  const words = track.has_bands ? `${number(all.length)} in ${clock(last * track.unit_s)}`
    : "the bands are not known: these are the times of the codes";
  return figure("Onsets in eight bands", words, (width) => rows({ unit: track.unit_s, bands, from: 0, to: last }, width, true));
}
