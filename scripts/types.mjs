// The types of dist: what tsc says of the sources, made to stand alone. They name no global that a project may lack, and no type
// that has arguments only since TypeScript 5.7.
import { spawnSync } from "node:child_process";
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";

const platform = "scripts/platform.d.ts";
const names = [...readFileSync(platform, "utf8").matchAll(/^export (?:declare )?\w+ (\w+)/gm)].map(
  ([, name]) => name,
);

/** Writes them; returns tsc's exit code. */
export function writeTypes(folder) {
  const tsc = ["node_modules/typescript/bin/tsc", "-p", "tsconfig.json", "--noEmit", "false"];
  const args = [...tsc, "--emitDeclarationOnly", "--rootDir", "src", "--outDir", folder];
  const { status } = spawnSync(process.execPath, args, { stdio: "inherit" });
  for (const file of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    if (!file.endsWith(".d.ts")) continue;
    const path = join(folder, file);
    const to = relative(dirname(file), "platform.ts").replaceAll(sep, "/");
    writeFileSync(path, standingAlone(readFileSync(path, "utf8"), to.startsWith(".") ? to : `./${to}`));
  }
  copyFileSync(platform, join(folder, "platform.d.ts"));
  return status ?? 1;
}

/** One file's types, with the platform's names imported from `platform`. */
function standingAlone(text, platform) {
  const plain = text
    .replace(/\b(\w+Array|ArrayBufferView)<(?:Shared)?ArrayBuffer(?:Like)?>/g, "$1")
    .replace(/\bglobalThis\.fetch\b/g, "fetch");
  const code = plain.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, "");
  const used = names.filter((name) => new RegExp(`(?<![.\\w"])${name}\\b(?!["?]?:|["(])`).test(code));
  return used.length === 0 ? plain : `import type { ${used.join(", ")} } from "${platform}";\n${plain}`;
}
