import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { bundledFolder } from "../support/bundle.ts";

/** Runs one of ./children in plain Node, and gives what it prints: JSON. */
export async function runChild<Printed>(
  name: string,
  args: readonly string[] = [],
  flags: readonly string[] = [],
): Promise<Printed> {
  const folder = await bundledFolder(`test/large/children/${name}.ts`);
  try {
    const command = [...flags, join(folder, "main.js"), ...args];
    const { status, stdout, stderr } = spawnSync(process.execPath, command, { encoding: "utf8" });
    if (status !== 0) throw new Error(`${name} exited with ${status}: ${stderr}`);
    return JSON.parse(stdout);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** An empty folder, removed after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "logitscope-large-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;
