/**
 * Records of the keys in Redis, for all replicas: one encrypted value with a version, which only grows.
 *
 * Each machine keeps a copy of the newest value that it has seen. A server that has an older one, or none, gets it back: a
 * server that lost its last writes, or was given a backup, must not bring a revoked key back.
 *
 * @module
 */
import { setTimeout as pause } from "node:timers/promises";
import { errorText } from "../lib/errors.ts";
import { Mutex } from "../lib/async.ts";
import type { Log } from "../observability/log.ts";
import { InvalidKeyFileError } from "./default_key_file.ts";
import type { KeyStore } from "./key_store.ts";
import { formatRecords, KeysFileLockedError, parseRecords } from "./keyring_file.ts";
import type { KeysCipher, SealedKeys } from "./keys_cipher.ts";
import type { KeysCopy } from "./keys_copy.ts";
import { RedisKeysValue, type RedisKeysValueOptions } from "./redis_keys_value.ts";
import type { GrantableService } from "./rights.ts";
import type { KeyRecord } from "./schema.ts";

/** Dependencies of the store. */
export interface RedisKeyStoreOptions extends RedisKeysValueOptions {
  /** Cipher of the records. */
  readonly cipher: KeysCipher;
  /** Copy of the newest records on this machine. */
  readonly copy: KeysCopy;
  /** Services that keys may be granted. */
  readonly services: readonly GrantableService[];
  /** Wall clock, in milliseconds since 1970: versions follow it, as far as they can and still grow. */
  readonly now: () => number;
  /** Logger for records that a server lost. */
  readonly log: Pick<Log, "warn" | "error">;
}

/** Attempts of an edit, each of which fails only if another process was faster. */
const MAX_ATTEMPTS = 50;
/** Longest pause before another attempt, in milliseconds. */
const ATTEMPT_PAUSE_MS = 50;

/** Place of the records, as the subject of a message. */
const PLACE = "The list of keys in Redis";
/** Remedy of records that cannot be parsed: only a gateway with the master key wrote them. */
const SAME_VERSION = "Update this gateway to the version of the other replicas";

/** Opens the records in Redis. */
export function createRedisKeyStore(options: RedisKeyStoreOptions): KeyStore {
  const { cipher, copy, services, now, log } = options;
  const value = new RedisKeysValue(options);
  const edits = new Mutex();
  /** Newest value that this process has seen. */
  let newest: SealedKeys | undefined;
  /** Version that this process writes, which may be announced before the answer comes. */
  let written: number | undefined;
  /** Records that were parsed last. */
  let parsed: { readonly text: string; readonly records: readonly KeyRecord[] } | undefined;
  /** Last failure to write the copy, which is reported once. */
  let reported: string | undefined;

  /** Replaces the value; false if another process was faster. */
  function replace(expected: number, keys: SealedKeys): Promise<boolean> {
    written = keys.version;
    return value.replace(expected, keys);
  }

  /** Decrypts a value. */
  async function open(keys: SealedKeys, subject: string): Promise<OpenedKeys> {
    const text = await cipher.open(keys);
    if (text !== undefined) return parseOpened(text);
    throw new InvalidKeyFileError(
      `${subject} cannot be decrypted with the master key in KEYS_MASTER_KEY_FILE: it is encrypted with another one, or ` +
        "was altered. Copy the master key from a replica that works",
    );
  }

  /** Keeps a value as the newest, in memory and on this machine. */
  async function remember(keys: SealedKeys): Promise<void> {
    if (newest !== undefined && newest.version >= keys.version) return;
    newest = keys;
    try {
      await copy.write(keys);
      reported = undefined;
    } catch (error) {
      const reason = errorText(error);
      if (reason !== reported) log.warn("Keys in Redis are not copied to this machine: {reason}", { reason });
      reported = reason;
    }
  }

  /** Returns the newest value that this machine has seen. */
  async function readNewest(): Promise<SealedKeys | undefined> {
    const stored = await copy.read();
    return stored !== undefined && stored.version > (newest?.version ?? 0) ? stored : newest;
  }

  /** Reads the newest value, and gives it back to a server that has an older one. */
  async function readSealed(): Promise<{ readonly version: number; readonly text: string } | undefined> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const current = await value.read();
      // First of all: nothing is written over keys of another master key.
      const opened = current && await open(current, PLACE);
      const known = await readNewest();
      if (known === undefined || (current !== undefined && current.version >= known.version)) {
        if (current === undefined || opened === undefined) return undefined;
        if (known !== undefined && current.version > known.version && opened.base < known.version) {
          log.error(
            "Redis lost a change of the keys before another one was made: a revoked key may be back. Look at them: " +
              "deno task keys list",
          );
        }
        await remember(current);
        return { version: current.version, text: opened.text };
      }
      const { text } = await open(known, "The copy of the keys on this machine, which is newer than Redis,");
      if (!await replace(current?.version ?? 0, known)) continue;
      await remember(known);
      log.warn(
        "Redis had {what} keys: it was emptied, restored or lost its last writes. It has the newest ones again",
        {
          what: current === undefined ? "no" : "older",
        },
      );
      return { version: known.version, text };
    }
    throw new KeysFileLockedError(`${PLACE} changes all the time. Try again`);
  }

  /** Parses records, which are the same at most reads: parsing ten thousand takes most of a second. */
  function parse(text: string): readonly KeyRecord[] {
    if (text !== parsed?.text) {
      parsed = { text, records: parseRecords(text, { place: PLACE, remedy: SAME_VERSION, services }) };
    }
    return parsed.records;
  }

  return {
    place: "Redis",
    async read() {
      const found = await readSealed();
      return found && { keys: parse(found.text), tightened: false };
    },
    edit: (change) =>
      edits.runExclusive(async () => {
        for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
          const found = await readSealed();
          const before = found === undefined ? [] : parse(found.text);
          const after = await change(before);
          const text = formatRecords(after, { place: PLACE, services });
          // Follows the clock, so that it is also higher than one that a server has lost.
          const base = found?.version ?? 0;
          const next = await cipher.seal(`${base}\n${text}`, Math.max(base + 1, now()));
          if (await replace(base, next)) {
            await remember(next);
            return { before, after, tightened: false };
          }
          await pause(Math.random() * ATTEMPT_PAUSE_MS);
        }
        throw new KeysFileLockedError(`${PLACE} is unchanged: others change it all the time. Try again`);
      }),
    async fingerprint() {
      try {
        return await value.version();
      } catch {
        return "unreachable";
      }
    },
    onChange: (run) =>
      value.subscribe((version) => {
        if (version !== written && version > (newest?.version ?? 0)) run();
      }),
  };
}

/** Decrypted value: version that it was made from, 0 for none, and text of a keys file. */
interface OpenedKeys {
  readonly base: number;
  readonly text: string;
}

/** Splits a decrypted value, whose first line is the version that it was made from. */
function parseOpened(text: string): OpenedKeys {
  const end = text.indexOf("\n");
  return { base: Number(text.slice(0, end)), text: text.slice(end + 1) };
}
