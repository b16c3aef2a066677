import * as root from "../../src/index.ts";
import { randomWeights } from "../support/arbitraries.ts";
import * as checkpoint from "../support/gpt2Checkpoint.ts";
import { tinyConfig, tinyTokenizer } from "../support/tinyModel.ts";
import { writeSafetensors } from "../support/writeSafetensors.ts";

/** A public function or method, and arguments that it takes. */
export interface Call {
  /** As an import names it; of a method, with what it is of in front: `model.run`. */
  readonly name: string;
  /** Valid arguments, every option that there is among them; made anew each time. */
  readonly args: () => readonly unknown[];
  /** Calls it; what it returns may be a promise or an iterator, which is then read to its end. */
  readonly call: (...args: never[]) => unknown;
  /** Whether even the valid arguments are refused, by a named error: what they name is not there. */
  readonly isRefused?: boolean;
}

const { jsKernels } = root;
const entry: typeof root = { ...root };
const vocabulary = ["h", "a", "t", "Ġ", "Ġh", "Ġha", "Ġhat", "at", "!", "â", "Ĥ", "<|endoftext|>"];
const vocab = JSON.stringify(Object.fromEntries(vocabulary.map((token, id) => [token, id])));
const merges = "#version: 0.2\nĠ h\nĠh a\nĠha t\na t\n";

/** What calls are made on: a model of two small layers, and what its functions return. */
export async function surface() {
  const weights = randomWeights(tinyConfig, 1);
  const tokenizer = tinyTokenizer();
  const raw = root.modelFromWeights(tinyConfig, weights, { tokenizer, kernels: jsKernels });
  const model = raw.enableCompatibilityMode();
  const prompt = [1, 2, 3];
  const asked = { answer: 1, wrong: 2 };
  const { cache } = model.runWithCache([prompt]);
  const attribution = root.directLogitAttribution(model, "hat hat", {
    ...asked,
    unit: "head",
    leaveOneOut: true,
    probability: true,
  });
  const stack = cache.accumulatedResid();
  const results = {
    attribution,
    sources: root.directLogitAttribution(model, prompt, { answer: { tokens: [1, 2] }, unit: "source" }),
    set: root.directLogitAttribution(model, prompt, { answer: { anyOf: [1, 2] } }),
    comparison: root.compare(
      attribution,
      root.directLogitAttribution(model, "hat at", { ...asked, unit: "head" }),
    ),
    lens: root.logitLens(model, prompt, asked),
    promoted: root.promotedTokens(model, prompt, { component: "L1H0" }),
    ablation: await root.ablationEffects(model, prompt, asked),
    erasures: root.erasures(model, prompt, { ...asked, threshold: 0 }),
  };
  const summary = root.runningSummary();
  summary.add(attribution);
  return { raw, model, tokenizer, weights, prompt, cache, stack, results, summary };
}

export type Surface = Awaited<ReturnType<typeof surface>>;

/** Those of any runtime: every public function and method, by hand. */
export function calls(on: Surface): readonly Call[] {
  const { raw, model, tokenizer, weights, prompt, cache, stack, results, summary } = on;
  const { attribution, comparison, lens, promoted, ablation, erasures } = results;
  const { unembedding } = model;
  const row = () => new Float32Array(tinyConfig.dModel).fill(1);
  const run = { logits: { tokens: [1, 2], pos: [-1] }, prependBos: true };
  const where = { pos: [-1], cache: undefined, allowRawWeights: false, prependBos: true };
  const asked = { answer: 1, wrong: [2], ...where };
  const of = <Object extends object, Name extends keyof Object & string>(
    kind: string,
    object: Object,
    name: Name,
    ...args: unknown[]
  ): Call => ({
    name: `${kind}.${name}`,
    args: () => args,
    call: (...given) => (object[name] as (...args: unknown[]) => unknown).call(object, ...given),
  });
  const fn = (name: keyof typeof root, ...args: unknown[]): Call => ({
    name,
    args: () => args,
    call: (...given) => (entry[name] as (...args: unknown[]) => unknown)(...given),
  });
  const files = {
    "config.json": new TextEncoder().encode(JSON.stringify(checkpoint.tinyConfig)),
    "model.safetensors": writeSafetensors(checkpoint.tinyTensors().map(checkpoint.store)),
  };
  /** Of one made for the call: it is what changes. */
  const ofSummary = (name: keyof root.RunningSummary, ...args: unknown[]): Call => ({
    name: `summary.${name}`,
    args: () => args,
    call(...given) {
      const own = root.runningSummary();
      own.add(attribution);
      return (own[name] as (...args: unknown[]) => unknown)(...given);
    },
  });
  const table = { color: false, top: 3, width: 80 };
  return [
    fn("ablationEffects", model, "hat", {
      ...{ answer: 1, wrong: [2], pos: [-1], allowRawWeights: false, prependBos: true },
      ...{ unit: "head", replace: { from: "hat" }, at: "all" },
    }),
    fn("ablationEffects", model, [prompt], { direction: new Float64Array(12), replace: { mean: [prompt] } }),
    fn("ablationToJSON", ablation),
    fn("actName", "z", 0, "attn"),
    fn(
      "attributeAll",
      model,
      [
        { input: "hat", answer: 1, wrong: [2] },
        { input: [1, 2], answer: " hat" },
      ],
      {
        ...{ answer: 1, wrong: 2, direction: undefined, target: "logit", unit: "head", pos: -1 },
        ...{
          leaveOneOut: true,
          probability: true,
          allowRawWeights: false,
          prependBos: true,
          onError: "throw",
        },
      },
    ),
    fn("compare", attribution, attribution),
    fn("comparisonToJSON", comparison),
    fn("createTokenizer", { vocab, merges, config: "{}", specialTokensMap: "{}", addedTokens: "{}" }),
    fn("directLogitAttribution", model, "hat", {
      ...{ ...asked, unit: "head", target: "logit", leaveOneOut: true, probability: true },
    }),
    fn("directLogitAttribution", model, "hat", { answer: { text: " hat" }, unit: "component" }),
    fn("directLogitAttribution", model, undefined, { answer: 1, cache }),
    fn("directLogitAttribution", model, undefined, { answer: { anyOf: [1, 2], weights: "softmax" }, cache }),
    fn("directLogitAttribution", model, [[1, 2], "hat"], { answer: [{ tokens: [1, 2] }, 1], unit: "source" }),
    fn("directLogitAttribution", model, [prompt], { direction: new Float64Array(12), unit: "path" }),
    fn(
      "dla",
      model,
      [[1, 2], "hat"],
      [
        [1, 2],
        [3, 4],
      ],
      { accumulated: true },
    ),
    fn("erasures", model, prompt, { ...asked, unit: "head", threshold: 0.1, direction: undefined }),
    fn("erasuresToJSON", erasures),
    fn("estimateMemory", tinyConfig),
    fn("gpt2Tokenizer", vocab, merges),
    fn("hookNames", 2),
    fn("lensToJSON", lens),
    fn("logitLens", model, "hat", { ...asked, scale: "frozen", top: 2 }),
    fn("mean", attribution),
    fn("mean", comparison),
    fn("modelFromFiles", files, {
      ...{ compatibilityMode: true, name: "x", kernels: jsKernels, precision: "reproducible", threads: 1 },
      ...{ spawnThread: undefined, onWarning: () => {}, onProgress: () => {}, signal: undefined },
      ...{ onEstimate: () => {}, availableMemory: 1e9, cacheStorage: false },
    }),
    fn("modelFromWeights", tinyConfig, weights, {
      ...{ compatibilityMode: true, name: "x", kernels: jsKernels, precision: "reproducible", tokenizer },
    }),
    fn("meanEffects", ablation),
    fn("parseConfig", '{"n_layer":1,"n_head":1,"n_embd":2,"n_positions":3,"vocab_size":4}'),
    fn("parseConfig", { n_layer: 1, n_head: 1, n_embd: 2, n_positions: 3, vocab_size: 4 }),
    fn("promotedTokens", model, "hat", { ...where, component: "L1H0", top: 2 }),
    fn("promotedTokensToJSON", promoted),
    fn("runningSummary"),
    fn("startKernels", { precision: "reproducible", threads: 1, spawnThread: undefined }),
    fn("tensor", [2, 2], new Float32Array(4)),
    fn("toAblationTable", ablation, table),
    fn("toComparisonTable", comparison, table),
    fn("toCsv", attribution, { header: true, record: 0, id: "7" }),
    fn("toErasuresTable", erasures, table),
    fn("toJSON", attribution),
    fn("toJSON", results.sources),
    fn("toLensTable", lens, { color: false, width: 80 }),
    fn("toNdjson", attribution, { id: 1 }),
    fn("toPromotedTable", promoted, { color: false, width: 80 }),
    fn("toTable", attribution, table),
    fn("toTable", results.sources, table),
    fn("toTable", results.set, table),
    fn("top", attribution, 3),

    of("model", model, "run", "hat", run),
    of("model", model, "run", [prompt, [1, 2, 3]], { stopAtLayer: -1, logits: undefined }),
    of("model", model, "runWithCache", "hat", {
      ...{ ...run, names: ["hook_embed"], pos: [-1], everyPos: ["hook_pos_embed"], stopAtLayer: undefined },
      ...{ hooks: [["hook_embed", () => {}]] },
    }),
    of("model", model, "runWithHooks", "hat", [["hook_embed", () => {}]], { ...run, stopAtLayer: undefined }),
    of("model", raw, "enableCompatibilityMode"),
    of("model", { dispose: () => raw.dispose() }, "dispose"),
    of("model", model, "toTokens", "hat", { prependBos: true }),
    of("model", model, "toStringTokens", "hat", { prependBos: true }),
    of("model", model, "toStringTokens", [1, 2]),
    of("model", model, "toSingleToken", " hat"),
    of("model", model, "layerTypes"),

    of("cache", cache, "has", "z", 0, "attn"),
    of("cache", cache, "get", "z", 0, "attn"),
    of("cache", cache, "positionsOf", "hook_embed"),
    of("cache", cache, "indexPositions", "here", [-1]),
    of("cache", cache, "at", "hook_embed", [-1]),
    of("cache", cache, "decomposeResid", {
      ...{ layer: 1, applyLn: true, pos: [-1], mlpInput: true, mode: "all", inclEmbeds: true },
    }),
    of("cache", cache, "accumulatedResid", {
      layer: 1,
      applyLn: true,
      pos: [-1],
      mlpInput: true,
      inclMid: true,
    }),
    of("cache", cache, "stackHeadResults", { layer: 1, applyLn: true, pos: [-1], inclRemainder: true }),
    of("cache", cache, "logitAttrs", stack, { answer: [1], wrong: 2 }),

    of("tokenizer", tokenizer, "encode", "hat"),
    of("tokenizer", tokenizer, "decode", [1, 2]),
    of("tokenizer", tokenizer, "tokenString", 1),

    ofSummary("add", attribution),
    ofSummary("merge", root.runningSummary()),
    ofSummary("merge", summary.toJSON()),
    ofSummary("mean"),
    ofSummary("toJSON"),

    of("unembedding", unembedding, "token", 1),
    of("unembedding", unembedding as Required<typeof unembedding>, "tokens", [1, 2]),
    of("unembedding", unembedding, "difference", 1, 2),
    of("unembedding", unembedding, "read", row(), unembedding.token(1)),
    of("unembedding", unembedding, "logits", row(), [1, 2]),
    of("unembedding", unembedding as Required<typeof unembedding>, "survey"),
    of("unembedding", raw.unembedding, "token", 1),
    of("unembedding", raw.unembedding, "difference", 1, 2),
  ];
}
