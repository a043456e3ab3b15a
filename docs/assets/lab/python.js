// Python with the engine of gt_secure, for a worker: tools/build_lab.py keeps the memory of one that has started.

import { mix } from "./memory.js";

const here = (name) => new URL(name, import.meta.url).href;

async function body(name) {
  const answer = await fetch(here(name));
  if (!answer.ok) throw new Error(`${name}: ${answer.status} ${answer.statusText}`);
  return answer.body;
}

const bytes = async (stream) => new Uint8Array(await new Response(await stream).arrayBuffer());

/** Imports a module from its text: a server may send it packed only under another name. */
async function module(text) {
  const address = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  try {
    return await import(address);
  } finally {
    URL.revokeObjectURL(address);
  }
}

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
  const unpacked = async (name) => (await body(name)).pipeThrough(counted()).pipeThrough(new DecompressionStream("gzip"));
  // All of them are on the line before the first module of Pyodide is; the program is compiled while it comes.
  const program = unpacked("pyodide.asm.wasm.gz").then((stream) => stream.tee());
  const compiled = program.then(([stream]) => WebAssembly.compileStreaming(new Response(stream, { headers: WASM })));
  const memory = Promise.all([bytes(unpacked("started.bin.gz")), program.then(([, stream]) => bytes(stream))]);
  const script = bytes(unpacked("pyodide.asm.mjs.gz")).then(module);
  const lock = body("lock.json");
  const { loadPyodide } = await import("./pyodide/pyodide.mjs");
  // Pyodide fetches these two itself. The library is empty for now: everything that is asked first is imported already.
  const { fetch: fetched } = globalThis;
  const { instantiateStreaming } = WebAssembly;
  globalThis.fetch = async (name, ...options) =>
    /(pyodide\.asm\.wasm|python_stdlib\.zip)$/.test(name) ? new Response(new Uint8Array()) : fetched(name, ...options);
  WebAssembly.instantiateStreaming = async (_, imports) => {
    const program = await compiled;
    return { module: program, instance: await WebAssembly.instantiate(program, imports) };
  };
  const python = await loadPyodide({
    indexURL: here("pyodide/"),
    env: { HOME: "/home/pyodide", PYTHONHASHSEED: "0" },
    lockFileContents: new TextDecoder().decode(await bytes(lock)),
    createPyodideModule: (await script).default,
    _loadSnapshot: memory.then(([kept, wasm]) => mix(kept, wasm)),
  });
  globalThis.fetch = fetched;
  WebAssembly.instantiateStreaming = instantiateStreaming;
  const rest = async () => {
    const [library, engine] = await Promise.all(["stdlib.zip", "engine.zip"].map((name) => bytes(body(name))));
    python.FS.writeFile(LIBRARY, library);
    python.unpackArchive(engine, "zip", { extractDir: "/engine" });
  };
  return { python, rest };
}

const WASM = { "Content-Type": "application/wasm" };
const LIBRARY = "/lib/python314.zip";
