import { assert, assertEquals, assertFalse } from "@std/assert";
import { FieldError } from "../../../src/protocol/payload.ts";
import { Scope, ScopeError } from "../../../src/keys/rights.ts";
import { ServiceError } from "../../../src/services/service.ts";
import type { UseCounters } from "../../../src/store/state/state_store.ts";
import { MemoryState } from "../../support/memory_state.ts";
import { makeActionGateway } from "../../support/action_gateway.ts";

const OPEN_GATE = {
  label: "Open the gate",
  icon: "gate",
  confirm: "Open it now?",
  publish: { topic: "home/gate/set", message: "OPEN", qos: 1 },
};

const HEATING = {
  label: "Heating",
  params: { degrees: { type: "number", min: 15, max: 24, step: 0.5 } },
  call: { method: "cmd::execCmd", params: { id: 42, options: { slider: "$degrees" } } },
};

const LIGHT = {
  label: "Light",
  coolDown: "5s",
  homeAssistant: { call: "light.toggle", target: { entity_id: "light.hall" } },
};

const ACTIONS = { "open-gate": OPEN_GATE, heating: HEATING, light: LIGHT };

Deno.test("action runs the request of the file with every right, for a key that has no other", async () => {
  const { phone, requests } = await makeActionGateway(ACTIONS);
  const guest = await phone("guest", { action: { actions: ["open-gate"] } });
  assertEquals(await guest.ask({ name: "open-gate" }), [200, { success: true, action: "open-gate" }]);
  assertEquals(requests.map(({ service, payload }) => [service, payload]), [
    ["mqtt", { topic: "home/gate/set", message: "OPEN", qos: 1, retain: false }],
  ]);
  assertEquals(requests[0]?.context.key, "guest");
  requests[0]?.context.scope.useService("mqtt");
  const direct = await guest.request("/gateway", { service: "jeedom", jsonrpc: "ping" });
  assertEquals(direct.status, 403);
});

Deno.test("action passes parameters with their type", async () => {
  const { phone, requests } = await makeActionGateway(ACTIONS);
  const guest = await phone("guest", { action: { actions: ["heating"] } });
  assertEquals((await guest.ask({ name: "heating", params: { degrees: 21.5 } }))[0], 200);
  assertEquals(requests[0]?.payload, { params: { id: 42, options: { slider: 21.5 } }, jsonrpc: "cmd::execCmd" });
});

Deno.test("action takes a number with the digits of another language", async () => {
  const { phone, requests } = await makeActionGateway(ACTIONS);
  const guest = await phone("guest", { action: { actions: ["*"] } });
  const text = `{"service":"action","name":"heating","params":{"degrees":21.0},"timestamp":1700000000}`;
  const { status } = await guest.answer(await guest.post("/gateway", await guest.seal(text)));
  assertEquals(status, 200);
  assertEquals(requests[0]?.payload["params"], { id: 42, options: { slider: 21 } });
});

Deno.test("action answers the same for an action that a key may not run and for one that does not exist", async () => {
  const { phone, requests } = await makeActionGateway(ACTIONS);
  const guest = await phone("guest", { action: { actions: ["open-gate", "missing*"] } });
  const other = await guest.ask({ name: "heating" });
  assertEquals(other, [403, { error: "This key may not run the action heating", code: "scope" }]);
  for (const name of ["hedging", "missing", "constructor", "toString"]) {
    const answer = await guest.ask({ name, params: { degrees: 1 } });
    assertEquals(answer, [403, { error: `This key may not run the action ${name}`, code: "scope" }]);
  }
  assertEquals(requests, []);
});

Deno.test("action refuses a key without the service, and fields of another type", async () => {
  const { phone, requests } = await makeActionGateway(ACTIONS);
  const stranger = await phone("stranger", {});
  assertEquals((await stranger.ask({}))[0], 403);
  const guest = await phone("guest", { action: { actions: ["*"] } });
  for (const name of [1, "", "a b", "'; rm -rf /", ["open-gate"], "x".repeat(65)]) {
    const [status, body] = await guest.ask({ name });
    assertEquals([name, status], [name, 400]);
    assert(JSON.stringify(body).includes("Invalid field: name"));
  }
  for (const params of [undefined, {}, { degrees: "21" }, { degrees: 99 }, { degrees: 20, id: 7 }, [], "x"]) {
    const [status] = await guest.ask({ name: "heating", params });
    assertEquals([params, status], [params, 400]);
  }
  assertEquals(requests, []);
});

Deno.test("action lists what a key may run in the order of the file, without the requests", async () => {
  const { phone, requests } = await makeActionGateway(ACTIONS);
  const guest = await phone("guest", { action: { actions: ["light", "open-*"] } });
  assertEquals(await guest.ask({}), [200, {
    actions: [
      { name: "open-gate", label: "Open the gate", icon: "gate", confirm: "Open it now?", params: {} },
      { name: "light", label: "Light", coolDown: 5, params: {} },
    ],
  }]);
  const owner = await phone("owner", { action: { actions: ["*"] } });
  const [, all] = await owner.ask({ name: null });
  const text = JSON.stringify(all);
  for (const inner of ["home/gate", "OPEN", "execCmd", "42", "light.hall", "light.toggle"]) {
    assertFalse(text.includes(inner));
  }
  assert(text.includes('"degrees":{"type":"number","min":15,"max":24,"step":0.5}'));
  assertEquals(requests, []);
});

Deno.test("action follows a change of the file", async () => {
  const { phone, replace } = await makeActionGateway(ACTIONS);
  const guest = await phone("guest", { action: { actions: ["*"] } });
  replace({ bell: { label: "Bell", publish: { topic: "bell", message: "1" } } });
  assertEquals((await guest.ask({ name: "open-gate" }))[0], 403);
  assertEquals((await guest.ask({ name: "bell" }))[0], 200);
});

Deno.test("action runs a repeated request once, and counts one use", async () => {
  const { phone, requests } = await makeActionGateway(ACTIONS);
  const guest = await phone("guest", { action: { actions: ["open-gate"], uses: 2 } });
  const { text, exchange } = await guest.sealNow("/gateway", { service: "action", name: "open-gate" });
  const answers = await Promise.all([1, 2, 3].map(() => guest.post("/gateway", text)));
  for (const answer of answers) assertEquals((await guest.answer(answer, exchange)).status, 200);
  assertEquals(requests.length, 1);
  const [, list] = await guest.ask({});
  assertEquals(JSON.parse(JSON.stringify(list)).uses, { left: 1, of: 2 });
});

Deno.test("action runs as often as the uses of a key allow, also at the same time", async () => {
  const { phone, requests } = await makeActionGateway(ACTIONS);
  const guest = await phone("guest", { action: { actions: ["*"], uses: 3 } });
  const names = ["open-gate", "heating", "open-gate", "open-gate", "heating", "open-gate"];
  const answers = await Promise.all(
    names.map((name) => guest.ask(name === "heating" ? { name, params: { degrees: 20 } } : { name })),
  );
  assertEquals(answers.filter(([status]) => status === 200).length, 3);
  assertEquals(requests.length, 3);
  const refusal = [403, { error: "This key may not run any more actions: its runs are used up", code: "scope" }];
  for (const answer of answers.filter(([status]) => status !== 200)) assertEquals(answer, refusal);
  const [, list] = await guest.ask({});
  assertEquals(JSON.parse(JSON.stringify(list)).uses, { left: 0, of: 3 });
});

Deno.test("action counts for a key anew when another key gets its name, and goes on when its rights change", async () => {
  const { phone } = await makeActionGateway(ACTIONS);
  const created = 1_700_000_000_000;
  const once = { action: { actions: ["open-gate"], uses: 1 } };
  const first = await phone("guest", once, { created });
  assertEquals((await first.ask({ name: "open-gate" }))[0], 200);
  assertEquals((await first.ask({ name: "open-gate" }))[0], 403);
  const rotated = await phone("guest", { action: { actions: ["open-gate"], uses: 2 } }, { created });
  assertEquals((await rotated.ask({ name: "open-gate" }))[0], 200);
  assertEquals((await rotated.ask({ name: "open-gate" }))[0], 403);
  const next = await phone("guest", once, { created: created + 1000 });
  assertEquals((await next.ask({ name: "open-gate" }))[0], 200);
});

Deno.test("action counts no use for a refusal before anything is sent, and one for a failure", async () => {
  let isDown = false;
  const { phone, clock } = await makeActionGateway(ACTIONS, {
    answer: ({ service }) => {
      if (isDown) return Promise.reject(new ServiceError(502, "down", { code: "service_unreachable" }));
      return Promise.resolve({ status: 200, bodyJson: service === "jeedom" ? '{"jsonrpc":"2.0","result":1}' : "{}" });
    },
  });
  const guest = await phone("guest", { action: { actions: ["light", "heating"], uses: 3 } });
  const left = async () => JSON.parse(JSON.stringify((await guest.ask({}))[1])).uses.left;
  await guest.ask({ name: "open-gate" });
  await guest.ask({ name: "heating", params: { degrees: 0 } });
  assertEquals(await left(), 3);
  assertEquals((await guest.ask({ name: "light" }))[0], 200);
  assertEquals((await guest.ask({ name: "light" }))[0], 429);
  assertEquals(await left(), 2);
  isDown = true;
  clock.ms = 10_000;
  assertEquals((await guest.ask({ name: "light" }))[0], 502);
  assertEquals(await left(), 1);
});

Deno.test("action counts no use and begins no cool-down when the busy service did not run it", async () => {
  let isBusy = true;
  const store = new MemoryState();
  const { phone } = await makeActionGateway(ACTIONS, {
    state: store,
    answer: () =>
      isBusy
        ? Promise.reject(new ServiceError(429, "busy", { code: "busy", retryAfterSeconds: 1 }))
        : Promise.resolve({ status: 200, bodyJson: "{}" }),
  });
  const guest = await phone("guest", { action: { actions: ["light"], uses: 1 } });
  const notRun = [429, { error: "The action was not run: the service is busy", code: "busy", retry_after: 1 }];
  assertEquals(await guest.ask({ name: "light" }), notRun);
  store.returnUse = () => Promise.reject(new Error("disk full"));
  assertEquals(await guest.ask({ name: "light" }), notRun, "the store fails");
  assertEquals((await guest.ask({ name: "light" }))[0], 403, "so the run stays counted");
  isBusy = false;
  const owner = await phone("owner", { action: { actions: ["*"] } });
  assertEquals((await owner.ask({ name: "light" }))[0], 200);
});

Deno.test("action counts no use and begins no cool-down when the service refuses before it sends", async () => {
  const failures: readonly (readonly [Error, status: number])[] = [
    [new ServiceError(502, "x", { code: "service_unreachable", isUnsent: true }), 502],
    [new ServiceError(403, "x", { code: "scope", isUnsent: true }), 500],
    [new ScopeError("x"), 500],
    [new FieldError("x"), 500],
  ];
  for (const [failure, status] of failures) {
    let isFailing = true;
    const { phone } = await makeActionGateway(ACTIONS, {
      answer: () => isFailing ? Promise.reject(failure) : Promise.resolve({ status: 200, bodyJson: "{}" }),
    });
    const guest = await phone("guest", { action: { actions: ["light"], uses: 1 } });
    const [got, body] = await guest.ask({ name: "light" });
    assertEquals(got, status);
    assertFalse(JSON.stringify(body).includes("may have run"));
    isFailing = false;
    assertEquals((await guest.ask({ name: "light" }))[0], 200);
  }
});

Deno.test("action suggests no grant for an action that is not there", async () => {
  const { phone, warnings } = await makeActionGateway(ACTIONS);
  const owner = await phone("owner", { action: { actions: ["*"] } });
  const refusal = { error: "This key may not run the action closed", code: "scope" };
  assertEquals(await owner.ask({ name: "closed" }), [403, refusal]);
  assertEquals(warnings, []);
  const guest = await phone("guest", { action: { actions: ["light"] } });
  assertEquals(await guest.ask({ name: "closed" }), [403, refusal]);
  assertEquals(warnings.length, 1);
});

Deno.test("action runs nothing when the store of uses fails", async () => {
  const broken: UseCounters = {
    claimUse: () => Promise.reject(new Error("disk full at /data/state.db")),
    readUses: () => Promise.reject(new Error("disk full at /data/state.db")),
    returnUse: () => Promise.reject(new Error("disk full at /data/state.db")),
  };
  const { phone, requests } = await makeActionGateway(ACTIONS, { state: broken });
  const guest = await phone("guest", { action: { actions: ["*"], uses: 1 } });
  const refusal = [500, { error: "The runs of this key cannot be counted: try again later", code: "internal" }];
  assertEquals(await guest.ask({ name: "light" }), refusal);
  assertEquals(await guest.ask({}), refusal);
  assertEquals(requests, []);
  const owner = await phone("owner", { action: { actions: ["*"] } });
  assertEquals((await owner.ask({ name: "light" }))[0], 200, "the cool-down has not begun");
});

Deno.test("action refuses a second run within the cool-down, whichever key asks", async () => {
  const { phone, requests, clock } = await makeActionGateway(ACTIONS);
  const one = await phone("one", { action: { actions: ["*"] } });
  const other = await phone("other", { action: { actions: ["*"] } });
  const answers = await Promise.all([one.ask({ name: "light" }), other.ask({ name: "light" })]);
  assertEquals(answers.map(([status]) => status).sort(), [200, 429]);
  const busy = answers.find(([status]) => status === 429)?.[1];
  assertEquals(busy, { error: "The action ran just now", code: "busy", retry_after: 5 });
  assertEquals((await one.ask({ name: "open-gate" }))[0], 200, "another action");
  clock.ms = 4999;
  assertEquals((await other.ask({ name: "light" }))[0], 429);
  clock.ms = 5000;
  assertEquals((await other.ask({ name: "light" }))[0], 200);
  assertEquals(requests.length, 3);
});

Deno.test("action begins no cool-down for a key whose uses are spent", async () => {
  const { phone } = await makeActionGateway(ACTIONS);
  const spent = await phone("spent", { action: { actions: ["*"], uses: 1 } });
  const owner = await phone("owner", { action: { actions: ["*"] } });
  assertEquals((await spent.ask({ name: "open-gate" }))[0], 200);
  assertEquals((await spent.ask({ name: "light" }))[0], 403);
  assertEquals((await owner.ask({ name: "light" }))[0], 200);
});

Deno.test("action runs nothing, and counts no use, for a key that changes while its use is counted", async () => {
  const store = new MemoryState();
  const { promise: counted, resolve: count } = Promise.withResolvers<void>();
  const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
  let counter = "";
  const slow: UseCounters = {
    async claimUse(name, limit) {
      counter = name;
      ask();
      await counted;
      return await store.claimUse(name, limit);
    },
    readUses: (name) => store.readUses(name),
    returnUse: (name) => store.returnUse(name),
  };
  const { phone, gateway, requests } = await makeActionGateway(ACTIONS, { state: slow });
  const guest = await phone("guest", { action: { actions: ["*"], uses: 1 } });
  const answer = guest.ask({ name: "open-gate" });
  await asked;
  await gateway.keyring.replace({ single: gateway.secret, records: [] });
  count();
  const [status, body] = await answer;
  assertEquals([status, JSON.parse(JSON.stringify(body)).code], [403, "key_revoked"]);
  assertEquals([requests, await store.readUses(counter)], [[], 0]);
});

Deno.test("action tells a failure of the service apart, and nothing of the service", async () => {
  const secret = "home/gate/set at 192.168.1.20";
  const jsonRpc = `{"jsonrpc":"2.0","error":{"code":-32000,"message":"${secret}"}}`;
  const failures: [unknown, number, string][] = [
    [new ServiceError(502, secret, { code: "service_unreachable" }), 502, "service_unreachable"],
    [new ServiceError(504, secret, { code: "service_timeout" }), 504, "service_timeout"],
    [new ServiceError(502, secret, { code: "service_answer" }), 502, "service_answer"],
    [new ServiceError(500, secret, { code: "broker" }), 502, "service_unreachable"],
    [new ServiceError(403, secret, { code: "broker_not_allowed" }), 500, "internal"],
    [new ServiceError(429, secret, { code: "busy", retryAfterSeconds: 7 }), 429, "busy"],
    [new ServiceError(403, "Key was changed", { code: "key_revoked" }), 403, "key_revoked"],
    [new ScopeError(secret), 500, "internal"],
    [new FieldError(secret), 400, "field"],
    [new TypeError(secret), 500, "internal"],
    [{ status: 200, bodyJson: jsonRpc }, 502, "service_answer"],
    [{ status: 200, bodyJson: `"${secret}"` }, 502, "service_answer"],
    [{ status: 404, bodyJson: `{"jsonrpc":"2.0","result":"${secret}"}` }, 502, "service_answer"],
    [{ status: 302, bodyJson: `"${secret}"` }, 502, "service_answer"],
  ];
  for (const [failure, status, code] of failures) {
    const { phone } = await makeActionGateway(ACTIONS, {
      answer: () =>
        failure instanceof Error
          ? Promise.reject(failure)
          : Promise.resolve({ status: 0, bodyJson: "", ...failure as object }),
    });
    const guest = await phone("guest", { action: { actions: ["heating"] } });
    const { status: got, body } = await guest.request("/gateway", {
      service: "action",
      name: "heating",
      params: { degrees: 20 },
    });
    assertEquals([got, JSON.parse(String(body)).code], [status, code]);
    for (const part of ["home/gate", "192.168", "cmd::", "42"]) assertFalse(String(body).includes(part), String(body));
  }
});

Deno.test("action says that it cannot run as configured where its service is not there, and counts no use", async () => {
  const { phone } = await makeActionGateway(ACTIONS, { without: ["home_assistant"] });
  const guest = await phone("guest", { action: { actions: ["*"], uses: 1 } });
  assertEquals(await guest.ask({ name: "light" }), [500, {
    error: "The action cannot run as it is configured: the gateway's log says why",
    code: "internal",
  }]);
  assertEquals((await guest.ask({ name: "open-gate" }))[0], 200);
});

Deno.test("action passes the service's answer on where the file says so, without its headers", async () => {
  const { phone } = await makeActionGateway({
    events: { label: "Events", answer: true, http: { target: "frigate", method: "GET", path: "/api/events" } },
  }, {
    answer: () =>
      Promise.resolve({ status: 201, bodyJson: '{"a":[1.0]}', members: { headers: { "set-cookie": "session=1" } } }),
  });
  const guest = await phone("guest", { action: { actions: ["events"] } });
  const { response, exchange } = await guest.exchange("/gateway", { service: "action", name: "events" });
  const answer = await guest.answer(response, exchange);
  assertEquals([answer.status, answer.body], [200, { a: [1] }]);
});

Deno.test("action names the action for the audit, and no parameter", async () => {
  const { phone, gateway } = await makeActionGateway(ACTIONS);
  const guest = await phone("guest", { action: { actions: ["heating"] } });
  await guest.ask({ name: "heating", params: { degrees: 20 } });
  await guest.ask({});
  assertEquals(gateway.decisions.map(({ service, target }) => [service, target]), [
    ["action", "heating"],
    ["action", undefined],
  ]);
});

Deno.test("actionLabel() is the text of an action that a key may run, and undefined for any other", async () => {
  const { service } = await makeActionGateway(ACTIONS);
  const guest = new Scope({ action: { actions: ["open-gate", "missing"] } });
  const withParams = new Scope({ action: { actions: ["heating"] } });
  assertEquals(service.actionLabel?.("heating", withParams), undefined, "a button cannot fill in parameters");
  const labels = ["open-gate", "heating", "missing", "constructor"].map((name) => service.actionLabel?.(name, guest));
  assertEquals(labels, ["Open the gate", undefined, undefined, undefined]);
  assertEquals(service.actionLabel?.("open-gate", new Scope({})), undefined);
});
