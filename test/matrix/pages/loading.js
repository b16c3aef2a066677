import { directLogitAttribution, modelFromFiles } from "/dist/index.js";

const names = ["config.json", "model.safetensors", "vocab.json", "merges.txt"];
const blob = async (name) => (await fetch(`/model/${name}`)).blob();
const gunzipped = async (name) => {
  const compressed = (await blob(name)).stream().pipeThrough(new CompressionStream("gzip"));
  return compressed.pipeThrough(new DecompressionStream("gzip"));
};

/** How each kind of source is made, from a file's name and the folder at which it is served. */
const kinds = {
  URL: (name, folder) => new URL(folder + name, location.href),
  Response: (name, folder) => fetch(folder + name),
  Blob: blob,
  ArrayBuffer: async (name) => (await fetch(`/model/${name}`)).arrayBuffer(),
  Uint8Array: async (name) => new Uint8Array(await (await blob(name)).arrayBuffer()),
  ReadableStream: async (name) => (await fetch(`/model/${name}`)).body,
  "ReadableStream of a DecompressionStream": gunzipped,
  File: (name) => [...document.getElementById("files").files].find((file) => file.name === name),
  function: (name, folder) => (signal) => fetch(folder + name, { signal }),
  "opaque Response": (name, folder) => fetch(folder + name, { mode: "no-cors" }),
};

const unhandled = [];
addEventListener("unhandledrejection", ({ reason }) => unhandled.push(String(reason)));

/** Loads and attributes; what happened, as JSON. `abortAt`: stops when so many bytes of the weights have come. */
window.load = async (
  kind,
  { folder = "/model/", abortAt, attribute = true, only = names, ...options } = {},
) => {
  const events = [];
  const warnings = [];
  const stop = new AbortController();
  try {
    const files = {};
    for (const name of only) files[name] = await kinds[kind](name, folder);
    const model = await modelFromFiles(files, {
      compatibilityMode: true,
      signal: stop.signal,
      onWarning: (message) => warnings.push(message),
      onProgress(progress) {
        events.push(progress);
        if (progress.file === "model.safetensors" && progress.read >= abortAt) stop.abort();
      },
      ...options,
    });
    if (!attribute) return { events: [], warnings, backend: model.backend };
    const prompt = "When Mary and John went to the store, John gave a drink to";
    const result = directLogitAttribution(model, prompt, { answer: " Mary", wrong: " John", unit: "head" });
    const scores = [...result.attributions[0].scores.data];
    model.dispose();
    return { events, warnings, scores, backend: model.backend };
  } catch (error) {
    await new Promise((resolve) => setTimeout(resolve, 50)); // for rejections that nobody handles
    return { events, warnings, error: { name: error.name, message: error.message }, unhandled };
  }
};

/** The files that were chosen, in a worker: what it posts. */
window.loadInWorker = () =>
  new Promise((resolve) => {
    const worker = new Worker("worker.js", { type: "module" });
    worker.onmessage = ({ data }) => resolve(data);
    worker.postMessage([...document.getElementById("files").files]);
  });

window.cachedNames = async (name) => {
  const requests = await (await caches.open(name)).keys();
  return requests.map(({ url }) => new URL(url).pathname).sort();
};
window.ready = true;
