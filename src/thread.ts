import { serveThread, type ThreadMessage } from "./tensor/wasm/threads/thread.ts";

// What a Web Worker runs: an entry of its own, which the backend starts in a page that is cross-origin isolated.
const scope = globalThis as unknown as {
  onmessage: (event: { data: ThreadMessage }) => void;
  postMessage(message: unknown): void;
};
serveThread(
  (listener) => {
    scope.onmessage = ({ data }) => listener(data);
  },
  () => scope.postMessage("ready"),
);
