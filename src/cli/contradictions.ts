import type { Arguments } from "./args.ts";
import { UsageError } from "./usageError.ts";

/** What is asked instead of an attribution, or of two: one at a time. */
const questions = ["lens", "erasures", "promoted", "ablate", "compare"] as const;

/** Whose logarithm or probability: only an attribution has a place for them. */
const probabilities = ["log-probability", "probability"] as const;
const answers = ["answer", "answer-id", "answer-text", "any-of"] as const;
const wrongs = ["wrong", "wrong-id", "wrong-text", "wrong-any-of"] as const;

/** The options that a question has no use for. */
const refused: Readonly<Record<(typeof questions)[number], readonly string[]>> = {
  lens: ["unit", "leave-one-out", "input", "top", ...probabilities],
  erasures: ["leave-one-out", "input", ...probabilities],
  promoted: ["unit", "leave-one-out", "input", ...answers, ...wrongs, ...probabilities],
  ablate: ["input", ...probabilities],
  compare: ["input", "probability"],
};

/** @throws UsageError for options that contradict each other; `given` are their names */
export function expectConsistent(parsed: Arguments, given: ReadonlySet<string>): void {
  const { top, promoted, format, input, model, revision, offline, prompts } = parsed;
  if (top !== undefined && format !== "table" && promoted === undefined) {
    throw new UsageError(`got --top and --format ${format}, which always has every row`);
  }
  expectQuestion(parsed, given);
  expectLogarithm(parsed, given);
  expectFolded(parsed);
  if (input !== undefined) expectSweep(parsed);
  if (model === "") throw new UsageError('--model: got "", expected demo, a folder or a name');
  if (model === "demo" && (revision !== undefined || offline)) {
    const name = revision !== undefined ? "revision" : "offline";
    throw new UsageError(`got --${name} without a --model from the hub, expected one`);
  }
  if (prompts.filter((prompt) => prompt === "-").length > 1) {
    throw new UsageError('got "-" twice, expected one: stdin is read once');
  }
}

/** One question, with the options that it takes. Its answers have their place in tables and documents alone. */
function expectQuestion(parsed: Arguments, given: ReadonlySet<string>): void {
  const { unit, format, promoted } = parsed;
  const [question, other] = questions.filter((name) => given.has(name));
  if (question === undefined) return;
  if (other !== undefined) throw new UsageError(`got --${question} and --${other}, expected one of them`);
  if (question === "ablate" && given.has("leave-one-out"))
    throw new UsageError("got --ablate and --leave-one-out, expected one: --ablate zero shows it as direct");
  const [extra] = refused[question].filter((name) => given.has(name));
  if (extra !== undefined) throw new UsageError(`got --${question} and --${extra}, expected one of them`);
  const takesHeads = question === "ablate" || question === "erasures";
  if (takesHeads && unit !== undefined && unit !== "component" && unit !== "head")
    throw new UsageError(`got --${question} and --unit ${unit}, expected component or head`);
  if (promoted === "") throw new UsageError('--promoted: got "", expected a component, as 1_mlp_out or L1H0');
  if (question === "compare") expectComparison(parsed, given);
  if (format !== "table" && format !== "json")
    throw new UsageError(`got --${question} and --format ${format}, expected table or json`);
}

/** Weights as trained are not folded: their heads have their value biases anyway. */
function expectFolded({ rawWeights, keepValueBiases }: Arguments): void {
  if (rawWeights && keepValueBiases)
    throw new UsageError(
      "got --raw-weights and --keep-value-biases, expected one: weights as trained keep them",
    );
}

/** A logarithm has no wrong answer, and is another where a row is out. */
function expectLogarithm({ logProbability }: Arguments, given: ReadonlySet<string>): void {
  const wrong = wrongs.find((name) => given.has(name));
  if (logProbability && wrong !== undefined)
    throw new UsageError(
      `got --log-probability and --${wrong}, expected one: two log-probabilities differ by what the logits do`,
    );
  if (logProbability && given.has("leave-one-out"))
    throw new UsageError(
      "got --log-probability and --leave-one-out, expected one: the probabilities would change",
    );
}

/** Two prompts, of which the second is given by --compare. */
function expectComparison({ compare, prompts }: Arguments, given: ReadonlySet<string>): void {
  if (compare === "") throw new UsageError('--compare: got "", expected a prompt');
  if (prompts.length === 1 && prompts[0] !== "-" && !given.has("tokens")) return;
  throw new UsageError("got --compare without one prompt as text beside it, expected one: A --compare B");
}

/** Records have their prompts, and may have their answers; their number is not known before the last is read. */
function expectSweep({ input, prompts, answers, wrongs, format }: Arguments): void {
  if (input === "") throw new UsageError('--input: got "", expected a file, or - for stdin');
  if (prompts.length > 0) throw new UsageError("got a prompt and --input, expected one of them");
  if (answers.length > 1 || wrongs.length > 1) {
    throw new UsageError("got several answers and --input, expected one for all, or each in its record");
  }
  if (format === "ndjson" || format === "csv") return;
  throw new UsageError(`got --input and --format ${format}, expected ndjson or csv: lines as they come`);
}
