/// <reference types="node" />
import { Worker } from "node:worker_threads";
import { describe, tagOf, ValueError } from "../errors.ts";
import type { Thread } from "../tensor/index.ts";
import { threadScript } from "./threadScript.ts";

/**
 * Starts a thread of the WebAssembly backend, for `threads` in Node, Bun and Deno. It does not keep the process alive, and
 * ends with it.
 *
 * @param script what the thread runs; default logitscope's own, which is in the package's code: a bundle needs no file beside it
 * @throws ValueError for what is no address of a file
 */
export function spawnThread(script: URL = threadScript()): Thread {
  if (tagOf(script) !== "URL" || !/^(file|data):$/.test(script.protocol)) {
    throw new ValueError(
      `spawnThread: got ${describe(script)}, expected the URL of a file. Leave it out for logitscope's own.`,
    );
  }
  const worker = workerOf(script);
  const ready = new Promise<void>((resolve, reject) => {
    worker.once("message", () => resolve());
    worker.once("error", reject);
    worker.once("exit", (code) => reject(new Error(`it exited with code ${code}`)));
  });
  ready.then(
    () => worker.unref(), // not before: nothing else may keep the process from ending
    () => {}, // whoever awaits it is told
  );
  return {
    ready,
    post: (message) => worker.postMessage(message),
    onEnd(listener) {
      worker.on("error", (error: Error) => listener(error.message));
      worker.on("exit", (code) => listener(`it exited with code ${code}`));
    },
    end: () => void worker.terminate(),
  };
}

/** Out of bundlers' sight: one that reads of a new Worker and cannot tell its script takes every file of the folder for it. */
function workerOf(script: URL): Worker {
  return Reflect.construct(Worker, [script]);
}
