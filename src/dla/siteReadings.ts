import type { Answer } from "./answers.ts";
import type { Attributable } from "./attributable.ts";
import { type Distribution, distributionOf } from "./distribution.ts";
import { logProbabilityReadings } from "./logProbability.ts";
import { logitAt, type Reading, readWeighted, type Term } from "./readings.ts";
import type { Site } from "./site.ts";
import { type AnswerOptions, equalWeights, type Target, termsOf } from "./targets.ts";
import { vocabularyLogits } from "./vocabulary.ts";

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
  readonly entropy?: number;
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
  if (options.target !== "logProbability" && !options.probability) {
    return sites.map(({ target, terms, ...site }) => ({
      ...site,
      reading: target.reading ?? readWeighted(model, terms),
    }));
  }
  const groups = Array.from({ length: Math.ceil(sites.length / SITES_AT_ONCE) }, (_, group) =>
    sites.slice(group * SITES_AT_ONCE, (group + 1) * SITES_AT_ONCE),
  );
  return groups.flatMap((some) => readInVocabulary(model, some, options));
}

interface WeighedSite extends AskedSite, Omit<SiteReading, "reading" | "probability"> {
  readonly terms: readonly Term[];
}

function readInVocabulary(
  model: Attributable,
  sites: readonly WeighedSite[],
  { target, probability }: Parameters<typeof readSites>[2],
): SiteReading[] {
  const rows = vocabularyLogits(
    model,
    sites.map(({ site }) => site),
  );
  const read = sites.map((one, i) => {
    const { kind, ids } = one.target.answer!;
    const logits = rows[i];
    return { ...one, logits, distribution: distributionOf(logits, kind === "token" ? logits[ids[0]] : null) };
  });
  const readings = target === "logProbability" ? logProbabilityReadings(model, read) : null;
  return read.map(
    ({ distribution, logits, terms, entropy = 0, weights, target: { answer, reading } }, i) => ({
      weights,
      ...(readings
        ? { reading: readings[i], entropy: distribution.entropy + entropy }
        : { reading: reading ?? readWeighted(model, terms), ...(entropy !== 0 && { entropy }) }),
      ...(probability && { probability: probabilityOf(answer!, logits, distribution) }),
    }),
  );
}

function probabilityOf({ kind, ids }: Answer, logits: Float32Array, distribution: Distribution): Probability {
  const sum = ids.reduce((total, id) => total + distribution.probability(logits[id]), 0);
  const probability = Math.min(sum, 1); // a set of all tokens may round to more
  return kind === "token" ? { probability, rank: distribution.greater } : { probability };
}

/** What each token counts; and less of what the sum of their logits lacks, if softmax weighs them, to be log-sum-exp. */
function weigh(
  model: Attributable,
  { site, target: { answer, wrong } }: AskedSite,
): Pick<WeighedSite, "terms" | "weights" | "entropy"> {
  if (answer === null) return { terms: [], weights: { answer: [], wrong: [] } };
  const own = weightsOf(model, site, answer);
  const other = wrong && weightsOf(model, site, wrong);
  const weights = { answer: own.weights, wrong: other?.weights ?? [] };
  const terms = termsOf(answer, wrong, (of) => (of === answer ? weights.answer : weights.wrong));
  if (answer.kind !== "softmax" && wrong?.kind !== "softmax") return { terms, weights };
  return { terms, weights, entropy: (other?.entropy ?? 0) - own.entropy };
}

function weightsOf(
  model: Attributable,
  site: Site,
  answer: Answer,
): { weights: readonly number[]; entropy: number } {
  if (answer.kind !== "softmax") return { weights: equalWeights(answer), entropy: 0 };
  const output = site.read(model.finalNorm.outputHook);
  const logits = Float32Array.from(answer.ids, (id) =>
    logitAt(model, site, output, id, model.unembedding.token(id)),
  );
  const { entropy, probability } = distributionOf(logits, null);
  return { weights: Array.from(logits, probability), entropy };
}
