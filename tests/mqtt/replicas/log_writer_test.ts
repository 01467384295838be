import { assertEquals } from "@std/assert";
import type { BrokerError, QoS } from "../../../src/mqtt/broker.ts";
import { LeaseLostError, type LogEntry } from "../../../src/mqtt/replicas/event_log.ts";
import { LogWriter, type LogWriterOptions } from "../../../src/mqtt/replicas/log_writer.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { MemoryLogServer } from "../../support/memory_event_log.ts";
import { SessionBroker } from "../../support/session_broker.ts";
import { until } from "../../support/deadline.ts";
import { settle } from "../../support/settle.ts";

const utf8 = new TextDecoder();

/** Makes a writer with the lease, and a replica that wants filters. */
async function makeWriter({ server = new MemoryLogServer(), broker = new SessionBroker(), token = "one", ...options }:
  & { readonly server?: MemoryLogServer; readonly broker?: SessionBroker; readonly token?: string }
  & Partial<LogWriterOptions> = {}) {
  const clock = new ManualClock();
  const log = server.open();
  const interruptions: string[] = [];
  const leftOut: number[] = [];
  const writer = new LogWriter({
    log,
    address: { host: "broker", port: 1883 },
    connect: broker.connect,
    clientId: () => "gateway",
    timeoutMs: 10_000,
    resumeSeconds: 120,
    clock,
    random: () => 0,
    onLeftOut: (bytes) => void leftOut.push(bytes),
    onInterrupted: (reason) => void interruptions.push(String(reason)),
    ...options,
  });
  await log.lease.take(token, await log.lease.read());
  return {
    server,
    broker,
    writer,
    clock,
    interruptions,
    leftOut,
    log,
    begin: () => writer.held(token),
    async want(filters: readonly (readonly [string, QoS])[], replica = "replica") {
      await log.renewReplica(replica);
      await log.want(replica, filters, undefined);
      writer.wantedChanged();
    },
    entries: () => server.model.read(0).entries.map(({ entry }) => textOf(entry)),
  };
}

function textOf(entry: LogEntry): string {
  switch (entry.type) {
    case "message":
      return `${entry.message.topic}=${utf8.decode(entry.message.payload)}`;
    case "granted":
      return `granted ${entry.filters.map(([filter, qos]) => `${filter}:${qos}`).join(" ")}`;
    case "offline":
      return `offline ${entry.reason}`;
    default:
      return entry.type;
  }
}

/** Waits until the log has some entry. */
async function untilEntry(entries: () => readonly string[], entry: string): Promise<void> {
  await until(entry, () => entries().includes(entry));
}

Deno.test("a writer appends a gap, then what the broker grants, then messages", async () => {
  const { broker, writer, want, begin, entries, clock } = await makeWriter();
  await want([["a", 0], ["b/#", 1]]);
  begin();
  await untilEntry(entries, "granted a:0 b/#:1");
  broker.publish("a", "x", { qos: 0 });
  broker.publish("b/c", "y");
  await until("all acknowledged", () => broker.unacknowledged === 0);
  assertEquals(entries(), ["wanted", "gap", "granted a:0 b/#:1", "a=x", "b/c=y"]);
  assertEquals(broker.requests[0]?.map(({ qos, retained }) => [qos, retained]), [[1, "never"], [1, "never"]]);
  await writer.lost();
  assertEquals([broker.isConnected, clock.timers], [false, 0]);
});

Deno.test("a message that comes while a new session lacks filters is followed by another gap", async () => {
  const { broker, writer, want, begin, entries, server } = await makeWriter();
  await want([["a", 1], ["b", 1]]);
  let requests = 0;
  broker.subscribed = async (filter) => {
    if (filter !== "a") return;
    requests += 1;
    const payload = String(requests);
    broker.publish("b", payload);
    broker.publish("a", payload);
    await until("the message", () => entries().includes(`a=${payload}`));
  };
  begin();
  await untilEntry(entries, "granted a:1 b:1");
  assertEquals(entries(), ["wanted", "gap", "a=1", "gap", "granted a:1 b:1"]);
  await writer.lost();
  // The broker has the subscriptions: nothing is missing after the first gap.
  const next = await makeWriter({ server, broker, token: "next" });
  next.begin();
  await until("the grant", () => entries().at(-1) === "granted a:1 b:1" && entries().length > 5);
  assertEquals(entries().slice(5), ["gap", "b=2", "a=2", "granted a:1 b:1"]);
  await next.writer.lost();
});

Deno.test("the client identifier is the same for all writers of one log, and another one for another log", async () => {
  const clientId = (epoch: string) => `gateway-${epoch}`;
  const [server, broker] = [new MemoryLogServer(), new SessionBroker()];
  server.model.readLease();
  // The log of another installation, which began a second time.
  const other = new MemoryLogServer();
  other.model.readLease();
  other.empty();
  for (const [token, of] of [["one", server], ["two", server], ["three", other]] as const) {
    const { writer, begin } = await makeWriter({ server: of, broker, token, clientId });
    begin();
    await until("the connection", () => broker.isConnected);
    await writer.lost();
  }
  assertEquals(broker.clientIds, ["gateway-epoch 1", "gateway-epoch 1", "gateway-epoch 2"]);
});

Deno.test("a message of QoS 1 is acknowledged once it is appended", async () => {
  const { broker, writer, want, begin, entries, server } = await makeWriter();
  await want([["a", 1]]);
  begin();
  await untilEntry(entries, "granted a:1");
  server.freeze();
  broker.publish("a", "x");
  await settle();
  assertEquals(broker.unacknowledged, 1);
  server.work();
  await until("the acknowledgement", () => broker.unacknowledged === 0);
  assertEquals(entries().at(-1), "a=x");
  await writer.lost();
});

Deno.test("many messages of QoS 0 are appended together, in order", async () => {
  const { broker, writer, want, begin, entries, log } = await makeWriter();
  await want([["a", 0]]);
  begin();
  await untilEntry(entries, "granted a:0");
  log.faults.freeze();
  for (let index = 0; index < 900; index++) broker.publish("a", `${index}`, { qos: 0 });
  await settle(5000);
  log.faults.work();
  await untilEntry(entries, "a=899");
  assertEquals(entries().slice(-900), Array.from({ length: 900 }, (_, index) => `a=${index}`));
  await writer.lost();
});

Deno.test("filters are subscribed to when a replica wants them, and unsubscribed from when none does", async () => {
  const { broker, writer, want, begin, entries, log } = await makeWriter();
  begin();
  await want([["a", 0]]);
  await untilEntry(entries, "granted a:0");
  await want([["a", 1], ["b", 0]], "other");
  await untilEntry(entries, "granted a:1 b:0");
  assertEquals(broker.requests.map((requests) => requests.map(({ filter }) => filter)), [["a"], ["b"]]);
  await log.unwant("other", ["a", "b"]);
  writer.wantedChanged();
  await until("the end of b", () => broker.unsubscribed.length > 0);
  assertEquals([broker.unsubscribed, broker.filters], [["b"], ["a"]]);
  await want([["b", 0]]);
  await until("b again", () => entries().filter((entry) => entry === "granted b:0").length === 1);
  await writer.lost();
});

Deno.test("filters that the broker refuses are recorded as refused, each time that they are wanted", async () => {
  const { broker, writer, want, begin, entries } = await makeWriter();
  broker.refused.add("secret");
  broker.refused.add("other");
  await want([["secret", 1], ["a", 1], ["other", 0]]);
  begin();
  await untilEntry(entries, "granted secret:undefined a:1 other:undefined");
  await want([["secret", 1]], "second");
  await untilEntry(entries, "granted secret:undefined other:undefined");
  await writer.lost();
});

Deno.test("retained messages, and those of filters that no replica wants, are acknowledged and not appended", async () => {
  const { broker, writer, want, begin, entries } = await makeWriter();
  await want([["a", 1], ["b", 1]]);
  begin();
  await untilEntry(entries, "granted a:1 b:1");
  broker.publish("a", "old", { retain: true });
  await writer.lost();
  // The log is emptied: the next writer finds a subscription in the session that it does not know.
  const next = await makeWriter({ broker });
  await next.want([["a", 1]]);
  next.begin();
  await untilEntry(next.entries, "granted a:1");
  broker.publish("b", "x");
  broker.publish("a", "y");
  await until("all acknowledged", () => broker.unacknowledged === 0);
  assertEquals(next.entries(), ["wanted", "gap", "granted a:1", "a=y"]);
  await next.writer.lost();
});

Deno.test("an oversized message is appended with its length", async () => {
  let deliver: ((topic: string) => unknown) | undefined;
  const broker = new SessionBroker();
  const { writer, want, begin, entries, server } = await makeWriter({
    broker,
    connect: (address, options) => {
      deliver = (topic) =>
        options.onMessage?.({ topic, payload: new Uint8Array(0), omittedBytes: 9_000_000, qos: 0, retain: false });
      return broker.connect(address, options);
    },
  });
  await want([["a", 0]]);
  begin();
  await untilEntry(entries, "granted a:0");
  deliver?.("a");
  await untilEntry(entries, "a=");
  const last = server.model.read(0).entries.at(-1)?.entry;
  assertEquals(last?.type === "message" && last.message.omittedBytes, 9_000_000);
  await writer.lost();
});

Deno.test("a message whose topic is too long once it is UTF-8 is acknowledged, and does not stop the others", async () => {
  const { broker, writer, want, begin, entries } = await makeWriter();
  await want([["#", 1]]);
  begin();
  await untilEntry(entries, "granted #:1");
  broker.publish("\u{fffd}".repeat(30_000), "x");
  broker.publish("a", "y");
  await until("all acknowledged", () => broker.unacknowledged === 0);
  assertEquals([entries().slice(3), broker.connections], [["a=y"], 1]);
  await writer.lost();
});

Deno.test("one message for several filters is appended once, and equal messages each", async () => {
  const { broker, writer, want, begin, entries } = await makeWriter();
  await want([["#", 1], ["a/+", 0], ["a/b", 1]]);
  begin();
  await untilEntry(entries, "granted #:1 a/+:0 a/b:1");
  for (let count = 0; count < 2; count++) broker.publish("a/b", "on");
  await until("all acknowledged", () => broker.unacknowledged === 0);
  assertEquals(entries().slice(3), ["a/b=on", "a/b=on"]);
  await writer.lost();
});

Deno.test("an equal message is appended when another filter has replaced the one that it was delivered for", async () => {
  const { broker, writer, want, begin, entries, log } = await makeWriter();
  await want([["a", 1]]);
  begin();
  await untilEntry(entries, "granted a:1");
  broker.publish("a", "on");
  await until("the acknowledgement", () => broker.unacknowledged === 0);
  await log.unwant("replica", ["a"]);
  await want([["+", 1]]);
  await untilEntry(entries, "granted +:1");
  broker.publish("a", "on");
  await until("the acknowledgement", () => broker.unacknowledged === 0);
  assertEquals(entries().filter((entry) => entry === "a=on").length, 2);
  await writer.lost();
});

Deno.test("a lost connection is recorded, and the next one begins with a gap and all grants", async () => {
  const { broker, writer, want, begin, entries, clock, interruptions } = await makeWriter();
  await want([["a", 1]]);
  begin();
  await untilEntry(entries, "granted a:1");
  broker.unreachable = "Broker is down";
  broker.drop("Broker stopped");
  await untilEntry(entries, "offline Broker stopped");
  for (let attempt = 1; attempt <= 2; attempt++) {
    await until("the wait", () => clock.timers >= 2);
    clock.pass(1000);
    await until("the attempt", () => interruptions.length > attempt);
  }
  broker.unreachable = undefined;
  await until("the wait", () => clock.timers >= 2);
  clock.pass(1000);
  await until("the grant", () => entries().filter((entry) => entry === "granted a:1").length === 2);
  assertEquals(entries(), ["wanted", "gap", "granted a:1", "offline Broker stopped", "gap", "granted a:1"]);
  assertEquals(interruptions, [
    "BrokerError: Broker stopped",
    ...Array(2).fill("BrokerError: Broker is down"),
  ]);
  await writer.lost();
  assertEquals(clock.timers, 0);
});

Deno.test("a writer whose attempts are refused gives the lease back after 4 s, so that another replica tries", async () => {
  const { broker, writer, begin, entries, log, clock, interruptions } = await makeWriter();
  broker.unreachable = "Broker is down";
  begin();
  for (let attempt = 1; attempt <= 4; attempt++) {
    await until("the attempt", () => interruptions.length === attempt);
    await until("the wait", () => clock.timers === 2);
    assertEquals((await log.lease.read())?.token, "one");
    clock.pass(1000);
  }
  await until("the lease", async () => await log.lease.read() === undefined);
  assertEquals([entries(), interruptions.length, clock.timers], [["offline Broker is down"], 5, 0]);
  await writer.lost();
});

Deno.test("a writer that the broker does not answer gives the lease back after one attempt", async () => {
  const { broker, writer, want, begin, entries, log, clock, interruptions } = await makeWriter();
  await want([["a", 1]]);
  begin();
  await untilEntry(entries, "granted a:1");
  broker.isSilent = true;
  broker.drop("Keepalive timeout");
  await untilEntry(entries, "offline Keepalive timeout");
  await until("the wait", () => clock.timers === 2);
  clock.pass(250);
  await until("the timeout's timer", () => clock.timers >= 2);
  await settle();
  clock.pass(10_000);
  await until("the lease", async () => await log.lease.read() === undefined);
  assertEquals(interruptions, [
    "BrokerError: Keepalive timeout",
    "BrokerError: Broker broker:1883 did not answer within 10 s",
  ]);
  await writer.lost();
});

Deno.test("the lease moves every 4 s at most between replicas that do not reach the broker", async () => {
  const server = new MemoryLogServer();
  const broker = new SessionBroker();
  broker.unreachable = "Broker is down";
  const clock = new ManualClock();
  const writers = [await makeWriter({ server, broker, clock }), await makeWriter({ server, broker, clock })];
  server.model.release("one");
  let moves = 0;
  for (let ms = 0; ms < 60_000; ms += 100) {
    if (server.model.take(`term ${moves}`, undefined)) {
      writers[moves % 2]?.writer.held(`term ${moves}`);
      moves += 1;
    }
    await settle();
    clock.pass(100);
    await settle();
  }
  assertEquals([moves <= 15, moves >= 10], [true, true], `${moves}`);
  for (const { writer } of writers) await writer.lost();
});

Deno.test("a writer reaches the broker within 2 s of its return, however long it was away", async () => {
  const { broker, writer, want, begin, entries, log, clock, interruptions } = await makeWriter({ random: () => 0.999 });
  await want([["a", 1]]);
  broker.unreachable = "Broker is down";
  begin();
  for (let attempt = 1; attempt <= 30; attempt++) {
    await until("the attempt", () => interruptions.length === attempt);
    const isGivenUp = async () => await log.lease.read() === undefined;
    await until("the wait, or the lease", async () => clock.timers === 2 || await isGivenUp());
    if (await isGivenUp()) {
      await log.lease.take(`term ${attempt}`, undefined);
      writer.held(`term ${attempt}`);
    } else {
      await until("the wait", () => clock.timers === 2);
      clock.pass(2000);
    }
  }
  broker.unreachable = undefined;
  await until("the wait", () => clock.timers >= 1);
  clock.pass(2000);
  await untilEntry(entries, "granted a:1");
  await writer.lost();
});

Deno.test("a writer connects soon after each of several restarts of the broker, half a minute of faults apart or less", async () => {
  const { broker, writer, want, begin, entries, clock } = await makeWriter();
  await want([["a", 1]]);
  begin();
  for (let restart = 1; restart <= 5; restart++) {
    await until("the grant", () => entries().filter((entry) => entry === "granted a:1").length === restart);
    clock.pass(10_000);
    broker.drop("Broker stopped");
    await until("the record", () => entries().filter((entry) => entry.startsWith("offline")).length === restart);
    await until("the wait", () => clock.timers === 2);
    clock.pass(250);
  }
  await until("the grant", () => entries().filter((entry) => entry === "granted a:1").length === 6);
  await writer.lost();
});

Deno.test("a writer whose connections are soon ended by another client waits longer each time", async () => {
  const { broker, writer, begin, entries, clock } = await makeWriter();
  begin();
  const connected = (count: number) =>
    until("the gap", () => entries().filter((one) => one === "gap").length === count);
  await connected(1);
  for (const [turn, wait] of [250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000].entries()) {
    broker.drop("Session taken over");
    await until("the wait", () => clock.timers === 2);
    clock.pass(wait - 1);
    await settle();
    assertEquals(broker.connections, turn + 1);
    clock.pass(1);
    await connected(turn + 2);
  }
  await writer.lost();
});

Deno.test("check() ends the connection of a broker that sends nothing, and no other", async () => {
  const { broker, writer, want, begin, entries, clock, interruptions } = await makeWriter();
  await writer.check();
  await want([["a", 1]]);
  begin();
  await untilEntry(entries, "granted a:1");
  await writer.check();
  broker.isFrozen = true;
  const checked = writer.check();
  clock.pass(9_999);
  await settle();
  assertEquals(interruptions, []);
  clock.pass(1);
  await checked;
  await until("the end", () => interruptions.length === 1);
  assertEquals(interruptions, ["BrokerError: Broker broker:1883 did not answer within 10 s"]);
  await writer.lost();
});

Deno.test("a broker that answers nothing is given up after the timeout", async () => {
  const { writer, begin, entries, clock } = await makeWriter({
    connect: (_address, { signal }) =>
      new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason as BrokerError))),
  });
  begin();
  await until("the timeout's timer", () => clock.timers >= 2);
  clock.pass(10_000);
  await untilEntry(entries, "offline Broker broker:1883 did not answer within 10 s");
  await writer.lost();
});

Deno.test("a writer gives the lease back when the log fails, and acknowledges nothing", async () => {
  const { broker, writer, want, begin, entries, log, clock, interruptions } = await makeWriter();
  await want([["a", 1]]);
  begin();
  await untilEntry(entries, "granted a:1");
  log.faults.fail();
  broker.publish("a", "x");
  await until("the end", () => !broker.isConnected);
  await until("an attempt to give it back", () => clock.timers === 1);
  assertEquals([broker.unacknowledged, interruptions], [1, ["Error: No connection to the log"]]);
  log.faults.work();
  clock.pass(200);
  await until("the lease", async () => await log.lease.read() === undefined);
  await log.lease.take("two", undefined);
  writer.held("two");
  await until("the acknowledgement", () => broker.unacknowledged === 0);
  assertEquals(entries().slice(3).toSorted(), ["a=x", "gap", "granted a:1"]);
  await writer.lost();
});

const isMessageOf = (topic: string) => (entry: LogEntry) => entry.type === "message" && entry.message.topic === topic;

/** Begins again each time that a writer has given its lease back, after a wait, until something is the case. */
async function beginAgainUntil(
  { writer, log, clock }: Pick<Awaited<ReturnType<typeof makeWriter>>, "writer" | "log" | "clock">,
  { waitMs, isDone }: { readonly waitMs: number; readonly isDone: (attempts: number) => boolean },
): Promise<void> {
  for (let attempts = 1; !isDone(attempts); attempts++) {
    await until("the lease, or the end", async () => await log.lease.read() === undefined || isDone(attempts));
    if (isDone(attempts)) return;
    clock.pass(waitMs);
    await log.lease.take(`term ${attempts}`, undefined);
    writer.held(`term ${attempts}`);
  }
}

Deno.test("a message that the log refuses each time is left out with a gap, and those around it pass", async () => {
  const made = await makeWriter();
  const { broker, writer, want, begin, entries, log, server, leftOut } = made;
  await want([["#", 1]]);
  begin();
  await untilEntry(entries, "granted #:1");
  let attempts = 0;
  log.refuses = (entries) => {
    const isRefused = entries.some(isMessageOf("large"));
    attempts += isRefused ? 1 : 0;
    return isRefused;
  };
  server.freeze();
  for (const topic of ["before", "large", "after"]) broker.publish(topic, topic);
  await settle();
  server.work();
  await beginAgainUntil(made, { waitMs: 4_000, isDone: () => leftOut.length > 0 });
  await until("all acknowledged", () => broker.unacknowledged === 0);
  const all = entries();
  assertEquals(all.filter((entry) => entry.includes("=")), ["before=before", "after=after"]);
  assertEquals(all.slice(all.indexOf("before=before")).includes("gap"), true);
  assertEquals([leftOut, attempts <= 7], [[5], true]);
  // The same contents later are another message, which the log may take.
  log.refuses = () => false;
  broker.publish("large", "large");
  await untilEntry(entries, "large=large");
  await writer.lost();
});

Deno.test("a message is not left out while the log takes nothing, or for a short time", async () => {
  for (const [fault, waitMs] of [["everything", 60_000], ["messages", 10]] as const) {
    const made = await makeWriter();
    const { broker, writer, want, begin, entries, log, leftOut } = made;
    await want([["#", 1]]);
    begin();
    await untilEntry(entries, "granted #:1");
    log.refuses = (entries) => fault === "everything" || entries.some(({ type }) => type === "message");
    broker.publish("a", "x");
    await beginAgainUntil(made, { waitMs, isDone: (attempts) => attempts > 20 });
    log.refuses = () => false;
    await beginAgainUntil(made, { waitMs, isDone: () => entries().includes("a=x") });
    assertEquals([leftOut, broker.connections > 20], [[], true]);
    await writer.lost();
  }
});

Deno.test("a writer whose lease was taken appends nothing, and does not connect again", async () => {
  const { broker, writer, want, begin, entries, log, clock } = await makeWriter();
  await want([["a", 1]]);
  begin();
  await untilEntry(entries, "granted a:1");
  await log.lease.take("another", await log.lease.read());
  broker.drop("Session taken over");
  await until("the end of all", () => clock.timers === 0);
  clock.pass(600_000);
  await settle();
  assertEquals([entries(), broker.connections], [["wanted", "gap", "granted a:1"], 1]);
  await writer.lost();
});

Deno.test("lost() appends what was received, and leaves the session at the broker", async () => {
  const { broker, writer, want, begin, entries, server } = await makeWriter();
  await want([["a", 1]]);
  begin();
  await untilEntry(entries, "granted a:1");
  server.freeze();
  for (let index = 0; index < 10; index++) broker.publish("a", `${index}`, { qos: 0 });
  await settle(1000);
  let isEnded = false;
  const lost = writer.lost().then(() => isEnded = true);
  await until("the end of the connection", () => !broker.isConnected);
  await settle();
  assertEquals(isEnded, false);
  server.work();
  await lost;
  assertEquals(entries().slice(3), Array.from({ length: 10 }, (_, index) => `a=${index}`));
  assertEquals([broker.isConnected, broker.filters], [false, ["a"]]);
});

Deno.test("replicas without renewals are removed, with their filters", async () => {
  const { broker, writer, want, begin, entries, log, clock } = await makeWriter();
  begin();
  await want([["a", 0]], "alive");
  await want([["b", 0]], "gone");
  await until("both", () => broker.filters.length === 2);
  for (let look = 0; look < 6; look++) {
    await log.renewReplica("alive");
    await until("the wait", () => clock.timers === 1);
    clock.pass(30_000);
    await settle();
  }
  await until("the end of b", () => broker.unsubscribed.length > 0);
  assertEquals([broker.filters, [...(await log.readReplicas()).keys()]], [["a"], ["alive"]]);
  assertEquals(entries().includes("gap"), true);
  await writer.lost();
});

Deno.test("nothing is lost or twice when writers follow each other at any moment", async () => {
  for (const packetIds of ["incrementing", "lowest free"] as const) {
    const broker = new SessionBroker(packetIds);
    const server = new MemoryLogServer();
    const published: string[] = [];
    const publish = (count: number) => {
      for (let index = 0; index < count; index++) {
        published.push(`a/b=${published.length}`);
        broker.publish("a/b", `${published.length - 1}`);
      }
    };
    for (let term = 0; term < 30; term++) {
      const { writer, want, begin, entries } = await makeWriter({ server, broker, token: `${term}` });
      await want([["a/+", 1]]);
      broker.holdsAcknowledgements = true;
      begin();
      await until("the grant", () => entries().filter((entry) => entry.startsWith("granted")).length > term);
      publish(term % 5 + 1);
      await settle(term * 20);
      broker.takeAcknowledgements(term % 4);
      publish(term % 3);
      await settle(term * 7 % 50);
      // Its socket breaks, and another replica takes the lease.
      const next = `next ${term}`;
      const log = server.open();
      await log.lease.take(next, await log.lease.read());
      broker.drop("Connection lost");
      publish(term % 2);
      await writer.lost();
    }
    broker.holdsAcknowledgements = false;
    const { writer, begin, entries } = await makeWriter({ server, broker, token: "last" });
    begin();
    await until("all acknowledged", () => broker.unacknowledged === 0);
    assertEquals(entries().filter((entry) => entry.startsWith("a/b=")), published);
    await writer.lost();
  }
});

Deno.test("LeaseLostError is no reason to give the lease back", async () => {
  const { writer, begin, log, clock, interruptions } = await makeWriter();
  await log.lease.take("another", await log.lease.read());
  begin();
  await until("the end", () => clock.timers === 0);
  assertEquals([(await log.lease.read())?.token, interruptions], ["another", []]);
  await writer.lost();
  assertEquals(new LeaseLostError().name, "LeaseLostError");
});
