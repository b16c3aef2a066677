import type { Crew } from "./crew.ts";

/** Crews by their owners. It lives as long as the program: a registry that is garbage itself tells nobody. */
const crews = typeof FinalizationRegistry === "undefined" ? null : new FinalizationRegistry<Crew>(end);

function end(crew: Crew): void {
  crew.dispose();
}

/**
 * Has the crew end when nobody holds its owner any more: a running thread is never garbage, nor is the memory that it knows.
 * When that is, the engine's collector decides.
 *
 * @param owner of whom the crew must know nothing, or it would keep its owner alive
 * @returns what ends the crew now
 */
export function endWithOwner(crew: Crew, owner: object): () => void {
  if (crew.threads > 1) crews?.register(owner, crew, crew);
  return () => {
    crews?.unregister(crew);
    crew.dispose();
  };
}
