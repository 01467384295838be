/**
 * Check of Redis, if the replicas of the gateway share one.
 *
 * @module
 */
import { readRedisServers } from "../../config/redis_options.ts";
import { errorText } from "../../lib/errors.ts";
import { PROBE_TIMEOUT_SECONDS } from "../../lib/fetch_failure.ts";
import { formatHostPattern } from "../../net/egress.ts";
import { mdnsHint } from "../../net/host.ts";
import { visibleLine } from "../../lib/visible.ts";
import type { RedisClient } from "../../store/redis_connection.ts";
import type { RedisServers } from "../../store/redis_address.ts";
import { findServerFault, infoField, readConfig } from "../../store/redis_info.ts";
import { redisRemedy } from "../../store/redis_remedy.ts";
import type { RedisUrl } from "../../net/redis_url.ts";
import { type Check, combineFindings, failed, type Finding, ok, skipped, warning } from "../check.ts";
import type { DoctorContext } from "../context.ts";

/** End of the remedies of what keeps the gateway from working. */
const NOTHING_WITHOUT = "Without it no request is accepted";

/** Check of the server that replicas share. */
export const REDIS: Check = {
  name: "redis",
  async run({ config: { redis }, machine, now }, signal) {
    if (redis.url === undefined) return skipped("Not used: REDIS_URL is not set");
    try {
      const servers = await readRedisServers(redis.url, redis, machine);
      return await checkServers({ ...servers, timeoutMs: PROBE_TIMEOUT_SECONDS * 1000 }, now, signal);
    } catch (error) {
      return failed(errorText(error), "Fix the file, its owner or its mode");
    }
  },
};

/** Connects once, as the gateway does. */
async function checkServers(servers: RedisServers, now: DoctorContext["now"], signal: AbortSignal): Promise<Finding> {
  // Loaded only here: most gateways have no Redis.
  const { openRedis } = await import("../../store/redis_connection.ts");
  const { url } = servers;
  const outcome = Promise.withResolvers<Finding>();
  let place = url.topology.hosts.map(formatHostPattern).join(",");
  const fail = (reason: string) => outcome.resolve(reportError(place, visibleLine(reason), url));
  const connection = openRedis({
    ...servers,
    // Spreads out further attempts, of which there is none.
    random: () => 0,
    reports: {
      connected: (server) => void (place = server),
      failed(server, reason) {
        place = server;
        fail(reason);
      },
    },
  });
  const onTimeout = () => fail(`No answer within ${PROBE_TIMEOUT_SECONDS} s`);
  signal.addEventListener("abort", onTimeout, { once: true });
  connection.onConnect((client) => {
    const began = now();
    client.info().then(async (info) => {
      const answers = ok(`${place} answers, round trip ${Math.round(now() - began)} ms`);
      const findings = [checkSafety(info), await checkDurability(client, info), checkReplicas(info, url)];
      outcome.resolve(combineFindings([answers, ...findings.flatMap((finding) => finding ?? [])]));
    }).catch((error) => fail(errorText(error)));
  });
  try {
    return await outcome.promise;
  } finally {
    signal.removeEventListener("abort", onTimeout);
    await connection.close();
  }
}

/** Checks that the server may be trusted to remember requests. */
function checkSafety(info: string): Finding | undefined {
  const unsafe = findServerFault(info);
  return unsafe && failed(unsafe.fault, `${unsafe.remedy}. ${NOTHING_WITHOUT}`);
}

/** Checks that the server keeps its data over a restart. */
async function checkDurability(client: RedisClient, info: string): Promise<Finding> {
  if (infoField(info, "aof_enabled") !== "1") {
    return warning(
      "It has no append-only file: nothing pairs, no action runs whose uses are counted, each of its restarts loses " +
        "messages, and requests that were made before are refused",
      `Set appendonly yes and appendfsync ${hasWaitAof(info) ? "everysec" : "always"} in its configuration`,
    );
  }
  // The user may lack the right to it.
  const policy = await readConfig(client, "appendfsync").catch(() => undefined);
  switch (policy) {
    case "always":
      return ok("Its append-only file is written before each answer: a power failure loses nothing");
    case "everysec":
      if (!hasWaitAof(info)) {
        return warning(
          "Its version cannot tell when a change is on its disk: nothing pairs, and no action runs whose uses are counted",
          "Set appendfsync always in its configuration, or use Redis 7.2 or Valkey",
        );
      }
      return ok("Its append-only file is written every second: a power failure may lose the last one");
    case "no":
      return warning(
        "Its append-only file is written when the system does so: a power failure may lose half a minute",
        `Set appendfsync ${hasWaitAof(info) ? "everysec" : "always"} in its configuration`,
      );
    default:
      return ok("It has an append-only file; CONFIG GET is not allowed, so appendfsync is unknown");
  }
}

/** Returns whether the server has the command WAITAOF, since version 7.2; Valkey reports this version as well. */
function hasWaitAof(info: string): boolean {
  const [major = 0, minor = 0] = infoField(info, "redis_version")?.split(".").map(Number) ?? [];
  return major > 7 || major === 7 && minor >= 2;
}

/** Checks that another server can take over, where the address says so. */
function checkReplicas(info: string, { topology: { kind } }: RedisUrl): Finding {
  const count = Number(infoField(info, "connected_slaves") ?? 0);
  if (count > 0) return ok(`${count} ${count === 1 ? "replica" : "replicas"} of Redis connected`);
  if (kind === "server") return ok("It has no replica: when it fails, the gateway answers 503");
  return warning("No replica of it is connected, so none can take over", "Start its replicas");
}

function reportError(address: string, reason: string, { topology: { hosts } }: RedisUrl): Finding {
  const names = hosts.map(({ host }) => host);
  const hint = /ENOTFOUND|EAI_AGAIN/.test(reason) ? names.map(mdnsHint).join("") : "";
  return failed(
    `${address} fails: ${reason}${hint}`,
    `${redisRemedy(reason) ?? "Check that Redis runs"}. ${NOTHING_WITHOUT}`,
  );
}
