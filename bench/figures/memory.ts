/** Peak memory of attributing one prompt of 1024 tokens, above the loaded model: .../memory.ts UNIT, a process each */
import process from "node:process";
import { directLogitAttribution, type Unit } from "../../src/index.ts";
import { fromPretrained } from "../../src/node/index.ts";
import { figure, heading } from "../figure.ts";
import { gpt2Folder } from "../gpt2Folder.ts";
import { pair, prompt } from "../prompts.ts";

const unit = process.argv[2] as Unit;
heading(`memory of one prompt of 1024 tokens, ${unit}`);
const model = await fromPretrained(gpt2Folder(), { compatibilityMode: true });
directLogitAttribution(model, prompt(2), { ...pair, unit }); // what is compiled and read only once
const loaded = process.memoryUsage.rss();
directLogitAttribution(model, prompt(1024), { ...pair, unit });
const peak = 1024 * process.resourceUsage().maxRSS;
figure(
  `1024 tokens, ${unit}: peak memory above the loaded model`,
  [(peak - loaded) / 1e6],
  { atMost: ["source", "path"].includes(unit) ? 300 : 150, unit: "MB" },
  `loaded ${(loaded / 1e6).toFixed(0)} MB`,
);
