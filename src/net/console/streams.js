// What the monitor hears, and what it heard on a day.
import { el, text, ago, table, empty } from "./dom.js";
import { ask, id } from "./api.js";
import { timeline } from "./timeline.js";

const EVERY = 5000; // ms
const DAY_EVERY = 60000; // ms; it is drawn at once when another song plays

const level = (stream) => stream.playing ? "good" : stream.why ? "warn" : "none";

function song(stream) {
  if (!stream.playing) return text(stream.title, "nothing known");
  const { playing } = stream;
  return el("span", { class: "named" }, el("a", { href: `#/track/${id(playing.track_id)}` }, text(playing.track || playing.track_id)),
    el("span", { class: "by" }, text(playing.artist, "")));
}

function now(monitor) {
  const runs = monitor.running && !monitor.stale;
  return [el("p", { class: runs ? "about" : "failed" }, runs ? "The monitor runs." : "The monitor does not run: this is what it last knew.", " ", "Told ", ago(monitor.time), "."),
    table("Streams", [
      ["Stream", (one) => text(one.stream)], ["State", (one) => el("span", { class: `state ${level(one)}` }, one.state)],
      ["Playing", song, "wide"], ["Since", (one) => ago(one.playing?.start || one.since)], ["Heard", (one) => ago(one.heard)],
      ["Reason", (one) => text(one.why, ""), "wide"],
    ], monitor.streams || [])];
}

export async function draw(place, { parameters, signal, note }) {
  const body = el("div", {});
  const day = timeline(parameters.get("day"), { signal });
  let drawn = "";
  let drawnAt = 0;
  async function refresh(quiet) {
    const state = await ask("status?peers=false", { signal, quiet });
    note(state);
    const { monitor } = state;
    if (!monitor) return body.replaceChildren(empty("No monitor ever ran on this node. ", el("code", {}, "echoprint monitor NAME=URL"), " listens to a stream, and logs what it plays."));
    body.replaceChildren(...now(monitor));
    if (!day.place.isConnected) place.append(day.place);
    const streams = monitor.streams || [];
    const playing = JSON.stringify(streams.map((one) => [one.stream, one.state, one.playing?.track_id, one.playing?.start]));
    if (drawn && (!day.isToday() || (playing === drawn && Date.now() - drawnAt < DAY_EVERY))) return;
    [drawn, drawnAt] = [playing, Date.now()];
    await day.refresh(streams.map((one) => one.stream));
  }
  place.append(el("h1", {}, "Streams"), body);
  await refresh();
  const timer = setInterval(() => { if (!document.hidden) refresh(true).catch(() => {}); }, EVERY);
  signal.addEventListener("abort", () => clearInterval(timer));
}
