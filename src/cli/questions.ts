import {
  type AttributionResult,
  compare,
  directLogitAttribution,
  erasures,
  logitLens,
  promotedTokens,
  type Unit,
} from "../dla/index.ts";
import type { Gpt2 } from "../model/index.ts";
import { ablate } from "./ablate.ts";
import type { Arguments } from "./args.ts";
import type { Io } from "./io.ts";
import { print, printAblation, printComparison, printErasures, printLens, printPromoted } from "./print.ts";
import { attributionOf, detailOf, type Record } from "./records.ts";

/** The answer to what is asked of these prompts, as it is printed. */
export async function answerTo(
  model: Gpt2,
  records: readonly Record[],
  args: Arguments,
  io: Io,
): Promise<string> {
  const { input, ...options } = attributionOf(records, args);
  if (args.ablate !== undefined)
    return printAblation(await ablate(model, records, { ...args, ablate: args.ablate }, io), args, io);
  if (args.erasures) {
    const unit = args.unit === "head" ? "head" : "component";
    return printErasures(erasures(model, input, { ...options, unit }), args, io);
  }
  if (args.promoted !== undefined) {
    const { answer, wrong, ...where } = options;
    const asked = { ...where, component: args.promoted, top: args.top };
    return printPromoted(promotedTokens(model, input, asked), args, io);
  }
  if (args.lens) return printLens(logitLens(model, input, options), args, io);
  const attribute = (unit: Unit, of: readonly Record[]): AttributionResult => {
    const { input, ...options } = attributionOf(of, args);
    return directLogitAttribution(model, input, { ...options, ...detailOf(args), unit });
  };
  if (args.compare !== undefined) {
    const [a, b] = records.map((record) => attribute(args.unit ?? "component", [record]));
    return printComparison(compare(a, b), args, io);
  }
  const units = unitsOf(args);
  const shown = print(
    units.map((unit) => attribute(unit, records)),
    args,
    io,
  );
  return isDemonstration(args) && units.length > 1 ? shown + readingOfDifference : shown;
}

/** True for the prompt, tokens, position and model that `readingOfDifference` speaks of. */
function isDemonstration(args: Arguments): boolean {
  const { prompts, answers, wrongs, model, pos, bos, rawWeights, keepValueBiases, logProbability } = args;
  const isAsIs = bos && !rawWeights && !keepValueBiases && !logProbability;
  return (
    model === "demo" && pos === -1 && isAsIs && [prompts, answers, wrongs].every(({ length }) => length === 0)
  );
}

/** The way to read the demonstration's rows, which is easy to get wrong. */
const readingOfDifference = `
A positive row puts the answer further ahead of the wrong one. It need not raise
it: L2H1 lowers both, " John" more. --answer " Mary" alone shows what it does to
" Mary", --answer " John" to " John" (add --unit head).
`;

/** The demonstration is by component and by head; a document is of one unit. */
function unitsOf({ unit, prompts, format }: Arguments): readonly Unit[] {
  if (unit !== undefined) return [unit];
  return prompts.length === 0 && format === "table" ? ["component", "head"] : ["component"];
}
