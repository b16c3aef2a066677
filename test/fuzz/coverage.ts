import { Session } from "node:inspector";

/** A function of a script, and the blocks in it that ran another number of times than what is around them. */
interface FunctionCoverage {
  readonly ranges: readonly {
    readonly startOffset: number;
    readonly endOffset: number;
    readonly count: number;
  }[];
}

/** Tells which code of the package has run. */
export interface Coverage {
  /** Whether, since the last call, code ran that never had, or a function took a way through its blocks that is new. */
  hasGrown(): boolean;
  /** How many blocks have run. */
  blocks(): number;
}

/**
 * Precise block coverage of V8, of this thread.
 *
 * @param url    of the bundle
 * @param script its text
 */
export function startCoverage(url: string, script: string): Coverage {
  const session = new Session();
  session.connect();
  // what is posted is answered at once
  const post = (method: string, options: object = {}): unknown => {
    let answer: unknown;
    session.post(method, options, (error, result) => {
      if (error) throw error;
      answer = result;
    });
    return answer;
  };
  post("Profiler.enable");
  post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });

  const ofPackage = packagePlaces(script);
  const reached = new Uint8Array(script.length);
  const blocks = new Map<string, number>();
  const seen = new Set<string>();
  return {
    hasGrown() {
      let grown = false;
      const { result } = post("Profiler.takePreciseCoverage") as {
        result: readonly { url: string; functions: readonly FunctionCoverage[] }[];
      };
      for (const { ranges } of result.find((covered) => covered.url === url)?.functions ?? []) {
        if (ofPackage[ranges[0].startOffset] === 0) continue;
        const key = ranges.map(({ startOffset, count }) => (count > 0 ? startOffset : -startOffset)).join();
        if (seen.has(key)) continue;
        seen.add(key);
        grown = true;
        for (const { startOffset, endOffset } of ranges)
          blocks.set(`${startOffset} ${endOffset}`, startOffset);
        paint(reached, ranges);
      }
      return grown;
    },
    blocks: () => [...blocks.values()].filter((start) => reached[start] === 1).length,
  };
}

/** Marks what ran. */
function paint(reached: Uint8Array, ranges: FunctionCoverage["ranges"]): void {
  const start = ranges[0].startOffset;
  const ran = new Uint8Array(ranges[0].endOffset - start);
  for (const { startOffset, endOffset, count } of ranges) {
    ran.fill(count > 0 ? 1 : 0, startOffset - start, endOffset - start); // the outer ones come first
  }
  for (let i = 0; i < ran.length; i++) reached[start + i] |= ran[i];
}

/** 1 for each character of the bundle that comes from src/: esbuild names each file before its text. */
function packagePlaces(script: string): Uint8Array {
  const places = new Uint8Array(script.length);
  const files = [...script.matchAll(/^\/\/ (\S+\.[cm]?[jt]s)$/gm)];
  for (const [i, file] of files.entries()) {
    if (file[1].startsWith("src/")) places.fill(1, file.index, files[i + 1]?.index ?? script.length);
  }
  return places;
}
