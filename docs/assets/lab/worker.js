// Python with the engine of gt_secure, in a thread of its own: the page stays quick while it decides.

import { loadPyodide } from "./pyodide/pyodide.mjs";

const here = (name) => new URL(name, import.meta.url).href;

async function body(name) {
  const answer = await fetch(here(name));
  if (!answer.ok) throw new Error(`${name}: ${answer.status} ${answer.statusText}`);
  return answer.body;
}

const bytes = async (stream) => new Uint8Array(await new Response(await stream).arrayBuffer());
const options = { indexURL: here("pyodide/"), env: { HOME: "/home/pyodide", PYTHONHASHSEED: "0" } };

// The memory of a Python that has started and imported the engine: tools/build_lab.py keeps it. Files are no part of that
// memory, so the archive is unpacked too, for modules that are imported later.
async function start() {
  const memory = body("started.bin.gz").then((stream) => bytes(stream.pipeThrough(new DecompressionStream("gzip"))));
  const [python, engine] = await Promise.all([
    memory.then((_loadSnapshot) => loadPyodide({ ...options, _loadSnapshot })),
    bytes(body("engine.zip")),
  ]);
  python.unpackArchive(engine, "zip", { extractDir: "/engine" });
  return python.pyimport("lab").ask;
}

const ready = start();
ready.catch((error) => postMessage({ failed: String(error) }));

onmessage = async ({ data: { id, question } }) => {
  const ask = await ready;
  try {
    postMessage({ id, answer: JSON.parse(ask(JSON.stringify(question))) });
  } catch (error) {
    postMessage({ id, failed: String(error).trim().split("\n").at(-1) });
  }
};
