import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parentPort } from "node:worker_threads";
import { startCoverage } from "./coverage.ts";
import { dice } from "./dice.ts";
import { type Input, pack, sizeOf } from "./input.ts";
import { minimized } from "./minimize.ts";
import { mutate } from "./mutate.ts";
import { outcomeOf, watchAllocations } from "./outcome.ts";
import { targets } from "./targets/index.ts";

/** What the thread is given. */
export interface Job {
  readonly target: string;
  readonly seed: number;
  /** Stops after so many inputs, or milliseconds. */
  readonly inputs: number;
  readonly milliseconds: number;
  /** What is being tried: how many inputs so far, the length of the present one; then its bytes. */
  readonly watched: SharedArrayBuffer;
}

/** What the thread tells: a crash as it happens, and at the end the counts. */
export type Message =
  | { readonly kind: "crash"; readonly error: string; readonly input: Uint8Array }
  | {
      readonly kind: "done";
      readonly tried: number;
      readonly refused: number;
      readonly kept: number;
      readonly blocks: number;
    };

/** Longer inputs are tried and not gone on from, for they are slow. */
const longestKept = 1 << 16;
/** Kinds of crash that are told. */
const mostCrashes = 20;

/** Mutates inputs of a target, and keeps those that reach new code to go on from. */
export async function fuzz({ target: name, seed, inputs, milliseconds, watched }: Job): Promise<void> {
  const target = targets.find((target) => target.name === name)!;
  const url = import.meta.url;
  const counts = new Int32Array(watched, 0, 2);
  const bytes = new Uint8Array(watched, 8);
  const tell = (message: Message) => parentPort!.postMessage(message);
  watchAllocations();
  const coverage = startCoverage(url, readFileSync(fileURLToPath(url), "utf8"));
  const draw = dice(seed);
  const kept: Input[] = [...target.seeds];
  const read: Input[] = [...target.seeds]; // those of `kept` that were not refused
  const crashes = new Set<string>();
  const end = performance.now() + milliseconds;
  let tried = 0;
  let refused = 0;

  async function attempt(input: Input): Promise<void> {
    const packed = pack(input).subarray(0, bytes.length);
    bytes.set(packed);
    counts[1] = packed.length;
    Atomics.store(counts, 0, ++tried);
    let isRead = false;
    try {
      isRead = (await outcomeOf(target, input)) === null;
      if (!isRead) refused++;
    } catch (error) {
      const what = summary(error);
      if (!crashes.has(what) && crashes.size < mostCrashes) {
        crashes.add(what);
        const smaller = await minimized(input, async (candidate) => {
          const other = await outcomeOf(target, candidate).catch(summary);
          return other === what;
        });
        tell({ kind: "crash", error: (error as Error)?.stack ?? what, input: pack(smaller) });
      }
    }
    if (!coverage.hasGrown() || sizeOf(input) > longestKept) return;
    kept.push(input);
    if (isRead) read.push(input);
  }

  for (const start of target.seeds) await attempt(start);
  while (tried < inputs && performance.now() < end) {
    let input = draw.pick([draw.pick(read), draw.pick(read), draw.pick(kept), draw.pick(kept.slice(-8))]);
    for (let times = draw.pick([1, 1, 1, 2, 5]); times > 0; times--) {
      input = mutate(input, draw.pick(kept), target.kinds, draw);
    }
    if (sizeOf(input) < bytes.length / 2) await attempt(input);
  }
  tell({ kind: "done", tried, refused, kept: kept.length, blocks: coverage.blocks() });
}

/** The same for crashes that are probably of one kind. */
function summary(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return text.slice(0, 70).replace(/\d+/g, "N");
}
