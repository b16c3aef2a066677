import { expect, test } from "vitest";
import { defaultThreads } from "../../src/cli/threads.ts";

const threads = (files: Record<string, string> = {}, env: Record<string, string> = {}, cores = 16) =>
  defaultThreads({ cores, env, readText: (path) => files[path] });

const v1 = (root: string, quota: string, period = "100000\n") => ({
  [`${root}/cpu.cfs_quota_us`]: quota,
  [`${root}/cpu.cfs_period_us`]: period,
});

test.each<[string, Record<string, string>, number]>([
  ["nothing is told", {}, 16],
  ["no limit", { "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": "max 100000\n" }, 16],
  ["half a core", { "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": "50000 100000\n" }, 1],
  ["a core and a half", { "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": "150000 100000\n" }, 2],
  ["two cores and a third", { "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": "70000 30000\n" }, 2],
  [
    "more than there are",
    { "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": "6400000 100000\n" },
    16,
  ],
  [
    "a group around it has the lower limit",
    {
      "/proc/self/cgroup": "0::/user.slice/run-7.scope\n",
      "/sys/fs/cgroup/user.slice/cpu.max": "300000 100000\n",
      "/sys/fs/cgroup/user.slice/run-7.scope/cpu.max": "800000 100000\n",
    },
    3,
  ],
  [
    "a container's own view, of which the path is the host's",
    { "/proc/self/cgroup": "0::/kubepods/pod1/c2\n", "/sys/fs/cgroup/cpu.max": "400000 100000\n" },
    4,
  ],
  [
    "version 1",
    {
      "/proc/self/cgroup": "11:memory:/a\n4:cpu,cpuacct:/docker/7\n",
      ...v1("/sys/fs/cgroup/cpu,cpuacct/docker/7", "250000\n"),
    },
    3,
  ],
  [
    "version 1, cpu alone",
    { "/proc/self/cgroup": "4:cpu,cpuacct:/\n", ...v1("/sys/fs/cgroup/cpu", "200000\n") },
    2,
  ],
  ["version 1, no limit", { "/proc/self/cgroup": "4:cpu:/\n", ...v1("/sys/fs/cgroup/cpu", "-1\n") }, 16],
  ["files of another kind", { "/proc/self/cgroup": "x\n0::/\n", "/sys/fs/cgroup/cpu.max": "x\n" }, 16],
])("%s", (_, files, want) => {
  expect(threads(files)).toBe(want);
});

test("Slurm's count, where it is less", () => {
  expect(threads({}, { SLURM_CPUS_PER_TASK: "4" })).toBe(4);
  expect(threads({}, { SLURM_CPUS_PER_TASK: "64" })).toBe(16);
  for (const other of ["", "0", "-1", "x", "2.5"])
    expect(threads({}, { SLURM_CPUS_PER_TASK: other })).toBe(16);
});

test("at most 256, at least 1", () => {
  expect(threads({}, {}, 1000)).toBe(256);
  expect(threads({}, {}, 1)).toBe(1);
});

test("this machine's", () => {
  expect(defaultThreads()).toBeGreaterThanOrEqual(1);
});
