import type { ModelInput, Positions } from "../model/index.ts";
import { type AnswerOptions, readTargets, type Target } from "./answers.ts";
import type { Attributable, AttributableCache } from "./attributable.ts";
import { sitesOf } from "./batches.ts";
import { checkSum, dot, expectCheck, type Reading } from "./check.ts";
import { describeModel, describePrompt, describeSources, describeToken } from "./describe.ts";
import { readActivations, readInput } from "./input.ts";
import { expectLeavable, leaveOneOutRows } from "./leaveOneOut.ts";
import { pathWriters } from "./paths.ts";
import type { Attribution, AttributionResult } from "./result.ts";
import {
  computeRows,
  expectUnit,
  isCumulative,
  type Rows,
  rowHooks,
  rowLabels,
  type Site,
  type Unit,
  unitAxes,
} from "./rows.ts";

/** What to attribute, where and how finely. */
export interface AttributionOptions extends AnswerOptions {
  /** Default "component". */
  readonly unit?: Unit | undefined;
  /** One position, a list, or "all", counted in each prompt's own tokens; default the last, -1. */
  readonly pos?: Positions | undefined;
  /**
   * Each row's exact change of the logit (difference) too, the final norm computed anew without it: see
   * `Attribution.leaveOneOut`. Units "component" and "head"; default false.
   */
  readonly leaveOneOut?: boolean | undefined;
  /** Activations of the very prompts and model, so that nothing runs. */
  readonly cache?: AttributableCache | undefined;
  /** Attribute a model with its weights as trained, by putting the final norm's affine part on the direction. */
  readonly allowRawWeights?: boolean | undefined;
  /** Whether a text gets the BOS token in front; default true. */
  readonly prependBos?: boolean | undefined;
}

/**
 * Direct logit attribution: how much each part of the model pushed towards a token, or towards one rather than
 * another. A row is what a part wrote to the residual stream, read through the final norm and the unembedding:
 *
 *   row(c) = u·c / scale,   u = P(gamma ⊙ w),   w = W_U[:, answer] − W_U[:, wrong]
 *
 * The rows of an attribution sum to the model's own logit (difference) less the b_U term; the `check` that comes
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
 * @throws CheckError when the rows do not add up within the derived bounds
 * @see Elhage et al., A Mathematical Framework for Transformer Circuits (2021)
 */
export function directLogitAttribution(
  model: Attributable,
  input: ModelInput | undefined,
  options: AttributionOptions = {},
): AttributionResult {
  return attribute("directLogitAttribution", model, input, options);
}

/**
 * `directLogitAttribution` under the name that its errors are to carry.
 *
 * @param visit is given each attribution with its activations, while these are held, and what is read there
 */
export function attribute(
  where: string,
  model: Attributable,
  input: ModelInput | undefined,
  options: AttributionOptions,
  visit: (attribution: Attribution, site: Site, reading: Reading) => void = () => {},
): AttributionResult {
  const { unit = "component", cache } = options;
  expectUnit(where, model, unit);
  if (options.leaveOneOut) expectLeavable(where, unit);
  const read = readInput(where, model, input, options);
  const { prompts, positions } = read;
  const hasLogits = cache?.has(model.unembedding.hook) ?? false;
  const targets = readTargets(where, model, prompts, positions, options, hasLogits);
  const batches = readActivations(where, model, read, neededHooks(model, unit), cache);
  const attributions: Attribution[][] = targets.map((ofPrompt) => new Array(ofPrompt.length));
  for (const batch of batches) {
    const sites = sitesOf(batch, targets);
    const asked = sites.map(({ prompt, index, site }) => ({ site, u: targets[prompt][index].reading.u }));
    const rows = computeRows(model, unit, asked);
    const left = options.leaveOneOut ? leaveOneOutRows(model, unit, asked) : null;
    for (const [i, { prompt, index, site }] of sites.entries()) {
      const target = targets[prompt][index];
      const attributed = attributeSite(where, model, unit, target, rows[i], site, left?.[i]);
      const sources = rows[i].within && { sources: describeSources(model, prompts[prompt], target.pos) };
      const attribution = { ...attributed, ...sources };
      visit(attribution, site, target.reading);
      attributions[prompt][index] = attribution;
    }
  }
  return {
    unit,
    axes: unitAxes(unit),
    ...(unit === "path" && { writers: pathWriters(model) }),
    labels: addsBeta(model, unit) ? [...rowLabels(model, unit), "beta"] : rowLabels(model, unit),
    model: describeModel(model),
    prompts: prompts.map((tokens, index) => describePrompt(model, tokens, input, index)),
    attributions: attributions.flat(),
  };
}

/** The rows of one prompt at one position, divided by the scale, and their check. */
export function attributeSite(
  where: string,
  model: Attributable,
  unit: Unit,
  target: Target,
  rows: Rows,
  site: Site,
  left?: Float64Array,
): Attribution {
  const { finalNorm, accuracy } = model;
  const { reading, prompt, pos } = target;
  const [scale] = site.read(finalNorm.scaleHook);
  const betaIsRow = addsBeta(model, unit);
  const { within = [] } = rows;
  const perLabel = within.reduce((product, size) => product * size, 1);
  const data = new Float64Array(rows.scores.length + (betaIsRow ? perLabel : 0));
  rows.scores.forEach((row, i) => {
    data[i] = row / scale;
  });
  if (betaIsRow) data[data.length - 1] = reading.beta;
  const b_U = biasOf(reading);
  const output = site.read(finalNorm.outputHook);
  const check = checkSum(reading, finalNorm, accuracy, {
    sum: isCumulative(unit) ? data[data.length - 1] : data.reduce((sum, row) => sum + row, 0),
    rows: data,
    unwritten: betaIsRow ? reading.beta : 0,
    bias: betaIsRow ? b_U : b_U + reading.beta,
    logits: readLogits(model, reading, site, output),
    writes: model.writers.map((writer) => site.read(writer.hook)),
    x: site.read(finalNorm.inputHook),
    scale,
    output,
    splitError: rows.splitError,
  });
  expectCheck(`${where}: prompt ${prompt}, position ${pos}`, check);
  return {
    prompt,
    pos,
    answer: describeToken(model, target.answer),
    wrong: describeToken(model, target.wrong),
    scores: { shape: [data.length / perLabel, ...within], data },
    ...(left && {
      leaveOneOut: {
        shape: [data.length],
        data: Float64Array.from(betaIsRow ? [...left, reading.beta] : left),
      },
    }),
    check,
  };
}

/** The forward pass's logits of what is read; of a direction, its dot product with the norm's output. */
export function readLogits(
  model: Attributable,
  reading: Reading,
  site: Site,
  output: Float32Array,
): readonly number[] {
  const { w, column, captured } = reading;
  if (column === null) return [dot(w, output)];
  if (captured === null) return [model.unembedding.read(output, column)];
  const logits = site.read(model.unembedding.hook);
  return captured.map(({ id }) => logits[id]);
}

/** The b_U term of the logits compared. */
function biasOf({ column, captured }: Reading): number {
  if (captured === null) return column?.bias ?? 0;
  return captured[0].bias - (captured[1]?.bias ?? 0);
}

/** Cumulative rows have no place for one that nobody wrote: there beta counts as bias. A norm without beta needs none. */
function addsBeta(model: Attributable, unit: Unit): boolean {
  return !model.compatibilityMode && model.finalNorm.beta !== null && !isCumulative(unit);
}

/** What rows and check are read from. */
export function neededHooks(model: Attributable, unit: Unit): { names: string[]; everyPos: string[] } {
  const { inputHook, scaleHook, outputHook } = model.finalNorm;
  const { hooks, everyPos } = rowHooks(model, unit);
  return { names: [...new Set([...hooks, inputHook, scaleHook, outputHook])], everyPos };
}
