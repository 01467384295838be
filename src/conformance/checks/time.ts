/**
 * Validity of timestamps.
 *
 * @module
 */
import { expectClock, expectRefusal } from "../answer.ts";
import { BOTH, type Check, type Subject } from "../check.ts";
import { expectEqual } from "../mismatch.ts";
import { HARMLESS, HARMLESS_ANSWER } from "../probe.ts";

/** Distance from now beyond any sensible limit, in seconds. */
const EXPIRED_SECONDS = 7 * 86_400;

const EXPIRED_ERROR = "Request expired";

const INVALID_TIMESTAMPS: readonly (readonly [string, (now: number) => unknown])[] = [
  ["timestamp is missing", () => undefined],
  ["timestamp is a string", (now) => String(now)],
  ["timestamp is old", (now) => now - EXPIRED_SECONDS],
  ["timestamp is ahead", (now) => now + EXPIRED_SECONDS],
];

/** Checks of timestamps. */
export const TIME: Subject = {
  name: "Time",
  checks: [
    {
      name: "fractions are accepted",
      rule: "A JSON number: seconds since 1970 in UTC, fractions allowed",
      versions: BOTH,
      async run(probe) {
        const timestamp = Math.floor(probe.seconds) + 0.25;
        expectRefusal((await probe.ask("/gateway", { ...HARMLESS, timestamp })).answer, HARMLESS_ANSWER);
      },
    },
    ...INVALID_TIMESTAMPS.map(([name, timestampAt]): Check => ({
      name,
      rule: "403 `Request expired`, with the gateway's own `timestamp`",
      versions: BOTH,
      async run(probe) {
        const { answer } = await probe.ask("/gateway", { ...HARMLESS, timestamp: timestampAt(probe.seconds) });
        expectRefusal(answer, { status: 403, error: EXPIRED_ERROR });
        expectClock(answer.timestamp, probe.seconds);
      },
    })),
    {
      name: "expired subscription",
      rule: "An `error` event `Request expired`, with the gateway's own `timestamp`",
      versions: BOTH,
      async run(probe) {
        await using stream = await probe.subscribe({
          topic: probe.freshTopic(),
          timestamp: probe.seconds - EXPIRED_SECONDS,
        });
        const { type, message, timestamp } = stream.first.event;
        expectEqual("event", { seen: [type, message], expected: ["error", EXPIRED_ERROR] });
        expectClock(timestamp, probe.seconds);
        await stream.ended();
      },
    },
  ],
};
