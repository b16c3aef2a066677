import { describe, ValueError } from "../../errors.ts";
import type { Fits } from "./fits.ts";

/** The function that makes each kind of result, and the two that show it and write it. */
const makers = {
  attribution: ["directLogitAttribution", "toTable", "toJSON"],
  comparison: ["compare", "toComparisonTable", "comparisonToJSON"],
  lens: ["logitLens", "toLensTable", "lensToJSON"],
  promoted: ["promotedTokens", "toPromotedTable", "promotedTokensToJSON"],
  ablation: ["ablationEffects", "toAblationTable", "ablationToJSON"],
  erasures: ["erasures", "toErasuresTable", "erasuresToJSON"],
} as const;

/** A kind of result. */
export type Kind = keyof typeof makers;

type Fields = Readonly<Record<string, unknown>>;

/** The kind that a value looks like. */
function kindOf(of: Fields): Kind | undefined {
  if ("lenses" in of) return "lens";
  if ("sites" in of) return "promoted";
  if (!Array.isArray(of.attributions)) return undefined;
  if ("ablate" in of) return "ablation";
  if ("threshold" in of) return "erasures";
  return Array.isArray(of.prompts) ? "attribution" : "comparison";
}

/**
 * @param form what a result of this kind has, given the result
 * @throws ValueError for what another function returns, a forgotten await, a decoded document, or what is no result; the
 *   message says what to do with it
 */
export function expectResult(where: string, result: object, kind: Kind, form: (of: Fields) => Fits): void {
  const [by] = makers[kind];
  expectKind(where, result, [kind]);
  const misfit = form(result as Fields)(result);
  if (misfit === undefined) return;
  throw new ValueError(
    `${where}: result${misfit.path}: got ${describe(misfit.value)}, expected what ${by} has there. Give its result as it is.`,
  );
}

/** @throws ValueError for what is no result of these kinds */
export function expectKind(where: string, result: object, expected: readonly Kind[]): void {
  const of = Object(result) as Fields;
  const got = kindOf(of);
  if ("schemaVersion" in of) {
    throw refusal(
      where,
      "a document, as it is written to a file",
      expected,
      "Its arrays are lists: read it as it is, or give the result that it was made of.",
    );
  }
  if (got !== undefined && expected.includes(got)) return;
  if (got === undefined) throw refusal(where, describe(result), expected, remedyFor(result, of));
  const [by, table, json] = makers[got];
  const fitting = /Table/.test(where) ? table : /JSON/.test(where) ? json : `${table} or ${json}`;
  throw refusal(where, `the result of ${by}`, expected, `Use ${fitting} for it.`);
}

function remedyFor(result: unknown, of: Fields): string {
  if (Array.isArray(result)) return "Give one result at a time.";
  if ("result" in of && "record" in of) return "Give the record's result.";
  return "Give what it returns.";
}

function refusal(where: string, got: string, expected: readonly Kind[], remedy: string): ValueError {
  const by = expected.map((kind) => makers[kind][0]).join(" or ");
  return new ValueError(`${where}: got ${got}, expected the result of ${by}. ${remedy}`);
}
