/** Installs the peers that are not there yet: node bench/peers/install.mjs. The two parts do not need each other. */
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, readFileSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

process.chdir(fileURLToPath(new URL(".", import.meta.url)));
const windows = process.platform === "win32";

const parts = { "onnxruntime-web and TensorFlow.js": installNode, TransformerLens: installPython };
for (const [name, install] of Object.entries(parts)) {
  try {
    install();
    console.log(`${name}: installed`);
  } catch (error) {
    console.error(`${name}: ${error.message}`);
    process.exitCode = 1;
  }
}

function installNode() {
  const done = "node_modules/installed.json";
  if (same(done, "package-lock.json")) return;
  run("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
  copyFileSync("package-lock.json", done);
}

function installPython() {
  const done = ".venv/installed.txt";
  if (same(done, "requirements.txt")) return;
  const python = windows ? "python" : "python3";
  const { stdout } = spawnSync(python, ["-c", "import sys; print(*sys.version_info[:2])"], {
    encoding: "utf8",
  });
  const [major, minor] = (stdout ?? "").split(" ").map(Number);
  if (!(major > 3 || (major === 3 && minor >= 10))) {
    const got = stdout ? `Python ${major}.${minor}` : "nothing that runs";
    throw new Error(
      `${python}: got ${got}, expected Python 3.10 or newer. Install it, or do without TransformerLens.`,
    );
  }
  rmSync(".venv", { recursive: true, force: true });
  run(python, ["-m", "venv", ".venv"]);
  const pip = [windows ? ".venv\\Scripts\\python" : ".venv/bin/python", "-m", "pip", "install"];
  run(pip[0], [...pip.slice(1), "--quiet", "--requirement", "requirements.txt"]);
  copyFileSync("requirements.txt", done);
}

/** A copy of the list is left where the list's packages are installed, once all of them are. */
function same(done, list) {
  return existsSync(done) && readFileSync(done, "utf8") === readFileSync(list, "utf8");
}

function run(command, args) {
  console.log(`$ ${command} ${args.join(" ")}`);
  const { status, error } = spawnSync(command, args, { stdio: "inherit", shell: windows });
  if (status !== 0) throw new Error(`${command}: ${error?.message ?? `exit code ${status}`}`);
}
