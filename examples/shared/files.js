/** The files of a Hugging Face GPT-2 that make a model, in the order in which they are read. */
export const names = ["config.json", "vocab.json", "merges.txt", "model.safetensors"];

/** A model's files at an address, each a URL: `https://huggingface.co/openai-community/gpt2/resolve/main/`. */
export function filesAt(address) {
  const folder = new URL(address.endsWith("/") ? address : `${address}/`, location.href);
  return Object.fromEntries(names.map((name) => [name, new URL(name, folder)]));
}

/** The files that someone chose in an `<input type="file">`, by name. The large one is read by slices, not as a whole. */
export function filesOf(input) {
  return Object.fromEntries(Array.from(input.files, (file) => [file.name, file]));
}
