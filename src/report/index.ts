export { csvHeader, toCsv, toNdjson } from "./lines.ts";
export { type TableOptions, toTable, toTables } from "./table.ts";
export { quoteToken, visible } from "./text.ts";
