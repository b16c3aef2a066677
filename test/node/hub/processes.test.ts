import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { pause } from "../../../src/node/hub/client.ts";
import { acquireLock } from "../../../src/node/hub/lock.ts";
import { bundledFolder } from "../../support/bundle.ts";
import { etagOf, type Fault, type Recorded } from "./server.ts";
import { commitA, filesIn, freshFolder, get, modelFiles, testHub, weights } from "./support.ts";

const hub = await testHub();
afterEach(() => hub.reset());

const weightsEtag = etagOf(modelFiles["model.safetensors"]);
const isWeights = ({ host }: Recorded) => host === "cdn";
const ranges = () => hub.requests.filter(isWeights).map(({ headers }) => headers.range);

/** The weights, in pieces with pauses between. */
const slowly =
  (milliseconds: number): Fault =>
  (request, response) => {
    if (!isWeights(request)) return false;
    const start = Number(/\d+/.exec(String(request.headers.range ?? "0"))![0]);
    response.writeHead(start > 0 ? 206 : 200, {
      "content-length": weights.length - start,
      ...(start > 0 && { "content-range": `bytes ${start}-${weights.length - 1}/${weights.length}` }),
    });
    let position = start;
    const timer = setInterval(() => {
      response.write(weights.subarray(position, position + 50_000));
      position += 50_000;
      if (position >= weights.length) response.end();
      if (position >= weights.length || response.destroyed) clearInterval(timer);
    }, milliseconds);
    return true;
  };

function expectWhole(cache: string): void {
  const folder = join(cache, "models--o--n/snapshots", commitA);
  for (const [name, { bytes }] of Object.entries(modelFiles)) {
    expect(readFileSync(join(folder, name)).equals(bytes), name).toBe(true);
  }
  expect(filesIn(cache).filter((name) => /incomplete|\.lock$|\.tmp$/.test(name))).toEqual([]);
}

describe("processes of their own", () => {
  let bundle: string;
  const children: ChildProcess[] = [];
  beforeAll(async () => {
    bundle = await bundledFolder("test/node/hub/child.ts");
  });
  afterAll(() => rmSync(bundle, { recursive: true }));
  afterEach(() => {
    for (const child of children.splice(0)) child.kill("SIGKILL");
  });

  function start(cache: string) {
    const child = spawn(process.execPath, [join(bundle, "main.js"), hub.endpoint, cache], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    children.push(child);
    let output = "";
    child.stdout.on("data", (chunk) => {
      output += chunk;
    });
    const ended = once(child, "close").then(([code, signal]) => ({ code, signal, output: () => output }));
    return { child, ended, output: () => output };
  }

  async function until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  test("three at once end with one download of each file", async () => {
    const cache = freshFolder();
    hub.fault = slowly(40);
    const ends = await Promise.all([1, 2, 3].map(() => start(cache).ended));
    expect(ends.map(({ code }) => code)).toEqual([0, 0, 0]);
    expectWhole(cache);
    for (const file of ["config.json", "vocab.json", "merges.txt", "model.safetensors"]) {
      const asked = hub.asked().filter((line) => line === `GET /o/n/resolve/${commitA}/${file}`);
      expect(asked, file).toHaveLength(1);
    }
  });

  test.skipIf(process.platform === "win32")(
    "one killed half-way is gone on from, at once",
    { timeout: 20_000 },
    async () => {
      const cache = freshFolder();
      hub.fault = slowly(40);
      const killed = start(cache);
      await until(() => /model\.safetensors [1-9]\d{5}/.test(killed.output()));
      killed.child.kill("SIGKILL");
      expect(await killed.ended).toMatchObject({ signal: "SIGKILL" });
      expect(filesIn(cache).filter((name) => /incomplete|\.lock$/.test(name))).toHaveLength(2);
      expect(existsSync(join(cache, "models--o--n/blobs", weightsEtag))).toBe(false);

      hub.reset();
      expect(await start(cache).ended).toMatchObject({ code: 0 });
      expectWhole(cache);
      expect(ranges()).toHaveLength(1);
      expect(Number(/bytes=(\d+)-/.exec(String(ranges()[0]))![1])).toBeGreaterThanOrEqual(100_000);
      expect(hub.asked().filter((line) => /GET .*json/.test(line))).toEqual([]);
    },
  );

  test.skipIf(process.platform === "win32")(
    "one killed is taken over by one that waits",
    { timeout: 20_000 },
    async () => {
      const cache = freshFolder();
      hub.fault = slowly(60);
      const killed = start(cache);
      await until(() => /model\.safetensors [1-9]\d{4}/.test(killed.output()));
      const waiting = start(cache);
      await until(
        () =>
          hub.asked().filter((line) => line.includes("HEAD") && line.includes("safetensors")).length === 2,
      );
      killed.child.kill("SIGKILL");
      expect(await waiting.ended).toMatchObject({ code: 0 });
      expectWhole(cache);
      expect(ranges()[1]).toMatch(/^bytes=\d{5,}-$/);
    },
  );
});

test("two loads of one process share a download", async () => {
  const cache = freshFolder();
  hub.fault = slowly(10);
  await Promise.all([get(hub, cache), get(hub, cache)]);
  expectWhole(cache);
  expect(ranges()).toEqual([undefined]);
});

test("a download whose file another has cleared away is made again", async () => {
  const cache = freshFolder();
  let times = 0;
  const onDownload = ({ file, received }: { file: string; received: number }) => {
    if (file !== "model.safetensors" || received !== weights.length || times++ > 0) return;
    const [partial] = filesIn(cache).filter((name) => name.endsWith(".incomplete"));
    unlinkSync(join(cache, partial));
  };
  await get(hub, cache, { onDownload });
  expectWhole(cache);
  expect(ranges()).toEqual([undefined, undefined]);
});

test("a blob that came by another way meanwhile stays as it is", async () => {
  const cache = freshFolder();
  const blob = join(cache, "models--o--n/blobs", weightsEtag);
  let inode = 0n;
  await get(hub, cache, {
    onDownload({ file, received }) {
      if (file !== "model.safetensors" || received < weights.length) return;
      writeFileSync(blob, weights);
      inode = statSync(blob, { bigint: true }).ino;
    },
  });
  expect(statSync(blob, { bigint: true }).ino).toBe(inode);
  expectWhole(cache);
});

describe("a lock", () => {
  const times = { look: 5, sign: 20, silence: 150 };
  const newPath = () => join(freshFolder(), "lock");
  const by = (holder: object) => JSON.stringify({ host: hostname(), pid: process.pid, id: "x", ...holder });
  const nobody = { signal: undefined, pause };

  test("is held by one at a time", async () => {
    const path = newPath();
    let holders = 0;
    const most: number[] = [];
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        const release = await acquireLock(nobody, path, times);
        most.push(++holders);
        await new Promise((resolve) => setTimeout(resolve, 3));
        holders--;
        await release();
      }),
    );
    expect(most).toEqual(Array(8).fill(1));
    expect(existsSync(path)).toBe(false);
  });

  test.each([
    ["a process that is no more", by({ pid: 2 ** 22 + 1 }), 1000 * 60],
    ["a silent one of another machine", by({ host: "elsewhere", pid: 1 }), times.silence],
    ["a silent one of this machine, stopped or with another's number", by({}), times.silence],
    [
      "an earlier process of this one's number, as a container has that was started again",
      by({ since: Date.now() - 1000 * process.uptime() - 1000 }),
      1000 * 60,
    ],
    [
      "this process, in another thread or copy of the module, fallen silent",
      by({ since: Date.now() }),
      times.silence,
    ],
    ["nobody: it is empty", "", times.silence],
    ["nobody: it is something else", "lock", times.silence],
  ])("of %s is taken over", async (_, holder, silence) => {
    const path = newPath();
    writeFileSync(path, holder);
    const release = await acquireLock(nobody, path, { ...times, silence });
    expect(JSON.parse(readFileSync(path, "utf8"))).toMatchObject({ host: hostname(), pid: process.pid });
    await release();
  });

  test.skipIf(process.platform === "win32")("that is a link to nothing is taken over too", async () => {
    const path = newPath();
    symlinkSync("nothing", path);
    let looks = 0;
    const wait: typeof pause = (...args) => {
      looks++;
      return pause(...args);
    };
    const release = await acquireLock({ signal: undefined, pause: wait }, path, times);
    expect(looks).toBeGreaterThan(2);
    await release();
    expect(filesIn(join(path, ".."))).toEqual([]);
  });

  test("of one that gives signs of life is waited for", async () => {
    const path = newPath();
    writeFileSync(path, by({ host: "elsewhere" }));
    let seconds = 0;
    const signs = setInterval(() => utimesSync(path, ++seconds, seconds), 10);
    let isOurs = false;
    const getting = acquireLock(nobody, path, times).then((release) => {
      isOurs = true;
      return release();
    });
    await new Promise((resolve) => setTimeout(resolve, 4 * times.silence));
    expect(isOurs).toBe(false);
    clearInterval(signs);
    unlinkSync(path);
    await getting;
  });

  test("gives signs of life", async () => {
    const path = newPath();
    const release = await acquireLock(nobody, path, times);
    utimesSync(path, 1, 1);
    while (statSync(path).mtimeMs === 1000) await new Promise((resolve) => setTimeout(resolve, 5));
    await release();
  });

  test("that another took over is left to the other", async () => {
    const path = newPath();
    const release = await acquireLock(nobody, path, times);
    writeFileSync(path, by({}));
    await release();
    expect(readFileSync(path, "utf8")).toBe(by({}));
  });

  test("that cannot be read or removed is done without, after a while", async () => {
    const path = freshFolder(); // nor is it a file
    await (await acquireLock(nobody, path, times))();
    expect(statSync(path).isDirectory()).toBe(true);
  });

  test("in a folder that is not there is an error", async () => {
    await expect(acquireLock(nobody, join(newPath(), "lock"), times)).rejects.toThrow("ENOENT");
  });
});
