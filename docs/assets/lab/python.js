// Python with the engine of gt_secure, for a worker: tools/build_lab.py keeps the memory of one that has started.

import { mix } from "./memory.js";

const here = (name) => new URL(name, import.meta.url).href;

async function answered(name) {
  const answer = await fetch(here(name));
  if (!answer.ok) throw new Error(`${name}: ${answer.status} ${answer.statusText}`);
  return answer;
}

const bytes = async (stream) => new Uint8Array(await new Response(await stream).arrayBuffer());

/** Writes a stream into a memory of its length. */
async function fill(memory, stream) {
  let at = 0;
  for await (const part of parts(stream)) {
    memory.set(part, at);
    at += part.length;
  }
  if (at !== memory.length) throw new Error(`The memory has ${at} of ${memory.length} bytes`);
}

/** Yields the parts of a stream. */
async function* parts(stream) {
  const reader = stream.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
}

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
  // Counts what comes, and calls `half` when half of it is there, or at once where the server says no length.
  const unpacked = async (name, half = () => {}) => {
    const { body, headers } = await answered(name);
    const length = Number(headers.get("content-length"));
    let own = 0;
    const counted = new TransformStream({
      transform(chunk, control) {
        loaded += chunk.byteLength;
        own += chunk.byteLength;
        report(loaded);
        if (own * 2 >= length) half();
        control.enqueue(chunk);
      },
    });
    return body.pipeThrough(counted).pipeThrough(new DecompressionStream("gzip"));
  };
  // The program is compiled while it comes, and begins while the memory comes: the line is never idle.
  let begin;
  const begun = new Promise((resolve) => {
    begin = resolve;
  });
  const program = unpacked("pyodide.asm.wasm.gz", begin).then((stream) => stream.tee());
  const compiled = program.then(([stream]) => WebAssembly.compileStreaming(new Response(stream, { headers: WASM })));
  const wasm = program.then(([, stream]) => bytes(stream));
  const script = bytes(unpacked("pyodide.asm.mjs.gz")).then(module);
  const lock = await (await answered("lock.json")).json();
  const memory = new Uint8Array(lock.memory);
  const filled = begun.then(async () => {
    await fill(memory, await unpacked("started.bin.gz"));
    mix(memory, await wasm);
  });
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
    lockFileContents: lock,
    createPyodideModule: async (settings) => {
      const machine = await (await script).default(settings);
      await filled; // Pyodide copies it next
      return machine;
    },
    _loadSnapshot: memory,
  });
  globalThis.fetch = fetched;
  WebAssembly.instantiateStreaming = instantiateStreaming;
  const rest = async () => {
    const names = ["stdlib.zip", "engine.zip"];
    const [library, engine] = await Promise.all(names.map(async (name) => bytes((await answered(name)).body)));
    python.FS.writeFile(LIBRARY, library);
    python.unpackArchive(engine, "zip", { extractDir: "/engine" });
  };
  return { python, rest };
}

const WASM = { "Content-Type": "application/wasm" };
const LIBRARY = "/lib/python314.zip";
