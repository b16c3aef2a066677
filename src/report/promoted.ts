import {
  expectResult,
  type PromotedTokens,
  type PromotedTokensResult,
  promotedForm,
  type ScoredToken,
} from "../dla/index.ts";
import { attributionLines, field } from "./header.ts";
import { checkLine } from "./ledger.ts";
import type { LensTableOptions } from "./lens.ts";
import { decimalsFor, signed } from "./numbers.ts";
import { expectLook } from "./options.ts";
import { type Paint, paint } from "./paint.ts";
import { siteLines } from "./sites.ts";
import { columns, cutColumns, padColumns, quoteToken, visible } from "./text.ts";

/** Promoted tokens as text: for each prompt and position those most promoted, and beside them those most suppressed. */
export function toPromotedTable(result: PromotedTokensResult, options: LensTableOptions = {}): string {
  expectResult("toPromotedTable", result, "promoted", promotedForm);
  expectLook("toPromotedTable", options);
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
  return `${lines.join("\n")}\n`;
}

function tokenLines({ promoted, suppressed }: PromotedTokens, width: number, on: Paint): string[] {
  const decimals = decimalsFor([...promoted, ...suppressed].map(({ score }) => score));
  const gap = 4; // between the two lists
  const list = (title: string, tokens: readonly ScoredToken[]) => {
    const scores = tokens.map(({ score }) => signed(score, decimals));
    const scoreWidth = Math.max(0, ...scores.map(columns));
    const names = tokens.map((token) => cutColumns(quoteToken(token), (width - gap) / 2 - scoreWidth - 2));
    const nameWidth = Math.max(columns(title), ...names.map(columns));
    return {
      head: padColumns(title, nameWidth + 2 + scoreWidth),
      lines: tokens.map(
        ({ score }, i) =>
          `${padColumns(names[i], nameWidth)}  ${on.sign(score, scores[i].padStart(scoreWidth))}`,
      ),
    };
  };
  const [up, down] = [list("promoted", promoted), list("suppressed", suppressed)];
  const between = " ".repeat(gap);
  return [
    on.dim(`${up.head}${between}${down.head}`.trimEnd()),
    ...up.lines.map((line, i) => `${line}${between}${down.lines[i]}`),
  ];
}
