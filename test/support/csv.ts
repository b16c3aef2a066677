/** A cell as a reader may tell it: a text from a number, and either from what is missing. */
export type Cell = string | number | null;

/**
 * RFC 4180, character by character and strict: CR LF alone ends a record, nothing stands beside a cell's quotes, and no quote or
 * line end stands in a cell without them. What is in quotes is a text, what is not a number, and what is empty missing.
 */
export function readCsv(csv: string): { header: string[]; rows: Cell[][] } {
  const records: Cell[][] = [];
  let record: Cell[] = [];
  let at = 0;
  while (at < csv.length) {
    let cell: Cell;
    if (csv[at] === '"') {
      let text = "";
      for (at++; ; at++) {
        if (at >= csv.length) throw new Error("a quote is not closed");
        if (csv[at] === '"' && csv[at + 1] !== '"') break;
        if (csv[at] === '"') at++;
        text += csv[at];
      }
      at++;
      cell = text;
    } else {
      const start = at;
      while (at < csv.length && csv[at] !== "," && csv[at] !== "\r") {
        if (csv[at] === '"' || csv[at] === "\n") throw new Error(`${JSON.stringify(csv[at])} at ${at}`);
        at++;
      }
      const raw = csv.slice(start, at);
      cell = raw === "" ? null : records.length === 0 ? raw : readNumber(raw);
    }
    record.push(cell);
    if (csv[at] === ",") {
      at++;
      continue;
    }
    if (csv.slice(at, at + 2) !== "\r\n") throw new Error(`expected a comma or CR LF at ${at}`);
    at += 2;
    records.push(record);
    record = [];
  }
  if (record.length > 0) throw new Error("the last record has no end");
  const [header = [], ...rows] = records;
  for (const row of rows) if (row.length !== header.length) throw new Error(`${row.length} cells`);
  return { header: header as string[], rows };
}

function readNumber(raw: string): number {
  if (!/^-?\d+(\.\d+)?(e[+-]\d+)?$/.test(raw)) throw new Error(`${raw} is no number`);
  return Number(raw);
}
