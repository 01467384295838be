/** Tests of every client: calls and subscriptions of services beside Jeedom and MQTT. */
import { assertEquals, assertMatch } from "@std/assert";
import { type ClientProgram, ClientTests, type Line } from "./client_program.ts";
import { PUSH_CASES, PUSH_MALFORMED } from "./push_cases.ts";
import { closeConnection, refuse, stay } from "./responses.ts";
import type { MalformedCase, ServiceCase } from "./service_case.ts";
import { received, subscribing } from "./subscribing.ts";
import { type Respond, withFakeGateway } from "./tcp_gateway.ts";

/** No probe, which would be the first answer. */
const PINNED = { CLIENT_PROTOCOL: "2" };

const BYTES = Uint8Array.of(0xff, 0xd8, 0x00, 0x80).toBase64();

const STATE = { "entity_id": "light.kitchen", state: "on", attributes: { brightness: 128 } };

const ACTION = { name: "heating", label: "Heating", params: { degrees: { type: "number", min: 15 } }, coolDown: 5 };

const DEVICE = {
  name: "phone",
  kid: "0123456789abcdef",
  default: false,
  label: "Anna's phone",
  created: "2026-11-24T06:22:44.000Z",
  expires: "2027-01-31T12:00:00.000Z",
  minProtocol: 1,
  rights: { action: { actions: ["open-gate"], uses: 3 } },
  summary: ["actions open-gate, 3 runs"],
  services: ["action"],
  uses: { action: { left: 2, of: 3 } },
  version: "1.1.0",
  time: 1_700_000_000.25,
};

const HEADERS = { "content-type": "application/json", "set-cookie": "a=1\nb=2" };

/** Results of the calls that return an answer as it is. */
const plain = (body: unknown, { status = 200, members = {} }: { status?: number; members?: Line } = {}) => ({
  status,
  body,
  members,
});

const HOME = "home_assistant";

const CASES: readonly ServiceCase[] = [
  ...PUSH_CASES,
  {
    call: "call",
    args: { service: "echo", fields: { word: "hi", service: "jeedom" } },
    sent: { service: "echo", word: "hi" },
    answer: { body: [1, null], members: { more: { a: 1 } } },
    result: plain([1, null], { members: { more: { a: 1 } } }),
  },
  {
    call: "call",
    args: { service: "echo", fields: {} },
    sent: { service: "echo" },
    answer: { status: 418, body: '{"error":"This key may not drink tea"}', service: "echo" },
    result: plain('{"error":"This key may not drink tea"}', { status: 418 }),
  },
  {
    call: "device",
    args: {},
    sent: { service: "device" },
    answer: { body: DEVICE, source: "gateway" },
    result: DEVICE,
  },
  {
    call: "forget",
    args: {},
    sent: { service: "device", forget: true },
    answer: { body: { success: true, name: "phone" }, source: "gateway" },
    result: {},
  },
  {
    call: "action",
    args: { name: "open-gate" },
    sent: { service: "action", name: "open-gate" },
    answer: { body: { success: true, action: "open-gate" }, source: "gateway" },
    result: plain({ success: true, action: "open-gate" }),
  },
  {
    call: "action",
    args: { name: "heating", params: { degrees: 21.5 } },
    sent: { service: "action", name: "heating", params: { degrees: 21.5 } },
    answer: { body: '{"success":true}', source: "gateway" },
    result: plain('{"success":true}'),
  },
  {
    call: "actions",
    args: {},
    sent: { service: "action" },
    answer: {
      body: {
        actions: [{ name: "open-gate", label: "Open the gate", state: "closed" }, ACTION],
        uses: { left: 2, of: 3 },
      },
      source: "gateway",
    },
    result: {
      actions: [{ name: "open-gate", label: "Open the gate", state: "closed" }, ACTION],
      uses: { left: 2, of: 3 },
    },
  },
  {
    call: "actions",
    args: {},
    sent: { service: "action" },
    answer: { body: JSON.stringify({ actions: [] }), source: "gateway" },
    result: { actions: [], uses: null },
  },
  {
    call: "http",
    args: {
      target: "frigate",
      method: "POST",
      path: "/api/events",
      query: { limit: 5 },
      headers: { accept: "text/plain" },
      body: { a: [1] },
      timeout: 60,
    },
    sent: {
      service: "http",
      target: "frigate",
      method: "POST",
      path: "/api/events",
      query: { limit: 5 },
      headers: { accept: "text/plain" },
      body: { a: [1] },
      timeout: 60,
    },
    answer: { body: { id: 3 }, members: { headers: HEADERS } },
    result: { status: 200, body: { id: 3 }, headers: HEADERS, contentType: "application/json", bytes: null },
  },
  {
    call: "http",
    args: { url: "http://nas.example/picture", raw: true },
    sent: { service: "http", url: "http://nas.example/picture", raw: true },
    answer: { body: null, members: { headers: {}, body_b64: BYTES, content_type: "image/jpeg" } },
    result: { status: 200, body: null, headers: {}, contentType: "image/jpeg", bytes: BYTES },
  },
  {
    call: "http",
    args: { target: "nas", path: "/none" },
    sent: { service: "http", target: "nas", path: "/none" },
    // The text of a gateway, from a server.
    answer: { status: 403, body: '{"error":"This key may not","code":"scope"}', service: "http" },
    result: {
      status: 403,
      body: '{"error":"This key may not","code":"scope"}',
      headers: {},
      contentType: null,
      bytes: null,
    },
  },
  {
    call: "homeAssistant",
    args: { call: "light.turn_on", target: ["light.kitchen"], data: { brightness: 128 }, returnResponse: true },
    sent: {
      service: HOME,
      call: "light.turn_on",
      target: { entity_id: ["light.kitchen"] },
      data: { brightness: 128 },
      return_response: true,
    },
    answer: { body: [STATE] },
    result: plain([STATE]),
  },
  {
    call: "homeAssistant",
    args: { call: "scene.reload" },
    sent: { service: HOME, call: "scene.reload" },
    answer: { body: [] },
    result: plain([]),
  },
  {
    call: "homeAssistantStates",
    args: { globs: ["light.*", "sensor.*"] },
    sent: { service: HOME, states: ["light.*", "sensor.*"] },
    answer: { body: [STATE] },
    result: [STATE],
  },
  {
    call: "homeAssistantState",
    args: { entity: "light.kitchen" },
    sent: { service: HOME, state: "light.kitchen" },
    answer: { body: STATE },
    result: STATE,
  },
  {
    call: "homeAssistantHistory",
    args: {
      entities: ["light.kitchen"],
      start: "2026-11-01T00:00:00Z",
      end: "2026-11-02T00:00:00Z",
      attributes: true,
    },
    sent: {
      service: HOME,
      history: {
        entities: ["light.kitchen"],
        start: "2026-11-01T00:00:00Z",
        end: "2026-11-02T00:00:00Z",
        attributes: true,
      },
    },
    answer: { body: [[STATE]] },
    result: [[STATE]],
  },
  {
    call: "homeAssistantHistory",
    args: { entities: ["light.kitchen", "light.attic"], start: "2026-11-01T00:00:00Z" },
    sent: { service: HOME, history: { entities: ["light.kitchen", "light.attic"], start: "2026-11-01T00:00:00Z" } },
    answer: { body: [[STATE, { state: "off", "last_changed": "2026-11-01T08:00:00Z" }], []] },
    result: [[STATE, { state: "off", "last_changed": "2026-11-01T08:00:00Z" }], []],
  },
  {
    call: "homeAssistantCamera",
    args: { entity: "camera.door" },
    sent: { service: HOME, camera: "camera.door" },
    answer: { body: null, members: { body_b64: BYTES, content_type: "image/jpeg" } },
    result: BYTES,
  },
  {
    call: "influx",
    args: { query: "temperatures", params: { room: "attic" } },
    sent: { service: "influxdb", query: "temperatures", params: { room: "attic" } },
    answer: {
      body: { columns: ["time", "mean"], rows: [[1_700_000_000, 21.5], [1_700_000_600, null]], truncated: true },
    },
    result: { columns: ["time", "mean"], rows: [[1_700_000_000, 21.5], [1_700_000_600, null]], truncated: true },
  },
  {
    call: "influx",
    args: { query: "temperatures" },
    sent: { service: "influxdb", query: "temperatures" },
    answer: { body: { columns: [], rows: [] } },
    result: { columns: [], rows: [], truncated: false },
  },
  {
    call: "influxWrite",
    args: {
      write: "meter",
      measurement: "power",
      fields: { watts: 1500 },
      tags: { meter: "house" },
      time: "2027-01-31T12:00:00Z",
    },
    sent: {
      service: "influxdb",
      write: "meter",
      measurement: "power",
      fields: { watts: 1500 },
      tags: { meter: "house" },
      time: "2027-01-31T12:00:00Z",
    },
    answer: { body: { success: true } },
    result: null,
  },
  {
    call: "influxWrite",
    args: { write: "meter", measurement: "power", fields: { watts: 1 } },
    sent: { service: "influxdb", write: "meter", measurement: "power", fields: { watts: 1 } },
    answer: { body: { success: true } },
    result: null,
  },
];

/** Answers that do not have the form of the service, and statuses that the calls do not return. */
const MALFORMED: readonly MalformedCase[] = [
  ...PUSH_MALFORMED,
  ["device", {}, null],
  ["device", {}, { ...DEVICE, name: 1 }],
  ["device", {}, { ...DEVICE, summary: "every right" }],
  ["device", {}, { ...DEVICE, services: [1] }],
  ["device", {}, { ...DEVICE, rights: [] }],
  ["device", {}, { ...DEVICE, expires: 1790000000 }],
  ["actions", {}, { actions: {} }],
  ["actions", {}, { actions: [{ name: "open-gate" }] }],
  ["actions", {}, "no JSON"],
  ["actions", {}, { actions: [], uses: 3 }],
  ["actions", {}, { actions: [], uses: { left: "2", of: 3 } }],
  ["http", { target: "nas", path: "/" }, null, { body_b64: 7 }],
  ["http", { target: "nas", path: "/" }, null, { body_b64: "no base64!" }],
  ["homeAssistantStates", { globs: ["*"] }, {}],
  ["homeAssistantStates", { globs: ["*"] }, [{ entity_id: "light.a", state: "on" }]],
  ["homeAssistantState", { entity: "light.a" }, null],
  ["homeAssistantHistory", { entities: ["light.a"], start: "2026-11-01T00:00:00Z" }, [{}]],
  ["homeAssistantHistory", { entities: ["light.a"], start: "2026-11-01T00:00:00Z" }, [[{ state: 1 }]]],
  ["homeAssistantCamera", { entity: "camera.door" }, null],
  ["influx", { query: "q" }, { columns: ["a"] }],
  ["influx", { query: "q" }, { columns: [1], rows: [] }],
  ["influx", { query: "q" }, { columns: ["a"], rows: [{}] }],
  ["influxWrite", { write: "w", measurement: "m", fields: { a: 1 } }, {}],
];

/** Calls that may run something. */
const COMMANDS: readonly (readonly [call: string, args: Line])[] = [
  ["call", { service: "echo", fields: {} }],
  ["forget", {}],
  ["action", { name: "open-gate" }],
  ["pushTest", { id: "0123456789abcdef" }],
  ["http", { target: "nas", path: "/", method: "POST" }],
  ["homeAssistant", { call: "lock.open" }],
  ["influxWrite", { write: "w", measurement: "m", fields: { a: 1 } }],
];

const words = (calls: readonly (readonly [call: string, args: Line, ...unknown[]])[]) => [
  "service",
  ...calls.flatMap(([call, args]) => [call, JSON.stringify(args)]),
];

/** Registers the tests of one client. */
export function testServices(program: ClientProgram): void {
  const tests = new ClientTests(program);

  for (const version of ["1", "2"]) {
    tests.test(`of version ${version} sends the fields of each call of a service, and returns its result`, () => {
      const responses = CASES.map(({ answer: { body, ...options } }): Respond => (request) =>
        request.reply(body, options)
      );
      return withFakeGateway(responses, async (gateway) => {
        const args = words(CASES.map(({ call, args }) => [call, args]));
        const lines = await tests.all(gateway, args, { CLIENT_PROTOCOL: version });
        assertEquals(lines, CASES.map(({ result }) => ({ result })));
        for (const [index, { call, sent }] of CASES.entries()) {
          const { timestamp, ...fields } = gateway.requests[index]?.fields ?? {};
          assertEquals([typeof timestamp, gateway.requests[index]?.route], ["number", "/gateway"]);
          assertEquals(fields, sent, call);
        }
      });
    });
  }

  tests.test("fails for an answer of a service that is malformed, or that refuses a call with another result", () => {
    const malformed = MALFORMED.map(([_call, _args, body, members = {}]): Respond => (request) =>
      request.reply(body, { members })
    );
    const refused = MALFORMED.filter(([call]) => call !== "http");
    const refusals = refused.map((): Respond => (request) => request.reply("No", { status: 404, service: "echo" }));
    return withFakeGateway([...malformed, ...refusals], async (gateway) => {
      const lines = await tests.all(gateway, words([...MALFORMED, ...refused]), PINNED);
      assertEquals(lines.length, malformed.length + refusals.length);
      for (const [index, line] of lines.entries()) {
        const isMalformed = index < malformed.length;
        tests.assertFailure(line, "failed", { status: isMalformed ? 200 : 404 });
        if (!isMalformed) assertMatch(String(line["message"]), /answers with status 404: No/);
      }
    });
  });

  tests.test("classifies a refusal of the gateway for a service, as for Jeedom", () => {
    const responses = COMMANDS.map((): Respond => (request) =>
      request.reply('{"error":"This key may not","code":"scope"}', { status: 403, source: "gateway" })
    );
    return withFakeGateway(responses, async (gateway) => {
      const lines = await tests.all(gateway, words(COMMANDS), PINNED);
      assertEquals(lines.length, COMMANDS.length);
      for (const line of lines) tests.assertFailure(line, "scope", { status: 403, gatewayCode: "scope" });
    });
  });

  tests.test("sends no command of a service a second time, whatever fails", () => {
    // The clock is right, so a copy of the request may have run.
    const expired: Respond = (request) =>
      request.reply('{"error":"Request expired","code":"expired"}', { status: 403, source: "gateway" });
    const failures: readonly Respond[] = [closeConnection, refuse(503), refuse(429), expired];
    const codes = ["unreachable", "unavailable", "rate_limit", "expired"] as const;
    const responses = COMMANDS.flatMap(() => failures);
    return withFakeGateway(responses, async (gateway) => {
      const lines = await tests.all(gateway, words(COMMANDS.flatMap((call) => failures.map(() => call))), PINNED);
      assertEquals([lines.length, gateway.requests.length], [responses.length, responses.length]);
      for (const [index, line] of lines.entries()) tests.assertFailure(line, codes[index % codes.length] ?? "refused");
    });
  });

  for (const version of ["1", "2"]) {
    tests.test(`of version ${version} subscribes to a service and to entities, and resumes`, async () => {
      const batch = version === "2" ? { batch: true } : {};
      const subscriptions: readonly (readonly [choices: Line, sent: Line])[] = [
        [{ service: "echo", fields: { word: "hi", service: "mqtt" }, keep: true }, {
          service: "echo",
          word: "hi",
          keep: true,
        }],
        [{ entities: true }, { service: HOME, entities: ["#"] }],
      ];
      for (const [choices, sent] of subscriptions) {
        const cut: Respond = (request) => request.serve(1);
        await subscribing(tests)([cut, stay(2)], { count: 2, choices, version }, (lines, requests) => {
          assertEquals(received(lines), ["connected", "1", "disconnected", "connected", "2"]);
          assertEquals(requests.map(({ route }) => route), ["/subscribe", "/subscribe"]);
          assertEquals(requests.map(({ since }) => since), [undefined, { epoch: "spring", offset: 10 }]);
          for (const { fields: { timestamp: _, since: _since, keep, ...fields } } of requests) {
            // Some clients send false for what is off by default.
            assertEquals({ ...fields, ...keep === true ? { keep } : {} }, { ...sent, ...batch });
          }
        });
      }
    });
  }
}
