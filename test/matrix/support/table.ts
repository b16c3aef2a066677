import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { inject } from "vitest";

const file = (project: string) => join(project, "table.ndjson");

/** Adds a row to the table that is printed when all tests are done: one of its columns first, the title of its part. */
export function record(title: string, row: Readonly<Record<string, string>>): void {
  appendFileSync(file(inject("project")), `${JSON.stringify([title, row])}\n`);
}

/** Prints what was recorded, a table for each title. */
export function printTable(project: string): void {
  if (!existsSync(file(project))) return;
  const parts = new Map<string, Record<string, string>[]>();
  for (const line of readFileSync(file(project), "utf8").trim().split("\n")) {
    const [title, row] = JSON.parse(line);
    parts.set(title, [...(parts.get(title) ?? []), row]);
  }
  for (const [title, rows] of parts) {
    const columns = Object.keys(rows[0]);
    const lines = [columns, ...rows.map((row) => columns.map((column) => row[column] ?? ""))];
    const widths = columns.map((_, at) => Math.max(...lines.map((cells) => cells[at].length)));
    console.log(`\n${title}`);
    for (const cells of lines)
      console.log(
        cells
          .map((cell, at) => cell.padEnd(widths[at]))
          .join("  ")
          .trimEnd(),
      );
  }
}
