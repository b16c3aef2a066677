import { execFile, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { demoModel } from "../../src/demo/index.ts";
import { directLogitAttribution } from "../../src/index.ts";

interface Printed {
  readonly isolated: boolean;
  readonly runs: readonly {
    readonly precision: string;
    readonly threads: number;
    readonly ran: number;
    readonly backend: string;
    readonly scores: readonly number[];
  }[];
}

const chromium = ["chromium", "chromium-browser", "google-chrome"].find(
  (name) => spawnSync(name, ["--version"]).status === 0,
);

/** The built package and the page, with what isolates it or without. */
function serve(isolated: boolean): Promise<Server> {
  const headers = isolated
    ? { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" }
    : {};
  const server = createServer(({ url = "/" }, response) => {
    const file =
      url === "/" ? new URL("page.html", import.meta.url) : new URL(`../../dist${url}`, import.meta.url);
    try {
      const body = readFileSync(file);
      response.writeHead(200, { ...headers, "content-type": url === "/" ? "text/html" : "text/javascript" });
      response.end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}

describe.skipIf(chromium === undefined).each([true, false])("in Chromium, isolated: %s", (isolated) => {
  let server: Server;
  let printed: Printed;
  beforeAll(async () => {
    server = await serve(isolated);
    const { port } = server.address() as AddressInfo;
    const flags = [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--virtual-time-budget=30000",
      "--dump-dom",
    ];
    const { stdout } = await promisify(execFile)(chromium!, [...flags, `http://127.0.0.1:${port}/`], {
      timeout: 90_000,
    });
    printed = JSON.parse(/<pre id="printed">(.*?)<\/pre>/s.exec(stdout)![1].replaceAll("&amp;", "&"));
  }, 120_000);
  afterAll(() => void server.close());

  test("the page is what it is to be", () => expect(printed.isolated).toBe(isolated));

  test("threads compute where it is isolated; elsewhere one does, with a note", () => {
    expect(printed.runs).toHaveLength(6);
    for (const { threads, ran, backend } of printed.runs) {
      expect(ran).toBe(isolated ? threads : 1);
      expect(backend).toMatch(
        isolated || threads === 1 ? /^wasm( fast)?$/ : /: one thread is used instead of/,
      );
    }
  });

  test("reproducible scores are Node's, bit for bit, on every number of threads; fast ones one another's", async () => {
    const model = await demoModel({ compatibilityMode: true });
    const options = { answer: " Mary", wrong: " John", unit: "head" } as const;
    const prompt = "When Mary and John went to the store, John gave a drink to";
    const [{ scores }] = directLogitAttribution(model, prompt, options).attributions;
    const of = (precision: string) => printed.runs.filter((run) => run.precision === precision);
    for (const run of of("reproducible")) expect(run.scores).toEqual([...scores.data]);
    for (const run of of("fast")) expect(run.scores).toEqual(of("fast")[0].scores);
  });
});
