export type { Ablatable } from "./ablation/ablated.ts";
export { type AblationOptions, type AblationProgress, ablationEffects } from "./ablation/ablation.ts";
export {
  type AblationDocument,
  ablationToJSON,
  type MeanEffectDocument,
} from "./ablation/ablationDocument.ts";
export {
  type AblationResult,
  type MeanEffects,
  meanEffects,
  type PositionEffects,
} from "./ablation/effects.ts";
export type { Replacement } from "./ablation/replacement.ts";
export type { AnswerRef, AnswerSet, Answers, AnswerTokens } from "./answers/answers.ts";
export type { Entropies } from "./answers/entropies.ts";
export type { AnswerOptions } from "./answers/targets.ts";
export type { Attributable, AttributableCache } from "./attributable.ts";
export { directLogitAttribution } from "./attribution.ts";
export type { AttributionOptions } from "./attributionOptions.ts";
export { type Check, checkHolds } from "./check/check.ts";
export { type DlaResult, dla } from "./dla.ts";
export type { Erasure } from "./erasures/erasurePairs.ts";
export {
  type ErasureOptions,
  type ErasureResult,
  erasures,
  type PositionErasures,
} from "./erasures/erasures.ts";
export { type ErasureDocument, erasuresToJSON } from "./erasures/erasuresDocument.ts";
export type { InputOptions } from "./input.ts";
export { type LogitLensDocument, lensToJSON } from "./lens/lensDocument.ts";
export {
  type LensScale,
  type LensToken,
  type LogitLens,
  type LogitLensOptions,
  type LogitLensResult,
  logitLens,
} from "./lens/logitLens.ts";
export {
  type AttributeAllOptions,
  type AttributeAllProgress,
  type AttributedRecord,
  attributeAll,
  attributeAtPace,
} from "./many/attributeAll.ts";
export { fastestPace } from "./many/pace.ts";
export type { AttributionRecord } from "./many/record.ts";
export { type RunningSummary, runningSummary, type SummaryDocument } from "./many/runningSummary.ts";
export { type PromotedTokensDocument, promotedTokensToJSON } from "./promoted/promotedDocument.ts";
export {
  type PromotedTokens,
  type PromotedTokensOptions,
  type PromotedTokensResult,
  promotedTokens,
  type ScoredToken,
} from "./promoted/promotedTokens.ts";
export { type ComparedAttribution, type ComparedSite, type Comparison, compare } from "./result/compare.ts";
export { type ComparisonDocument, comparisonToJSON } from "./result/comparisonDocument.ts";
export {
  ablationForm,
  attributionForm,
  comparisonForm,
  erasuresForm,
  lensForm,
  promotedForm,
} from "./result/forms.ts";
export { expectResult } from "./result/kinds.ts";
export { scoreName } from "./result/names.ts";
export type {
  AttributedAnswer,
  AttributedPrompt,
  AttributedSet,
  AttributedText,
  AttributedToken,
  Attribution,
  AttributionResult,
} from "./result/result.ts";
export {
  type AttributedDocument,
  type AttributionDocument,
  attributionDocument,
  haveOneShape,
  type MeanScores,
  mean,
  type NestedScores,
  type Scored,
  toJSON,
  top,
} from "./result/summary.ts";
export { isCumulative, type Unit } from "./rows/rows.ts";
