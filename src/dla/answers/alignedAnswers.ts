import { ValueError } from "../../errors.ts";
import { asList } from "../../model/index.ts";
import type { Attributable } from "../attributable.ts";
import { type Answer, type AnswerRef, type Answers, readAnswer } from "./answers.ts";

/**
 * True where the tokens that follow are asked for throughout a prompt: then "all" positions are those that one follows.
 *
 * @param prompt its index among `prompts`
 */
export function wantsNext(
  options: { readonly answer?: Answers | undefined; readonly wrong?: Answers | undefined },
  prompt: number,
  prompts: number,
): boolean {
  return [options.answer, options.wrong].some(
    (given) =>
      given === "next" ||
      (Array.isArray(given) && (prompts > 1 || given.length === 1) && given[prompt] === "next"),
  );
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
  const single = asList(given);
  if (!Array.isArray(single) && single !== "next") {
    const one = readAnswer(where, model, single as AnswerRef);
    return () => one;
  }
  const read = (here: string, item: AnswerRef, prompt: number, pos: number): Answer =>
    item === "next" ? nextToken(where, prompts, prompt, pos) : readAnswer(here, model, item);
  // also what a sparse list leaves out
  const list = Array.from<AnswerRef, AnswerRef | readonly AnswerRef[]>(
    single === "next" ? prompts.map(() => single) : (single as readonly AnswerRef[]),
    asList,
  );
  const perPrompt =
    prompts.length === 1 && !list.some(Array.isArray)
      ? spread(where, list as AnswerRef[], positions[0])
      : list;
  if (perPrompt.length !== prompts.length) {
    throw new ValueError(
      `${where}: got a list of ${perPrompt.length} for ${count(prompts.length, "prompt")}, expected one entry per prompt. ` +
        "Give as many as there are prompts.",
    );
  }
  const all = perPrompt.map((item, prompt) => {
    const here = `${where}: prompt ${prompt}`;
    if (item === "next") return positions[prompt].map((pos) => read(here, item, prompt, pos));
    if (!Array.isArray(item)) {
      const one = readAnswer(here, model, item as AnswerRef);
      return positions[prompt].map(() => one);
    }
    expectCount(here, item.length, positions[prompt].length);
    return Array.from(item, (token: AnswerRef, index) => read(here, token, prompt, positions[prompt][index]));
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
  prompt: number,
  pos: number,
): Answer {
  const ids = prompts[prompt];
  if (pos < ids.length - 1) return { kind: "token", ids: [ids[pos + 1]] };
  throw new ValueError(
    `${where}: got "next" at position ${pos}, the last of prompt ${prompt}, expected one that a token follows. ` +
      'Choose an earlier position, or pos: "all" for every one that has a next token; the token spelt "next" is given by its id.',
  );
}
