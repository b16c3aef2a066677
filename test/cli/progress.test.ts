import { expect, test } from "vitest";
import { progressLine } from "../../src/cli/progress.ts";

const clear = "\r\x1b[2K";

function shown(isTTY: boolean) {
  const written: string[] = [];
  const write = (text: string, done: () => void) => {
    written.push(text);
    done();
  };
  return { line: progressLine({ write, isTTY }), written };
}

test("a line is written over, and only where it changes", async () => {
  const { line, written } = shown(true);
  line.show("loading");
  line.show("loading, still");
  for (const received of [0, 1000, 1001, 500_000]) line.download({ file: "a", received, size: 1_000_000 });
  line.download({ file: "b", received: 7, size: undefined });
  line.download({ file: "empty", received: 0, size: 0 });
  await line.end();
  expect(written).toEqual([
    "loading",
    ", still",
    `${clear}downloading a 0% of 1 MB`,
    `${clear}downloading a 50% of 1 MB`,
    `${clear}downloading b`,
    `${clear}downloading empty`,
    clear,
  ]);
});

test("nothing is written where there is no terminal", async () => {
  const { line, written } = shown(false);
  line.show("loading");
  line.download({ file: "a", received: 0, size: 1 });
  await line.end();
  expect(written).toEqual([]);
});
