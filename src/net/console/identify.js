// Drop a song, and see it found.
import { el, svg, button, clock, text, failed, table, facts, number } from "./dom.js";
import { ask, id } from "./api.js";
import { save } from "./csv.js";
import { canRecord, record } from "./recorder.js";
import { why } from "./picture.js";

const MOST = 64 << 20; // bytes of a file that a node takes
const RECORD_S = 15;

const titleOf = (match) => match.track || match.track_id;

async function identify(file, signal) {
  if (file.size > MOST) return { file, error: { message: "The file is larger than 64 MiB: a part of it is enough." } };
  try {
    const body = await ask("identify?explain=true", { method: "POST", body: file, signal,
      headers: { "Content-Type": file.type === "audio/wav" ? "audio/wav" : "application/octet-stream" } });
    return { file, ...body.results[0], took: body.ms };
  } catch (error) {
    if (signal.aborted) throw error;
    return { file, error };
  }
}

function sure(match) {
  const percent = match.probability * 100;
  return `${percent >= 99.99 ? "more than 99.99" : percent.toFixed(2)} %`;
}

const runnerUp = (one) => el("span", { class: "named" }, el("a", { href: `#/track/${id(one.track_id)}` }, text(titleOf(one))), el("span", { class: "by" }, text(one.artist, "")));

function explanation(result) {
  const [match] = result.matches;
  const { evidence } = result;
  return facts(
    ["Score", [el("strong", {}, String(match.score)), ` (50 is enough); right with ${sure(match)}`]],
    ["Place", `your recording begins at ${clock(match.offset_s)} of the track`],
    Math.abs(match.speed - 1) > 0.0005 && ["Speed", `${match.speed.toFixed(3)} times that of the track`],
    evidence && ["Evidence", `${number(Math.round(evidence.codes))} codes agree; with the next best song, ${number(Math.max(0, Math.round(evidence.second_codes)))}`],
    result.runner_up && ["Next best song", runnerUp(result.runner_up)],
    ["Source", text(match.source)],
    ["Took", `${Math.round(result.took)} ms: ${Math.round(result.ms.decode)} to decode, ${Math.round(result.ms.search)} to search`]);
}

function found(result) {
  const [match] = result.matches;
  return el("div", { class: "answer good" },
    el("p", { class: "kicker" }, "Found"),
    el("h2", {}, text(titleOf(match))),
    el("p", { class: "by short" }, text(match.artist, "unknown artist"), match.release ? [" · ", text(match.release)] : null),
    explanation(result),
    el("p", {}, el("a", { href: `#/track/${id(match.track_id)}` }, "Open this track")));
}

function notFound(result) {
  return el("div", { class: "answer none" }, el("p", { class: "kicker" }, "Not found"),
    el("h2", {}, "No track of this node is this music."),
    el("p", {}, "Try a longer part, with less noise. Music that sounds alike, such as another performance of the same song, is not found either."),
    el("p", { class: "told" }, `Searched in ${Math.round(result.ms.search)} ms; ${number(result.read.tracks)} tracks were compared.`));
}

const undecoded = (result) => el("div", { class: "answer bad", role: "alert" }, el("p", { class: "kicker" }, "Not heard"),
  el("h2", {}, text(result.file.name)), el("p", {}, el("bdi", { class: "text" }, result.error.message)));

async function single(place, result, signal) {
  if (result.error) return place.replaceChildren(undecoded(result));
  if (!result.matches.length) return place.replaceChildren(notFound(result));
  const pictures = el("div", { class: "pictures" });
  place.replaceChildren(found(result), pictures);
  try {
    const [match] = result.matches;
    pictures.append(...why(result.onsets, await ask(`tracks/${id(match.track_id)}/onsets`, { signal }), match));
  } catch (error) {
    if (!signal.aborted) pictures.append(failed(error));
  }
}

const exported = (results) => [["file", "result", "track_id", "artist", "track", "release", "score", "probability", "offset_s", "error"],
  ...results.map(({ file, matches, error }) => {
    const match = matches?.[0];
    return [file.name, error ? "error" : match ? "found" : "not found", match?.track_id, match?.artist, match?.track, match?.release,
      match?.score, match?.probability, match?.offset_s, error?.message];
  })];

function many(place, results, of, open) {
  const hits = results.filter((one) => one.matches?.length).length;
  const cell = (one) => one.error ? el("span", { class: "state bad" }, "not heard")
    : one.matches.length ? el("span", { class: "state good" }, "found") : el("span", { class: "state none" }, "not found");
  place.replaceChildren(
    el("div", { class: "row" }, el("h2", {}, `${number(hits)} of ${number(of)} found`),
      results.length < of ? el("span", { class: "told" }, `${number(of - results.length)} to go`) : button("Save as CSV", () => save("identified.csv", exported(results)))),
    table("What was found", [
      ["File", (one) => text(one.file.name)],
      ["Result", cell],
      ["Track", (one) => one.matches?.[0] ? el("a", { href: `#/track/${id(one.matches[0].track_id)}` }, text(titleOf(one.matches[0]))) : text(one.error?.message, "")],
      ["Artist", (one) => text(one.matches?.[0]?.artist, "")],
      ["Score", (one) => one.matches?.[0] ? String(one.matches[0].score) : "", "figure"],
      ["Begins at", (one) => one.matches?.[0] ? clock(one.matches[0].offset_s) : "", "figure"],
      ["", (one) => one.matches?.length ? button("Why", () => open(one), "plain") : ""],
    ], results));
}

function recording(use, signal) {
  const words = el("span", { class: "told", role: "status" });
  const level = el("progress", { max: "1", value: 0, hidden: true, "aria-label": "Loudness" });
  let stop = null;
  let ending = null;
  const press = button("Record with the microphone", async () => {
    if (stop) return end();
    try {
      press.disabled = true;
      stop = await record((seconds, loud) => {
        level.value = Math.min(1, Math.sqrt(loud));
        words.textContent = `Listening: ${Math.max(0, Math.ceil(RECORD_S - seconds))} s to go`;
        if (seconds >= RECORD_S) end();
      });
      level.hidden = false;
      press.textContent = "Stop, and search";
    } catch (why) {
      words.textContent = why.name === "NotAllowedError" ? "The microphone was not allowed." : `The microphone cannot be used: ${why.message}`;
    } finally {
      press.disabled = false;
    }
  });
  function end() {
    ending ??= (async () => {
      const blob = await stop();
      stop = null;
      level.hidden = true;
      press.textContent = "Record with the microphone";
      words.textContent = "";
      if (!signal.aborted) use([new File([blob], "recording.wav", { type: "audio/wav" })]);
    })().finally(() => { ending = null; });
    return ending;
  }
  signal.addEventListener("abort", () => stop?.());
  if (canRecord()) return el("div", { class: "row recorder" }, press, level, words);
  return el("p", { class: "told" }, "The microphone can be used where this page comes by https, or from this machine.");
}

export async function draw(place, { signal }) {
  const answer = el("div", { class: "answers", role: "region", "aria-label": "Answer", "aria-live": "polite" });
  const detail = el("div", { class: "answers" });
  let turn = 0;
  async function use(files) {
    const mine = ++turn;
    const list = [...files];
    const results = [];
    if (!list.length) return;
    detail.replaceChildren();
    drop.classList.add("small");
    answer.replaceChildren(el("p", { class: "busy" }, list.length === 1 ? el("span", {}, "Listening to ", text(list[0].name)) : `Listening to ${number(list.length)} files`));
    for (const file of list) {
      const result = await identify(file, signal);
      if (mine !== turn) return;
      results.push(result);
      if (list.length > 1) many(answer, results, list.length, (one) => single(detail, one, signal));
    }
    if (list.length === 1) await single(answer, results[0], signal);
  }
  const input = el("input", { type: "file", multiple: true, class: "unseen", id: "files", "aria-label": "Choose files", onchange: () => use(input.files) });
  const drop = el("label", { class: "drop", for: "files" },
    svg("svg", { viewBox: "0 0 48 48", "aria-hidden": "true" }, svg("path", { d: "M8 20v8M16 12v24M24 17v14M32 6v36M40 19v10" })),
    el("strong", {}, "Drop a song here"), el("span", {}, "or choose files: music of any kind, a part is enough"));
  const over = (on) => (event) => { event.preventDefault(); drop.classList.toggle("over", on); };
  drop.addEventListener("dragover", over(true));
  drop.addEventListener("dragleave", over(false));
  drop.addEventListener("drop", (event) => { over(false)(event); use(event.dataTransfer.files); });
  // A file that misses the field must not replace the page.
  addEventListener("dragover", (event) => event.preventDefault(), { signal });
  addEventListener("drop", (event) => { event.preventDefault(); if (!drop.contains(event.target)) use(event.dataTransfer.files); }, { signal });
  place.append(el("h1", {}, "What is this song?"), input, drop, recording(use, signal), answer, detail);
}
