import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { freshFolder, modelFiles, repository, testHub, text } from "../node/hub/support.ts";
import { run } from "./support.ts";

const hub = await testHub();
const prompt = ["The capital of France is", "--answer", " Paris", "--top", "1"];
const terminal = { stderr: { isTTY: true } };

function inCache(): string {
  const cache = freshFolder();
  vi.stubEnv("HF_HUB_CACHE", cache);
  vi.stubEnv("HF_TOKEN_PATH", join(cache, "token"));
  vi.stubEnv("HF_ENDPOINT", hub.endpoint);
  for (const name of ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
    vi.stubEnv(name, "");
  return cache;
}

afterEach(() => {
  hub.reset();
  hub.repositories["o/n"] = repository();
  vi.unstubAllEnvs();
});

describe("--model NAME", () => {
  test("loads from the hub, then from the cache", async () => {
    inCache();
    const first = await run(["--model", "o/n", ...prompt]);
    expect(first).toMatchObject({ code: 0, stderr: "" });
    expect(first.stdout).toMatch(/^model {5}o\/n · 3 layers/);
    hub.reset();
    expect(await run(["--model", "o/n", "--offline", ...prompt])).toEqual(first);
    expect(hub.asked()).toEqual([]);
  });

  test("shows downloads on a terminal, in a line that is gone in the end", async () => {
    inCache();
    const { stderr } = await run(["--model", "o/n", ...prompt], terminal);
    const lines = stderr.split("\r\x1b[2K");
    expect(lines[0]).toBe("loading the model…");
    expect(lines).toContain("downloading model.safetensors 0% of 512 kB");
    expect(lines).toContain("downloading model.safetensors 100% of 512 kB");
    expect(new Set(lines).size).toBe(lines.length); // nothing is written that is there already
    expect(lines.slice(-2)).toEqual(["loading the model… its weights take 607 kB", ""]);
  });

  test("shows no escapes that the name of a shard has in it", async () => {
    inCache();
    const shard = "\x1b[2Jx.safetensors";
    const { "model.safetensors": weights, ...rest } = modelFiles;
    const index = text(JSON.stringify({ weight_map: { a: shard } }));
    hub.repositories["o/n"] = repository({
      ...rest,
      "model.safetensors.index.json": index,
      [shard]: weights,
    });
    const { stderr } = await run(["--model", "o/n", ...prompt], terminal);
    expect(stderr).toContain("downloading ␛[2Jx.safetensors 100% of 512 kB");
    expect(stderr).not.toContain("\x1b[2J");
  });

  test("takes a revision", async () => {
    inCache();
    expect(await run(["--model", "o/n", "--revision", "v9", ...prompt])).toEqual({
      code: 1,
      stdout: "",
      stderr: 'logitscope: o/n: got no revision "v9", expected a branch, tag or commit.\n',
    });
    const { stderr } = await run(["--model", "o/n", "--revision", "../x", ...prompt]);
    expect(stderr).toBe('logitscope: revision: got "../x", expected a branch, tag or commit.\n');
  });

  test("says what to do where there is none, and leaves no line behind", async () => {
    const cache = inCache();
    const { code, stderr } = await run(["--model", "o/n", "--offline", ...prompt], terminal);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^loading the model…\r.\[2Klogitscope: o\/n: got no whole model of that name in \S+, nor a folder/,
    );
    expect(stderr).toContain(cache);
  });
});

test("a revision of a folder is refused", async () => {
  const { code, stderr } = await run(["--model", freshFolder(), "--revision", "v1", "a"]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/: got revision "v1" for a folder, expected a name on the hub\. Leave it out\.\n$/);
});
