import { afterAll, describe, expect, test, vi } from "vitest";
import * as demo from "../../src/demo/index.ts";
import * as root from "../../src/index.ts";
import * as node from "../../src/node/index.ts";
import { type Call, calls, surface } from "./calls.ts";
import { refusalOf } from "./outcome.ts";
import { type Path, placesOf, replaced, wrongValues } from "./wrongValues.ts";

const on = await surface();
const table = [...calls(on), ...otherCalls()];
const wrong = wrongValues(on);
const before = bitsOf();

/** Those of the other entries. No request is made. */
function otherCalls(): Call[] {
  const onDownload = () => {};
  const hub = { cacheDir: "/nowhere", token: false, endpoint: undefined, offline: true, refresh: undefined };
  return [
    {
      name: "fromPretrained",
      args: () => [
        "./nowhere",
        { ...hub, revision: undefined, fetch: undefined, signal: undefined, onDownload },
      ],
      call: (...given) => node.fromPretrained(...(given as unknown as [string])),
      isRefused: true,
    },
    {
      name: "fromPretrained",
      args: () => ["openai-community/gpt2", { ...hub, revision: "main", fetch: notThere, onDownload }],
      call: (...given) => node.fromPretrained(...(given as unknown as [string])),
      isRefused: true,
    },
    {
      name: "demoModel",
      args: () => [{ kernels: root.jsKernels, compatibilityMode: true, name: "demo", onWarning: () => {} }],
      call: (...given) => demo.demoModel(...given),
    },
    {
      name: "spawnThread",
      args: () => [new URL("./thread.mjs", import.meta.url)],
      call: (...given) => node.spawnThread(...(given as unknown as [URL])).end(),
    },
  ];
}

const notThere = async () => new Response(null, { status: 404 });

/** What the model computes, its weights read whole. */
function bitsOf(): unknown {
  const { model, raw, cache, results, summary } = on;
  return [
    [model, raw].map((one) => [...one.run("hat hat").data, ...one.run([1, 2, 16]).data]),
    cache.names.map((name) => [name, ...cache.get(name).data]),
    structuredClone(results),
    summary.toJSON(),
  ];
}

vi.spyOn(console, "warn").mockImplementation(() => {});
vi.stubEnv("HF_HUB_OFFLINE", "1");
afterAll(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

describe("a wrong value for any argument or option is a named error, or has an answer", () => {
  const names = [...new Set(table.map(({ name }) => name))];
  test.each(names)("%s", async (name) => {
    const raw: string[] = [];
    for (const { args, call, isRefused = false } of table.filter((one) => one.name === name)) {
      expect((await refusalOf(() => call(...(args() as never[])))) !== null).toBe(isRefused);
      await tryAll(args(), call, raw);
    }
    expect(raw).toEqual([]);
  });

  // what a line of JSON is to begin with is written as it is
  const isWritten = ([, key]: Path, what: string) => key === "id" && what.includes("holes");

  async function tryAll(args: readonly unknown[], call: Call["call"], raw: string[]): Promise<void> {
    for (const place of placesOf(args)) {
      for (const [what, value] of wrong) {
        if (isWritten(place, what)) continue;
        const attempt = () => call(...(replaced(args, place, value) as never[]));
        const refusal = await refusalOf(attempt).catch((error) => {
          raw.push(`${place.join(".")}: ${what}: ${error?.stack ?? error}`);
          return null;
        });
        if (refusal !== null && !/^[^\n]+: [^\n]*\w/.test(refusal.message)) raw.push(refusal.message);
        if (
          refusal !== null &&
          /\[object |is not a function|Cannot (read|convert|destructure)/.test(refusal.message)
        )
          raw.push(`${place.join(".")}: ${what}: ${refusal.message}`);
      }
    }
  }

  test("and has changed nothing: the model, the cache, the results and the summary are what they were", () => {
    expect(bitsOf()).toEqual(before);
  });
});

describe("the table has every public function and method", () => {
  const has = new Set(table.map(({ name }) => name));
  const functionsOf = (module: object) =>
    Object.entries(module).flatMap(([name, value]) =>
      typeof value === "function" && !(value.prototype instanceof Error) ? [name] : [],
    );
  const methodsOf = (kind: string, object: object) => {
    const prototype = Object.getPrototypeOf(object);
    const owner = prototype === Object.prototype ? object : prototype;
    return Object.entries(Object.getOwnPropertyDescriptors(owner)).flatMap(([name, { value }]) =>
      typeof value === "function" && name !== "constructor" ? [`${kind}.${name}`] : [],
    );
  };

  test.each(Object.entries({ logitscope: root, "logitscope/demo": demo, "logitscope/node": node }))(
    "of %s",
    (_, module) => {
      expect(functionsOf(module).filter((name) => !has.has(name))).toEqual([]);
    },
  );

  test.each([
    ["model", on.model],
    ["cache", on.cache],
    ["tokenizer", on.tokenizer],
    ["summary", on.summary],
    ["unembedding", on.model.unembedding],
  ] as const)("of a %s", (kind, object) => {
    expect(methodsOf(kind, object).length).toBeGreaterThan(2);
    expect(methodsOf(kind, object).filter((name) => !has.has(name))).toEqual([]);
  });
});
