export type { Ablatable } from "./ablated.ts";
export {
  type AblationOptions,
  type AblationResult,
  ablationEffects,
  type PositionEffects,
} from "./ablation.ts";
export { type AblationDocument, ablationToJSON } from "./ablationDocument.ts";
export type { AnswerRef, AnswerSet, Answers, AnswerTokens } from "./answers.ts";
export type { Attributable, AttributableCache } from "./attributable.ts";
export {
  type AttributeAllOptions,
  type AttributedRecord,
  type AttributionRecord,
  attributeAll,
} from "./attributeAll.ts";
export { directLogitAttribution } from "./attribution.ts";
export type { AttributionOptions } from "./attributionOptions.ts";
export { type Check, checkHolds } from "./check.ts";
export { type ComparedAttribution, type ComparedSite, type Comparison, compare } from "./compare.ts";
export { type ComparisonDocument, comparisonToJSON } from "./comparisonDocument.ts";
export { type DlaResult, dla } from "./dla.ts";
export type { Erasure } from "./erasurePairs.ts";
export {
  type ErasureOptions,
  type ErasureResult,
  erasures,
  type PositionErasures,
} from "./erasures.ts";
export { type ErasureDocument, erasuresToJSON } from "./erasuresDocument.ts";
export type { InputOptions } from "./input.ts";
export { type LogitLensDocument, lensToJSON } from "./lensDocument.ts";
export {
  type LensScale,
  type LensToken,
  type LogitLens,
  type LogitLensOptions,
  type LogitLensResult,
  logitLens,
} from "./logitLens.ts";
export { scoreName } from "./names.ts";
export { type PromotedTokensDocument, promotedTokensToJSON } from "./promotedDocument.ts";
export {
  type PromotedTokens,
  type PromotedTokensOptions,
  type PromotedTokensResult,
  promotedTokens,
  type ScoredToken,
} from "./promotedTokens.ts";
export type { Replacement } from "./replacement.ts";
export type {
  AttributedAnswer,
  AttributedPrompt,
  AttributedSet,
  AttributedText,
  AttributedToken,
  Attribution,
  AttributionResult,
} from "./result.ts";
export { isCumulative, type Unit } from "./rows.ts";
export { type RunningSummary, runningSummary, type SummaryDocument } from "./runningSummary.ts";
export {
  type AttributedDocument,
  type AttributionDocument,
  haveOneShape,
  type MeanScores,
  mean,
  type NestedScores,
  type Scored,
  toJSON,
  top,
} from "./summary.ts";
export type { AnswerOptions } from "./targets.ts";
