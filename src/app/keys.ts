/**
 * The keys of the gateway: loaded at the start, one made where there is none, and watched from then on.
 *
 * @module
 */
import type { Config } from "../config/settings.ts";
import type { Log } from "../observability/log.ts";
import { type Bytes, randomBytes } from "../protocol/bytes.ts";
import {
  assertRegularFile,
  KeyFileError,
  loadKey,
  loadOrCreateKey,
  removeLeftovers,
} from "../keys/default_key_file.ts";
import { DEFAULT_KEY_NAME } from "../keys/schema.ts";
import { type KeyWatcher, watchKeys } from "../keys/watcher.ts";
import { type KeySources, LiveKeyring } from "../keys/keyring.ts";
import { readKeysFile } from "../keys/keyring_file.ts";
import type { Platform } from "../platform.ts";

/** Keys that are watched. */
export interface OpenKeys {
  /** The keys, as they are at any time. */
  readonly keyring: LiveKeyring;
  /** Stops watching. */
  close(): Promise<void>;
}

/** How often the files are looked at, in milliseconds. A change counts after the second look: within 2 s. */
const POLL_MS = 500;

/**
 * Opens the keys.
 *
 * @throws `KeyFileError` if a file is not right, or cannot be read, made or closed to others
 */
export async function openKeys(config: Config, platform: Platform, log: Log): Promise<OpenKeys> {
  const keyring = new LiveKeyring(() => Date.now(), randomBytes);
  const stamp = () => stampOf([config.keys.secretKeyFile, config.keys.keysFile], platform);
  const load = () => loadSources(config, platform, log);
  const loaded = await stamp();
  let sources = await load();
  if (sources.single === undefined && sources.records.length === 0) {
    sources = { ...sources, single: await makeFirstKey(config, platform) };
  }
  if (sources.single !== undefined) await removeLeftovers(config.keys.secretKeyFile, platform.files);
  await keyring.replace(sources);
  const watcher: KeyWatcher = watchKeys({ keyring, load, fingerprint: stamp, pollMs: POLL_MS, log }, loaded);
  // A terminal that closes says the same as somebody who wants the keys read again; there it means the end.
  if (!platform.isTerminal) platform.onReload(() => watcher.reload());
  return { keyring, close: () => watcher.close() };
}

/** Reads all keys from their files. */
async function loadSources(config: Config, { files }: Platform, log: Log): Promise<KeySources> {
  const { secretKeyFile: path, keysFile, fileMode: mode } = config.keys;
  const tightened = (file: string) =>
    log.warn("Key file {file} could be read by others: its mode is 0600 now", { file });
  await assertRegularFile(path, files);
  const own = await loadKey(path, { files, mode });
  const single = own?.secret;
  if (own?.tightened) tightened(path);
  const several = await readKeysFile(keysFile, { files, mode });
  if (several?.tightened) tightened(keysFile);
  const records = several?.keys ?? [];
  const twin = records.find(({ secret, previous }) =>
    [secret, previous?.secret].some((bytes) => bytes !== undefined && bytes.toHex() === single?.toHex())
  );
  if (twin === undefined) return { single, records };
  throw new KeyFileError(
    `Key "${twin.name}" in "${keysFile}" has the same secret as "${path}", which grants every right. ` +
      `Remove "${path}", or give "${twin.name}" a new secret with: deno task keys rotate ${twin.name}`,
  );
}

/** Makes the seed's single key and shows it to the person at the console, and only there: the log never holds it. */
async function makeFirstKey(config: Config, { files, print }: Platform): Promise<Bytes> {
  const { secretKeyFile: path, fileMode: mode } = config.keys;
  const { secret, created } = await loadOrCreateKey(path, { files, random: randomBytes, mode });
  if (!created) return secret;
  const line = "=".repeat(80);
  print(
    [
      line,
      "NEW SECRET KEY GENERATED!",
      line,
      `Secret key: ${secret.toHex()}`,
      `Saved to: ${path}`,
      line,
      "Please update your client with this secret key.",
      `Or show it as a QR code: deno task keys show ${DEFAULT_KEY_NAME}`,
      line,
    ].join("\n"),
  );
  return secret;
}

/** Another text whenever a file was written, replaced, made or removed. Never throws. */
async function stampOf(paths: readonly string[], { files }: Platform): Promise<string> {
  const stamps = paths.map(async (path) => {
    try {
      const { mtime, ctime, size, ino } = await files.stat(path);
      return [mtime?.getTime(), ctime?.getTime(), size, ino].join(" ");
    } catch (error) {
      return error instanceof Error ? error.name : String(error);
    }
  });
  return (await Promise.all(stamps)).join(", ");
}
