import { expect, test, vi } from "vitest";
import { breaks } from "../../src/dla/breaks.ts";

/** Holds the event loop, as computing does. */
function work(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

test("goes on at once before 16 ms have passed, and lets timers in after", async () => {
  const pause = breaks();
  let turns = 0;
  const timer = setInterval(() => turns++, 0);
  await pause();
  await pause();
  expect(turns).toBe(0);
  for (let i = 0; i < 5; i++) {
    work(20);
    await pause();
  }
  clearInterval(timer);
  expect(turns).toBeGreaterThan(0);
});

test("throws the signal's reason, also when the abort comes in a break", async () => {
  const controller = new AbortController();
  const pause = breaks(controller.signal);
  await pause();
  setTimeout(() => controller.abort(new Error("enough")));
  await expect(
    (async () => {
      for (let i = 0; i < 200; i++) {
        work(5);
        await pause();
      }
    })(),
  ).rejects.toThrow("enough");
  await expect(pause()).rejects.toThrow("enough");
});

test("works where there is no MessageChannel", async () => {
  vi.stubGlobal("MessageChannel", undefined);
  const pause = breaks();
  work(20);
  await pause();
  vi.unstubAllGlobals();
});
