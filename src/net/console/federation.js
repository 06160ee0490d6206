// Who is connected with this node, and how far each one is.
import { el, svg, text, number, count, ago, ageOf, duration, table, facts, button, confirm, field, empty, failed, say } from "./dom.js";
import { ask, id } from "./api.js";

const EVERY = 10000; // ms
const SILENT = 900; // s
const LATE = 60; // s
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

const cut = (words, most) => words.length > most ? words.slice(0, most - 1) + "…" : words;

function box(x, y, { name, kind, level, words, when }) {
  const [wide, high] = BOX;
  return svg("g", { class: `box ${level}`, transform: `translate(${x} ${y})` }, svg("title", {}, `${kind} ${name}: ${words}`),
    svg("rect", { width: wide, height: high, rx: 10 }), svg("circle", { cx: 19, cy: 22, r: 5.5 }),
    svg("text", { class: "strong", x: 34, y: 27 }, cut(name, 19)), svg("text", { x: 19, y: 49 }, cut(`${kind}, ${words}`, 27)),
    svg("text", { class: "faint", x: 19, y: 67 }, cut(when, 27)));
}

const since = (moment) => moment ? `seen ${duration(ageOf(moment))} ago` : "not seen yet";

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
  const below = (state.peers || []).map((peer) => {
    const [level, words] = stateOf(peer);
    return { name: peer.name, kind: "slave", level, words, when: peer.state === "in" ? since(peer.contact) : "has not joined yet" };
  });
  const others = (state.followers || []).map((one) => ({ name: one.name, kind: one.name.split(".")[0] === "solr" ? "Solr" : "system",
    level: one.waiting ? "warn" : "good", words: one.waiting ? `${number(one.waiting)} behind` : "up to date", when: `position ${number(one.position)}` }));
  return [above, [self], [...below, ...others]];
}

const MOST = 24; // boxes of a row that are drawn; the list below has all

function picture(state, width) {
  const shapes = [];
  const lines = [];
  const layers = layersOf(state).filter((layer) => layer.length);
  const fit = Math.max(1, Math.floor((width + GAP[0]) / (BOX[0] + GAP[0])));
  let y = 2;
  let before = null;
  for (const layer of layers) {
    const shown = layer.slice(0, MOST);
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
      const [fromX, fromY] = before;
      const half = (fromY + top) / 2;
      lines.push(svg("path", { class: `way ${level}`, d: `M${fromX} ${fromY}C${fromX} ${half} ${x} ${half} ${x} ${top}` }));
    }
    before = [width / 2, y - GAP[1]];
  }
  return [y - GAP[1] + 4, [...lines, ...shapes]];
}

function drawing(state) {
  const words = layersOf(state).flat().map((one) => `${one.kind} ${one.name}: ${one.words}`).join("; ");
  const image = svg("svg", { class: "federation", role: "img", "aria-label": words.slice(0, 1000) });
  const node = el("figure", { class: "card" }, image);
  new ResizeObserver(() => {
    const width = Math.max(250, Math.floor(node.clientWidth - 32));
    if (Number(image.getAttribute("width")) === width) return;
    const [high, shapes] = picture(state, width);
    image.setAttribute("width", width);
    image.setAttribute("height", high);
    image.replaceChildren(...shapes);
  }).observe(node);
  return node;
}

function ofMaster(state) {
  const { master } = state;
  return el("section", {}, el("h2", {}, "Its master"), master.error ? el("p", { class: "failed" }, el("bdi", { class: "text" }, master.error)) : null,
    facts(["Address", text(master.url)], master.mirror && ["By way of", text(master.mirror)], ["Known there as", text(master.source)],
      ["Last reached", ago(master.contact)], ["Behind", count(master.lag, "change")], ["Epoch", number(master.epoch)]),
    el("h3", {}, "What this node sends"),
    facts(["Waiting to be confirmed", count(master.pending, "change")], ["Refused", count(master.refused, "change")],
      ["No room at the master", count(master.full, "change")], ["Set aside by the master", count(master.conflicts, "change")], ["Rejected", count(master.rejected, "change")]));
}

async function invite(refresh) {
  const name = field("Name of the slave", { required: true, pattern: "[A-Za-z0-9._\\-]{1,64}", title: "1 to 64 of A-Z a-z 0-9 . _ -", spellcheck: false });
  const url = field("Address of this master, as the slave sees it", { type: "url", value: new URL(".", document.baseURI).href, required: true });
  if (!await confirm("Invite a slave", "You get a line for its operator. It lets one node in, once.", "Make the invitation", false, [name, url])) return;
  const made = await ask("sources", { method: "POST", json: { name: name.input.value, url: url.input.value } });
  await refresh();
  const words = el("textarea", { class: "copyable", readonly: true, rows: "3", "aria-label": "Invitation" }, `echoprint join '${made.invitation}'`);
  const copy = button("Copy", async () => {
    try {
      await navigator.clipboard.writeText(words.value);
      copy.textContent = "Copied";
    } catch {
      words.select();
      copy.textContent = "Press Ctrl+C";
    }
  }, "first");
  await confirm("The invitation", ["To be run on the new slave. Who has this line can join in its place: send it by a safe way. It is not shown again."], "Done", false, [words, el("div", { class: "row" }, copy)]);
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

function ofPeers(state, sources, attempt, refresh) {
  const tracks = new Map(sources.map((one) => [one.name, one.tracks]));
  return el("section", {},
    el("div", { class: "row" }, el("h2", {}, "Slaves"), button("Invite a slave", attempt(() => invite(refresh)), "first")),
    state.peers.length ? table("Slaves", [
      ["Name", (peer) => text(peer.name)], ["State", (peer) => badge(stateOf(peer))],
      ["Tracks", (peer) => number(tracks.get(peer.name) || 0), "figure"], ["Last contact", (peer) => ago(peer.contact)],
      ["Reason of a refusal", (peer) => text(peer.error, "none"), "wide"],
      ["", (peer) => el("button", { type: "button", "aria-label": `Remove ${peer.name}`, onclick: attempt(() => remove(peer, tracks.get(peer.name) || 0, refresh)) }, "Remove")],
    ], state.peers) : empty("No slave was invited yet."));
}

const ofSources = (sources) => el("section", {}, el("h2", {}, "Where the tracks are from"), sources.length ? table("Sources", [
  ["Source", (one) => text(one.name)], ["Tracks", (one) => number(one.tracks), "figure"], ["Documents", (one) => number(one.documents), "figure"],
], sources) : empty("There are no tracks yet."));

const ofFollowers = (followers) => el("section", {}, el("h2", {}, "Other systems"), table("Other systems", [
  ["Name", (one) => text(one.name)], ["Position", (one) => number(one.position), "figure"],
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
  async function refresh(quiet = false) {
    const [state, { sources }] = await Promise.all([ask("status", { signal, quiet }), ask("sources", { signal, quiet })]);
    note(state);
    body.replaceChildren(...[drawing(state), state.master ? ofMaster(state) : ofPeers(state, sources, attempt, refresh),
      state.followers?.length ? ofFollowers(state.followers) : null, ofSources(sources.filter((one) => one.tracks))].filter(Boolean));
  }
  place.append(el("h1", {}, "Federation"), trouble, body);
  await refresh();
  const timer = setInterval(() => {
    // Not under the hands of the user.
    if (!document.hidden && !document.querySelector("dialog") && !body.contains(document.activeElement)) refresh(true).catch(() => {});
  }, EVERY);
  signal.addEventListener("abort", () => clearInterval(timer));
}
