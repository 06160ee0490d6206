// The catalogue, and one track.
import { el, text, number, count, clock, table, facts, button, confirm, field, empty, failed, say } from "./dom.js";
import { ask, id } from "./api.js";
import { onsets } from "./picture.js";

const PAUSE = 180; // ms after a key
// Rows that are there at once, a screen full, and that come with each press: to draw them takes time.
const FIRST = "25";
const MORE = "100";

const day = (date) => el("time", { datetime: date, title: date }, date.slice(0, 10));

function listed(rows) {
  return table("Tracks", [
    ["Track", (row) => el("a", { href: `#/track/${id(row.track_id)}` }, text(row.track || row.track_id)), "wide"],
    ["Artist", (row) => text(row.artist), "wide"],
    ["Release", (row) => text(row.release), "wide"],
    ["Length", (row) => Number(row.length) ? clock(Number(row.length)) : "—", "figure"],
    ["Source", (row) => text(row.source)],
    ["Since", (row) => day(row.import_date)],
    ["", (row) => row.copy_of ? el("span", { class: "state none" }, "copy") : ""],
  ], rows);
}

async function list(place, { parameters, signal }) {
  const search = el("input", { type: "search", id: "q", value: parameters.get("q") || "", placeholder: "Words of artist, release or track",
    autocomplete: "off", spellcheck: false, maxLength: 200 });
  const found = el("div", { "aria-live": "polite" });
  const rows = [];
  let turn = 0;
  let timer = 0;
  async function more(after) {
    const mine = ++turn;
    const query = new URLSearchParams({ limit: after ? MORE : FIRST });
    if (search.value.trim()) query.set("q", search.value.trim());
    if (after) query.set("after", after);
    try {
      const page = await ask(`tracks?${query}`, { signal });
      if (mine !== turn) return;
      if (!after) rows.length = 0;
      rows.push(...page.tracks);
      found.replaceChildren(rows.length ? listed(rows) : empty(search.value.trim() ? "No track has these words." : "There are no tracks yet."),
        page.next ? button("More", () => more(page.next), "first more") : "",
        el("p", { class: "told" }, rows.length ? `${count(rows.length, "track")} shown${page.next ? "; there are more" : ""}.` : ""));
    } catch (why) {
      if (!signal.aborted && mine === turn) found.replaceChildren(failed(why));
    }
  }
  search.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const words = search.value.trim();
      history.replaceState(null, "", words ? `#/tracks?q=${encodeURIComponent(words)}` : "#/tracks");
      more();
    }, PAUSE);
  });
  place.append(el("h1", {}, "Tracks"), el("label", { class: "unseen", for: "q" }, "Search"), search, found);
  await more();
}

// ---- one track ----

async function edit(track, done) {
  const fields = Object.entries(track.fields || {});
  const inputs = ["artist", "release", "track"].map((name) => [name, field(name[0].toUpperCase() + name.slice(1), { value: track[name] })]);
  const more = fields.map(([name, value]) => [name, field(name, { value })]);
  const key = field("A new field, such as isrc", { pattern: "[a-z0-9_.\\-]{1,64}", spellcheck: false });
  const content = field("What it says");
  if (!await confirm("Edit the names and fields", "All nodes of this federation take them over. A field that is emptied goes.", "Save", false,
    [...[...inputs, ...more].map(([, one]) => one), el("div", { class: "pairs" }, key, content)])) return;
  const change = Object.fromEntries(inputs.filter(([name, one]) => one.input.value !== track[name]).map(([name, one]) => [name, one.input.value]));
  const other = Object.fromEntries(more.filter(([name, one]) => one.input.value !== track.fields[name]).map(([name, one]) => [name, one.input.value]));
  if (key.input.value) other[key.input.value] = content.input.value;
  if (Object.keys(other).length) change.fields = other;
  if (!Object.keys(change).length) return;
  await ask(`tracks/${id(track.track_id)}`, { method: "PATCH", json: change });
  say("The names were changed.");
  done();
}

async function remove(track) {
  if (!await confirm("Delete this track?", [
    el("span", {}, text(track.track || track.track_id), ` and its ${count(track.documents.length, "document")} are deleted here, and at every node of this federation.`),
    "It is found no more. Copies of it become songs of their own. This cannot be undone.",
  ], "Delete the track")) return;
  await ask(`tracks/${id(track.track_id)}`, { method: "DELETE" });
  say("The track was deleted.");
  location.hash = "#/tracks";
}

async function release(track, done) {
  if (!await confirm("Release this copy?", ["It becomes a song of its own, which queries can find, and is not linked again by itself."], "Release it", false)) return;
  await ask(`copies/${id(track.track_id)}`, { method: "DELETE" });
  say("The copy was released.");
  done();
}

async function detail(place, { detail: given, signal }) {
  const trackId = decodeURIComponent(given);
  const trouble = el("div", {});
  const attempt = (work) => async () => {
    trouble.replaceChildren();
    try {
      await work();
    } catch (why) {
      trouble.replaceChildren(failed(why));
    }
  };
  async function refresh() {
    const track = await ask(`tracks/${id(trackId)}`, { signal });
    const [first] = track.documents;
    const drawn = el("div", { class: "pictures" });
    place.replaceChildren(...[
      el("p", { class: "kicker" }, el("a", { href: "#/tracks" }, "Tracks")),
      el("h1", {}, text(track.track || track.track_id)),
      el("p", { class: "by short" }, text(track.artist, "unknown artist"), track.release ? [" · ", text(track.release)] : null),
      trouble,
      track.copy_of ? el("p", { class: "note" }, el("span", {}, "This is a copy of ", el("a", { href: `#/track/${id(track.copy_of)}` }, text(track.copy_of)),
        ". Queries find that one."), button("Release it", attempt(() => release(track, refresh)))) : null,
      facts(["Id", text(track.track_id)], ["Length", Number(track.length) ? clock(Number(track.length)) : text(track.length)],
        ["Source", text(track.source)], ["Here since", el("time", { datetime: track.import_date }, track.import_date.replace("T", " ").replace("Z", " UTC"))],
        ["Position", number(track.position)], ["Documents", number(track.documents.length)], ["Code generator", text(first?.codever)],
        ...Object.entries(track.fields || {}).map(([name, value]) => [text(name), text(value)])),
      el("div", { class: "row" }, button("Edit", attempt(() => edit(track, refresh))), button("Delete", attempt(() => remove(track)), "danger")),
      drawn,
      el("details", {}, el("summary", {}, count(track.documents.length, "document")), table("Documents", [
        ["Id", (row) => text(row.id)], ["Track", (row) => text(row.track), "wide"], ["Artist", (row) => text(row.artist), "wide"],
        ["Length", (row) => text(row.length), "figure"]], track.documents))].filter(Boolean));
    try {
      drawn.append(onsets(await ask(`tracks/${id(trackId)}/onsets`, { signal })));
    } catch (why) {
      if (!signal.aborted) drawn.append(failed(why));
    }
  }
  await refresh();
}

export const draw = (place, where) => where.detail ? detail(place, where) : list(place, where);
