import type { Attributable } from "../attributable.ts";
import type { Site } from "../site.ts";
import { type Distribution, distributionOf } from "../vocabulary/distribution.ts";
import { vocabularyLogits } from "../vocabulary/vocabulary.ts";
import type { Answer } from "./answers.ts";
import type { Entropies } from "./entropies.ts";
import { logitsAt } from "./forwardLogit.ts";
import { logProbabilityReadings } from "./logProbability.ts";
import { type Reading, readWeighted, type TokenSet, tokenSet, type WeighedSet } from "./readings.ts";
import { type AnswerOptions, equalWeights, type Target } from "./targets.ts";

/** What the run at a site says of the answer. */
export interface Probability {
  /** The answer's; of a set, that of any of it. */
  readonly probability: number;
  /** How many tokens have a greater logit: 0 for the first. Of a set none. */
  readonly rank?: number;
}

/** What is read at a site. */
export interface SiteReading {
  readonly reading: Reading;
  /** What each token counts: of a set, its weight. */
  readonly weights: { readonly answer: readonly number[]; readonly wrong: readonly number[] };
  /** See `Check.entropy`: of what has weights from the run. */
  readonly entropy?: Entropies;
  /** Where asked for. */
  readonly probability?: Probability;
}

/** What is asked of a site. */
export interface AskedSite {
  readonly site: Site;
  readonly target: Target;
}

/** Sites whose logits of all tokens are in memory at one time: for these the columns are folded once. */
const SITES_AT_ONCE = 16;

/** What is read at some sites of one run. */
export function readSites(
  model: Attributable,
  asked: readonly AskedSite[],
  options: Pick<AnswerOptions, "target"> & { readonly probability?: boolean | undefined },
): SiteReading[] {
  const sites = asked.map((one) => ({ ...one, ...weigh(model, one) }));
  const readingOf = sharedReadings(model);
  if (options.target !== "logProbability" && !options.probability) {
    return sites.map(({ site: _, target, ...rest }) => ({
      ...rest,
      reading: readingOf(target, rest.weights),
    }));
  }
  const groups = Array.from({ length: Math.ceil(sites.length / SITES_AT_ONCE) }, (_, group) =>
    sites.slice(group * SITES_AT_ONCE, (group + 1) * SITES_AT_ONCE),
  );
  return groups.flatMap((some) => readInVocabulary(model, some, options, readingOf));
}

type ReadingOf = (target: Target, weights: SiteReading["weights"]) => Reading;

/** Readings of targets whose columns are read once for all sites: what the run weighs differs by its weights alone. */
function sharedReadings(model: Attributable): ReadingOf {
  const sets = new Map<Answer, TokenSet>();
  function weighed(answer: Answer, weights: readonly number[]): WeighedSet {
    const set = sets.get(answer) ?? tokenSet(model, answer.ids);
    sets.set(answer, set);
    return { set, weights };
  }
  return ({ reading, answer, wrong }, weights) =>
    reading ?? readWeighted(model, weighed(answer!, weights.answer), wrong && weighed(wrong, weights.wrong));
}

interface WeighedSite extends AskedSite, Pick<SiteReading, "weights" | "entropy"> {}

function readInVocabulary(
  model: Attributable,
  sites: readonly WeighedSite[],
  { target: of, probability }: Parameters<typeof readSites>[2],
  readingOf: ReadingOf,
): SiteReading[] {
  const rows = vocabularyLogits(
    model,
    sites.map(({ site }) => site),
  );
  const read = sites.map((one, i) => {
    const { kind, ids } = one.target.answer!;
    const logits = rows[i];
    const distribution = distributionOf(logits, kind === "token" ? logits[ids[0]] : null);
    return { ...one, ids, counts: one.weights.answer, logits, distribution };
  });
  const readings = of === "logProbability" ? logProbabilityReadings(model, read) : null;
  return read.map(({ distribution, logits, entropy, weights, target }, i) => {
    const total = readings ? { ...entropy, model: distribution.entropy } : entropy;
    return {
      weights,
      reading: readings?.[i] ?? readingOf(target, weights),
      ...(total !== undefined && { entropy: total }),
      ...(probability && { probability: probabilityOf(target.answer!, logits, distribution) }),
    };
  });
}

function probabilityOf({ kind, ids }: Answer, logits: Float32Array, distribution: Distribution): Probability {
  const sum = ids.reduce((total, id) => total + distribution.probability(logits[id]), 0);
  const probability = Math.min(sum, 1); // a set of all tokens may round to more
  return kind === "token" ? { probability, rank: distribution.greater } : { probability };
}

/** The weight of each token; and the entropy of weights that softmax makes: log-sum-exp is what they make of the logits, and that. */
function weigh(
  model: Attributable,
  { site, target: { answer, wrong } }: AskedSite,
): Pick<SiteReading, "weights" | "entropy"> {
  if (answer === null) return { weights: { answer: [], wrong: [] } };
  const own = weightsOf(model, site, answer);
  const other = wrong && weightsOf(model, site, wrong);
  const weights = { answer: own.weights, wrong: other?.weights ?? [] };
  if (answer.kind !== "softmax" && wrong?.kind !== "softmax") return { weights };
  return {
    weights,
    entropy: {
      ...(answer.kind === "softmax" && { answer: own.entropy }),
      ...(wrong?.kind === "softmax" && { wrong: other!.entropy }),
    },
  };
}

function weightsOf(
  model: Attributable,
  site: Site,
  answer: Answer,
): { weights: readonly number[]; entropy: number } {
  if (answer.kind !== "softmax") return { weights: equalWeights(answer), entropy: 0 };
  const logits = logitsAt(model, site, answer.ids);
  const { entropy, probability } = distributionOf(logits, null);
  return { weights: Array.from(logits, probability), entropy };
}
