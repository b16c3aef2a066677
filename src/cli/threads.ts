/// <reference types="node" />
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import process from "node:process";
import { MOST_THREADS } from "../tensor/index.ts";

/** The sources that say how many cores a process may have. */
export interface Machine {
  /** The cores it may run on. Node counts its affinity, and not its control group's quota. */
  readonly cores: number;
  /** A file's text; undefined where there is none. */
  readonly readText: (path: string) => string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * The threads to compute on by default: one for each core that the process may have, by its affinity, its control groups'
 * quotas (a container's half a core) and Slurm's. More would wait for their turn while the others wait for them.
 */
export function defaultThreads({ cores, readText, env }: Machine = thisMachine()): number {
  const ofSlurm = /^[1-9]\d*$/.test(env.SLURM_CPUS_PER_TASK ?? "") ? Number(env.SLURM_CPUS_PER_TASK) : cores;
  const least = Math.min(cores, ofSlurm, MOST_THREADS, ...quotas(readText));
  return Math.max(1, Math.round(least));
}

function thisMachine(): Machine {
  return { cores: availableParallelism(), readText, env: process.env };
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined; // not Linux, or not this kind of control group
  }
}

/**
 * The cores' worth of time that the process's control group and those around it grant, of each that has a limit.
 *
 * @see https://docs.kernel.org/admin-guide/cgroup-v2.html (cpu.max)
 * @see https://docs.kernel.org/scheduler/sched-bwc.html (cpu.cfs_quota_us)
 */
function quotas(readText: Machine["readText"]): number[] {
  const lines = (readText("/proc/self/cgroup") ?? "").split("\n");
  const groups = lines.flatMap((line) => {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    return path === undefined ? [] : [{ controllers: controllers.split(","), path }];
  });
  return groups.flatMap(({ controllers, path }) => {
    if (controllers[0] === "")
      return foldersTo("/sys/fs/cgroup", path).map((folder) => ofMax(readText, folder));
    if (!controllers.includes("cpu")) return [];
    const roots = [controllers.join(","), "cpu"].map((name) => `/sys/fs/cgroup/${name}`);
    return roots.flatMap((root) => foldersTo(root, path).map((folder) => ofQuota(readText, folder)));
  });
}

/** The root's folder, and every one from there down to the group's. In a container the group's path may be the host's. */
function foldersTo(root: string, path: string): string[] {
  const names = path.split("/").filter((name) => name !== "" && name !== "..");
  return [root, ...names.map((_, i) => `${root}/${names.slice(0, i + 1).join("/")}`)];
}

/** cpu.max: "50000 100000", or "max 100000". */
function ofMax(readText: Machine["readText"], folder: string): number {
  const [quota, period] = (readText(`${folder}/cpu.max`) ?? "").trim().split(/\s+/).map(Number);
  return ratio(quota, period);
}

/** cpu.cfs_quota_us over cpu.cfs_period_us; -1 is no limit. */
function ofQuota(readText: Machine["readText"], folder: string): number {
  const [quota, period] = ["quota", "period"].map((name) =>
    Number(readText(`${folder}/cpu.cfs_${name}_us`)?.trim() ?? Number.NaN),
  );
  return ratio(quota, period);
}

function ratio(quota: number, period: number): number {
  return quota > 0 && period > 0 ? quota / period : Number.POSITIVE_INFINITY;
}
