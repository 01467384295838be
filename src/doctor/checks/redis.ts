/**
 * Check of Redis, if it stores the requests for replay detection.
 *
 * @module
 */
import { errorText } from "../../lib/errors.ts";
import { PROBE_TIMEOUT_SECONDS } from "../../lib/fetch_failure.ts";
import { mdnsHint } from "../../net/host.ts";
import { visibleLine } from "../../lib/visible.ts";
import { type Check, failed, type Finding, ok, skipped } from "../check.ts";

/** Key that never exists, under the prefix that the gateway's user may read. */
const ABSENT_KEY = "e2eg:replay:doctor";

/** Remedies by error text of Redis. */
const REMEDIES: readonly (readonly [RegExp, string])[] = [
  [/WRONGPASS|NOAUTH|AUTH/, "Fix user and password in REPLAY_REDIS_URL"],
  [/NOPERM/, "Give the user in REPLAY_REDIS_URL the rights that docs/security.md lists"],
  [/ECONNREFUSED/, "Start Redis, or fix the address in REPLAY_REDIS_URL"],
  [/ENOTFOUND|EAI_AGAIN/, "Fix the name in REPLAY_REDIS_URL"],
];

/** Check of the server that stores requests. */
export const REDIS: Check = {
  name: "redis",
  async run({ config, now }, signal) {
    const { redisUrl: url } = config.replay;
    if (url === undefined) return skipped("Not used: REPLAY_REDIS_URL is not set");
    const address = `${url.hostname}:${url.port || 6379}`;
    // Loaded only here: most gateways have no Redis.
    const { openRedis } = await import("../../store/redis_connection.ts");
    const outcome = Promise.withResolvers<Finding>();
    const fail = (reason: string) => outcome.resolve(reportError(address, visibleLine(reason)));
    const connection = openRedis({
      url,
      timeoutMs: PROBE_TIMEOUT_SECONDS * 1000,
      // Spreads out further attempts, of which there is none.
      random: () => 0,
      log: { info: () => {}, warn: (_, properties) => fail(String(properties?.["reason"])) },
    });
    const onTimeout = () => fail(`No answer within ${PROBE_TIMEOUT_SECONDS} s`);
    signal.addEventListener("abort", onTimeout, { once: true });
    connection.onConnect((client) => {
      const began = now();
      client.get(ABSENT_KEY).then(
        () => outcome.resolve(ok(`${address} answers, round trip ${Math.round(now() - began)} ms`)),
        (error) => fail(errorText(error)),
      );
    });
    try {
      return await outcome.promise;
    } finally {
      signal.removeEventListener("abort", onTimeout);
      await connection.close();
    }
  },
};

function reportError(address: string, reason: string): Finding {
  const remedy = REMEDIES.find(([pattern]) => pattern.test(reason))?.[1];
  const hint = /ENOTFOUND|EAI_AGAIN/.test(reason) ? mdnsHint(address.slice(0, address.lastIndexOf(":"))) : "";
  return failed(
    `${address} fails: ${reason}${hint}`,
    `${remedy ?? "Check that Redis runs"}. Without it no request is accepted`,
  );
}
