import { PANEL, ROW_BLOCK } from "./panels.ts";

/** Queries whose scores are held at one time: whole tiles of four rows and of five. */
export const QUERIES = 20;

const upToPanel = (n: number): number => Math.ceil(n / PANEL) * PANEL;

/** The bytes of scratch that a thread needs, for keys, values and some queries' scores: see `layOut` of attention.ts. */
export function attentionScratchBytes(pos: number, dHead: number): number {
  const scores = QUERIES * (upToPanel(pos) + 16);
  return 4 * (ROW_BLOCK * PANEL + upToPanel(pos) * dHead + upToPanel(dHead) * pos + scores);
}
