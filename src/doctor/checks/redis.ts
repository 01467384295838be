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
import { infoField, readConfig } from "../../store/redis_info.ts";
import type { RedisUrl } from "../../net/redis_url.ts";
import { type Check, combineFindings, failed, type Finding, ok, skipped, warning } from "../check.ts";
import type { DoctorContext } from "../context.ts";

/** Remedies by error text of Redis, of sentinels and of TLS. */
const REMEDIES: readonly (readonly [RegExp, string])[] = [
  [/sentinels do not name .*(WRONGPASS|NOAUTH|AUTH)/, "Fix REDIS_SENTINEL_USERNAME and REDIS_SENTINEL_PASSWORD"],
  [/No such master/, "Fix the name of the primary at the end of REDIS_URL"],
  [/was announced/, "Add it, or its network, to REDIS_NODES"],
  [/^It is (a|no) /, "Fix REDIS_URL"],
  [/WRONGPASS|NOAUTH|AUTH/, "Fix user and password in REDIS_URL"],
  [/NOPERM/, "Give the user in REDIS_URL the rights that docs/security.md lists"],
  [/ECONNREFUSED/, "Start Redis, or fix the address in REDIS_URL"],
  [/ENOTFOUND|EAI_AGAIN/, "Fix the name in REDIS_URL"],
  [/CertificateRequired/, "Set REDIS_CERT_FILE and REDIS_KEY_FILE: the server asks its clients for a certificate"],
  [/certificate/i, "Set REDIS_CA_FILE to the authority of the server's certificate, which has to name this host"],
  [/CLUSTERDOWN/, "Start the missing nodes of the cluster: redis-cli --cluster check"],
];

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
    log: {
      info: (_, properties) => void (place = String(properties?.["place"])),
      warn: (_, properties) => fail(String(properties?.["reason"])),
    },
  });
  const onTimeout = () => fail(`No answer within ${PROBE_TIMEOUT_SECONDS} s`);
  signal.addEventListener("abort", onTimeout, { once: true });
  connection.onConnect((client) => {
    const began = now();
    client.info().then(async (info) => {
      const answers = ok(`${place} answers, round trip ${Math.round(now() - began)} ms`);
      outcome.resolve(combineFindings([answers, await checkDurability(client, info), checkReplicas(info, url)]));
    }).catch((error) => fail(errorText(error)));
  });
  try {
    return await outcome.promise;
  } finally {
    signal.removeEventListener("abort", onTimeout);
    await connection.close();
  }
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
  if (kind === "server" || count > 0) return ok(`${count} ${count === 1 ? "replica" : "replicas"} connected`);
  return warning("No replica of it is connected, so none can take over", "Start its replicas");
}

function reportError(address: string, reason: string, { topology: { hosts } }: RedisUrl): Finding {
  const remedy = REMEDIES.find(([pattern]) => pattern.test(reason))?.[1];
  const names = hosts.map(({ host }) => host);
  const hint = /ENOTFOUND|EAI_AGAIN/.test(reason) ? names.map(mdnsHint).join("") : "";
  return failed(
    `${address} fails: ${reason}${hint}`,
    `${remedy ?? "Check that Redis runs"}. Without it no request is accepted`,
  );
}
