import { demoModel } from "../../dist/demo.js"; // with a bundler or an import map: "logitscope/demo"
import { modelFromFiles } from "../../dist/index.js"; // "logitscope"
import { attribute } from "../shared/attribute.js";
import { filesAt, filesOf } from "../shared/files.js";
import { showProgress } from "../shared/progress.js";
import { clearTable, drawTable } from "../shared/table.js";

const at = (id) => document.getElementById(id);
const value = (id) => at(id).value;
let model = null;
let loaded = ""; // what the model is
let stop = null;

/** Replaces the model by the one that `make` gives; "Cancel" stops it, and keeps the one that is there. */
async function load(name, make) {
  stop = new AbortController();
  setLoading(true);
  begin();
  const notes = [];
  try {
    const made = await make({
      name,
      compatibilityMode: true,
      signal: stop.signal,
      onProgress: (progress) => showProgress(at("bar"), at("status"), progress),
      onWarning: (note) => notes.push(note),
    });
    model?.dispose();
    model = made;
    const { nLayers, nHeads } = model.config;
    loaded = [`${name}: ${nLayers} layers of ${nHeads} heads, on ${model.backend}.`, ...notes].join(" ");
    say(loaded);
  } catch (error) {
    if (stop.signal.aborted) say("Cancelled.");
    else fail(error);
  } finally {
    setLoading(false);
  }
}

/** Takes away what the last run drew or complained of. */
function begin() {
  clearTable(at("rows"));
  say(loaded);
}

function setLoading(loading) {
  at("loading").hidden = !loading;
  at("go").disabled = loading || model === null;
  for (const control of document.querySelectorAll("#models :is(button, input):not(#cancel)")) {
    control.disabled = loading;
  }
}

function say(text) {
  at("status").textContent = text;
  at("status").classList.remove("failed");
}

function fail(error) {
  say(error.message);
  at("status").classList.add("failed");
}

at("demo").onclick = () => load("demo", demoModel);
at("folder").onchange = () => {
  if (at("folder").files.length > 0)
    load("folder", (options) => modelFromFiles(filesOf(at("folder")), options));
};
at("remote").onsubmit = (event) => {
  event.preventDefault();
  load(value("address"), (options) =>
    modelFromFiles(filesAt(value("address")), { ...options, cacheStorage: at("keep").checked }),
  );
};
at("cancel").onclick = () => stop.abort();
at("ask").onsubmit = (event) => {
  event.preventDefault();
  begin();
  try {
    const asked = Object.fromEntries(["prompt", "answer", "wrong", "unit"].map((id) => [id, value(id)]));
    drawTable(at("rows"), attribute(model, asked));
  } catch (error) {
    fail(error); // a prompt, or an answer, that the model cannot take
  }
};
