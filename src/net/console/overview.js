// Whether all is well, what is here, and how it was.
import { el, svg, number, count, bytes, duration, ageOf, text, button } from "./dom.js";
import { ask } from "./api.js";
import { plot, frameOf, spans } from "./plot.js";

const EVERY = 10000; // ms
const SILENT = 900; // seconds after which a slave counts as lost

const problem = (level, words, what, link) => ({ level, words, what, link });

function ofMaster(state) {
  const { master } = state;
  if (!master) return [];
  const since = master.contact ? ` It was last reached ${duration(ageOf(master.contact))} ago.` : "";
  return [
    master.error && problem("bad", "The master cannot be reached.", `${master.error}.${since}`, "federation"),
    master.refused && problem("warn", `The master refused ${count(master.refused, "change")} of this node.`,
      "See which ones.", "federation"),
    master.full && problem("warn", `The master has no room for ${count(master.full, "track")} of this node.`,
      "Ask the master's operator for a higher limit.", "federation"),
    !master.error && master.lag > 0 && problem("warn", `This node is ${count(master.lag, "change")} behind its master.`,
      "It is catching up.", "federation"),
  ];
}

function ofPeers(state) {
  const inside = (state.peers || []).filter((peer) => peer.state === "in");
  const lost = inside.filter((peer) => !peer.contact || ageOf(peer.contact) > SILENT);
  const refused = inside.filter((peer) => peer.error);
  const first = (list) => list.slice(0, 3).map((peer) => peer.name).join(", ") + (list.length > 3 ? " and others" : "");
  return [
    refused.length && problem("warn", `${first(refused)} sent something that was refused.`, refused[0].error, "federation"),
    lost.length && problem("warn", `${count(lost.length, "slave")} ${lost.length === 1 ? "has" : "have"} not been heard from.`,
      `Look whether it runs: ${first(lost)}.`, "federation"),
  ];
}

// What is not well, the worst first.
export function problems(state) {
  const behind = (state.followers || []).filter((one) => one.waiting > 1000);
  const monitor = state.monitor;
  return [
    state.server.healthy === false && problem("bad", "This node cannot publish its feed.",
      "See the words of the server: the disk may be full, or the folder not writable.", null),
    state.stale && problem("bad", "The data folder is an older copy of what was published.",
      "Run serve --new-epoch once, after reading about restoring a master.", null),
    ...ofMaster(state), ...ofPeers(state),
    state.conflicts && problem("warn", `${count(state.conflicts, "version")} of tracks ${state.conflicts === 1 ? "was" : "were"} set aside.`,
      "Decide which ones stay.", "conflicts"),
    ...behind.map((one) => problem("warn", `${one.name} is ${count(one.waiting, "change")} behind.`,
      "Look whether it can be reached.", "federation")),
    monitor && (monitor.running === false || monitor.stale) && problem("warn", "The monitor of streams does not run.", "Start it again.", "streams"),
  ].filter(Boolean).sort((a, b) => (a.level === "bad" ? 0 : 1) - (b.level === "bad" ? 0 : 1));
}

const marks = { good: "M5 13l5 5L20 7", warn: "M12 5v9M12 18.5v.5", bad: "M6 6l12 12M18 6L6 18" };
const mark = (level) => svg("svg", { class: `mark ${level}`, viewBox: "0 0 24 24", "aria-hidden": "true" }, svg("path", { d: marks[level] }));

function verdict(state) {
  const [first, ...others] = problems(state);
  if (!first) {
    const inside = (state.peers || []).filter((peer) => peer.state === "in").length;
    const around = state.master ? "It follows its master and has all of it." :
      inside ? `${count(inside, "slave")} ${inside === 1 ? "is" : "are"} in touch.` : "It works alone.";
    return el("section", { class: "verdict good" }, mark("good"), el("div", {},
      el("h1", {}, state.tracks ? "All is well." : "All is well, but there is no music yet."),
      state.tracks ? el("p", {}, around, " ", el("a", { href: "#/identify" }, "Identify a song"))
        : el("p", {}, "Put some in: ", el("code", {}, "echoprint ingest FOLDER"))));
  }
  const way = (one) => one.link ? [" ", el("a", { href: `#/${one.link}` }, "Show")] : null;
  return el("section", { class: `verdict ${first.level}` }, mark(first.level), el("div", {},
    el("h1", {}, el("bdi", {}, first.words)), el("p", {}, el("bdi", { class: "text" }, first.what), way(first)),
    others.length ? el("ul", {}, others.map((one) => el("li", {}, el("bdi", {}, one.words), way(one)))) : null));
}

const tile = (name, value, more) => el("div", { class: "tile" }, el("dt", {}, name),
  el("dd", {}, value, more ? el("small", {}, more) : null));

function tiles(state) {
  const waiting = state.index?.waiting;
  return el("dl", { class: "tiles" },
    tile("Tracks", number(state.tracks), state.copies ? `${number(state.copies)} of them copies` : null),
    tile("Documents", number(state.documents)),
    tile("Position", number(state.position), waiting ? `index ${count(waiting, "change")} behind` : "index up to date"),
    tile("On disk", bytes(state.bytes)),
    tile(state.server.role === "master" ? "Master for" : "Role", state.server.role === "master"
      ? count((state.peers || []).filter((peer) => peer.state === "in").length, "slave") : text(state.server.role),
    `up ${duration(state.server.seconds)}`));
}

const perMinute = (value, slot) => slot.seconds >= 1 ? (value * 60) / slot.seconds : null;

function plots(history) {
  const frame = frameOf(history);
  const { slots } = frame;
  const sum = (key) => slots.reduce((all, slot) => all + slot[key], 0);
  const slowest = Math.max(0, ...slots.map((slot) => slot.slow_ms ?? 0));
  const shown = slowest >= 1000 ? `${(slowest / 1000).toFixed(1)} s` : `${slowest < 10 ? slowest.toFixed(1) : Math.round(slowest)} ms`;
  return [
    plot("Changes", `${number(sum("changes"))} in all`, { ...frame, unit: "per minute",
      series: [{ name: "", kind: "bars", of: (slot) => perMinute(slot.changes, slot) }] }),
    plot("Queries", `${number(sum("queries"))} in all`, { ...frame, unit: "per minute",
      series: [{ name: "", kind: "bars", of: (slot) => perMinute(slot.queries, slot) }] }),
    plot("Time of a query", sum("queries") ? `99 % within ${shown}` : "no queries", { ...frame, unit: "ms",
      series: [{ name: "half", kind: "line", of: (slot) => slot.median_ms }, { name: "99 %", kind: "line", of: (slot) => slot.slow_ms }] }),
  ];
}

function lost(why) {
  return el("section", { class: "verdict bad" }, mark("bad"), el("div", {},
    el("h1", {}, why.status ? "The state cannot be read." : "This node does not answer."), el("p", { role: "alert" }, why.message)));
}

export async function draw(place, { signal, note }) {
  let span = "hour";
  let known = "";
  const top = el("div", {});
  const numbers = el("div", {});
  const drawn = el("div", { class: "plots" });
  const choice = spans((name) => {
    span = name;
    refresh();
  });
  async function refresh(quiet = true) {
    try {
      const [state, history] = await Promise.all([ask("status", { signal, quiet }), ask(`history?span=${span}`, { signal, quiet })]);
      note(state);
      // Screen readers are not told the same again.
      const words = JSON.stringify(problems(state)) + state.tracks;
      if (words !== known) top.replaceChildren(verdict(state));
      known = words;
      numbers.replaceChildren(tiles(state));
      if (!drawn.matches(":hover")) drawn.replaceChildren(...plots(history));
      choice.hidden = false;
    } catch (why) {
      if (signal.aborted) return;
      known = "";
      top.replaceChildren(lost(why), why.status === 401 || why.status === 403 ? button("Give a token", () => refresh(false), "first") : "");
    }
  }
  choice.hidden = true;
  place.append(top, numbers, choice, drawn);
  await refresh(false);
  const timer = setInterval(() => { if (!document.hidden) refresh(); }, EVERY);
  signal.addEventListener("abort", () => clearInterval(timer));
}
