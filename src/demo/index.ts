import {
  expectKnown,
  type Gpt2,
  type LoadOptions,
  loadNames,
  modelFromFiles,
  type Source,
} from "../model/index.ts";
import { demoFiles } from "./files.ts";

/**
 * The embedded demonstration model: a tiny GPT-2 of our own, trained on synthetic text, that works in any runtime
 * without a file or a network. What it can and cannot do: docs/demo-model.md.
 *
 * @throws ValueError for an option that there is not
 */
export async function demoModel(options: LoadOptions = {}): Promise<Gpt2> {
  expectKnown("demoModel", options, loadNames);
  const sources = Object.entries(demoFiles).map(([name, base64]): [string, Source] => [
    name,
    () => decode(base64),
  ]);
  return modelFromFiles(new Map(sources), { name: "demo", ...options });
}

function decode(base64: string): Uint8Array {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i); // Uint8Array.from takes twenty times as long
  return bytes;
}
