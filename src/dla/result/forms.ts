import type { Tensor64 } from "../../tensor/index.ts";
import {
  each,
  type Fits,
  fits,
  flag,
  floats,
  list,
  nullable,
  number,
  object,
  oneOf,
  optional,
  ranks,
  tensor64,
  text,
  whole,
} from "./fits.ts";

// Functions throughout, so that a bundle has those that it calls and no others.

type Fields = Readonly<Record<string, unknown>>;

const token = () => object({ id: whole, text: nullable(text) });
const set = () =>
  object({
    anyOf: list(object({ id: whole, text: nullable(text), weight: number })),
    weights: oneOf("mean", "softmax"),
  });

/** A token, several, or a set. */
function answer(): Fits {
  const several = object({ text: nullable(text), tokens: list(token()) });
  return nullable((value) => {
    const of = Object(value) as Fields;
    if (of.id !== undefined) return token()(value);
    return of.anyOf === undefined ? several(value) : set()(value);
  });
}

const check = () =>
  object({
    ...{ sum: number, rounding: number, bias: number, logit: number, error: number },
    ...{ bound: number, roundingBound: number, value: optional(number) },
    entropy: optional(object({ answer: optional(number), wrong: optional(number), model: optional(number) })),
  });

const modelForm = () =>
  object({
    ...{ name: text, layers: whole, heads: whole, dModel: whole, dVocab: whole, backend: text },
    ...{ compatibilityMode: flag, valueBiases: optional(oneOf("kept")) },
  });

function promptsForm(): Fits {
  return list((value) => {
    const tokens = (Object(value) as Fields).tokens;
    const length = Array.isArray(tokens) ? tokens.length : 0;
    return object({ text: nullable(text), tokens: list(whole), stringTokens: nullable(list(text, length)) })(
      value,
    );
  });
}

/** The prompt is one of these, and the position in it. */
function placed(prompts: unknown): Fits {
  const lengthOf = (prompt: number): number => Object(Object(Object(prompts)[prompt]).tokens).length;
  return (value) => {
    const { prompt, pos } = Object(value) as { prompt: number; pos: number };
    return object({
      prompt: fits((given) => whole(given) === undefined && lengthOf(prompt) > 0),
      pos: fits((given) => whole(given) === undefined && pos < lengthOf(prompt)),
    })(value);
  };
}

const asked = () => ({ answer: answer(), wrong: answer() });

/** Scores of as many rows as there are labels, where these are given, and of as many columns as there are sources. */
function scored(labels: unknown): Fits {
  const rows = Array.isArray(labels) ? labels.length : undefined;
  return (value) => {
    const { scores } = Object(value) as { scores: Tensor64 };
    const misfit = object({ scores: tensor64 })(value);
    if (misfit) return misfit;
    const [count, columns] = scores.shape;
    return object({
      scores: fits(() => rows === undefined || count === rows),
      leaveOneOut: optional(tensor64),
      sources: columns === undefined ? oneOf(undefined) : list(text, columns),
    })(value);
  };
}

const all =
  (...every: readonly Fits[]): Fits =>
  (value) => {
    for (const one of every) {
      const misfit = one(value);
      if (misfit) return misfit;
    }
    return undefined;
  };

const rowsForm = () => ({
  unit: oneOf("component", "layer", "head", "neuron", "full", "source", "path"),
  target: optional(oneOf("logProbability")),
  ...{ axes: list(text), labels: list(text), writers: optional(list(text)), model: modelForm() },
});

export function attributionForm({ labels, prompts }: Fields): Fits {
  const one = all(
    placed(prompts),
    scored(labels),
    object({ ...asked(), check: check(), probability: optional(number), rank: optional(whole) }),
  );
  const parts = object({
    tokens: optional(list(all(scored(labels), object({ ...asked(), check: check() })))),
  });
  return object({ ...rowsForm(), prompts: promptsForm(), attributions: list(all(one, parts)) });
}

export function comparisonForm({ labels, prompts }: Fields): Fits {
  const { a, b } = Object(prompts) as Fields;
  return object({
    ...rowsForm(),
    prompts: object({ a: promptsForm(), b: promptsForm() }),
    attributions: list(
      all(
        scored(labels),
        object({
          a: all(placed(a), object(asked())),
          b: all(placed(b), object(asked())),
          check: check(),
        }),
      ),
    ),
  });
}

export function lensForm({ labels, prompts }: Fields): Fits {
  const rows = Object(labels).length;
  const predicted = list(object({ id: whole, text: nullable(text), logit: number, probability: number }));
  const numbers = nullable(each(floats, rows));
  return object({
    ...{ model: modelForm(), prompts: promptsForm(), labels: list(text) },
    scale: oneOf("recomputed", "frozen"),
    lenses: list(
      all(
        placed(prompts),
        object({
          ...{ ...asked(), logits: numbers, differences: numbers, ranks: nullable(each(ranks, rows)) },
          ...{ probabilities: numbers, entropies: each(floats, rows), top: list(predicted, rows) },
          check: check(),
        }),
      ),
    ),
  });
}

export function promotedForm({ prompts }: Fields): Fits {
  const tokens = list(object({ id: whole, text: nullable(text), score: number }));
  return object({
    ...{ model: modelForm(), prompts: promptsForm(), component: text },
    sites: list(
      all(placed(prompts), object({ promoted: tokens, suppressed: tokens, mean: number, check: check() })),
    ),
  });
}

export function ablationForm({ labels, prompts }: Fields): Fits {
  const effects = each(floats, Object(labels).length);
  return object({
    ...{ model: modelForm(), prompts: promptsForm(), labels: list(text), unit: oneOf("component", "head") },
    ...{ ablate: oneOf("zero", "mean", "from"), at: oneOf("all", "attributed") },
    scale: oneOf("recomputed", "frozen"),
    attributions: list(
      all(
        placed(prompts),
        object({ ...asked(), check: check(), total: effects, direct: effects }),
        object({ indirect: effects, frozen: effects }),
      ),
    ),
  });
}

export function erasuresForm({ labels, prompts, components }: Fields): Fits {
  const pair = object({
    ...{ writer: text, eraser: text, share: number, cosine: number },
    remaining: each(floats, Object(components).length),
    scores: object({ writer: number, eraser: number, net: number }),
  });
  return object({
    ...{ model: modelForm(), prompts: promptsForm(), labels: list(text), components: list(text) },
    ...{ unit: oneOf("component", "head"), threshold: number },
    attributions: list(
      all(placed(prompts), scored(labels), object({ ...asked(), check: check(), pairs: list(pair) })),
    ),
  });
}
