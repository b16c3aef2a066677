/**
 * Releases what main holds:
 *
 *   npm run release -- --set 0.2.0    writes the version, and today into the CHANGELOG; commit and push that
 *   npm run release -- --dry-run      all checks; says what it would do, and does none of it
 *   npm run release                   the same checks, then publishes and tags; in CI, which provenance needs
 *
 * `--tests COMMAND` runs other tests than .ci/run.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { cloneFaults, fileFaults, packFaults, publishing, withVersion } from "./releaseChecks.mjs";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));
const { values } = parseArgs({
  options: {
    "dry-run": { type: "boolean", default: false },
    set: { type: "string" },
    tests: { type: "string", default: ".ci/run" },
  },
});
const isDry = values["dry-run"];

const files = {
  manifest: "package.json",
  lock: "package-lock.json",
  versionFile: "src/version.ts",
  changelog: "CHANGELOG.md",
};
const texts = Object.fromEntries(
  Object.entries(files).map(([name, file]) => [name, readFileSync(file, "utf8")]),
);

if (values.set === undefined) release();
else setVersion(values.set);

function setVersion(version) {
  const changed = withVersion(texts, version, new Date().toISOString().slice(0, 10));
  for (const [name, file] of Object.entries(files)) {
    console.log(`${isDry ? "would write" : "writes"} ${version} to ${file}`);
    if (!isDry) writeFileSync(file, changed[name]);
  }
}

function release() {
  const { version } = JSON.parse(texts.manifest);
  const folder = mkdtempSync(join(tmpdir(), "logitscope-release-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

  console.log(`logitscope ${version}${isDry ? ", a dry run: nothing is published or tagged" : ""}`);
  const clone = {
    branch: read("git", "branch", "--show-current").trim(),
    status: read("git", "status", "--porcelain"),
    tags: read("git", "tag", "--list").split("\n"),
  };
  const faults = [...fileFaults(texts), ...cloneFaults(clone, version)];
  stopAt(faults);

  if (!succeeds("bash", "-c", values.tests)) faults.push(`tests: ${values.tests} failed. Make it pass.`);
  stopAt(faults);

  const [packed] = JSON.parse(read("npm", "pack", "--json", "--pack-destination", folder));
  const tarball = join(folder, packed.filename);
  for (const { path, size } of packed.files) console.log(`${String(size).padStart(9)}  ${path}`);
  console.log(
    `${String(packed.unpackedSize).padStart(9)}  in ${packed.files.length} files; ${packed.size} packed`,
  );
  faults.push(...packFaults(packed));
  const isResolvable =
    succeeds("node", "scripts/setup.mjs", "test/matrix") &&
    succeeds("node", "scripts/checkPackage.mjs", tarball);
  if (!isResolvable)
    faults.push("tarball: publint or are-the-types-wrong found what is shown above. Mend it.");
  if (read("git", "status", "--porcelain") !== clone.status)
    faults.push("working tree: the checks changed it.");

  if (isDry) for (const fault of faults) console.log(`✗ ${fault}`);
  else stopAt(faults);
  for (const command of publishing(version, tarball)) {
    console.log(`${isDry ? "would run" : "runs"}: ${command.join(" ")}`);
    if (!isDry && !succeeds(...command)) process.exit(1);
  }
  console.log(`${isDry ? "then you would push" : "push"} the tag: git push origin v${version}`);
  process.exitCode = faults.length === 0 ? 0 : 1;
}

/** A release ends at the first step that fails; a dry run shows all. */
function stopAt(faults) {
  if (isDry || faults.length === 0) return;
  for (const fault of faults) console.error(`✗ ${fault}`);
  process.exit(1);
}

function succeeds(command, ...args) {
  return spawnSync(command, args, { stdio: "inherit", shell: process.platform === "win32" }).status === 0;
}

function read(command, ...args) {
  const { status, stdout } = spawnSync(command, args, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (status === 0) return stdout;
  console.error(`✗ ${command} ${args.join(" ")} failed`);
  process.exit(1);
}
