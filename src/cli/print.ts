import { type AttributionResult, type LogitLensResult, lensToJSON, toJSON } from "../dla/index.ts";
import { toCsv, toLensTable, toNdjson, toTables } from "../report/index.ts";
import type { Arguments } from "./args.ts";
import { type Io, wantsColor, widthOf } from "./io.ts";

/** A logit lens, in the format asked for. */
export function printLens(lens: LogitLensResult, { format, color }: Arguments, io: Io): string {
  if (format === "json") return `${escapeControls(JSON.stringify(lensToJSON(lens)))}\n`;
  return toLensTable(lens, { color: wantsColor(color, io.stdout, io.env), width: widthOf(io.stdout) });
}

/** Attributions, in the format asked for. */
export function print(
  results: readonly AttributionResult[],
  { format, color, top }: Arguments,
  io: Io,
): string {
  if (format === "json") return `${escapeControls(JSON.stringify(toJSON(results[0])))}\n`;
  if (format === "ndjson") return toNdjson(results[0]).replace(/[^\n]+/g, escapeControls);
  if (format === "csv") return toCsv(results[0]);
  return toTables(results, {
    color: wantsColor(color, io.stdout, io.env),
    width: widthOf(io.stdout),
    ...(top === undefined ? {} : { top }),
  });
}

/** JSON leaves some characters that a terminal acts upon: they are escaped as the others are. */
function escapeControls(json: string): string {
  return json.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (char) =>
    Array.from(
      { length: char.length },
      (_, i) => `\\u${char.charCodeAt(i).toString(16).padStart(4, "0")}`,
    ).join(""),
  );
}
