import config from "./model/config.json";
import merges from "./model/merges.txt";
import weights from "./model/model.safetensors";
import vocab from "./model/vocab.json";

/** The demonstration model's files as Hugging Face has them, each in base64: the build puts them here. */
export const demoFiles: Readonly<Record<string, string>> = {
  "config.json": config,
  "model.safetensors": weights,
  "vocab.json": vocab,
  "merges.txt": merges,
};
