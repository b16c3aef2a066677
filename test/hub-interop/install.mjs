/** Installs the Python packages that the tests beside this file are against, unless they are there: node test/hub-interop/install.mjs */
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, readFileSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

process.chdir(fileURLToPath(new URL(".", import.meta.url)));
const windows = process.platform === "win32";
const list = "requirements.txt";
const done = ".venv/installed.txt"; // a copy of the list, once all of it is there

if (!existsSync(done) || readFileSync(done, "utf8") !== readFileSync(list, "utf8")) {
  const python = windows ? "python" : "python3";
  const { stdout } = spawnSync(python, ["-c", "import sys; print(*sys.version_info[:2])"], {
    encoding: "utf8",
  });
  const [major, minor] = (stdout ?? "").split(" ").map(Number);
  if (!(major > 3 || (major === 3 && minor >= 10))) {
    const got = stdout ? `Python ${major}.${minor}` : "nothing that runs";
    console.error(`${python}: got ${got}, expected Python 3.10 or newer. Install it.`);
    process.exit(1);
  }
  rmSync(".venv", { recursive: true, force: true });
  run(python, ["-m", "venv", ".venv"]);
  run(windows ? ".venv\\Scripts\\python" : ".venv/bin/python", [
    ...["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement", list],
  ]);
  copyFileSync(list, done);
}

function run(command, args) {
  console.error(`$ ${command} ${args.join(" ")}`);
  const { status, error } = spawnSync(command, args, { stdio: ["ignore", 2, 2] });
  if (status === 0) return;
  console.error(`${command}: ${error?.message ?? `exit code ${status}`}`);
  process.exit(1);
}
