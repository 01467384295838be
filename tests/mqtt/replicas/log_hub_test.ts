/** Examples of a hub that is fed by the log; `log_hub_property_test.ts` tests its guarantees. */
import { assert, assertEquals } from "@std/assert";
import { ReplicaEnvironment } from "../../support/replicas.ts";

async function connected(options = {}) {
  const environment = new ReplicaEnvironment(options);
  await environment.advance(20, 5);
  await environment.writer.connect();
  return environment;
}

Deno.test("a subscriber gets retained messages and then those of the log", async () => {
  await using environment = await connected();
  await environment.publish("door", "closed", { retain: true });
  const phone = await environment.subscribe(0, "door");
  await environment.publish("door", "open", { retain: true });
  await environment.advance(50);
  assertEquals(phone.events, ["connected", "door: closed (retained)", "door: open"]);
  assertEquals(environment.faults, []);
});

Deno.test("a subscriber resumes at another replica without a gap, and gets what it missed once", async () => {
  await using environment = await connected();
  await environment.publish("door", "closed", { retain: true });
  const before = await environment.subscribe(0, "door");
  await environment.advance(7_000);
  await environment.publish("door", "1");
  await environment.advance(50);
  await environment.kill(0);
  await environment.publish("door", "2");
  const since = before.position;
  const after = await environment.subscribe(1, "door", { since });
  await environment.publish("door", "3");
  await environment.advance(50);
  assertEquals(after.events, ["connected", "door: 2", "door: 3"]);
});

Deno.test("many subscribers that resume at another replica together ask the log for a part of them at once", async () => {
  await using environment = await connected();
  const { position } = await environment.subscribe(0, "door");
  if (position === undefined) throw new Error("No position");
  const many = Array.from({ length: 500 }, (_, index) => {
    return environment.add(1, "door", { since: position, owner: `${index}` });
  });
  await environment.advance(1_000);
  assertEquals(new Set(many.map(({ events }) => events[0])), new Set(["connected"]));
  const { mostAtOnce } = environment.server;
  assert(mostAtOnce < 150, `${mostAtOnce} commands at once`);
});

Deno.test("a subscriber resumes without a gap at a replica that has just started", async () => {
  await using environment = await connected();
  const before = await environment.subscribe(0, "door");
  await environment.advance(7_000);
  await environment.publish("door", "1");
  await environment.advance(50);
  await environment.kill(0);
  const after = await environment.subscribe(0, "door", { since: before.position });
  await environment.publish("door", "2");
  await environment.advance(50);
  assertEquals(after.events, ["connected", "door: 2"]);
});

Deno.test("a subscriber whose replica ends before all retained messages were sent gets them again", async () => {
  await using environment = await connected();
  await environment.publish("door", "closed", { retain: true });
  const before = await environment.subscribe(0, "door");
  await environment.kill(0);
  const after = await environment.subscribe(1, "door", { since: before.position });
  assertEquals(after.events, ["connected", "door: closed (retained)"]);
});

Deno.test("another writer is told by a gap, and retained messages come again", async () => {
  await using environment = await connected();
  const phone = await environment.subscribe(0, "door");
  environment.writer.disconnect();
  await environment.publish("door", "open", { retain: true });
  await environment.writer.connect();
  await environment.advance(50);
  assertEquals(phone.events, ["connected", "gap", "door: open (retained)"]);
});

Deno.test("a subscriber that resumes after a gap is told so, and gets messages that waited at the broker", async () => {
  await using environment = await connected();
  const before = await environment.subscribe(0, "door", { qos: 1 });
  await environment.publish("door", "1", { qos: 1 });
  await environment.advance(50);
  before.unsubscribe();
  environment.writer.disconnect();
  await environment.publish("door", "2", { qos: 1 });
  await environment.writer.connect();
  const after = await environment.subscribe(1, "door", { qos: 1, since: before.position });
  assertEquals(after.events, ["connected", "gap", "door: 2"]);
});

Deno.test("the writer's offline ends subscribers, and tells those that keep their streams", async () => {
  await using environment = await connected();
  const [ended, kept] = [
    await environment.subscribe(0, "door"),
    await environment.subscribe(1, "door", { keep: true }),
  ];
  await environment.writer.goOffline();
  await environment.advance(50);
  const late = await environment.subscribe(0, "door");
  await environment.writer.connect();
  await environment.publish("door", "open");
  await environment.advance(50);
  assertEquals(ended.events, ["connected", "ended: Broker unreachable"]);
  assertEquals(late.events, ["ended: Broker unreachable"]);
  assertEquals(kept.events, ["connected", "offline: Broker unreachable", "online", "gap", "door: open"]);
});

Deno.test("a subscriber that resumes while the writer is offline waits for the broker, and goes on once it is back", async () => {
  await using environment = await connected();
  const before = await environment.subscribe(0, "door");
  await environment.writer.goOffline();
  await environment.advance(50);
  const since = before.position;
  const [here, there] = [
    await environment.subscribe(0, "door", { since }),
    await environment.subscribe(1, "door", { since }),
  ];
  await environment.advance(5_000);
  assertEquals([here.events, there.events], [[], []]);
  await environment.writer.connect();
  await environment.advance(50);
  await environment.publish("door", "open");
  await environment.advance(50);
  assertEquals([here.events, there.events], Array(2).fill(["connected", "gap", "door: open"]));
});

Deno.test("a subscriber that resumes while the writer stays offline ends with the writer's reason", async () => {
  await using environment = await connected();
  const { position: since } = await environment.subscribe(0, "door");
  await environment.writer.goOffline();
  await environment.advance(50);
  const late = await environment.subscribe(0, "door", { since });
  await environment.advance(10_000);
  assertEquals(late.events, ["ended: Broker unreachable"]);
});

Deno.test("a log that begins anew is told by a gap, and the filters are wanted again", async () => {
  await using environment = await connected();
  const phone = await environment.subscribe(0, "door");
  environment.server.empty();
  await environment.advance(100);
  await environment.writer.connect();
  await environment.advance(100);
  await environment.publish("door", "open");
  await environment.advance(50);
  assertEquals(phone.events.at(0), "connected");
  assertEquals(phone.events.at(-1), "door: open");
  assertEquals(phone.events.slice(1, -1).every((event) => event === "gap"), true);
});

Deno.test("a log that fails ends only new subscribers, and others go on once it works", async () => {
  await using environment = await connected();
  const phone = await environment.subscribe(0, "door");
  environment.server.fail();
  const late = await environment.subscribe(0, "window");
  environment.server.work();
  await environment.advance(1_000);
  await environment.publish("door", "open");
  await environment.advance(50);
  assertEquals(late.events, ["ended: Shared messages of the gateway's replicas are unavailable"]);
  assertEquals(phone.events, ["connected", "door: open"]);
});

Deno.test("a filter that the broker refuses reaches no other replica", async () => {
  await using environment = await connected();
  environment.replica(0).broker.refused.add("secret");
  const phone = await environment.subscribe(0, "secret");
  assertEquals(phone.events, ["ended: Broker refused the subscription to secret"]);
  assertEquals([...(await environment.server.open().readWanted()).keys()], []);
});

Deno.test("filters that no subscriber uses for the time to resume are not wanted any more", async () => {
  await using environment = await connected({ resumeSeconds: 2 });
  const phone = await environment.subscribe(0, "door");
  phone.unsubscribe();
  await environment.advance(1_500);
  assertEquals([...(await environment.server.open().readWanted()).keys()], ["door"]);
  await environment.advance(1_000);
  assertEquals([...(await environment.server.open().readWanted()).keys()], []);
});

Deno.test("a replica that the log has forgotten tells a gap, and wants its filters again", async () => {
  await using environment = await connected();
  const phone = await environment.subscribe(0, "door");
  await environment.subscribe(1, "lamp");
  const log = environment.server.open();
  await log.removeReplica("token 1", "replica 1");
  await environment.writer.follow();
  await environment.publish("door", "1");
  await environment.advance(100);
  await environment.publish("door", "2");
  await environment.advance(50);
  assertEquals(phone.events, ["connected", "gap", "door: 2"]);
  assertEquals(environment.faults, []);
});

Deno.test("a replica that the log has forgotten wants its filters again until the log takes them", async () => {
  await using environment = await connected();
  const phone = await environment.subscribe(0, "door");
  const { log } = environment.replica(0);
  const { want } = log;
  Object.defineProperty(log, "want", { value: () => Promise.reject(new Error("No connection")), configurable: true });
  await environment.server.open().removeReplica("token 1", "replica 1");
  await environment.advance(100);
  await environment.publish("door", "1");
  Object.defineProperty(log, "want", { value: want });
  await environment.advance(100);
  await environment.publish("door", "2");
  await environment.advance(50);
  assertEquals(phone.events, ["connected", "gap", "door: 2"], "the gap after what is missing");
});

Deno.test("a subscriber gets no message from before it subscribed, also where the log is not read to its end", async () => {
  await using environment = await connected();
  await environment.subscribe(0, "door");
  const { log } = environment.replica(1);
  const read = log.read.bind(log);
  const released = Promise.withResolvers<void>();
  log.read = async (...call) => {
    await released.promise;
    return await read(...call);
  };
  // The read that waits ends with this one.
  await environment.publish("door", "1");
  await environment.publish("door", "2");
  const phone = await environment.subscribe(1, "door");
  released.resolve();
  await environment.advance(50);
  await environment.publish("door", "3");
  await environment.advance(50);
  assertEquals(phone.events, ["connected", "door: 3"]);
});

Deno.test("entries that were deleted before they were read are told by a gap", async () => {
  await using environment = await connected({ limits: { maxBytes: 1000, maxAgeMs: Infinity } });
  const phone = await environment.subscribe(0, "door");
  environment.replica(0).log.faults.fail();
  await environment.publish("door", "0");
  for (let number = 1; number <= 40; number++) await environment.publish("door", String(number));
  environment.replica(0).log.faults.work();
  await environment.advance(40_000, 1_000);
  assertEquals(phone.events.slice(0, 2), ["connected", "gap"]);
  assertEquals(phone.events.at(-1), "door: 40");
  assertEquals(phone.events.includes("door: 0"), false);
});

Deno.test("an owner does not resume by what another owner has subscribed to", async () => {
  await using environment = await connected();
  await environment.subscribe(0, "door", { owner: "other" });
  const lamp = await environment.subscribe(0, "lamp");
  await environment.publish("door", "1");
  await environment.advance(50);
  const phone = await environment.subscribe(1, ["lamp", "door"], { since: lamp.position });
  assertEquals(phone.events, ["connected", "gap"]);
});

Deno.test("an owner that was away for too long gets a gap, also while another owner has the filter", async () => {
  for (const index of [0, 1]) {
    await using environment = await connected({ resumeSeconds: 10 });
    for (const index of [0, 1]) await environment.subscribe(index, "door", { owner: "other" });
    const before = await environment.subscribe(0, "door");
    await environment.advance(7_000);
    before.unsubscribe();
    await environment.advance(5_000);
    const soon = await environment.subscribe(1, "door", { since: before.position });
    await environment.advance(7_000);
    soon.unsubscribe();
    await environment.advance(12_000, 500);
    const late = await environment.subscribe(index, "door", { since: soon.position });
    assertEquals([soon.events, late.events], [["connected"], ["connected", "gap"]]);
  }
});

Deno.test("an owner does not resume by its state at a replica that is removed", async () => {
  await using environment = await connected();
  for (const index of [0, 1]) await environment.subscribe(index, "door", { owner: "other" });
  const before = await environment.subscribe(0, "door");
  await environment.advance(7_000);
  await environment.kill(0);
  await environment.server.open().removeReplica("token 1", "replica 1");
  // In a log without a new entry, positions of two replicas cannot be compared.
  await environment.publish("door", "1");
  const after = await environment.subscribe(1, "door", { since: before.position });
  assertEquals(after.events, ["connected", "gap"]);
});

Deno.test("an owner resumes at a third replica, long after it was at the first one", async () => {
  await using environment = await connected({ replicas: 3, resumeSeconds: 10 });
  await environment.publish("door", "closed", { retain: true });
  const first = await environment.subscribe(0, "door");
  await environment.advance(7_000);
  await environment.publish("door", "1");
  await environment.advance(50);
  first.unsubscribe();
  const second = await environment.subscribe(1, "door", { since: first.position });
  await environment.advance(30_000, 500);
  second.unsubscribe();
  const third = await environment.subscribe(2, "door", { since: second.position });
  assertEquals([second.events, third.events], [["connected"], ["connected"]]);
});

Deno.test("a state that the log could not forget is forgotten once the log works", async () => {
  await using environment = await connected({ resumeSeconds: 10 });
  const before = await environment.subscribe(0, "door");
  await environment.subscribe(1, "door", { owner: "other" });
  await environment.advance(7_000);
  before.unsubscribe();
  environment.server.fail();
  await environment.advance(12_000, 500);
  environment.server.work();
  await environment.advance(2_000, 500);
  const late = await environment.subscribe(1, "door", { since: before.position });
  assertEquals(late.events, ["connected", "gap"]);
});

Deno.test("a position that no replica has assigned gets a gap and no wait", async () => {
  await using environment = await connected();
  const first = await environment.subscribe(0, "door");
  const { epoch = "" } = first.position ?? {};
  const ahead = await environment.subscribe(1, "door", { since: { epoch, offset: 2 ** 50 } });
  const foreign = await environment.subscribe(1, "door", { since: { epoch: "another", offset: 1 } });
  assertEquals([ahead.events, foreign.events], [["connected", "gap"], ["connected", "gap"]]);
});

Deno.test("a replica ends its own subscription once the retained messages were sent", async () => {
  await using environment = await connected();
  const { broker } = environment.replica(0);
  const phone = await environment.subscribe(0, "door");
  const before = broker.unsubscribed.length;
  await environment.advance(7_000);
  assertEquals(broker.unsubscribed.slice(before), [["door"]]);
  await environment.publish("door", "open");
  await environment.advance(50);
  assertEquals(phone.events, ["connected", "door: open"]);
});

Deno.test("a subscriber for whose filter the writer connects gets the retained messages once", async () => {
  await using environment = new ReplicaEnvironment();
  await environment.advance(20, 5);
  await environment.publish("door", "closed", { retain: true });
  const phone = await environment.subscribe(0, "door");
  assertEquals(phone.events, []);
  await environment.writer.connect();
  await environment.advance(100);
  assertEquals(phone.events, ["connected", "door: closed (retained)"]);
});
