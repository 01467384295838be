import { assert } from "@std/assert";
import { payloadWeight } from "../../src/gateway/payload_weight.ts";

Deno.test("payloadWeight() counts values as well as characters", () => {
  const text = JSON.stringify({ message: "x".repeat(300_000) });
  const lists = JSON.stringify({ params: { list: Array(100_000).fill([]) } });
  assert(payloadWeight(text) < 5 * text.length);
  assert(payloadWeight(lists) > 25 * lists.length);
});
