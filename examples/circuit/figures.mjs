// @ts-check
// Every figure of docs/circuit.md, by its name there.
import { effects, landing, takenBack, valueBiases } from "./ablate.mjs";
import { lens, subjects, thirdName } from "./decide.mjs";
import { controls, familyEffects, means } from "./many.mjs";
import { copied, exchanged, previous } from "./patterns.mjs";
import { routes } from "./routes.mjs";
import { components, heads, paths, promoted, sources } from "./rows.mjs";

/** In the document's order. @type {Record<string, (model: import("logitscope").Gpt2) => import("./table.mjs").Table | Promise<import("./table.mjs").Table>>} */
export const figures = {
  components,
  heads,
  sources,
  promoted,
  paths,
  subjects,
  lens,
  thirdName,
  effects,
  valueBiases,
  landing,
  takenBack,
  routes,
  previous,
  exchanged,
  copied,
  means,
  familyEffects,
  controls,
};
