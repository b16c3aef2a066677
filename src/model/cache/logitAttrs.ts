import { describe, expectObject, expectShape, ValueError } from "../../errors.ts";
import type { Tensor64 } from "../../tensor/index.ts";
import { asList, type Integers } from "../integers.ts";
import { expectKnown } from "../knownOptions.ts";
import { readToken, type TokenRef } from "../tokens.ts";
import { tokenColumn } from "../unembedding.ts";
import { throughNorm } from "../writers.ts";
import type { Activations } from "./activations.ts";
import type { ResidualStack } from "./residualStacks.ts";

/** Whose logit: one token for all prompts, or one each; less the wrong one's, where given. */
export interface LogitAttrsOptions {
  readonly answer: TokenRef | Integers | readonly TokenRef[];
  readonly wrong?: TokenRef | Integers | readonly TokenRef[] | undefined;
}

/**
 * TransformerLens's `logit_attrs`, in float64:
 *
 *   out[component, batch, pos] = P(gamma ⊙ w)·row / scale,   w = W_U[:, answer] − W_U[:, wrong]
 *
 * @see TransformerLens, `ActivationCache.logit_attrs`
 */
export function logitAttrs(cache: Activations, rows: ResidualStack, options: LogitAttrsOptions): Tensor64 {
  const where = "logitAttrs";
  expectKnown(where, options, { answer: true, wrong: true });
  expectStack(`${where}: stack`, rows);
  const { stack, positions } = rows;
  const [components, batch, pos, dModel] = stack.shape;
  expectShape(
    `${where}: stack`,
    stack.shape,
    { components, batch: cache.tokens.length, pos: positions.length, dModel: cache.model.config.dModel },
    "Build the stack from this cache.",
  );
  if (rows.normalized) {
    throw new ValueError(
      "logitAttrs: got a stack made with applyLn, expected one without: the final norm's scale is applied here. Leave applyLn out.",
    );
  }
  const answers = onePerPrompt(`${where}: answer`, cache, options.answer);
  const wrongs =
    options.wrong === undefined ? undefined : onePerPrompt(`${where}: wrong`, cache, options.wrong);
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

/** @throws ValueError for what no cache has stacked */
function expectStack(where: string, rows: ResidualStack): void {
  const remedy = "Give what decomposeResid, accumulatedResid or stackHeadResults returns.";
  expectObject(where, rows, "a stack", remedy);
  const { stack, positions } = rows;
  const { shape, data } = Object(stack) as Partial<ResidualStack["stack"]>;
  const isOne =
    Array.isArray(shape) &&
    shape.length === 4 &&
    shape.every(Number.isSafeInteger) &&
    data instanceof Float32Array &&
    data.length === shape.reduce((product, size) => product * size, 1) &&
    Array.isArray(positions);
  if (!isOne)
    throw new ValueError(`${where}: got ${describe(rows)} without rows, expected a stack. ${remedy}`);
}

function onePerPrompt(
  where: string,
  cache: Activations,
  given: TokenRef | Integers | readonly TokenRef[],
): number[] {
  const count = cache.tokens.length;
  const plain = asList(given);
  const list = Array.isArray(plain) ? plain : Array.from({ length: count }, () => plain as TokenRef);
  if (list.length === count) {
    return Array.from<TokenRef, number>(list, (token) => readToken(where, cache.model, token));
  }
  throw new ValueError(
    `${where}: got ${list.length} tokens for ${count} prompts, expected one for all, or one each. Give as many as there are prompts.`,
  );
}
