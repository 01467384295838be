/** Calls of the services beside Jeedom and MQTT: their wait, and answers that are malformed. */
import { assertEquals, assertRejects } from "@std/assert";
import { FailedError, type GatewayClient, RequestTimeoutError, ScopeError } from "../../src/client/gateway_client.ts";
import { until } from "../support/deadline.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { BROKEN, follow } from "./follow.ts";
import { answer, clientOf, coded, connected, made, message, mute, stream } from "../support/fake_gateway.ts";

type Call = (client: GatewayClient) => Promise<unknown>;

const HTTP: Call = (client) => client.http({ target: "nas", path: "/" });
const CAMERA: Call = (client) => client.homeAssistantCamera("camera.door");

const DEVICE = {
  name: "phone",
  kid: "0123456789abcdef",
  default: false,
  minProtocol: 1,
  rights: { mqtt: { publish: ["#"] } },
  summary: ["MQTT publish #"],
  services: ["mqtt"],
  version: "1.1.0",
  time: 1_700_000_000.25,
};

const SUBSCRIBED = { id: "a", kind: "web", host: "fcm.googleapis.com", created: "2026-11-30T09:00:00.000Z" };

const PUSH = {
  ...{ enabled: true, publicKey: "B", max: 5, maxRules: 50, rules: [], sources: ["topics"] },
  subscriptions: [SUBSCRIBED],
};

/** Answers that do not have the form of the service. */
const MALFORMED: readonly (readonly [name: string, call: Call, answers: readonly Record<string, unknown>[]])[] = [
  ["actions", (client) => client.actions(), [
    { body: null },
    { body: [] },
    { body: "no JSON" },
    { body: { actions: {} } },
    { body: { actions: [{ name: "open-gate" }] } },
    { body: { actions: [null] } },
    { body: { actions: [], uses: 3 } },
    { body: { actions: [], uses: { left: 2 } } },
  ]],
  ["device", (client) => client.device(), [
    { body: [] },
    { body: "no JSON" },
    { body: { ...DEVICE, kid: undefined } },
    { body: { ...DEVICE, default: "no" } },
    { body: { ...DEVICE, label: 1 } },
    { body: { ...DEVICE, expires: 1_800_000_000 } },
    { body: { ...DEVICE, time: null } },
    { body: { ...DEVICE, rights: { mqtt: [] } } },
    { body: { ...DEVICE, summary: [1] } },
    { body: { ...DEVICE, uses: { action: { left: "2" } } } },
  ]],
  ["forget", (client) => client.forget(), [{ body: [] }, { body: null }]],
  ["push", (client) => client.push(), [
    { body: [] },
    { body: { ...PUSH, publicKey: 1 } },
    { body: { ...PUSH, enabled: 1 } },
    { body: { ...PUSH, max: "5" } },
    { body: { ...PUSH, subscriptions: [{ id: "a" }] } },
    { body: { ...PUSH, subscriptions: [{ ...SUBSCRIBED, lastSuccess: 1 }] } },
    { body: { ...PUSH, rules: [{ name: "doorbell" }] } },
    { body: { ...PUSH, sources: {} } },
  ]],
  ["pushSubscribe", (client) => client.pushSubscribe({ endpoint: "", keys: { p256dh: "", auth: "" }, kind: "web" }), [
    { body: {} },
    { body: { id: 1 } },
  ]],
  ["pushUnsubscribe", (client) => client.pushUnsubscribe("a"), [{ body: {} }]],
  ["pushAlerts", (client) => client.pushAlerts(), [{ body: {} }, { body: { alerts: [{ title: "Doorbell" }] } }]],
  ["http", HTTP, [{ body: null, body_b64: 7 }, { body: null, body_b64: "no base64!" }]],
  ["homeAssistantStates", (client) => client.homeAssistantStates(["*"]), [
    { body: {} },
    { body: [{ entity_id: "light.a", state: "on" }] },
    { body: [{ entity_id: "light.a", state: 1, attributes: {} }] },
  ]],
  ["homeAssistantState", (client) => client.homeAssistantState("light.a"), [{ body: [] }, { body: null }]],
  [
    "homeAssistantHistory",
    (client) => client.homeAssistantHistory(["light.a"], { start: 0 }),
    [{ body: null }, { body: [{}] }, { body: [[{ state: 1 }]] }],
  ],
  ["homeAssistantCamera", CAMERA, [{ body: null }, { body: null, body_b64: {} }]],
  ["influx", (client) => client.influx("q"), [
    { body: { columns: ["a"] } },
    { body: { columns: [1], rows: [] } },
    { body: { columns: ["a"], rows: [{}] } },
    { body: { columns: "a", rows: [] } },
  ]],
  ["influxWrite", (client) => client.influxWrite("w", { measurement: "m", fields: { a: 1 } }), [
    { body: null },
    { body: { success: "yes" } },
  ]],
];

for (const [name, call, answers] of MALFORMED) {
  Deno.test(`${name}() throws a FailedError for an answer that is malformed`, async () => {
    for (const { body, ...members } of answers) {
      const { client } = clientOf([made(members, 200, body)], new FakeClock());
      await assertRejects(() => call(client), FailedError, "malformed", JSON.stringify({ body, members }));
    }
  });

  Deno.test(`${name}() throws what the gateway refuses`, async () => {
    const { client } = clientOf([coded(403, "scope")], new FakeClock());
    await assertRejects(() => call(client), ScopeError, "Some text");
  });

  if (call === HTTP) continue;
  Deno.test(`${name}() throws a FailedError with the status of a service that refuses`, async () => {
    const { client } = clientOf([made({ service: "s" }, 404, "Not found")], new FakeClock());
    const error = await assertRejects(() => call(client), FailedError, "answers with status 404: Not found");
    assertEquals(error.status, 404);
  });
}

Deno.test("http() waits longer than the gateway does, unless the caller says how long", async () => {
  const cases: readonly (readonly [timeout: number | undefined, given: number | undefined, wait: number])[] = [
    [undefined, undefined, 40_000],
    [10, undefined, 40_000],
    [80, undefined, 90_000],
    [80, 45_000, 45_000],
  ];
  for (const [timeout, given, wait] of cases) {
    const clock = new FakeClock();
    const { client, requests } = clientOf([mute], clock);
    const options = given === undefined ? {} : { timeout: given };
    const call = () => client.http({ target: "nas", path: "/", timeout }, options);
    const failed = assertRejects(call, RequestTimeoutError, `${wait / 1000} s`);
    await until("the request", () => requests.length === 1);
    assertEquals(requests[0]?.fields["timeout"], timeout);
    clock.advance(wait - 1);
    assertEquals(clock.hasPendingTimeout, true);
    clock.advance(1);
    await failed;
    clock.assertIdle();
  }
});

Deno.test("http() has the media type of the headers where the body is not raw", async () => {
  const { client } = clientOf([
    made({ headers: { "content-type": "text/plain", age: 7 } }, 200, "hi"),
    answer(200, "hi"),
  ], new FakeClock());
  const { contentType, headers, bytes } = await client.http({ url: "http://nas/" });
  assertEquals([contentType, headers, bytes], ["text/plain", { "content-type": "text/plain", age: "7" }, undefined]);
  const bare = await client.http({ url: "http://nas/" });
  assertEquals([bare.contentType, bare.headers], [undefined, {}]);
});

Deno.test("homeAssistantHistory() takes dates, seconds and texts as times", async () => {
  const { client, requests } = clientOf([answer(200, []), answer(200, [])], new FakeClock());
  await client.homeAssistantHistory(["light.a"], { start: new Date(1_700_000_000_500), end: 1_700_000_001.5 });
  await client.homeAssistantHistory(["light.a"], { start: "2026-11-01T00:00:00Z", attributes: true, timeout: 90_000 });
  const entities = ["light.a"];
  assertEquals(requests.map(({ fields }) => fields["history"]), [
    { entities, start: 1_700_000_000.5, end: 1_700_000_001.5 },
    { entities, start: "2026-11-01T00:00:00Z", attributes: true },
  ]);
});

Deno.test("influxWrite() takes dates, numbers and texts as times", async () => {
  const times = [new Date(1_700_000_000_500), 1_700_000_000, "2027-01-31T12:00:00Z"];
  const { client, requests } = clientOf(times.map(() => answer(200, { success: true })), new FakeClock());
  for (const time of times) await client.influxWrite("w", { measurement: "m", fields: { a: 1 }, time });
  assertEquals(requests.map(({ fields: { time } }) => time), [
    1_700_000_000_500,
    1_700_000_000,
    "2027-01-31T12:00:00Z",
  ]);
});

Deno.test("call() names its service, whatever the fields are", async () => {
  const { client, requests } = clientOf([answer(200, 1), answer(200, 2)], new FakeClock());
  await client.call("echo", { service: "jeedom", timestamp: 1, word: "hi" }, { compress: "gzip" });
  await client.call("echo");
  const common = { service: "echo", timestamp: 1_700_000_000 };
  assertEquals(requests.map(({ route, fields }) => ({ route, ...fields })), [
    { route: "/gateway", ...common, word: "hi", compress: "gzip" },
    { route: "/gateway", ...common },
  ]);
});

Deno.test("subscribeTo() subscribes on the route of all services, and resumes after the last message", async () => {
  const answers = [stream([connected(1), message(2)]), stream([connected(2), message(3)])];
  const { client, requests } = clientOf(answers, new FakeClock());
  const events = client.subscribeTo("echo", { service: "mqtt", since: 5, word: "hi" }, { keep: true });
  assertEquals(await follow(events, 3), ["connected", "m2", BROKEN, "connected", "m3"]);
  const common = { route: "/subscribe", service: "echo", word: "hi", keep: true, batch: true };
  assertEquals(requests.map(({ route, fields: { timestamp: _, ...fields } }) => ({ route, ...fields })), [
    common,
    { ...common, since: { epoch: "e1", offset: 2 } },
  ]);
});
