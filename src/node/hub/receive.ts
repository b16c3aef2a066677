/// <reference types="node" />
import type { FileHandle } from "node:fs/promises";
import { HubError } from "../../errors.ts";
import { type Client, Interrupted, withRetries } from "./client.ts";
import { fileUrl, type RemoteContent } from "./metadata.ts";
import { type Reply, request } from "./request.ts";
import { expectGood, type Wanted } from "./status.ts";
import { impostorIn } from "./verify.ts";

/**
 * Downloads a file into `partial`, going on from what is in it, also after each interruption.
 *
 * @param told called with the bytes in `partial`
 * @returns whether no more came than `content.size`
 * @throws HubError when the hub refuses, or keeps failing
 */
export async function receive(
  client: Client,
  wanted: Wanted,
  file: string,
  content: RemoteContent,
  partial: FileHandle,
  told: (received: number) => void,
): Promise<boolean> {
  const where = `${wanted.repo}: ${file}`;
  const url = fileUrl(client.endpoint, wanted, file);
  let furthest = (await partial.stat()).size;

  return withRetries(client, where, async (gotFurther) => {
    const start = (await partial.stat()).size;
    told(start);
    if (start === content.size) return true;
    const headers: Record<string, string> = start > 0 ? { range: `bytes=${start}-` } : {};
    const ask = { method: "GET", url, headers, timeout: client.timeouts.download } as const;
    return request(client, where, ask, async (reply) => {
      let position = await beginning(client, wanted, where, reply, content, partial, start);
      for await (const chunk of reply.chunks()) {
        const room = (content.size ?? Number.POSITIVE_INFINITY) - position;
        await writeAll(partial, chunk.subarray(0, room), position);
        if (chunk.length > room) return false;
        position += chunk.length;
        told(position);
        if (position <= furthest) continue;
        furthest = position;
        gotFurther();
      }
      const tellsEnd = reply.response.headers.has("content-length"); // then a cut is an error of the connection
      if (position < (content.size ?? 0) && !tellsEnd && (await impostorIn(partial)) === undefined) {
        throw new Interrupted(`${position} of ${content.size} bytes from ${reply.url.host}`);
      }
      return true;
    });
  });
}

/**
 * Where in the file the reply's bytes begin; what lies behind is dropped.
 *
 * @throws Interrupted when they are another part than was asked for: the next try asks for the whole
 * @throws HubError    when they are of something else
 */
async function beginning(
  client: Client,
  wanted: Wanted,
  where: string,
  { response, url }: Reply,
  content: RemoteContent,
  partial: FileHandle,
  start: number,
): Promise<number> {
  if (start > 0 && response.status === 206) {
    const range = /^bytes (\d+)-/.exec(response.headers.get("content-range") ?? "");
    if (Number(range?.[1]) === start) return start;
  }
  if (response.status === 206 || response.status === 416) {
    await partial.truncate(0);
    throw new Interrupted(`another part of the file than was asked for, from ${url.host}`);
  }
  expectGood(client, wanted, where, response, url);
  if (start > 0) expectWhole(where, response, url, content);
  await partial.truncate(0); // the whole file comes, whatever was asked for
  return 0;
}

/** @throws HubError for an answer of another length: a login page would cost what is there of the file */
function expectWhole(where: string, { headers }: Response, url: URL, { size }: RemoteContent): void {
  const length = headers.has("content-encoding") ? null : headers.get("content-length");
  if (size === undefined || length === null || Number(length) === size) return;
  throw new HubError(
    "bad content",
    `${where}: got ${length} bytes from ${url.host}, expected ${size} or the rest of them. What came before is kept. ` +
      "Check the endpoint, and any proxy or login page between.",
  );
}

async function writeAll(partial: FileHandle, chunk: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < chunk.length; ) {
    const { bytesWritten } = await partial.write(chunk, done, chunk.length - done, position + done);
    done += bytesWritten;
  }
}
