import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach } from "vitest";
import { hubFolder } from "../../../src/node/hub/hub.ts";
import type { HubOptions } from "../../../src/node/hub/options.ts";
import { type Commit, type HubServer, type Repository, startHub } from "./server.ts";

export const commitA = `${"a".repeat(39)}1`;
export const commitB = `${"b".repeat(39)}2`;

const demo = new URL("../../../src/demo/model/", import.meta.url);
const demoFile = (name: string) => ({ bytes: readFileSync(new URL(name, demo)) });

/** The demo model's files, as the hub would store them. */
export const modelFiles: Commit = {
  "config.json": demoFile("config.json"),
  "vocab.json": demoFile("vocab.json"),
  "merges.txt": demoFile("merges.txt"),
  "model.safetensors": { ...demoFile("model.safetensors"), lfs: true },
};
export const weights = modelFiles["model.safetensors"].bytes;
export const text = (content: string) => ({ bytes: new TextEncoder().encode(content) });

export function repository(files: Commit = modelFiles, more: Partial<Repository> = {}): Repository {
  return { refs: { main: commitA }, commits: { [commitA]: files }, ...more };
}

/** A hub for a file of tests, with the model "o/n" in it: the same before each test; closed after them. */
export async function testHub(): Promise<HubServer> {
  const hub = await startHub({ "o/n": repository() });
  afterEach(() => {
    hub.reset();
    hub.repositories["o/n"] = repository();
  });
  afterAll(() => hub.close());
  return hub;
}

/** A new, empty folder; removed after the tests. */
export function freshFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "logitscope-hub-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Gets a model's folder, with nothing of the process's environment and without waiting between tries. */
export function get(
  hub: HubServer,
  cacheDir: string,
  options: HubOptions & { readonly repo?: string; readonly env?: Record<string, string> } = {},
): Promise<string> & { readonly waits: number[] } {
  const waits: number[] = [];
  const { repo = "o/n", env = {}, ...rest } = options;
  const pause = async (milliseconds: number) => {
    waits.push(milliseconds / 1000);
    await new Promise((resolve) => setTimeout(resolve, 5));
  };
  const surroundings = { env, home: join(cacheDir, "home"), pause };
  const folder = hubFolder(repo, { cacheDir, endpoint: hub.endpoint, ...rest }, surroundings);
  return Object.assign(folder, { waits });
}

/** Every file in a folder and below, but for those of which nothing is promised. */
export function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}
