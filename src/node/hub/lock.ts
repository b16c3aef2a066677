/// <reference types="node" />
import { randomUUID } from "node:crypto";
import { open, readFile, stat, unlink, utimes } from "node:fs/promises";
import { hostname } from "node:os";
import process from "node:process";
import type { Client } from "./client.ts";

/** In milliseconds. */
export interface LockTimes {
  /** Between two looks at a lock that another holds. */
  readonly look: number;
  /** Between two signs of life. */
  readonly sign: number;
  /** Without a sign of life, after which a lock is taken over. */
  readonly silence: number;
}

const times: LockTimes = { look: 200, sign: 5_000, silence: 30_000 };

/**
 * Waits for the lock at `path`, a file that says who holds it. It spares two processes the same download, and no more: every
 * download has a file of its own and is put in place whole, so a lock lost, stolen or ignored costs bytes and not content.
 * (Python's huggingface_hub locks other files, by flock, which Node.js has not.)
 *
 * A holder that has died, or given no sign of life for 30 seconds of our own clock, is not waited for, and a lock
 * that cannot be removed then is done without.
 *
 * @returns lets go of it
 * @throws the signal's reason once it is aborted
 */
export async function acquireLock(
  { signal, pause }: Pick<Client, "signal" | "pause">,
  path: string,
  { look, sign, silence }: LockTimes = times,
): Promise<() => Promise<void>> {
  const self = JSON.stringify({ host: hostname(), pid: process.pid, since: Date.now(), id: randomUUID() });
  let seen = "";
  let since = 0;
  while (!(await create(path, self))) {
    signal?.throwIfAborted();
    const holder = await readHolder(path);
    const { mtimeMs } = (await stat(path).catch(() => undefined)) ?? { mtimeMs: 0 };
    const state = `${holder} ${mtimeMs}`;
    if (state !== seen) [seen, since] = [state, performance.now()];
    if (isDead(holder) || performance.now() - since > silence) {
      if ((await readHolder(path)) === holder && !(await isRemoved(path))) return async () => {}; // do without it
      continue;
    }
    await pause(look, signal);
  }
  const signs = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => {});
  }, sign);
  signs.unref();
  return async () => {
    clearInterval(signs);
    if ((await readHolder(path)) === self) await isRemoved(path);
  };
}

/** What a lock says of its holder; undefined when it was just let go of, or is a link to nothing. */
function readHolder(path: string): Promise<string | undefined> {
  return readFile(path, "utf8").catch((error) => (error.code === "ENOENT" ? undefined : ""));
}

function isRemoved(path: string): Promise<boolean> {
  return unlink(path).then(
    () => true,
    (error) => error.code === "ENOENT",
  );
}

async function create(path: string, content: string): Promise<boolean> {
  const handle = await open(path, "wx").catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
  if (handle === undefined) return false;
  try {
    await handle.writeFile(content);
    return true;
  } catch (error) {
    await unlink(path).catch(() => {}); // nobody's, it would be waited for
    throw error;
  } finally {
    await handle.close();
  }
}

/**
 * Whether the holder was a process of this machine that is no more. One with this process's own number is, if it began to
 * hold before this process was there: in a container each has the same number. (A list of the locks held here would not know
 * those of other threads.)
 */
function isDead(holder = ""): boolean {
  try {
    const { host, pid, since } = JSON.parse(holder);
    if (host !== hostname() || !Number.isSafeInteger(pid) || pid <= 0) return false;
    process.kill(pid, 0);
    return pid === process.pid && since < Date.now() - 1000 * process.uptime();
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
}
