import type { AttributedAnswer, AttributedToken, Attribution, AttributionResult } from "../dla/index.ts";
import { HANG, held } from "./layout.ts";
import { percent, plural } from "./numbers.ts";
import type { Paint } from "./paint.ts";
import { padColumns, quoteToken, visible } from "./text.ts";

/** The width of a field's name, in columns. */
export const fieldWidth = 10;

/** `name      value`, the name dim. */
export function field(name: string, value: string, paint: Paint): string {
  return paint.dim(padColumns(name, fieldWidth)) + HANG + value;
}

/** Between two facts a line may be broken: after the point. */
const between = `${held(" ·")} `;

/** What was run. */
export function modelLine(model: AttributionResult["model"], paint: Paint): string {
  const { name, layers, heads, dModel, compatibilityMode, valueBiases, backend } = model;
  const weights = compatibilityMode ? "compatibility mode" : "weights as trained";
  const facts = [
    `${plural(layers, "layer")} × ${plural(heads, "head")}`,
    `dModel ${dModel}`,
    weights,
    ...(valueBiases ? ["value biases kept"] : []),
    visible(backend.split(":")[0]), // why it is this one is in the document, and told by who loads it
  ];
  return field(
    "model",
    `${paint.bold(visible(name))}${paint.dim(`${between}${facts.map(held).join(between)}`)}`,
    paint,
  );
}

type Asked = Pick<Attribution, "prompt" | "pos" | "answer" | "wrong"> &
  Partial<Pick<Attribution, "probability" | "rank">>;

/** Where the logit is read, and of which tokens. */
export function attributionLines(
  result: Pick<AttributionResult, "model" | "prompts"> & Partial<Pick<AttributionResult, "target">>,
  { prompt, pos, answer, wrong, probability, rank }: Asked,
  paint: Paint,
): string[] {
  const { tokens, stringTokens } = result.prompts[prompt];
  const at = heldToken({ id: tokens[pos], text: stringTokens?.[pos] ?? null });
  return [
    field("position", `${pos} of 0–${tokens.length - 1}, after ${at}`, paint),
    field(
      answer === null ? "reading" : result.target ? "log prob" : "logit",
      logitOf(result, answer, wrong, paint),
      paint,
    ),
    ...followingLines(result, { prompt, pos, answer, wrong }, paint),
    ...(probability === undefined ? [] : [field("prob", probabilityOf(probability, rank), paint)]),
  ];
}

/** That a token which is read is the one that follows in the prompt, as "next" asks for. */
function followingLines(
  { prompts }: Pick<AttributionResult, "prompts">,
  { prompt, pos, answer, wrong }: Pick<Attribution, "prompt" | "pos" | "answer" | "wrong">,
  paint: Paint,
): string[] {
  const next = prompts[prompt].tokens[pos + 1];
  if (next === undefined) return [];
  return [answer, wrong].flatMap((one) =>
    one?.id === next ? [field("", paint.dim(`${quoteToken(one)} is the token that follows`), paint)] : [],
  );
}

/** What a logit of these tokens is called: `" Mary" − " John"`. */
export function logitName({ answer, wrong }: Pick<Attribution, "answer" | "wrong">): string {
  if (answer === null) return "a direction";
  return wrong === null ? answerName(answer) : `${answerName(answer)} − ${answerName(wrong)}`;
}

/** A token in quotes, on one line. */
function heldToken(token: AttributedToken): string {
  return held(quoteToken(token));
}

/** More tokens than this of a set are counted only. */
const MOST_NAMED = 3;

function answerName(answer: AttributedAnswer): string {
  if (answer.id !== undefined) return heldToken(answer);
  if ("tokens" in answer) return answer.tokens.map(heldToken).join(" ");
  const { anyOf, weights } = answer;
  const named = anyOf.slice(0, MOST_NAMED).map(heldToken);
  if (anyOf.length > MOST_NAMED) named.push("…");
  const of = `${plural(anyOf.length, "token")} (${named.join(", ")})`;
  return weights === "mean" ? `the mean of ${of}` : `${of} by softmax`;
}

/** `99.63%, rank 0`: how many tokens have a greater logit. */
function probabilityOf(probability: number, rank: number | undefined): string {
  const share = percent(probability, 2);
  return rank === undefined ? share : `${share}, rank ${rank}`;
}

function logitOf(
  { model, target }: Pick<AttributionResult, "model"> & Partial<Pick<AttributionResult, "target">>,
  answer: Attribution["answer"],
  wrong: Attribution["wrong"],
  paint: Paint,
): string {
  const name = paint.bold(logitName({ answer, wrong }));
  const isRelative = answer !== null && wrong === null && model.compatibilityMode && !target;
  return isRelative
    ? `${name}${paint.dim(", relative to the vocabulary's mean (unembedding centred)")}`
    : name;
}
