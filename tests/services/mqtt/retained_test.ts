import { assertEquals, assertRejects } from "@std/assert";
import { BrokerError } from "../../../src/mqtt/broker.ts";
import type { Subscriber } from "../../../src/mqtt/hub/subscriber.ts";
import { MAX_RETAINED_BYTES, readRetained } from "../../../src/services/mqtt/retained.ts";
import { ServiceError } from "../../../src/services/service.ts";
import { makeBroker } from "../../support/fake_broker.ts";
import { makeGateway, makeRecord } from "../../support/gateway.ts";

const ADDRESS = { host: "broker", port: 1883 };

const utf8 = new TextEncoder();

/** Reads a retained message of a fake broker, whose answers `act` makes. */
function read(act: (subscriber: Subscriber, expire: () => void) => void) {
  const state = { removed: 0, pending: 0 };
  let expire = () => {};
  const message = readRetained(ADDRESS, { topic: "home/gate", owner: "phone" }, {
    brokers: {
      listen(_address, subscriber) {
        queueMicrotask(() => act(subscriber, () => expire()));
        return () => void (state.removed += 1);
      },
    },
    deadlines: {
      add(_ms, onExpire) {
        expire = onExpire;
        state.pending += 1;
        return { clear: () => void (state.pending -= 1) };
      },
    },
  });
  return { message, state };
}

const received = (payload: string) => ({
  position: { epoch: "e", offset: 1 },
  topic: "home/gate",
  payload,
  payloadBytes: utf8.encode(payload).length,
  qos: 0 as const,
  retain: true,
  receivedAt: 0,
});

Deno.test("readRetained() returns the message that the broker sends after its grant, and unsubscribes", async () => {
  const { message, state } = read((subscriber) => {
    subscriber.connected(undefined);
    subscriber.message(received("open"), true);
    subscriber.message(received("later"), false);
  });
  assertEquals((await message)?.payload, "open");
  assertEquals(state, { removed: 1, pending: 0 });
});

Deno.test("readRetained() returns nothing when no message follows the grant in time", async () => {
  const { message, state } = read((subscriber, expire) => {
    subscriber.connected(undefined);
    expire();
  });
  assertEquals(await message, undefined);
  assertEquals(state, { removed: 1, pending: 0 });
});

Deno.test("readRetained() fails when the broker does, and when the message is too large", async () => {
  const lost = read((subscriber) => subscriber.ended(new BrokerError("Connection lost")));
  const error = await assertRejects(() => lost.message, ServiceError, "MQTT error: Connection lost");
  assertEquals([error.status, error.code, lost.state.removed], [500, "broker", 1]);
  const large = read((subscriber) => {
    subscriber.connected(undefined);
    subscriber.message(received("x".repeat(MAX_RETAINED_BYTES + 1)), true);
  });
  await assertRejects(() => large.message, ServiceError, "larger than 16384 bytes");
});

Deno.test("a request for a retained message answers its payload, for a key that may subscribe to its topic", async () => {
  const { state, connect } = makeBroker();
  await using gateway = await makeGateway({ connect, services: (mqtt) => [mqtt] });
  const record = makeRecord({ name: "phone", services: ["mqtt"], subscribe: ["home/#"], publish: ["#"] });
  await gateway.keyring.replace({ single: undefined, records: [record] });
  const phone = await gateway.phone(record.secret);
  const ask = (payload: Record<string, unknown>) => phone.request("/gateway", { service: "mqtt", ...payload });
  const answer = ask({ retained: "home/gate" });
  while (state.subscriptions.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  await state.deliver({ topic: "home/gate", payload: utf8.encode("open"), qos: 0, retain: true });
  const { status, body } = await answer;
  assertEquals([status, body], [200, { topic: "home/gate", payload: "open" }]);
  assertEquals(state.subscriptions, [[["home/gate", 0]]]);
  assertEquals((await ask({ retained: "garden" })).status, 403);
  for (const retained of ["home/#", "$SYS/uptime", "", 1]) {
    assertEquals((await ask({ retained })).status, 400, String(retained));
  }
  assertEquals(state.subscriptions.length, 1);
  assertEquals(gateway.decisions[0]?.target, "home/gate");
});
