import type { Attributable } from "../attributable.ts";
import type { Site } from "../site.ts";
import type { Distribution } from "../vocabulary/distribution.ts";
import { eachColumn } from "../vocabulary/vocabulary.ts";
import { addLogit, finishSum, startSum } from "./forwardLogit.ts";
import { type Reading, readingOf } from "./readings.ts";
import { addColumn, startColumns } from "./weightedColumns.ts";

/** A site, whose logarithm is asked for there, and the logits of all tokens, [dVocab]. */
interface ProbableSite {
  readonly site: Site;
  readonly ids: readonly number[];
  /** [ids], which sum to 1. */
  readonly counts: readonly number[];
  readonly logits: Float32Array;
  readonly distribution: Distribution;
}

/**
 * A token's log-probability, with all probabilities held as they are, or a weighted sum of several:
 *
 *   w = Σ_t q_t W_U[:, t] − Σ_v p_v W_U[:, v],   Σ q = 1
 *
 * which is its gradient. As Σ_v p_v logit_v is log-sum-exp less the entropy H of p, w·y and its bias are log p + H.
 * All columns are read once for all sites; the arithmetic is O(sites · dVocab · dModel).
 */
export function logProbabilityReadings(model: Attributable, sites: readonly ProbableSite[]): Reading[] {
  const { dModel, dVocab } = model.config;
  const running = sites.map(({ site, ids, counts, logits, distribution }) => ({
    ...{ columns: startColumns(dModel), sum: startSum(), logits },
    output: site.read(model.finalNorm.outputHook),
    own: new Map(ids.map((id, t) => [id, counts[t]])),
    probability: distribution.probability,
  }));
  for (const { id, ...token } of eachColumn(model)) {
    for (const { columns, sum, logits, output, own, probability } of running) {
      const weight = (own.get(id) ?? 0) - probability(logits[id]);
      addColumn(columns, token, weight);
      addLogit(sum, model, output, token, weight, logits[id]);
    }
  }
  return running.map(({ columns, sum, output }) => {
    const forward = finishSum(sum, columns, output, dVocab);
    return readingOf(model, columns.w, columns.bias, () => forward); // the probabilities are of this very site
  });
}
