// The policy lab: fields, their state in the URL's fragment, and what the worker answers.

const FIELDS = ["policy", "object", "account", "source", "allow", "request"];
const root = document.getElementById("lab");
const at = (name) => root.querySelector(`[data-lab="${name}"]`);
const field = (name) => root.querySelector(`[name="${name}"]`);

/* Questions and answers. */

const worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
const waiting = new Map();
let asked = 0;

function ask(question) {
  asked += 1;
  const id = asked;
  worker.postMessage({ id, question });
  return new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
}

worker.onmessage = ({ data: { id, answer, failed } }) => {
  if (id === undefined) {
    say("failed", `The engine did not start: ${failed}`);
    return;
  }
  const { resolve, reject } = waiting.get(id);
  waiting.delete(id);
  if (failed === undefined) resolve(answer);
  else reject(new Error(failed));
};
worker.onerror = (event) => say("failed", `The engine did not start: ${event.message ?? "a file is missing"}`);

/* State. */

const state = () => Object.fromEntries(FIELDS.map((name) => [name, field(name).value]));

async function squeezed(text, kind) {
  const stream = new Blob([text]).stream().pipeThrough(kind);
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function toFragment(values) {
  const data = await squeezed(JSON.stringify(FIELDS.map((name) => values[name])), new CompressionStream("deflate-raw"));
  const text = btoa(Array.from(data, (each) => String.fromCharCode(each)).join(""));
  return `#1.${text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "")}`;
}

async function fromFragment(fragment) {
  const match = /^#1\.([\w-]+)$/.exec(fragment);
  if (match === null) return null;
  try {
    const text = atob(match[1].replaceAll("-", "+").replaceAll("_", "/"));
    const data = Uint8Array.from(text, (each) => each.charCodeAt(0));
    const plain = new TextDecoder().decode(await squeezed(data, new DecompressionStream("deflate-raw")));
    const values = JSON.parse(plain);
    if (!Array.isArray(values) || !values.every((each) => typeof each === "string")) return null;
    return Object.fromEntries(FIELDS.map((name, index) => [name, values[index] ?? ""]));
  } catch {
    return null;
  }
}

/* What is shown. */

function say(kind, text) {
  const status = at("status");
  status.dataset.kind = kind;
  status.textContent = text;
}

function light([start, end] = [0, 0], kind = "") {
  const text = field("policy").value;
  const mark = document.createElement("mark");
  mark.className = kind;
  mark.textContent = text.slice(start, end);
  at("light").replaceChildren(text.slice(0, start), ...(end > start ? [mark] : []), `${text.slice(end)}\n`);
}

function showError(answer) {
  const where = answer.place ? ` (at ${answer.place})` : "";
  say("wrong", `${answer.error}${where} ${answer.next}`.trim());
  for (const name of FIELDS) field(name).toggleAttribute("aria-invalid", name === answer.field);
}

function showAnswer() {
  const found = last.answers.find((each) => each.request === field("request").value) ?? last.answers[0];
  const box = at("answer");
  box.hidden = found === undefined;
  if (found === undefined) {
    light();
    return;
  }
  box.dataset.answer = found.answer;
  at("word").textContent = found.answer;
  at("why").textContent = found.why;
  light(found.span, found.answer);
  at("light").querySelector("mark")?.setAttribute("data-statement", found.statement);
}

let last = { answers: [] };
let turn = 0;

async function show() {
  turn += 1;
  const mine = turn;
  const values = state();
  history.replaceState(null, "", await toFragment(values));
  const answer = await ask({ ask: "who", ...values });
  if (mine !== turn) return;
  if (answer.error) {
    light();
    showError(answer);
    root.classList.add("stale");
    return;
  }
  root.classList.remove("stale");
  at("picture").innerHTML = answer.picture;
  at("table").innerHTML = answer.table ?? "";
  last = answer;
  showAnswer();
  root.dataset.answered = String(mine);
  const proof = await ask({ ask: "proof", ...values });
  if (mine !== turn) return;
  if (proof.error) {
    showError(proof);
    return;
  }
  at("proof").innerHTML = proof.html;
  at("guard").textContent = proof.guard;
  at("guarded").hidden = proof.guard === "";
  at("unguarded").hidden = proof.guard !== "";
  at("put").dataset.merged = proof.merged;
  for (const name of FIELDS) field(name).removeAttribute("aria-invalid");
  say("ready", "");
  root.dataset.shown = String(mine);
}

const soon = (() => {
  let timer = 0;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(refresh, 120);
  };
})();

function refresh() {
  show().catch((error) => say("failed", `The engine stopped: ${error.message}`));
}

/* The editor: marks lie behind the text. */

const editor = field("policy");
editor.addEventListener("scroll", () => {
  at("light").scrollTop = editor.scrollTop;
  at("light").scrollLeft = editor.scrollLeft;
});

function put(values) {
  for (const [name, value] of Object.entries(values)) field(name).value = value;
  light();
}

async function copy(button, text) {
  await navigator.clipboard.writeText(text);
  const before = button.textContent;
  button.textContent = "Copied";
  setTimeout(() => {
    button.textContent = before;
  }, 1500);
}

async function begin() {
  const mistakes = await (await fetch(new URL("mistakes.json", import.meta.url))).json();
  const choice = at("mistake");
  for (const [index, each] of mistakes.entries()) choice.append(new Option(each.title, String(index)));
  const choose = (index) => {
    const { policy, lesson, ...values } = mistakes[index];
    delete values.title;
    put({ ...values, policy: JSON.stringify(policy, null, 2) });
    at("lesson").textContent = lesson;
    editor.scrollTop = 0;
  };
  choice.addEventListener("change", () => {
    if (choice.value === "") return;
    choose(Number(choice.value));
    refresh();
  });
  editor.addEventListener("input", () => {
    choice.value = "";
    at("lesson").textContent = "";
    light();
  });
  for (const name of FIELDS) field(name).addEventListener("input", name === "request" ? showRequest : soon);
  at("copy").addEventListener("click", (event) => copy(event.currentTarget, at("guard").textContent));
  at("link").addEventListener("click", (event) => copy(event.currentTarget, location.href));
  at("put").addEventListener("click", (event) => {
    put({ policy: event.currentTarget.dataset.merged });
    choice.value = "";
    at("lesson").textContent = "The guard is in the policy now.";
    refresh();
  });
  addEventListener("hashchange", async () => {
    const values = await fromFragment(location.hash);
    if (values === null) return;
    put(values);
    refresh();
  });
  const given = await fromFragment(location.hash);
  if (given === null) {
    choice.value = "0";
    choose(0);
  } else {
    put(given);
  }
  refresh();
}

async function showRequest() {
  showAnswer();
  history.replaceState(null, "", await toFragment(state()));
}

root.ask = ask; // what tests ask
begin().catch((error) => say("failed", `The page did not start: ${error.message}`));
