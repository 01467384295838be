/** Growth of the hub: streams that come, leave and resume, overlapping filters, retained messages, many filters. */
import type { GrowthCase } from "../growth_case.ts";
import { filtersOf, HubUnderLoad, makeSubscriber } from "../hub_under_load.ts";
import { timeOf } from "../time_of.ts";

const streamsLeave: GrowthCase = {
  name: "streams-leave",
  sizes: [600, 1_200, 2_400, 4_800],
  unit: "streams of 100 keys",
  async measure(size) {
    using load = new HubUnderLoad();
    const leave = filtersOf("home", size).map((filter, index) =>
      load.hub.subscribe(makeSubscriber([filter], { owner: `key${index % 100}` }))
    );
    await load.settle();
    return timeOf(() => leave.forEach((each) => each()));
  },
};

const streamsOnOneFilter: GrowthCase = {
  name: "streams-on-one-filter",
  sizes: [250, 500, 1_000, 2_000],
  unit: "streams that come and leave, one request each",
  async measure(size) {
    using load = new HubUnderLoad();
    let cost = 0;
    const leave: (() => void)[] = [];
    for (let index = 0; index < size; index++) {
      cost += timeOf(() => {
        leave.push(load.hub.subscribe(makeSubscriber(["home/#"], { owner: `key${index}` })));
        load.clock.pass(5);
      });
      const started = performance.now();
      for (let round = 0; round < 20; round++) await undefined;
      cost += performance.now() - started;
    }
    return cost + timeOf(() => leave.forEach((each) => each()));
  },
};

const streamsComeAtTheLimit: GrowthCase = {
  name: "streams-at-the-filter-limit",
  sizes: [50, 100, 200, 400],
  unit: "streams with a new filter while others left 10,000 behind",
  measure(size) {
    using load = new HubUnderLoad();
    for (let key = 0; key < 100; key++) {
      load.hub.subscribe(makeSubscriber(filtersOf(`old${key}`, 100), { owner: `key${key}` }))();
    }
    return timeOf(() => {
      for (let index = 0; index < size; index++) {
        load.hub.subscribe(makeSubscriber([`new/${index}`], { owner: `key${index % 100}` }))();
      }
    });
  },
};

/** Returns the cost of a resume of each of some streams on a filter, after messages on other topics. */
async function resumeCost(
  { streams, messages, topic, filter }: {
    readonly streams: number;
    readonly messages: number;
    readonly topic: (index: number) => string;
    readonly filter: string;
  },
): Promise<number> {
  using load = new HubUnderLoad();
  load.hub.subscribe(makeSubscriber(["#"], { owner: "logger" }));
  load.hub.subscribe(makeSubscriber([filter]));
  await load.settle();
  load.finishRetained();
  const since = load.history.position;
  for (let index = 0; index < messages; index++) load.publish(topic(index));
  return timeOf(() => {
    for (let index = 0; index < streams; index++) load.hub.subscribe(makeSubscriber([filter], { since }));
  });
}

const resumeOne: GrowthCase = {
  name: "resume-one",
  sizes: [4_000, 8_000, 16_000, 30_000],
  unit: "kept messages, none of them for the listener",
  isFlat: true,
  measure: (messages) =>
    resumeCost({ streams: 1, messages, topic: (index) => `home/room${index % 50}/lamp/state`, filter: "alarm/#" }),
};

const resumeMany: GrowthCase = {
  name: "resume-many",
  sizes: [25, 50, 100, 200],
  unit: "streams with a full history, none of it for them",
  measure: (streams) =>
    resumeCost({
      streams,
      messages: 30_000,
      topic: (index) => `home/room${index % 50}/lamp${index % 3}/state`,
      filter: "home/+/door/state",
    }),
};

const resumeOverlapping: GrowthCase = {
  name: "resume-overlapping",
  sizes: [10, 20, 40, 80],
  unit: "matching filters of one listener that resumes, a copy for each",
  async measure(size) {
    const filters = overlappingFilters(size);
    using load = new HubUnderLoad();
    load.hub.subscribe(makeSubscriber(filters));
    await load.settle();
    load.finishRetained();
    const since = load.history.position;
    for (let message = 0; message < 100; message++) publishCopies(load, size);
    return timeOf(() => void load.hub.subscribe(makeSubscriber(filters, { since })));
  },
};

const TOPIC = "a/b/c/d/e/f/g/h";

/** Returns filters that all match one topic. */
function overlappingFilters(count: number): string[] {
  return Array.from(
    { length: count },
    (_, bits) => TOPIC.split("/").map((level, index) => bits & (1 << index) ? "+" : level).join("/"),
  );
}

/** Delivers a message as brokers of MQTT 5 do: a copy for each subscription. */
function publishCopies(load: HubUnderLoad, count: number): void {
  for (let id = 1; id <= count; id++) load.publish(TOPIC, { subscriptions: [id] });
}

const overlapping: GrowthCase = {
  name: "overlapping-filters",
  sizes: [30, 60, 120, 240],
  unit: "matching filters of one listener, 50 messages, a copy for each",
  async measure(size) {
    using load = new HubUnderLoad();
    load.hub.subscribe(makeSubscriber(overlappingFilters(size)));
    await load.settle();
    return timeOf(() => {
      for (let message = 0; message < 50; message++) publishCopies(load, size);
    });
  },
};

const brokerReturns: GrowthCase = {
  name: "broker-returns",
  sizes: [1_250, 2_500, 5_000, 10_000],
  unit: "filters",
  async measure(size) {
    using load = new HubUnderLoad();
    for (let from = 0; from < size; from += 50) {
      load.hub.subscribe(makeSubscriber(filtersOf(`home${from}`, 50), { owner: `key${from % 40}`, keep: true }));
    }
    await load.settle();
    load.loseBroker();
    await load.settle(0);
    const started = performance.now();
    await load.settle(60_000);
    const cost = performance.now() - started;
    if (load.requests.flat().length !== 2 * size) throw new Error("Not all filters were requested again");
    return cost;
  },
};

const retained: GrowthCase = {
  name: "retained-messages",
  sizes: [500, 1_000, 2_000, 4_000],
  unit: "large retained messages",
  async measure(size) {
    using load = new HubUnderLoad();
    load.hub.subscribe(makeSubscriber(["home/#"]));
    await load.settle();
    const payload = new Uint8Array(65 * 1024);
    return timeOf(() => {
      for (let index = 0; index < size; index++) load.publish(`home/${index}`, { payload, retain: true });
    });
  },
};

const retainedForMany: GrowthCase = {
  name: "retained-for-many",
  sizes: [50, 100, 200, 400],
  unit: "streams on one filter with 200 retained messages, one request each",
  async measure(size) {
    using load = new HubUnderLoad();
    let cost = 0;
    for (let index = 0; index < size; index++) {
      load.hub.subscribe(makeSubscriber(["home/#"], { owner: `key${index}` }));
      load.clock.pass(5);
      for (let round = 0; round < 20; round++) await undefined;
      cost += timeOf(() => {
        for (let topic = 0; topic < 200; topic++) load.publish(`home/${topic}`, { retain: true });
      });
    }
    return cost;
  },
};

const resumeWildcards: GrowthCase = {
  name: "resume-wildcards",
  sizes: [12, 25, 50, 100],
  unit: "filters with wildcards of one stream, with a full history on other topics",
  async measure(size) {
    const filters = filtersOf("+/+/+/door", size);
    using load = new HubUnderLoad();
    load.hub.subscribe(makeSubscriber(["#"], { owner: "logger" }));
    load.hub.subscribe(makeSubscriber(filters));
    await load.settle();
    for (let index = 0; index < 40_000; index++) load.publish(`${index % 60}/${index % 59}/${index % 53}/lamp`);
    load.finishRetained();
    const since = load.history.position;
    for (let index = 0; index < 20_000; index++) load.publish(`${index % 60}/${index % 59}/${index % 53}/lamp`);
    return timeOf(() => void load.hub.subscribe(makeSubscriber(filters, { since })));
  },
};

const topics: GrowthCase = {
  name: "topics",
  sizes: [10_000, 20_000, 40_000, 80_000],
  unit: "messages on as many topics, with a full history",
  async measure(size) {
    using load = new HubUnderLoad();
    load.hub.subscribe(makeSubscriber(["home/#"]));
    await load.settle();
    // The history is full before.
    for (let index = 0; index < 40_000; index++) load.publish(`home/old${index % 97}/lamp${index}/state`);
    return timeOf(() => {
      for (let index = 0; index < size; index++) load.publish(`home/room${index % 97}/lamp${index}/state`);
    });
  },
};

/** Cases of the hub. */
export const HUB_CASES: readonly GrowthCase[] = [
  streamsLeave,
  streamsOnOneFilter,
  streamsComeAtTheLimit,
  resumeOne,
  resumeMany,
  resumeOverlapping,
  resumeWildcards,
  overlapping,
  brokerReturns,
  retained,
  retainedForMany,
  topics,
];
