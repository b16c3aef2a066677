import { version } from "../../version.ts";
import { promotedForm } from "../result/forms.ts";
import { expectResult } from "../result/kinds.ts";
import type { PromotedTokensResult } from "./promotedTokens.ts";

/** Promoted tokens as `promotedTokensToJSON` has them. */
export interface PromotedTokensDocument extends PromotedTokensResult {
  /** Raised whenever a field changes its meaning or goes. */
  readonly schemaVersion: 1;
  /** The package's. */
  readonly version: string;
}

/** Promoted tokens as plain data, the document that `logitscope --promoted L1H0 --format json` prints. */
export function promotedTokensToJSON(result: PromotedTokensResult): PromotedTokensDocument {
  expectResult("promotedTokensToJSON", result, "promoted", promotedForm);
  const { model, component, prompts, sites } = result;
  return { schemaVersion: 1, version, model, component, prompts, sites };
}
