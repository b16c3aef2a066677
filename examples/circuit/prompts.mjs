// @ts-check
// The prompts of docs/circuit.md: the demonstration model's own, its variations, a family of them, and other kinds.

export const prompt = "When Mary and John went to the store, John gave a drink to";
export const swapped = "When Mary and John went to the store, Mary gave a drink to";
export const names = { answer: " Mary", wrong: " John" };

/** Where the names stand, in tokens with the end-of-text token in front. */
export const at = { first: 2, second: 4, subject: 10, end: 14 };

const people = (
  "Mary Tom James Dan Sarah John Alice Bob Anna Peter Paul Kate Emma Jack Lucy Mark Laura David Susan Michael " +
  "Robert Linda Helen George Henry Jane Julia Kevin Lisa Martin Nick Rachel Sam Simon Steve Victor Emily Frank Grace Adam"
).split(" ");
const places =
  "store park school office garden station beach hospital restaurant house library market cafe museum church farm".split(
    " ",
  );
const gifts = "drink book ring ball letter basket flower gift key ticket coat map pen cake hat lamp".split(
  " ",
);

/** @typedef {{ input: string, answer: string, wrong: string }} Case */

/** @type {(list: readonly string[], i: number) => string} */
const pick = (list, i) => list[i % list.length];

/**
 * Eighty prompts like the first one, each name twice the answer and twice the subject.
 *
 * @param {"first" | "second"} order which of the two names is the answer
 * @param {{ subject?: "other", unseen?: boolean }} [options] a third name as subject; a sentence the model was not trained on
 * @returns {Case[]}
 */
export function family(order, { subject: who, unseen = false } = {}) {
  return [1, 7].flatMap((step) =>
    people.map((answer, i) => {
      const wrong = pick(people, i + step);
      const [first, second] = order === "first" ? [answer, wrong] : [wrong, answer];
      const subject = who === "other" ? pick(people, i + step + 3) : wrong;
      const [place, gift] = [pick(places, i), pick(gifts, i + step)];
      const input = unseen
        ? `While ${first} and ${second} were working at the ${place}, ${subject} wanted to give a ${gift} to`
        : `When ${first} and ${second} went to the ${place}, ${subject} gave a ${gift} to`;
      return { input, answer: ` ${answer}`, wrong: ` ${who === "other" ? subject : wrong}` };
    }),
  );
}

const capitals =
  "France Paris Italy Rome Spain Madrid Greece Athens Japan Tokyo China Beijing Egypt Cairo Peru Lima".split(
    " ",
  );
const days = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split(" ");
const nouns = "key dog picture book bag car door table house garden bird horse".split(" ");
const words = "drink garden Tuesday lamp Paris seven doctor Mary cabinet red".split(" ");

/** Prompts of other kinds that the model does as well. @type {Record<string, Case[]>} */
export const otherKinds = {
  facts: Array.from({ length: 8 }, (_, i) => ({
    input: `The capital of ${capitals[2 * i]} is`,
    answer: ` ${capitals[2 * i + 1]}`,
    wrong: ` ${pick(capitals, 2 * i + 3)}`,
  })),
  successors: days.map((day, i) => ({
    input: `${day}, ${pick(days, i + 1)}, ${pick(days, i + 2)},`,
    answer: ` ${pick(days, i + 3)}`,
    wrong: ` ${pick(days, i + 4)}`,
  })),
  agreement: nouns.map((noun, i) => ({
    input: `The ${noun}s near the ${pick(nouns, i + 1)}`,
    answer: " are",
    wrong: " is",
  })),
  repetition: words.map((_, i) => {
    const [a, b, c, d] = [0, 1, 2, 3].map((k) => pick(words, i + k));
    return { input: `Repeat: ${a} ${b} ${c} ${d} ${a} ${b}`, answer: ` ${c}`, wrong: ` ${d}` };
  }),
};
