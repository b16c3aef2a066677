import {
  type AttributionResult,
  type Comparison,
  comparisonToJSON,
  type LogitLensResult,
  lensToJSON,
  toJSON,
} from "../dla/index.ts";
import {
  type TableOptions,
  toComparisonTable,
  toCsv,
  toLensTable,
  toNdjson,
  toTables,
} from "../report/index.ts";
import type { Arguments } from "./args.ts";
import { escapeControls, type Io, wantsColor, widthOf } from "./io.ts";

/** One attribution less another, in the format asked for. */
export function printComparison(comparison: Comparison, args: Arguments, io: Io): string {
  if (args.format === "json") return `${escapeControls(JSON.stringify(comparisonToJSON(comparison)))}\n`;
  return toComparisonTable(comparison, tableStyle(args, io));
}

/** A logit lens, in the format asked for. */
export function printLens(lens: LogitLensResult, args: Arguments, io: Io): string {
  if (args.format === "json") return `${escapeControls(JSON.stringify(lensToJSON(lens)))}\n`;
  return toLensTable(lens, tableStyle(args, io));
}

/** Attributions, in the format asked for. */
export function print(results: readonly AttributionResult[], args: Arguments, io: Io): string {
  const { format } = args;
  if (format === "json") return `${escapeControls(JSON.stringify(toJSON(results[0])))}\n`;
  if (format === "ndjson") return toNdjson(results[0]).replace(/[^\n]+/g, escapeControls);
  if (format === "csv") return toCsv(results[0]);
  return toTables(results, tableStyle(args, io));
}

/** How tables are to look where they are printed. */
export function tableStyle({ color, top }: Arguments, io: Io): TableOptions {
  return { color: wantsColor(color, io.stdout, io.env), width: widthOf(io.stdout), top };
}
