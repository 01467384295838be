/**
 * The way to Jeedom: which certificates its HTTPS may have.
 *
 * @module
 */
import type { Config } from "../config.ts";
import type { Platform } from "./platform.ts";

/**
 * Picks the `fetch` for calls of Jeedom: the given one, or with `JEEDOM_CA_FILE` one that trusts its certificates alone.
 *
 * @param fetch the one for everything else
 * @throws {Error} if the file cannot be read, or holds no certificate
 */
export async function openJeedomFetch(
  { JEEDOM_CA_FILE: path }: Pick<Config, "JEEDOM_CA_FILE">,
  { files, fetch }: Pick<Platform, "files" | "fetch">,
): Promise<typeof globalThis.fetch> {
  if (path === undefined) return fetch;
  // Loaded only here: most houses have no HTTPS inside.
  const { createPrivateFetch } = await import("../services/jeedom_https.ts");
  try {
    return createPrivateFetch(await files.readTextFile(path));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`JEEDOM_CA_FILE "${path}" is of no use: ${reason}`, { cause: error });
  }
}
