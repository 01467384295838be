/**
 * Certificates that Jeedom's HTTPS may have.
 *
 * @module
 */
import { errorText } from "../../lib/errors.ts";
import type { Platform } from "../../platform.ts";
import { readSettingFile } from "../../config/setting_files.ts";
import type { JeedomConfig } from "./settings.ts";

/**
 * Returns the `fetch` for calls to Jeedom: the given one, or with `JEEDOM_CA_FILE` one that trusts its certificates alone.
 *
 * @param fetch the one for public certificates
 * @throws {Error} if the file cannot be read, or holds no certificate
 */
export async function openJeedomFetch(
  { caFile }: Pick<JeedomConfig, "caFile">,
  { files, fetch }: Pick<Platform, "files" | "fetch">,
): Promise<typeof globalThis.fetch> {
  const pem = await readSettingFile("JEEDOM_CA_FILE", caFile, { files });
  if (pem === undefined) return fetch;
  // Loaded only here: most networks at home have no HTTPS inside.
  const { createPrivateFetch } = await import("../../net/private_fetch.ts");
  try {
    return createPrivateFetch(pem);
  } catch (error) {
    const reason = errorText(error);
    throw new Error(`JEEDOM_CA_FILE "${caFile}" is of no use: ${reason}`, { cause: error });
  }
}
