import { ValueError } from "../../errors.ts";
import { asList } from "../../model/index.ts";
import type { Attributable } from "../attributable.ts";
import { type Answer, type AnswerRef, type Answers, readAnswer } from "./answers.ts";

/** Whether the tokens that follow are asked for: then "all" positions are those that one follows. */
export function wantsNext(options: {
  readonly answer?: Answers | undefined;
  readonly wrong?: Answers | undefined;
}): boolean {
  return options.answer === "next" || options.wrong === "next";
}

/** The answer of a prompt at one of its positions. */
export type AnswerAt = (prompt: number, index: number) => Answer;

/** Reads answers given once for all, by prompt or by position. @throws ValueError for a bad one, or a count that does not fit */
export function answerAt(
  where: string,
  model: Attributable,
  prompts: readonly (readonly number[])[],
  positions: readonly (readonly number[])[],
  given: Answers,
): AnswerAt {
  if (given === "next") return nextToken(where, prompts, positions);
  const list = asList(given);
  if (!Array.isArray(list)) {
    const one = readAnswer(where, model, list as AnswerRef);
    return () => one;
  }
  // also what a sparse list leaves out
  const items = Array.from<AnswerRef, AnswerRef | readonly AnswerRef[]>(list, asList);
  const perPrompt =
    prompts.length === 1 && !items.some(Array.isArray)
      ? spread(where, items as AnswerRef[], positions[0])
      : items;
  if (perPrompt.length !== prompts.length) {
    throw new ValueError(
      `${where}: got a list of ${perPrompt.length} for ${count(prompts.length, "prompt")}, expected one entry per prompt. ` +
        "Give as many as there are prompts.",
    );
  }
  const all = perPrompt.map((item, prompt) => {
    const here = `${where}: prompt ${prompt}`;
    if (!Array.isArray(item)) {
      const one = readAnswer(here, model, item as AnswerRef);
      return positions[prompt].map(() => one);
    }
    expectCount(here, item.length, positions[prompt].length);
    return Array.from(item, (token: AnswerRef) => readAnswer(here, model, token));
  });
  return (prompt, index) => all[prompt][index];
}

/** A flat list for a single prompt: one answer, or one per position. */
function spread(
  where: string,
  given: readonly AnswerRef[],
  positions: readonly number[],
): (readonly AnswerRef[])[] {
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

export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

function nextToken(
  where: string,
  prompts: readonly (readonly number[])[],
  positions: readonly (readonly number[])[],
): AnswerAt {
  for (const [prompt, ids] of prompts.entries()) {
    if (!positions[prompt].includes(ids.length - 1)) continue;
    throw new ValueError(
      `${where}: got "next" at position ${ids.length - 1}, the last of prompt ${prompt}, expected one that a token follows. ` +
        'Choose an earlier position, or pos: "all" for every one that has a next token.',
    );
  }
  return (prompt, index) => ({ kind: "token", ids: [prompts[prompt][positions[prompt][index] + 1]] });
}
