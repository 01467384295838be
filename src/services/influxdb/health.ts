/**
 * Health check of the InfluxDB servers.
 *
 * @module
 */
import { readBytes } from "../../lib/read_bytes.ts";
import { loginOf } from "./api.ts";
import { endpointOf, type InfluxContent, type InfluxServer, serversOf } from "./section.ts";

/** Longest answer to a ping, in bytes. */
const MAX_ANSWER_BYTES = 64 * 1024;

/** Servers, and how they are reached. */
export interface InfluxCheckOptions {
  /** Returns the queries and writes that are in force. */
  readonly content: () => InfluxContent;
  /** Returns the function that sends HTTP requests to a server. */
  readonly fetchOf: (server: InfluxServer) => Promise<typeof fetch>;
  /** Longest wait for the answer, in milliseconds. */
  readonly timeoutMs: number;
}

/**
 * Returns the servers, one for each address and login.
 *
 * @param forDatabases true for one for each database or organization as well
 */
export function distinctServers(content: InfluxContent, forDatabases = false): readonly InfluxServer[] {
  const byId = new Map(
    serversOf(content).map((server) => {
      const { url, version, caFile, database, org } = server;
      const names = forDatabases ? [database, org] : [];
      return [JSON.stringify([url.href, version, caFile, loginOf(server), ...names]), server];
    }),
  );
  return [...byId.values()];
}

/**
 * Makes the function that rejects unless all servers answer.
 *
 * @returns a function whose error names the first server that does not; it returns undefined where there is none
 */
export function createInfluxCheck(
  { content, fetchOf, timeoutMs }: InfluxCheckOptions,
): () => Promise<void> | undefined {
  const ping = async (server: InfluxServer) => {
    const send = await fetchOf(server);
    const place = endpointOf(server, "");
    const response = await send(endpointOf(server, "/ping"), {
      headers: loginOf(server),
      redirect: "manual",
      signal: AbortSignal.timeout(timeoutMs),
    }).catch(() => {
      // The library's message may quote the request.
      throw new Error(`InfluxDB cannot be reached at ${place}`);
    });
    await readBytes(response, MAX_ANSWER_BYTES);
    if (!response.ok) throw new Error(`InfluxDB's address ${place} answered with status ${response.status}`);
  };
  return () => {
    const servers = distinctServers(content());
    return servers.length === 0 ? undefined : Promise.all(servers.map(ping)).then(() => {});
  };
}
