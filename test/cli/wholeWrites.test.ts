import {
  closeSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { Output } from "../../src/cli/io.ts";
import { wholeWriter } from "../../src/cli/wholeWrites.ts";
import { modelWithTokenizer, run } from "./support.ts";

const folder = modelWithTokenizer();
const files = mkdtempSync(join(tmpdir(), "logitscope-writes-"));
afterAll(() => rmSync(files, { recursive: true }));

const noRoom = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
const unused: Output["write"] = () => {
  throw new Error("a file is not written through the stream");
};

/** A file on a disk with room for so many bytes, which gives few at a time. */
function fullAfter(room: number) {
  let left = room;
  return {
    fstatSync,
    ftruncateSync,
    writeSync(fd: number, bytes: Uint8Array, offset: number) {
      if (left === 0) throw noRoom;
      const count = writeSync(fd, bytes, offset, Math.min(left, 7, bytes.length - offset));
      left -= count;
      return count;
    },
  };
}

describe("a file", () => {
  test("has all of a text, or nothing of it", async () => {
    for (const room of [0, 5, 11, 12, 20, 24, 100]) {
      const path = join(files, `room-${room}`);
      writeFileSync(path, "before\n");
      const fd = openSync(path, "a");
      const put = wholeWriter({ write: unused, fd }, fullAfter(room));
      const texts = ["first line\n", "ünd a second\n"];
      let whole = "before\n";
      const error = await (async () => {
        for (const text of texts) {
          await put(text);
          whole += text;
        }
      })().catch((error: unknown) => error);
      closeSync(fd);
      expect(readFileSync(path, "utf8")).toBe(whole);
      expect(error).toBe(room >= 25 ? undefined : noRoom);
    }
  });

  test("keeps what another process has written meanwhile", async () => {
    const path = join(files, "shared");
    const fd = openSync(path, "a");
    const full = fullAfter(4);
    const put = wholeWriter(
      { write: unused, fd },
      {
        ...full,
        writeSync(fd, bytes, offset) {
          if (offset > 0) writeFileSync(path, "theirs\n", { flag: "a" });
          return full.writeSync(fd, bytes, offset);
        },
      },
    );
    await expect(put("our line\n")).rejects.toBe(noRoom);
    closeSync(fd);
    expect(readFileSync(path, "utf8")).toBe("our theirs\n");
  });
});

describe("--input, when the output has no room", () => {
  const record = (id: number) => `{"prompt": "a b", "answer": " a", "id": ${id}}\n`;
  const stdin = [0, 1, 2, 3].map(record).join("");
  const sweep = ["--model", folder, "--input", "-"];

  test("the error says which record is the last one written, and the exit code is 1", async () => {
    let count = 0;
    const written: string[] = [];
    const stdout: Partial<Output> = {
      write(text, callback) {
        if (++count > 2) return callback(noRoom);
        written.push(text);
        callback();
      },
    };
    const { code, stderr } = await run(sweep, { stdin, stdout });
    expect(code).toBe(1);
    expect(written).toHaveLength(2);
    expect(stderr).toBe(
      "logitscope: stdout: got ENOSPC: no space left on device, write, expected to write line 3's rows. " +
        "Line 2 is the last one written whole: go on after it.\n",
    );
  });

  test.each(["ndjson", "csv"])("none is, by the header or the first: %s", async (format) => {
    const stdout: Partial<Output> = { write: (_, callback) => callback(noRoom) };
    const { code, stderr } = await run([...sweep, "--format", format], { stdin, stdout });
    const what = format === "csv" ? "the header" : "line 1's rows";
    expect([code, stderr]).toEqual([
      1,
      `logitscope: stdout: got ENOSPC: no space left on device, write, expected to write ${what}. No record is written.\n`,
    ]);
  });

  test.skipIf(!existsSync("/dev/full"))("as /dev/full", async () => {
    const fd = openSync("/dev/full", "w");
    const stdout: Partial<Output> = {
      fd,
      write(text, callback) {
        try {
          writeSync(fd, text);
        } catch (error) {
          return callback(error as Error);
        }
        callback();
      },
    };
    const { code, stderr } = await run(sweep, { stdin, stdout });
    closeSync(fd);
    expect([code, stderr.split(", expected")[0]]).toEqual([
      1,
      "logitscope: stdout: got ENOSPC: no space left on device, write",
    ]);
  });

  test("a file has the records' lines, and no other", async () => {
    const path = join(files, "rows.ndjson");
    const fd = openSync(path, "w");
    const { code } = await run(sweep, { stdin, stdout: { fd, write: unused } });
    closeSync(fd);
    const { stdout } = await run(sweep, { stdin });
    expect([code, readFileSync(path, "utf8")]).toEqual([0, stdout]);
  });
});
