import { assertEquals, assertRejects } from "@std/assert";
import { BrokerError, type BrokerMessage, type FilterRequest, type QoS } from "../../../src/mqtt/broker.ts";
import type { LogEntry } from "../../../src/mqtt/replicas/event_log.ts";
import { WantedFilters } from "../../../src/mqtt/replicas/wanted_filters.ts";
import { settle } from "../../support/settle.ts";

/** Largest subscription identifier. */
const MAX_ID = 268_435_455;

/** Makes subscriptions for filters that the test changes. */
function makeFilters({ random = 0, subscribe = () => Promise.resolve([]) }: {
  readonly random?: number;
  readonly subscribe?: () => Promise<readonly string[]>;
} = {}) {
  const wanted = new Map<string, QoS>();
  const retired: string[] = [];
  const requests: FilterRequest[][] = [];
  const calls: string[] = [];
  const granted: LogEntry[] = [];
  const filters = new WantedFilters({
    log: {
      readWanted: () => (calls.push("readWanted"), Promise.resolve(new Map(wanted))),
      retire: () => (calls.push("retire"), Promise.resolve(retired.splice(0))),
    },
    token: "token",
    connection: {
      subscribe: (all) => (calls.push("subscribe"), requests.push([...all]), subscribe()),
      unsubscribe: () => (calls.push("unsubscribe"), Promise.resolve()),
    },
    append: (entry) => (granted.push(entry), Promise.resolve()),
    random: () => random,
  });
  return { filters, wanted, retired, requests, calls, granted };
}

function delivery(topic: string, subscriptions?: readonly number[]): BrokerMessage {
  return { topic, payload: new Uint8Array(), qos: 1, retain: false, subscriptions };
}

Deno.test("update() records grants in several entries when there are many", async () => {
  const { filters, wanted, requests, granted } = makeFilters();
  for (let index = 0; index < 1200; index++) wanted.set(`${index}`, 0);
  await filters.update();
  assertEquals(requests.map(({ length }) => length), [1200]);
  assertEquals(granted.map((entry) => entry.type === "granted" && entry.filters.length), [500, 500, 200]);
});

Deno.test("update() retires before it reads what is wanted: a filter that is wanted again is subscribed to", async () => {
  const { filters, wanted, retired, calls, requests, granted } = makeFilters();
  wanted.set("a", 1);
  await filters.update();
  calls.length = 0;
  retired.push("a");
  await filters.update();
  assertEquals(calls, ["retire", "readWanted", "unsubscribe", "subscribe"]);
  assertEquals([requests.length, granted.length], [2, 2]);
});

Deno.test("update() during another one begins again once that one has ended", async () => {
  const response = Promise.withResolvers<readonly string[]>();
  const { filters, wanted, requests } = makeFilters({ subscribe: () => response.promise });
  wanted.set("a", 1);
  const first = filters.update();
  await settle();
  wanted.set("b", 1);
  const second = filters.update();
  const third = filters.update();
  await settle();
  assertEquals(requests.length, 1);
  response.resolve([]);
  await Promise.all([first, second, third]);
  assertEquals(requests.map((all) => all.map(({ filter }) => filter)), [["a"], ["b"]]);
});

Deno.test("update() throws when the connection closes", async () => {
  const { filters, wanted } = makeFilters({ subscribe: () => Promise.reject(new BrokerError("Closed")) });
  wanted.set("a", 1);
  await assertRejects(() => filters.update(), BrokerError, "Closed");
});

Deno.test("identifiers are unique and in range, wherever they begin", async () => {
  const { filters, wanted, requests } = makeFilters({ random: 1 - 2 / MAX_ID });
  for (let index = 0; index < 5; index++) wanted.set(`${index}`, 0);
  await filters.update();
  assertEquals(requests[0]?.map(({ id }) => id), [MAX_ID - 1, MAX_ID, 1, 2, 3]);
});

Deno.test("includes() is true for what is wanted, by identifier or topic, and for all until it is known", async () => {
  const { filters, wanted, retired } = makeFilters();
  wanted.set("a/+", 0);
  assertEquals(filters.includes(delivery("b")), true);
  await filters.update();
  const included = () =>
    [delivery("a/b"), delivery("?", [1]), delivery("a/b", [9]), delivery("b", [9]), delivery("b")]
      .map((message) => filters.includes(message));
  assertEquals(included(), [true, true, true, false, false]);
  wanted.clear();
  retired.push("a/+");
  await filters.update();
  assertEquals(included(), [false, false, false, false, false]);
});

Deno.test("generationOf() differs for earlier connections, and after the end of a subscription", async () => {
  const { filters, wanted, retired } = makeFilters();
  wanted.set("a", 0).set("b", 0);
  await filters.update();
  const before = filters.generationOf(delivery("a", [1]));
  assertEquals([before === filters.generationOf(delivery("b", [2])), filters.generationOf(delivery("a", [7]))], [
    true,
    0,
  ]);
  wanted.delete("b");
  retired.push("b");
  await filters.update();
  assertEquals(filters.generationOf(delivery("a", [1])) === before, false);
});
