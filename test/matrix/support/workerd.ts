import { readdirSync, readFileSync } from "node:fs";
import { build } from "esbuild";
import { Miniflare } from "miniflare";
import WebSocket from "ws";

/** A Worker in workerd, and what it takes. */
export interface Workerd {
  fetch(path: string): Promise<unknown>;
  /** What all its threads have computed, in ms. */
  cpuTime(): number;
  /** What the process holds in memory, in bytes. */
  resident(): number;
  /** JavaScript's heap and what its buffers hold, in bytes; memories of WebAssembly are not among it. */
  heap(): Promise<{ readonly heap: number; readonly buffers: number }>;
  dispose(): Promise<void>;
}

/** Bundles a Worker's script as a user would, with the conditions given, and runs it. */
export async function startWorkerd(
  script: string,
  folder: string,
  conditions: string[] = ["workerd", "worker"],
): Promise<Workerd & { readonly files: readonly string[] }> {
  const outdir = `${folder}/worker`;
  const { outputFiles } = await build({
    stdin: { contents: script, resolveDir: folder, sourcefile: "worker.mjs" },
    outdir,
    bundle: true,
    minify: true,
    format: "esm",
    conditions,
    loader: { ".wasm": "copy" },
    write: false,
  });
  return runWorkerd(outputFiles, outdir);
}

/** Runs the files of a Worker that is bundled: its script, and the .wasm files beside it. */
export async function runWorkerd(
  files: readonly { readonly path: string; readonly contents: Uint8Array }[],
  modulesRoot: string,
): Promise<Workerd & { readonly files: readonly string[] }> {
  const modules = files
    .map(({ path, contents }) => ({
      type: path.endsWith(".wasm") ? ("CompiledWasm" as const) : ("ESModule" as const),
      path,
      contents,
    }))
    .sort((a) => (a.type === "ESModule" ? -1 : 1)); // the first is the script
  const others = new Set(processesNamed("workerd"));
  const miniflare = new Miniflare({
    modules,
    modulesRoot,
    compatibilityDate: "2026-04-01",
    inspectorPort: 0,
  });
  await miniflare.ready;
  const [pid] = processesNamed("workerd").filter((id) => !others.has(id));
  return {
    files: modules.map(({ type }) => type),
    async fetch(path) {
      const response = await miniflare.dispatchFetch(`http://localhost${path}`);
      if (!response.ok) throw new Error(await response.text());
      return response.json();
    },
    cpuTime: () => cpuTimeOf(pid),
    resident: () => 1024 * Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]),
    heap: async () => heapOf(await miniflare.getInspectorURL()),
    dispose: () => miniflare.dispose(),
  };
}

function processesNamed(name: string): string[] {
  return readdirSync("/proc").filter((id) => {
    try {
      return /^\d+$/.test(id) && readFileSync(`/proc/${id}/comm`, "utf8").trim() === name;
    } catch {
      return false; // it has ended by now
    }
  });
}

function cpuTimeOf(pid: string): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  const times = threads.map((id) => readFileSync(`/proc/${pid}/task/${id}/schedstat`, "utf8").split(" ")[0]);
  return times.reduce((total, nanoseconds) => total + Number(nanoseconds), 0) / 1e6;
}

async function heapOf({ host }: URL): Promise<{ heap: number; buffers: number }> {
  const targets = (await (await fetch(`http://${host}/json`)).json()) as {
    id: string;
    webSocketDebuggerUrl: string;
  }[];
  const user = targets.find(({ id }) => id.startsWith("core:user"));
  const socket = new WebSocket(user!.webSocketDebuggerUrl);
  try {
    const usage = await new Promise<Record<string, number>>((resolve, reject) => {
      socket.onerror = ({ message }) => reject(new Error(message));
      socket.onopen = () => socket.send('{ "id": 1, "method": "Runtime.getHeapUsage" }');
      socket.onmessage = ({ data }) => {
        const { id, result } = JSON.parse(String(data));
        if (id === 1) resolve(result);
      };
    });
    return { heap: usage.totalSize + usage.embedderHeapUsedSize, buffers: usage.backingStorageSize };
  } finally {
    socket.close();
  }
}
