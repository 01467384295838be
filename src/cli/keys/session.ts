/**
 * Session of a subcommand of `keys`: the keys and the console, and finding and changing a key.
 *
 * @module
 */
import { openState } from "../../app/state.ts";
import { openKeyStore, openRedisOfCommand, readMasterKey } from "../../app/key_store.ts";
import type { Config } from "../../config/settings.ts";
import type { Bytes, RandomBytes } from "../../protocol/bytes.ts";
import { assertRegularFile, KeyFileError, readKey } from "../../keys/default_key_file.ts";
import { DEFAULT_KEY_NAME, type KeyRecord } from "../../keys/schema.ts";
import type { KeyStore } from "../../keys/key_store.ts";
import type { KeysFileEdit } from "../../keys/keyring_file.ts";
import { once } from "../../lib/once.ts";
import { fillTemplate, type Log, SILENT_LOG } from "../../observability/log.ts";
import type { Platform } from "../../platform.ts";
import type { PairingStore } from "../../store/state/pairing_store.ts";
import { StateStoreError } from "../../store/state/state_store.ts";
import type { ServiceModule } from "../../services/service.ts";
import { onlyArgument, UsageError } from "../args.ts";
import type { AddressSource } from "./gateway_addresses.ts";
import { overlapLeft } from "../../keys/status.ts";

/** Keys and console of a subcommand. */
export interface KeysSession {
  /** Arguments of the subcommand. */
  readonly args: readonly string[];
  /** Usage of the subcommand, for messages about its arguments. */
  readonly usage: string;
  /** The settings. */
  readonly config: Config;
  /** The services that keys may grant. */
  readonly services: readonly ServiceModule[];
  /** The time of the command, in milliseconds since 1970. */
  readonly now: number;
  /** Source of new secrets. */
  readonly random: RandomBytes;
  /** Prints a line. */
  readonly print: (line: string) => void;
  /** Part of the machine that the gateway's addresses are read from. */
  readonly machine: AddressSource;
  /** Prints a warning below all other output, when the subcommand has ended. */
  readonly warn: (line: string) => void;
  /** Place of the records, in messages: the path of the keys file, or Redis. */
  readonly place: string;
  /**
   * Reads the records; none when their place is not there yet.
   *
   * @throws `KeyFileError`
   */
  read(): Promise<readonly KeyRecord[]>;
  /**
   * Changes the records. An error of `change` aborts the edit, with nothing written.
   *
   * @throws `KeyFileError`, `KeysFileLockedError`
   */
  edit(change: (records: readonly KeyRecord[]) => readonly KeyRecord[]): Promise<KeysFileEdit>;
  /**
   * Reads the key "default" from its file, 32 bytes; undefined when there is no such file.
   *
   * @throws `KeyFileError`
   */
  readDefault(): Promise<Bytes | undefined>;
  /**
   * Uses the store of pairing codes, which a running gateway uses at the same time.
   *
   * @throws `KeyFileError` if its file, or Redis, cannot be used
   */
  usePairings<T>(use: (pairings: PairingStore) => Promise<T>): Promise<T>;
  /**
   * Returns whether Redis has keys, under any master key.
   *
   * @throws `KeyFileError` if it is out of reach
   */
  hasKeysInRedis(): Promise<boolean>;
  /** Closes the connection to Redis. */
  close(): Promise<void>;
}

/** Options of a session. */
export interface KeysSessionOptions
  extends Pick<KeysSession, "args" | "usage" | "config" | "services" | "now" | "random" | "warn"> {
  /** The machine. */
  readonly platform: AddressSource & Pick<Platform, "print">;
}

/** Opens a session on the configured keys. */
export function openSession({ platform, ...given }: KeysSessionOptions): KeysSession {
  const { config, services } = given;
  const { keysFile, secretKeyFile } = config.keys;
  const warn: Log["warn"] = (template, properties = {}) => given.warn(fillTemplate(template, properties));
  const log: Log = { ...SILENT_LOG, warn, error: warn };
  const opened = new AsyncDisposableStack();
  // Opened at the first use: not every subcommand needs it.
  const server = once(async () => {
    const server = await openRedisOfCommand(config, platform);
    opened.defer(() => server?.close());
    return server;
  });
  const store = once(async (): Promise<KeyStore> => {
    const redis = config.keys.redis === "on" ? await server() : undefined;
    const { files } = platform;
    const masterKey = await readMasterKey(config, { files, log });
    return await openKeyStore(config, { files, services, server: redis, masterKey, log });
  });
  const warnIf = (tightened: boolean) => {
    if (tightened) given.warn(`Keys file "${keysFile}" could be read by others: its mode is 0600 now`);
  };
  /** Removes a previous secret that has expired. */
  const withoutExpired = (record: KeyRecord): KeyRecord =>
    overlapLeft(record, given.now) > 0 ? record : { ...record, previous: undefined };
  return {
    ...given,
    machine: platform,
    print: platform.print,
    place: config.keys.redis === "on" ? "Redis" : keysFile,
    async read() {
      const loaded = await (await store()).read();
      warnIf(loaded?.tightened ?? false);
      return loaded?.keys ?? [];
    },
    async edit(change) {
      const edit = await (await store()).edit((records) => change(records.map(withoutExpired)));
      warnIf(edit.tightened);
      return edit;
    },
    async hasKeysInRedis() {
      const [redis, { RedisKeysValue }] = await Promise.all([server(), import("../../keys/redis_keys_value.ts")]);
      const { timeoutMs } = config.redis;
      return redis !== undefined && await new RedisKeysValue({ server: redis, timeoutMs }).exists();
    },
    close: () => opened.disposeAsync(),
    async readDefault() {
      await assertRegularFile(secretKeyFile, platform.files);
      return await readKey(secretKeyFile, platform.files);
    },
    async usePairings(use) {
      const state = await openState(config, platform, { redis: await server(), log: SILENT_LOG, movesFile: false });
      try {
        return await use(state);
      } catch (error) {
        throw error instanceof StateStoreError ? new KeyFileError(error.message) : error;
      } finally {
        await state.close();
      }
    },
  };
}

/**
 * Returns the only argument of a subcommand: the name of a key.
 *
 * @throws {UsageError} if there is none, or more
 */
export function oneName(positionals: readonly string[], { usage }: Pick<KeysSession, "usage">): string {
  return onlyArgument(positionals, { meaning: "name of a key", usage });
}

/** Error for the name of a key that is not there. */
export class UnknownKeyError extends UsageError {
  /** Makes the error from the name and the message. */
  constructor(readonly key: string, message: string) {
    super(message);
    this.name = "UnknownKeyError";
  }
}

/**
 * Finds a record by its name.
 *
 * @throws {UnknownKeyError} with the names of the keys, if there is none with this name
 */
export function findKey(records: readonly KeyRecord[], name: string): KeyRecord {
  const record = records.find((record) => record.name === name);
  if (record !== undefined) return record;
  const known = records.map(({ name }) => name).toSorted().join(", ");
  throw new UnknownKeyError(
    name,
    `There is no key "${name}"` +
      (known === "" ? `: add it with deno task keys add ${name}` : `. There are: ${known}`),
  );
}

/**
 * Rejects a change of the key "default", which has a file of its own.
 *
 * @throws {UsageError} with its file, and what to do
 */
export function refuseDefault(name: string, { config }: KeysSession): void {
  if (name !== DEFAULT_KEY_NAME) return;
  throw new UsageError(
    `Key "${name}" cannot be changed here: it is in SECRET_KEY_FILE, "${config.keys.secretKeyFile}". ` +
      "Delete that file once another key exists. Without it and without KEYS_FILE, the gateway makes a new one " +
      "when it starts, unless the keys are in Redis",
  );
}

/**
 * Changes some fields of a key.
 *
 * @param name its name
 * @param change returns the changed fields of the record
 * @returns the record before the change
 * @throws `UnknownKeyError` if there is no such key; `KeyFileError`, `KeysFileLockedError`
 */
export async function changeKey(
  session: KeysSession,
  name: string,
  change: (record: KeyRecord) => Partial<KeyRecord>,
): Promise<KeyRecord> {
  refuseDefault(name, session);
  const { before } = await session.edit((records) => {
    const record = findKey(records, name);
    return records.with(records.indexOf(record), { ...record, ...change(record) });
  });
  return findKey(before, name);
}
