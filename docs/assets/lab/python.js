// Python with the engine of gt_secure, for a worker: tools/build_lab.py keeps the memory of one that has started.

import { mix } from "./memory.js";
import { loadPyodide } from "./pyodide/pyodide.mjs";

const here = (name) => new URL(name, import.meta.url).href;

async function body(name) {
  const answer = await fetch(here(name));
  if (!answer.ok) throw new Error(`${name}: ${answer.status} ${answer.statusText}`);
  return answer.body;
}

const bytes = async (stream) => new Uint8Array(await new Response(await stream).arrayBuffer());

/**
 * Starts Python from the kept memory, and reports how many bytes have come.
 *
 * `rest` is fetched after that: the archives from which Python imports what it has not imported yet.
 */
export async function start(report = () => {}) {
  let loaded = 0;
  const counted = () =>
    new TransformStream({
      transform(chunk, control) {
        loaded += chunk.byteLength;
        report(loaded);
        control.enqueue(chunk);
      },
    });
  const unpacked = async (name) =>
    bytes((await body(name)).pipeThrough(counted()).pipeThrough(new DecompressionStream("gzip")));
  const program = unpacked("pyodide.asm.wasm.gz");
  const memory = unpacked("started.bin.gz");
  // Pyodide fetches these two itself. The library is empty for now: everything that is asked first is imported already.
  const fetched = globalThis.fetch;
  globalThis.fetch = async (name, ...options) => {
    if (String(name).endsWith("pyodide.asm.wasm")) {
      return new Response(await program, { headers: { "Content-Type": "application/wasm" } });
    }
    return String(name).endsWith("python_stdlib.zip") ? new Response(new Uint8Array()) : fetched(name, ...options);
  };
  const python = await loadPyodide({
    indexURL: here("pyodide/"),
    env: { HOME: "/home/pyodide", PYTHONHASHSEED: "0" },
    lockFileContents: await (await fetched(here("lock.json"))).text(),
    _loadSnapshot: Promise.all([memory, program]).then(([kept, wasm]) => mix(kept, wasm)),
  });
  globalThis.fetch = fetched;
  const rest = async () => {
    const [library, engine] = await Promise.all(["stdlib.zip", "engine.zip"].map((name) => bytes(body(name))));
    python.FS.writeFile(LIBRARY, library);
    python.unpackArchive(engine, "zip", { extractDir: "/engine" });
  };
  return { python, rest };
}

const LIBRARY = "/lib/python314.zip";
