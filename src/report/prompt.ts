import type { AttributedPrompt } from "../dla/index.ts";
import { field, fieldWidth } from "./header.ts";
import { held } from "./layout.ts";
import type { Paint } from "./paint.ts";
import { columns, visible } from "./text.ts";

/** A prompt of more tokens is shown around the attributed ones. */
const MOST_TOKENS = 60;

/** The number of tokens shown on either side of an attributed one, and at the prompt's ends. */
const AROUND = 20;
const AT_ENDS = 3;

/** The name of a prompt in a table, with its index where there are several. */
export function promptName(prompts: readonly unknown[], index: number): string {
  return prompts.length > 1 ? `prompt ${index}` : "prompt";
}

/**
 * The prompt's tokens side by side, the attributed ones in brackets, over as many lines as they need. What is far from all
 * attributed tokens of a long prompt is counted only.
 */
export function promptLines(
  name: string,
  prompt: AttributedPrompt,
  attributed: ReadonlySet<number>,
  width: number,
  paint: Paint,
): string[] {
  const shown = shownTokens(prompt.tokens.length, attributed);
  const pieces: { text: string; painted: string }[] = [];
  for (let pos = 0; pos < prompt.tokens.length; pos++) {
    if (shown[pos]) {
      const token = held(visible(prompt.stringTokens?.[pos] ?? String(prompt.tokens[pos])));
      const text = attributed.has(pos) ? `[${token}]` : token;
      pieces.push({ text, painted: attributed.has(pos) ? paint.inverse(text) : text });
      continue;
    }
    const first = pos;
    while (!shown[pos + 1]) pos++;
    const text = held(`… ${pos + 1 - first} tokens …`);
    pieces.push({ text, painted: paint.dim(text) });
  }
  const lines = [""];
  let used = 0;
  for (const [i, { text, painted }] of pieces.entries()) {
    const separator = i < pieces.length - 1 ? "│" : "";
    const size = columns(text + separator);
    if (used > 0 && used + size > width - fieldWidth) {
      lines.push("");
      used = 0;
    }
    used += size;
    lines[lines.length - 1] += painted + paint.dim(separator);
  }
  return lines.map((line, i) => field(i === 0 ? name : "", line, paint));
}

/** The tokens that are shown: no gap is shorter than what would stand in its place. */
function shownTokens(length: number, attributed: ReadonlySet<number>): readonly boolean[] {
  const shown = new Array<boolean>(length).fill(length <= MOST_TOKENS);
  const show = (from: number, to: number) => shown.fill(true, Math.max(0, from), to);
  show(0, AT_ENDS);
  show(length - AT_ENDS, length);
  for (const pos of attributed) show(pos - AROUND, pos + AROUND + 1);
  for (let pos = 0; pos < length; pos++) {
    if (shown[pos]) continue;
    const end = shown.indexOf(true, pos);
    if (end - pos < AT_ENDS) show(pos, end);
    pos = end;
  }
  return shown;
}
