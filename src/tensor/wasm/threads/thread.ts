import type { Exports } from "../memory.ts";
import { type Control, hasMessages, tellAttached, waitForWork, workOn } from "./control.ts";

/** What a thread is told: once, what it works with; then each memory, with the ticket that announced it. */
export type ThreadMessage =
  | {
      readonly kind: "start";
      readonly control: Control;
      readonly module: WebAssembly.Module;
      readonly thread: number;
    }
  | {
      readonly kind: "memory";
      readonly memory: WebAssembly.Memory;
      readonly index: number;
      readonly ticket: number;
    };

/** A thread as whoever started it sees it. */
export interface Thread {
  /** Resolves when the thread has answered its first message; what is posted later reaches it without the event loop. */
  readonly ready: Promise<void>;
  /** Sends a message to the thread. */
  post(message: ThreadMessage): void;
  /** Calls back when the thread ends by itself, with the reason. */
  onEnd(listener: (reason: string) => void): void;
  /** Ends the thread at once. */
  end(): void;
}

/** Starts a thread that runs `serveThread`. */
export type SpawnThread = () => Thread;

/**
 * What runs in a thread: it works until there are messages, reads these, and works on.
 *
 * @param answer called with the first message, not before: until a page knows that its worker's script has run, it keeps back
 *               what it posts, and learns of it in its event loop, which does not turn while it waits for the thread
 */
export function serveThread(
  onMessage: (listener: (message: ThreadMessage) => void) => void,
  answer: () => void,
): void {
  const memories: Exports[] = [];
  let start: Extract<ThreadMessage, { kind: "start" }> | undefined;
  let names: string[] = [];
  onMessage((message) => {
    if (message.kind === "start") {
      start = message;
      names = WebAssembly.Module.exports(start.module).map(({ name }) => name);
      answer();
      return;
    }
    if (start === undefined) return;
    const { control, module, thread } = start;
    const { memory, index, ticket } = message;
    memories[index] = new WebAssembly.Instance(module, { env: { memory } }).exports as Exports;
    tellAttached(control);
    while (!hasMessages(control, ticket)) {
      workOn(control, (job, chunk) => memories[job.memory][names[job.kernel]](chunk, thread, ...job.args));
      waitForWork(control, ticket);
    }
  });
}
