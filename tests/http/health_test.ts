import { assertEquals } from "@std/assert";
import { Readiness, type ReadinessOptions } from "../../src/http/health.ts";
import { until } from "../support/deadline.ts";
import { FakeTime } from "../support/fake_time.ts";
import { settle } from "../support/settle.ts";

const succeed = () => Promise.resolve();

function makeReadiness(options: Partial<ReadinessOptions> = {}) {
  const lines: string[] = [];
  const log = (message: string, properties: Record<string, unknown> = {}) =>
    void lines.push(message.replace(/\{(\w+)\}/g, (_, name) => String(properties[name])));
  const readiness = new Readiness({
    checks: { broker: succeed, jeedom: succeed, "replay_store": succeed },
    needs: ["broker", "jeedom", "replay_store"],
    isClockWrong: () => false,
    everyMs: 15_000,
    monotonic: () => 0,
    log: { info: log, warn: log },
    ...options,
  });
  return { readiness, lines };
}

Deno.test("Readiness is not ready before the first checks, and ready after them", async () => {
  const { readiness, lines } = makeReadiness();
  assertEquals(readiness.failing, ["broker", "jeedom", "replay_store"]);
  assertEquals([...readiness.up], []);
  readiness.start();
  await until("ready", () => readiness.isReady);
  assertEquals([readiness.failing, lines], [[], []]);
  readiness.close();
});

Deno.test("Readiness checks a dependency repeatedly, and logs each change once", async () => {
  using time = new FakeTime();
  let fault: string | undefined = "Connection refused";
  const broker = () => fault === undefined ? Promise.resolve() : Promise.reject(new Error(fault));
  const { readiness, lines } = makeReadiness({ checks: { broker, jeedom: succeed, "replay_store": succeed } });
  readiness.start();
  await settle();
  assertEquals(readiness.failing, ["broker"]);
  time.pass(15_000);
  await settle();
  assertEquals(lines, ["Check of broker failed: Connection refused"]);
  fault = undefined;
  time.pass(14_999);
  await settle();
  assertEquals(readiness.isReady, false);
  time.pass(1);
  await settle();
  assertEquals(readiness.isReady, true);
  assertEquals(lines, ["Check of broker failed: Connection refused", "Check of broker succeeds again"]);
  readiness.close();
});

Deno.test("a check that does not settle fails after five seconds", async () => {
  using time = new FakeTime();
  let checks = 0;
  const hang = () => {
    checks += 1;
    return new Promise<void>(() => {});
  };
  const { readiness, lines } = makeReadiness({ checks: { broker: succeed, jeedom: hang, "replay_store": succeed } });
  readiness.start();
  time.pass(4999);
  await settle();
  assertEquals([readiness.up.get("jeedom"), checks], [undefined, 1]);
  time.pass(1);
  await settle();
  assertEquals([readiness.up.get("jeedom"), lines], [false, ["Check of jeedom failed: No answer within 5 s"]]);
  readiness.close();
});

Deno.test("ageSeconds is the age of the oldest check, and undefined before the first", async () => {
  using time = new FakeTime();
  let now = 1000;
  const checks = { broker: succeed, jeedom: () => new Promise<void>(() => {}), "replay_store": succeed };
  const { readiness } = makeReadiness({ checks, monotonic: () => now });
  assertEquals(readiness.ageSeconds, undefined);
  readiness.start();
  await settle();
  now += 4000;
  assertEquals(readiness.ageSeconds, 4);
  // A check that does not settle counts when its time is over.
  now += 1000;
  time.pass(5000);
  await settle();
  now += 10_000;
  time.pass(10_000);
  await settle();
  assertEquals(readiness.ageSeconds, 10);
  readiness.close();
});

Deno.test("Readiness checks a dependency that is not needed, and is ready without it", async () => {
  const checks = {
    broker: succeed,
    jeedom: () => Promise.reject(new Error("Connection refused")),
    "replay_store": succeed,
  };
  const { readiness } = makeReadiness({ checks, needs: ["broker", "replay_store"] });
  readiness.start();
  await until("ready", () => readiness.isReady);
  assertEquals(readiness.up.get("jeedom"), false);
  readiness.close();
});

Deno.test("Readiness does not wait for a dependency without a check, as that of a service that is not configured", async () => {
  const { readiness } = makeReadiness({ needs: ["broker", "home_assistant", "replay_store"] });
  assertEquals(readiness.failing, ["broker", "replay_store"]);
  readiness.start();
  await until("ready", () => readiness.isReady);
  readiness.close();
});

Deno.test("Readiness is not ready after stop(), whatever the checks show", async () => {
  const { readiness } = makeReadiness();
  readiness.start();
  await until("ready", () => readiness.isReady);
  readiness.stop();
  assertEquals([readiness.isReady, readiness.failing], [false, ["stopping"]]);
  readiness.close();
});

Deno.test("Readiness checks and logs nothing after close()", async () => {
  const answer = Promise.withResolvers<void>();
  const { readiness, lines } = makeReadiness({
    checks: { broker: () => answer.promise, jeedom: succeed, "replay_store": succeed },
  });
  readiness.start();
  readiness.close();
  answer.reject(new Error("Late"));
  await settle();
  assertEquals([lines, [...readiness.up]], [[], []]);
});

Deno.test("Readiness is not ready while the clock is wrong", async () => {
  let isClockWrong = true;
  const { readiness } = makeReadiness({ isClockWrong: () => isClockWrong });
  readiness.start();
  await until("all checks ended", () => readiness.up.size === 3);
  assertEquals([readiness.isReady, readiness.failing], [false, ["clock"]]);
  isClockWrong = false;
  assertEquals([readiness.isReady, readiness.failing], [true, []]);
  readiness.close();
});
