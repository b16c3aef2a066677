/**
 * Every error the package throws on purpose. Messages read
 * `where: got X, expected Y. What to do.`
 */

/** An argument whose type is right and whose value is not. Named as in the TransformerLens tool. */
export class ValueError extends Error {
  override name = "ValueError";
}

/** A kind of model that the attribution does not cover. Named as in the TransformerLens tool. */
export class NotImplementedError extends Error {
  override name = "NotImplementedError";
}

/** A tensor whose shape is not the one its place asks for. */
export class ShapeError extends ValueError {
  override name = "ShapeError";
}

/** A model file (config.json, safetensors, tokenizer) that is malformed, incomplete or unsupported. */
export class CheckpointError extends Error {
  override name = "CheckpointError";
}

/** A tokenizer of a kind that is not read. Its model takes ids. */
export class TokenizerError extends CheckpointError {
  override name = "TokenizerError";
  /** The part that is not GPT-2's, and what it is: `tokenizer.json: model.type "Unigram"`. */
  readonly kind: string;

  constructor(kind: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

/** Why a model could not be had from the Hugging Face hub. */
export type HubReason =
  /** There is no such repository, revision or file; or it is private, which the hub does not tell apart. */
  | "not found"
  /** The hub refuses: a gated repository, a token that is invalid or may not. */
  | "no access"
  /** No request may be made, and the cache lacks something. */
  | "offline"
  /** The hub, or something between, does not answer as it should, after retries too. */
  | "unreachable"
  /** What came is not what the hub announced; nothing of it was stored. */
  | "bad content";

/** A model that could not be had from the Hugging Face hub. */
export class HubError extends CheckpointError {
  override name = "HubError";
  readonly reason: HubReason;

  constructor(reason: HubReason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/** An attribution whose rows do not add up to the model's logit within the derived bounds. */
export class CheckError extends Error {
  override name = "CheckError";
}

/** There is less memory than a model needs. */
export class MemoryError extends Error {
  override name = "MemoryError";
}

/** A thread of the backend that ended, or stopped answering: what was computing is lost. */
export class ThreadError extends Error {
  override name = "ThreadError";
}

/** Dims by name, in order: `{ pos: 4, dModel: 64 }`. */
export type Dims = Readonly<Record<string, number>>;

/** @throws ShapeError unless `given` has exactly the sizes of `expected`, in order. */
export function expectShape(where: string, given: readonly number[], expected: Dims, remedy: string): void {
  const sizes = Object.values(expected);
  if (given.length === sizes.length && given.every((size, axis) => size === sizes[axis])) return;
  const names = Object.entries(expected).map(([name, size]) => `${name}=${size}`);
  throw new ShapeError(
    `${where}: got shape [${given.join(", ")}], expected [${names.join(", ")}]. ${remedy}`,
  );
}

/** A value for a message: short, and with its kind plain to see. */
export function describe(value: unknown): string {
  if (value === undefined) return "nothing";
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "number") return String(value);
  if (typeof value === "symbol" || typeof value === "function") return `a ${typeof value}`;
  if (typeof value === "object" && value !== null) return describeObject(value);
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

function describeObject(value: object): string {
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof (value as { then?: unknown }).then === "function") return "a Promise (did you forget await?)";
  if (Symbol.asyncIterator in value) return "an async iterator (read it with for await)";
  const tag = tagOf(value);
  const kind = `${/^[AEIO]/.test(tag) ? "an" : "a"} ${tag === "Object" ? "object" : tag}`;
  return ArrayBuffer.isView(value) && "length" in value ? `${kind} of ${value.length}` : kind;
}

/** "Map" of a map, also of another realm; "Object" of what is nothing special. */
export function tagOf(value: unknown): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}

/** @throws the signal's reason once it is aborted. `signal.throwIfAborted` is missing in older runtimes, jsdom's among them. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (!signal?.aborted) return;
  throw signal.reason ?? Object.assign(new Error("This operation was aborted"), { name: "AbortError" });
}

/** @throws ValueError unless each, by its name, is true, false or left out */
export function expectFlags(where: string, flags: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(flags)) {
    if (value === undefined || typeof value === "boolean") continue;
    throw new ValueError(
      `${where}: got ${name} ${describe(value)}, expected true or false. Leave it out for its default.`,
    );
  }
}

/** @throws ValueError for what is no plain object: a Map's, a Promise's or a list's fields are none of its own */
export function expectObject(where: string, value: unknown, what: string, remedy: string): void {
  if (tagOf(value) === "Object" && typeof (value as { then?: unknown }).then !== "function") return;
  throw new ValueError(`${where}: got ${describe(value)}, expected ${what}. ${remedy}`);
}

/** The candidate nearest to `name` by edit distance, or undefined when none is near. For "did you mean". */
export function nearest(name: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(3, Math.ceil(name.length / 3));
  for (const candidate of candidates) {
    if (Math.abs(name.length - candidate.length) >= bestDistance) continue; // it is farther: a long text is not gone through
    const distance = editDistance(name, candidate);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Letters to put in, leave out or replace, to make one of the other. */
export function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 0; i < a.length; i++) {
    const current = [i + 1];
    for (let j = 0; j < b.length; j++) {
      const substituted = previous[j] + (a[i] === b[j] ? 0 : 1);
      current.push(Math.min(substituted, previous[j + 1] + 1, current[j] + 1));
    }
    previous = current;
  }
  return previous[b.length];
}

/**
 * The known name that was probably meant, or undefined where none is near: the same word written another way, one a few
 * letters off, or one that goes on where the other ends (position, pos). A name of three letters is two letters off nearly
 * any other, so it is near only those one letter off or of the same letters.
 */
export function meantName(name: string, known: readonly string[]): string | undefined {
  const word = plain(name);
  const same = known.find((one) => plain(one) === word);
  if (same !== undefined) return same;
  const letters = (text: string) => [...text].sort().join();
  const near =
    word.length > 3
      ? nearest(name, known)
      : known.find((one) => editDistance(word, plain(one)) === 1 || letters(word) === letters(plain(one)));
  if (near !== undefined || word.length < 2) return near;
  return known.find((one) => plain(one).startsWith(word) || word.startsWith(plain(one)));
}

/** leave-one-out, leave_one_out and LeaveOneOut are leaveOneOut. */
function plain(name: string): string {
  return name.toLowerCase().replace(/[-_\s]/g, "");
}

/** The error for an option that there is not. */
export function unknownOption(where: string, name: string, known: readonly string[]): ValueError {
  const near = meantName(name, known);
  const shown = JSON.stringify(name.length > 60 ? `${name.slice(0, 60)}…` : name);
  const hint = near === undefined ? "Leave it out" : `Did you mean ${near}?`;
  return new ValueError(`${where}: got option ${shown}, expected ${known.join(", ")}. ${hint}`);
}
