/** A part of a memory from which room is taken from the beginning on, and given back from the end. */
export class Region {
  readonly start: number;
  readonly end: number;
  #next: number;

  /** Bytes `start` to `end`. */
  constructor(start: number, end: number) {
    this.start = start;
    this.end = end;
    this.#next = start;
  }

  /** Where the next room begins. */
  get mark(): number {
    return this.#next;
  }

  get free(): number {
    return this.end - this.#next;
  }

  /** The address of so many bytes, a multiple of 64; or null where they do not fit. */
  take(bytes: number): number | null {
    const size = roundUp(bytes);
    if (size > this.free) return null;
    const address = this.#next;
    this.#next += size;
    return address;
  }

  /** Gives back what was taken since `mark` was read. */
  reset(mark: number = this.start): void {
    this.#next = mark;
  }
}

/** The machine's, in bytes. */
export const LINE = 64;
export const PAGE = 4096;

/** To whole lines of the cache, or to a multiple of `unit`. */
export function roundUp(bytes: number, unit: number = LINE): number {
  return Math.ceil(bytes / unit) * unit;
}
