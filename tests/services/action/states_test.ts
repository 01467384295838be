import { assertEquals } from "@std/assert";
import { isObject } from "../../../src/lib/json.ts";
import { Scope } from "../../../src/keys/rights.ts";
import { createStateReader } from "../../../src/services/action/states.ts";
import type { Reply, Service } from "../../../src/services/service.ts";
import { type InnerRequest, makeActionGateway } from "../../support/action_gateway.ts";
import { until } from "../../support/deadline.ts";
import { FakeTime } from "../../support/fake_time.ts";
import { settle } from "../../support/settle.ts";

const GATE = { label: "Gate", publish: { topic: "home/gate/set", message: "OPEN" } };

const json = (value: unknown): Reply => ({ status: 200, bodyJson: JSON.stringify(value) });

/** Answers each service as it does. */
const ANSWERS: Readonly<Record<string, Reply>> = {
  mqtt: json({ topic: "home/gate", payload: "open" }),
  "home_assistant": json({ "entity_id": "cover.gate", state: "closed", attributes: { position: 40 } }),
  jeedom: json({ jsonrpc: "2.0", id: 1, result: { value: 21.5, collectDate: "2026-01-01" } }),
  influxdb: json({ columns: ["time", "mean"], rows: [[1, 20], [2, 20.5]] }),
};

const answer = ({ service }: InnerRequest) => Promise.resolve(ANSWERS[service] ?? json(null));

/** Makes a phone that may run everything, and a function that lists the states by action. */
async function makePhone(
  states: Readonly<Record<string, unknown>>,
  options: Parameters<typeof makeActionGateway>[1] = {},
) {
  const actions = Object.fromEntries(Object.entries(states).map(([name, state]) => [name, { ...GATE, state }]));
  const gateway = await makeActionGateway(actions, { answer, ...options });
  const phone = await gateway.phone("phone", { action: { actions: ["*"] } });
  async function list() {
    const [, body] = await phone.ask({});
    const actions: unknown = isObject(body) ? body["actions"] : undefined;
    if (!Array.isArray(actions)) throw new Error("No list");
    return Object.fromEntries(actions.map(({ name, state }) => [name, state]));
  }
  return { ...gateway, list };
}

Deno.test("the list of actions has the state of each source", async () => {
  const { list, requests } = await makePhone({
    mqtt: { topic: "home/gate" },
    home: { homeAssistant: "cover.gate" },
    attribute: { homeAssistant: "cover.gate", field: "attributes.position" },
    jeedom: { call: { method: "cmd::execCmd", params: { id: 3 } } },
    influx: { query: "temperature", params: { room: "kitchen" } },
  });
  assertEquals(await list(), { mqtt: "open", home: "closed", attribute: 40, jeedom: 21.5, influx: 20.5 });
  assertEquals(requests.map(({ service, payload }) => [service, payload]), [
    ["mqtt", { retained: "home/gate" }],
    ["home_assistant", { state: "cover.gate" }],
    ["home_assistant", { state: "cover.gate" }],
    ["jeedom", { jsonrpc: "cmd::execCmd", params: { id: 3 } }],
    ["influxdb", { query: "temperature", params: { room: "kitchen" } }],
  ]);
});

Deno.test("the list of actions has null for a state that is not known, and none where the file names no source", async () => {
  const values: [unknown, unknown][] = [
    [json({ payload: null }), null],
    [json({ payload: "x".repeat(201) }), null],
    [json({ payload: "" }), ""],
    [json({ payload: '{"state":"ON"}' }), '{"state":"ON"}'],
    [json("text"), null],
    [{ status: 404, bodyJson: '{"payload":"x"}' }, null],
    [{ status: 200, bodyJson: "no JSON" }, null],
    [new Error("broker at 192.168.1.20"), null],
  ];
  for (const [reply, state] of values) {
    const { list } = await makePhone({ a: { topic: "home/gate" }, b: undefined }, {
      answer: () =>
        reply instanceof Error ? Promise.reject(reply) : Promise.resolve({ ...json(null), ...reply as Reply }),
    });
    assertEquals(await list(), { a: state, b: undefined });
  }
});

Deno.test("a state may be a member of JSON, and nothing that objects inherit", async () => {
  const { list } = await makePhone({
    member: { topic: "t", field: "light.on" },
    index: { topic: "t", field: "list.1" },
    missing: { topic: "t", field: "light.off" },
    object: { topic: "t", field: "light" },
    inherited: { topic: "t", field: "constructor.name" },
  }, { answer: () => Promise.resolve(json({ payload: '{"light":{"on":true},"list":[1,2]}' })) });
  assertEquals(await list(), { member: true, index: 2, missing: null, object: null, inherited: null });
});

Deno.test("states are asked for once a second, however many list the actions, and at most 8 at a time of a service", async () => {
  let running = 0;
  let most = 0;
  const names = Array.from({ length: 10 }, (_, index) => `a${index}`);
  const { list, requests, clock, phone } = await makePhone(
    Object.fromEntries(names.map((name) => [name, { topic: name }])),
    {
      answer: async () => {
        most = Math.max(most, ++running);
        await settle();
        running -= 1;
        return json({ payload: "on" });
      },
    },
  );
  const other = await phone("other", { action: { actions: ["a1"] } });
  await Promise.all([list(), list(), other.ask({})]);
  assertEquals([requests.length, most], [10, 8]);
  clock.ms = 999;
  await list();
  assertEquals(requests.length, 10);
  clock.ms = 1000;
  await other.ask({});
  assertEquals(requests.map(({ payload }) => payload["retained"]).slice(10), ["a1"]);
  assertEquals(new Set(requests.map(({ context }) => context.key)), new Set(["states of actions"]));
});

Deno.test("states are asked for again after an action ran, also when a request began before", async () => {
  const held: ((reply: Reply) => void)[] = [];
  const { list, requests, phone } = await makePhone({ gate: { topic: "home/gate" } }, {
    answer: ({ payload }) =>
      payload["retained"] === undefined
        ? Promise.resolve(json("published"))
        : new Promise((resolve) => void held.push(resolve)),
  });
  const owner = await phone("owner", { action: { actions: ["*"] } });
  const before = list();
  await until("the state is asked for", () => held.length === 1);
  assertEquals((await owner.ask({ name: "gate" }))[0], 200);
  const after = list();
  await until("the state is asked for again", () => held.length === 2);
  held[0]?.(json({ payload: "closed" }));
  held[1]?.(json({ payload: "open" }));
  assertEquals([await before, await after, await list()], [{ gate: "closed" }, { gate: "open" }, { gate: "open" }]);
  assertEquals(requests.length, 3);
});

Deno.test("createStateReader() waits 2 s for a service that hangs, asks it once, and has the late answer", async () => {
  using time = new FakeTime();
  const { promise, resolve } = Promise.withResolvers<Reply>();
  let asked = 0;
  const service: Service = {
    name: "mqtt",
    fieldErrorStatus: 400,
    target: () => undefined,
    handle() {
      asked += 1;
      return promise;
    },
  };
  const { read } = createStateReader({ findService: () => service, fullScope: new Scope({}), monotonic: () => 0 });
  const source = { service: "mqtt", payload: { retained: "slow" }, path: [] } as const;
  for (const _ of [1, 2]) {
    const state = read(source);
    await settle();
    time.pass(2000);
    assertEquals(await state, undefined);
  }
  assertEquals(asked, 1);
  resolve(json({ payload: "late" }));
  await settle();
  assertEquals(await read(source), "late");
});
