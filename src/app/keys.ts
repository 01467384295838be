/**
 * The gateway's keys: loads them, creates the first one, and watches their files for changes.
 *
 * @module
 */
import type { Config } from "../config/settings.ts";
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
import { editKeysFile, type KeysChange, type KeysFileEdit, readKeysFile } from "../keys/keyring_file.ts";
import { createImportSecretKey } from "../keys/node_crypto.ts";
import type { Platform } from "../platform.ts";

/** Keys whose files are watched. */
export interface OpenKeys {
  /** Keyring with the current keys. */
  readonly keyring: LiveKeyring;
  /** Id of the key that this process created; undefined at every start but the first one. */
  readonly newKeyId: string | undefined;
  /**
   * Edits the keys file. When the promise settles, the keyring has the new records.
   *
   * @throws `KeyFileError`, `KeysFileLockedError`, or the error of the change: the file is unchanged, or is not loaded
   */
  edit(change: KeysChange): Promise<KeysFileEdit>;
  /**
   * Reads the key files.
   *
   * @throws `KeyFileError` if a file is invalid or cannot be read
   */
  read(): Promise<KeySources>;
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
}

/**
 * Opens the keys.
 *
 * @throws `KeyFileError` if a file is invalid, or cannot be read, created or restricted to its owner
 */
export async function openKeys(
  config: Config,
  platform: Platform,
  { log, metrics, services }: KeysOptions,
): Promise<OpenKeys> {
  const keyring = new LiveKeyring({
    now: () => Date.now(),
    random: randomBytes,
    allRights: allRights(services),
    importSecretKey: createImportSecretKey(config.keys.aead),
  });
  registerKeyGauges(metrics, keyring);
  const fingerprint = () => fingerprintOf([config.keys.secretKeyFile, config.keys.keysFile], platform.files);
  const load = () => loadSources(config, platform, { log, services });
  const loaded = await fingerprint();
  let sources = await load();
  let newKeyId: string | undefined;
  if (sources.single === undefined && sources.records?.length === 0) {
    // A key with every right must not be the answer to a device that removed the last key.
    log.warn("No device has a key: {file} is empty. Give each its own: deno task keys pair NAME", {
      file: config.keys.keysFile,
    });
  } else if (sources.single === undefined && sources.records === undefined) {
    const { secret, created } = await createFirstKey(config, platform);
    sources = { ...sources, single: secret };
    if (created) newKeyId = await deriveKeyId(secret);
  }
  if (sources.single !== undefined) await removeLeftovers(config.keys.secretKeyFile, platform.files);
  await keyring.replace(sources);
  const watcher: FileWatcher = watchKeys({ keyring, load, fingerprint, pollMs: POLL_MS, log }, loaded);
  // SIGHUP reloads the keys. On a terminal it means that the terminal was closed, and ends the program.
  if (!platform.isTerminal) platform.onReload(() => watcher.reload());
  return {
    keyring,
    newKeyId,
    async edit(change) {
      const { keysFile, fileMode: mode } = config.keys;
      // First, as the file of the other key may be invalid: a change that cannot be loaded is not made.
      await load();
      const edit = await editKeysFile(keysFile, change, { files: platform.files, mode, services });
      if (edit.tightened) warnOfMode(keysFile, log);
      // Not later by the watcher, which loads the same files: this load and its own are never at the same time.
      await watcher.load();
      return edit;
    },
    read: load,
    close: () => watcher.close(),
  };
}

function warnOfMode(file: string, log: Log): void {
  log.warn("Key file {file} could be read by others: its mode is 0600 now", { file });
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

/** Reads all keys from their files. */
async function loadSources(
  config: Config,
  { files }: Platform,
  { log, services }: Pick<KeysOptions, "log" | "services">,
): Promise<KeySources> {
  const { secretKeyFile: path, keysFile, fileMode: mode } = config.keys;
  await assertRegularFile(path, files);
  const defaultKey = await loadKey(path, { files, mode });
  if (defaultKey?.tightened) warnOfMode(path, log);
  const single = defaultKey?.secret;
  const keyring = await readKeysFile(keysFile, { files, mode, services });
  if (keyring?.tightened) warnOfMode(keysFile, log);
  const records = keyring?.keys;
  const duplicate = records?.find(({ secret, previous }) =>
    [secret, previous?.secret].some((bytes) => bytes !== undefined && bytes.toHex() === single?.toHex())
  );
  if (duplicate === undefined) return { single, records };
  throw new InvalidKeyFileError(
    `Key "${duplicate.name}" in "${keysFile}" has the same secret as "${path}", which grants every right. ` +
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
