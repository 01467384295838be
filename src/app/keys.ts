/**
 * The gateway's keys: loads them, creates the first one, and watches their files for changes.
 *
 * @module
 */
import type { Config } from "../config/settings.ts";
import { settledWithin } from "../lib/async.ts";
import { type FileWatcher, fingerprintOf, POLL_MS } from "../lib/file_watcher.ts";
import type { Log } from "../observability/log.ts";
import type { MetricRegistry } from "../observability/telemetry.ts";
import { randomBytes } from "../protocol/bytes.ts";
import {
  assertRegularFile,
  InvalidKeyFileError,
  type LoadedKey,
  loadKey,
  loadOrCreateKey,
  removeLeftovers,
} from "../keys/default_key_file.ts";
import { DEFAULT_KEY_NAME } from "../keys/schema.ts";
import { deriveKeyId } from "../protocol/secret_key.ts";
import { allRights } from "../keys/rights.ts";
import type { ServiceModule } from "../services/service.ts";
import { watchKeys } from "../keys/watcher.ts";
import { type KeySources, LiveKeyring } from "../keys/keyring.ts";
import { type KeyStore, KeysUnavailableError } from "../keys/key_store.ts";
import type { KeysChange, KeysFileEdit } from "../keys/keyring_file.ts";
import { createImportSecretKey } from "../keys/node_crypto.ts";
import type { Platform } from "../platform.ts";
import { warnOfMode } from "./key_file_mode.ts";

/** Keys whose files are watched. */
export interface OpenKeys {
  /** Keyring with the current keys. */
  readonly keyring: LiveKeyring;
  /** Id of the key that this process created; undefined at every start but the first one. */
  readonly newKeyId: string | undefined;
  /**
   * Edits the records. When the promise settles, the keyring has the new records.
   *
   * @throws `KeyFileError`, `KeysFileLockedError`, or the error of the change: the records are unchanged, or are not loaded
   */
  edit(change: KeysChange): Promise<KeysFileEdit>;
  /**
   * Reads the keys.
   *
   * @throws `KeyFileError` if they are invalid or cannot be read
   */
  read(): Promise<KeySources>;
  /** Checks that the keys can be read. */
  check(): Promise<void>;
  /** Stops watching. */
  close(): Promise<void>;
}

/** Options of the keys. */
export interface KeysOptions {
  /** Logger for loaded keys and for problems with their files. */
  readonly log: Log;
  /** Registry for the gauges of the keys. */
  readonly metrics: MetricRegistry;
  /** Services whose rights keys can have. */
  readonly services: readonly ServiceModule[];
  /** Place of the records. */
  readonly store: KeyStore;
  /** Settles when the program is to end; a start waits for Redis until then. */
  readonly stopped?: Promise<unknown> | undefined;
}

/** Wait before Redis is asked again at the start, in milliseconds. */
const START_PAUSE_MS = 500;

/**
 * Opens the keys. Waits while they are in Redis and it is out of reach.
 *
 * @throws `KeyFileError` if a file is invalid, or cannot be read, created or restricted to its owner
 */
export async function openKeys(
  config: Config,
  platform: Platform,
  { log, metrics, services, store, stopped }: KeysOptions,
): Promise<OpenKeys> {
  const keyring = new LiveKeyring({
    now: () => Date.now(),
    random: randomBytes,
    allRights: allRights(services),
    importSecretKey: createImportSecretKey(config.keys.aead),
  });
  registerKeyGauges(metrics, keyring);
  const secretKeyFile = config.keys.secretKeyFile;
  const fingerprint = async () =>
    (await Promise.all([fingerprintOf([secretKeyFile], platform.files), store.fingerprint()])).join(", ");
  const load = () => loadSources(config, platform, { log, store });
  const loaded = await fingerprint();
  let sources = await untilReachable(load, { log, stopped });
  let newKeyId: string | undefined;
  const hasRecords = sources.records !== undefined || config.keys.redis === "on";
  if (sources.single === undefined && hasRecords && !sources.records?.length) {
    // A key with every right must not be the answer to a device that removed the last key, nor to an empty Redis.
    log.warn("No device has a key: {place} has none. Give each its own: deno task keys pair NAME", {
      place: store.place,
    });
  } else if (sources.single === undefined && !hasRecords) {
    const { secret, created } = await createFirstKey(config, platform);
    sources = { ...sources, single: secret };
    if (created) newKeyId = await deriveKeyId(secret);
  }
  if (sources.single !== undefined) await removeLeftovers(config.keys.secretKeyFile, platform.files);
  await keyring.replace(sources);
  const watcher: FileWatcher = watchKeys({ keyring, load, fingerprint, pollMs: POLL_MS, log }, loaded);
  // SIGHUP reloads the keys. On a terminal it means that the terminal was closed, and ends the program.
  if (!platform.isTerminal) platform.onReload(() => watcher.reload());
  const stopAnnouncements = store.onChange(() => void watcher.reload());
  return {
    keyring,
    newKeyId,
    async edit(change) {
      // First, as the file of the other key may be invalid: a change that cannot be loaded is not made.
      await load();
      const edit = await store.edit(change);
      if (edit.tightened) warnOfMode(store.place, log);
      // Not later by the watcher, which loads the same files: this load and its own are never at the same time.
      await watcher.load();
      return edit;
    },
    read: load,
    check: async () => void await load(),
    async close() {
      await stopAnnouncements();
      await watcher.close();
    },
  };
}

/** Loads the keys, and waits while they are in Redis and it is out of reach. */
async function untilReachable<T>(
  load: () => Promise<T>,
  { log, stopped = new Promise(() => {}) }: Pick<KeysOptions, "log" | "stopped">,
): Promise<T> {
  let isStopped = false;
  const stopping = stopped.then(() => void (isStopped = true));
  for (let isReported = false;; isReported = true) {
    try {
      return await load();
    } catch (error) {
      if (!(error instanceof KeysUnavailableError) || isStopped) throw error;
      if (!isReported) log.error("The start waits for the keys: {reason}", { reason: error.message });
      await settledWithin(stopping, START_PAUSE_MS);
    }
  }
}

function registerKeyGauges(metrics: MetricRegistry, keyring: LiveKeyring): void {
  metrics.gauge({
    name: "e2e_gateway_keys",
    help: "Active keys",
    read: () => keyring.expiryByName.size,
  });
  metrics.gauge({
    name: "e2e_gateway_key_expiry_seconds",
    help: "Seconds until a key expires; absent for keys that never expire",
    label: "key",
    read: () =>
      [...keyring.expiryByName].flatMap(([name, ends]) =>
        ends === undefined ? [] : [[name, (ends - Date.now()) / 1000]]
      ),
  });
}

/** Reads all keys. */
async function loadSources(
  config: Config,
  { files }: Platform,
  { log, store }: Pick<KeysOptions, "log" | "store">,
): Promise<KeySources> {
  const { secretKeyFile: path, fileMode: mode } = config.keys;
  await assertRegularFile(path, files);
  const defaultKey = await loadKey(path, { files, mode });
  if (defaultKey?.tightened) warnOfMode(path, log);
  const single = defaultKey?.secret;
  const keyring = await store.read();
  if (keyring?.tightened) warnOfMode(store.place, log);
  const records = keyring?.keys;
  const duplicate = records?.find(({ secret, previous }) =>
    [secret, previous?.secret].some((bytes) => bytes !== undefined && bytes.toHex() === single?.toHex())
  );
  if (duplicate === undefined) return { single, records };
  throw new InvalidKeyFileError(
    `Key "${duplicate.name}" in "${store.place}" has the same secret as "${path}", which grants every right. ` +
      `Remove "${path}", or give "${duplicate.name}" a new secret with: deno task keys rotate ${duplicate.name}`,
  );
}

/** Creates the default key and prints it to the console only: the log never holds it. */
async function createFirstKey(config: Config, { files, print }: Platform): Promise<LoadedKey> {
  const { secretKeyFile: path, fileMode: mode } = config.keys;
  const key = await loadOrCreateKey(path, { files, random: randomBytes, mode });
  if (!key.created) return key;
  const line = "=".repeat(80);
  print(
    [
      line,
      "NEW SECRET KEY GENERATED!",
      line,
      `Secret key: ${key.secret.toHex()}`,
      `Saved to: ${path}`,
      line,
      "Please update your client with this secret key.",
      `Or show it as a QR code: deno task keys show ${DEFAULT_KEY_NAME}`,
      line,
    ].join("\n"),
  );
  return key;
}
