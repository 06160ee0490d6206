// Copies and conflicts: what was found, and what the user decides.
import { el, text, number, clock, button, confirm, field, empty, failed, say } from "./dom.js";
import { ask, id } from "./api.js";

const PAGE = 20;
const percent = (share) => `${(share * 100).toFixed(share < 0.995 ? 0 : 1)} %`;

// A track by its names, which come a moment later; what has gone since is named by its id.
function named(trackId, signal) {
  const link = el("a", { href: `#/track/${id(trackId)}` }, text(trackId));
  const by = el("span", { class: "by" });
  ask(`tracks/${id(trackId)}`, { signal, quiet: true }).then((track) => {
    if (track.track) link.replaceChildren(text(track.track));
    by.replaceChildren(text(track.artist, ""));
  }, () => {});
  return el("span", { class: "named" }, link, by);
}

function meter(share, words) {
  return el("span", { class: "meter" }, el("meter", { min: "0", max: "1", value: String(share), "aria-label": words }), percent(share));
}

const copyCard = (copy, act, signal) => el("li", { class: "card pair" },
  el("div", {}, el("span", { class: "kicker" }, "Copy"), named(copy.track_id, signal)),
  el("div", {}, el("span", { class: "kicker" }, "Original"), named(copy.original, signal)),
  el("div", {}, el("span", { class: "kicker" }, copy.kind === "exact" ? "The same codes" : "Aligns like a re-encoding"),
    copy.kind === "exact" ? null : [el("div", {}, meter(copy.share, "Share of onsets that coincide"), " of onsets"),
      el("div", {}, meter(copy.coverage, "Share of the length that aligns"), " of the length")],
    copy.offset_s ? `from ${clock(copy.offset_s)} on` : ""),
  el("div", { class: "row end" }, button("Release", act)));

const lengthOf = (one) => Number(one.length) ? clock(Number(one.length)) : one.length;
const shown = [["Track", (one) => one.track], ["Artist", (one) => one.artist], ["Release", (one) => one.release], ["Length", lengthOf],
  ["Documents", (one) => number(one.documents?.length ?? one.documents)], ["Source", (one) => one.source],
  ["Since", (one) => one.import_date.replace("T", " ").replace("Z", " UTC")]];

// One of two versions; what differs from the other is marked, by a word for those who do not see it.
function side(title, one, other) {
  const differs = (of) => other && String(of(one)) !== String(of(other));
  return el("div", { class: "side" }, el("h2", {}, title), el("dl", {}, shown.map(([name, of]) =>
    el("div", { class: differs(of) ? "differs" : null }, el("dt", {}, name, differs(of) ? el("span", { class: "unseen" }, ", which differs") : null), el("dd", {}, text(of(one)))))));
}

// The track as it is and the version that was set aside; the former comes a moment later.
function sides(one, signal) {
  const title = `Version ${one.version}, set aside`;
  const place = el("div", { class: "sides" });
  const draw = (now) => place.replaceChildren(now ? side("As it is", now, one.deletion ? null : one) : el("div", { class: "side" }, el("h2", {}, "As it is"), el("p", {}, "The track is not here.")),
    one.deletion ? el("div", { class: "side" }, el("h2", {}, title), el("p", {}, "The track is deleted, by ", text(one.source), "."))
      : side(title, one, now));
  place.append(el("p", { class: "busy" }, "Reading the track"));
  ask(`tracks/${id(one.track_id)}`, { signal, quiet: true }).then(draw, () => { if (!signal.aborted) draw(null); });
  return place;
}

const conflictCard = (one, accept, drop, signal) => el("li", { class: "card pair conflict" },
  el("div", {}, el("span", { class: "kicker" }, "Track"), el("a", { href: `#/track/${id(one.track_id)}` }, text(one.track_id))),
  sides(one, signal),
  el("div", { class: "row end" }, button("Drop", drop), button("Accept", accept, "first")));

const kinds = {
  copies: {
    title: "Copies", none: "No track is known as a copy of another.",
    about: "The same recording under another id. A copy is kept, but queries find its original.",
  },
  conflicts: {
    title: "Conflicts", none: "Nothing was set aside: there is nothing to decide.",
    about: "A source may change only its own tracks, and only what it knew. Other versions are set aside here until you decide.",
  },
};

export async function draw(place, { page, signal, note }) {
  const kind = kinds[page];
  const list = el("ul", { class: "cards" });
  const foot = el("div", {});
  const trouble = el("div", {});
  const attempt = (words, work) => async () => {
    trouble.replaceChildren();
    try {
      if (!await work()) return;
      say(words);
      await first();
    } catch (why) {
      trouble.replaceChildren(failed(why));
    }
  };
  const settle = (one, action) => ask("conflicts", { method: "POST", json: { track_id: one.track_id, action, version: one.version } });
  const card = page === "copies"
    ? (one) => copyCard(one, attempt("The copy was released.", async () => await confirm("Release this copy?",
      [el("span", {}, text(one.track_id), " becomes a song of its own, which queries can find. It is not linked again by itself.")], "Release it", false) &&
      ask(`copies/${id(one.track_id)}`, { method: "DELETE" })), signal)
    : (one) => conflictCard(one,
      attempt("The version was accepted.", async () => await confirm("Accept this version?",
        [el("span", {}, one.deletion ? "The track is deleted: " : "It replaces the track as it is now: ", text(one.track_id), "."), "All nodes take it over."], "Accept it", one.deletion) && settle(one, "accept")),
      attempt("The version was dropped.", async () => await confirm("Drop this version?",
        ["The track stays as it is. The version is lost, unless its source sends it again."], "Drop it") && settle(one, "drop")), signal);
  async function more(after) {
    const answer = await ask(`${page}?limit=${PAGE}${after ? `&after=${id(after)}` : ""}`, { signal });
    list.append(...answer[page].map(card));
    foot.replaceChildren(list.children.length ? "" : empty(kind.none),
      answer.next ? button("More", attempt("", async () => { await more(answer.next); return false; }), "first more") : "");
  }
  async function first() {
    list.replaceChildren();
    await more();
    ask("status?peers=false", { signal, quiet: true }).then(note, () => {});
  }
  const link = page !== "copies" ? null : button("Link two tracks", attempt("The tracks were linked.", async () => {
    const copy = field("Id of the copy", { required: true });
    const original = field("Id of the original", { required: true });
    return await confirm("Make a track a copy of another", "The copy is kept, but queries find the original.", "Link them", false, [copy, original]) &&
      ask("copies", { method: "POST", json: { track_id: copy.input.value.trim(), original: original.input.value.trim() } });
  }));
  place.append(el("div", { class: "row" }, el("h1", {}, kind.title), link), el("p", { class: "about" }, kind.about), trouble, list, foot);
  await first();
}
