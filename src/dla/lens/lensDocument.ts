import { version } from "../../version.ts";
import { lensForm } from "../result/forms.ts";
import { expectResult } from "../result/kinds.ts";
import { type Listed, listed } from "../result/listed.ts";
import type { LogitLens, LogitLensResult } from "./logitLens.ts";

/** A logit lens as `lensToJSON` has it: its arrays as lists. */
export interface LogitLensDocument extends Omit<LogitLensResult, "lenses"> {
  /** Raised whenever a field changes its meaning or goes. */
  readonly schemaVersion: 1;
  /** The package's. */
  readonly version: string;
  readonly lenses: readonly Listed<LogitLens>[];
}

/** A logit lens as plain data, the document that `logitscope --lens --format json` prints. */
export function lensToJSON(result: LogitLensResult): LogitLensDocument {
  expectResult("lensToJSON", result, "lens", lensForm);
  const { model, scale, labels, prompts, lenses } = result;
  return { schemaVersion: 1, version, model, scale, labels, prompts, lenses: lenses.map(listed) };
}
