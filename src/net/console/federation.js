// Who is connected with this node, and how far each one is.
import { el, svg, text, number, count, bytes, ago, ageOf, duration, table, facts, button, confirm, field, empty, failed, say } from "./dom.js";
import { ask, id } from "./api.js";
import { plot, frameOf, spans } from "./plot.js";

const EVERY = 10000; // ms
const SILENT = 900; // s
const LATE = 60; // s
const MOST_ROWS = 15; // about a screen full: to lay out more takes time
const BOX = [214, 82];
const GAP = [22, 56];

function stateOf(peer) {
  if (peer.state !== "in") return ["none", "invited"];
  if (peer.error) return ["bad", "refused"];
  if (!peer.contact || ageOf(peer.contact) > SILENT) return ["warn", "not heard from"];
  // What is on its way to a slave that is in touch is no reason to worry.
  const late = peer.lag > 0 && ageOf(peer.fetched_at) > LATE;
  return peer.lag > 0 ? [late ? "warn" : "good", `${number(peer.lag)} behind`] : ["good", "up to date"];
}

// Whether a slave's copy is this node's, by the digest of its state that the slave told.
function equalOf(peer, state) {
  if (peer.state !== "in" || !peer.digest) return ["none", "not known"];
  if (peer.digest === state.digest) return ["good", "equal"];
  return peer.lag > 0 || ageOf(peer.fetched_at) <= LATE ? ["none", "not yet"] : ["warn", "differs"];
}

const cut = (words, most) => words.length > most ? words.slice(0, most - 1) + "…" : words;

function box(x, y, { name, kind, level, words, when }) {
  const [wide, high] = BOX;
  return svg("g", { class: `box ${level}`, transform: `translate(${x} ${y})` }, svg("title", {}, `${kind} ${name}: ${words}`),
    svg("rect", { width: wide, height: high, rx: 10 }), svg("circle", { cx: 19, cy: 22, r: 5.5 }),
    svg("text", { class: "strong", x: 34, y: 27 }, cut(name, 19)), svg("text", { x: 19, y: 49 }, cut(`${kind}, ${words}`, 27)),
    svg("text", { class: "faint", x: 19, y: 67 }, cut(when, 27)));
}

const since = (moment) => moment ? `seen ${duration(ageOf(moment))} ago` : "not seen yet";

const WORST = ["bad", "warn", "good", "none"]; // what is not well is seen first

// Notes once how each slave is, as all parts of the page ask for it, and puts the worst first.
function rank(peers) {
  for (const peer of peers) peer.how = stateOf(peer);
  peers.sort((a, b) => WORST.indexOf(a.how[0]) - WORST.indexOf(b.how[0]));
}

const kindOf = (follower) => follower.name.startsWith("solr") ? "Solr" : follower.name.startsWith("legacy") ? "server of 2011" : "system";

const nodeOf = (peer) => ({ name: peer.name, kind: peer.mirror ? "mirror" : "slave", level: peer.how[0], words: peer.how[1],
  when: peer.state === "in" ? since(peer.contact) : "has not joined yet" });

const MOST = 12; // boxes of a row that are drawn; the list below has all

// The first of many, and the others as one.
function few(nodes) {
  if (nodes.length <= MOST) return nodes;
  const others = nodes.slice(MOST - 1);
  const well = others.filter((one) => one.level === "good").length;
  return [...nodes.slice(0, MOST - 1), { name: `${number(others.length)} more`, kind: "nodes", level: others[0].level,
    words: well === others.length ? "up to date" : `${number(well)} up to date`, when: "in the table below" }];
}

// Three rows at most: whom this node follows, itself, and those that follow it.
function layersOf(state) {
  const { master } = state;
  const role = state.server.role;
  const above = [];
  if (master) {
    const host = (url) => { try { return new URL(url).host; } catch { return url; } };
    above.push({ name: host(master.url), kind: "master", level: master.error ? "bad" : "good",
      words: master.error ? "not reached" : "reached", when: since(master.contact) });
    if (master.mirror) above.push({ name: host(master.mirror), kind: "mirror", level: "good", words: "the way to it", when: "" });
  }
  const self = { name: state.name, kind: role, level: state.server.healthy === false ? "bad" : "good",
    words: master && master.lag ? `${number(master.lag)} behind` : "this node", when: `position ${number(state.position)}` };
  const below = (state.peers || []).map(nodeOf);
  const others = (state.followers || []).map((one) => ({ name: one.name, kind: kindOf(one),
    level: one.waiting ? "warn" : "good", words: one.waiting ? `${number(one.waiting)} behind` : "up to date", when: `position ${number(one.position)}` }));
  return [above, [self], few([...below, ...others])].filter((layer) => layer.length);
}

function picture(layers, width) {
  const shapes = [];
  const lines = [];
  const fit = Math.max(1, Math.floor((width + GAP[0]) / (BOX[0] + GAP[0])));
  let y = 2;
  let before = null;
  for (const shown of layers) {
    const middles = [];
    for (let at = 0; at < shown.length; at += fit) {
      const row = shown.slice(at, at + fit);
      const wide = row.length * BOX[0] + (row.length - 1) * GAP[0];
      row.forEach((one, i) => {
        const x = (width - wide) / 2 + i * (BOX[0] + GAP[0]);
        shapes.push(box(x, y, one));
        middles.push([x + BOX[0] / 2, y, one.level, at === 0]);
      });
      y += BOX[1] + (at + fit < shown.length ? 16 : GAP[1]);
    }
    if (before) for (const [x, top, level, direct] of middles) {
      if (!direct) continue; // those of further rows stand below the first
      const [fromX, fromY, parent] = before;
      const half = (fromY + top) / 2;
      lines.push(svg("path", { class: `way ${parent === "bad" ? parent : level}`, d: `M${fromX} ${fromY}C${fromX} ${half} ${x} ${half} ${x} ${top}` }));
    }
    before = [width / 2, y - GAP[1], shown[0].level];
  }
  return [y - GAP[1] + 4, [...lines, ...shapes]];
}

// place: where it will be. It has its size before it is there, so that the page is laid out once.
function drawing(state, place) {
  const layers = layersOf(state);
  const words = layers.flat().map((one) => `${one.kind} ${one.name}: ${one.words}`).join("; ");
  const image = svg("svg", { class: "federation", role: "img", "aria-label": words.slice(0, 1000) });
  const node = el("figure", { class: "card" }, image);
  const draw = (wide) => {
    const width = Math.max(250, Math.floor(wide - 32));
    if (Number(image.getAttribute("width")) === width) return;
    const [high, shapes] = picture(layers, width);
    image.setAttribute("width", width);
    image.setAttribute("height", high);
    image.replaceChildren(...shapes);
  };
  draw(place.clientWidth - 2); // without its border
  new ResizeObserver(() => draw(node.clientWidth)).observe(node);
  return node;
}

// How it is, in one sentence.
function headline({ master, peers = [] }) {
  if (master?.error) return "The master cannot be reached";
  if (master) return master.lag ? `${count(master.lag, "change")} behind the master` : "Up to date with the master";
  const inside = peers.filter((peer) => peer.state === "in");
  const late = inside.filter((peer) => peer.how[0] !== "good");
  if (!inside.length) return "No slave has joined yet";
  const behind = inside.filter((peer) => peer.lag > 0).length;
  if (!late.length && behind) return `${number(behind)} of ${count(inside.length, "slave")} ${behind === 1 ? "is" : "are"} catching up`;
  if (!late.length) return inside.length === 1 ? "One slave, and all is well" : `${number(inside.length)} slaves, and all is well`;
  return `${number(late.length)} of ${count(inside.length, "slave")} ${late.length === 1 ? "needs" : "need"} a look`;
}

// Where all of the feed was applied and nothing is on its way, the digests were compared.
const isEqual = (master) => master.error || !master.feed_time ? "not known" : master.lag || master.pending ? "not equal yet" : "equal to the master's";

const fates = { unsent: ["none", "to be sent"], sent: ["good", "sent"], refused: ["bad", "refused"], full: ["warn", "no room at the master"],
  csv: ["none", "by CSV, not sent"] };
const changes = { put: "put", delete: "delete", link: "link as a copy", release: "release from its original" };

const ofPending = ({ pending, next }) => !pending.length ? null : [table("What this node sends", [
  ["Track", (one) => one.change === "delete" ? text(one.track_id) : el("a", { href: `#/track/${id(one.track_id)}` }, text(one.track || one.track_id)), "wide"],
  ["Artist", (one) => text(one.artist, ""), "wide"], ["Change", (one) => changes[one.change]], ["What became of it", (one) => badge(fates[one.state])],
], pending), next ? el("p", { class: "told" }, `The first ${number(pending.length)} are shown.`) : null];

function ofMaster(state, pending) {
  const { master } = state;
  return el("section", {}, el("h2", {}, "Its master"), master.error ? el("p", { class: "failed" }, el("bdi", { class: "text" }, master.error)) : null,
    facts(["Address", text(master.url)], master.mirror && ["By way of", text(master.mirror)], ["Known there as", text(master.source)],
      ["Last reached", ago(master.contact)], ["Behind", count(master.lag, "change")], ["This copy", isEqual(master)], ["Epoch", number(master.epoch)]),
    el("h3", {}, "What this node sends"),
    facts(["Waiting to be confirmed", count(master.pending, "change")], ["Refused", count(master.refused, "change")],
      ["No room at the master", count(master.full, "change")], ["Set aside by the master", count(master.conflicts, "change")], ["Rejected", count(master.rejected, "change")]),
    ofPending(pending));
}

// White in the dark, too, and with a margin: else it cannot be read.
const qr = (rows) => svg("svg", { class: "qr", viewBox: `-4 -4 ${rows.length + 8} ${rows.length + 8}`, role: "img", "aria-label": "The invitation as a QR code" },
  svg("rect", { x: -4, y: -4, width: rows.length + 8, height: rows.length + 8 }),
  svg("path", { d: rows.map((row, y) => [...row].map((one, x) => one === "1" ? `M${x} ${y}h1v1h-1z` : "").join("")).join("") }));

async function invite(refresh) {
  const name = field("Name of the slave", { required: true, pattern: "[A-Za-z0-9._\\-]{1,64}", title: "1 to 64 of A-Z a-z 0-9 . _ -", spellcheck: false });
  const url = field("Address of this master, as the slave sees it", { type: "url", value: new URL(".", document.baseURI).href, required: true });
  if (!await confirm("Invite a slave", "You get a line for its operator. It lets one node in, once.", "Make the invitation", false, [name, url])) return;
  const made = await ask("sources?qr=true", { method: "POST", json: { name: name.input.value, url: url.input.value } });
  await refresh();
  const words = el("textarea", { class: "copyable", readonly: true, rows: "4", "aria-label": "Invitation" }, `echoprint join '${made.invitation}'`);
  const copy = button("Copy", async () => {
    try {
      await navigator.clipboard.writeText(words.value);
      copy.textContent = "Copied";
    } catch {
      words.select();
      copy.textContent = "Press Ctrl+C";
    }
  }, "first");
  await confirm("The invitation", ["Run this on the new slave. Whoever has this line can join in its place: send it in a safe way. It is not shown again."], "Done", false, [words, el("div", { class: "row" }, copy), made.qr ? qr(made.qr) : ""], true);
}

async function remove(peer, tracks, refresh) {
  const also = el("input", { type: "checkbox" });
  const choice = el("label", { class: "check" }, also, el("span", {}, `Also delete its ${count(tracks, "track")}, at all nodes`));
  if (!await confirm("Remove this slave?", [el("span", {}, text(peer.name), " may contribute no more. Its tracks stay, unless you say otherwise.")], "Remove it", true, tracks ? [choice] : [])) return;
  const done = await ask(`sources/${id(peer.name)}?with_tracks=${also.checked}`, { method: "DELETE" });
  say(done.deleted ? `The slave was removed, and ${count(done.deleted, "track")} deleted.` : "The slave was removed.");
  await refresh();
}

const badge = ([level, words]) => el("span", { class: `state ${level}` }, words);

// A table of which the first rows are shown, until all are asked for.
function long(caption, columns, rows, opened, refresh) {
  const all = opened.has(caption) || rows.length <= MOST_ROWS;
  return [table(caption, columns, all ? rows : rows.slice(0, MOST_ROWS)),
    all ? null : button(`Show all ${number(rows.length)}`, () => { opened.add(caption); refresh(); }, "first more")];
}

function ofPeers(state, sources, attempt, refresh, opened) {
  const known = new Map(sources.map((one) => [one.name, one]));
  const tracks = (peer) => known.get(peer.name)?.tracks || 0;
  return el("section", {},
    el("div", { class: "row" }, el("h2", {}, "Slaves"), button("Invite a slave", attempt(() => invite(refresh)), "first")),
    state.peers.length ? long("Slaves", [
      ["Name", (peer) => el("span", { class: "named" }, text(peer.name), peer.mirror ? el("span", { class: "by" }, "mirror") : null)], ["State", (peer) => badge(peer.how)],
      ["Its copy", (peer) => badge(equalOf(peer, state))], ["Last contact", (peer) => ago(peer.contact)],
      ["Its tracks", (peer) => el("span", { class: "named" }, number(tracks(peer)), tracks(peer) ? el("span", { class: "by" }, bytes(known.get(peer.name).bytes)) : null), "figure"],
      ["Reason of a refusal", (peer) => text(peer.error, "none"), "wide"],
      ["", (peer) => el("button", { type: "button", "aria-label": `Remove ${peer.name}`, onclick: attempt(() => remove(peer, tracks(peer), refresh)) }, "Remove")],
    ], state.peers, opened, refresh) : empty("No slave was invited yet."));
}

const ofSources = (sources, opened, refresh) => el("section", {}, el("h2", {}, "Where the tracks are from"), sources.length ? long("Sources", [
  ["Source", (one) => text(one.name)], ["Size", (one) => bytes(one.bytes), "figure"], ["Tracks", (one) => number(one.tracks), "figure"], ["Documents", (one) => number(one.documents), "figure"],
], sources, opened, refresh) : empty("There are no tracks yet."));

const LINES = 5; // slaves of a plot; more lines could not be told from each other

// How far slaves were behind: those that were furthest, and how many of all.
function lagPlots(history) {
  const frame = frameOf(history);
  const shown = history.slaves.slice(0, LINES);
  const most = Math.max(0, ...frame.slots.map((slot) => slot.lag ?? 0));
  const behind = Math.max(0, ...frame.slots.map((slot) => slot.behind));
  const known = frame.slots.at(-1).slaves;
  return [
    plot(known > LINES ? `Lag of the ${LINES} furthest behind` : "Lag", most ? `at most ${count(most, "change")}` : "none was behind", { ...frame, unit: "changes",
      series: shown.map(({ name, lags }) => ({ name: cut(name, 24), kind: "line", of: (slot) => lags[slot.index] })) }),
    plot("Slaves behind", behind ? `at most ${number(behind)} of ${number(known)} at a time` : "none was behind", { ...frame, unit: "slaves",
      series: [{ name: "", kind: "bars", of: (slot) => slot.behind }] }),
  ];
}

const ofFollowers = (followers) => el("section", {}, el("h2", {}, "Other systems"), table("Other systems", [
  ["Name", (one) => text(one.name)], ["Kind", kindOf], ["Position", (one) => number(one.position), "figure"],
  ["State", (one) => badge(one.waiting ? ["warn", `${count(one.waiting, "change")} behind`] : ["good", "up to date"])],
], followers));

export async function draw(place, { signal, note }) {
  const trouble = el("div", {});
  const body = el("div", {});
  const attempt = (work) => async () => {
    trouble.replaceChildren();
    try {
      await work();
    } catch (why) {
      trouble.replaceChildren(failed(why));
    }
  };
  const opened = new Set();
  let span = "hour";
  const drawn = el("div", { class: "plots" });
  const lags = el("section", {}, el("div", { class: "row" }, el("h2", {}, "How far slaves were behind"), spans((name) => {
    span = name;
    refresh(true).catch(() => {});
  })), drawn);
  // It stays where it is, so that its buttons keep the focus.
  const middle = el("div", {});
  const foot = el("div", {});
  async function refresh(quiet = false) {
    // Without its history the page is as good as any.
    const [state, { sources }, pending, history] = await Promise.all([ask("status", { signal, quiet }), ask("sources?peers=false", { signal, quiet }),
      ask("pending?limit=20", { signal, quiet }), ask(`history?span=${span}&lags=true`, { signal, quiet: true }).catch(() => null)]);
    note(state);
    rank(state.peers || []);
    head.textContent = headline(state);
    if (history?.slaves.length && !drawn.matches(":hover")) drawn.replaceChildren(...lagPlots(history));
    if (history?.slaves.length && !lags.isConnected) middle.append(lags);
    body.replaceChildren(drawing(state, place), state.master ? ofMaster(state, pending) : ofPeers(state, sources, attempt, refresh, opened));
    foot.replaceChildren(...[state.followers?.length ? ofFollowers(state.followers) : null, ofSources(sources.filter((one) => one.tracks), opened, refresh)].filter(Boolean));
  }
  const head = el("h1", {}, "Federation");
  place.append(head, trouble, body, middle, foot);
  await refresh();
  const timer = setInterval(() => {
    // Not under the hands of the user.
    if (!document.hidden && !document.querySelector("dialog") && ![body, foot].some((one) => one.contains(document.activeElement))) refresh(true).catch(() => {});
  }, EVERY);
  signal.addEventListener("abort", () => clearInterval(timer));
}
