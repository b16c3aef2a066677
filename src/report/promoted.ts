import {
  expectResult,
  type PromotedTokens,
  type PromotedTokensResult,
  promotedForm,
  type ScoredToken,
} from "../dla/index.ts";
import { attributionLines, field } from "./header.ts";
import { held, layOut } from "./layout.ts";
import { checkLine } from "./ledger.ts";
import { type LensTableOptions, lensTableNames } from "./lens.ts";
import { decimalsFor, signed } from "./numbers.ts";
import { expectLook } from "./options.ts";
import { type Paint, paint } from "./paint.ts";
import { siteLines } from "./sites.ts";
import { columns, cutColumns, padColumns, quoteToken, visible } from "./text.ts";

/**
 * Promoted tokens as text: for each prompt and position those most promoted, and beside them those most suppressed.
 *
 * @throws ValueError for an option that there is not
 */
export function toPromotedTable(result: PromotedTokensResult, options: LensTableOptions = {}): string {
  expectResult("toPromotedTable", result, "promoted", promotedForm);
  expectLook("toPromotedTable", options, lensTableNames);
  const on = paint(options.color ?? false);
  const width = Math.max(options.width ?? 80, 40);
  const lines = siteLines(result, result.sites, width, on, (site) => {
    const [position] = attributionLines(result, { ...site, answer: null, wrong: null }, on);
    const what = ` · tokens whose logits it raises and lowers most`;
    return [
      position,
      "",
      field("by", `${on.bold(visible(result.component))}${on.dim(what)}`, on),
      ...tokenLines(site, width, on),
      on.dim(`in units of the logit, less the mean over the vocabulary, ${signed(site.mean, 4)}`),
      checkLine([site], on),
    ];
  });
  return layOut(lines, width);
}

/** Between the two lists where they stand side by side. */
const BETWEEN = " ".repeat(4);

/** The two lists side by side; one under the other where that shows whole what would be cut. */
function tokenLines({ promoted, suppressed }: PromotedTokens, width: number, on: Paint): string[] {
  const decimals = decimalsFor([...promoted, ...suppressed].map(({ score }) => score));
  const half = (width - BETWEEN.length) / 2;
  const list = (title: string, tokens: readonly ScoredToken[], room: number) => {
    const scores = tokens.map(({ score }) => signed(score, decimals));
    const scoreWidth = Math.max(0, ...scores.map(columns));
    const names = tokens.map((token) => cutColumns(held(quoteToken(token)), room - scoreWidth - 2));
    const nameWidth = Math.max(columns(title), ...names.map(columns));
    return {
      names,
      head: padColumns(title, nameWidth + 2 + scoreWidth),
      lines: tokens.map(
        ({ score }, i) =>
          `${padColumns(names[i], nameWidth)}  ${on.sign(score, scores[i].padStart(scoreWidth))}`,
      ),
    };
  };
  const both = (room: number) => [list("promoted", promoted, room), list("suppressed", suppressed, room)];
  const [[up, down], whole] = [both(half), both(width)];
  const isCut = (names: readonly string[], within: readonly string[]) =>
    names.some((name, i) => name !== within[i] && !within[i].endsWith("…"));
  const isWide = columns(`${up.head}${BETWEEN}${down.head}`) > width; // a title is wider than its tokens
  if (isWide || whole.some(({ names }, i) => isCut([up, down][i].names, names)))
    return whole.flatMap(({ head, lines }, i) => [...(i > 0 ? [""] : []), on.dim(head.trimEnd()), ...lines]);
  return [
    on.dim(`${up.head}${BETWEEN}${down.head}`.trimEnd()),
    ...up.lines.map((line, i) => `${line}${BETWEEN}${down.lines[i]}`),
  ];
}
