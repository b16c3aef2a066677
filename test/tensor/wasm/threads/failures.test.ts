import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, test, vi } from "vitest";
import { ThreadError } from "../../../../src/errors.ts";
import { spawnThread } from "../../../../src/node/spawnThread.ts";
import { type SpawnThread, startKernels } from "../../../../src/tensor/index.ts";
import { bundledText } from "../../../support/bundle.ts";
import { scriptOf, testThreads } from "../../../support/threads.ts";
import { type Crew, crewFor, type Sums, sumsIn } from "./support.ts";

const spawn = await testThreads();
const script = await bundledText("src/node/thread.ts");

const crews: Crew[] = [];
afterEach(() => {
  for (const crew of crews.splice(0)) crew.dispose();
});

async function crewOf(spawn: SpawnThread, patience = 300): Promise<Crew> {
  const crew = await crewFor(3, { spawn, patience });
  crews.push(crew);
  return crew;
}

describe("a thread that cannot be started", () => {
  const scripts: [string, string, string][] = [
    ["throws", 'throw new Error("no such luck");', "no such luck"],
    ["exits", "process.exit(3);", "it exited with code 3"],
  ];

  test("since its script says nothing: a ThreadError", async () => {
    const silent = 'import { parentPort } from "node:worker_threads"; parentPort.on("message", () => {});';
    await expect(crewOf(() => spawnThread(scriptOf(silent)))).rejects.toThrow(
      new ThreadError("wasm: a thread cannot be started: it does not answer"),
    );
  });

  test.each(scripts)("since its script %s: a ThreadError", async (_, text, reason) => {
    const failing = crewOf(() => spawnThread(scriptOf(text)));
    await expect(failing).rejects.toThrow(new ThreadError(`wasm: a thread cannot be started: ${reason}`));
  });

  test.each(scripts)(
    "since its script %s: one thread is used, and a note says why",
    async (_, text, reason) => {
      const kernels = await startKernels({ threads: 3, spawnThread: () => spawnThread(scriptOf(text)) });
      expect(kernels).toMatchObject({
        name: "wasm",
        threads: 1,
        note: `one thread is used instead of 3: wasm: a thread cannot be started: ${reason}`,
      });
    },
  );

  test("since there are no threads to be had: the one that was started is ended", async () => {
    let started = 0;
    const ended = vi.fn();
    const once = () => {
      if (started++ > 0) throw new Error("only one");
      return { ...spawn(), end: ended };
    };
    await expect(crewOf(once)).rejects.toThrow("wasm: a thread cannot be started: only one");
    expect(ended).toHaveBeenCalledOnce();
  });
});

const lost = (reason: string) =>
  new ThreadError(
    `wasm: ${reason}, expected 3 threads at work. What was computing is lost: load the model again, with fewer threads.`,
  );

/** Works until it fails: whether a thread takes a chunk of a job, or the others are faster, is chance. */
function workWithoutEnd({ add }: Sums): void {
  const end = performance.now() + 20_000;
  while (performance.now() < end) add(1000);
}

/** Threads whose script does something before the package's own. */
const after = (first: string) => () => spawnThread(scriptOf(`${first}\n${script}`));

/** The same where the kernel that adds is another in the threads, though not in the calling one. */
const withAdd = (kernel: string) =>
  after(`const { Instance } = WebAssembly;
    WebAssembly.Instance = function (...given) {
      return { exports: { ...new Instance(...given).exports, add: ${kernel} } };
    };`);

describe("a thread that fails at work is a ThreadError, and no hang:", () => {
  test.each([
    ["a kernel that throws", "() => { throw new Error() }", "a thread failed in add"],
    ["a kernel that exits", "() => process.exit(4)", "a thread does not answer"],
    ["a kernel that does not end", "() => { for (;;); }", "a thread does not answer"],
  ])("%s", async (_, kernel, reason) => {
    const crew = await crewOf(withAdd(kernel));
    const sums = sumsIn(crew, 1000);
    expect(() => workWithoutEnd(sums)).toThrow(lost(reason));
    expect(() => sums.add(2), "and ever after").toThrow(lost(reason));
    expect(() => sums.add(1)).toThrow(lost(reason));
    expect(() => sumsIn(crew, 1)).toThrow(lost(reason));
  });

  test.each([
    ["exits", "process.exit(4)"],
    ["does not answer", "for (;;);"],
  ])("one that %s when it is told of a second memory", async (_, act) => {
    const crew = await crewOf(
      after(`import { parentPort as port } from "node:worker_threads";
        port.on("message", ({ index }) => { if (index === 1) ${act}; });`),
    );
    sumsIn(crew, 1000).add(1000);
    expect(() => sumsIn(crew, 1000)).toThrow(lost("a thread does not answer"));
  });

  test("one that is ended between two jobs", async () => {
    const threads: ReturnType<SpawnThread>[] = [];
    const crew = await crewOf(() => {
      const thread = spawn();
      threads.push(thread);
      return thread;
    });
    const sums = sumsIn(crew, 1000);
    sums.add(1000);
    threads[1].end();
    await sleep(300);
    expect(() => sums.add(1000)).toThrow(lost("a thread has ended: it exited with code 1"));
  });

  test("a kernel that reads beyond the memory, in whatever thread", async () => {
    const crew = await crewOf(spawn, 30_000);
    const { memory } = sumsIn(crew, 1000);
    expect(() => crew.run(memory, "add", 100, [2 ** 31, 2 ** 31, 2 ** 31, 4000, 40])).toThrow(
      lost("a thread failed in add"),
    );
  });
});
