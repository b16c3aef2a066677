import type { Target } from "../input.ts";
import { anyArguments } from "./arguments.ts";
import { config, index, safetensors } from "./files.ts";
import { prompts, wholeModel } from "./models.ts";
import { addedTokens, tokenizerJson, vocabulary } from "./tokenizers.ts";

export const targets: readonly Target[] = [
  config,
  safetensors,
  index,
  tokenizerJson,
  vocabulary,
  addedTokens,
  wholeModel,
  prompts,
  anyArguments,
];
