import { ValueError } from "../errors.ts";
import { readToken, type TokenRef, throughNorm, tokenColumn } from "../model/index.ts";
import type { Attributable } from "./attributable.ts";
import type { Reading } from "./check.ts";

/**
 * The answer: one token for all, a list of one per prompt (of a single prompt, one per position), or one list
 * per prompt with one per position. `"next"`, alone, is the token that follows each position in the prompt itself (in a
 * list it is a token of that text).
 */
export type Answers = TokenRef | readonly TokenRef[] | readonly (readonly TokenRef[])[];

/** What to attribute: an answer, an answer less a wrong one, or a direction. */
export interface AnswerOptions {
  /** Whose logit; without it a `direction` is wanted. */
  readonly answer?: Answers | undefined;
  /** Whose logit is subtracted; without it the answer's own logit is attributed. */
  readonly wrong?: Answers | undefined;
  /**
   * [dModel], on the final norm's output, as a column of W_U is. On a folded model that output has no gamma and
   * beta: for a probe made on the trained model's, attribute the raw model with `allowRawWeights`, or multiply by gamma.
   */
  readonly direction?: Float64Array | undefined;
}

/** What is read at one prompt and position. Readings of the same tokens are the same object. */
export interface Target {
  readonly prompt: number;
  readonly pos: number;
  readonly answer: number | null;
  readonly wrong: number | null;
  readonly reading: Reading;
}

/**
 * The targets of each prompt, one per position, in order.
 *
 * @param hasLogits whether all logits are captured: then these are compared
 * @throws ValueError for a missing or bad answer, a count that does not fit, or a direction of another length
 */
export function readTargets(
  where: string,
  model: Attributable,
  prompts: readonly (readonly number[])[],
  positions: readonly (readonly number[])[],
  options: AnswerOptions,
  hasLogits: boolean,
): Target[][] {
  const { answer, wrong, direction } = options;
  if (direction !== undefined) {
    if (answer !== undefined || wrong !== undefined) {
      throw new ValueError(`${where}: got a direction and an answer, expected one of them. Leave one out.`);
    }
    const reading = readDirection(where, model, direction);
    return prompts.map((_, prompt) =>
      positions[prompt].map((pos) => ({ prompt, pos, answer: null, wrong: null, reading })),
    );
  }
  if (answer === undefined) {
    throw new ValueError(
      `${where}: got no answer, expected a token or a direction. Give answer: " Mary" or direction.`,
    );
  }
  const answers = tokenAt(`${where}: answer`, model, prompts, positions, answer);
  const wrongs =
    wrong === undefined ? () => null : tokenAt(`${where}: wrong`, model, prompts, positions, wrong);
  const readings = new Map<string, Reading>();
  return prompts.map((_, prompt) =>
    positions[prompt].map((pos, index) => {
      const ids = { answer: answers(prompt, index), wrong: wrongs(prompt, index) };
      const key = `${ids.answer} ${ids.wrong}`;
      const reading = readings.get(key) ?? readTokens(model, ids.answer, ids.wrong, hasLogits);
      readings.set(key, reading);
      return { prompt, pos, ...ids, reading };
    }),
  );
}

/** Whether the tokens that follow are asked for: then "all" positions are those that one follows. */
export function wantsNext(options: AnswerOptions): boolean {
  return options.answer === "next" || options.wrong === "next";
}

type TokenAt = (prompt: number, index: number) => number;

function tokenAt(
  where: string,
  model: Attributable,
  prompts: readonly (readonly number[])[],
  positions: readonly (readonly number[])[],
  given: Answers,
): TokenAt {
  if (given === "next") return nextToken(where, prompts, positions);
  if (!Array.isArray(given)) {
    const id = readToken(where, model, given as TokenRef);
    return () => id;
  }
  const perPrompt =
    prompts.length === 1 && !given.some(Array.isArray) ? spread(where, given, positions[0]) : given;
  if (perPrompt.length !== prompts.length) {
    throw new ValueError(
      `${where}: got a list of ${perPrompt.length} for ${count(prompts.length, "prompt")}, expected one entry per prompt. ` +
        "Give as many as there are prompts.",
    );
  }
  const ids = perPrompt.map((item, prompt) => {
    const here = `${where}: prompt ${prompt}`;
    if (!Array.isArray(item)) {
      const id = readToken(here, model, item as TokenRef);
      return positions[prompt].map(() => id);
    }
    expectCount(here, item.length, positions[prompt].length);
    return item.map((token) => readToken(here, model, token));
  });
  return (prompt, index) => ids[prompt][index];
}

/** A flat list for a single prompt: one answer, or one per position. */
function spread(
  where: string,
  given: readonly TokenRef[],
  positions: readonly number[],
): (readonly TokenRef[])[] {
  if (given.length === 1) return [positions.map(() => given[0])];
  expectCount(where, given.length, positions.length);
  return [given];
}

function expectCount(where: string, got: number, positions: number): void {
  if (got === positions) return;
  throw new ValueError(
    `${where}: got ${got} for ${count(positions, "position")}, expected one each. Give as many as there are positions.`,
  );
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

function nextToken(
  where: string,
  prompts: readonly (readonly number[])[],
  positions: readonly (readonly number[])[],
): TokenAt {
  for (const [prompt, ids] of prompts.entries()) {
    if (!positions[prompt].includes(ids.length - 1)) continue;
    throw new ValueError(
      `${where}: got "next" at position ${ids.length - 1}, the last of prompt ${prompt}, expected one that a token follows. ` +
        'Choose an earlier position, or pos: "all" for every one that has a next token.',
    );
  }
  return (prompt, index) => prompts[prompt][positions[prompt][index] + 1];
}

/** Captured logits are compared as they are; else the forward pass computes the one that is read. */
export function readTokens(
  model: Attributable,
  answer: number,
  wrong: number | null,
  hasLogits: boolean,
): Reading {
  const { unembedding } = model;
  const read = tokenColumn(unembedding, answer, wrong ?? undefined);
  const ids = wrong === null ? [answer] : [answer, wrong];
  const captured = hasLogits ? ids.map((id) => ({ id, ...unembedding.token(id) })) : null;
  return reading(model, Float64Array.from(read.column), read, captured);
}

function readDirection(where: string, model: Attributable, direction: Float64Array): Reading {
  const { dModel } = model.config;
  if (
    !(direction instanceof Float64Array) ||
    direction.length !== dModel ||
    !direction.every(Number.isFinite)
  ) {
    const got = direction instanceof Float64Array ? `${direction.length} numbers` : typeof direction;
    throw new ValueError(
      `${where}: got a direction of ${got}, expected a Float64Array of dModel=${dModel} finite numbers.`,
    );
  }
  return reading(model, direction.slice(), null, null);
}

function reading(
  model: Attributable,
  w: Float64Array,
  column: Reading["column"],
  captured: Reading["captured"],
): Reading {
  const { finalNorm } = model;
  const beta = finalNorm.beta ? w.reduce((sum, value, i) => sum + value * finalNorm.beta![i], 0) : 0;
  return { w, u: throughNorm(finalNorm, w), beta, column, captured };
}
