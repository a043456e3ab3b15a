// Access logs that are dropped onto the page: a worker counts them, and nothing leaves the page.

const root = document.getElementById("lab-log");
const at = (name) => root.querySelector(`[data-log="${name}"]`);
const size = (bytes) => `${(bytes / 2 ** 20).toFixed(bytes < 10 * 2 ** 20 ? 1 : 0)} MB`;

let worker = null;

function say(text) {
  at("status").textContent = text;
}

function stop() {
  worker?.terminate();
  worker = null;
  at("stop").hidden = true;
}

function count(files) {
  if (files.length === 0) return;
  stop();
  at("result").replaceChildren();
  delete root.dataset.counted;
  delete root.dataset.unknown;
  const total = files.reduce((sum, file) => sum + file.size, 0);
  say(`Loading DuckDB to read ${files.length} ${files.length === 1 ? "file" : "files"}, ${size(total)}…`);
  at("stop").hidden = false;
  worker = new Worker(new URL("log_worker.js", import.meta.url), { type: "module" });
  worker.onmessage = ({ data: { done, result, failed } }) => {
    if (done !== undefined) {
      say(`${size(done)} read…`);
      return;
    }
    stop();
    if (failed !== undefined) {
      say(`Not counted: ${failed}`);
      return;
    }
    const lines = (number, words) => (number ? `, ${number.toLocaleString("en")} ${words}` : "");
    const odd = lines(result.unreadable, "lines unreadable") + lines(result.odd, "lines that can be read in two ways");
    root.dataset.unknown = result.unknown;
    say(`${result.hits.toLocaleString("en")} requests, ${result.presigned.toLocaleString("en")} presigned${odd}. ${result.summary}`);
    at("result").innerHTML = result.html;
    root.counted = result;
    root.dataset.counted = "true";
  };
  worker.onerror = (event) => {
    stop();
    say(`Not counted: ${event.message ?? "a file of the page is missing"}`);
  };
  worker.postMessage({ files });
}

at("files").addEventListener("change", (event) => count([...event.target.files]));
at("stop").addEventListener("click", () => {
  stop();
  say("Stopped.");
});
for (const name of ["dragover", "dragleave", "drop"]) {
  root.addEventListener(name, (event) => {
    event.preventDefault();
    root.classList.toggle("over", name === "dragover");
    if (name === "drop") count([...event.dataTransfer.files]);
  });
}
