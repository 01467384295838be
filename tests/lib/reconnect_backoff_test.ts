import { assertEquals } from "@std/assert";
import { ReconnectBackoff } from "../../src/lib/reconnect_backoff.ts";

/** Returns the next waits. */
const waits = (backoff: ReconnectBackoff, count: number) => Array.from({ length: count }, () => backoff.next());

Deno.test("ReconnectBackoff waits 2 s at most after attempts that do not reach the server", () => {
  assertEquals(waits(new ReconnectBackoff(() => 0.9999), 1000).filter((wait) => wait > 2000), []);
  assertEquals(waits(new ReconnectBackoff(() => 0), 5), [250, 500, 1000, 1000, 1000]);
});

Deno.test("ReconnectBackoff waits up to 30 s after connections that soon end, also if attempts fail in between", () => {
  const backoff = new ReconnectBackoff(() => 0);
  const after = [];
  for (let connection = 0; connection < 8; connection++) {
    backoff.connectionEnded(10);
    after.push(backoff.next());
    assertEquals(waits(backoff, 2), [250, 500]);
  }
  assertEquals(after, [250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000]);
  backoff.connectionEnded(8 * 15_000);
  assertEquals(backoff.next(), 250);
});
