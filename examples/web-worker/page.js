import { showProgress } from "../shared/progress.js";
import { clearTable, drawTable } from "../shared/table.js";

const at = (id) => document.getElementById(id);
const value = (id) => at(id).value;
const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
let loaded = ""; // what the model is

/** What the worker tells. */
const on = {
  progress: (progress) => showProgress(at("bar"), at("status"), progress),
  loaded(description) {
    loaded = description;
    say(description);
    setBusy(false);
  },
  attributed(rows) {
    drawTable(at("rows"), rows);
    setBusy(false);
  },
  failed(message) {
    say(message, true);
    setBusy(false);
  },
};
worker.onmessage = ({ data: [kind, content] }) => on[kind](content);
worker.onerror = (event) => on.failed(event.message || "The worker could not be started.");

function say(text, failed = false) {
  at("status").textContent = text;
  at("status").classList.toggle("failed", failed);
}

/** Takes away what the last run drew or complained of. */
function begin() {
  clearTable(at("rows"));
  say(loaded);
}

function setBusy(busy, loading = false) {
  at("loading").hidden = !loading;
  at("load").disabled = busy;
  at("go").disabled = busy || loaded === "";
}

at("model").onsubmit = (event) => {
  event.preventDefault();
  begin();
  setBusy(true, true);
  worker.postMessage(["load", { address: value("address"), keep: at("keep").checked }]);
};
at("cancel").onclick = () => worker.postMessage(["stop"]);
at("ask").onsubmit = (event) => {
  event.preventDefault();
  begin();
  setBusy(true);
  const asked = Object.fromEntries(["prompt", "answer", "wrong", "unit"].map((id) => [id, value(id)]));
  worker.postMessage(["attribute", asked]);
};

let last = performance.now();
setInterval(() => {
  const now = performance.now();
  at("wait").value = Math.max(at("wait").value, Math.round(now - last));
  last = now;
}, 10);
