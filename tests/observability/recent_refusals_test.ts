import { assert, assertEquals } from "@std/assert";
import { createRefusalTelemetry, RecentRefusals } from "../../src/observability/recent_refusals.ts";
import type { RefusalReason } from "../../src/observability/telemetry.ts";
import type { KeyState } from "../../src/keys/keyring.ts";
import { recordTelemetry } from "../support/telemetry.ts";

const MINUTE_MS = 60_000;

function makeRefusals() {
  const clock = { ms: 123_456 };
  return { clock, refusals: new RecentRefusals(() => clock.ms) };
}

/** Calls a function a number of times. */
function repeat(count: number, work: (index: number) => void): void {
  for (let index = 0; index < count; index++) work(index);
}

Deno.test("list() counts requests with an unknown key by address, the most frequent first", () => {
  const { refusals } = makeRefusals();
  repeat(5, () => refusals.add("envelope", { address: "198.51.100.2" }));
  repeat(9, () => refusals.add("envelope", { address: "203.0.113.7" }));
  assertEquals(refusals.list(), [{
    cause: "unknown_key",
    requests: 14,
    addresses: [{ address: "203.0.113.7", requests: 9 }, { address: "198.51.100.2", requests: 5 }],
  }]);
});

Deno.test("list() counts requests that name a known key by that key and its state, whatever the reason", () => {
  const { refusals } = makeRefusals();
  const states: readonly KeyState[] = ["old_secret", "removed", "disabled", "expired", "old_version", "in_force"];
  for (const [index, state] of states.entries()) {
    const named = { name: "phone", state };
    repeat(10 - index, () => refusals.add("envelope", { address: "a", named }));
    // The address had failed too often already.
    refusals.add("address_rate", { address: "a", named });
  }
  assertEquals(
    refusals.list(),
    states.map((cause, index) => ({ cause, requests: 11 - index, key: "phone" })),
  );
});

Deno.test("list() counts opened requests by key and reason, with the last offset of the clock", () => {
  const { refusals } = makeRefusals();
  repeat(2, () => refusals.add("expired", { address: "a", key: "phone", clockOffset: 500 }));
  refusals.add("expired", { address: "a", key: "phone", clockOffset: -95.04 });
  repeat(2, () => refusals.add("scope", { address: "a", key: "guest" }));
  refusals.add("key_rate", { address: "a", key: "guest" });
  assertEquals(refusals.list(), [
    { cause: "clock", requests: 3, key: "phone", "clock_offset_seconds": -95 },
    { cause: "rights", requests: 2, key: "guest" },
    { cause: "key_rate", requests: 1, key: "guest" },
  ]);
});

Deno.test("list() can be serialized as JSON, whatever timestamp a client sends", () => {
  for (const clockOffset of [Number.MAX_VALUE, -Number.MAX_VALUE]) {
    const { refusals } = makeRefusals();
    refusals.add("expired", { address: "a", key: "phone", clockOffset });
    assertEquals(JSON.parse(JSON.stringify(refusals.list())), refusals.list());
  }
});

Deno.test("list() omits refusals on which no operator can act", () => {
  const { refusals } = makeRefusals();
  const reasons: readonly RefusalReason[] = ["route", "body", "stopping", "store", "busy"];
  for (const reason of reasons) refusals.add(reason, { address: "a" });
  for (const reason of ["field", "payload", "replay", "busy"] as const) {
    refusals.add(reason, { address: "a", key: "k" });
  }
  // Without an offset, the timestamp is before the start of the gateway.
  refusals.add("expired", { address: "a", key: "k" });
  assertEquals(refusals.list(), []);
});

Deno.test("list() drops a request after ten minutes and not earlier", () => {
  const { clock, refusals } = makeRefusals();
  refusals.add("envelope", { address: "a" });
  clock.ms += 5 * MINUTE_MS;
  refusals.add("envelope", { address: "b" });
  clock.ms += 5 * MINUTE_MS - 1;
  assertEquals(refusals.list()[0]?.requests, 2);
  clock.ms += MINUTE_MS;
  assertEquals(refusals.list()[0]?.addresses, [{ address: "b", requests: 1 }]);
  clock.ms += 60 * MINUTE_MS;
  assertEquals(refusals.list(), []);
});

Deno.test("add() has counters for 200 addresses or keys of a cause in each minute, and no more", () => {
  const { clock, refusals } = makeRefusals();
  repeat(200, (index) => refusals.add("envelope", { address: `early ${index}` }));
  repeat(5, () => refusals.add("envelope", { address: "late" }));
  repeat(200, (index) => refusals.add("scope", { address: "a", key: `early-${index}` }));
  repeat(5, () => refusals.add("scope", { address: "a", key: "late" }));
  const [unknown, ...keys] = refusals.list();
  assertEquals([unknown?.requests, unknown?.addresses?.map(({ requests }) => requests)], [205, Array(5).fill(1)]);
  assertEquals(keys.filter(({ key }) => key === "late"), []);
  // The next minute has room again.
  clock.ms += MINUTE_MS;
  repeat(5, () => refusals.add("envelope", { address: "late" }));
  refusals.add("scope", { address: "a", key: "late" });
  assertEquals(refusals.list()[0]?.addresses?.[0], { address: "late", requests: 5 });
});

Deno.test("list() stays short during a flood of addresses and keys, and lists all other causes", () => {
  const { clock, refusals } = makeRefusals();
  repeat(20, () => {
    repeat(2000, (index) => refusals.add("envelope", { address: `flood ${index}` }));
    repeat(2000, (index) => refusals.add("scope", { address: "a", key: `key ${index}` }));
    repeat(2000, (index) => refusals.add("address_rate", { address: `flood ${index}` }));
    repeat(2, () => refusals.add("cross_site", { address: "192.0.2.9" }));
    clock.ms += MINUTE_MS;
  });
  const list = refusals.list();
  const of = (cause: string) => list.filter((one) => one.cause === cause);
  assertEquals(of("unknown_key").map(({ requests }) => requests), [20_000]);
  assertEquals(of("unknown_key")[0]?.addresses?.length, 5);
  assertEquals(of("cross_site"), [{
    cause: "cross_site",
    requests: 20,
    addresses: [{ address: "192.0.2.9", requests: 20 }],
  }]);
  assertEquals(of("rights").map(({ requests }) => requests), Array(10).fill(10));
  assert(JSON.stringify(list).length < 10_000);
});

Deno.test("list() has a key whose requests are refused during a flood of addresses", () => {
  const { refusals } = makeRefusals();
  repeat(100_000, (index) => refusals.add("envelope", { address: `flood ${index}` }));
  refusals.add("envelope", { address: "192.0.2.1", named: { name: "annas-phone", state: "old_secret" } });
  assertEquals(refusals.list().at(-1), { cause: "old_secret", requests: 1, key: "annas-phone" });
});

Deno.test("createRefusalTelemetry() counts each refusal, and passes it on", () => {
  const { refusals } = makeRefusals();
  const inner = recordTelemetry();
  const telemetry = createRefusalTelemetry(inner, refusals);
  telemetry.refused("envelope", { address: "a" });
  telemetry.delivered(1);
  assertEquals([inner.recorded.refused, inner.recorded.delivered], [["envelope"], [1]]);
  assertEquals(refusals.list()[0]?.requests, 1);
});
