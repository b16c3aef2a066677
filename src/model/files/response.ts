import { CheckpointError } from "../../errors.ts";
import { attempt } from "./attempt.ts";

/**
 * Fetches a file.
 *
 * @throws CheckpointError when there is no answer, or not a good one
 */
export async function fetchFile(
  address: URL,
  name: string,
  signal: AbortSignal | undefined,
): Promise<Response> {
  const response = await attempt(
    { name, signal, what: `could not be fetched from ${address.href}`, remedy: unreachable(address) },
    () => fetch(address, signal ? { signal } : {}),
  );
  expectGood(response, name);
  return response;
}

/** A browser tells a page no more than that it failed: why is in its console alone. */
function unreachable(address: URL): string {
  if (address.protocol === "file:") {
    return 'Read a local file with fromPretrained of "logitscope/node", or in a page from an <input type="file">.';
  }
  return "Check the address and the connection, and that the server lets this page's origin read it (CORS).";
}

/** @throws CheckpointError unless the response is a good one whose body is still unread */
export function expectGood(response: Response, name: string): void {
  const from = response.url ? ` from ${response.url}` : "";
  if (response.type === "opaque" || response.type === "opaqueredirect") {
    throw new CheckpointError(
      `${name}: got an ${response.type === "opaque" ? "opaque response" : "unfollowed redirect"}${from}, whose bytes ` +
        'no page may read, expected the file. Fetch it without mode: "no-cors" and redirect: "manual".',
    );
  }
  if (!response.ok) {
    const status = `${response.status} ${response.statusText}`.trim();
    throw new CheckpointError(
      `${name}: got HTTP status ${status}${from}, expected the file. Check the address and the access to it.`,
    );
  }
  if (response.bodyUsed) {
    throw new CheckpointError(`${name}: the response${from} has been read already. Give a new one.`);
  }
}
