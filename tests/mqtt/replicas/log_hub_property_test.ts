/** Guarantees of replicas for any order of events and faults. */
import { assert, assertEquals } from "@std/assert";
import * as fc from "fast-check";
import type { QoS } from "../../../src/mqtt/broker.ts";
import type { ReceivedMessage } from "../../../src/mqtt/hub/received_message.ts";
import type { Subscriber } from "../../../src/mqtt/hub/subscriber.ts";
import { TopicFilterSet } from "../../../src/mqtt/topics/filter_set.ts";
import type { Position } from "../../../src/protocol/event.ts";
import type { RecordingSubscriber } from "../../support/hub.ts";
import { ReplicaEnvironment } from "../../support/replicas.ts";
import { settle } from "../../support/settle.ts";

const TOPICS = ["a", "a/b", "d"];
const FILTERS = ["a", "a/b", "a/+", "a/#", "#", "d"];
const REPLICAS = 3;
const PHONES = 4;

type Step =
  /** Publishes a message of another client; the payload is the number of the publication. */
  | { readonly do: "publish"; readonly topic: string; readonly retain: boolean; readonly qos: QoS }
  /** Opens a stream of a phone at a replica, with the position of its previous one. */
  | { readonly do: "connect"; readonly phone: number; readonly replica: number; readonly keep: boolean }
  /** Disconnects a phone, which has not read a number of the last events. */
  | { readonly do: "disconnect"; readonly phone: number; readonly unread: number }
  /** Disconnects a phone, and opens a stream at another replica. */
  | { readonly do: "move"; readonly phone: number; readonly replica: number; readonly unread: number }
  | { readonly do: "wait"; readonly ms: number }
  | Fault;

type Fault =
  | { readonly do: "kill" | "close connection" | "block" | "unblock"; readonly replica: number }
  /** The server loses its last entries. */
  | { readonly do: "restart"; readonly lost: number }
  | { readonly do: "empty" | "fail" | "freeze" | "work" | "new writer" | "lose writer" | "offline" };

const replica = fc.nat(REPLICAS - 1);
const phone = fc.nat(PHONES - 1);

const usualSteps: fc.WeightedArbitrary<Step>[] = [
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("publish" as const),
      topic: fc.constantFrom(...TOPICS),
      retain: fc.boolean(),
      qos: fc.constantFrom<QoS>(0, 1),
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant("connect" as const), phone, replica, keep: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("disconnect" as const),
      phone,
      unread: fc.oneof(fc.constant(0), fc.nat(6)),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("move" as const),
      phone,
      replica,
      unread: fc.oneof(fc.constant(0), fc.nat(6)),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(5, 10, 20, 1000, 7000) }),
  },
];

const faultSteps: fc.WeightedArbitrary<Step>[] = [
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom("kill", "close connection", "block", "unblock"),
      replica,
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("restart" as const), lost: fc.nat(3) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom("empty", "fail", "freeze", "work", "new writer", "new writer", "lose writer", "offline"),
    }),
  },
];

/** Some phones are subscribed, and no retained message is expected. */
const BEGINNING: readonly Step[] = [
  { do: "publish", topic: "a/b", retain: true, qos: 1 },
  { do: "connect", phone: 0, replica: 0, keep: false },
  { do: "connect", phone: 1, replica: 1, keep: true },
  { do: "connect", phone: 2, replica: 1, keep: false },
  { do: "wait", ms: 7000 },
];

function scenarioOf(steps: readonly fc.WeightedArbitrary<Step>[]) {
  return fc.record({
    owners: fc.array(fc.constantFrom("one", "other"), { minLength: PHONES, maxLength: PHONES }),
    filters: fc.array(fc.uniqueArray(fc.constantFrom(...FILTERS), { minLength: 1, maxLength: 3 }), {
      minLength: PHONES,
      maxLength: PHONES,
    }),
    // All entries, or about six.
    maxBytes: fc.constantFrom(Infinity, Infinity, 600),
    steps: fc.array(fc.oneof(...steps), { minLength: 5, maxLength: 50, size: "max" }),
  });
}

type Scenario = ReturnType<typeof scenarioOf> extends fc.Arbitrary<infer T> ? T : never;

interface StreamEvent {
  readonly type: "connected" | "gap" | "message" | "offline" | "online" | "ended";
  readonly position?: Position | undefined;
  readonly message?: ReceivedMessage;
  /** Number of publications before the event. */
  readonly published: number;
}

interface Publication {
  readonly number: number;
  readonly topic: string;
}

/** Client that subscribes at any replica, and resumes with the newest position that it has read. */
class Phone {
  /** Events that it has read of all streams but the open one. */
  read: StreamEvent[] = [];
  /** Events of the open stream. */
  sent: StreamEvent[] = [];
  /** Number of streams that began without a gap after another one. */
  resumed = 0;
  replica: number | undefined;
  readonly filters: readonly string[];
  readonly #owner: string;
  readonly #published: readonly Publication[];
  #unsubscribe: (() => void) | undefined;

  constructor(owner: string, filters: readonly string[], published: readonly Publication[]) {
    this.#owner = owner;
    this.filters = filters;
    this.#published = published;
  }

  get isOpen(): boolean {
    return this.#unsubscribe !== undefined && this.sent.at(-1)?.type !== "ended";
  }

  connect(environment: ReplicaEnvironment, replica: number, keep: boolean): void {
    if (this.isOpen) return;
    this.disconnect(0);
    const since = this.read.findLast(({ position }) => position !== undefined)?.position;
    // Without a position, the next stream cannot resume.
    if (since === undefined) this.read = [];
    const sent: StreamEvent[] = [];
    this.sent = sent;
    this.replica = replica;
    let isOver = false;
    const record = (type: StreamEvent["type"], details: Partial<StreamEvent> = {}) => {
      assert(this.sent === sent && !isOver, `${type} came after the end`);
      sent.push({ type, published: this.#published.length, ...details });
    };
    const subscriber: Subscriber = {
      owner: this.#owner,
      filters: this.filters,
      qos: 1,
      keep,
      since,
      connected: (position) => record("connected", { position }),
      gap: (position) => record("gap", { position }),
      message: (message) => record("message", { message, position: message.position }),
      offline: () => record("offline"),
      online: () => record("online"),
      ended() {
        record("ended");
        isOver = true;
      },
    };
    const unsubscribe = environment.replica(replica).hub.hub.subscribe(subscriber);
    this.#unsubscribe = () => {
      isOver = true;
      unsubscribe();
    };
  }

  disconnect(unread: number): void {
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    this.replica = undefined;
    this.#checkStream();
    if (this.read.length > 0 && this.sent[0]?.position !== undefined) this.resumed += 1;
    this.read.push(...this.sent.slice(0, Math.max(0, this.sent.length - unread)));
    this.sent = [];
  }

  /** All events that it has read or will read. */
  get events(): readonly StreamEvent[] {
    return [...this.read, ...this.sent];
  }

  /** Checks all live messages: in order, none twice, and each hole told by a gap. */
  check(): void {
    this.#checkStream();
    const filters = new TopicFilterSet(this.filters);
    const isDue = ({ topic }: Publication) => filters.matches(topic);
    let next = this.events.find(({ type }) => type === "connected")?.published ?? 0;
    let last = -1;
    let isTold = false;
    /** All messages before it may be missing: of those that waited for a writer, some were lost in between. */
    let toldUntil = 0;
    for (const { type, position, message, published } of this.events) {
      if (type === "gap" || (type === "connected" && position === undefined)) {
        isTold = true;
        toldUntil = published;
      }
      if (message === undefined || message.retain) continue;
      const number = Number(message.payload);
      assert(number > last, `twice, or not in order: ${number} after ${last}`);
      assert(filters.matches(message.topic), `not subscribed: ${message.topic}`);
      const missing = this.#published.slice(Math.max(next, toldUntil), number).filter(isDue).map((each) => each.number);
      assert(missing.length === 0 || isTold, `a hole before ${number} that no gap tells: ${missing}`);
      next = Math.max(next, number + 1);
      last = number;
      isTold = false;
    }
  }

  #checkStream(): void {
    let offset = -1;
    let epoch = "";
    for (const [index, { type, position }] of this.sent.entries()) {
      assertEquals(type === "connected", index === 0 && type !== "ended", "connected comes first and once");
      assert(type !== "ended" || index === this.sent.length - 1, "an event after the end");
      const previous = this.sent[index - 1]?.type;
      if (type === "online") assertEquals(previous, "offline");
      if (previous === "offline") assert(type === "online" || type === "ended", `${type} after offline`);
      if (previous === "online") assertEquals(type, "gap");
      if (position === undefined) continue;
      // A server that restarts twice may have lost what it skipped the first time.
      if (position.epoch !== epoch || type === "gap") offset = -1;
      assert(position.offset >= offset, `offsets grow: ${position.offset} after ${offset}`);
      ({ epoch, offset } = position);
    }
  }
}

interface Outcome {
  readonly resumed: number;
  readonly gaps: number;
}

async function run({ owners, filters, maxBytes, steps }: Scenario): Promise<Outcome> {
  await using environment = new ReplicaEnvironment({
    replicas: REPLICAS,
    resumeSeconds: 1_000,
    limits: { maxBytes, maxAgeMs: Infinity },
  });
  const { server, writer } = environment;
  const published: Publication[] = [];
  const publish = async (topic: string, retain: boolean, qos: QoS) => {
    const number = published.length;
    published.push({ number, topic });
    // A server that is frozen answers only later.
    const publishing = environment.publish(topic, String(number), { retain, qos });
    await settle();
    return publishing;
  };
  const phones = filters.map((each, index) => new Phone(owners[index] ?? "", each, published));
  await environment.advance(20, 5);
  await writer.connect();
  let isFrozen = false;
  for (const step of [...BEGINNING, ...steps]) {
    switch (step.do) {
      case "publish": {
        const publishing = publish(step.topic, step.retain, step.qos);
        if (!isFrozen) await publishing;
        break;
      }
      case "connect":
        phones[step.phone]?.connect(environment, step.replica, step.keep);
        break;
      case "disconnect":
        phones[step.phone]?.disconnect(step.unread);
        break;
      case "move":
        phones[step.phone]?.disconnect(step.unread);
        phones[step.phone]?.connect(environment, step.replica, false);
        break;
      case "wait":
        if (isFrozen) server.work();
        isFrozen = false;
        await environment.advance(step.ms, step.ms < 100 ? 5 : 500);
        break;
      case "kill":
        if (isFrozen) break;
        for (const each of phones) if (each.replica === step.replica) each.disconnect(0);
        await environment.kill(step.replica);
        break;
      case "close connection":
        environment.replica(step.replica).broker.closeConnection();
        break;
      case "block":
        environment.replica(step.replica).log.faults.fail();
        break;
      case "unblock":
        environment.replica(step.replica).log.faults.work();
        break;
      case "restart":
        server.restart({ lost: step.lost });
        break;
      case "empty":
        server.empty();
        break;
      case "fail":
        server.fail();
        break;
      case "freeze":
        server.freeze();
        isFrozen = true;
        break;
      case "work":
        server.work();
        isFrozen = false;
        break;
      case "new writer":
        if (!isFrozen) await writer.connect();
        break;
      case "lose writer":
        writer.disconnect();
        break;
      case "offline":
        if (!isFrozen) await writer.goOffline();
        break;
    }
    await settle();
  }
  server.work();
  for (const { log } of environment.replicas) log.faults.work();
  await environment.advance(1_000, 50);
  if (!writer.isConnected) await writer.connect();
  await environment.advance(70_000, 1_000);
  if (!writer.isConnected) await writer.connect();
  for (const [index, each] of phones.entries()) each.connect(environment, index % REPLICAS, true);
  await environment.advance(100, 5);
  const gaps = phones.flatMap(({ events }) => events).filter(({ type }) => type === "gap").length;
  for (const topic of TOPICS) await publish(topic, false, 1);
  await environment.advance(100, 5);
  for (const each of phones) {
    each.check();
    assert(each.isOpen, "all are subscribed in the end");
    const isDue = new TopicFilterSet(each.filters);
    const due = published.slice(-TOPICS.length).filter(({ topic }) => isDue.matches(topic));
    const last = each.sent.flatMap(({ message }) => message?.retain === false ? [Number(message.payload)] : []);
    assertEquals(last.slice(-due.length), due.map(({ number }) => number), "the last messages arrive");
    for (const [topic, payload] of environment.replica(0).broker.retained) {
      if (!isDue.matches(topic)) continue;
      assert(each.events.some(({ message }) => message?.payload === payload), `it lacks ${topic}: ${payload}`);
    }
  }
  assertEquals(environment.faults, []);
  return { gaps, resumed: phones.reduce((sum, { resumed }) => sum + resumed, 0) };
}

Deno.test("phones miss no message without a gap, and get none twice, at any replica and with any fault", async () => {
  let resumed = 0;
  await fc.assert(
    fc.asyncProperty(scenarioOf([...usualSteps, ...faultSteps]), async (scenario) => {
      resumed += (await run(scenario)).resumed;
    }),
    { numRuns: 300 },
  );
  assert(resumed > 50, `only ${resumed} streams were resumed: too few for this test`);
});

Deno.test("phones miss no message at all while nothing fails, at any replica", async () => {
  await fc.assert(
    fc.asyncProperty(scenarioOf(usualSteps), async (scenario) => {
      const { gaps } = await run({ ...scenario, maxBytes: Infinity });
      assertEquals(gaps, 0);
    }),
    { numRuns: 200 },
  );
});

type OwnerStep =
  | { readonly do: "publish"; readonly topic: string; readonly retain: boolean }
  | { readonly do: "connect"; readonly client: number; readonly replica: number; readonly isResumed: boolean }
  | { readonly do: "disconnect"; readonly client: number }
  | { readonly do: "wait"; readonly ms: number };

const ownersArbitrary = fc.record({
  // One filter each: several would show the order of their first requests.
  filters: fc.array(fc.constantFrom(...FILTERS), { minLength: 4, maxLength: 4 }),
  // Some streams resume too late.
  resumeSeconds: fc.constantFrom(4, 1_000),
  steps: fc.array(
    fc.oneof<fc.Arbitrary<OwnerStep>[]>(
      fc.record({ do: fc.constant("publish"), topic: fc.constantFrom(...TOPICS), retain: fc.boolean() }),
      fc.record({ do: fc.constant("connect"), client: fc.nat(3), replica, isResumed: fc.boolean() }),
      fc.record({ do: fc.constant("disconnect"), client: fc.nat(3) }),
      fc.record({ do: fc.constant("wait"), ms: fc.constantFrom(20, 1000, 6000) }),
    ),
    { minLength: 10, maxLength: 40, size: "max" },
  ),
});

/** Runs steps with or without those of another owner, and returns the events of the first one's subscribers. */
async function eventsOf(
  { filters, resumeSeconds, steps }: typeof ownersArbitrary extends fc.Arbitrary<infer T> ? T : never,
  isAlone: boolean,
): Promise<readonly (readonly string[])[]> {
  await using environment = new ReplicaEnvironment({ replicas: REPLICAS, resumeSeconds });
  await environment.advance(20, 5);
  await environment.writer.connect();
  // There is an entry before each stream: positions of two replicas after the same entry cannot be compared, so that a
  // stream may get retained messages again, or no gap though it resumes too late.
  await environment.subscribe(0, "$tick", { owner: "clock" });
  const open: (RecordingSubscriber | undefined)[] = [];
  const own: RecordingSubscriber[] = [];
  for (const [index, step] of steps.entries()) {
    if (step.do === "publish") await environment.publish(step.topic, String(index), { retain: step.retain });
    else if (step.do === "wait") await environment.advance(step.ms, step.ms < 100 ? 5 : 500);
    else {
      // The last two belong to the other owner.
      const owner = step.client < 2 ? "one" : "other";
      if (owner === "other" && isAlone) continue;
      const previous = open[step.client];
      previous?.unsubscribe();
      open[step.client] = undefined;
      if (step.do === "disconnect") continue;
      await environment.publish("$tick", "");
      const options = { owner, since: step.isResumed ? previous?.position : undefined };
      const subscriber = environment.add(step.replica, filters[step.client] ?? "#", options);
      open[step.client] = subscriber;
      if (owner === "one") own.push(subscriber);
      // The writer's answer to a new filter takes longer than that to one that another owner has.
      await environment.advance(40, 5);
    }
    await settle();
  }
  return own.map(({ events }) => events.toSorted());
}

Deno.test("events of an owner's subscribers do not show whether another owner is subscribed at any replica", async () => {
  await fc.assert(
    fc.asyncProperty(ownersArbitrary, async (scenario) => {
      assertEquals(await eventsOf(scenario, false), await eventsOf(scenario, true));
    }),
    { numRuns: 200 },
  );
});
