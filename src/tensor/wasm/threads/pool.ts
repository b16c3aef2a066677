import { ThreadError } from "../../../errors.ts";
import type { WasmMemory } from "../memory.ts";
import {
  announceMessages,
  countAttached,
  countDone,
  createControl,
  hasFailed,
  MOST_CHUNKS,
  publish,
  workOn,
} from "./control.ts";
import type { Crew } from "./crew.ts";
import type { SpawnThread, Thread } from "./thread.ts";

/** How a crew is made up. */
export interface CrewOptions {
  readonly module: WebAssembly.Module;
  /** The calling thread and so many less one beside it. */
  readonly threads: number;
  readonly spawn: SpawnThread;
  /** How long, in ms, to wait for a thread that shows no progress; default half a minute. */
  readonly patience?: number | undefined;
}

/**
 * Threads that wait for work beside the calling one, which does its part and waits for theirs without letting go of
 * the event loop: so computing stays synchronous.
 *
 * @throws ThreadError when a thread cannot be started
 */
export async function startCrew(options: CrewOptions): Promise<Crew> {
  const { module, threads, spawn, patience = 30_000 } = options;
  const control = createControl();
  const kernels = new Map(WebAssembly.Module.exports(module).map(({ name }, index) => [name, index]));
  const memories: WasmMemory[] = [];
  const others: Thread[] = [];
  let fault: string | undefined;
  let disposed = false;

  function dispose(): void {
    disposed = true;
    for (const thread of others) thread.end();
  }

  /** Waits, spinning, until `count` has come to `target`. */
  function waitFor(count: () => number, target: number): void {
    let seen = count();
    let deadline: number | undefined;
    for (let spin = 1; seen !== target; spin++) {
      const now = count();
      if (now !== seen) {
        seen = now;
        deadline = undefined;
      } else if (spin % 4096 === 0) {
        deadline ??= performance.now() + patience;
        if (performance.now() > deadline) throw failure("a thread does not answer");
      }
    }
  }

  function failure(reason: string, cause?: unknown): ThreadError {
    fault = reason;
    return new ThreadError(
      `wasm: ${reason}, expected ${threads} threads at work. What was computing is lost: load the model again, with fewer threads.`,
      { cause },
    );
  }

  try {
    for (let thread = 1; thread < threads; thread++) {
      const other = spawn();
      others.push(other);
      other.onEnd((reason) => {
        if (!disposed) fault ??= `a thread has ended: ${reason}`;
      });
      other.post({ kind: "start", control, module, thread });
    }
    await within(patience, Promise.all(others.map(({ ready }) => ready)));
  } catch (error) {
    dispose();
    const reason = error instanceof Error ? error.message : String(error);
    throw new ThreadError(`wasm: a thread cannot be started: ${reason}`, { cause: error });
  }

  return {
    threads,
    attach(memory) {
      if (fault !== undefined) throw failure(fault);
      const index = memories.push(memory) - 1;
      const ticket = announceMessages(control);
      for (const thread of others) {
        thread.post({ kind: "memory", memory: memory.memory, index, ticket });
      }
      waitFor(() => countAttached(control), others.length * memories.length);
    },
    run(memory, kernel, chunks, args) {
      if (fault !== undefined) throw failure(fault);
      if (chunks === 1) {
        memory.exports[kernel](0, 0, ...args);
        return;
      }
      const job = { memory: memories.indexOf(memory), kernel: kernels.get(kernel)!, args };
      for (let first = 0; first < chunks; first += MOST_CHUNKS) {
        const count = Math.min(MOST_CHUNKS, chunks - first);
        publish(control, job, count, first);
        const cause = workOn(control, (_, chunk) => memory.exports[kernel](chunk, 0, ...args));
        waitFor(() => countDone(control), count);
        if (hasFailed(control)) throw failure(`a thread failed in ${kernel}`, cause);
      }
    },
    dispose,
  };
}

/** @throws Error where what is awaited takes longer than so many ms */
async function within(patience: number, awaited: Promise<unknown>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("it does not answer")), patience);
  });
  await Promise.race([awaited, late]).finally(() => clearTimeout(timer));
}
