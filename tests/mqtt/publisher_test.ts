import { assertEquals, assertRejects } from "@std/assert";
import { type BrokerAddress, BrokerError, type ConnectBroker, type Publication } from "../../src/mqtt/broker.ts";
import { createPublisher, type PublisherOptions } from "../../src/mqtt/publisher.ts";
import { until } from "../deadline.ts";

const ADDRESS: BrokerAddress = { host: "broker", port: 1883 };
const MESSAGE: Publication = { topic: "t", payload: "m", qos: 1, retain: false };

/** Connections that do as a test tells them. */
function makeBroker(publish: (publication: Publication) => Promise<void> = () => Promise.resolve()) {
  const connections: { closed: boolean; lose: () => void }[] = [];
  const connect: ConnectBroker = () => {
    const lost = Promise.withResolvers<BrokerError>();
    const connection = { closed: false, lose: () => lost.resolve(new BrokerError("Lost")) };
    connections.push(connection);
    return Promise.resolve({
      lost: lost.promise,
      publish,
      subscribe: () => Promise.resolve(),
      close() {
        connection.closed = true;
        connection.lose();
        return Promise.resolve();
      },
    });
  };
  return { connect, connections };
}

function makePublisher(connect: ConnectBroker, options: Partial<PublisherOptions> = {}) {
  return createPublisher({ connect, timeoutMs: 10_000, idleMs: 60_000, maxConnections: 4, ...options });
}

Deno.test("publish() shares one connection among concurrent and later publishes", async () => {
  const { connect, connections } = makeBroker();
  const publisher = makePublisher(connect);
  await Promise.all(Array.from({ length: 20 }, () => publisher.publish(ADDRESS, MESSAGE)));
  await publisher.publish(ADDRESS, MESSAGE);
  assertEquals(connections.length, 1);
  await publisher.close();
  assertEquals(connections[0]?.closed, true);
});

Deno.test("publish() opens a connection for each host, port and login", async () => {
  const { connect, connections } = makeBroker();
  const publisher = makePublisher(connect);
  await publisher.publish(ADDRESS, MESSAGE);
  await publisher.publish({ ...ADDRESS, port: 1884 }, MESSAGE);
  await publisher.publish({ ...ADDRESS, username: "joe", password: "a" }, MESSAGE);
  await publisher.publish({ ...ADDRESS, username: "joe", password: "b" }, MESSAGE);
  assertEquals(connections.length, 4);
  await publisher.close();
});

Deno.test("publish() gives up the longest idle connection for a new one, and no busy one", async () => {
  const acknowledge = Promise.withResolvers<void>();
  let busy = false;
  const { connect, connections } = makeBroker(() => busy ? acknowledge.promise : Promise.resolve());
  const publisher = makePublisher(connect, { maxConnections: 2 });
  const to = (port: number) => publisher.publish({ ...ADDRESS, port }, MESSAGE);
  await to(1);
  await to(2);
  await to(3);
  assertEquals(connections.map(({ closed }) => closed), [true, false, false]);
  busy = true;
  const waiting = [to(2), to(3)];
  await assertRejects(() => to(4), BrokerError, "Too many broker connections: 2 are busy");
  acknowledge.resolve();
  await Promise.all(waiting);
  await publisher.close();
});

Deno.test("publish() opens a new connection after the old one was lost", async () => {
  const { connect, connections } = makeBroker();
  const publisher = makePublisher(connect);
  await publisher.publish(ADDRESS, MESSAGE);
  connections[0]?.lose();
  await new Promise((resolve) => setTimeout(resolve));
  await publisher.publish(ADDRESS, MESSAGE);
  assertEquals(connections.length, 2);
  await publisher.close();
});

Deno.test("publish() tries again for the next message when connecting failed, and not for the same one", async () => {
  let attempts = 0;
  const publisher = makePublisher(() => {
    attempts += 1;
    return Promise.reject(new BrokerError("Broker broker:1883 not found"));
  });
  for (const expected of [1, 2]) {
    await assertRejects(() => publisher.publish(ADDRESS, MESSAGE), BrokerError, "not found");
    assertEquals(attempts, expected);
  }
  await publisher.close();
});

Deno.test("publish() fails when the broker does not acknowledge in time, and leaves the connection", async () => {
  let published = 0;
  const { connect, connections } = makeBroker(() => {
    published += 1;
    return new Promise(() => {});
  });
  const publisher = makePublisher(connect, { timeoutMs: 20 });
  await assertRejects(
    () => publisher.publish(ADDRESS, MESSAGE),
    BrokerError,
    "Broker broker:1883 did not acknowledge the message within 0.02 s",
  );
  assertEquals(published, 1);
  await until("closing", () => connections[0]?.closed === true);
  await publisher.close();
});

Deno.test("publish() sends nothing once its time is over, even when the broker comes back right then", async () => {
  let published = 0;
  const { connect } = makeBroker(() => {
    published += 1;
    return Promise.resolve();
  });
  const welcome = Promise.withResolvers<void>();
  const publisher = makePublisher(async (...words) => {
    await welcome.promise;
    return await connect(...words);
  }, { timeoutMs: 20 });
  await assertRejects(() => publisher.publish(ADDRESS, MESSAGE), BrokerError, "did not answer within 0.02 s");
  welcome.resolve();
  await new Promise((resolve) => setTimeout(resolve, 20));
  assertEquals(published, 0);
  await publisher.close();
});

Deno.test("a connection that nobody uses is closed after its idle time, and not while one waits", async () => {
  const acknowledged = Promise.withResolvers<void>();
  const { connect, connections } = makeBroker(() => acknowledged.promise);
  const publisher = makePublisher(connect, { idleMs: 20 });
  const slow = publisher.publish(ADDRESS, MESSAGE);
  await new Promise((resolve) => setTimeout(resolve, 60));
  assertEquals(connections[0]?.closed, false);
  acknowledged.resolve();
  await slow;
  await until("closing", () => connections[0]?.closed === true);
  await publisher.publish(ADDRESS, MESSAGE);
  assertEquals(connections.length, 2);
  await publisher.close();
});
