/// <reference types="node" />
import { fileURLToPath } from "node:url";
import { describe, tagOf, ValueError } from "../errors.ts";

/**
 * A path or a name as it is; the path that a file: address names.
 *
 * @throws ValueError for an address of another kind, and for what is neither
 */
export function folderOrNameOf(where: string, given: unknown): string {
  const address = tagOf(given) === "URL" ? String(given) : given;
  if (typeof address !== "string" || address === "" || address.includes("\0")) {
    throw new ValueError(
      `${where}: got ${describe(given)}, expected a folder or a name on the hub. Give "./gpt2" or "openai-community/gpt2".`,
    );
  }
  if (/^file:/i.test(address)) return pathOf(where, address);
  if (!/^[a-z][a-z\d+.-]+:\/\//i.test(address)) return address;
  throw new ValueError(
    `${where}: got the address ${describe(address)}, expected a folder or a name on the hub. ` +
      "Give modelFromFiles the files' addresses, each a URL; or fromPretrained the name: openai-community/gpt2.",
  );
}

function pathOf(where: string, address: string): string {
  try {
    return fileURLToPath(address);
  } catch (error) {
    throw new ValueError(
      `${where}: got ${describe(address)}, expected the address of a folder here. Give file:///… or a path.`,
      { cause: error },
    );
  }
}
