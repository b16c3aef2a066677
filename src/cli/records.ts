import type { AnswerRef, AttributionOptions } from "../dla/index.ts";
import { ValueError } from "../errors.ts";
import {
  type Gpt2,
  readPrompts,
  readToken,
  resolvePositions,
  type TokenRef,
  textTokens,
} from "../model/index.ts";
import type { Arguments } from "./args.ts";
import { UsageError } from "./usageError.ts";

/** A prompt that can be attributed. */
export interface Record {
  readonly input: string | readonly number[];
  readonly tokens: readonly number[];
  readonly positions: readonly number[];
  /** One per position, or the token that follows each. */
  readonly answers: readonly AnswerRef[] | "next";
  readonly wrongs: readonly AnswerRef[] | "next" | null;
  /** Whether the answers are the model's own predictions. */
  readonly predicted: boolean;
}

/** What the library is to be asked of these records. */
export function attributionOf(
  records: readonly Record[],
  { pos, bos, rawWeights }: Arguments,
): Omit<AttributionOptions, "unit" | "leaveOneOut" | "cache" | "target" | "probability"> & {
  input: Record["input"][];
} {
  const wrongs = records.flatMap(({ wrongs }) => (wrongs ? [wrongs] : []));
  return {
    input: records.map(({ input }) => input),
    pos,
    answer: records.map((record) => record.answers),
    ...(wrongs.length > 0 ? { wrong: wrongs } : {}),
    ...(bos ? {} : { prependBos: false }),
    allowRawWeights: rawWeights,
  };
}

/** What is to stand beside the rows, and whose they are to be. */
export function detailOf({
  leaveOneOut,
  logProbability,
  probability,
}: Arguments): Pick<AttributionOptions, "leaveOneOut" | "target" | "probability"> {
  return { leaveOneOut, probability, ...(logProbability && { target: "logProbability" }) };
}

/** A prompt that cannot, by its index among those given. */
export interface Failure {
  readonly index: number;
  readonly message: string;
}

/**
 * The prompts, read one by one, so that a bad one does not keep the others from being attributed.
 *
 * @throws UsageError when the counts of prompts and tokens do not match
 * @throws ValueError for a token, given once for all, that the model does not have
 */
export function readRecords(
  model: Gpt2,
  inputs: readonly (string | readonly number[])[],
  { answers, wrongs, pos, bos, promoted }: Arguments,
): { records: Record[]; failures: Failure[] } {
  const answerOf = answerReader("answer", model, answers, inputs.length);
  const wrongOf = answerReader("wrong", model, wrongs, inputs.length);
  const records: Record[] = [];
  const failures: Failure[] = [];
  for (const [index, input] of inputs.entries()) {
    try {
      const [tokens] = readPrompts("", model, [input], bos ? undefined : false);
      const answer = answerOf(index);
      const wrong = wrongOf(index);
      const whole = resolvePositions("--pos", pos, tokens.length);
      const positions = answer === "next" || wrong === "next" ? followed(whole, tokens.length, pos) : whole;
      expectRoom(model, positions, answer);
      const every = (one: AnswerRef) => (one === "next" ? one : positions.map(() => one));
      const predicted = answer === undefined && promoted === undefined; // of which tokens are the answer
      records.push({
        input,
        tokens,
        positions,
        answers: predicted ? topPredictions(model, tokens, positions) : every(answer ?? 0),
        wrongs: wrong === undefined ? null : every(wrong),
        predicted,
      });
    } catch (error) {
      if (!(error instanceof ValueError)) throw error;
      const message = error.message.replace(/^: prompt: /, ""); // whoever prints it says which
      failures.push({ index, message });
    }
  }
  return { records, failures };
}

/** The positions that a token follows, of all; a single one has to be such. @throws ValueError where nothing follows */
function followed(positions: readonly number[], length: number, pos: Arguments["pos"]): readonly number[] {
  const some = positions.filter((one) => one < length - 1);
  if (some.length > 0 && (pos === "all" || some.length === positions.length)) return some;
  throw new ValueError(
    `got "next", the token that follows, at position ${positions[positions.length - 1]}, the prompt's last, expected one that a ` +
      'token follows: choose it by --pos, or --pos all; the token spelt "next" is given by its id, --answer-id or --wrong-id',
  );
}

/** @throws ValueError where an answer's tokens, appended to run them, are beyond the context */
function expectRoom(model: Gpt2, positions: readonly number[], answer: AnswerRef | undefined): void {
  if (typeof answer !== "object" || !("text" in answer)) return;
  const appended = textTokens("--answer-text", model, answer.text).length - 1;
  const { nCtx } = model.config;
  const length = positions.reduce((most, pos) => Math.max(most, pos + 1), 0) + appended;
  if (length <= nCtx) return;
  throw new ValueError(
    `--answer-text: got ${length} tokens with the prompt's, expected at most ${nCtx} (the model's context)`,
  );
}

/** The answer of each prompt: none, one for all, which is read at once, or one each. */
function answerReader(
  option: "answer" | "wrong",
  model: Gpt2,
  given: readonly AnswerRef[],
  prompts: number,
): (index: number) => AnswerRef | undefined {
  if (given.length === 0) return () => undefined;
  if (given.length !== 1 && given.length !== prompts) {
    throw new UsageError(
      `got --${option} ${given.length} times for ${prompts} prompt${prompts === 1 ? "" : "s"}, ` +
        "expected it once for all, or once for each",
    );
  }
  const read = (one: AnswerRef): AnswerRef => {
    if (one === "next") return one;
    if (typeof one === "number") return readGiven(`--${option}-id`, model, one);
    if (typeof one === "string")
      return readGiven(`--${option}`, model, one, `--${option}-text ${JSON.stringify(one)}`);
    if (!("anyOf" in one)) return one;
    const set = option === "answer" ? "--any-of" : "--wrong-any-of";
    const tokens = one.anyOf as readonly TokenRef[]; // the options' own lists
    const anyOf = tokens.map((token) => readGiven(set, model, token));
    if (new Set(anyOf).size < anyOf.length)
      throw new UsageError(`got one token twice by ${set}, expected a set`);
    return { ...one, anyOf };
  };
  if (given.length > 1) return (index) => read(given[index]);
  const id = read(given[0]);
  return () => id;
}

/**
 * The id of a token given by option; the error says which, also where it is the tokenizer's.
 *
 * @param several how the same text is given as several tokens
 */
function readGiven(where: string, model: Gpt2, token: TokenRef, several?: string): number {
  try {
    return readToken(where, model, token);
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
    const told = error.message.startsWith(where) ? error.message : `${where}: ${error.message}`;
    const message = several === undefined ? told : namingSeveral(told, several);
    throw new ValueError(message, { cause: error });
  }
}

/** The message for a text of several tokens, with the way to give them; one of no token stays as it is. */
export function namingSeveral(message: string, several: string): string {
  if (message.includes("which is 0 tokens")) return message;
  return message.replace(/Give a text that is one token, or an id\.$/, `Give all of them: ${several}.`);
}

/** The token of greatest logit at each position; of equal ones the first. */
function topPredictions(model: Gpt2, tokens: readonly number[], positions: readonly number[]): number[] {
  const names = ["unembed.hook_in"] as const;
  const { cache } = model.runWithCache([tokens], { names, pos: positions, logits: "none" });
  const { data } = cache.get(names[0]); // [1, pos, dModel]
  return positions.map((_, row) => {
    const { dModel } = model.config;
    const logits = model.unembedding.logits(data.subarray(row * dModel, (row + 1) * dModel));
    return logits.reduce((best, logit, id) => (logit > logits[best] ? id : best), 0);
  });
}
