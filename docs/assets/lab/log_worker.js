// DuckDB and Python in a thread of their own: they read an access log in parts, so that its size does not matter to the page.

import { start as startPython } from "./python.js";
import * as duckdb from "./duckdb/duckdb.mjs";

const here = (name) => new URL(name, import.meta.url).href;
const PART = 4 * 2 ** 20;

async function database() {
  const bundle = { mainModule: here("duckdb/duckdb-eh.wasm"), mainWorker: null };
  const made = await duckdb.createDuckDB({ mvp: bundle, eh: bundle }, new duckdb.VoidLogger(), duckdb.BROWSER_RUNTIME);
  await made.instantiate();
  made.open({ query: { castBigIntToDouble: false } });
  const connection = made.connect();
  // Nothing is fetched: what is not built in is not used.
  connection.query("SET autoinstall_known_extensions = false");
  connection.query("SET autoload_known_extensions = false");
  return { made, connection };
}

function kind(type) {
  const name = String(type);
  if (name.startsWith("Timestamp")) return "timestamp";
  if (name.startsWith("List<Int")) return "integers";
  return /^(Ui|I)nt|^Decimal/.test(name) ? "integer" : "plain";
}

function plain(value) {
  if (value === null || value === undefined) return null;
  if (typeof value === "bigint") return String(value);
  return typeof value === "object" ? Array.from(value, plain) : value;
}

function queryIn(connection) {
  return (sql) => {
    const table = connection.query(sql);
    const kinds = table.schema.fields.map((field) => kind(field.type));
    const columns = table.schema.fields.map((_, index) => table.getChildAt(index));
    const rows = Array.from({ length: table.numRows }, (_, row) => columns.map((each) => plain(each.get(row))));
    return JSON.stringify({ kinds, rows });
  };
}

async function start() {
  const [{ python, rest }, { made, connection }] = await Promise.all([startPython(), database()]);
  await rest();
  const log = python.pyimport("log");
  return { made, file: log.FILE, rows: log.Rows(queryIn(connection)) };
}

// Yields parts of whole lines; bytes that are no UTF-8 are replaced, as the engine's reader does.
async function* parts(file) {
  let stream = file.stream();
  const head = new Uint8Array(await file.slice(0, 2).arrayBuffer());
  if (head[0] === 0x1f && head[1] === 0x8b) stream = stream.pipeThrough(new DecompressionStream("gzip"));
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (!done) text += value;
    if (!done && text.length < PART) continue;
    const end = done ? text.length : text.lastIndexOf("\n");
    if (end > 0) yield text.slice(0, end).replace(/\n$/, "");
    if (done) return;
    if (end >= 0) text = text.slice(end + 1);
  }
}

const ready = start();
ready.catch((error) => postMessage({ failed: String(error) }));

onmessage = async ({ data: { files } }) => {
  try {
    const { made, file: name, rows } = await ready;
    const encoder = new TextEncoder();
    let done = 0;
    for (const file of files) {
      let first = true;
      for await (const part of parts(file)) {
        if (first && /^\s*[{[]/.test(part)) throw new Error(`${file.name} is JSON; the lab reads server access logs only.`);
        first = false;
        made.registerFileBuffer(name, encoder.encode(part));
        rows.add();
        made.dropFile(name);
        done += part.length;
        postMessage({ done });
      }
    }
    postMessage({ result: JSON.parse(rows.result(files.length)) });
  } catch (error) {
    postMessage({ failed: String(error.message ?? error).trim().split("\n").at(-1) });
  }
};
