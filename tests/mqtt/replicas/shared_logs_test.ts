/** Logs of logins that requests name: their limits, and their sums. */
import { assertEquals } from "@std/assert";
import { Duplex } from "node:stream";
import { SYSTEM_CLOCK } from "../../../src/lib/clock.ts";
import { type BrokerAddress, BrokerError } from "../../../src/mqtt/broker.ts";
import { MemoryHistory } from "../../../src/mqtt/hub/memory_history.ts";
import { Replica } from "../../../src/mqtt/replicas/replica.ts";
import { MAX_LOGIN_LOGS, SharedLogs } from "../../../src/mqtt/replicas/shared_logs.ts";
import { FakeBroker, RecordingSubscriber } from "../../support/hub.ts";
import { MemoryLogServer } from "../../support/memory_event_log.ts";
import { until } from "../../support/deadline.ts";

const CLOSED = new BrokerError("Idle");
const memory = new MemoryHistory({ epoch: "", limits: { resumeBytes: 1_000_000 } });

function loginOf(username: string): BrokerAddress {
  return { host: "broker", port: 1883, username, password: "secret" };
}

/** Makes logs whose replicas have a server of their own each. */
function makeLogs(): SharedLogs {
  return new SharedLogs({
    defaultHub: undefined,
    make: (address, memory) => {
      const [session, own] = [new FakeBroker(), new FakeBroker()];
      return new Replica({
        log: new MemoryLogServer().open(),
        replica: "replica",
        broker: {
          address,
          connect: (address, options) => (options.session === undefined ? own : session).connect(address, options),
          timeoutMs: 10_000,
        },
        isLoginOfRequest: true,
        clientId: () => "gateway",
        hub: {
          limits: { resumeSeconds: 60 },
          backpressure: () => undefined,
          random: () => 0,
          onFault: (error) => {
            throw error;
          },
        },
        memory,
        clock: SYSTEM_CLOCK,
        newToken: () => "token",
        onChange: () => {},
        onInterrupted: () => {},
        onLeftOut: () => {},
      });
    },
  });
}

Deno.test("make() has two logs for one owner, and no more than its limit for all, until others are closed", async () => {
  const logs = makeLogs();
  const make = (owner: string, username: string) => logs.make(loginOf(username), { owner, memory });
  const [first] = [make("phone", "one"), make("phone", "two")];
  assertEquals([make("phone", "three"), logs.logins], [undefined, 2]);
  for (let index = 2; index < MAX_LOGIN_LOGS; index++) make(`owner ${index}`, `${index}`);
  assertEquals([make("late", "late"), logs.logins], [undefined, MAX_LOGIN_LOGS]);
  await first?.close(CLOSED);
  assertEquals([make("late", "late") === undefined, logs.logins], [false, MAX_LOGIN_LOGS]);
  await logs.close(CLOSED);
  assertEquals(logs.logins, 0);
});

Deno.test("make() leaves an embedded broker to this process", () => {
  const open = () => new Duplex();
  assertEquals(makeLogs().make({ ...loginOf("phone"), open }, { owner: "phone", memory }), undefined);
});

Deno.test("counts of a closed log stay", async () => {
  const logs = makeLogs();
  const shared = logs.make(loginOf("phone"), { owner: "phone", memory });
  const phone = new RecordingSubscriber(["door"]);
  shared?.open({ onClosedWhileSubscribing() {}, onRefused() {} }).subscribe(phone);
  await until("it is connected", () => phone.events.includes("connected"));
  const counts = [logs.takeovers, logs.gaps];
  assertEquals(counts, [1, 1]);
  await shared?.close(CLOSED);
  assertEquals([logs.takeovers, logs.gaps, logs.lag], [1, 1, 0]);
});
