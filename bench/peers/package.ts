import { createRequire } from "node:module";
import { resolve } from "node:path";

const peers = createRequire(resolve("bench/peers/package.json")); // not of this file: it runs from a bundle elsewhere

/**
 * A package of bench/peers. The caller says its type, for where types are checked it need not be installed.
 *
 * @throws Error when it is not installed
 */
export function peerPackage<Package>(name: string): Package {
  try {
    return peers(name);
  } catch (cause) {
    throw new Error(`${name}: not found in bench/peers. Run: node bench/peers/install.mjs`, { cause });
  }
}
