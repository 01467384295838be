import { assertEquals, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { CLOCK } from "../../src/doctor/checks/clock.ts";
import { makeContext, NOW, PATIENT } from "../support/doctor_context.ts";

interface Scene {
  /** How far Jeedom's clock is ahead, in seconds. */
  readonly ahead: number;
  /** How long each answer takes, in milliseconds. */
  readonly takes?: number;
  readonly hasKey?: boolean;
}

/** A house whose Jeedom has another clock; time passes only while somebody asks. */
function look({ ahead, takes = 20, hasKey = true }: Scene) {
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
  return CLOCK.run(context, PATIENT);
}

Deno.test("the clock is held against the middle of the round trip, however long that takes", async () => {
  const found = await look({ ahead: 0, takes: 4000 });
  assertEquals(found, { status: "ok", message: "0.00 s from Jeedom's (± 2.00 s)" });
});

Deno.test("a clock is wrong when it is certain to be, warned of above 5 s and failed above half of MAX_AGE_SECONDS", async () => {
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
    const found = await look({ ahead });
    assertEquals(found.status, status, `${ahead}: ${found.message}`);
    if (status !== "ok") assertStringIncludes(found.message, ahead > 0 ? "behind Jeedom's" : "ahead of Jeedom's");
  }
});

Deno.test("without an API key, the clock is held against the header Date", async () => {
  assertEquals((await look({ ahead: 0, hasKey: false })).status, "ok");
  assertEquals((await look({ ahead: 10, hasKey: false })).status, "warning");
});

Deno.test("property: a right clock is never complained about, whatever the answer takes and either way", () =>
  fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 5000 }),
      fc.boolean(),
      async (takes, hasKey) => (await look({ ahead: 0, takes, hasKey })).status === "ok",
    ),
    { numRuns: 50 },
  ));

Deno.test("the clock is not looked at without an answer of Jeedom", async () => {
  assertEquals((await CLOCK.run(makeContext(), PATIENT)).status, "skipped");
});
