export { toAblationTable } from "./ablation.ts";
export { toComparisonTable } from "./comparison.ts";
export { type CsvOptions, csvHeader, csvLines, toCsv } from "./csv.ts";
export { toErasuresTable } from "./erasures.ts";
export { type LensTableOptions, toLensTable } from "./lens.ts";
export { ndjsonLines, toNdjson } from "./lines.ts";
export { toPromotedTable } from "./promoted.ts";
export { type TableOptions, toTable, toTables } from "./table.ts";
export { quoteToken, visible } from "./text.ts";
