// Buttons that open something carry gts-opens, and gts-opened while it is open; those that choose something carry
// gts-presses, and gts-pressed while it is chosen: say so to assistive technology too.
function tell(root) {
  for (const button of root.querySelectorAll(".gts-presses")) {
    const pressed = String(button.classList.contains("gts-pressed"));
    if (button.getAttribute("aria-pressed") !== pressed) button.setAttribute("aria-pressed", pressed);
  }
  for (const button of root.querySelectorAll(".gts-opens")) {
    const open = String(button.classList.contains("gts-opened"));
    if (button.getAttribute("aria-expanded") !== open) button.setAttribute("aria-expanded", open);
  }
  for (const head of root.querySelectorAll(".gts-sorts thead th:not([aria-sort])")) makeSort(head);
  for (const table of root.querySelectorAll(".gts-sorts")) {
    const box = table.parentElement;
    if (table.tBodies[0].rows.length > 10 && !box.previousElementSibling?.matches(".gts-filter")) makeFilter(table, box);
  }
  for (const input of root.querySelectorAll("input[type=text], textarea")) {
    if (!watched.has(input)) keepTyped(input);
  }
}

const byWords = new Intl.Collator(undefined, { numeric: true });

// The name of a column becomes a button that sorts the rows: numbers the largest first, and the other way if pressed again.
function makeSort(head) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "gts-sort";
  button.append(...head.childNodes);
  head.replaceChildren(button);
  head.setAttribute("aria-sort", "none");
  button.addEventListener("click", () => {
    const body = head.closest("table").tBodies[0], column = head.cellIndex;
    const text = (row) => row.cells[column].textContent.trim().replaceAll(",", "");
    const rows = [...body.rows], are_numbers = rows.every((row) => /^[\d.]+%?$/.test(text(row)));
    const was = head.getAttribute("aria-sort");
    const down = was === "none" ? are_numbers : was === "ascending";
    for (const other of head.parentElement.cells) other.setAttribute("aria-sort", "none");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    rows.sort((a, b) => byWords.compare(text(a), text(b)) * (down ? -1 : 1));
    body.append(...rows);
  });
}

// A field above a long table: rows stay that have every word, and the number of them is said.
function makeFilter(table, box) {
  const [field, label, input, found] = ["div", "label", "input", "span"].map((name) => document.createElement(name));
  const rows = [...table.tBodies[0].rows];
  field.className = "gts-filter";
  input.type = "search";
  found.className = "gts-hint";
  found.setAttribute("role", "status");
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/);
    for (const row of rows) {
      const text = [...row.cells].map((cell) => cell.textContent).join(" ").toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
    }
    found.textContent = input.value ? `${rows.filter((row) => !row.hidden).length} of ${rows.length} rows` : "";
  });
  label.append("Filter rows", input);
  field.append(label, found);
  box.before(field);
}

const watched = new WeakSet();

// A stock view writes its model's value into the input whenever anything of the model changes, such as the choices that
// were found meanwhile: that would take away what somebody is typing. What is typed stays until it is entered.
function keepTyped(input) {
  watched.add(input);
  const { get, set } = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(input), "value");
  let typing = false, missed = null, entered = null;
  Object.defineProperty(input, "value", {
    configurable: true,
    get() { return get.call(this); },
    set(value) {
      if (!typing) set.call(this, value);
      else if (value === "" && entered && get.call(this).startsWith(entered)) cut(entered.length);
      else {
        missed = value;
        return;
      }
      entered = null;
    },
  });
  // Typed on before the kernel has emptied the input: only what was entered goes. Other inputs keep what was entered.
  const empties = input.closest(".gts-empties") !== null;
  const cut = (length) => {
    const caret = [input.selectionStart, input.selectionEnd].map((at) => Math.max(0, at - length));
    set.call(input, get.call(input).slice(length));
    input.setSelectionRange(...caret);
  };
  const end = (shown) => {
    typing = false;
    if (shown !== null) set.call(input, shown);
    missed = null;
  };
  input.addEventListener("input", () => { typing = true; });
  // In the capturing phase: before the view tells the kernel, which may answer with another value.
  input.addEventListener("change", () => { end(null); entered = empties ? get.call(input) : null; }, true);
  // Typed and deleted again: nothing was entered. An input keeps the focus while its window is in the background.
  input.addEventListener("blur", () => { if (typing && document.activeElement !== input) end(missed); });
}

const LOOK_MS = 60_000, USED_MS = 15 * 60_000;
let shown = null; // the model of the view that came last: that of a former kernel is dead
let used = Date.now();

// While somebody sees and uses the page, the kernel looks every minute whether what the panels say is still so.
function look() {
  if (!shown || document.visibilityState !== "visible" || Date.now() - used >= USED_MS) return;
  try {
    shown.send({ kind: "look" });
  } catch { // its kernel is gone: nobody can look, and the page greys what is old
    shown = null;
  }
}

function watchUse() {
  for (const kind of ["pointerdown", "keydown", "wheel"]) {
    document.addEventListener(kind, () => { used = Date.now(); }, { capture: true, passive: true });
  }
  setInterval(look, LOOK_MS);
  setInterval(leave, GONE_MS);
}

const GONE_MS = 10_000;
const kernels = new Map(); // by manager of widgets: the id of the kernel that made what it shows

// Widgets are marked as without kernel where one is started again. One that is culled, shut down or changed has gone too:
// its panel is then its saved text and one sentence.
async function leave() {
  if (document.visibilityState !== "visible") return;
  for (const [manager, id] of kernels) {
    if (manager.kernel?.id === id && !await isGone(manager.kernel)) continue;
    if (kernels.get(manager) !== id) continue; // left already, or another kernel has begun
    kernels.delete(manager);
    manager.disconnect();
  }
}

// The connection of a page may not notice it: the server knows. Asking keeps neither kernel nor server awake.
async function isGone({ id, serverSettings: { baseUrl, fetch } }) {
  try {
    const reply = await fetch(`${baseUrl}api/kernels/${id}?no_track_activity=1`, { signal: AbortSignal.timeout(GONE_MS) });
    return reply.status === 404 && (await reply.text()).includes(id);
  } catch { // no server answers: the page connects again
    return false;
  }
}

let reported = false; // once a page

function render({ model, el }) {
  shown = model;
  const manager = model.widget_manager;
  if (manager?.kernel && manager.disconnect) kernels.set(manager, manager.kernel.id);
  if (!reported) {
    reported = true;
    watchUse();
    model.send({ kind: "shown" });
  }
  let frame = 0;
  let step = null; // kept: while a page goes away, the view is out of its step before the last change is told
  const observer = new MutationObserver(() => tell(step));
  const start = () => {
    step = el.closest(".gts-step");
    if (!step && !el.isConnected) {
      frame = requestAnimationFrame(start); // the page puts a view in its place after it was made
    } else if (step) {
      tell(step);
      model.send({ kind: "width", px: step.clientWidth });
      observer.observe(step, { subtree: true, childList: true, attributes: true, attributeFilter: ["class"] });
    }
  };
  start();
  return () => {
    cancelAnimationFrame(frame);
    observer.disconnect();
  };
}

export default { render };
