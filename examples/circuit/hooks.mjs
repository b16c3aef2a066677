// @ts-check
// Hooks that silence a head, and that exchange or copy what was written at two positions.

/** @typedef {import("logitscope").Tensor} Tensor */

/** Zero in place of one head's z, at every position or at one. @type {(head: number, at?: number) => (z: Tensor) => void} */
export const silence = (head, at) => (z) =>
  forEachPlace(z, head, (from, to, pos) => {
    if (pos === (at ?? pos)) z.data.fill(0, from, to);
  });

/**
 * Exchanges two positions of an activation, or of one head in it.
 *
 * @type {(a: number, b: number, head?: number) => (activation: Tensor) => void}
 */
export const exchange = (a, b, head) => (activation) => {
  const before = activation.data.slice();
  forEachPlace(activation, head, (from, to, pos, width) => {
    const other = pos === a ? b : pos === b ? a : pos;
    activation.data.set(before.subarray(from + (other - pos) * width, to + (other - pos) * width), from);
  });
};

/** Puts one position's activation in place of another's. @type {(from: number, to: number, head?: number) => (activation: Tensor) => void} */
export const copy = (source, target, head) => (activation) =>
  forEachPlace(activation, head, (from, to, pos, width) => {
    const back = (source - target) * width;
    if (pos === target) activation.data.copyWithin(from, from + back, to + back);
  });

/**
 * Where each prompt's and position's numbers are: those of [batch, pos, dModel], or of one head of [batch, pos, head, dHead].
 *
 * @param {Tensor} activation
 * @param {number | undefined} head
 * @param {(from: number, to: number, pos: number, width: number) => void} visit
 */
function forEachPlace({ shape, data }, head, visit) {
  const [batch, pos] = shape;
  const width = data.length / (batch * pos);
  const size = head === undefined ? width : shape[3];
  for (let place = 0; place < batch * pos; place++) {
    const from = place * width + (head ?? 0) * size;
    visit(from, from + size, place % pos, width);
  }
}
