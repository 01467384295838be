/** The parts of the fuzzer: what it makes is what it says, and the same again from the same seed. */
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { createTally, runCampaign } from "../../tools/fuzz/run_requests.ts";
import { damage } from "../../tools/fuzz/corrupt.ts";
import { hostilePayload } from "../../tools/fuzz/hostile_payload.ts";
import { httpTrick } from "../../tools/fuzz/malformed_http.ts";
import { judge } from "../../tools/fuzz/check_answer.ts";
import { fuzzRates, limitFaults } from "../../tools/fuzz/limits.ts";
import { makeAttempt } from "../../tools/fuzz/make_request.ts";
import { grantedRequest, ungrantedRequest } from "../../tools/fuzz/key_requests.ts";
import { Seeded } from "../../tools/fuzz/seeded_random.ts";
import { makeTargetRecords, type Target, targetOf } from "../../tools/fuzz/target.ts";
import { startPermissiveGateway } from "./permissive_gateway.ts";

Deno.test("Seeded draws the same from the same seed and place, and other things from others", () => {
  const draw = (seed: number, place: number) => new Seeded(seed, place).bytes(16).toHex();
  assertEquals(draw(1, 2), draw(1, 2));
  assertEquals(new Set([draw(1, 2), draw(1, 3), draw(2, 2), draw(2, 1)]).size, 4);
  const random = new Seeded(5);
  const counts = [0, 0, 0, 0];
  for (let index = 0; index < 4000; index++) counts[random.below(4)] = (counts[random.below(4)] ?? 0) + 1;
  assert(counts.every((count) => count > 800 && count < 1200), String(counts));
});

Deno.test("hostilePayload() and httpTrick() make the same again from the same seed", () => {
  for (let place = 0; place < 300; place++) {
    const payload = () => hostilePayload(new Seeded(7, place), "/gateway", 1000);
    assertEquals(payload(), payload());
    assertEquals(httpTrick(new Seeded(7, place)), httpTrick(new Seeded(7, place)));
  }
});

Deno.test("hostilePayload() makes payloads that are JSON, ones that are not, and ones that are right", () => {
  let [json, right] = [0, 0];
  for (let place = 0; place < 500; place++) {
    try {
      const payload = JSON.parse(hostilePayload(new Seeded(3, place), "/mqtt/publish", 1000));
      json += 1;
      if (payload.timestamp === 1000 && payload.topic?.startsWith("fuzz/") && payload.message === "21.5") right += 1;
    } catch {
      // Meant to be.
    }
  }
  assert(json > 300 && json < 500 && right > 50 && right < json, `${json} JSON, ${right} right`);
});

Deno.test("damage() never leaves a text as it was, whatever white space is worth", () => {
  const [one, other] = ["2.0123456789abcdef.AAAABBBBCCCC", "2.0123456789abcdef.DDDDEEEEFFFF"];
  for (let place = 0; place < 2000; place++) {
    const { text } = damage(new Seeded(9, place), one, other);
    assertNotEquals(text.replace(/\s/g, ""), one);
    assertNotEquals(text.replace(/\s/g, ""), other);
  }
});

Deno.test("judge() finds fault with what docs/protocol.md does not know", async () => {
  const plain = (status: number, body: string) => ({
    status,
    body,
    headers: new Map([["content-type", "application/json"]]),
    isOpen: true,
  });
  const fault = async (status: number, body: string) =>
    (await judge(plain(status, body), { port: "public", exchange: undefined })).fault;
  assertEquals(await fault(401, '{"error":"Decryption failed"}'), undefined);
  assertEquals(await fault(404, '{"error":"Not found"}'), undefined);
  assert(await fault(401, '{"error":"Decryption failed: wrong tag"}') !== undefined);
  assert(await fault(500, '{"error":"Internal error"}') !== undefined);
  assert(await fault(418, "") !== undefined);
});

Deno.test("ungrantedRequest() and grantedRequest() draw the same again from the same seed", () => {
  for (let place = 0; place < 300; place++) {
    assertEquals(ungrantedRequest(new Seeded(7, place)), ungrantedRequest(new Seeded(7, place)));
    assertEquals(grantedRequest(new Seeded(7, place), true), grantedRequest(new Seeded(7, place), true));
  }
});

Deno.test("limitFaults() finds fault with a limit that is passed, and with one that lets nothing through", () => {
  const result = { name: "key", sent: 100, passed: 12, atMost: 13.5 };
  assertEquals(limitFaults([result]), []);
  assertEquals(limitFaults([{ ...result, passed: 14 }]), ["key: 14 of 100 passed, 13 at most may"]);
  assertEquals(limitFaults([{ ...result, passed: 0 }]), ["key: none of 100 passed"]);
});

/** Runs a test against a gateway that checks nothing. */
async function withPermissiveGateway(test: (target: Target) => Promise<void>): Promise<void> {
  let target: Target | undefined;
  const gateway = startPermissiveGateway(() => target?.keys);
  try {
    target = await targetOf({ url: gateway.url, metricsUrl: undefined, key: "ab".repeat(32) }, makeTargetRecords());
    await test(target);
  } finally {
    await gateway.stop();
  }
}

Deno.test("a campaign finds fault with each kind of check that a gateway lacks", () =>
  withPermissiveGateway(async (target) => {
    const tally = createTally();
    const make = (place: number) => makeAttempt(place, { seed: 3, target, spread: false });
    await runCampaign({ ports: target.ports, make, places: { from: 0, to: 1500 }, connections: 8 }, tally);
    const found = [...tally.faultsByKind.keys()].toSorted();
    const missing = [
      "dead key: disabled",
      "dead key: expired",
      "dead key: modern",
      "dead key: named",
      "dead key: replaced",
      "metrics for another host",
      "nonce reused",
      "not granted: $ beyond $SYS/#",
      "not granted: API key",
      "not granted: bad call",
      "not granted: bad endpoint",
      "not granted: bad field",
      "not granted: bad filter",
      "not granted: bad topic",
      "not granted: broker",
      "not granted: dangerous method",
      "not granted: endpoint",
      "not granted: login",
      "not granted: method",
      "not granted: other command",
      "not granted: plugin",
      "not granted: publish elsewhere",
      "not granted: publish to $",
      "not granted: service",
      "not granted: subscribe to $",
      "not granted: subscribe wider",
      "not granted: too many filters",
      "other key",
      "own message as a request",
      "repeated as a subscription",
      "repeated elsewhere",
      "right, repeated",
      "stale",
    ].filter((kind) => !found.includes(kind));
    assertEquals(missing, []);
    // Right requests are served, and what no key opens is refused as it must be.
    const innocent = found.filter((kind) =>
      /^(right|granted|damaged|garbage)/.test(kind) && kind !== "right, repeated"
    );
    assertEquals(innocent, []);
  }));

Deno.test("floods find fault with each rate limit that a gateway lacks", () =>
  withPermissiveGateway(async (target) => {
    const results = await fuzzRates(target);
    // Each flood that would run; what is garbage to this gateway, too, fails as often as it comes.
    assertEquals(limitFaults(results).length, results.length, JSON.stringify(results));
  }));
