import type { ModelInput } from "../model/index.ts";
import { expectKnown } from "../model/index.ts";
import type { Reading } from "./answers/readings.ts";
import { readSites } from "./answers/siteReadings.ts";
import { readTargets } from "./answers/targets.ts";
import { type Attributable, expectModel } from "./attributable.ts";
import { addsBeta, attributeSite, neededHooks } from "./attributeSite.ts";
import { type AttributionOptions, attributionNames, expectOptions } from "./attributionOptions.ts";
import { sitesOf } from "./batches.ts";
import { withEntropy } from "./check/check.ts";
import { type Input, readActivations, readInput } from "./input.ts";
import { leaveOneOutRows } from "./leaveOneOut/leaveOneOut.ts";
import { expectOwnScale } from "./normScale.ts";
import { answerDescriber, describeModel, describePrompt, describeSources } from "./result/describe.ts";
import type { Attribution, AttributionResult } from "./result/result.ts";
import { sumOfTokens, type TargetRun, targetRuns } from "./result/severalTokens.ts";
import { pathWriters } from "./rows/paths.ts";
import { computeRows, expectUnit, rowLabels, unitAxes } from "./rows/rows.ts";
import type { Site } from "./site.ts";

/**
 * Direct logit attribution: how much each part of the model pushed towards a token, or towards one rather than
 * another. A row is what a part wrote to the residual stream, read through the final norm and the unembedding:
 *
 *   row(c) = u·c / scale,   u = P(gamma ⊙ w),   w = W_U[:, answer] − W_U[:, wrong]
 *
 * The rows of an attribution sum to the model's logit (difference) less the b_U term; the `check` that comes
 * with each shows it, and one that fails throws. Prompts of unequal length are grouped, never padded: each is
 * attributed at its own positions, with the bits it would have alone.
 *
 * On a folded model a single token's logit is relative to the vocabulary's mean, since the unembedding is centred.
 *
 * @param model   in compatibility mode, unless `options.allowRawWeights`
 * @param input   a text, texts, ids or lists of ids; undefined to take those of `options.cache`
 * @param options the answer, and against what, where and how finely
 * @returns one attribution per prompt and position, in order
 * @throws NotImplementedError for a block with a part that does not declare what it writes
 * @throws ValueError for a raw model, a bad prompt, answer, position or cache; before anything runs
 * @throws CheckError when the rows do not add up within the derived bounds; with `leaveOneOut`, when the norm as declared
 *   does not make the captured scale
 * @see Elhage et al., A Mathematical Framework for Transformer Circuits (2021)
 */
export function directLogitAttribution(
  model: Attributable,
  input: ModelInput | undefined,
  options: AttributionOptions = {},
): AttributionResult {
  const where = "directLogitAttribution";
  expectKnown(where, options, attributionNames);
  return attribute(where, model, input, options);
}

/** Is given each attribution with its activations, while these are held, and what is read there. */
type Visit = (attribution: Attribution, site: Site, reading: Reading) => void;

/**
 * `directLogitAttribution` under the name that its errors are to carry.
 *
 * @param visit where given, answers of several tokens, which are read at several positions, are refused
 */
export function attribute(
  where: string,
  model: Attributable,
  input: ModelInput | undefined,
  options: AttributionOptions,
  visit?: Visit,
): AttributionResult {
  const steps = attributeInSteps(where, model, input, options, visit);
  let step = steps.next();
  while (!step.done) step = steps.next();
  return step.value;
}

/** A step of an attribution: the checks, or a batch that has run. */
export interface AttributionStep {
  /** The number of prompts that have all their attributions by it. */
  readonly finished: number;
  /** The number of tokens it ran; the checks run none. */
  readonly tokens: number;
}

/**
 * `attribute` in steps, between which the event loop may have its turn: the first checks all that is given, each of the others runs
 * and attributes a batch of prompts.
 *
 * @param mostTokens of the next batch, asked before each
 */
export function* attributeInSteps(
  where: string,
  model: Attributable,
  input: ModelInput | undefined,
  options: AttributionOptions,
  visit?: Visit,
  mostTokens?: () => number,
): Generator<AttributionStep, AttributionResult> {
  const { unit = "component", cache, target: of } = options;
  expectModel(where, model);
  expectUnit(where, model, unit);
  const read = readInput(where, model, input, options);
  const { prompts, positions } = read;
  const hasLogits = cache?.has(model.unembedding.hook) ?? false;
  const targets = readTargets(where, model, prompts, positions, options, hasLogits);
  expectOptions(where, options, targets.flat(), visit !== undefined);
  const runs = targetRuns(where, model, prompts, targets);
  const batches = readActivations(where, model, inputOf(runs), neededHooks(model, unit), cache, mostTokens);
  const unread = prompts.map(() => 0); // targets of each prompt
  for (const { prompt, targets } of runs) unread[prompt] += targets.length;
  const describe = answerDescriber(model);
  const made = targets.map((ofPrompt) => ofPrompt.map((): Attribution[] => []));
  yield { finished: 0, tokens: 0 };
  for (const batch of batches) {
    let finished = 0;
    const sites = sitesOf(
      batch,
      runs.map((run) => run.targets),
    ).map(({ prompt, index, site }) => ({
      ...{ site, run: runs[prompt], index, target: runs[prompt].targets[index] },
    }));
    const readings = readSites(model, sites, options);
    const asked = sites.map(({ site }, i) => ({ site, u: readings[i].reading.u }));
    const rows = computeRows(model, unit, asked);
    const left = options.leaveOneOut ? leaveOneOutRows(model, unit, asked) : null;
    for (const [i, { site, run, index, target }] of sites.entries()) {
      const { prompt, pos } = target;
      const { reading, weights, entropy, probability } = readings[i];
      const here = `${where}: prompt ${prompt}, position ${pos}`;
      const { scores, leaveOneOut, check } = attributeSite(
        here,
        model,
        unit,
        reading,
        rows[i],
        site,
        left?.[i],
      );
      if (left) expectOwnScale(here, model, site);
      const attribution: Attribution = {
        ...{ prompt, pos },
        answer: describe(target.answer, weights.answer),
        wrong: describe(target.wrong, weights.wrong),
        scores,
        ...(leaveOneOut && { leaveOneOut }),
        ...(rows[i].within && { sources: describeSources(model, run.tokens, pos) }),
        ...probability,
        check: withEntropy(check, entropy),
      };
      visit?.(attribution, site, reading);
      made[prompt][run.of[index]].push(attribution);
      if (--unread[prompt] === 0) finished++;
    }
    yield { finished, tokens: batch.prompts.reduce((sum, index) => sum + runs[index].tokens.length, 0) };
  }
  return {
    unit,
    ...(of === "logProbability" && { target: of }),
    axes: unitAxes(unit),
    ...(unit === "path" && { writers: pathWriters(model) }),
    labels: addsBeta(model, unit) ? [...rowLabels(model, unit), "beta"] : rowLabels(model, unit),
    model: describeModel(model),
    prompts: prompts.map((tokens, index) => describePrompt(model, tokens, input, index)),
    attributions: made.flatMap((ofPrompt, prompt) =>
      ofPrompt.map((tokens, index) => {
        const { pos, answer, wrong, steps } = targets[prompt][index];
        if (steps === undefined) return tokens[0];
        const asked = { answer: describe(answer, []), wrong: describe(wrong, []) };
        return { prompt, pos, ...asked, ...sumOfTokens(tokens) };
      }),
    ),
  };
}

function inputOf(runs: readonly TargetRun[]): Input {
  return {
    prompts: runs.map(({ tokens }) => tokens),
    positions: runs.map(({ targets }) => targets.map(({ pos }) => pos)),
  };
}
