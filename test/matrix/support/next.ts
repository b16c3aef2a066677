import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, parse } from "node:path";

const require = createRequire(import.meta.url);

export const nextVersion: string = require("next/package.json").version;

const command = join(dirname(require.resolve("next/package.json")), "dist/bin/next");
const env = { ...process.env, NODE_ENV: "production" as const, NEXT_TELEMETRY_DISABLED: "1" };

/** Writes an app into a folder of the project, whose files are as given by their paths, and has Next build it. */
export function buildNextApp(
  project: string,
  name: string,
  files: Readonly<Record<string, string>>,
  flags: readonly string[],
): string {
  for (const dependency of ["next", "react", "react-dom"]) {
    const [from, to] = [
      dirname(require.resolve(`${dependency}/package.json`)),
      join(project, "node_modules", dependency),
    ];
    if (!existsSync(to)) symlinkSync(from, to, "junction");
  }
  const folder = join(project, name);
  const { root } = parse(folder); // above the links' targets too: what lies outside of it is not read
  const config = { turbopack: { root }, outputFileTracingRoot: root };
  const all = {
    ...files,
    "package.json": '{ "private": true, "type": "module" }',
    "next.config.js": `export default ${JSON.stringify(config)};`,
  };
  for (const [path, text] of Object.entries(all)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  execFileSync(process.execPath, [command, "build", ...flags], { cwd: folder, env, stdio: "pipe" });
  return folder;
}

export interface NextServer {
  /** Without a slash at its end. */
  readonly origin: string;
  close(): Promise<void>;
}

/** Serves a built app on a free port of this machine. */
export async function startNext(folder: string): Promise<NextServer> {
  const server = spawn(process.execPath, [command, "start", "--hostname", "127.0.0.1", "--port", "0"], {
    cwd: folder,
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const origin = await printedOrigin(server);
  return {
    origin,
    close: () =>
      new Promise((resolve) => {
        server.once("exit", () => resolve());
        server.kill();
      }),
  };
}

function printedOrigin(server: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let printed = "";
    const read = (chunk: Buffer) => {
      printed += chunk;
      const origin = /http:\/\/127\.0\.0\.1:\d+/.exec(printed)?.[0];
      if (origin !== undefined && /Ready/.test(printed)) resolve(origin);
    };
    server.stdout?.on("data", read);
    server.stderr?.on("data", read);
    server.once("exit", (code) => reject(new Error(`next start exited with ${code}: ${printed}`)));
  });
}
