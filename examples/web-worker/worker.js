import { demoModel } from "../../dist/demo.js"; // with a bundler: "logitscope/demo"
import { modelFromFiles } from "../../dist/index.js"; // "logitscope"
import { attribute } from "../shared/attribute.js";
import { filesAt } from "../shared/files.js";

let model = null;
let stop = null;

/** What the page asks for. */
const on = {
  async load({ address, keep }) {
    stop = new AbortController();
    const notes = [];
    const options = {
      compatibilityMode: true,
      signal: stop.signal,
      cacheStorage: keep,
      onProgress: (progress) => postMessage(["progress", progress]),
      onWarning: (note) => notes.push(note),
    };
    const made = await (address ? modelFromFiles(filesAt(address), options) : demoModel(options));
    model?.dispose();
    model = made;
    const { nLayers, nHeads } = model.config;
    postMessage([
      "loaded",
      [`${nLayers} layers of ${nHeads} heads, on ${model.backend}.`, ...notes].join(" "),
    ]);
  },
  stop: () => stop.abort(new Error("Cancelled.")),
  attribute: (asked) => postMessage(["attributed", attribute(model, asked)]),
};

addEventListener("message", async ({ data: [kind, content] }) => {
  try {
    await on[kind](content);
  } catch (error) {
    postMessage(["failed", error.message]);
  }
});
