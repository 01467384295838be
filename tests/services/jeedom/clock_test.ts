import { assertEquals, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { CLOCK_CHECK } from "../../../src/services/jeedom/clock.ts";
import { makeContext, NEVER_ABORTED, NOW } from "../../support/doctor_context.ts";

interface JeedomClock {
  /** Offset of Jeedom's clock, in seconds; positive if it is ahead. */
  readonly ahead: number;
  /** Response time, in milliseconds. */
  readonly takes?: number;
  readonly hasKey?: boolean;
}

/** Runs the check with a Jeedom whose clock is off; time passes only during calls. */
function runCheck({ ahead, takes = 20, hasKey = true }: JeedomClock) {
  let now = NOW;
  const context = makeContext({
    env: hasKey ? { JEEDOM_APIKEY: "a key of Jeedom" } : {},
    now: () => now,
    machine: {
      fetch: (_, init) => {
        const { method }: { method: string } = JSON.parse(String(init?.body));
        now += takes / 2;
        const seconds = now / 1000 + ahead;
        now += takes / 2;
        const result = method === "ping" ? "pong" : seconds;
        const headers = { Date: new Date(seconds * 1000).toUTCString() };
        return Promise.resolve(Response.json({ jsonrpc: "2.0", id: 1, result }, { headers }));
      },
    },
  });
  return CLOCK_CHECK.run(context, NEVER_ABORTED);
}

Deno.test("clock is compared with the middle of the round trip, however long that takes", async () => {
  const found = await runCheck({ ahead: 0, takes: 4000 });
  assertEquals(found, { status: "ok", message: "0.00 s from Jeedom's (± 2.00 s)" });
});

Deno.test("clock warns above 5 s and fails above half of MAX_AGE_SECONDS, when the offset is certain", async () => {
  const expected = {
    0: "ok",
    4.9: "ok",
    5.1: "warning",
    "-5.1": "warning",
    29: "warning",
    31: "failed",
    "-99": "failed",
  };
  for (const [text, status] of Object.entries(expected)) {
    const ahead = Number(text);
    const found = await runCheck({ ahead });
    assertEquals(found.status, status, `${ahead}: ${found.message}`);
    if (status !== "ok") assertStringIncludes(found.message, ahead > 0 ? "behind Jeedom's" : "ahead of Jeedom's");
  }
});

Deno.test("clock is compared with the header Date without an API key", async () => {
  assertEquals((await runCheck({ ahead: 0, hasKey: false })).status, "ok");
  assertEquals((await runCheck({ ahead: 10, hasKey: false })).status, "warning");
});

Deno.test("property: clock is ok for a correct clock, whatever the response time", () =>
  fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 5000 }),
      fc.boolean(),
      async (takes, hasKey) => (await runCheck({ ahead: 0, takes, hasKey })).status === "ok",
    ),
    { numRuns: 50 },
  ));

Deno.test("clock is skipped without a response of Jeedom", async () => {
  assertEquals((await CLOCK_CHECK.run(makeContext(), NEVER_ABORTED)).status, "skipped");
});
