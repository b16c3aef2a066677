import { mkdirSync, mkdtempSync, openAsBlob, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { modelFromFiles } from "../../src/index.ts";
import { fromPretrained } from "../../src/node/index.ts";
import { bytesOf } from "../fuzz/input.ts";
import { goodFiles } from "./support.ts";

const root = mkdtempSync(join(tmpdir(), "logitscope-elsewhere-"));
afterAll(() => rmSync(root, { recursive: true }));

test.skipIf(process.platform === "win32")(
  "weights that lie elsewhere: not by a link, but given as they are",
  async () => {
    const [folder, weights] = [join(root, "gpt2"), join(root, "gpt2.safetensors")];
    mkdirSync(folder);
    writeFileSync(join(folder, "config.json"), bytesOf(goodFiles["config.json"] as string));
    writeFileSync(weights, goodFiles["model.safetensors"] as Uint8Array);
    symlinkSync(weights, join(folder, "model.safetensors"));
    await expect(fromPretrained(folder)).rejects.toThrow("got a link to");
    const model = await modelFromFiles({
      "config.json": await openAsBlob(join(folder, "config.json")),
      "model.safetensors": await openAsBlob(weights),
    });
    expect(model.run([1, 2], { logits: "last" }).shape).toEqual([1, 7]);
  },
);
