import {
  type AblationResult,
  type AttributionResult,
  ablationToJSON,
  type Comparison,
  comparisonToJSON,
  type ErasureResult,
  erasuresToJSON,
  type LogitLensResult,
  lensToJSON,
  type PromotedTokensResult,
  promotedTokensToJSON,
  toJSON,
} from "../dla/index.ts";
import {
  type LensTableOptions,
  type TableOptions,
  toAblationTable,
  toComparisonTable,
  toCsv,
  toErasuresTable,
  toLensTable,
  toNdjson,
  toPromotedTable,
  toTables,
  visible,
} from "../report/index.ts";
import type { Arguments } from "./args.ts";
import { escapeControls, type Io, type Output, wantsColor, widthOf } from "./io.ts";

/** One attribution less another, in the format asked for. */
export function printComparison(comparison: Comparison, args: Arguments, io: Io): string {
  if (args.format === "json") return printDocument(comparisonToJSON(comparison));
  return toComparisonTable(comparison, tableStyle(args, io));
}

/** A logit lens, in the format asked for. */
export function printLens(lens: LogitLensResult, args: Arguments, io: Io): string {
  if (args.format === "json") return printDocument(lensToJSON(lens));
  return toLensTable(lens, lensStyle(args, io));
}

/** Erasures, in the format asked for. */
export function printErasures(result: ErasureResult, args: Arguments, io: Io): string {
  if (args.format === "json") return printDocument(erasuresToJSON(result));
  return toErasuresTable(result, tableStyle(args, io));
}

/** Promoted tokens, in the format asked for. */
export function printPromoted(result: PromotedTokensResult, args: Arguments, io: Io): string {
  if (args.format === "json") return printDocument(promotedTokensToJSON(result));
  return toPromotedTable(result, lensStyle(args, io));
}

/** The effects of ablations, in the format asked for. */
export function printAblation(result: AblationResult, args: Arguments, io: Io): string {
  if (args.format === "json") return printDocument(ablationToJSON(result));
  return toAblationTable(result, tableStyle(args, io));
}

/** Attributions, in the format asked for. */
export function print(results: readonly AttributionResult[], args: Arguments, io: Io): string {
  const { format } = args;
  if (format === "json") return printDocument(toJSON(results[0]));
  if (format === "ndjson") return toNdjson(results[0]).replace(/[^\n]+/g, escapeControls);
  if (format === "csv") return csvTo(io.stdout, toCsv(results[0]));
  return toTables(results, tableStyle(args, io));
}

/** Values as they are for a file or pipe; on a terminal, what it would act upon in a text is made visible. */
export function csvTo(output: Output, csv: string): string {
  return output.isTTY ? csv.replace(/"[^"]*"/g, visible) : csv; // quotes within a text are doubled
}

function printDocument(document: object): string {
  return `${escapeControls(JSON.stringify(document))}\n`;
}

/** How tables are to look where they are printed. */
function tableStyle({ color, top }: Arguments, io: Io): TableOptions {
  return { color: wantsColor(color, io.stdout, io.env), width: widthOf(io.stdout, io.env), top };
}

/** The same for tables that have a number of tokens, and not of rows. */
function lensStyle(args: Arguments, io: Io): LensTableOptions {
  const { color, width } = tableStyle(args, io);
  return { color, width };
}
