/** Ends of the calls of other servers. */
import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import type { Deadlines } from "../../src/lib/deadlines.ts";
import { runLimited } from "../../src/services/limited_call.ts";
import { ServiceError } from "../../src/services/service.ts";

/** Limits of a call, and the functions that end it. */
function makeLimits() {
  const closing = new AbortController();
  const pending = new Set<() => void>();
  const deadlines: Pick<Deadlines, "add"> = {
    add(_ms, onExpire) {
      pending.add(onExpire);
      return { clear: () => void pending.delete(onExpire) };
    },
  };
  const limits = { name: "Server", timeoutMs: 1500, deadlines, closeSignal: closing.signal };
  return { limits, pending, stop: () => closing.abort(), expire: () => [...pending].forEach((end) => end()) };
}

/** A call that ends only by its signal, or not even by that. */
const hang = () => new Promise<never>(() => {});

Deno.test("runLimited() returns the result of the call, aborts its signal then, and leaves no time limit behind", async () => {
  const { limits, pending } = makeLimits();
  let given: AbortSignal | undefined;
  const result = await runLimited((signal) => {
    given = signal;
    return Promise.resolve(signal.aborted);
  }, limits);
  assertEquals([result, given?.aborted, pending.size], [false, true, 0]);
});

Deno.test("runLimited() ends a call at its time limit, and when the gateway stops, whether or not it heeds its signal", async () => {
  for (const [end, status, code] of [["expire", 504, "service_timeout"], ["stop", 503, "restart"]] as const) {
    const made = makeLimits();
    let given: AbortSignal | undefined;
    const call = runLimited((signal) => {
      given = signal;
      return hang();
    }, made.limits);
    made[end]();
    const error = await assertRejects(() => call, ServiceError);
    assertEquals([error.status, error.code, error.isUnsent, made.pending.size], [status, code, false, 0]);
    assertStrictEquals(given?.reason, error);
  }
});

Deno.test("runLimited() sends nothing once the gateway stops, and passes other errors on", async () => {
  const { limits, stop } = makeLimits();
  await assertRejects(() => runLimited(() => Promise.reject(new TypeError("broken")), limits), TypeError, "broken");
  stop();
  let calls = 0;
  const error = await assertRejects(() => runLimited(() => Promise.resolve(calls++), limits), ServiceError);
  assertEquals([error.code, error.isUnsent, calls], ["restart", true, 0]);
});
