import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import * as fc from "fast-check";
import { CAMERA_TOKEN } from "../../../src/demo/home_assistant_home.ts";
import { Scope, ScopeError } from "../../../src/keys/rights.ts";
import { SYSTEM_CLOCK } from "../../../src/lib/clock.ts";
import { Deadlines } from "../../../src/lib/deadlines.ts";
import { FieldError, keepDigits, parsePayload, type Payload } from "../../../src/protocol/payload.ts";
import type { OpenedText } from "../../../src/protocol/aead.ts";
import { createHomeAssistantApi } from "../../../src/services/home_assistant/api.ts";
import { HOME_ASSISTANT_RIGHTS } from "../../../src/services/home_assistant/rights.ts";
import { createHomeAssistantService } from "../../../src/services/home_assistant/service.ts";
import { type Reply, type ServiceContext, ServiceError } from "../../../src/services/service.ts";
import { startHomeAssistant } from "../../support/home_assistant_server.ts";

const NEVER = new AbortController().signal;

type Answer = (request: Request) => Response | Promise<Response>;

const LIMITS = { timeoutMs: 10_000, maxResponseBytes: 1_000_000, maxCalls: 10, maxCallsPerKey: 5 };

interface Rights {
  readonly read?: readonly string[];
  readonly call?: readonly string[];
  readonly everyCall?: true;
}

/** Runs requests of a key against a Home Assistant behind `fetch`. */
function makeService(send: typeof fetch, { api = "http://home/api", token = TOKEN } = {}) {
  const address = { place: "http://home", api, webSocket: "", token };
  const deadlines = new Deadlines(SYSTEM_CLOCK, 1);
  const ask = createHomeAssistantApi({ address, limits: LIMITS, fetch: send, deadlines, closeSignal: NEVER });
  const service = createHomeAssistantService({ ask, now: () => Date.now() });
  return (payload: Payload, rights: Rights, context: Partial<ServiceContext> = {}): Promise<Reply> =>
    service.handle(payload, {
      key: "phone",
      kid: "",
      keyCreated: 0,
      scope: new Scope({ "home_assistant": rights as Record<string, unknown> }),
      clientSignal: NEVER,
      holdMemory: (release) => release(),
      ...context,
    });
}

/** The same with an answer that a test gives, and the requests that were sent. */
function makeFake(answer: Answer) {
  const requests: Request[] = [];
  const handle = makeService((input, init) => {
    const request = new Request(input, init);
    requests.push(request);
    return Promise.resolve(answer(request));
  });
  return { handle, requests };
}

/** Runs a test against the simulated Home Assistant. */
async function withHome(
  test: (
    home: { handle: ReturnType<typeof makeService>; server: ReturnType<typeof startHomeAssistant> },
  ) => Promise<void>,
): Promise<void> {
  await using server = startHomeAssistant();
  const client = Deno.createHttpClient({});
  try {
    const send: typeof fetch = (input, init) => fetch(input, { ...init, client });
    await test({ handle: makeService(send, { api: `${server.url}/api`, token: server.token }), server });
  } finally {
    client.close();
  }
}

/** Token of the fixture, which no error may show. */
const TOKEN = "s3cret-t0ken";

const ALL = HOME_ASSISTANT_RIGHTS.all as Rights;

const bodyOf = ({ bodyJson }: Reply): unknown => JSON.parse(bodyJson);

const entitiesOf = (states: unknown) => (states as { readonly entity_id: string }[]).map(({ entity_id: id }) => id);

Deno.test("handle() calls a service for its target, and answers with the changed states that the key may read", () =>
  withHome(async ({ handle, server }) => {
    const rights = { read: ["light.*"], call: ["light.*@light.kitchen"] };
    const call = { call: "light.turn_on", target: { "entity_id": ["light.kitchen"] }, data: { brightness: 77 } };
    const reply = await handle(call, rights);
    assertEquals(server.simulated.calls, [{
      domain: "light",
      service: "turn_on",
      data: { brightness: 77, "entity_id": ["light.kitchen"] },
    }]);
    assertEquals(server.home.state("light.kitchen")?.state, "on");
    assertEquals([reply.status, entitiesOf(bodyOf(reply))], [200, ["light.kitchen"]]);
    // Without the right to read it, the call works and shows nothing.
    assertEquals(bodyOf(await handle({ ...call, data: {} }, { call: rights.call })), []);
  }));

Deno.test("handle() keeps the states of others that a call changed from its key", () =>
  withHome(async ({ handle, server }) => {
    server.home.set("light.living_room", { state: "on" });
    const reply = await handle({ call: "script.good_night" }, { read: ["script.*"], call: ["script.good_night"] });
    assertEquals(entitiesOf(bodyOf(reply)), ["script.good_night"]);
    assertEquals(server.home.state("light.living_room")?.state, "off");
  }));

Deno.test("handle() returns a service's own answer, about the entities of the call", () =>
  withHome(async ({ handle }) => {
    const payload = {
      call: "weather.get_forecasts",
      target: { "entity_id": "weather.home" },
      data: { type: "daily" },
      "return_response": true,
    };
    const reply = await handle(payload, { call: ["weather.*@weather.home"] });
    const forecast = [{ condition: "sunny", temperature: 23, templow: 14 }];
    assertEquals(bodyOf(reply), { "changed_states": [], "service_response": { "weather.home": { forecast } } });
  }));

Deno.test("handle() lists the states that match and may be read", () =>
  withHome(async ({ handle }) => {
    const list = async (states: string[], read: string[]) => entitiesOf(bodyOf(await handle({ states }, { read })));
    assertEquals(await list(["light.*"], ["*"]), ["light.kitchen", "light.living_room"]);
    assertEquals(await list(["*"], ["light.kitchen", "sensor.*"]), [
      "light.kitchen",
      "sensor.kitchen_temperature",
      "sensor.power",
    ]);
    assertEquals(await list(["lock.*"], ["light.*"]), []);
    assertEquals(await list(["*"], []), []);
  }));

Deno.test("handle() returns one state, and never a camera's token", () =>
  withHome(async ({ handle }) => {
    const reply = await handle({ state: "camera.front_door" }, { read: ["camera.*"] });
    assertEquals((bodyOf(reply) as { state: string }).state, "idle");
    for (const one of [reply, await handle({ states: ["*"] }, ALL)]) {
      assert(!one.bodyJson.includes(CAMERA_TOKEN) && !one.bodyJson.includes("user_id"));
    }
    const unknown = await handle({ state: "camera.garage" }, { read: ["camera.*"] });
    assertEquals([unknown.status, bodyOf(unknown)], [404, { message: "Entity not found." }]);
  }));

Deno.test("handle() returns a camera's picture as bytes", () =>
  withHome(async ({ handle }) => {
    const { status, bodyJson, members } = await handle({ camera: "camera.front_door" }, {
      read: ["camera.front_door"],
    });
    assertEquals([status, bodyJson, members?.["content_type"]], [200, "null", "image/png"]);
    const bytes = Uint8Array.fromBase64(String(members?.["body_b64"]));
    assertEquals([...bytes.subarray(1, 4)], [..."PNG"].map((char) => char.charCodeAt(0)));
  }));

Deno.test("handle() returns the history of the entities, short or with attributes", () =>
  withHome(async ({ handle, server }) => {
    for (const state of ["413", "414", "415"]) server.home.set("sensor.power", { state });
    const history = { entities: ["sensor.power", "sensor.kitchen_temperature"], start: Date.now() / 1000 - 3600 };
    // The end is exclusive, and within the same millisecond as the last change.
    const end = Date.now() / 1000 + 60;
    const reply = await handle({ history: { ...history, end } }, { read: ["sensor.*"] });
    const [power = [], temperature = []] = bodyOf(reply) as Record<string, unknown>[][];
    assertEquals(power.map(({ state }) => state), ["412", "413", "414", "415"]);
    assertEquals(power.map((state) => Object.keys(state).length > 2), [true, false, false, true]);
    assertEquals(temperature[0]?.["attributes"], {});
    const full = bodyOf(await handle({ history: { ...history, end, attributes: true } }, { read: ["sensor.*"] }));
    assertEquals(
      (full as Record<string, Record<string, unknown>>[][])[0]?.[1]?.["attributes"]?.["device_class"],
      "power",
    );
  }));

Deno.test("handle() sends nothing for what the key does not grant, whether or not it exists", () =>
  withHome(async ({ handle, server }) => {
    const rights = { read: ["light.kitchen"], call: ["light.turn_on@light.kitchen"] };
    const start = "2026-01-01";
    for (const entity of ["light.living_room", "light.nowhere"]) {
      const payloads = [
        { state: entity },
        { call: "light.turn_on", target: { "entity_id": ["light.kitchen", entity] } },
        { history: { entities: ["light.kitchen", entity], start, end: "2026-01-02" } },
      ];
      for (const payload of payloads) {
        const error = await assertRejects(() => handle(payload, rights), ScopeError);
        assert(/^This key may not (read the entity|call the service light.turn_on@)/.test(error.message));
      }
    }
    await assertRejects(() => handle({ camera: "camera.front_door" }, rights), ScopeError);
    await assertRejects(() => handle({ call: "light.turn_on", data: { "entity_id": "all" } }, ALL), FieldError);
    assertEquals(server.simulated.requests, []);
  }));

Deno.test("handle() changes and shows nothing that a key does not grant, whatever is asked", () =>
  withHome(async ({ handle, server }) => {
    const ids = [
      "light.kitchen",
      "light.living_room",
      "lock.front_door",
      "cover.living_room",
      "all",
      "Lock.front_door",
    ];
    const id = fc.constantFrom(...ids);
    const target = fc.oneof(
      fc.record({ "entity_id": fc.oneof(id, fc.array(id, { maxLength: 3 })) }),
      fc.record({ "area_id": fc.constantFrom("hall", "kitchen"), "entity_id": id }, { requiredKeys: ["area_id"] }),
      fc.constant(undefined),
    );
    const data = fc.oneof(
      fc.constant(undefined),
      fc.dictionary(fc.constantFrom("entity_id", "area_id", "x", "brightness", "entities"), fc.oneof(id, fc.array(id))),
    );
    const call = fc.constantFrom(
      "light.turn_on",
      "light.toggle",
      "lock.unlock",
      "homeassistant.turn_off",
      "cover.close_cover",
    );
    const request = fc.record({ call, target, data, "return_response": fc.constantFrom(undefined, true) });
    const before = JSON.stringify(server.home.states().filter(({ entity }) => entity !== "light.kitchen"));
    await fc.assert(
      fc.asyncProperty(request, async (payload) => {
        const rights = { read: ["light.kitchen"], call: ["*@light.kitchen"] };
        const reply = await handle(payload, rights).catch((error) => {
          assert(error instanceof ScopeError || error instanceof FieldError, String(error));
        });
        for (const other of ["living_room", "front_door"]) assert(reply?.bodyJson.includes(other) !== true);
        assertEquals(JSON.stringify(server.home.states().filter(({ entity }) => entity !== "light.kitchen")), before);
      }),
      { numRuns: 200 },
    );
  }));

Deno.test("handle() sends the token in a header alone, follows no redirect, and posts a blob", async () => {
  let init: RequestInit = {};
  const handle = makeService((_, given = {}) => {
    init = given;
    return Promise.resolve(Response.json([]));
  });
  await handle({ call: "a.b" }, ALL);
  assertEquals([init.redirect, init.method, init.body instanceof Blob], ["manual", "POST", true]);
  assertEquals(new Headers(init.headers).get("Authorization"), `Bearer ${TOKEN}`);
});

Deno.test("handle() keeps the digits of numbers in data", async () => {
  const { handle, requests } = makeFake(() => Response.json([]));
  const text = '{"call":"a.b","data":{"x":1.0,"y":6066005651767221768,"__proto__":{"z":1}}}' as OpenedText;
  await handle(keepDigits(parsePayload(text), text), ALL);
  assertEquals(await requests[0]?.text(), '{"x":1.0,"y":6066005651767221768,"__proto__":{"z":1}}');
});

Deno.test("handle() keeps the digits of numbers in answers, as streams do", async () => {
  const state = '{"entity_id":"light.hall","state":"on","attributes":{"x":1.0,"y":6066005651767221768}}';
  const { bodyJson } = await makeFake(() => new Response(`[${state}]`)).handle({ states: ["*"] }, ALL);
  assertEquals(bodyJson, `[${state}]`);
  const answer = `{"changed_states":[],"service_response":{"light.hall":{"x":1.0}}}`;
  const call = { call: "a.b", "return_response": true };
  assertEquals((await makeFake(() => new Response(answer)).handle(call, ALL)).bodyJson, answer);
});

Deno.test("handle() passes Home Assistant's own errors on, with the beginning of their text", async () => {
  const cases: readonly [Response, number, unknown][] = [
    [new Response("400: Bad Request", { status: 400 }), 400, "400: Bad Request"],
    [Response.json({ message: "Entity not found.", secret: 1 }, { status: 404 }), 404, {
      message: "Entity not found.",
    }],
    [new Response("x".repeat(5000), { status: 500 }), 500, "x".repeat(1000)],
    [new Response(null, { status: 503 }), 503, ""],
  ];
  for (const [response, status, body] of cases) {
    const { handle } = makeFake(() => response);
    const reply = await handle({ call: "a.b" }, ALL);
    assertEquals([reply.status, bodyOf(reply)], [status, body]);
  }
});

/** Requires that requests of each kind fail with an error for the client. */
async function assertFails(answer: Answer, code: string, message: string): Promise<void> {
  const payloads = [
    { call: "a.b" },
    { call: "a.b", "return_response": true },
    { states: ["*"] },
    { state: "light.x" },
    {
      camera: "camera.x",
    },
    { history: { entities: ["light.x"], start: "2026-01-01", end: "2026-01-02" } },
  ];
  for (const payload of payloads) {
    const { handle, requests } = makeFake(answer);
    const error = await assertRejects(() => handle(payload, ALL), ServiceError);
    assertEquals(error.code, code);
    assertStringIncludes(error.message, message);
    assert(!error.message.includes(TOKEN));
    assertEquals(requests.length, 1, "Nothing is repeated");
  }
}

Deno.test("handle() fails with service_answer when the gateway's token is refused", async () => {
  await assertFails(
    () => new Response("401: Unauthorized", { status: 401 }),
    "service_answer",
    "refuses the gateway's token",
  );
  await assertFails(() => new Response("403: Forbidden", { status: 403 }), "service_answer", "refuses the gateway");
});

Deno.test("handle() fails with service_answer on a redirect, which it does not follow", async () => {
  const redirect = () => new Response(null, { status: 302, headers: { Location: "http://elsewhere/" } });
  await assertFails(redirect, "service_answer", "set HOME_ASSISTANT_URL to its final address");
});

Deno.test("handle() fails with service_answer when the answer is not one of Home Assistant, deep, or no picture", async () => {
  for (const text of ["<html>", "", "{", '{"a":1}', "1", `${"[".repeat(5000)}${"]".repeat(5000)}`, '[{"entity_id":']) {
    const { handle } = makeFake(() => new Response(text, { headers: { "Content-Type": "application/json" } }));
    for (const payload of [{ states: ["*"] }, { state: "light.x" }, { camera: "camera.x" }, { call: "a.b" }]) {
      await assertRejects(() => handle(payload, ALL), ServiceError, "Home Assistant's answer ");
    }
  }
});

Deno.test("handle() gives one state only for the entity that it was asked for", async () => {
  const { handle } = makeFake(() => Response.json({ "entity_id": "lock.door", state: "locked" }));
  await assertRejects(() => handle({ state: "light.x" }, ALL), ServiceError, "cannot be understood");
});

Deno.test("handle() fails with service_answer on an answer that is too large, and decompresses none", async () => {
  const huge = "x".repeat(LIMITS.maxResponseBytes + 1);
  await assertFails(() => new Response(huge), "service_answer", "larger than 1000000 bytes");
  await using server = serveGzip(huge);
  const client = Deno.createHttpClient({});
  try {
    const handle = makeService((input, init) => fetch(input, { ...init, client }), { api: server.url });
    await assertRejects(() => handle({ states: ["*"] }, ALL), ServiceError, "cannot be understood");
  } finally {
    client.close();
  }
});

function serveGzip(text: string) {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => {
    const body = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
    return new Response(body, { headers: { "Content-Encoding": "gzip" } });
  });
  return { url: `http://127.0.0.1:${server.addr.port}`, [Symbol.asyncDispose]: () => server.shutdown() };
}

Deno.test("handle() fails with service_unreachable when Home Assistant is not there, without the library's message", async () => {
  const cause = new Error("error sending request for url (http://home/api/states?x): refused");
  const handle = makeService(() => Promise.reject(new TypeError("http://home?x", { cause })));
  const error = await assertRejects(() => handle({ states: ["*"] }, ALL), ServiceError);
  assertEquals([error.status, error.code, error.message], [
    502,
    "service_unreachable",
    "Home Assistant cannot be reached, or broke off its answer",
  ]);
  assertEquals(String(error.cause), "Error: error sending request for url (its address): refused");
});

Deno.test("handle() answers service_unreachable where Home Assistant is not configured, after the rights", async () => {
  const service = createHomeAssistantService({ ask: undefined, now: Date.now });
  const scope = new Scope({ "home_assistant": { read: ["light.x"] } });
  const context = { key: "phone", kid: "", keyCreated: 0, scope, clientSignal: NEVER, holdMemory: () => {} };
  const error = await assertRejects(() => service.handle({ state: "light.x" }, context), ServiceError);
  assertEquals([error.status, error.code], [503, "service_unreachable"]);
  assertStringIncludes(error.message, "set HOME_ASSISTANT_URL and HOME_ASSISTANT_TOKEN");
  await assertRejects(() => service.handle({ state: "light.y" }, context), ScopeError);
});

Deno.test("handle() shows nothing to a key that was revoked while Home Assistant answered", async () => {
  const revoking = new AbortController();
  const states = [{ "entity_id": "light.x", state: "on" }];
  const { handle } = makeFake((request) => {
    revoking.abort(new Error("Key was disabled"));
    return Response.json(request.url.endsWith("light.x") ? states[0] : states);
  });
  const context = { revoked: revoking.signal };
  const error = await assertRejects(() => handle({ state: "light.x" }, ALL, context), ServiceError, "Key was disabled");
  assertEquals([error.status, error.code], [403, "key_revoked"]);
  // The call has run.
  assertEquals(bodyOf(await handle({ call: "a.b" }, ALL, context)), []);
  assertEquals(bodyOf(await handle({ call: "a.b", "return_response": true }, ALL, context)), {
    "changed_states": [],
    "service_response": null,
  });
});

Deno.test("target() names what a request is about, and no value", () => {
  const { target } = createHomeAssistantService({ ask: undefined, now: Date.now });
  assertEquals(target({ call: "light.turn_on", data: { code: "1234" } }), "light.turn_on");
  const cover = { call: "cover.open_cover", target: { "entity_id": ["cover.gate", 1] } };
  assertEquals(target(cover), "cover.open_cover cover.gate");
  assertEquals(target({ ...cover, target: { "entity_id": "cover.gate" } }), "cover.open_cover cover.gate");
  assertEquals(target({ states: ["light.*", "lock.*"] }), "light.* lock.*");
  assertEquals(target({ history: { entities: ["light.x"], start: 1 } }), "light.x");
  assertEquals(target({ entities: ["light.*"] }), "light.*");
  assertEquals([target({ state: "light.x" }), target({ camera: "camera.x" }), target({ call: {} })], [
    "light.x",
    "camera.x",
    undefined,
  ]);
});
