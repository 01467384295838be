/**
 * Whether Redis answers, where the gateway remembers requests in it.
 *
 * @module
 */
import { errorText } from "../../lib/errors.ts";
import { mdnsHint } from "../../mqtt/errors.ts";
import { visibleLine } from "../../lib/visible.ts";
import { type Check, DEADLINE_SECONDS } from "../check.ts";
import { failed, type Finding, ok, skipped } from "../finding.ts";

/** Below the prefix of what the gateway itself remembers, so that its user may read it; never there. */
const NOBODYS_KEY = "e2eg:replay:doctor";

/** What to do, by how Redis says no. */
const REMEDIES: readonly (readonly [RegExp, string])[] = [
  [/WRONGPASS|NOAUTH|AUTH/, "Mend user and password in REPLAY_REDIS_URL"],
  [/NOPERM/, "Give the user in REPLAY_REDIS_URL the rights that docs/security.md lists"],
  [/ECONNREFUSED/, "Start Redis, or mend the address in REPLAY_REDIS_URL"],
  [/ENOTFOUND|EAI_AGAIN/, "Mend the name in REPLAY_REDIS_URL"],
];

/** The server that remembers requests. */
export const REDIS: Check = {
  name: "redis",
  async run({ config, now }, signal) {
    const { redisUrl: url } = config.replay;
    if (url === undefined) return skipped("Not used: REPLAY_REDIS_URL is not set");
    const place = `${url.hostname}:${url.port || 6379}`;
    // Loaded only here: most gateways have no Redis.
    const { openRedis } = await import("../../store/redis_connection.ts");
    const outcome = Promise.withResolvers<Finding>();
    const fail = (reason: string) => outcome.resolve(explain(place, visibleLine(reason)));
    const connection = openRedis({
      url,
      timeoutMs: DEADLINE_SECONDS * 1000,
      // It spreads out further tries, and there is but one.
      random: () => 0,
      log: { info: () => {}, warn: (_, properties) => fail(String(properties?.["reason"])) },
    });
    const late = () => fail(`No answer within ${DEADLINE_SECONDS} s`);
    signal.addEventListener("abort", late, { once: true });
    connection.onConnect((client) => {
      const began = now();
      client.get(NOBODYS_KEY).then(
        () => outcome.resolve(ok(`${place} answers, round trip ${Math.round(now() - began)} ms`)),
        (error) => fail(errorText(error)),
      );
    });
    try {
      return await outcome.promise;
    } finally {
      signal.removeEventListener("abort", late);
      await connection.close();
    }
  },
};

function explain(place: string, reason: string): Finding {
  const remedy = REMEDIES.find(([pattern]) => pattern.test(reason))?.[1];
  const hint = /ENOTFOUND|EAI_AGAIN/.test(reason) ? mdnsHint(place.slice(0, place.lastIndexOf(":"))) : "";
  return failed(
    `${place} fails: ${reason}${hint}`,
    `${remedy ?? "See whether Redis runs"}. Without it no request is accepted`,
  );
}
