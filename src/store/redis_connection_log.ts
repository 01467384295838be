/**
 * Log of connections to Valkey or Redis.
 *
 * @module
 */
import type { Log } from "../observability/log.ts";
import type { RedisReports } from "./redis_connection.ts";
import { redisRemedy } from "./redis_remedy.ts";

/** Writes each change once, however many connections of a process report it. */
export class RedisConnectionLog implements RedisReports {
  readonly #log: Pick<Log, "info" | "warn">;
  readonly #reasons = new Set<string>();
  #connectedTo: string | undefined;

  /** Writes nothing yet. */
  constructor(log: Pick<Log, "info" | "warn">) {
    this.#log = log;
  }

  /** Writes that there is a connection, unless the last line says it. */
  connected(place: string): void {
    if (place === this.#connectedTo) return;
    this.#connectedTo = place;
    this.#reasons.clear();
    this.#log.info("Connected to Redis at {place}", { place });
  }

  /** Writes why there is none, once for each reason until there is one again. */
  failed(place: string, reason: string): void {
    this.#connectedTo = undefined;
    if (this.#reasons.has(reason)) return;
    this.#reasons.add(reason);
    const known = redisRemedy(reason);
    const remedy = known === undefined ? "" : `. ${known}`;
    this.#log.warn("No connection to Redis at {place}: {reason}{remedy}", { place, reason, remedy });
  }
}
