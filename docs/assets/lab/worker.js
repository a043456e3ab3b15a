// The engine in a thread of its own: the page stays quick while it decides.

import { start } from "./python.js";

async function load() {
  const { python, rest } = await start((loaded) => postMessage({ loaded }));
  return { ask: python.pyimport("lab").ask, rest };
}

const ready = load();
ready.catch((error) => postMessage({ failed: String(error) }));
let whole = null;

/** Fetches what Python may still import, once. */
const fetchRest = (rest) => {
  whole ??= rest();
  whole.then(
    () => postMessage({ whole: true }),
    () => {
      whole = null;
    },
  );
  return whole;
};

onmessage = async ({ data: { id, question } }) => {
  const { ask, rest } = await ready;
  const text = JSON.stringify(question);
  try {
    let answer;
    try {
      answer = ask(text);
    } catch (error) {
      if (!/ImportError|ModuleNotFoundError|OSError|ZipImportError/.test(String(error))) throw error;
      await fetchRest(rest); // it wants a module that is not there yet
      answer = ask(text);
    }
    postMessage({ id, answer: JSON.parse(answer) });
  } catch (error) {
    postMessage({ id, failed: String(error).trim().split("\n").at(-1) });
  }
  if (question.ask === "guard") fetchRest(rest).catch(() => {}); // the last pane: from now on no network is needed
};
