/**
 * Primary of Valkey or Redis, as sentinels know it.
 *
 * @module
 */
import { errorText } from "../lib/errors.ts";
import type { HostPort, Hosts } from "../net/redis_url.ts";

/** Sends a command to a server over a connection of its own. */
export type Ask = (server: HostPort, command: readonly string[]) => Promise<unknown>;

/** Answer of a sentinel. */
interface Primary extends HostPort {
  /** Number of the configuration, which each failover raises. */
  readonly epoch: number;
}

/**
 * Returns the primary. Most of the sentinels have to answer, and the newest answer counts: sentinels that are cut off from
 * the others may name a primary that the others have replaced.
 *
 * @throws {Error} if most sentinels do not answer, or do not know the name
 */
export async function findPrimary(sentinels: Hosts, name: string, ask: Ask): Promise<HostPort> {
  const most = Math.floor(sentinels.length / 2) + 1;
  const answers: Primary[] = [];
  const faults: unknown[] = [];
  const enough = Promise.withResolvers<void>();
  for (const sentinel of sentinels) {
    ask(sentinel, ["SENTINEL", "MASTER", name])
      .then((reply) => answers.push(parsePrimary(reply)), (error) => faults.push(error))
      .catch((error) => faults.push(error))
      .finally(() => {
        if (answers.length >= most || sentinels.length - faults.length < most) enough.resolve();
      });
  }
  await enough.promise;
  const [newest] = answers.toSorted((one, other) => other.epoch - one.epoch);
  if (newest === undefined || answers.length < most) {
    throw new Error(`${faults.length} of ${sentinels.length} sentinels do not name ${name}: ${errorText(faults[0])}`);
  }
  return { host: newest.host, port: newest.port };
}

/**
 * Parses the reply to SENTINEL MASTER: fields and values.
 *
 * @throws {TypeError} if it is something else
 */
function parsePrimary(reply: unknown): Primary {
  const fields = new Map(Object.entries(typeof reply === "object" && reply !== null ? reply : {}));
  const [host, port, epoch] = [fields.get("ip"), Number(fields.get("port")), Number(fields.get("config-epoch"))];
  if (typeof host !== "string" || !Number.isInteger(port) || !Number.isInteger(epoch)) {
    throw new TypeError("A sentinel gave an unknown answer");
  }
  return { host, port, epoch };
}
