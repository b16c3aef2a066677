import { version } from "../version.ts";
import type { LogitLens, LogitLensResult } from "./logitLens.ts";

type Plain<T> = T extends Float64Array | Uint32Array ? readonly number[] : T;

/** A logit lens as `lensToJSON` has it: its arrays as lists. */
export interface LogitLensDocument extends Omit<LogitLensResult, "lenses"> {
  /** Raised whenever a field changes its meaning or goes. */
  readonly schemaVersion: 1;
  /** The package's. */
  readonly version: string;
  readonly lenses: readonly { readonly [Key in keyof LogitLens]: Plain<LogitLens[Key]> }[];
}

/** A logit lens as plain data, the document that `logitscope --lens --format json` prints. */
export function lensToJSON({ model, scale, labels, prompts, lenses }: LogitLensResult): LogitLensDocument {
  const listed = (lens: LogitLens) =>
    Object.fromEntries(
      Object.entries(lens).map(([key, value]) => [
        key,
        ArrayBuffer.isView(value) ? [...(value as Float64Array)] : value,
      ]),
    );
  return {
    schemaVersion: 1,
    version,
    model,
    scale,
    labels,
    prompts,
    lenses: lenses.map(listed) as unknown as LogitLensDocument["lenses"],
  };
}
