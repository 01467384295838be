/**
 * Certificates that the HTTPS of InfluxDB may have.
 *
 * @module
 */
import { errorText } from "../../lib/errors.ts";
import type { Platform } from "../../platform.ts";
import { ServiceError } from "../service.ts";
import type { InfluxServer } from "./section.ts";

/** Part of the platform that sends requests. */
export type FetchPlatform = {
  /** Sends requests to servers with public certificates, or without HTTPS. */
  readonly fetch: typeof fetch;
  /** Reads files of certificates. */
  readonly files: Pick<Platform["files"], "readTextFile">;
};

/**
 * Returns the `fetch` for a server: the given one, or with `caFile` one that trusts its certificates alone.
 *
 * @throws {Error} if the file cannot be read, or holds no certificate
 */
export async function openServerFetch(
  { caFile }: Pick<InfluxServer, "caFile">,
  { fetch, files }: FetchPlatform,
): Promise<typeof globalThis.fetch> {
  if (caFile === undefined) return fetch;
  try {
    const pem = await files.readTextFile(caFile);
    // Loaded only here: most networks at home have no HTTPS inside.
    const { createPrivateFetch } = await import("../jeedom/https.ts");
    return createPrivateFetch(pem);
  } catch (error) {
    throw new Error(`caFile "${caFile}" in the section influxdb is of no use: ${errorText(error)}`, { cause: error });
  }
}

/** Makes the function that opens the `fetch` for each server once. A file that cannot be used is tried again. */
export function createFetchOf(platform: FetchPlatform): (server: InfluxServer) => Promise<typeof globalThis.fetch> {
  const opened = new WeakMap<InfluxServer, Promise<typeof globalThis.fetch>>();
  return async (server) => {
    const known = opened.get(server) ?? openServerFetch(server, platform);
    opened.set(server, known);
    try {
      return await known;
    } catch (cause) {
      opened.delete(server);
      const message = "InfluxDB is not called: the file of its certificate cannot be used";
      throw new ServiceError(502, message, { code: "service_unreachable", cause });
    }
  };
}
