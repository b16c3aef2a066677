import { type Gpt2, showToken } from "../model/index.ts";
import { quoteToken } from "../report/index.ts";
import type { Arguments } from "./args.ts";
import type { Record } from "./records.ts";

/** What is said of the tokens taken, beside the result. */
export function notesOn(model: Gpt2, records: readonly Record[], args: Arguments): string[] {
  return [
    ...predictionNotes(model, records),
    ...spaceNotes(model, records, args),
    ...valueBiasNotes(model, args),
  ];
}

/** Zero says something else of a head on folded weights than on those as trained: folding took its bias out of what is set to zero. */
function valueBiasNotes({ valueBiases }: Gpt2, { ablate, unit }: Arguments): string[] {
  if (ablate !== "zero" || unit !== "head" || valueBiases === "kept") return [];
  return [
    "note: folding moved each head's value bias into b_O, where a head at zero leaves it; --keep-value-biases takes it " +
      "along, as on the weights as trained",
  ];
}

/** More predictions than this are in the output only. */
const MAX_NOTES = 5;

function predictionNotes(model: Gpt2, records: readonly Record[]): string[] {
  const taken = records
    .flatMap(({ predicted, answers }) => (predicted && answers !== "next" ? answers : []))
    .filter((answer) => typeof answer === "number");
  if (taken.length === 0) return [];
  if (taken.length > MAX_NOTES) {
    return [
      `note: no --answer given, so each of ${taken.length} positions has the model's top prediction there`,
    ];
  }
  const names = [...new Set(taken)].map((id) =>
    quoteToken({ id, text: model.tokenizer ? showToken(model.tokenizer, id) : null }),
  );
  return [`note: no --answer given, so the model's top prediction: ${names.join(", ")}`];
}

/** A word without its space is another token than the one that goes on with a text: an easy slip. */
function spaceNotes(model: Gpt2, records: readonly Record[], { answers, wrongs }: Arguments): string[] {
  const { tokenizer } = model;
  if (!tokenizer) return [];
  const goesOn = records.some(({ tokens, positions }) =>
    positions.some((pos) => {
      const id = tokens[pos];
      return id !== tokenizer.bosToken && !/\s$/.test(showToken(tokenizer, id));
    }),
  );
  const given = [...answers, ...wrongs].flatMap((one) => {
    if (one === "next") return []; // the token that follows
    if (typeof one !== "object") return one;
    return "anyOf" in one ? one.anyOf : [];
  });
  const words = [...new Set(given)].filter(
    (token): token is string => typeof token === "string" && /^[\p{L}\p{N}]/u.test(token),
  );
  return words
    .filter((word) => goesOn && tokenizer.encode(` ${word}`).length === 1)
    .map(
      (word) =>
        `note: "${word}" and " ${word}" are different tokens; a word that follows in a text is " ${word}"`,
    );
}
