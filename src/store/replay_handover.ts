/**
 * File by which a gateway that stops tells the next one which requests it ran, so that this one need not wait.
 *
 * @module
 */
import { dirname, join } from "node:path";
import { z } from "zod";
import { OWNER_ONLY } from "../lib/file_mode.ts";
import type { RecentRequests } from "./memory_replay.ts";

/** Requests that a gateway ran before it stopped. */
export interface ReplayHandover extends RecentRequests {
  /** Time from which it ran no further request, in milliseconds since 1970. */
  readonly endedAt: number;
  /** Ids of its keys. It did not know of the requests of others. */
  readonly kids: readonly string[];
}

/** Functions of `Deno` that the file needs. */
export type HandoverFileSystem = Pick<typeof Deno, "open" | "writeTextFile">;

/** Most requests in a file: those of the second of the stop, and of clients whose clocks are ahead. */
export const MAX_REQUESTS = 1000;

/** Largest file, in bytes: that many requests, and the ids of some 10,000 keys. */
const MAX_BYTES = 512 * 1024;

/**
 * Longest time from the end of a gateway to the start of the next one, in milliseconds. It bounds what an old file could
 * do: one that was restored, or one of a gateway after which another one ran elsewhere with the same keys.
 */
const MAX_PAUSE_MS = 5000;

const bytes = z.string().regex(/^(?:[0-9a-f]{2}){1,16}$/).transform((hex) => Uint8Array.fromHex(hex));

const FILE = z.object({
  endedAt: z.number(),
  kids: z.array(z.string()),
  since: z.int(),
  requests: z.array(z.object({
    kid: z.string(),
    nonce: bytes,
    tag: bytes.refine((tag) => tag.length === 16),
    timestamp: z.number(),
  })),
})
  // Whatever a file says: nothing that is older than the end is accepted again.
  .refine(({ endedAt, since }) => since >= Math.floor(endedAt / 1000));

/** Returns the path of the file: beside the key file, where the sandbox allows the gateway to write. */
export function handoverFileOf(secretKeyFile: string): string {
  return join(dirname(secretKeyFile), "replay_handover.json");
}

/**
 * Writes the file. Without it the next gateway waits, so a failure is no error.
 *
 * In place, not by a rename: what was emptied must stay empty after a power failure, and a folder cannot be synced.
 */
export async function writeHandover(
  path: string,
  { requests, ...rest }: ReplayHandover,
  files: Pick<HandoverFileSystem, "writeTextFile">,
): Promise<void> {
  const text = JSON.stringify({
    ...rest,
    requests: requests.map(({ kid, nonce, tag, timestamp }) => ({
      kid,
      nonce: nonce.toHex(),
      tag: tag.toHex(),
      timestamp,
    })),
  });
  if (text.length <= MAX_BYTES) await files.writeTextFile(path, text, { mode: OWNER_ONLY }).catch(() => {});
}

/**
 * Reads the file and empties it, on the disk: it must not be there again once this process has run a request.
 *
 * @returns undefined without a valid file, or if it cannot be emptied
 */
export async function takeHandover(
  path: string,
  files: Pick<HandoverFileSystem, "open">,
): Promise<ReplayHandover | undefined> {
  try {
    using file = await files.open(path, { read: true, write: true });
    const { size } = await file.stat();
    if (size === 0) return undefined;
    const content = new Uint8Array(Math.min(size, MAX_BYTES));
    const read = await file.read(content) ?? 0;
    await file.truncate();
    await file.sync();
    return FILE.parse(JSON.parse(new TextDecoder().decode(content.subarray(0, read))));
  } catch {
    return undefined;
  }
}

/**
 * Returns whether a process follows the one of the handover without a gap in which others may have run requests.
 *
 * @param aloneSince time from which on no earlier gateway takes requests, in milliseconds since 1970
 */
export function follows({ endedAt }: ReplayHandover, aloneSince: number): boolean {
  // Before it, if the clock was set back.
  return endedAt <= aloneSince && aloneSince <= endedAt + MAX_PAUSE_MS;
}
