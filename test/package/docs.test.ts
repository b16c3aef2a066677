import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { transformSync } from "esbuild";
import { beforeAll, describe, expect, test } from "vitest";
import { type Block, blocksOf, documents, isScript } from "../support/markdown.ts";
import { userProject } from "./support/userProject.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const scripts: Record<string, string> = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).scripts;
const blocks = documents().flatMap((name) => blocksOf(name));
const ours = blocks.filter(({ runBy, notRun }) => runBy === undefined && notRun === undefined);
let project: string;

/** What the documents suppose that the reader has: GPT-2 in a folder and in the hub's cache, prompts in a file. */
beforeAll(() => {
  project = userProject();
  cpSync(join(project, "model"), join(project, "gpt2"), { recursive: true });
  const commit = "0".repeat(40);
  const cached = join(project, "hub/models--openai-community--gpt2");
  cpSync(join(project, "model"), join(cached, "snapshots", commit), { recursive: true });
  mkdirSync(join(cached, "refs"));
  writeFileSync(join(cached, "refs/main"), commit);
  writeFileSync(
    join(project, "records.ndjson"),
    '{ "prompt": "The capital of France is", "answer": " Paris" }\n',
  );
  writeFileSync(join(project, "prompts.txt"), "The capital of France is\nThe bags near the cabinet\n");
});

const spawn = (command: string, args: string[]) =>
  spawnSync(command, args, {
    cwd: project,
    encoding: "utf8",
    timeout: 60_000,
    env: { ...process.env, HF_HUB_CACHE: join(project, "hub"), HF_HUB_OFFLINE: "1" },
  });

/** A command of a document, as a user of the package would run it; in a clone's, only that there is such a script. */
function runCommand(where: string, line: string): string {
  const script = /^npm (?:run )?([\w:]+)/.exec(line)?.[1];
  if (script !== undefined && script !== "install") {
    expect(scripts, where).toHaveProperty([script]);
    return "";
  }
  const command = line
    .replace(/^npm install logitscope$/, "npm ls logitscope") // installed it is
    .replace("npx logitscope", `"${process.execPath}" node_modules/logitscope/dist/cli.js`);
  const { status, stdout, stderr } = spawn("bash", ["-o", "pipefail", "-c", command]);
  expect(status, `${where}: ${line}\n${stderr}`).toBe(0);
  return stdout;
}

/** A block's code with the imports of its document so far. */
const whole = ({ imports, given, code }: Block): string => `${imports}${given}\n${code}`;
const fileOf = ({ where, language }: Block): string => `${where.replace(/\W/g, "-")}.${language}`;

describe.each(ours)("$where", (block) => {
  const { where, language, code } = block;

  if (isScript(language)) {
    test("runs to its end", () => {
      writeFileSync(join(project, fileOf(block)), whole(block));
      const file = language === "ts" ? stripTypes(block) : fileOf(block);
      const { status, stderr } = spawn(process.execPath, [file]);
      expect(status, stderr).toBe(0);
    });
  } else if (language === "sh") {
    const lines = code.split("\n").filter((line) => /^[^#\s]/.test(line));
    test.each(lines)("%s", (line) => void runCommand(where, line));
  } else if (code.startsWith("$ ")) {
    test("prints what is shown", () => {
      const [line, ...shown] = code.split("\n");
      expect(runCommand(where, line.slice(2)).trimEnd()).toBe(shown.join("\n").trimEnd());
    });
  } else if (language === "json") {
    test("is JSON", () => void JSON.parse(code));
  } else {
    test("is run, or says why not: <!-- run by: test/… --> or <!-- not run: reason -->", () => {
      expect.unreachable(`nothing here runs a block of "${language}"`);
    });
  }
});

function stripTypes(block: Block): string {
  const name = fileOf(block).replace(/\.ts$/, ".mjs");
  writeFileSync(join(project, name), transformSync(whole(block), { loader: "ts", format: "esm" }).code);
  return name;
}

test("the TypeScript type-checks", () => {
  const files = ours.filter(({ language }) => language === "ts");
  for (const block of files) writeFileSync(join(project, fileOf(block)), `${whole(block)}\nexport {};\n`);
  const tsc = [join(root, "node_modules/typescript/bin/tsc"), "--ignoreConfig", "--noEmit", "--strict"];
  const options = ["--module", "nodenext", "--target", "es2022", "--lib", "es2023,dom,dom.iterable"];
  const { stdout } = spawn(process.execPath, [...tsc, ...options, "--types", "", ...files.map(fileOf)]);
  expect(files.length).toBeGreaterThan(1);
  expect(stdout).toBe("");
});
