import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { headings } from "../scripts/api/slugs.mjs";
import { version } from "../src/version.ts";
import { blocksOf, documents, readDocument } from "./support/markdown.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const api = readdirSync(join(root, "docs/api"), { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".md"))
  .map((name) => `docs/api/${name}`);

test("there are documents", () => {
  expect(documents()).toEqual(
    expect.arrayContaining(["README.md", "docs/transformerlens.md", "examples/README.md"]),
  );
});

// What no other test is named for is run by test/package/docs.test.ts
describe.each(documents())("the blocks of %s", (name) => {
  test("are run, or say why not", () => {
    const fences = readDocument(name).match(/^\s*(```|~~~)/gm) ?? [];
    expect(fences.length, "fences, an opening and a closing one for each block").toBe(
      2 * blocksOf(name).length,
    );
    for (const { where, runBy, notRun } of blocksOf(name)) {
      if (runBy !== undefined) {
        expect(runBy, where).toMatch(/^test\/.*\.test\.ts$/);
        expect(existsSync(join(root, runBy)), `${where}: ${runBy}`).toBe(true);
      }
      if (notRun !== undefined) expect(notRun.length, `${where}: a reason`).toBeGreaterThan(10);
    }
  });
});

test("a block's marks and imports are read as written", () => {
  const text = `
\`\`\`ts
import { a } from "b"; // why
a();
\`\`\`

<!-- given: const c = 1; -->
<!-- run by: test/x.test.ts -->
\`\`\`js
import {
  d,
} from "e";
d(c);
\`\`\`
`;
  const plain = { runBy: undefined, notRun: undefined, given: "" };
  const first = 'import { a } from "b";\n';
  expect(blocksOf("x.md", text)).toEqual([
    { ...plain, where: "x.md:2", language: "ts", code: "a();\n", imports: first },
    {
      ...plain,
      where: "x.md:9",
      language: "js",
      code: "d(c);\n",
      imports: `${first}import {\n  d,\n} from "e";\n`,
      runBy: "test/x.test.ts",
      given: "const c = 1;",
    },
  ]);
});

describe.each([...documents(), ...api])("the links of %s", (name) => {
  const text = readDocument(name)
    .replace(/^```[\s\S]*?^```$/gm, "")
    .replace(/`[^`\n]*`/g, "x");
  const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link);

  test("lead to files and headings that are there", () => {
    for (const link of links.filter((link) => !/^https?:/.test(link))) {
      const [path, anchor] = link.split("#");
      const file = path === "" ? name : join(dirname(name), path);
      expect(existsSync(join(root, file)), `${name}: ${link}`).toBe(true);
      if (anchor === undefined) continue;
      const slugs = headings(readDocument(file)).map(({ slug }) => slug);
      expect(slugs, `${name}: ${link}`).toContain(anchor);
    }
  });
});

test.each(documents())("the npm scripts that %s names are there", (name) => {
  const { scripts } = JSON.parse(readDocument("package.json"));
  // an example with a package.json of its own has scripts of its own
  const named = [...readDocument(name).matchAll(/`npm run ([\w:]+)/g)].map(([, script]) => script);
  for (const script of named) expect(scripts).toHaveProperty([script]);
});

test("docs/versions.md names the versions of Node that test:package runs, and engines the oldest", () => {
  const named = /Now: Node (\d+), (\d+), (\d+) and (\d+)\./.exec(readDocument("docs/versions.md"))?.slice(1);
  expect(readDocument("test/package/tarball.test.ts")).toContain(
    `describe.each(${JSON.stringify(named).replaceAll(",", ", ")})`,
  );
  expect(JSON.parse(readDocument("package.json")).engines.node).toBe(`>=${named?.[0]}`);
});

describe("CHANGELOG.md", () => {
  test("begins with an entry for this version", () => {
    const [, entry] = /^## (\S+)/m.exec(readFileSync(join(root, "CHANGELOG.md"), "utf8")) ?? [];
    expect(entry).toBe(version);
  });
});
