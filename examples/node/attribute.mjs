// Which parts of the model preferred one name to the other? node attribute.mjs [FOLDER of Hugging Face files]
import { directLogitAttribution, top, toTable } from "logitscope";
import { demoModel } from "logitscope/demo";
import { fromPretrained } from "logitscope/node";

const [folder] = process.argv.slice(2);
const options = { compatibilityMode: true };
const model = folder ? await fromPretrained(folder, options) : await demoModel(options);

const prompt = "When Mary and John went to the store, John gave a drink to";
const names = { answer: " Mary", wrong: " John" };

const components = directLogitAttribution(model, prompt, names);
console.log(toTable(components));

const heads = directLogitAttribution(model, prompt, { ...names, unit: "head" });
const [first] = top(heads, 1);
console.log(`The largest row by head is ${first.label}: ${first.score.toFixed(4)}`);

// The same rows as numbers: they add up to what the model itself computed, as far as float32 can tell
const { check } = components.attributions[0];
const difference = Math.abs(check.sum + check.bias - check.logit);
console.log(
  `Rows and logit differ by ${difference.toExponential(1)}; at most ${(check.bound + check.roundingBound).toExponential(1)} was allowed`,
);
