// Asks /v1. Where a token is needed, the user is asked for it; it is kept for this tab alone.
import { el, confirm, field } from "./dom.js";

const KEY = "echoprint.token";
let asking = null;

export class Refusal extends Error {
  constructor(status, code, message) {
    super(message);
    Object.assign(this, { status, code });
  }
}

export const hasToken = () => Boolean(sessionStorage.getItem(KEY));
export const forget = () => sessionStorage.removeItem(KEY);

// One dialog at a time, however many requests are refused.
function askForToken(why) {
  asking ??= (async () => {
    const token = field("Token", { type: "password", required: true, spellcheck: false });
    const agreed = await confirm("A token is needed", [why.replace(/^./, (first) => first.toUpperCase()) + ".",
      el("span", {}, "The operator of this node makes one with ", el("code", {}, "echoprint token add NAME --role ROLE"), "."),
      "It is kept until this tab is closed."], "Use this token", false, [token]);
    if (agreed) sessionStorage.setItem(KEY, token.input.value.trim());
    return agreed;
  })().finally(() => { asking = null; });
  return asking;
}

// The words of a refusal are for programs that send headers; people see which role they need.
function plain(status, message) {
  const role = /--role (\w+)|the role (\w+)/.exec(message);
  const needed = role ? ` of the role ${role[1] || role[2]}` : "";
  return status === 403 ? `this token may not do that: one${needed} is needed` : `this node asks for a token${needed}`;
}

async function refusal(answer) {
  const body = await answer.text();
  try {
    const { code, message } = JSON.parse(body).error;
    return new Refusal(answer.status, code, message);
  } catch {
    return new Refusal(answer.status, "", body.trim() || `The node answered with ${answer.status}.`);
  }
}

// path: below /v1/. Options as of fetch; json: a body; quiet: nobody is asked for a token.
export async function ask(path, { json, quiet, ...options } = {}) {
  const headers = { ...options.headers };
  const token = sessionStorage.getItem(KEY);
  if (token) headers.Authorization = `Bearer ${token}`;
  if (json) {
    headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(json);
  }
  let answer;
  try {
    answer = await fetch(new URL("v1/" + path, document.baseURI), { ...options, headers, cache: "no-store" });
  } catch (why) {
    if (why.name === "AbortError") throw why;
    throw new Refusal(0, "unreachable", "This node does not answer. It may have been stopped, or the network is down.");
  }
  if (answer.ok) return answer.json();
  const why = await refusal(answer);
  if (answer.status !== 401 && answer.status !== 403) throw why;
  why.message = plain(answer.status, why.message);
  if (quiet || !(await askForToken(why.message))) throw why;
  return ask(path, { json, ...options });
}

export const id = encodeURIComponent;
