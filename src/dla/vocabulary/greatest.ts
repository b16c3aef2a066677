/** The tokens of greatest value among those offered, in the order of their ids. */
export interface Greatest {
  readonly offer: (id: number, value: number) => void;
  /** Greatest first; of equal values the lower id first. No more than asked for, fewer where fewer were offered. */
  readonly list: () => { id: number; value: number }[];
}

/** Keeps the `count` greatest in memory for twice as many: what is over is sorted out from time to time. */
export function keepGreatest(count: number): Greatest {
  let kept: { id: number; value: number }[] = [];
  let floor = -Infinity; // what a later token must exceed: at an equal value its higher id comes after
  let isFull = count === 0;

  function sortOut(): void {
    kept.sort((a, b) => b.value - a.value || a.id - b.id);
    kept = kept.slice(0, count);
    if (kept.length < count) return;
    isFull = true;
    floor = kept[count - 1]?.value ?? Infinity;
  }

  return {
    offer(id, value) {
      if (isFull && !(value > floor)) return;
      kept.push({ id, value });
      if (kept.length >= 2 * count + 16) sortOut();
    },
    list() {
      sortOut();
      return kept;
    },
  };
}
