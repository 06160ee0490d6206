// What the monitor hears.
import { el, text, ago, table, empty } from "./dom.js";
import { ask, id } from "./api.js";

const EVERY = 5000; // ms

const level = (stream) => stream.playing ? "good" : stream.why ? "warn" : "none";

function song(stream) {
  if (!stream.playing) return text(stream.title, "nothing known");
  const { playing } = stream;
  return el("span", { class: "named" }, el("a", { href: `#/track/${id(playing.track_id)}` }, text(playing.track || playing.track_id)),
    el("span", { class: "by" }, text(playing.artist, "")));
}

export async function draw(place, { signal, note }) {
  const body = el("div", {});
  async function refresh(quiet) {
    const state = await ask("status?peers=false", { signal, quiet });
    note(state);
    const { monitor } = state;
    if (!monitor) return body.replaceChildren(empty("No monitor ever ran on this node. ", el("code", {}, "echoprint monitor"), " listens to streams."));
    const runs = monitor.running && !monitor.stale;
    body.replaceChildren(
      el("p", { class: runs ? "about" : "failed" }, runs ? "The monitor runs." : "The monitor does not run: this is what it last knew.", " ", "Told ", ago(monitor.time), "."),
      table("Streams", [
        ["Stream", (one) => text(one.stream)], ["State", (one) => el("span", { class: `state ${level(one)}` }, one.state)],
        ["Playing", song, "wide"], ["Since", (one) => ago(one.playing?.start || one.since)], ["Heard", (one) => ago(one.heard)],
        ["Reason", (one) => text(one.why, ""), "wide"],
      ], monitor.streams || []));
  }
  place.append(el("h1", {}, "Streams"), body);
  await refresh();
  const timer = setInterval(() => { if (!document.hidden) refresh(true).catch(() => {}); }, EVERY);
  signal.addEventListener("abort", () => clearInterval(timer));
}
