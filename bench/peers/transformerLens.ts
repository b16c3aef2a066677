import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";

/** What to attribute: prompts of one length, and for each the answer and the token it is held against. */
export interface Request {
  unit: "component" | "head";
  prompts: readonly (readonly number[])[];
  answers: readonly number[];
  wrongs: readonly number[];
  repeats: number;
}

export interface About {
  python: string;
  torch: string;
  transformerLens: string;
  threads: number;
  cpuCapability: string;
  gflops: Record<string, number>;
}

export interface Worker {
  about: About;
  /** @returns the milliseconds of each repeat, and [prompt][row] */
  attribute(request: Request): Promise<{ ms: number[]; scores: number[][] }>;
  close(): void;
}

/** TransformerLens with a checkpoint loaded and folded, in a process of its own. */
export async function transformerLens(folder: string, { threads }: { threads: number }): Promise<Worker> {
  const { stdin, stdout } = spawn(python(), ["bench/peers/transformerLens.py", folder, `${threads}`], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface(stdout)[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await lines.next();
    if (done)
      throw new Error("transformerLens.py: got the end of its output, expected a line. See its message.");
    return JSON.parse(value);
  };
  return {
    about: await next(),
    attribute(request) {
      stdin.write(`${JSON.stringify(request)}\n`);
      return next();
    },
    close: () => stdin.end(),
  };
}

export interface Cold {
  scores: number[];
  /** Of the process's life, when each stage was over. */
  seconds: Record<"python" | "imports" | "load" | "fold" | "attribution", number>;
  peakMiB: number;
}

/** TransformerLens from the start of a process to its first attribution, in one thread. */
export function transformerLensCold(
  folder: string,
  prompt: readonly number[],
  answer: number,
  wrong: number,
): Cold {
  const args = ["bench/peers/transformerLensCold.py", folder, `${prompt}`, `${answer}`, `${wrong}`];
  const { stdout, status } = spawnSync(python(), args, {
    stdio: ["ignore", "pipe", "inherit"],
    encoding: "utf8",
  });
  if (status !== 0)
    throw new Error(`transformerLensCold.py: got exit code ${status}, expected 0. See its message.`);
  return JSON.parse(stdout);
}

function python(): string {
  const [path] = ["bench/peers/.venv/bin/python", "bench/peers/.venv/Scripts/python.exe"].filter(existsSync);
  if (path === undefined) throw new Error("bench/peers/.venv: not found. Run: node bench/peers/install.mjs");
  return path;
}
