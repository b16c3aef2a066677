import { expectShape, ValueError } from "../../errors.ts";
import type { Tensor64 } from "../../tensor/index.ts";
import { expectKnown } from "../knownOptions.ts";
import { readToken, type TokenRef } from "../tokens.ts";
import { tokenColumn } from "../unembedding.ts";
import { throughNorm } from "../writers.ts";
import type { Activations } from "./activations.ts";
import type { ResidualStack } from "./residualStacks.ts";

/** Whose logit: one token for all prompts, or one each; less the wrong one's, where given. */
export interface LogitAttrsOptions {
  readonly answer: TokenRef | readonly TokenRef[];
  readonly wrong?: TokenRef | readonly TokenRef[] | undefined;
}

/**
 * TransformerLens's `logit_attrs`, in float64:
 *
 *   out[component, batch, pos] = P(gamma ⊙ w)·row / scale,   w = W_U[:, answer] − W_U[:, wrong]
 *
 * @see TransformerLens, `ActivationCache.logit_attrs`
 */
export function logitAttrs(cache: Activations, rows: ResidualStack, options: LogitAttrsOptions): Tensor64 {
  expectKnown("logitAttrs", options, { answer: true, wrong: true });
  const { stack, positions } = rows;
  const [components, batch, pos, dModel] = stack.shape;
  expectShape(
    "logitAttrs: stack",
    stack.shape,
    { components, batch: cache.tokens.length, pos: positions.length, dModel: cache.model.config.dModel },
    "Build the stack from this cache.",
  );
  if (rows.normalized) {
    throw new ValueError(
      "logitAttrs: got a stack made with applyLn, expected one without: the final norm's scale is applied here. Leave applyLn out.",
    );
  }
  const answers = onePerPrompt("logitAttrs: answer", cache, options.answer);
  const wrongs =
    options.wrong === undefined ? undefined : onePerPrompt("logitAttrs: wrong", cache, options.wrong);
  const scales = cache.at("ln_final.hook_scale", positions).data;
  const data = new Float64Array(components * batch * pos);
  for (let prompt = 0; prompt < batch; prompt++) {
    const { column } = tokenColumn(cache.model.unembedding, answers[prompt], wrongs?.[prompt]);
    const u = throughNorm(cache.model.finalNorm, Float64Array.from(column));
    for (let component = 0; component < components; component++) {
      for (let p = 0; p < pos; p++) {
        const at = (component * batch + prompt) * pos + p;
        let sum = 0;
        for (let i = 0; i < dModel; i++) sum += stack.data[at * dModel + i] * u[i];
        data[at] = sum / scales[prompt * pos + p];
      }
    }
  }
  return { shape: [components, batch, pos], data };
}

function onePerPrompt(where: string, cache: Activations, given: TokenRef | readonly TokenRef[]): number[] {
  const count = cache.tokens.length;
  const list = Array.isArray(given) ? given : Array.from({ length: count }, () => given);
  if (list.length === count) return list.map((token) => readToken(where, cache.model, token));
  throw new ValueError(
    `${where}: got ${list.length} tokens for ${count} prompts, expected one for all, or one each. Give as many as there are prompts.`,
  );
}
