export function encodeTable(codePoints: readonly number[]): string;
export function difference(a: readonly number[], b: readonly number[]): number[];
export function tablesModule(sets: {
  readonly letter: readonly number[];
  readonly number: readonly number[];
  readonly word: readonly number[];
}): string;
