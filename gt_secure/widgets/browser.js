// Copy and probe in the person's own browser. The URL is asked for when a button is pressed and dropped afterwards.
function render({ model, el }) {
  el.classList.add("gts-browser");
  const waiting = new Map();
  let next = 0;

  const said = document.createElement("span");
  said.className = "gts-hint";
  said.setAttribute("role", "status");
  said.setAttribute("aria-live", "polite");

  function ask(kind) {
    return new Promise((resolve, reject) => {
      const id = `${Math.random().toString(36).slice(2)}-${next++}`;
      const timer = setTimeout(() => {
        waiting.delete(id);
        reject(new Error("The kernel did not answer. Is it running?"));
      }, 10000);
      waiting.set(id, { resolve, reject, timer });
      model.send({ kind, id });
    });
  }

  function onMessage(message) {
    if (message.kind === "forget") {
      said.textContent = "";
      return;
    }
    const wait = waiting.get(message.id);
    if (!wait) return;
    waiting.delete(message.id);
    clearTimeout(wait.timer);
    if (message.kind === "url") wait.resolve(message.url);
    else wait.reject(new Error(message.text));
  }

  function button(words, action) {
    const made = document.createElement("button");
    made.type = "button";
    made.className = "jupyter-widgets jupyter-button widget-button gts-btn";
    made.textContent = words;
    made.addEventListener("click", async () => {
      made.disabled = true;
      try {
        await action();
      } catch (error) {
        said.textContent = error.message;
      } finally {
        made.disabled = !model.get("ready");
      }
    });
    return made;
  }

  async function copy() {
    const asked = ask("copy");
    try {
      // Safari allows the clipboard only if the write starts in the click itself: hence a promise in the item.
      const text = asked.then((url) => new Blob([url], { type: "text/plain" }));
      await navigator.clipboard.write([new ClipboardItem({ "text/plain": text })]);
    } catch {
      await navigator.clipboard.writeText(await asked);
    }
    said.textContent = "Copied. Whoever has it can try to open the object.";
  }

  // Load an image from a source, and say what became of it.
  function asImage(source) {
    return new Promise((resolve) => {
      const image = new Image();
      const end = (result) => {
        clearTimeout(timer);
        image.onload = image.onerror = null;
        image.removeAttribute("src");
        resolve(result);
      };
      const timer = setTimeout(() => end("timeout"), 15000);
      image.onload = () => end("loaded");
      image.onerror = () => end("error");
      image.referrerPolicy = "no-referrer";
      image.src = source;
    });
  }

  async function asBlob(blob) {
    const source = URL.createObjectURL(blob);
    try {
      return await asImage(source);
    } finally {
      URL.revokeObjectURL(source);
    }
  }

  // The object past every cache. Status 0: no answer, or one that the bucket's CORS rules keep from this page.
  async function asRequest(url) {
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), 15000);
    try {
      const answer = await fetch(url, {
        credentials: "omit", referrerPolicy: "no-referrer", cache: "no-store", signal: stop.signal,
      });
      if (answer.ok) return { status: answer.status, code: "", image: await asBlob(await answer.blob()) };
      const code = /<Code>([A-Za-z.]+)<\/Code>/.exec(await answer.text());
      return { status: answer.status, code: code ? code[1] : "", image: "error" };
    } catch {
      return { status: 0, code: "", image: null };
    } finally {
      clearTimeout(timer);
    }
  }

  // Every script of the page can read which URLs were loaded, with their queries.
  async function forgetLoaded() {
    for (const wait of [0, 50]) {
      await new Promise((resolve) => setTimeout(resolve, wait));
      performance.clearResourceTimings();
    }
  }

  async function probe() {
    said.textContent = "Fetching…";
    const url = await ask("probe");
    const start = performance.now();
    const request = await asRequest(url);
    // Without a CORS rule only an image can tell whether the object opens; the answer itself says no-store.
    const image = request.image ?? await asImage(url);
    const ms = performance.now() - start;
    await forgetLoaded();
    said.textContent = "";
    model.send({ kind: "seen", image, ms, status: request.status, code: request.code });
  }

  const buttons = [button("Copy", copy), button("Probe from this browser", probe)];
  const enable = () => buttons.forEach((each) => { each.disabled = !model.get("ready"); });
  el.append(...buttons, said);
  model.on("change:ready", enable);
  model.on("msg:custom", onMessage);
  enable();
  return () => {
    model.off("change:ready", enable);
    model.off("msg:custom", onMessage);
  };
}

export default { render };
