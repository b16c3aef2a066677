/** Entropies in nats, each 0 or more, of what the run weighs. */
export interface Entropies {
  /** The entropy of the weights of an answer's softmax set. */
  readonly answer?: number;
  /** The entropy of the weights of a wrong answer's. */
  readonly wrong?: number;
  /** The entropy of the probabilities of all tokens, where a log-probability is asked for. */
  readonly model?: number;
}

/** The entropies of several, each combined with those of its kind; undefined of none. */
export function combinedEntropies(
  all: readonly (Entropies | undefined)[],
  combine: (values: readonly number[]) => number,
): Entropies | undefined {
  const kinds = (["answer", "wrong", "model"] as const).filter((kind) =>
    all.some((one) => one?.[kind] !== undefined),
  );
  if (kinds.length === 0) return undefined;
  return Object.fromEntries(kinds.map((kind) => [kind, combine(all.map((one) => one?.[kind] ?? 0))]));
}
