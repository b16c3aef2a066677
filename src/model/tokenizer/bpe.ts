/** The pairs of tokens that merge. Lower ranks merge first. */
export interface MergeTable {
  /** `left * idBound + right` → rank */
  readonly ranks: ReadonlyMap<number, number>;
  /** rank → the token made */
  readonly made: readonly number[];
  /** Above every token id, and small enough that a pair's key is an exact integer. */
  readonly idBound: number;
}

/**
 * The 256 characters that stand for bytes in GPT-2's vocabulary: the printable ones of Latin-1 for themselves, the
 * others, in order, as U+0100 and up: a space is Ġ.
 *
 * @see https://github.com/openai/gpt-2/blob/master/src/encoder.py `bytes_to_unicode`
 */
export function byteSymbols(): string[] {
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => {
    const printable =
      (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);
    return String.fromCharCode(printable ? byte : next++);
  });
}

/**
 * Byte-pair encoding of one piece of text: again and again, the pair of the lowest rank, the leftmost of equals,
 * becomes one token, until no pair merges.
 *
 * A linked list holds the tokens and a heap the pairs, so n tokens take O(n log n) steps, also where the piece is
 * a megabyte of one letter. A merge leaves the heap's entries for its old neighbours behind; they are recognized
 * when they surface, because their pair no longer stands there.
 *
 * @param ids  the tokens of the single bytes
 */
export function mergePairs(ids: readonly number[], { ranks, made, idBound }: MergeTable): number[] {
  const count = ids.length;
  const token = ids.slice();
  const next = token.map((_, at) => at + 1);
  const previous = token.map((_, at) => at - 1);

  const rankAt = (at: number): number | undefined =>
    next[at] < count ? ranks.get(token[at] * idBound + token[next[at]]) : undefined;

  const heap: number[] = []; // rank * count + position: one number that sorts by rank, then from the left
  const enqueue = (at: number): void => {
    const rank = rankAt(at);
    if (rank !== undefined) push(heap, rank * count + at);
  };

  for (let at = 0; at < count; at++) enqueue(at);
  while (heap.length > 0) {
    const lowest = pop(heap);
    const at = lowest % count;
    const rank = (lowest - at) / count;
    if (token[at] < 0 || rankAt(at) !== rank) continue;

    const right = next[at];
    token[at] = made[rank];
    token[right] = -1; // gone
    next[at] = next[right];
    if (next[at] < count) previous[next[at]] = at;

    if (previous[at] >= 0) enqueue(previous[at]);
    enqueue(at);
  }
  return token.filter((id) => id >= 0);
}

/** Adds to a binary heap whose least number is first. */
function push(heap: number[], value: number): void {
  let hole = heap.length;
  while (hole > 0) {
    const parent = (hole - 1) >> 1;
    if (heap[parent] <= value) break;
    heap[hole] = heap[parent];
    hole = parent;
  }
  heap[hole] = value;
}

/** Takes the least number from a heap that is not empty. */
function pop(heap: number[]): number {
  const least = heap[0];
  const value = heap.pop()!;
  const size = heap.length;
  if (size === 0) return least;
  let hole = 0;
  for (;;) {
    let child = 2 * hole + 1;
    if (child >= size) break;
    if (child + 1 < size && heap[child + 1] < heap[child]) child++;
    if (heap[child] >= value) break;
    heap[hole] = heap[child];
    hole = child;
  }
  heap[hole] = value;
  return least;
}
