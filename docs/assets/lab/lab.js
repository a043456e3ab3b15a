// The policy lab: fields, their state in the URL's fragment, and panes that carry the question that they answer.

const FIELDS = ["policy", "object", "account", "source", "allow", "request"];
const root = document.getElementById("lab");
const at = (name) => root.querySelector(`[data-lab="${name}"]`);
const field = (name) => root.querySelector(`[name="${name}"]`);
const state = () => Object.fromEntries(FIELDS.map((name) => [name, field(name).value]));

/* Questions and answers. */

const worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
const waiting = new Map();
let asked = 0;
let broken = "";

function ask(question) {
  if (broken) return Promise.reject(new Error(broken));
  asked += 1;
  const id = asked;
  worker.postMessage({ id, question });
  return new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
}

function stop(reason) {
  broken = reason;
  showProgress();
  for (const { reject } of waiting.values()) reject(new Error(reason));
  waiting.clear();
  mark();
  answerAll();
}

worker.onmessage = ({ data: { id, answer, failed, loaded, whole } }) => {
  if (whole) {
    root.dataset.whole = "true"; // no network is needed from now on
    return;
  }
  if (loaded !== undefined) {
    showProgress(loaded);
    return;
  }
  if (id === undefined) {
    stop(`The engine did not start: ${failed}`);
    return;
  }
  const { resolve, reject } = waiting.get(id);
  waiting.delete(id);
  if (failed === undefined) resolve(answer);
  else reject(new Error(`The engine stopped: ${failed}`));
};
worker.onerror = (event) => stop(`The engine did not start: ${event.message ?? "a file is missing"}`);

/* Panes: the first is asked first. A pane shows an answer only as long as the fields are those of its question. */

const SHARED = ["policy", "object", "account"];
const PANES = {
  proof: { fields: [...SHARED, "allow"], show: showProof },
  answers: { fields: [...SHARED, "source"], show: showAnswers },
  picture: { fields: SHARED, show: showPicture },
  guard: { fields: [...SHARED, "allow"], show: showGuard },
};
for (const [name, pane] of Object.entries(PANES)) {
  Object.assign(pane, { question: null, answer: null, isExample: false, boxes: root.querySelectorAll(`[data-pane="${name}"]`) });
}

const questionOf = (pane) => JSON.stringify(pane.fields.map((name) => field(name).value));
const isCurrent = (pane) => pane.question === questionOf(pane);

/** Marks each pane whose question is no longer the one in the fields; its buttons and its words are out of use. */
function mark() {
  const current = Object.values(PANES).map((pane) => {
    const same = isCurrent(pane);
    const word = pane.question === null ? "empty" : !same ? "stale" : pane.answer.error ? "error" : "current";
    for (const box of pane.boxes) box.dataset.state = word;
    return same;
  });
  at("put").disabled = at("copy").disabled = !isCurrent(PANES.guard) || !PANES.guard.answer.guard;
  const wrong = new Set(Object.values(PANES).flatMap((pane) => (isCurrent(pane) ? [pane.answer.field ?? ""] : [])));
  for (const name of FIELDS) field(name).toggleAttribute("aria-invalid", wrong.has(name));
  root.toggleAttribute("data-current", current.every(Boolean) && !PANES.proof.isExample);
  showVerdict();
  showAnswer();
}

function settle(pane, question, answer, isExample = false) {
  Object.assign(pane, { question, answer, isExample });
  pane.show(answer);
  mark();
}

let answering = false;

/** Asks for each pane whose question has changed, or has the answer of an example, one after the other, until all of them have their answers. */
async function answerAll() {
  if (answering) return;
  answering = true;
  try {
    for (;;) {
      const entry = Object.entries(PANES).find(([, pane]) => !isCurrent(pane) || pane.isExample);
      if (entry === undefined) return;
      const [name, pane] = entry;
      const question = questionOf(pane);
      let answer;
      try {
        answer = await ask({ ask: name, ...state() });
      } catch (error) {
        answer = { error: error.message, next: "Reload the page.", place: "", field: "" };
      }
      if (question === questionOf(pane)) settle(pane, question, answer);
    }
  } finally {
    answering = false;
  }
}

function sentence({ error, next, place }) {
  return `${error}${place ? ` (at ${place})` : ""} ${next}`.trim();
}

/** Returns the text in place of an answer: an error of the policy stands in the verdict only. */
function instead(answer) {
  return SHARED.includes(answer.field) ? "No answer: see the error above." : sentence(answer);
}

function say(tone, text) {
  const box = at("verdict");
  if (box.dataset.tone !== tone) box.dataset.tone = tone;
  if (at("words").textContent !== text) at("words").textContent = text;
}

function showVerdict() {
  const { answer, isExample } = PANES.proof;
  if (broken) say("error", `${broken} Reload the page.`);
  else if (!isCurrent(PANES.proof)) say("stale", "Deciding…");
  else if (answer.error) say("error", `No answer: ${sentence(answer)}`);
  else say(answer.tone, isExample ? `For example: ${answer.verdict}` : answer.verdict);
}

function showProof(answer) {
  if (!PANES.proof.isExample) showProgress();
  at("proof").innerHTML = answer.error ? "" : answer.html;
  if (!PANES.proof.isExample) root.dataset.answered = "true";
}

function showPicture(answer) {
  if (answer.error) at("picture").textContent = instead(answer);
  else at("picture").innerHTML = answer.html;
}

function showAnswers(answer) {
  at("table").innerHTML = answer.error ? "" : answer.html;
  at("all").hidden = Boolean(answer.error) || answer.html === "";
}

/** Shows the answer for the chosen kind of request, if the pane has one for the fields. */
function showAnswer() {
  const { answer } = PANES.answers;
  const box = at("answer");
  if (answer === null || !isCurrent(PANES.answers)) {
    light();
    return;
  }
  const found = answer.error ? undefined : answer.answers.find((each) => each.request === field("request").value);
  box.hidden = !answer.error && found === undefined;
  box.dataset.answer = found?.answer ?? "";
  at("word").textContent = found?.answer ?? "";
  at("why").textContent = answer.error ? instead(answer) : found?.why ?? "";
  light(found?.span, found?.answer);
  at("light").querySelector("mark")?.setAttribute("data-statement", found.statement);
}

function showGuard(answer) {
  const text = answer.error ? "" : answer.guard;
  at("guard").textContent = text;
  at("guarded").hidden = text === "";
  at("unguarded").hidden = text !== "";
  at("unguarded").textContent = answer.error ? instead(answer) : "List an address to get the statement that makes it so.";
}

/** Marks a statement in a copy of the text, which is behind it. A text that S3 never takes is not copied. */
function light([start, end] = [0, 0], kind = "") {
  const text = field("policy").value;
  if (text.length > LONGEST) {
    at("light").replaceChildren();
    return;
  }
  const lit = document.createElement("mark");
  lit.className = kind;
  lit.textContent = text.slice(start, end);
  at("light").replaceChildren(text.slice(0, start), ...(end > start ? [lit] : []), `${text.slice(end)}\n`);
}

/** Shows how much of the engine is there; nothing once it has answered, or cannot. */
function showProgress(bytes) {
  const isOver = bytes === undefined;
  const of = (number) => (number / 2 ** 20).toFixed(1);
  at("progress").hidden = isOver;
  at("progress").max = Math.max(at("progress").max, bytes ?? 0);
  at("progress").value = bytes ?? 0;
  const { max } = at("progress");
  const words = bytes < max ? `Loading the engine: ${of(bytes)} of ${of(max)} MB.` : "Starting the engine.";
  at("loading").textContent = isOver ? "" : `${words} Nothing that you write leaves this page.`;
}

/* The link: the fields in the fragment. */

const LONGEST = 200_000;

async function squeezed(text, kind) {
  const stream = new Blob([text]).stream().pipeThrough(kind);
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Returns the fragment for the fields; an empty one for a text that is too long for a link. */
async function toFragment(values) {
  if (FIELDS.some((name) => values[name].length > LONGEST)) return "";
  const data = await squeezed(JSON.stringify(FIELDS.map((name) => values[name])), new CompressionStream("deflate-raw"));
  const text = btoa(Array.from(data, (each) => String.fromCharCode(each)).join(""));
  return `#1.${text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "")}`;
}

const DAMAGED = "This link is damaged, so the policy is empty. Open the whole link, paste a policy, or choose a mistake.";

/** Returns whether a fragment is a link's, and not the place of a heading. */
const isLink = (fragment) => fragment.startsWith("#1");

/** Returns the fields of a link, null if it is damaged. What is no letter of a link, such as the dot of a sentence, may follow. */
async function fromFragment(fragment) {
  const match = /^#1\.([\w-]+)/.exec(fragment);
  if (match === null) return null;
  try {
    const text = atob(match[1].replaceAll("-", "+").replaceAll("_", "/"));
    const data = Uint8Array.from(text, (each) => each.charCodeAt(0));
    const plain = new TextDecoder("utf-8", { ignoreBOM: true }).decode(await squeezed(data, new DecompressionStream("deflate-raw")));
    const values = JSON.parse(plain);
    if (!Array.isArray(values) || !values.every((each) => typeof each === "string")) return null;
    return Object.fromEntries(FIELDS.map((name, index) => [name, values[index] ?? ""]));
  } catch {
    return null;
  }
}

/** Returns the address of the page with the fields as they are now. */
async function link() {
  for (;;) {
    const values = state();
    const fragment = await toFragment(values);
    if (FIELDS.every((name) => values[name] === field(name).value)) return location.pathname + location.search + fragment;
  }
}

const refresh = async () => {
  mark();
  answerAll();
  history.replaceState(null, "", await link());
};

const soon = (() => {
  let timer = 0;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(refresh, 120);
  };
})();

/* The fields. */

const editor = field("policy");
editor.addEventListener("scroll", () => {
  at("light").scrollTop = editor.scrollTop;
  at("light").scrollLeft = editor.scrollLeft;
});

/** Returns the only one of some words; undefined if there is none, or another one. */
function only(words) {
  const [word, ...others] = new Set(words);
  return others.length === 0 ? word : undefined;
}

/** Returns what a policy names and nothing else of its kind: bucket, keys and account; undefined where it names none, several, or a pattern. */
function namedBy(policy) {
  try {
    const document = JSON.parse(policy.replace(/^\uFEFF/, ""));
    const listed = [document.Statement].flat().flatMap(({ Resource }) => Resource);
    const places = listed.map((each) => /^arn:[\w-]+:s3:::([^/]+)(?:\/(.*))?$/s.exec(each)).filter((each) => each !== null);
    const bucket = only(places.map((each) => each[1]));
    const keys = places.filter((each) => each[2] !== undefined).map((each) => each[2]);
    const starts = keys.map((key) => (/[*?$]/.test(key) ? key.replace(/[*?$].*$/s, "").replace(/[^/]*$/, "") : key));
    const accounts = JSON.stringify(document).matchAll(/"(?:arn:[\w-]+:(?:iam|sts)::)?([0-9]{12})(?=[:"])/g);
    return {
      bucket: /^[A-Za-z0-9._-]{3,255}$/.test(bucket ?? "") ? bucket : undefined,
      keys: only(starts) ?? "",
      account: only(Array.from(accounts, (each) => each[1])),
    };
  } catch {
    return {};
  }
}

/** Asks about the bucket, keys and account that the policy names, which was written or pasted. */
function follow() {
  const { bucket, keys, account } = namedBy(editor.value);
  const words = [];
  const asked = field("object").value.trim().replace(/^s3:\/\//, "").split("/")[0];
  const isOther = bucket !== undefined && bucket !== asked;
  if (isOther) {
    const object = `s3://${bucket}/${keys}`;
    field("object").value = object;
    words.push(`The object is now ${object}, because the policy names only ${keys === "" ? "this bucket" : "these keys"}.`);
  }
  const before = field("account").value.trim();
  if (account !== undefined && account !== before) {
    field("account").value = account;
    words.push(`The account of the bucket is now ${account}, because the policy names only this account.`);
  } else if (isOther && account === undefined) {
    words.push(`The account of the bucket is still ${before}: write yours.`);
  }
  at("lesson").textContent = words.join(" ");
}

/** Writes a text into the editor as a person does, so that the browser can undo it there. */
function write(text) {
  editor.focus();
  editor.select();
  if (!document.execCommand("insertText", false, text)) editor.value = text;
}

function put(values) {
  for (const [name, value] of Object.entries(values)) field(name).value = value;
  mark();
}

async function copy(button, text) {
  await navigator.clipboard.writeText(text);
  const before = button.dataset.words ?? button.textContent;
  button.dataset.words = before;
  button.textContent = "Copied";
  setTimeout(() => {
    button.textContent = before;
  }, 1500);
}

const loaded = async (name) => {
  const answer = await fetch(new URL(name, import.meta.url));
  return answer.ok ? answer.json() : null;
};

/** Shows what was computed for the first example when the page was built, until the engine can answer. */
function showExample(answers) {
  for (const [name, pane] of Object.entries(PANES)) {
    if (pane.question === null) settle(pane, questionOf(pane), answers[name], true);
  }
}

async function begin() {
  const [mistakes, example, given] = await Promise.all([
    loaded("mistakes.json"), loaded("example.json"), fromFragment(location.hash),
  ]);
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
    at("damaged").textContent = "";
    choose(Number(choice.value));
    refresh();
  });
  for (const name of FIELDS) {
    field(name).addEventListener("input", () => {
      if (name === "policy") {
        choice.value = "";
        follow();
      }
      at("damaged").textContent = "";
      mark();
      if (name === "request") showAnswer();
      soon();
    });
  }
  at("copy").addEventListener("click", (event) => copy(event.currentTarget, PANES.guard.answer.guard));
  at("link").addEventListener("click", async (event) => {
    const button = event.currentTarget;
    await copy(button, new URL(await link(), location.href).href);
  });
  at("put").addEventListener("click", () => {
    if (!isCurrent(PANES.guard)) return;
    write(PANES.guard.answer.merged);
    mark();
    choice.value = "";
    at("lesson").textContent = "The guard is in the policy now.";
    refresh();
  });
  addEventListener("hashchange", async () => {
    if (!isLink(location.hash)) return;
    const values = await fromFragment(location.hash);
    at("damaged").textContent = values === null ? DAMAGED : "";
    put(values ?? { policy: "" });
    choice.value = "";
    at("lesson").textContent = "";
    refresh();
  });
  if (example !== null) at("progress").max = example.bytes;
  if (!broken) showProgress(at("progress").value);
  if (given === null) {
    choice.value = "0";
    choose(0);
    if (isLink(location.hash)) {
      at("damaged").textContent = DAMAGED;
      put({ policy: "" });
      choice.value = "";
      at("lesson").textContent = "";
    } else if (example !== null) {
      showExample(example.answers);
    }
  } else {
    put(given);
  }
  addEventListener("pageshow", refresh); // a browser may have put other texts into the fields
  refresh();
}

root.ask = ask; // what tests ask
begin().catch((error) => stop(`The page did not start: ${error.message}`));
