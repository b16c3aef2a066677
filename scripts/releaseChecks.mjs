// The parts of a release that only think: texts in, faults or texts out. scripts/release.mjs acts.

/** What a package may weigh, in bytes: twice the embedded model and the code, so that nothing large slips in. */
export const limits = { size: 1_000_000, unpackedSize: 2_500_000 };

const versionPattern = /^\d+\.\d+\.\d+(-[0-9a-z.]+)?$/;
const topEntry = /^## (\S+) \((.*)\)$/m;

/** The version that each file says. */
function versionsOf({ manifest, lock, versionFile, changelog }) {
  return {
    "package.json": JSON.parse(manifest).version,
    "package-lock.json": JSON.parse(lock).version,
    "src/version.ts": /version = "(.*)"/.exec(versionFile)?.[1],
    "CHANGELOG.md's first entry": topEntry.exec(changelog)?.[1],
  };
}

/** What is wrong with the files' versions, the CHANGELOG's date or the repository that provenance names. */
export function fileFaults(texts) {
  const { version, repository } = JSON.parse(texts.manifest);
  const faults = Object.entries(versionsOf(texts))
    .filter(([, found]) => found !== version)
    .map(
      ([file, found]) =>
        `${file}: got version ${found}, expected package.json's ${version}. Run with --set ${version}.`,
    );
  const date = topEntry.exec(texts.changelog)?.[2];
  if (!/^\d{4}-\d{2}-\d{2}$/.test(date ?? ""))
    faults.push(
      `CHANGELOG.md: got ${date ?? "no date"}, expected the day of the release. Run with --set ${version}.`,
    );
  if (repository === undefined)
    faults.push(
      "package.json: got no repository, expected the public one. Provenance is checked against it: add it.",
    );
  return faults;
}

/** What is wrong with the clone. */
export function cloneFaults({ branch, status, tags }, version) {
  const faults = [];
  if (branch !== "main") faults.push(`branch: got ${branch || "none"}, expected main. Merge first.`);
  if (status !== "") faults.push(`working tree: got changes, expected none. Commit or drop them:\n${status}`);
  if (tags.includes(`v${version}`))
    faults.push(`tags: got v${version} already, expected a new version. Run with --set.`);
  return faults;
}

/** What is wrong with what npm packed. */
export function packFaults(packed) {
  return Object.entries(limits)
    .filter(([name, limit]) => packed[name] > limit)
    .map(
      ([name, limit]) =>
        `tarball: got ${name} ${packed[name]}, expected at most ${limit} bytes. See what is new in it.`,
    );
}

/**
 * The files with another version, and its day in the CHANGELOG.
 *
 * @throws Error for what is no version, or for a CHANGELOG that has neither its entry nor an unreleased one
 */
export function withVersion({ manifest, lock, versionFile, changelog }, version, day) {
  if (!versionPattern.test(version))
    throw new Error(`--set: got ${version}, expected a version such as 1.2.3 or 1.2.3-rc.1.`);
  const [whole, entry, date] = topEntry.exec(changelog) ?? [];
  if (date !== "unreleased" && entry !== version)
    throw new Error(
      `CHANGELOG.md: got ${whole ?? "no entry"}, expected an unreleased one. Write what is new first.`,
    );
  const json = (text, change) => `${JSON.stringify(change(JSON.parse(text)), null, 2)}\n`;
  return {
    manifest: json(manifest, (value) => ({ ...value, version })),
    lock: json(lock, (value) => {
      const packages = { ...value.packages, "": { ...value.packages[""], version } };
      return { ...value, version, packages };
    }),
    versionFile: versionFile.replace(/version = ".*"/, `version = "${version}"`),
    changelog: changelog.replace(topEntry, `## ${version} (${day})`),
  };
}

/** What is run in the end, once all checks hold. */
export function publishing(version, tarball) {
  const channel = version.includes("-") ? "next" : "latest";
  return [
    ["npm", "publish", tarball, "--provenance", "--access", "public", "--tag", channel],
    ["git", "tag", "--annotate", `v${version}`, "--message", `logitscope ${version}`],
  ];
}
