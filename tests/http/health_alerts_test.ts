import { assertEquals, assertThrows } from "@std/assert";
import { Readiness } from "../../src/http/health.ts";
import { createHealthAlertSource } from "../../src/http/health_alerts.ts";
import { Scope, ScopeError } from "../../src/keys/rights.ts";
import { FakeTime } from "../support/fake_time.ts";
import { settle } from "../support/settle.ts";

const succeed = () => Promise.resolve();

/** Readiness whose broker fails while a fault is set, with the source of its changes. */
function makeSource() {
  const state = { isUp: true };
  const readiness = new Readiness({
    checks: {
      broker: () => state.isUp ? succeed() : Promise.reject(new Error("Connection refused by 10.0.0.7")),
      house: succeed,
      "replay_store": succeed,
    },
    ...{ needs: [], isClockWrong: () => false, everyMs: 1000, monotonic: () => 0 },
    log: { info() {}, warn() {} },
  });
  const services = new Map([["broker", [{ name: "mqtt" }]], ["house", [{ name: "house" }, { name: "other" }]]]);
  return { readiness, state, source: createHealthAlertSource({ readiness, services }) };
}

const GUEST = new Scope({ mqtt: {} });

Deno.test("the source of health passes changes after the first check, without their reasons", async () => {
  using time = new FakeTime();
  const { readiness, state, source } = makeSource();
  const events: string[] = [];
  const listener = {
    ...{ owner: "guest", scope: GUEST, onReady: () => void events.push("ready"), onEnded() {} },
    onEvent: ({ subject, text, isRetained }: { subject: string; text: string | undefined; isRetained: boolean }) =>
      void events.push(`${subject} ${text}${isRetained ? " retained" : ""}`),
  };
  const stop = source.listen(["*"], listener);
  readiness.start();
  await settle();
  assertEquals(events, ["ready", "broker up retained", "replay_store up retained"]);
  state.isUp = false;
  for (let check = 0; check < 3; check++) {
    time.pass(1000);
    await settle();
  }
  state.isUp = true;
  time.pass(1000);
  await settle();
  assertEquals(events.slice(3), ["broker down", "broker up"]);
  stop();
  const late: string[] = [];
  source.listen(["broker"], { ...listener, onReady() {}, onEvent: ({ subject }) => void late.push(subject) });
  source.listen(["broker"], { ...listener, onReady: () => void late.push("stopped") })();
  await settle();
  assertEquals([events.length, late], [5, ["broker"]]);
  readiness.close();
});

Deno.test("the source of health refuses dependencies of services that the key is not granted, and unknown ones", () => {
  const { source } = makeSource();
  source.authorize(["*", "broker", "replay_store"], GUEST);
  assertEquals(source.grantsInPart, true);
  for (const name of ["house", "unknown"]) {
    assertThrows(() => source.authorize([name], GUEST), ScopeError, `receive the health of ${name}`);
  }
  source.authorize(["house"], new Scope({ other: {} }));
});
