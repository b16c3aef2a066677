import type { Input } from "./input.ts";

/** A smaller input that still fails: whole parts, then ever smaller stretches, are left out as long as it does. */
export async function minimized(input: Input, fails: (input: Input) => Promise<boolean>): Promise<Input> {
  const end = performance.now() + 2000;
  let smallest = input;
  for (const [part, bytes] of input.entries()) {
    for (let size = bytes.length; size >= 1; size = Math.floor(size / 2)) {
      for (let at = 0; at < smallest[part].length && performance.now() < end; ) {
        const present = smallest[part];
        const shorter = new Uint8Array(present.length - Math.min(size, present.length - at));
        shorter.set(present.subarray(0, at));
        shorter.set(present.subarray(at + size), at);
        const candidate = smallest.with(part, shorter);
        if (await fails(candidate)) smallest = candidate;
        else at += size;
      }
    }
  }
  return smallest;
}
