// @ts-check
// node attribute.mjs: blocks of attention, a Mamba-style mixer and an MLP, attributed when every part declares what it
// writes, and refused when the mixer does not.
import { directLogitAttribution, NotImplementedError, toTable } from "logitscope";
import { hybrid } from "./attributable.mjs";
import { config, hybridWeights } from "./weights.mjs";

const weights = hybridWeights(config, 1);
const prompt = [3, 1, 4, 1, 5, 9, 2, 6];
const options = { answer: 7, wrong: 11, allowRawWeights: true };

console.log(toTable(directLogitAttribution(hybrid(config, weights), prompt, options)));
console.log(toTable(directLogitAttribution(hybrid(config, weights), prompt, { ...options, unit: "head" })));

try {
  directLogitAttribution(hybrid(config, weights, { declareMamba: false }), prompt, options);
} catch (error) {
  if (!(error instanceof NotImplementedError)) throw error;
  console.log(
    `Without the mixer's writer it is refused before anything runs:\n${error.name}: ${error.message}`,
  );
}
