import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** A fenced block of a document, and the comments right before it, such as `<!-- run by: test/a.test.ts -->`. */
export interface Block {
  /** README.md:12 */
  readonly where: string;
  readonly language: string;
  readonly code: string;
  /** The test that runs it, from the root. */
  readonly runBy: string | undefined;
  /** Why it is not run. */
  readonly notRun: string | undefined;
  /** Code that the reader is to imagine before it. */
  readonly given: string;
  /** The imports of the blocks before it in its document, and its own. */
  readonly imports: string;
}

/** What people read: the documents at the root, and those of docs and examples, from the root. Not what typedoc writes. */
export function documents(): string[] {
  const list = (folder: string) => readdirSync(join(root, folder), { recursive: true, encoding: "utf8" });
  const isDocument = (name: string) => name.endsWith(".md") && !/(^|\/)node_modules\//.test(name);
  return [
    ...readdirSync(root),
    ...["docs", "examples"].flatMap((folder) => list(folder).map((name) => `${folder}/${name}`)),
  ].filter((name) => isDocument(name) && !name.startsWith("docs/api/"));
}

export const readDocument = (name: string): string => readFileSync(join(root, name), "utf8");

const importLine = /^import [^;]*;.*\n?/gm;

/** Every fenced block of a document, in order. */
export function blocksOf(name: string, text: string = readDocument(name)): Block[] {
  const fence = /((?:^<!--.*-->\n\s*)*)^```(\S*)\n([\s\S]*?)^```$/gm;
  let imports = "";
  return [...text.matchAll(fence)].map(({ 1: comments, 2: language, 3: code, index }) => {
    const marks = [...comments.matchAll(/<!-- (run by|not run|given): (.*) -->/g)];
    const mark = (kind: string) => marks.find(([, found]) => found === kind)?.[2];
    const line = text.slice(0, index + comments.length).split("\n").length;
    if (isScript(language)) imports += (code.match(importLine) ?? []).join("").replace(/;[^;\n]*$/gm, ";");
    return {
      where: `${name}:${line}`,
      language,
      code: isScript(language) ? code.replace(importLine, "") : code,
      runBy: mark("run by"),
      notRun: mark("not run"),
      given: mark("given") ?? "",
      imports,
    };
  });
}

export const isScript = (language: string): boolean => ["ts", "js", "mjs"].includes(language);
