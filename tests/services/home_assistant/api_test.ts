import { assertEquals, assertRejects } from "@std/assert";
import { SYSTEM_CLOCK } from "../../../src/lib/clock.ts";
import { Deadlines } from "../../../src/lib/deadlines.ts";
import { type ApiOwner, createHomeAssistantApi } from "../../../src/services/home_assistant/api.ts";
import { ServiceError } from "../../../src/services/service.ts";
import { until, within } from "../../support/deadline.ts";

const ADDRESS = { place: "http://home", api: "http://home/api", webSocket: "", token: "token" };

/** API with small limits and an answer that a test gives. */
function makeApi(answer: (signal: AbortSignal) => Response | Promise<Response>, limits: { timeoutMs?: number } = {}) {
  const closing = new AbortController();
  let count = 0;
  const ask = createHomeAssistantApi({
    address: ADDRESS,
    limits: { timeoutMs: 10_000, maxResponseBytes: 300_000, maxCalls: 3, maxCallsPerKey: 2, ...limits },
    fetch(_, init) {
      count += 1;
      const signal = init?.signal ?? new AbortController().signal;
      return Promise.resolve(answer(signal));
    },
    deadlines: new Deadlines(SYSTEM_CLOCK, 1),
    closeSignal: closing.signal,
  });
  const held: (() => void)[] = [];
  const owner = (key: string): ApiOwner => ({ key, holdMemory: (release) => void held.push(release) });
  return { ask, owner, held, close: () => closing.abort(new Error("stopped")), sent: () => count };
}

const never = () => new Promise<Response>(() => {});

Deno.test("requests have a limit for each key and one for all keys", async () => {
  const { ask, owner, close, sent } = makeApi(never);
  const running = ["a", "a", "b"].map((key) => ask({ path: "/states" }, owner(key)).catch(() => {}));
  for (const key of ["a", "b", "c"]) {
    const error = await assertRejects(() => ask({ path: "/states" }, owner(key)), ServiceError);
    assertEquals([error.status, error.code, error.retryAfterSeconds], [429, "busy", 1]);
  }
  assertEquals(sent(), 3);
  close();
  await within("the requests end", Promise.all(running));
});

Deno.test("a request that fails says whether there was a connection, so that a device may have got it", async () => {
  for (const [reason, isUnsent] of [["client error (Connect): refused", true], ["connection closed", false]] as const) {
    const { ask, owner } = makeApi(() => Promise.reject(new TypeError("failed", { cause: new Error(reason) })));
    const error = await assertRejects(() => ask({ path: "/states" }, owner("a")), ServiceError);
    assertEquals([error.code, error.isUnsent], ["service_unreachable", isUnsent]);
  }
});

Deno.test("a request that has ended makes room for the next one, whether it was answered or not", async () => {
  const { ask, owner } = makeApi(() => Response.json([]));
  for (let count = 0; count < 10; count++) await ask({ path: "/states" }, owner("a"));
  const failing = makeApi(() => Promise.reject(new TypeError("failed")));
  for (let count = 0; count < 10; count++) {
    await assertRejects(() => failing.ask({ path: "/states" }, failing.owner("a")), ServiceError, "cannot be reached");
  }
});

Deno.test("a request ends at its timeout, before the answer and within it", async () => {
  const stalled = () => new Response(new ReadableStream({ start: (body) => body.enqueue(new Uint8Array(1)) }));
  for (const answer of [never, stalled]) {
    const { ask, owner } = makeApi(answer, { timeoutMs: 20 });
    const asking = assertRejects(() => ask({ path: "/states" }, owner("a")), ServiceError);
    await within("the timeout", asking);
    const error = await asking;
    assertEquals([error.status, error.code], [504, "service_timeout"]);
    assertEquals(error.message, "Home Assistant did not answer within 0.02 s");
  }
});

Deno.test("large answers of one key are read one after another, and hold memory until they are sealed", async () => {
  const { ask, owner, held } = makeApi(() => new Response(new Uint8Array(200_000)));
  assertEquals((await ask({ path: "/states" }, owner("a"))).bytes.length, 200_000);
  const second = ask({ path: "/states" }, owner("a"));
  // Another key has its own share.
  await ask({ path: "/states" }, owner("b"));
  assertEquals(held.length, 2);
  held[0]?.();
  await within("the second answer", second);
  await until("it holds memory, too", () => held.length === 3);
});

Deno.test("small answers hold no memory", async () => {
  const { ask, owner, held } = makeApi(() => Response.json([]));
  await ask({ path: "/states" }, owner("a"));
  assertEquals(held, []);
});
