/** Parts of the fuzzer: requests are reproducible, and faults of a gateway are found. */
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { createCounts, runRequests } from "../../tools/fuzz/run_requests.ts";
import { corruptText } from "../../tools/fuzz/corrupt.ts";
import { hostilePayload } from "../../tools/fuzz/hostile_payload.ts";
import { malformedHttp } from "../../tools/fuzz/malformed_http.ts";
import { checkAnswer } from "../../tools/fuzz/check_answer.ts";
import { fuzzRates, limitFaults } from "../../tools/fuzz/limits.ts";
import { makeFuzzRequest } from "../../tools/fuzz/make_request.ts";
import { grantedRequest, ungrantedRequest } from "../../tools/fuzz/key_requests.ts";
import { SeededRandom } from "../../tools/fuzz/seeded_random.ts";
import { makeTarget, makeTargetRecords, type Target } from "../../tools/fuzz/target.ts";
import { startPermissiveGateway } from "./permissive_gateway.ts";

Deno.test("SeededRandom returns the same values for the same seed and index, and others otherwise", () => {
  const draw = (seed: number, index: number) => new SeededRandom(seed, index).bytes(16).toHex();
  assertEquals(draw(1, 2), draw(1, 2));
  assertEquals(new Set([draw(1, 2), draw(1, 3), draw(2, 2), draw(2, 1)]).size, 4);
  const random = new SeededRandom(5);
  const counts = [0, 0, 0, 0];
  for (let index = 0; index < 4000; index++) counts[random.below(4)] = (counts[random.below(4)] ?? 0) + 1;
  assert(counts.every((count) => count > 800 && count < 1200), String(counts));
});

Deno.test("hostilePayload() and malformedHttp() return the same values for the same seed", () => {
  for (let index = 0; index < 300; index++) {
    const payload = () => hostilePayload(new SeededRandom(7, index), "/gateway", 1000);
    assertEquals(payload(), payload());
    assertEquals(malformedHttp(new SeededRandom(7, index)), malformedHttp(new SeededRandom(7, index)));
  }
});

Deno.test("hostilePayload() returns valid payloads, invalid ones, and text that is not JSON", () => {
  let [json, valid] = [0, 0];
  for (let index = 0; index < 500; index++) {
    try {
      const payload = JSON.parse(hostilePayload(new SeededRandom(3, index), "/mqtt/publish", 1000));
      json += 1;
      if (payload.timestamp === 1000 && payload.topic?.startsWith("fuzz/") && payload.message === "21.5") valid += 1;
    } catch {
      // Not JSON.
    }
  }
  assert(json > 300 && json < 500 && valid > 50 && valid < json, `${json} JSON, ${valid} valid`);
});

Deno.test("corruptText() always changes more than white space", () => {
  const [one, other] = ["2.0123456789abcdef.AAAABBBBCCCC", "2.0123456789abcdef.DDDDEEEEFFFF"];
  for (let index = 0; index < 2000; index++) {
    const { text } = corruptText(new SeededRandom(9, index), one, other);
    assertNotEquals(text.replace(/\s/g, ""), one);
    assertNotEquals(text.replace(/\s/g, ""), other);
  }
});

Deno.test("checkAnswer() returns a fault for answers that docs/protocol.md does not allow", async () => {
  const plain = (status: number, body: string) => ({
    status,
    body,
    headers: new Map([["content-type", "application/json"]]),
    isOpen: true,
  });
  const fault = async (status: number, body: string) =>
    (await checkAnswer(plain(status, body), { port: "public", exchange: undefined })).fault;
  assertEquals(await fault(401, '{"error":"Decryption failed"}'), undefined);
  assertEquals(await fault(404, '{"error":"Not found"}'), undefined);
  assert(await fault(401, '{"error":"Decryption failed: wrong tag"}') !== undefined);
  assert(await fault(500, '{"error":"Internal error"}') !== undefined);
  assert(await fault(418, "") !== undefined);
});

Deno.test("ungrantedRequest() and grantedRequest() return the same requests for the same seed", () => {
  for (let index = 0; index < 300; index++) {
    assertEquals(ungrantedRequest(new SeededRandom(7, index)), ungrantedRequest(new SeededRandom(7, index)));
    assertEquals(grantedRequest(new SeededRandom(7, index), true), grantedRequest(new SeededRandom(7, index), true));
  }
});

Deno.test("limitFaults() returns a fault for an exceeded limit, and for one that nothing passes", () => {
  const result = { name: "key", sent: 100, passed: 12, atMost: 13.5 };
  assertEquals(limitFaults([result]), []);
  assertEquals(limitFaults([{ ...result, passed: 14 }]), ["key: 14 of 100 passed, at most 13 are allowed"]);
  assertEquals(limitFaults([{ ...result, passed: 0 }]), ["key: none of 100 passed"]);
});

/** Runs a test against a gateway without checks. */
async function withPermissiveGateway(test: (target: Target) => Promise<void>): Promise<void> {
  let target: Target | undefined;
  const gateway = startPermissiveGateway(() => target?.keys);
  try {
    target = await makeTarget({ url: gateway.url, metricsUrl: undefined, key: "ab".repeat(32) }, makeTargetRecords());
    await test(target);
  } finally {
    await gateway.stop();
  }
}

Deno.test("runRequests() finds each kind of check that a gateway lacks", () =>
  withPermissiveGateway(async (target) => {
    const counts = createCounts();
    const make = (index: number) => makeFuzzRequest(index, { seed: 3, target, spread: false });
    await runRequests({ ports: target.ports, make, indexes: { from: 0, to: 1500 }, connections: 8 }, counts);
    const found = [...counts.faultsByKind.keys()].toSorted();
    const missing = [
      "rejected key: disabled",
      "rejected key: expired",
      "rejected key: modern",
      "rejected key: named",
      "rejected key: replaced",
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
      "repeated on another route",
      "valid, repeated",
      "stale",
    ].filter((kind) => !found.includes(kind));
    assertEquals(missing, []);
    // Valid requests succeed, and unauthenticated ones are refused.
    const unexpected = found.filter((kind) =>
      /^(valid|granted|corrupted|garbage)/.test(kind) && kind !== "valid, repeated"
    );
    assertEquals(unexpected, []);
  }));

Deno.test("fuzzRates() finds each rate limit that a gateway lacks", () =>
  withPermissiveGateway(async (target) => {
    const results = await fuzzRates(target);
    // Garbage fails at this gateway, too, every time.
    assertEquals(limitFaults(results).length, results.length, JSON.stringify(results));
  }));
