/** Commands for the services beside Jeedom and MQTT. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { action } from "../../src/cli/action.ts";
import { homeAssistant } from "../../src/cli/home_assistant.ts";
import { push } from "../../src/cli/push.ts";
import { query } from "../../src/cli/query.ts";
import { request } from "../../src/cli/request.ts";
import { states } from "../../src/cli/states.ts";
import { subscribe } from "../../src/cli/subscribe.ts";
import { parseExact } from "../../src/lib/exact_json.ts";
import type { Platform } from "../../src/platform.ts";
import { until, within } from "../support/deadline.ts";
import { clientMachine } from "../support/client_machine.ts";
import { type Answerer, coded, connected, made, message, stream } from "../support/fake_gateway.ts";

type Run = (platform: Platform) => Promise<number>;

/** Runs a command at a gateway with one answer; `sent` is the request without its timestamp. */
async function run(command: Run, args: readonly string[], answer: Answerer) {
  const { platform, requests, notices } = clientMachine(args, [answer]);
  const code = await command(platform);
  const [sent] = requests.map(({ fields: { timestamp: _, ...fields } }) => fields);
  return { code, sent, out: platform.lines, notices };
}

/** Values that JavaScript would write with other digits. */
const DIGITS = {
  number: parseExact("1.10"),
  rows: parseExact('{"columns":["time","value"],"rows":[[1700000000000.0,1.10],[null,12345678901234567890]]}'),
};

const PUSH = {
  ...{ enabled: true, publicKey: "B", max: 5, maxRules: 50, sources: ["topics", "health"] },
  subscriptions: [
    { id: "a1", kind: "web", label: "Phone", host: "fcm.googleapis.com", created: "2026-11-30T09:00:00.000Z" },
    {
      ...{ id: "b2", kind: "web", host: "localhost:1", created: "2026-11-30T09:00:00.000Z" },
      ...{ lastSuccess: "2026-11-30T09:00:01.000Z", lastFailure: "2026-11-30T09:00:00.000Z" },
    },
  ],
  rules: [{ name: "door", source: { topics: ["a"] }, condition: { type: "any" }, title: "Door" }],
};

const ALERT = {
  ...{ id: "a", title: "Door", body: "open", actions: [], urgency: "high", tag: "door a", timestamp: 1_796_032_800.5 },
};

const ok = (body: unknown, members: Record<string, unknown> = {}) => made(members, 200, body);

/** Command line, the request that it sends, the gateway's answer, and what is printed. */
const CASES:
  readonly (readonly [command: Run, args: readonly string[], sent: object, answer: Answerer, out: string[]])[] = [
    [action, ["open-gate"], { service: "action", name: "open-gate" }, ok({ success: true }), [
      '{\n  "success": true\n}',
    ]],
    [
      action,
      ["heating", "degrees=21.5", "mode=eco"],
      { service: "action", name: "heating", params: { degrees: 21.5, mode: "eco" } },
      ok('{"success":true}', { source: "gateway" }),
      ['{"success":true}'],
    ],
    [
      action,
      [],
      { service: "action" },
      ok({
        actions: [
          { name: "open-gate", label: "Open the gate", state: "closed", params: {} },
          { name: "heating", label: "Heating", state: null, params: { degrees: { type: "number" } } },
          { name: "scene", label: "Evening" },
          { name: "blind", label: "Blind", state: DIGITS.number },
        ],
        uses: { left: 2, of: 3 },
      }),
      [
        "open-gate: Open the gate (now closed)",
        "heating degrees=…: Heating (now unknown)",
        "scene: Evening",
        "blind: Blind (now 1.10)",
        "2 of 3 runs are left",
      ],
    ],
    [push, [], { service: "push" }, ok(PUSH), [
      "a1: Phone at fcm.googleapis.com, last success never",
      "b2: web at localhost:1, last success 2026-11-30T09:00:01.000Z, last failure 2026-11-30T09:00:00.000Z",
      "2 of 5 devices, 1 of 50 rules, sources: topics, health",
    ]],
    [push, ["rules"], { service: "push" }, ok(PUSH), [
      'door: {"source":{"topics":["a"]},"condition":{"type":"any"},"title":"Door"}',
    ]],
    [push, ["test", "a1"], { service: "push", test: "a1" }, ok({ queued: true }), [
      "A test notification is queued; deno task push shows the last success",
    ]],
    [push, ["remove", "a1"], { service: "push", remove: "a1" }, ok({ removed: true }), ["Subscription a1 is removed"]],
    [push, ["alerts"], { service: "push", alerts: { since: 0 } }, ok({ alerts: [ALERT] }), [
      "2026-11-30T10:00:00.500Z Door: open",
    ]],
    [
      push,
      [
        ...[
          "rules",
          "add",
          "freezer",
          "--topic",
          "a",
          "--topic",
          "b/#",
          "--path",
          "$.t",
          "--above=-15",
          "--hysteresis",
          "2",
        ],
        ...[
          "--title",
          "{value} °C",
          "--body",
          "b",
          "--urgency",
          "high",
          "--ttl",
          "60",
          "--replace",
          "f",
          "--action",
          "go",
        ],
        ...["--min-interval", "5", "--quiet", "22:00-07:00", "--time-zone", "Europe/Paris"],
      ],
      {
        service: "push",
        rule: {
          ...{ name: "freezer", source: { topics: ["a", "b/#"] }, title: "{value} °C", body: "b", path: "$.t" },
          condition: { type: "above", limit: -15, hysteresis: 2 },
          ...{ urgency: "high", ttlSeconds: 60, topic: "f", minIntervalSeconds: 5, actions: ["go"] },
          quietHours: { from: "22:00", to: "07:00", timeZone: "Europe/Paris" },
        },
      },
      ok({ name: "freezer" }),
      ["Rule freezer is set"],
    ],
    [
      push,
      ["rules", "add", "lights", "--entity", "light.*", "--equals", "on", "--once", "--title", "Light"],
      {
        service: "push",
        rule: {
          ...{ name: "lights", source: { entities: ["light.*"] }, title: "Light" },
          condition: { type: "equals", text: "on", once: true },
        },
      },
      ok({ name: "lights" }),
      ["Rule lights is set"],
    ],
    [push, ["rules", "remove", "door"], { service: "push", removeRule: "door" }, ok({ removed: true }), [
      "Rule door is removed",
    ]],
    [
      request,
      ["frigate", "/api/events?limit=5&label=a&label=b%26c"],
      {
        service: "http",
        target: "frigate",
        path: "/api/events",
        query: { limit: "5", label: ["a", "b&c"] },
        method: "GET",
      },
      ok([1], { headers: {} }),
      ["[\n  1\n]"],
    ],
    [
      request,
      ["nas", "/x", "--body", '{"n": 1.0}', "--header", "Accept: text/plain", "--header", "X-A:b: c", "--timeout", "5"],
      {
        service: "http",
        target: "nas",
        path: "/x",
        method: "POST",
        body: '{"n": 1.0}',
        headers: { Accept: "text/plain", "X-A": "b: c" },
        timeout: 5,
      },
      made({ service: "http" }, 204, ""),
      [""],
    ],
    [
      request,
      ["HTTP://nas.example/a?b=1", "--method", "DELETE"],
      { service: "http", url: "HTTP://nas.example/a?b=1", method: "DELETE" },
      ok("gone"),
      ["gone"],
    ],
    [
      homeAssistant,
      ["light.turn_on", "light.a", "light.b", "--data", '{"brightness": 128}', "--response"],
      {
        service: "home_assistant",
        call: "light.turn_on",
        target: { "entity_id": ["light.a", "light.b"] },
        data: { brightness: 128 },
        "return_response": true,
      },
      ok([]),
      ["[]"],
    ],
    [homeAssistant, ["scene.reload"], { service: "home_assistant", call: "scene.reload" }, ok([]), ["[]"]],
    [
      states,
      ["sensor.*", "light.*"],
      { service: "home_assistant", states: ["sensor.*", "light.*"] },
      ok([
        { "entity_id": "sensor.a", state: "21.5", attributes: { "unit_of_measurement": "°C" } },
        { "entity_id": "light.a", state: "on", attributes: {} },
      ]),
      ["sensor.a 21.5 °C", "light.a on"],
    ],
    [states, ["--json"], { service: "home_assistant", states: ["*"] }, ok([]), ["[]"]],
    [
      query,
      ["temperatures", "room=attic"],
      { service: "influxdb", query: "temperatures", params: { room: "attic" } },
      ok({ columns: ["time", "mean", "note"], rows: [[1_700_000_000_000, 21.5, "a\tb"], [null, null, true]] }),
      ["time\tmean\tnote", "2023-11-14T22:13:20.000Z\t21.5\ta b", "\t\ttrue"],
    ],
    [
      query,
      ["t", "--json"],
      { service: "influxdb", query: "t" },
      ok({ columns: [], rows: [] }),
      ['{\n  "columns": [],\n  "rows": [],\n  "truncated": false\n}'],
    ],
    [
      query,
      ["t"],
      { service: "influxdb", query: "t" },
      ok(DIGITS.rows),
      ["time\tvalue", "2023-11-14T22:13:20.000Z\t1.10", "\t12345678901234567890"],
    ],
    [
      query,
      ["t", "--json"],
      { service: "influxdb", query: "t" },
      ok({ columns: ["value"], rows: [[DIGITS.number]] }),
      ['{\n  "columns": [\n    "value"\n  ],\n  "rows": [\n    [\n      1.10\n    ]\n  ],\n  "truncated": false\n}'],
    ],
    [request, ["nas", "/x"], { service: "http", target: "nas", path: "/x", method: "GET" }, ok(DIGITS.number), [
      "1.10",
    ]],
    [query, ["--json"], { service: "influxdb" }, ok({ queries: [] }), ['{\n  "queries": []\n}']],
    [
      query,
      [],
      { service: "influxdb" },
      ok({ queries: [{ name: "power", params: {} }, { name: "t", label: "Warmth", params: { room: {}, from: {} } }] }),
      ["power", "t room=… from=…: Warmth"],
    ],
    [
      request,
      ["camera", "/x.jpg", "--raw"],
      { service: "http", target: "camera", path: "/x.jpg", method: "GET", raw: true },
      made({ service: "http", "body_b64": "/9j/AA==", "content_type": "image/jpeg" }, 200, null),
      ["ffd8ff00"],
    ],
  ];

for (const [command, args, sent, answer, out] of CASES) {
  Deno.test(`${command.name} ${args.join(" ")} sends its request, and prints the answer`, async () => {
    assertEquals(await run(command, args, answer), { code: 0, sent: { ...sent }, out, notices: [] });
  });
}

Deno.test("request --raw prints the text of an answer that is not a success, and nothing to a terminal", async () => {
  const answer = made({ service: "http", "body_b64": btoa("Not found") }, 404, null);
  const { code, out, notices } = await run(request, ["camera", "/x.jpg", "--raw"], answer);
  assertEquals([code, out, notices], [1, [], ["404 Not found"]]);
  const { platform } = clientMachine(["camera", "/x.jpg", "--raw"], [answer]);
  assertEquals(await request({ ...platform, isTerminal: true }), 2);
  assertEquals(platform.lines, []);
});

Deno.test("request prints no picture as text, and names --raw", async () => {
  const answer = made({ service: "http", headers: { "content-type": "image/jpeg" } }, 200, "\ufffd\ufffd");
  const { code, out, notices } = await run(request, ["camera", "/x.jpg"], answer);
  assertEquals([code, out, notices], [1, [], ["The answer is image/jpeg, which is no text: add --raw > FILE"]]);
});

Deno.test("request fails with the status of an answer that is not a success", async () => {
  const { code, out, notices } = await run(request, ["nas", "/x"], made({ service: "http" }, 404, "Not found"));
  assertEquals([code, out, notices], [1, [], ["404 Not found"]]);
});

Deno.test("push fails if there is nothing to remove or test, and says when the gateway sends nothing", async () => {
  const missing = [1, ["There is no subscription a of this key; deno task push lists them"]];
  const removed = await run(push, ["remove", "a"], ok({ removed: false }));
  assertEquals([removed.code, removed.notices], missing);
  const tested = await run(push, ["test", "a"], coded(400, "field"));
  assertEquals([tested.code, tested.notices], missing);
  const { code, notices } = await run(push, ["rules", "remove", "a"], ok({ removed: false }));
  assertEquals([code, notices], [1, ["There is no rule a of this key; deno task push rules lists them"]]);
  const { publicKey: _, ...off } = PUSH;
  const { out } = await run(push, [], ok({ ...off, enabled: false, subscriptions: [] }));
  assertEquals(out[0], "The gateway sends no push messages: set PUSH=on, or see its log");
});

Deno.test("query says that rows are missing", async () => {
  const answer = ok({ columns: ["a"], rows: [[1]], truncated: true });
  const { code, notices } = await run(query, ["t"], answer);
  assertEquals([code, notices], [0, ["There are more rows than the gateway sends: ask for a shorter period"]]);
});

for (
  const [command, args] of [[action, ["a"]], [request, ["a", "/"]], [states, []], [query, ["a"]], [push, []]] as const
) {
  Deno.test(`${command.name} fails with what the gateway refuses`, async () => {
    const { code, out, notices } = await run(command, args, coded(403, "scope"));
    assertEquals([code, out, notices], [1, [], ["403 Some text"]]);
  });
}

for (
  const [command, args, fault] of [
    [action, ["a", "b"], "Parameters must be NAME=VALUE"],
    [query, ["a", "=1"], "Parameters must be NAME=VALUE"],
    [request, [], "Usage: deno task request"],
    [request, ["nas"], "PATH is missing"],
    [request, ["nas", "/", "x"], "Usage: deno task request"],
    [request, ["http://nas", "/"], "expected no PATH"],
    [request, ["nas", "/", "--header", "Authorization secret"], "--header must be NAME: VALUE"],
    [request, ["nas", "/", "--timeout", "0"], "--timeout must be a number of seconds"],
    [request, ["nas", "/", "--timeout", ""], "--timeout must be a number of seconds"],
    [push, ["tset", "a"], 'did you mean "test"?'],
    [push, ["test"], "ID is missing"],
    [push, ["remove", "a", "b"], "Unexpected argument 'b'"],
    [push, ["rules", "add"], "NAME is missing"],
    [push, ["rules", "ad", "a"], 'did you mean "add"?'],
    [push, ["rules", "add", "a", "--topic", "b"], "--title is missing"],
    [push, ["rules", "add", "a", "--title", "b"], "Give one of --topic, --entity and --health"],
    [push, ["rules", "add", "a", "--title", "b", "--topic", "c", "--changed", "--above", "1"], "Give one of --changed"],
    [push, ["rules", "add", "a", "--title", "b", "--topic", "c", "--above", "x"], "--above must be a number"],
    [push, ["rules", "add", "a", "--title", "b", "--topic", "c", "--once"], "--once needs --equals or --matches"],
    [push, ["rules", "add", "a", "--title", "b", "--topic", "c", "--hysteresis", "1"], "--hysteresis needs --above"],
    [push, ["rules", "add", "a", "--title", "b", "--topic", "c", "--time-zone", "UTC"], "--time-zone needs --quiet"],
    [push, ["rules", "add", "a", "--title", "b", "--topic", "c", "--quiet", "22:00"], "--quiet must be FROM-TO"],
    [push, ["rules", "add", "a", "--title", "b", "--topic", "c", "--urgency", "now"], "--urgency must be very-low"],
    [homeAssistant, [], "Usage: deno task home-assistant"],
    [homeAssistant, ["a.b", "--data", "[1]"], "--data must be one JSON object"],
    [homeAssistant, ["a.b", "--data", "{"], "--data must be one JSON object"],
  ] as const
) {
  Deno.test(`${command.name} ${args.join(" ")} is refused before anything is sent`, async () => {
    const { code, sent, notices } = await run(command, args, ok("sent"));
    assertEquals([code, sent], [2, undefined]);
    assertStringIncludes(notices.join("\n"), fault);
    assert(!notices.join("\n").includes("secret"), notices.join("\n"));
  });
}

Deno.test("subscribe --entities prints states of Home Assistant", async () => {
  const state = { ...message(2), topic: "sensor.a", payload: '{"state":"on"}' };
  const answers = [stream([connected(1), state], "stays open")];
  const { platform, requests, stop } = clientMachine(["--entities", "sensor.*", "light.*"], answers);
  const code = subscribe(platform);
  await until("the state", () => platform.lines.length === 1);
  stop();
  assertEquals(await within("the end", code), 0);
  assertEquals(platform.lines, ['sensor.a {"state":"on"}']);
  const { service, entities, keep } = requests[0]?.fields ?? {};
  assertEquals([requests[0]?.route, service, entities, keep], [
    "/subscribe",
    "home_assistant",
    ["sensor.*", "light.*"],
    true,
  ]);
});
