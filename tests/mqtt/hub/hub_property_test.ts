/** Guarantees of the hub for any order of events. */
import { assert, assertEquals } from "@std/assert";
import * as fc from "fast-check";
import type { QoS } from "../../../src/mqtt/broker.ts";
import type { Subscriber } from "../../../src/mqtt/hub/subscriber.ts";
import type { ReceivedMessage } from "../../../src/mqtt/hub/received_message.ts";
import { TopicFilterSet } from "../../../src/mqtt/topics/filter_set.ts";
import type { Position } from "../../../src/protocol/event.ts";
import { DELIVERY_MODES, HubEnvironment, type RecordingSubscriber } from "../../support/hub.ts";
import { settle } from "../../support/settle.ts";

const TOPICS = ["a", "a/b", "a/c", "d"];
const FILTERS = ["a", "a/b", "a/+", "a/#", "+", "#", "d"];

/** More bytes than are ever published here. */
const UNLIMITED = 1_000_000;

type Step =
  /** Publishes a message of another client; the payload is the number of the publication. */
  | { readonly do: "publish"; readonly topic: string; readonly retain: boolean }
  /** Opens a stream of a phone with the position of its previous one. */
  | { readonly do: "connect"; readonly phone: number; readonly keep: boolean; readonly qos: QoS }
  /** Opens a stream of each phone without one. */
  | { readonly do: "return" }
  /** Disconnects a phone, which has not read a number of the last events. */
  | { readonly do: "disconnect"; readonly phone: number; readonly unread: number }
  /** Advances the time until the hub sends its request. */
  | { readonly do: "request" }
  /** Delivers everything in flight, and advances the time. */
  | { readonly do: "wait"; readonly seconds: number }
  /** Keeps commands or packets in flight from now on. */
  | { readonly do: "hold"; readonly side: "commands" | "packets" }
  /** Delivers some of them, with a number of microtasks after each. */
  | {
    readonly do: "arrive";
    readonly side: "commands" | "packets";
    readonly count: number;
    readonly microtasks: number;
  }
  | { readonly do: "close"; readonly stayDown: boolean };

const stepArbitrary: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("publish" as const),
      topic: fc.constantFrom(...TOPICS),
      retain: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("connect" as const),
      phone: fc.nat(3),
      keep: fc.boolean(),
      qos: fc.constantFrom<QoS>(0, 0, 1),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("disconnect" as const),
      phone: fc.nat(3),
      unread: fc.oneof(fc.constant(0), fc.nat(6)),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("return" as const) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant("request" as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("wait" as const), seconds: fc.integer({ min: 1, max: 7 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("hold" as const), side: fc.constantFrom("commands", "packets") }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant("arrive" as const),
      side: fc.constantFrom("commands", "packets"),
      count: fc.integer({ min: 1, max: 4 }),
      microtasks: fc.oneof(fc.constant(0), fc.nat(10), fc.constant(30)),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("close" as const), stayDown: fc.boolean() }) },
);

/** Some phones are subscribed, and no retained message is expected. */
const BEGINNING: readonly Step[] = [
  { do: "publish", topic: "a/b", retain: true },
  { do: "connect", phone: 0, keep: false, qos: 0 },
  { do: "connect", phone: 1, keep: false, qos: 0 },
  { do: "connect", phone: 2, keep: true, qos: 0 },
  { do: "request" },
  { do: "wait", seconds: 6 },
];

const scenarioArbitrary = fc.record({
  deliveryMode: fc.constantFrom(...DELIVERY_MODES),
  retainedFirst: fc.boolean(),
  // A pause before the beginning of each stream, or none.
  turnMs: fc.constantFrom(0, 5),
  // Room for any number, about six and no messages.
  maxBytes: fc.constantFrom(UNLIMITED, UNLIMITED, 1_600, 0),
  /** Owner of each phone. */
  owners: fc.array(fc.constantFrom("one", "other"), { minLength: 4, maxLength: 4 }),
  phones: fc.array(fc.uniqueArray(fc.constantFrom(...FILTERS), { minLength: 1, maxLength: 3 }), {
    minLength: 4,
    maxLength: 4,
  }),
  steps: fc.array(stepArbitrary, { minLength: 10, maxLength: 60, size: "max" }),
});

interface StreamEvent {
  readonly type: "connected" | "gap" | "message" | "offline" | "online" | "ended";
  readonly position?: Position | undefined;
  readonly message?: ReceivedMessage;
  /** True if it is a live message from before the stream. */
  readonly isMissed?: boolean;
  /** Number of publications before the event. */
  readonly published: number;
}

interface PhoneOptions {
  readonly owner: string;
  readonly filters: readonly string[];
  /** Returns the number of publications so far. */
  readonly published: () => number;
}

/** Client that subscribes, disconnects, and resumes with the newest position that it has read. */
class Phone {
  /** Events that it has read of all streams but the open one. */
  read: StreamEvent[] = [];
  /** Events of the open stream. */
  sent: StreamEvent[] = [];
  /** Number of resumes without a gap that replayed messages. */
  resumed = 0;
  readonly #environment: HubEnvironment;
  readonly #owner: string;
  readonly #filters: readonly string[];
  readonly #published: () => number;
  #unsubscribe: (() => void) | undefined;

  constructor(environment: HubEnvironment, { owner, filters, published }: PhoneOptions) {
    this.#environment = environment;
    this.#owner = owner;
    this.#filters = filters;
    this.#published = published;
  }

  get isOpen(): boolean {
    return this.#unsubscribe !== undefined && this.sent.at(-1)?.type !== "ended";
  }

  connect(options: { readonly keep: boolean; readonly qos: QoS }): void {
    if (this.isOpen) return;
    this.disconnect(0);
    const since = this.read.findLast(({ position }) => position !== undefined)?.position;
    // Without a position, the next stream cannot resume.
    if (since === undefined) this.read = [];
    const sent: StreamEvent[] = [];
    this.sent = sent;
    const record = (type: StreamEvent["type"], details: Partial<StreamEvent> = {}) => {
      assert(this.sent === sent && !isOver, `${type} came after the end`);
      sent.push({ type, published: this.#published(), ...details });
    };
    let isOver = false;
    const subscriber: Subscriber = {
      owner: this.#owner,
      filters: this.#filters,
      ...options,
      since,
      connected: (position) => record("connected", { position }),
      gap: (position) => record("gap", { position }),
      message: (message, isBacklog) =>
        record("message", { message, position: message.position, isMissed: isBacklog && !message.retain }),
      offline: () => record("offline"),
      online: () => record("online"),
      ended() {
        record("ended");
        isOver = true;
      },
    };
    const unsubscribe = this.#environment.hub.subscribe(subscriber);
    this.#unsubscribe = () => {
      isOver = true;
      unsubscribe();
    };
  }

  disconnect(unread: number): void {
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    checkStream(this.sent);
    const isComplete = this.read.length > 0 && this.sent[0]?.position !== undefined;
    if (isComplete && this.sent.some(({ isMissed }) => isMissed)) this.resumed += 1;
    this.read.push(...this.sent.slice(0, Math.max(0, this.sent.length - unread)));
    this.sent = [];
  }

  /** Checks all events so far. */
  check(published: readonly Publication[], retained: ReadonlyMap<string, string>): void {
    checkStream(this.sent);
    const events = [...this.read, ...this.sent];
    const filterSet = new TopicFilterSet(this.#filters);
    const numbers = events.flatMap(({ message }) => message?.retain === false ? [Number(message.payload)] : []);
    for (const [index, number] of numbers.entries()) {
      assert(index === 0 || number > (numbers[index - 1] ?? number), `twice, or not in order: ${numbers}`);
      assert(filterSet.matches(published[number]?.topic ?? ""), `not subscribed: ${number}`);
    }
    if (!this.isOpen) return;
    assertEquals(this.sent.at(-1)?.type, "message", "it is subscribed in the end");
    // All messages after `connected` and after the last gap must be there.
    const from = Math.max(
      events.find(({ type }) => type === "connected")?.published ?? 0,
      events.findLast(({ type }) => type === "gap")?.published ?? 0,
    );
    const due = published.filter(({ number, topic }) => number >= from && filterSet.matches(topic));
    assertEquals(numbers.filter((number) => number >= from), due.map(({ number }) => number));
    for (const [topic, payload] of retained) {
      if (!filterSet.matches(topic)) continue;
      assert(events.some(({ message }) => message?.payload === payload), `it lacks ${topic}: ${payload}`);
    }
  }
}

interface Publication {
  readonly number: number;
  readonly topic: string;
}

/** Checks the guarantees of each single stream. */
function checkStream(events: readonly StreamEvent[]): void {
  let offset = -1;
  const retained = new Set<string>();
  for (const [index, { type, position, message }] of events.entries()) {
    assertEquals(type === "connected", index === 0 && type !== "ended", "connected comes first and once");
    assert(type !== "ended" || index === events.length - 1, "an event after the end");
    assertEquals(type === "online", events[index - 1]?.type === "offline" && type !== "ended", "online after offline");
    const { type: previous, position: previousPosition } = events[index - 1] ?? {};
    if (previous === "online" || (previous === "connected" && previousPosition === undefined)) {
      assertEquals(type, "gap");
    }
    if (position !== undefined) {
      assert(position.offset > offset, "offsets grow");
      offset = position.offset;
    }
    if (type === "online") retained.clear();
    if (message?.retain !== true) continue;
    assert(!retained.has(message.topic), `retained twice: ${message.topic}`);
    retained.add(message.topic);
  }
}

/** Runs a scenario, and returns the number of resumes without a gap that replayed messages. */
async function run(
  { deliveryMode, retainedFirst, turnMs, maxBytes, owners, phones: filters, steps }: Scenario,
): Promise<number> {
  await using environment = new HubEnvironment({ maxBytes, turnMs });
  const { broker } = environment;
  broker.deliveryMode = deliveryMode;
  broker.sendsRetainedFirst = retainedFirst;
  const published: Publication[] = [];
  const publish = (topic: string, retain: boolean) => {
    const number = published.length;
    published.push({ number, topic });
    broker.publish(topic, String(number), { retain });
  };
  const phones = filters.map((each, index) =>
    new Phone(environment, { owner: owners[index] ?? "", filters: each, published: () => published.length })
  );
  const arriveAll = async () => {
    broker.read();
    broker.send();
    await settle();
  };
  for (const step of [...BEGINNING, ...steps]) {
    switch (step.do) {
      case "publish":
        publish(step.topic, step.retain);
        break;
      case "connect":
        phones[step.phone]?.connect(step);
        break;
      case "return":
        for (const phone of phones) phone.connect({ keep: false, qos: 0 });
        break;
      case "disconnect":
        phones[step.phone]?.disconnect(step.unread);
        break;
      case "request":
        await environment.passBatchTime();
        break;
      case "wait":
        broker.isReachable = true;
        await arriveAll();
        await environment.advance(step.seconds * 1000, 500);
        break;
      case "hold":
        if (step.side === "commands") broker.readsAtOnce = false;
        else broker.sendsAtOnce = false;
        break;
      case "arrive":
        for (let index = 0; index < step.count; index++) {
          if (step.side === "commands") broker.read(1);
          else broker.send(1);
          await settle(step.microtasks);
        }
        break;
      case "close":
        broker.isReachable = !step.stayDown;
        broker.closeConnection();
    }
  }
  broker.isReachable = true;
  await arriveAll();
  await environment.advance(35_000, 500);
  for (const phone of phones) phone.connect({ keep: false, qos: 0 });
  await environment.passBatchTime();
  // Each pause ends with the next step of the clock.
  await environment.advance(10, 1);
  for (const topic of TOPICS) publish(topic, false);
  await settle();
  // A message that is evicted before the grant may have been retained in between: then the gap is the only report.
  const known = maxBytes === UNLIMITED ? broker.retained : new Map<string, string>();
  for (const phone of phones) phone.check(published, known);
  assert(phones.every(({ isOpen }) => isOpen), "all are subscribed in the end");
  return phones.reduce((sum, { resumed }) => sum + resumed, 0);
}

type Scenario = typeof scenarioArbitrary extends fc.Arbitrary<infer T> ? T : never;

Deno.test("no message is missed without a gap, repeated or out of order, whatever happens", async () => {
  let resumed = 0;
  await fc.assert(
    fc.asyncProperty(scenarioArbitrary, async (scenario) => {
      resumed += await run(scenario);
    }),
    { numRuns: 1000 },
  );
  assert(resumed > 50, `only ${resumed} replays: too few for this test`);
});

type OwnerStep =
  | { readonly do: "publish"; readonly topic: string; readonly retain: boolean }
  | { readonly do: "connect"; readonly client: number; readonly qos: QoS; readonly since: "own" | "newest" | "none" }
  | { readonly do: "disconnect"; readonly client: number }
  | { readonly do: "wait"; readonly ms: number }
  | { readonly do: "close" };

const ownersArbitrary = fc.record({
  deliveryMode: fc.constantFrom(...DELIVERY_MODES),
  retainedFirst: fc.boolean(),
  // One filter each: several would show the order of their first requests.
  filters: fc.array(fc.constantFrom(...FILTERS), { minLength: 4, maxLength: 4 }),
  steps: fc.array(
    fc.oneof<fc.Arbitrary<OwnerStep>[]>(
      fc.record({ do: fc.constant("publish"), topic: fc.constantFrom(...TOPICS), retain: fc.boolean() }),
      fc.record({
        do: fc.constant("connect"),
        client: fc.nat(3),
        qos: fc.constantFrom<QoS>(0, 1),
        since: fc.constantFrom("own", "own", "newest", "none"),
      }),
      fc.record({ do: fc.constant("disconnect"), client: fc.nat(3) }),
      fc.record({ do: fc.constant("wait"), ms: fc.constantFrom(5, 1000, 6000, HubEnvironment.RESUME_MS) }),
      fc.record({ do: fc.constant("close") }),
    ),
    { minLength: 10, maxLength: 50, size: "max" },
  ),
});

/** Sorts successive retained messages, whose order depends on other requests. */
function sortRetained(events: readonly string[]): string[] {
  const sorted: string[] = [];
  let run: string[] = [];
  for (const event of events) {
    if (event.endsWith("(retained)")) run.push(event);
    else {
      sorted.push(...run.sort(), event);
      run = [];
    }
  }
  return [...sorted, ...run.sort()];
}

/** Runs steps with or without those of another owner, and returns the events of the first one's subscribers. */
async function eventsOf(
  { deliveryMode, retainedFirst, filters, steps }: typeof ownersArbitrary extends fc.Arbitrary<infer T> ? T : never,
  isAlone: boolean,
): Promise<readonly (readonly string[])[]> {
  await using environment = new HubEnvironment();
  environment.broker.deliveryMode = deliveryMode;
  environment.broker.sendsRetainedFirst = retainedFirst;
  const open: (RecordingSubscriber | undefined)[] = [];
  const own: (RecordingSubscriber & { readonly at: number[] })[] = [];
  let step = 0;
  for (const each of steps) {
    step += 1;
    if (each.do === "publish") environment.broker.publish(each.topic, String(step), { retain: each.retain });
    else if (each.do === "wait") await environment.advance(each.ms, 500);
    else if (each.do === "close") environment.broker.closeConnection();
    else {
      // The last two belong to the other owner.
      const owner = each.client < 2 ? "one" : "other";
      if (owner === "other" && isAlone) continue;
      const previous = open[each.client];
      previous?.unsubscribe();
      open[each.client] = undefined;
      if (each.do === "disconnect") continue;
      const since = each.since === "newest"
        ? environment.history.next()
        : each.since === "own"
        ? previous?.position
        : undefined;
      const subscriber = environment.add(filters[each.client] ?? "#", { owner, qos: each.qos, since });
      const at: number[] = [];
      subscriber.onEvent = () => void at.push(step);
      open[each.client] = subscriber;
      if (owner === "one") own.push(Object.assign(subscriber, { at }));
    }
    await settle();
  }
  return own.map(({ events, at }) => sortRetained(events).map((event, index) => `${event} in step ${at[index]}`));
}

Deno.test("events of an owner's subscribers, and their times, do not show whether another owner is subscribed", async () => {
  await fc.assert(
    fc.asyncProperty(ownersArbitrary, async (scenario) => {
      assertEquals(await eventsOf(scenario, false), await eventsOf(scenario, true));
    }),
    { numRuns: 500 },
  );
});
