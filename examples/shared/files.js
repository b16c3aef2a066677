/** The files of a Hugging Face GPT-2 that make a model, in the order in which they are read. */
export const names = ["config.json", "vocab.json", "merges.txt", "model.safetensors"];

/** A model's files at an address, each a URL: `https://huggingface.co/openai-community/gpt2/resolve/main/`. */
export function filesAt(address) {
  const folder = new URL(address.endsWith("/") ? address : `${address}/`, location.href);
  return Object.fromEntries(names.map((name) => [name, new URL(name, folder)]));
}

/**
 * The files of the folder that someone chose in an `<input type="file" webkitdirectory>`, by name. A browser gives those of the
 * folders inside too: a checkpoint's there are another model's. The large one is read by slices, not as a whole.
 */
export function filesOf(input) {
  const all = Array.from(input.files);
  const own = all.filter((file) => folderOf(file).length <= 1);
  const inside = all.find((file) => file.name === "config.json");
  if (inside !== undefined && !own.some((file) => file.name === "config.json")) {
    throw new Error(
      `config.json: not in the folder itself, but in ${folderOf(inside).join("/")}. Choose that folder.`,
    );
  }
  return Object.fromEntries(own.map((file) => [file.name, file]));
}

/** The folders that a file is in, the chosen one first; none where files were chosen one by one. */
function folderOf({ webkitRelativePath }) {
  return webkitRelativePath.split("/").slice(0, -1);
}
