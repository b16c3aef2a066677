import type { Thread } from "./thread.ts";

/**
 * Starts a thread in a page or a worker of one, which must be cross-origin isolated: there alone memory can be shared.
 *
 * @see https://developer.mozilla.org/en-US/docs/Web/API/Window/crossOriginIsolated
 */
export function webThread(): Thread {
  const worker = new Worker(new URL("./thread.js", import.meta.url), { type: "module" });
  let told: (reason: string) => void = () => {};
  const ready = new Promise<void>((resolve, reject) => {
    worker.onmessage = () => resolve();
    worker.onerror = (event) => {
      const reason = event.message || "its script could not be loaded";
      reject(new Error(reason));
      told(reason);
    };
  });
  return {
    ready,
    post: (message) => worker.postMessage(message),
    onEnd(listener) {
      told = listener;
    },
    end: () => worker.terminate(),
  };
}
