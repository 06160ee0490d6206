// Goes from page to page by what is behind "#".
import { el, failed, button } from "./dom.js";
import { ask, hasToken, forget } from "./api.js";

const pages = [
  ["", "Overview", "overview"],
  ["identify", "Identify", "identify"],
  ["tracks", "Tracks", "tracks"],
  ["copies", "Copies", "review"],
  ["conflicts", "Conflicts", "review"],
  ["federation", "Federation", "federation"],
  ["streams", "Streams", "streams"],
];
const hidden = new Set(["streams"]); // until a monitor is known
const main = document.getElementById("main");
let leave = null; // ends what the page at hand does

export function note(state) {
  const known = document.getElementById("node");
  known.textContent = state.name || "";
  if (state.monitor && hidden.delete("streams")) drawNav();
  badge("conflicts", state.conflicts);
}

function badge(page, count) {
  const place = document.querySelector(`#nav a[data-page="${page}"] .badge`);
  if (place) place.textContent = count ? String(count) : "";
}

function drawNav() {
  const at = route().page;
  document.getElementById("nav").replaceChildren(...pages.filter(([name]) => !hidden.has(name)).map(([name, title]) =>
    el("li", {}, el("a", { href: `#/${name}`, "data-page": name, "aria-current": name === at ? "page" : null },
      title, el("span", { class: "badge" })))),
  ...(hasToken() ? [el("li", {}, button("Forget token", () => { forget(); location.reload(); }, "plain"))] : []));
}

function route() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  const [page, ...rest] = path.split("/");
  return { page: page === "track" ? "tracks" : page, detail: page === "track" ? rest.join("/") : null,
    parameters: new URLSearchParams(query) };
}

async function show() {
  const where = route();
  const [name, title, module] = pages.find(([page]) => page === where.page) || [];
  leave?.abort();
  leave = new AbortController();
  const { signal } = leave;
  drawNav();
  document.title = `${title || "Not found"} – Echoprint`;
  if (title === undefined) {
    main.replaceChildren(el("h1", {}, "There is no such page"), el("p", {}, el("a", { href: "#/" }, "To the overview")));
    return;
  }
  main.dataset.page = name || "overview";
  try {
    const { draw } = await import(`./${module}.js`);
    const place = el("div", { class: "page" });
    main.replaceChildren(place);
    await draw(place, { ...where, page: name, signal, note });
  } catch (why) {
    if (why.name === "AbortError" || signal.aborted) return;
    main.replaceChildren(el("h1", {}, title), failed(why), button("Try again", show, "first"));
  }
}

let shownBefore = false;
addEventListener("hashchange", async () => {
  if (location.hash === "#main") return;
  await show();
  if (shownBefore) main.focus({ preventScroll: true });
  shownBefore = true;
  scrollTo(0, 0);
});
document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
shownBefore = true;
show();
// The other pages ask for themselves.
if (["identify", "tracks"].includes(route().page)) ask("status?peers=false", { quiet: true }).then(note, () => {});
