/** What the hub promises, whatever happens in whatever order. */
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

/** More than is ever published here. */
const ENDLESS = 1_000_000;

type Step =
  /** Somebody publishes; the payload is the number of the publication. */
  | { readonly do: "publish"; readonly topic: string; readonly retain: boolean }
  /** A phone opens a stream, with the position that it has from the one before. */
  | { readonly do: "join"; readonly phone: number; readonly keep: boolean; readonly qos: QoS }
  /** All phones that have no stream open one. */
  | { readonly do: "return" }
  /** A phone is gone. So much of what was sent in the end did not reach it. */
  | { readonly do: "drop"; readonly phone: number; readonly unread: number }
  /** The hub gathers. */
  | { readonly do: "gather" }
  /** Everything arrives, and time passes. */
  | { readonly do: "wait"; readonly seconds: number }
  /** From now on what is on its way to the broker, or from it, stays there. */
  | { readonly do: "hold"; readonly side: "commands" | "packets" }
  /** Some of it arrives, with so many turns for the hub in between: without any, in one piece. */
  | { readonly do: "arrive"; readonly side: "commands" | "packets"; readonly count: number; readonly turns: number }
  | { readonly do: "lose"; readonly stayDown: boolean };

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
      do: fc.constant("join" as const),
      phone: fc.nat(3),
      keep: fc.boolean(),
      qos: fc.constantFrom<QoS>(0, 0, 1),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("drop" as const),
      phone: fc.nat(3),
      unread: fc.oneof(fc.constant(0), fc.nat(6)),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("return" as const) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant("gather" as const) }) },
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
      turns: fc.oneof(fc.constant(0), fc.nat(10), fc.constant(30)),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("lose" as const), stayDown: fc.boolean() }) },
);

/** Some listen already, and wait for nothing more. */
const BEGINNING: readonly Step[] = [
  { do: "publish", topic: "a/b", retain: true },
  { do: "join", phone: 0, keep: false, qos: 0 },
  { do: "join", phone: 1, keep: false, qos: 0 },
  { do: "join", phone: 2, keep: true, qos: 0 },
  { do: "gather" },
  { do: "wait", seconds: 6 },
];

const scenarioArbitrary = fc.record({
  way: fc.constantFrom(...DELIVERY_MODES),
  retainedFirst: fc.boolean(),
  // The others hold some six messages, shared by the topics, and none at all.
  maxBytes: fc.constantFrom(ENDLESS, ENDLESS, 1_600, 0),
  /** Whose each phone is. */
  owners: fc.array(fc.constantFrom("one", "other"), { minLength: 4, maxLength: 4 }),
  phones: fc.array(fc.uniqueArray(fc.constantFrom(...FILTERS), { minLength: 1, maxLength: 3 }), {
    minLength: 4,
    maxLength: 4,
  }),
  steps: fc.array(stepArbitrary, { minLength: 10, maxLength: 60, size: "max" }),
});

interface Heard {
  readonly what: "connected" | "gap" | "message" | "offline" | "online" | "ended";
  readonly position?: Position | undefined;
  readonly message?: ReceivedMessage;
  /** Whether it is a message from before it came. */
  readonly isMissed?: boolean;
  /** How much was published by then. */
  readonly published: number;
}

interface PhoneOptions {
  readonly owner: string;
  readonly filters: readonly string[];
  /** How much was published by now. */
  readonly published: () => number;
}

/** Somebody who listens, is cut off, and comes back with the newest position that it has read. */
class Phone {
  /** What it has read of all its streams, but the open one. */
  read: Heard[] = [];
  /** What was sent on the stream that is open. */
  sent: Heard[] = [];
  /** How often it came back without a gap and got something that it had missed. */
  resumed = 0;
  readonly #stage: HubEnvironment;
  readonly #owner: string;
  readonly #filters: readonly string[];
  readonly #published: () => number;
  #leave: (() => void) | undefined;

  constructor(environment: HubEnvironment, { owner, filters, published }: PhoneOptions) {
    this.#stage = environment;
    this.#owner = owner;
    this.#filters = filters;
    this.#published = published;
  }

  get isOpen(): boolean {
    return this.#leave !== undefined && this.sent.at(-1)?.what !== "ended";
  }

  join(options: { readonly keep: boolean; readonly qos: QoS }): void {
    if (this.isOpen) return;
    this.drop(0);
    const since = this.read.findLast(({ position }) => position !== undefined)?.position;
    // Without a position there is nothing that the next stream could go on with.
    if (since === undefined) this.read = [];
    const sent: Heard[] = [];
    this.sent = sent;
    const note = (what: Heard["what"], about: Partial<Heard> = {}) => {
      assert(this.sent === sent && !isOver, `${what} came after the end`);
      sent.push({ what, published: this.#published(), ...about });
    };
    let isOver = false;
    const subscriber: Subscriber = {
      owner: this.#owner,
      filters: this.#filters,
      ...options,
      since,
      connected: (position) => note("connected", { position }),
      gap: (position) => note("gap", { position }),
      message: (message, isBacklog) =>
        note("message", { message, position: message.position, isMissed: isBacklog && !message.retain }),
      offline: () => note("offline"),
      online: () => note("online"),
      ended() {
        note("ended");
        isOver = true;
      },
    };
    const leave = this.#stage.hub.subscribe(subscriber);
    this.#leave = () => {
      isOver = true;
      leave();
    };
  }

  drop(unread: number): void {
    this.#leave?.();
    this.#leave = undefined;
    checkStream(this.sent);
    const isWhole = this.read.length > 0 && this.sent[0]?.position !== undefined;
    if (isWhole && this.sent.some(({ isMissed }) => isMissed)) this.resumed += 1;
    this.read.push(...this.sent.slice(0, Math.max(0, this.sent.length - unread)));
    this.sent = [];
  }

  /** Checks everything that it has read so far. */
  check(published: readonly Publication[], retained: ReadonlyMap<string, string>): void {
    checkStream(this.sent);
    const heard = [...this.read, ...this.sent];
    const filterSet = new TopicFilterSet(this.#filters);
    const numbers = heard.flatMap(({ message }) => message?.retain === false ? [Number(message.payload)] : []);
    for (const [index, number] of numbers.entries()) {
      assert(index === 0 || number > (numbers[index - 1] ?? number), `twice, or not in order: ${numbers}`);
      assert(filterSet.matches(published[number]?.topic ?? ""), `not asked for: ${number}`);
    }
    if (!this.isOpen) return;
    assertEquals(this.sent.at(-1)?.what, "message", "it listens in the end");
    // Whatever was published after it was connected, or after it was told of a gap, has to be there.
    const from = Math.max(
      heard.find(({ what }) => what === "connected")?.published ?? 0,
      heard.findLast(({ what }) => what === "gap")?.published ?? 0,
    );
    const due = published.filter(({ number, topic }) => number >= from && filterSet.matches(topic));
    assertEquals(numbers.filter((number) => number >= from), due.map(({ number }) => number));
    for (const [topic, payload] of retained) {
      if (!filterSet.matches(topic)) continue;
      assert(heard.some(({ message }) => message?.payload === payload), `it does not know ${topic}: ${payload}`);
    }
  }
}

interface Publication {
  readonly number: number;
  readonly topic: string;
}

/** Checks what holds in each stream for itself. */
function checkStream(heard: readonly Heard[]): void {
  let offset = -1;
  const retained = new Set<string>();
  for (const [index, { what, position, message }] of heard.entries()) {
    assertEquals(what === "connected", index === 0 && what !== "ended", "connected comes first and once");
    assert(what !== "ended" || index === heard.length - 1, "something came after the end");
    assertEquals(what === "online", heard[index - 1]?.what === "offline" && what !== "ended", "online after offline");
    const { what: before, position: earlier } = heard[index - 1] ?? {};
    if (before === "online" || (before === "connected" && earlier === undefined)) assertEquals(what, "gap");
    if (position !== undefined) {
      assert(position.offset > offset, "offsets grow");
      offset = position.offset;
    }
    if (what === "online") retained.clear();
    if (message?.retain !== true) continue;
    assert(!retained.has(message.topic), `retained twice: ${message.topic}`);
    retained.add(message.topic);
  }
}

/** Plays a scenario to its end, and returns how often a phone came back without a gap to what it had missed. */
async function play(
  { way: deliveryMode, retainedFirst, maxBytes, owners, phones: filters, steps }: Scenario,
): Promise<number> {
  await using environment = new HubEnvironment({ maxBytes });
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
      case "join":
        phones[step.phone]?.join(step);
        break;
      case "return":
        for (const phone of phones) phone.join({ keep: false, qos: 0 });
        break;
      case "drop":
        phones[step.phone]?.drop(step.unread);
        break;
      case "gather":
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
          await settle(step.turns);
        }
        break;
      case "lose":
        broker.isReachable = !step.stayDown;
        broker.closeConnection();
    }
  }
  broker.isReachable = true;
  await arriveAll();
  await environment.advance(35_000, 500);
  for (const phone of phones) phone.join({ keep: false, qos: 0 });
  await environment.passBatchTime();
  for (const topic of TOPICS) publish(topic, false);
  await settle();
  // What a ring loses while a listener waits for the grant may have been retained in between: then the gap is all.
  const known = maxBytes === ENDLESS ? broker.retained : new Map<string, string>();
  for (const phone of phones) phone.check(published, known);
  assert(phones.every(({ isOpen }) => isOpen), "all listen in the end");
  return phones.reduce((sum, { resumed }) => sum + resumed, 0);
}

type Scenario = typeof scenarioArbitrary extends fc.Arbitrary<infer T> ? T : never;

Deno.test("nothing is missed without a gap, and nothing comes twice or out of order, whatever happens", async () => {
  let resumed = 0;
  await fc.assert(
    fc.asyncProperty(scenarioArbitrary, async (scenario) => {
      resumed += await play(scenario);
    }),
    { numRuns: 1000 },
  );
  assert(resumed > 50, `only ${resumed} phones came back to what they had missed: this tells nothing`);
});

type Solo =
  | { readonly do: "publish"; readonly topic: string; readonly retain: boolean }
  | { readonly do: "join"; readonly who: number; readonly qos: QoS; readonly since: "own" | "newest" | "none" }
  | { readonly do: "drop"; readonly who: number }
  | { readonly do: "wait"; readonly ms: number }
  | { readonly do: "lose" };

const soloArbitrary = fc.record({
  way: fc.constantFrom(...DELIVERY_MODES),
  retainedFirst: fc.boolean(),
  // One for each: of several it shows in which order they were first asked for.
  filters: fc.array(fc.constantFrom(...FILTERS), { minLength: 4, maxLength: 4 }),
  steps: fc.array(
    fc.oneof<fc.Arbitrary<Solo>[]>(
      fc.record({ do: fc.constant("publish"), topic: fc.constantFrom(...TOPICS), retain: fc.boolean() }),
      fc.record({
        do: fc.constant("join"),
        who: fc.nat(3),
        qos: fc.constantFrom<QoS>(0, 1),
        since: fc.constantFrom("own", "own", "newest", "none"),
      }),
      fc.record({ do: fc.constant("drop"), who: fc.nat(3) }),
      fc.record({ do: fc.constant("wait"), ms: fc.constantFrom(5, 1000, 6000, HubEnvironment.RESUME_MS) }),
      fc.record({ do: fc.constant("lose") }),
    ),
    { minLength: 10, maxLength: 50, size: "max" },
  ),
});

/** Sorts retained messages that follow each other: in which order they come depends on what else the broker is asked. */
function sortRetained(heard: readonly string[]): string[] {
  const sorted: string[] = [];
  let run: string[] = [];
  for (const what of heard) {
    if (what.endsWith("(retained)")) run.push(what);
    else {
      sorted.push(...run.sort(), what);
      run = [];
    }
  }
  return [...sorted, ...run.sort()];
}

/** Plays steps with or without those of another owner, and returns all that the first one's listeners heard. */
async function hear(
  { way: deliveryMode, retainedFirst, filters, steps }: typeof soloArbitrary extends fc.Arbitrary<infer T> ? T : never,
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
    else if (each.do === "lose") environment.broker.closeConnection();
    else {
      // The last two are of the other owner.
      const owner = each.who < 2 ? "one" : "other";
      if (owner === "other" && isAlone) continue;
      const before = open[each.who];
      before?.unsubscribe();
      open[each.who] = undefined;
      if (each.do === "drop") continue;
      const since = each.since === "newest"
        ? environment.history.next()
        : each.since === "own"
        ? before?.position
        : undefined;
      const subscriber = environment.add(filters[each.who] ?? "#", { owner, qos: each.qos, since });
      const at: number[] = [];
      subscriber.onEvent = () => void at.push(step);
      open[each.who] = subscriber;
      if (owner === "one") own.push(Object.assign(subscriber, { at }));
    }
    await settle();
  }
  return own.map(({ events, at }) => sortRetained(events).map((what, index) => `${what} in step ${at[index]}`));
}

Deno.test("what the listeners of an owner hear, and when, does not tell whether another owner listens", async () => {
  await fc.assert(
    fc.asyncProperty(soloArbitrary, async (scenario) => {
      assertEquals(await hear(scenario, false), await hear(scenario, true));
    }),
    { numRuns: 500 },
  );
});
