/// <reference types="node" />
import { parentPort } from "node:worker_threads";
import { serveThread, type ThreadMessage } from "../tensor/wasm/threads/thread.ts";

// What a thread of Node, Bun or Deno runs: an entry of its own, which spawnThread starts.
serveThread(
  (listener) => parentPort?.on("message", (message: ThreadMessage) => listener(message)),
  () => parentPort?.postMessage("ready"),
);
