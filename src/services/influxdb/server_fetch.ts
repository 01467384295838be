/**
 * Certificates that the HTTPS of InfluxDB may have.
 *
 * @module
 */
import { openTrustedFetch } from "../../config/setting_files.ts";
import type { Platform } from "../../platform.ts";
import { ServiceError } from "../service.ts";
import type { InfluxServer } from "./section.ts";

/** Part of the platform that sends requests. */
export type FetchPlatform = Pick<Platform, "fetch" | "files">;

/** Name of the field, for errors. */
const CA_FILE = "influxdb: caFile";

/**
 * Returns the `fetch` for a server: the given one, or with `caFile` one that trusts its certificates alone.
 *
 * @throws {Error} if the file cannot be read, or holds no certificate
 */
export function openServerFetch(
  { caFile }: Pick<InfluxServer, "caFile">,
  platform: FetchPlatform,
): Promise<typeof globalThis.fetch> {
  return openTrustedFetch(CA_FILE, caFile, platform);
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
