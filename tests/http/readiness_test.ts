import { assertEquals } from "@std/assert";
import { Readiness, type ReadinessOptions } from "../../src/http/readiness.ts";
import { until } from "../support/deadline.ts";
import { FakeTime } from "../support/fake_time.ts";
import { settle } from "../support/settle.ts";

const well = () => Promise.resolve();

function makeReadiness(options: Partial<ReadinessOptions> = {}) {
  const lines: string[] = [];
  const tell = (message: string, properties: Record<string, unknown> = {}) =>
    void lines.push(message.replace(/\{(\w+)\}/g, (_, name) => String(properties[name])));
  const readiness = new Readiness({
    checks: { broker: well, jeedom: well, "replay_store": well },
    needs: ["broker", "jeedom", "replay_store"],
    isClockWrong: () => false,
    everyMs: 15_000,
    monotonic: () => 0,
    log: { info: tell, warn: tell },
    ...options,
  });
  return { readiness, lines };
}

Deno.test("nothing is ready before its first check, and everything after it", async () => {
  const { readiness, lines } = makeReadiness();
  assertEquals(readiness.failing, ["broker", "jeedom", "replay_store"]);
  assertEquals([...readiness.up], []);
  readiness.start();
  await until("ready", () => readiness.isReady);
  assertEquals([readiness.failing, lines], [[], []]);
  readiness.close();
});

Deno.test("a part is looked at again and again, and each change is told once", async () => {
  using time = new FakeTime();
  let fault: string | undefined = "Connection refused";
  const broker = () => fault === undefined ? Promise.resolve() : Promise.reject(new Error(fault));
  const { readiness, lines } = makeReadiness({ checks: { broker, jeedom: well, "replay_store": well } });
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

Deno.test("a check that hangs has failed after five seconds", async () => {
  using time = new FakeTime();
  let asked = 0;
  const hang = () => {
    asked += 1;
    return new Promise<void>(() => {});
  };
  const { readiness, lines } = makeReadiness({ checks: { broker: well, jeedom: hang, "replay_store": well } });
  readiness.start();
  time.pass(4999);
  await settle();
  assertEquals([readiness.up.get("jeedom"), asked], [undefined, 1]);
  time.pass(1);
  await settle();
  assertEquals([readiness.up.get("jeedom"), lines], [false, ["Check of jeedom failed: No answer within 5 s"]]);
  readiness.close();
});

Deno.test("its age is that of the oldest check, and none before the first", async () => {
  using time = new FakeTime();
  let now = 1000;
  const checks = { broker: well, jeedom: () => new Promise<void>(() => {}), "replay_store": well };
  const { readiness } = makeReadiness({ checks, monotonic: () => now });
  assertEquals(readiness.ageSeconds, undefined);
  readiness.start();
  await settle();
  now += 4000;
  assertEquals(readiness.ageSeconds, 4);
  // A part that hangs is checked when its time is over.
  now += 1000;
  time.pass(5000);
  await settle();
  now += 10_000;
  time.pass(10_000);
  await settle();
  assertEquals(readiness.ageSeconds, 10);
  readiness.close();
});

Deno.test("a part that is not needed is looked at, and keeps nothing from being ready", async () => {
  const checks = { broker: well, jeedom: () => Promise.reject(new Error("Nobody there")), "replay_store": well };
  const { readiness } = makeReadiness({ checks, needs: ["broker", "replay_store"] });
  readiness.start();
  await until("ready", () => readiness.isReady);
  assertEquals(readiness.up.get("jeedom"), false);
  readiness.close();
});

Deno.test("a gateway that stops is not ready, whatever the parts say", async () => {
  const { readiness } = makeReadiness();
  readiness.start();
  await until("ready", () => readiness.isReady);
  readiness.stop();
  assertEquals([readiness.isReady, readiness.failing], [false, ["stopping"]]);
  readiness.close();
});

Deno.test("nothing is looked at or told after the end", async () => {
  const answer = Promise.withResolvers<void>();
  const { readiness, lines } = makeReadiness({
    checks: { broker: () => answer.promise, jeedom: well, "replay_store": well },
  });
  readiness.start();
  readiness.close();
  answer.reject(new Error("Late"));
  await settle();
  assertEquals([lines, [...readiness.up]], [[], []]);
});

Deno.test("a gateway whose clock was wrong at its start is not ready, until it is right", async () => {
  let isClockWrong = true;
  const { readiness } = makeReadiness({ isClockWrong: () => isClockWrong });
  readiness.start();
  await until("all parts answered", () => readiness.up.size === 3);
  assertEquals([readiness.isReady, readiness.failing], [false, ["clock"]]);
  isClockWrong = false;
  assertEquals([readiness.isReady, readiness.failing], [true, []]);
  readiness.close();
});
