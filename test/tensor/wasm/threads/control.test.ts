import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { describe, expect, test } from "vitest";
import {
  announceMessages,
  type Control,
  countDone,
  createControl,
  hasFailed,
  hasMessages,
  MOST_CHUNKS,
  publish,
  workOn,
} from "../../../../src/tensor/wasm/threads/control.ts";
import { bundledText } from "../../../support/bundle.ts";
import { scriptOf } from "../../../support/threads.ts";

const job = { memory: 2, kernel: 5, args: [3, 0.25, -7] };
const none = 0; // a ticket that never announced anything

/** Whether a thread that waits for work goes on within a second; a thread, since it may not. */
async function goesOn(
  control: Control,
  handled: number,
  whileItSleeps: () => void = () => {},
): Promise<boolean> {
  const text = `${await bundledText("src/tensor/wasm/threads/control.ts")}
    const { workerData, parentPort } = await import("node:worker_threads");
    parentPort.postMessage("waits");
    waitForWork(workerData.control, workerData.handled);
    parentPort.postMessage("went on");`;
  const worker = new Worker(scriptOf(text), { workerData: { control, handled } });
  const heard = (told: string) =>
    new Promise<true>((resolve) => {
      worker.on("message", (message) => message === told && resolve(true));
    });
  const [waits, wentOn] = [heard("waits"), heard("went on")];
  await waits;
  await sleep(50); // so long it does not spin
  whileItSleeps();
  const result = await Promise.race([wentOn, sleep(1000, false)]);
  await worker.terminate();
  return result;
}

describe("waitForWork", () => {
  test("goes on at once where messages were announced beyond those handled, though nothing changes any more", async () => {
    const control = createControl();
    const first = announceMessages(control);
    const second = announceMessages(control);
    expect([hasMessages(control, first), hasMessages(control, second)]).toEqual([true, false]);
    expect(await goesOn(control, first)).toBe(true);
  });

  test("goes on at once where there are chunks", async () => {
    const control = createControl();
    publish(control, job, 2, 0);
    expect(await goesOn(control, none)).toBe(true);
  });

  test("sleeps while there is nothing, only messages handled, or a job without chunks left", async () => {
    const [idle, handled, done] = [createControl(), createControl(), createControl()];
    const ticket = announceMessages(handled);
    publish(done, job, 3, 0);
    workOn(done, () => {});
    const states = [goesOn(idle, none), goesOn(handled, ticket), goesOn(done, none)];
    expect(await Promise.all(states)).toEqual([false, false, false]);
  });

  test("is woken by a job, and by messages", async () => {
    const [jobs, messages] = [createControl(), createControl()];
    const woken = [
      goesOn(jobs, none, () => publish(jobs, job, 2, 0)),
      goesOn(messages, none, () => announceMessages(messages)),
    ];
    expect(await Promise.all(woken)).toEqual([true, true]);
  });
});

describe("workOn", () => {
  test.each([0, 1, 2, 7, MOST_CHUNKS])("takes each of %d chunks once, from the first number on", (count) => {
    const control = createControl();
    const taken: number[] = [];
    publish(control, job, count, 100);
    workOn(control, (told, chunk) => {
      expect(told).toEqual(job);
      taken.push(chunk);
    });
    expect(taken).toEqual(Array.from({ length: count }, (_, i) => 100 + i));
    expect(countDone(control)).toBe(count);
    workOn(control, () => expect.fail("a chunk was left"));
    expect(hasMessages(control, none)).toBe(false);
  });

  test("takes nothing before there is a job, or where messages are announced", () => {
    const control = createControl();
    const nothing = () => expect.fail("there is no job");
    workOn(control, nothing);
    publish(control, job, 1, 0);
    workOn(control, () => {});
    announceMessages(control);
    workOn(control, nothing);
  });

  test("a chunk that throws is told, and the others are done", () => {
    const control = createControl();
    publish(control, job, 3, 0);
    workOn(control, (_, chunk) => {
      if (chunk === 1) throw new Error("no");
    });
    expect([countDone(control), hasFailed(control)]).toEqual([3, true]);
  });

  test("goes on with job after job when the jobs' numbers have come round in 32 bits", () => {
    const control = createControl();
    control.numbers[0] = 0x7fffffff - 1024; // the last jobs of the positive numbers
    for (let n = 0; n < 5; n++) {
      const taken: number[] = [];
      publish(control, job, 2, 0);
      workOn(control, (_, chunk) => taken.push(chunk));
      expect(taken).toEqual([0, 1]);
      const ticket = announceMessages(control);
      expect([hasMessages(control, ticket), hasMessages(control, none)]).toEqual([false, true]);
    }
    expect(control.numbers[0]).toBeLessThan(0);
  });
});
