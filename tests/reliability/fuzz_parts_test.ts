/** The parts of the fuzzer: what it makes is what it says, and the same again from the same seed. */
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { damage } from "../../reliability/fuzz/damage.ts";
import { hostilePayload } from "../../reliability/fuzz/hostile_payload.ts";
import { httpTrick } from "../../reliability/fuzz/http_tricks.ts";
import { judge } from "../../reliability/fuzz/judge.ts";
import { Seeded } from "../../reliability/fuzz/seeded.ts";

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
