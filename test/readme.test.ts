import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { demoModel } from "../src/demo/index.ts";
import { directLogitAttribution } from "../src/index.ts";
import { run } from "./cli/support.ts";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");

describe("what the README prints is what the command prints", () => {
  test("npm start", async () => {
    const [, shown] = /`npm start` prints:\n\n([\s\S]*?)\n\n(?=\S)/.exec(readme) ?? [];
    const { stdout } = await run([]);
    expect(shown.replace(/^ {4}/gm, "")).toBe(stdout.trimEnd());
  });

  test("what it says of L1H1 and L2H1 by the names alone is what the command prints of each", async () => {
    const rowOf = async (head: string, args: string[]) => {
      const { stdout } = await run(["--unit", "head", "--format", "json", ...args]);
      const { labels, attributions } = JSON.parse(stdout);
      return attributions[0].scores[labels.indexOf(head)] as number;
    };
    const told = [
      ...readme.matchAll(
        /(L\dH\d) (raises|lowers) both, Mary by\s([\d.]+) and John by ([\d.]+), so its row is ([+−]\d+\.\d+)/g,
      ),
    ];
    expect(told.map(([, head]) => head)).toEqual(["L1H1", "L2H1"]);
    for (const [, head, verb, mary, john, difference] of told) {
      const sign = verb === "raises" ? 1 : -1;
      for (const [name, size] of [
        [" Mary", mary],
        [" John", john],
      ])
        expect((sign * (await rowOf(head, ["--answer", name]))).toFixed(2), head + name).toBe(size);
      expect((await rowOf(head, [])).toFixed(2)).toBe(difference.replace("−", "-").replace("+", ""));
    }
    expect(readme).not.toMatch(/adds to Mary|pushed towards Mary/);
  });

  const examples = [...readme.matchAll(/```\n\$ npx logitscope (.*)\n([\s\S]*?)\n```/g)];

  test("there is an example", () => expect(examples).toHaveLength(1));

  test.each(examples.map(([, args, shown]) => [args, shown]))("%s", async (args, shown) => {
    const argv = [...args.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain);
    const { stdout, code } = await run(argv);
    expect(code).toBe(0);
    expect(stdout.trimEnd()).toBe(shown);
  });
});

describe("the prompts of the embedded model", () => {
  const rows = [
    ...readme.matchAll(/^\| [\w ]+ \| `([^`]+)` \| `([^`]+)` over `([^`]+)` \| ([\d.]+) \| (.*) \|$/gm),
  ];

  test("there is one of each kind", () => expect(rows).toHaveLength(6));

  test.each(rows.map(([, ...cells]) => cells))("%s", async (prompt, answer, wrong, difference, largest) => {
    const model = await demoModel({ compatibilityMode: true });
    const [components, heads] = (["component", "head"] as const).map((unit) =>
      directLogitAttribution(model, prompt, { answer, wrong, unit }),
    );
    expect(components.attributions[0].check.logit.toFixed(2)).toBe(difference);
    for (const [, label, sign, size] of largest.matchAll(/`?(\w+)`? ([+−])([\d.]+)/g)) {
      const { labels, attributions } = /^L\d+H/.test(label) ? heads : components;
      const score = attributions[0].scores.data[labels.indexOf(label)];
      expect(score.toFixed(2)).toBe(`${sign === "−" ? "-" : ""}${size}`);
    }
  });
});
