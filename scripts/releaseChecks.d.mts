export interface Texts {
  manifest: string;
  lock: string;
  versionFile: string;
  changelog: string;
}
export const limits: { size: number; unpackedSize: number };
export function fileFaults(texts: Texts): string[];
export function cloneFaults(
  clone: { branch: string; status: string; tags: string[] },
  version: string,
): string[];
export function packFaults(packed: { size: number; unpackedSize: number }): string[];
export function withVersion(texts: Texts, version: string, day: string): Texts;
export function publishing(version: string, tarball: string): string[][];
