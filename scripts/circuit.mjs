// Writes the figures of docs/circuit.md: npm run circuit. The prose about them is for you to read again.
import { readFileSync, writeFileSync } from "node:fs";
import { demoModel } from "logitscope/demo";
import { figures } from "../examples/circuit/figures.mjs";
import { toText } from "../examples/circuit/table.mjs";
import { figureNames, withFigures } from "./figures.mjs";

const file = new URL("../docs/circuit.md", import.meta.url);
const model = await demoModel({ compatibilityMode: true });
const before = readFileSync(file, "utf8");
const texts = {};
for (const name of figureNames(before)) texts[name] = toText(await figures[name](model));
const after = withFigures(before, texts);
writeFileSync(file, after);
console.log(after === before ? "docs/circuit.md is up to date" : "docs/circuit.md: figures written");
