// @ts-check
// node attribute.mjs: a Llama with untrained weights, attributed by component, head, neuron and all of them; a probe and
// a feature of a sparse autoencoder beside tokens.
import { directLogitAttribution, top, toTable } from "logitscope";
import { llama } from "./attributable.mjs";
import { featureOf, residualBefore } from "./features.mjs";
import { config, llamaWeights, noise, random } from "./weights.mjs";

const model = llama(config, llamaWeights(config, 1));
const prompt = [3, 1, 4, 1, 5, 9, 2, 6];
const tokens = { answer: 7, wrong: 11, allowRawWeights: true }; // nothing is folded: gamma goes onto the direction

for (const unit of /** @type {const} */ (["component", "head"]))
  console.log(`${toTable(directLogitAttribution(model, prompt, { ...tokens, unit }))}\n`);

for (const unit of /** @type {const} */ (["neuron", "full"])) {
  const result = directLogitAttribution(model, prompt, { ...tokens, unit });
  const { sum, rounding, bias, logit, error, bound, roundingBound } = result.attributions[0].check;
  const largest = top(result, 3).map(({ label, score }) => `${label} ${score.toFixed(4)}`);
  console.log(`by ${unit}: ${result.labels.length} rows, the largest ${largest.join(", ")}`);
  console.log(`  sum ${sum.toFixed(4)} + bias ${bias} = logit difference ${logit.toFixed(4)}`);
  console.log(`  rounding ${rounding.toExponential(1)} within ${roundingBound.toExponential(1)}`);
  console.log(`  error ${error.toExponential(1)} within ${bound.toExponential(1)}\n`);
}

// A probe on what Hugging Face calls the last hidden state, the final norm's output
const probe = Float64Array.from(noise(random(2), config.dModel, 1));
const probed = directLogitAttribution(model, prompt, { direction: probe, allowRawWeights: true });
console.log(`A probe on the final norm's output:\n${toTable(probed)}\n`);

// A feature of an autoencoder of the residual stream before block 1
const next = random(3);
const autoencoder = {
  W_enc: noise(next, 64 * config.dModel, 0.5),
  b_enc: noise(next, 64, 0.1),
  b_dec: noise(next, config.dModel, 0.1),
};
const { direction, bias } = featureOf(autoencoder, 1);
const feature = directLogitAttribution(residualBefore(model, 1), prompt, {
  direction,
  unit: "head",
  allowRawWeights: true,
});
const { sum } = feature.attributions[0].check;
console.log(`Feature 1 of an autoencoder before block 1:\n${toTable(feature)}`);
console.log(`with the autoencoder's own bias ${bias.toFixed(4)}: relu(${(sum + bias).toFixed(4)})`);
