import { assert, assertEquals } from "@std/assert";
import { ACTIONS_SECTION } from "../../../src/services/action/section.ts";

/** Returns the faults of a section, each with its path. */
function faults(section: unknown): string[] {
  return (ACTIONS_SECTION.safeParse(section).error?.issues ?? []).map(({ path, message, code, keys }) =>
    `${path.join(".")}: ${code === "unrecognized_keys" ? `no ${keys?.join(", ")}` : message}`
  );
}

/** Returns the faults of one action, without its name. */
const faultsOf = (action: unknown) => faults({ a: action }).map((fault) => fault.replace(/^a\.?/, ""));

const GATE = { label: "Gate", publish: { topic: "home/gate/set", message: "OPEN" } };

Deno.test("the section takes the actions of the documentation", () => {
  const { data } = ACTIONS_SECTION.safeParse({
    "open-gate": {
      label: "Open the gate",
      confirm: "Open it now?",
      publish: { topic: "home/gate/set", message: "OPEN", qos: 1 },
    },
    heating: {
      label: "Heating",
      params: { degrees: { type: "number", min: 15, max: 24, step: 0.5 } },
      call: { method: "cmd::execCmd", params: { id: 42, options: { slider: "$degrees" } } },
    },
  });
  assertEquals([...data?.keys() ?? []], ["open-gate", "heating"]);
  assertEquals(data?.get("open-gate")?.request, {
    service: "mqtt",
    fixed: { topic: "home/gate/set", qos: 1, retain: false },
    values: { message: "OPEN" },
  });
  assertEquals(data?.get("heating")?.params.get("degrees"), { type: "number", min: 15, max: 24, step: 0.5 });
});

Deno.test("the section takes every kind of request, parameter and state", () => {
  const params = {
    level: { type: "number" },
    mode: { type: "enum", label: "Mode", values: ["eco", 2] },
    on: { type: "boolean" },
    text: { type: "text", maxLength: 20 },
  };
  const values = { a: "$level", b: ["$mode", { c: "$on" }], d: "Say $text for 5 $$" };
  const actions = {
    publish: { label: "A", params, publish: { topic: "a", message: values, qos: 2, retain: true } },
    call: { label: "A", params, call: { method: "cmd::execCmd", params: { id: 1, options: values } } },
    http: {
      label: "A",
      params,
      http: { target: "t", method: "PUT", path: "/x/$mode", query: values, headers: { a: "b" }, body: values },
    },
    ha: {
      label: "A",
      params,
      homeAssistant: { call: "light.turn_on", target: { entity_id: ["light.a", "light.b"] }, data: values },
    },
    s1: { ...GATE, icon: "mdi:gate-2", coolDown: "2m", state: { topic: "home/gate", field: "position.value" } },
    s2: { ...GATE, coolDown: "1h", state: { homeAssistant: "cover.gate" } },
    s3: { ...GATE, state: { call: { method: "cmd::execCmd", params: { id: 3 } } } },
    s4: {
      label: "A",
      answer: true,
      call: { method: "ping" },
      state: { query: "temperature", params: { room: "kitchen" } },
    },
  };
  assertEquals(faults(actions), []);
  const { data } = ACTIONS_SECTION.safeParse(actions);
  assertEquals(data?.get("s1")?.coolDownMs, 120_000);
  assertEquals(data?.get("s1")?.state, {
    service: "mqtt",
    payload: { retained: "home/gate" },
    path: ["position", "value"],
  });
});

Deno.test("the section knows its fields, of which the closest is suggested for a misspelt one", () => {
  for (
    const field of ["label", "coolDown", "homeAssistant", "maxLength", "step", "retain", "target", "entity_id", "field"]
  ) {
    assert(ACTIONS_SECTION.fields?.includes(field), field);
  }
});

Deno.test("the section names the place and the rule of each fault", () => {
  assertEquals(faults(null), [": must be a map"]);
  assertEquals(faults({ "a b": GATE }), [
    "a b: must be 1 to 64 letters, digits, dots, dashes and underscores, first a letter or digit",
  ]);
  assertEquals(faultsOf({ label: "", publish: GATE.publish }), ["label: must be a text of 1 to 100 characters"]);
  assertEquals(faultsOf({ ...GATE, colour: "red" }), [": no colour"]);
  assertEquals(faultsOf({ label: "A" }), [": must have one of publish, call, http, homeAssistant"]);
  assertEquals(faultsOf({ ...GATE, call: { method: "ping" } }), [
    ": must have one of publish, call, http, homeAssistant",
  ]);
  assertEquals(faultsOf({ ...GATE, icon: "Gate!" }), [
    "icon: must be a short name such as gate or mdi:gate",
  ]);
  for (const coolDown of ["5", "0s", "25h", "5d", 5, "-1s", "1.5s"]) {
    assertEquals(faultsOf({ ...GATE, coolDown }), ["coolDown: must be a duration such as 5s, 2m or 1h, at most 24h"]);
  }
  assertEquals(faultsOf({ label: "A", publish: { topic: "a/#", message: "1", qos: 3 } }), [
    'publish.topic: must not contain the wildcards "+" and "#"',
    "publish.qos: must be 0, 1 or 2",
  ]);
  assertEquals(faultsOf({ ...GATE, answer: true }), [
    "answer: must not be true with publish: its answer names the topic",
  ]);
  assertEquals(faultsOf({ ...GATE, state: { topic: "a", homeAssistant: "a.b" } }), [
    "state: must have one of topic, homeAssistant, call, query; params only with query",
  ]);
  assertEquals(faultsOf({ label: "A", homeAssistant: { call: "light.turn_on", target: { area_id: "hall" } } }), [
    "homeAssistant.target.entity_id: must be an entity such as cover.gate, or a list of them",
    "homeAssistant.target: no area_id",
  ]);
  const withParam = (param: unknown) => faultsOf({ ...GATE, params: { x: param } });
  assertEquals(withParam({ type: "date" }), ["params.x.type: must be number, enum, boolean or text"]);
  assertEquals(withParam({ type: "number", min: 2, max: 1 }), ["params.x.max: must be at least min"]);
  assertEquals(withParam({ type: "number", step: 0 }), ["params.x.step: must be above 0"]);
  assertEquals(withParam({ type: "enum", values: ["1", 1] }), [
    "params.x.values: must be a list of 1 to 100 different texts or numbers",
  ]);
  assertEquals(withParam({ type: "text", maxLength: 1001 }), [
    "params.x.maxLength: must be a whole number from 1 to 1000",
  ]);
});

Deno.test("the section refuses placeholders without a parameter, and parameters without a placeholder", () => {
  const message = (text: unknown, params: unknown = { x: { type: "number" } }) =>
    faultsOf({ label: "A", params, publish: { topic: "t", message: text } });
  const stray = "publish.message: has a $ that no parameter in params belongs to: write $$ for a dollar sign";
  assertEquals(message("$x"), []);
  assertEquals(message("$$ $x"), []);
  assertEquals(message("$x and $y"), [stray]);
  assertEquals(message("$x costs 5 $"), [stray]);
  assertEquals(message("$x ${x}"), [stray]);
  assertEquals(message("$xy"), [stray, "params.x: must be used in publish, as $x"]);
  assertEquals(message("$$x"), ["params.x: must be used in publish, as $x"]);
  assertEquals(message("$5", {}), [stray], "the text is not quoted: it may hold a secret");
});

Deno.test("the section refuses parameters where they would choose what the action acts on", () => {
  const params = { x: { type: "enum", values: ["a", "b"] } };
  const places: [Record<string, unknown>, string][] = [
    [{ publish: { topic: "home/$x", message: "$x" } }, "publish.topic"],
    [{ publish: { topic: "t", message: { "$x": "$x" } } }, "publish.message.$x"],
    [{ call: { method: "cmd::execCmd", params: { id: "$x" } } }, "call.params.id"],
    [{ call: { method: "cmd::execCmd", params: { id: ["$x"] } } }, "call.params.id.0"],
    [{ call: { method: "ping", params: { apikey: "$x" } } }, "call.params.apikey"],
    [{ http: { target: "$x", method: "GET", path: "/$x" } }, "http.target"],
    [{ http: { target: "t", method: "GET", path: "/$x", headers: { a: "$x" } } }, "http.headers.a"],
    [{ http: { target: "t", method: "GET", path: "/$x", headers: { "$x": "a" } } }, "http.headers.$x"],
    [{ call: { method: "cmd::execCmd", params: { id: { "0": "$x" } } } }, "call.params.id.0"],
    [{ homeAssistant: { call: "light.turn_on", data: { entity_id: "$x" } } }, "homeAssistant.data.entity_id"],
    [
      { homeAssistant: { call: "scene.create", data: { snapshot_entities: ["$x"] } } },
      "homeAssistant.data.snapshot_entities.0",
    ],
    [
      { homeAssistant: { call: "script.hall", data: { fields: { entity_id: "$x" } } } },
      "homeAssistant.data.fields.entity_id",
    ],
  ];
  for (const [request, place] of places) {
    const found = faultsOf({ label: "A", params, ...request });
    assertEquals([place, found.length, found[0]?.startsWith(`${place}: must not have a parameter`)], [place, 1, true]);
  }
});

Deno.test("the section refuses values of an enum that leave their part of a path", () => {
  const http = { target: "t", path: "/$x" };
  assertEquals(faultsOf({ label: "A", params: { x: { type: "enum", values: ["a", "b c"] } }, http }), []);
  assertEquals(faultsOf({ label: "A", params: { x: { type: "enum", values: ["a", "b/c"] } }, http }), [
    "http.path: has a parameter that must not be empty or dots alone, and must not have / \\ % ; ? #: it is a part of a path",
  ]);
});

Deno.test("the section refuses free text within a text of another format", () => {
  const params = { x: { type: "text" } };
  for (const message of ['{"a":"$x"}', ' ["$x"]', '"Say $x"']) {
    assertEquals(faultsOf({ label: "A", params, publish: { topic: "t", message } }), [
      "publish.message: must not have a text parameter within JSON text: write the message as a map",
    ]);
  }
  assertEquals(faultsOf({ label: "A", params, http: { target: "t", method: "POST", path: "/", body: "a=$x" } }), [
    "http.body: must not have a text parameter within a longer text: write the body as a map, or use query",
  ]);
  assertEquals(faultsOf({ label: "A", params, publish: { topic: "t", message: { a: "Say $x" } } }), []);
  assertEquals(faultsOf({ label: "A", params, publish: { topic: "t", message: "Say $x" } }), []);
});
