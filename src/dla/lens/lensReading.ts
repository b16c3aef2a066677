import type { Attributable } from "../attributable.ts";
import { accumulatedRows, normalizeRow } from "../rows/accumulated.ts";
import { rowLabels } from "../rows/rows.ts";
import type { Site } from "../site.ts";
import { joined } from "../vectors.ts";
import {
  type Distribution,
  finishDistribution,
  readLogits,
  startDistribution,
} from "../vocabulary/distribution.ts";
import { logitChunks } from "../vocabulary/vocabulary.ts";
import type { LensScale } from "./logitLens.ts";

/** A site and whose logits are asked for there. */
export interface AskedSite {
  readonly site: Site;
  readonly target: { readonly answer: number | null; readonly wrong: number | null };
}

/** What the rows of one site predict, and the logits of its answers, one per row. */
export interface LensReading {
  readonly rows: readonly Distribution[];
  readonly answers: Float64Array | null;
  readonly wrongs: Float64Array | null;
}

/** Rows for which the vocabulary is read once: each pass folds its columns anew. */
const ROWS_AT_ONCE = 2048;

/** Reads the sites' accumulated rows through the whole vocabulary, so many at a time that memory is bounded. */
export function* readLens<Asked extends AskedSite>(
  model: Attributable,
  sites: readonly Asked[],
  scale: LensScale,
  top: number,
): Generator<{ readonly asked: Asked; readonly reading: LensReading }> {
  const perSite = rowLabels(model, "layer").length;
  const atOnce = Math.max(1, Math.floor(ROWS_AT_ONCE / perSite));
  for (let first = 0; first < sites.length; first += atOnce) {
    const some = sites.slice(first, first + atOnce);
    const readings = readSome(model, some, scale, Math.max(1, top)); // the first is what is predicted
    for (const [i, asked] of some.entries()) yield { asked, reading: readings[i] };
  }
}

function readSome(
  model: Attributable,
  sites: readonly AskedSite[],
  scale: LensScale,
  top: number,
): LensReading[] {
  const { unembedding, config } = model;
  const outputs = sites.map(({ site }) => normOutputs(model, site, scale));
  const answers = sites.map(({ target }, i) =>
    [target.answer, target.wrong].map((token) =>
      token === null ? null : Float64Array.from(unembedding.logits(outputs[i], [token])),
    ),
  );
  const x = joined(Float32Array, outputs);
  const perSite = x.length / config.dModel / sites.length;
  const running = sites.map((_, i) =>
    Array.from({ length: perSite }, (_, row) => startDistribution(answers[i][0]?.[row] ?? null, top)),
  );
  const rows = running.flat();
  for (const { first, logits } of logitChunks(model, x)) {
    const count = logits.length / rows.length;
    for (const [r, row] of rows.entries())
      readLogits(row, logits.subarray(r * count, (r + 1) * count), first);
  }
  return running.map((ofSite, i) => ({
    rows: ofSite.map(finishDistribution),
    answers: answers[i][0],
    wrongs: answers[i][1],
  }));
}

/** The accumulated rows through the final norm, [row, dModel]; the last as the model itself has it. */
function normOutputs(model: Attributable, site: Site, scale: LensScale): Float32Array {
  const { finalNorm, config } = model;
  const rows = accumulatedRows(model, site);
  const out = new Float32Array(rows.length * config.dModel);
  const frozen = scale === "frozen" ? site.read(finalNorm.scaleHook)[0] : null;
  for (const [k, row] of rows.slice(0, -1).entries()) {
    normalizeRow(out.subarray(k * config.dModel, (k + 1) * config.dModel), finalNorm, row, frozen);
  }
  out.set(site.read(finalNorm.outputHook), out.length - config.dModel);
  return out;
}
