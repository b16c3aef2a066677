/** The activations of one prompt, seen from one position. */
export interface Site {
  readonly pos: number;
  has(hook: string): boolean;
  /** A row of a hook's activation: [dModel], or [part · size] of what divides into parts. */
  read(hook: string): Float32Array;
  /** The same of an activation that is held at every position, at any of them. */
  sources(hook: string): (source: number) => Float32Array;
  /** A head's row of an attention pattern: [keyPos]. */
  pattern(hook: string, head: number): Float32Array;
}

/** A site, and the direction in the residual stream that is read there: [dModel]. */
export interface ReadSite {
  readonly site: Site;
  readonly u: Float64Array;
}
