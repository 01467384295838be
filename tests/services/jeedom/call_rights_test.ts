/** Rights of a key to the parameters of a call to Jeedom, and to its answer. */
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import * as fc from "fast-check";
import { parseExact } from "../../../src/lib/exact_json.ts";
import { isObject } from "../../../src/lib/json.ts";
import { FieldError } from "../../../src/protocol/payload.ts";
import { ScopeError } from "../../../src/keys/rights.ts";
import { JEEDOM_METHODS } from "../../../src/services/jeedom/methods.ts";
import { authorizeCall, limitReply } from "../../../src/services/jeedom/call_rights.ts";
import { ServiceError } from "../../../src/services/service.ts";
import { JEEDOM_RIGHTS, JeedomGrants } from "../../../src/services/jeedom/rights.ts";
import { type FlatRights, jeedomRights } from "../../support/rights.ts";

const grantsOf = (rights: FlatRights) => new JeedomGrants(jeedomRights({ methods: ["*"], ...rights }));

/** A guest who may use two commands and start one scenario. */
const guest = grantsOf({ commands: [12, 13], scenarios: [5], methods: ["*", "cmd::event", "scenario::export"] });

/** Parameters as parsed from a request's JSON. */
function paramsOf(json: string): Readonly<Record<string, unknown>> {
  const params = parseExact(json);
  if (!isObject(params)) throw new TypeError("Parameters must be an object");
  return params;
}

function verdict(grants: JeedomGrants, method: string, json: string): "allowed" | "scope" | "field" {
  try {
    authorizeCall(grants, { method, params: paramsOf(json) });
    return "allowed";
  } catch (error) {
    if (error instanceof ScopeError) return "scope";
    if (error instanceof FieldError) return "field";
    throw error;
  }
}

/** Every method that takes the id of a command. */
const COMMAND_METHODS = JEEDOM_METHODS.filter(({ limited }) => limited === "command").map(({ name }) => name);

Deno.test("authorizeCall() allows a limited key its commands, and no other, in every method that takes one", () => {
  assertEquals(COMMAND_METHODS.length, 6);
  for (const method of COMMAND_METHODS) {
    for (const id of ["12", '"12"', "13"]) {
      assertEquals(verdict(guest, method, `{"id":${id},"value":1.50}`), "allowed", method);
    }
    for (const id of ["1", "14", '"14"', "123", "121", "5"]) {
      assertEquals(verdict(guest, method, `{"id":${id}}`), "scope", `${method} ${id}`);
    }
  }
  const error = assertThrows(() => authorizeCall(guest, { method: "cmd::execCmd", params: { id: 99 } }), ScopeError);
  assertEquals(error.message, "This key may not use the command 99");
});

Deno.test("authorizeCall() refuses ids that PHP or MySQL could read as others", () => {
  const strange = [
    ...['"12abc"', '"12 "', '" 12"', '"+12"', '"012"', '"1e1"', '"0x0c"', '"12.0"', '"12\\u0000"', '"１２"', '"12,14"'],
    ...[
      "12.0",
      "1.2e1",
      "12.5",
      "-12",
      "0",
      "true",
      "null",
      '""',
      "{}",
      '{"0":12}',
      '{"a":14}',
      "1e400",
      '"#[a][b][c]#"',
    ],
    ...["12000000000000000000", '"12000000000000000000"', "[[12]]", '[{"id":12}]', "[null]", "[true]", '["12 "]', "[]"],
  ];
  for (const method of [...COMMAND_METHODS, "scenario::changeState", "scenario::byId"]) {
    for (const id of strange) assertEquals(verdict(guest, method, `{"id":${id}}`), "field", `${method} ${id}`);
    assertEquals(verdict(guest, method, `{"cmd_id":12,"ID":12,"Id":12}`), "field", method);
  }
});

Deno.test("authorizeCall() checks each id of a list, and accepts a list for execCmd only", () => {
  assertEquals(verdict(guest, "cmd::execCmd", '{"id":[12,"13",12]}'), "allowed");
  for (const ids of ["[12,14]", "[14,12]", '["12","14"]']) {
    assertEquals(verdict(guest, "cmd::execCmd", `{"id":${ids}}`), "scope", ids);
  }
  assertEquals(verdict(guest, "cmd::execCmd", '{"id":[12,"14x"]}'), "field");
  for (const method of COMMAND_METHODS.filter((name) => name !== "cmd::execCmd")) {
    assertEquals(verdict(guest, method, '{"id":[12]}'), "field", method);
  }
});

Deno.test("authorizeCall() refuses every id that is not spelt as one of the list", () => {
  fc.assert(fc.property(fc.jsonValue(), (id) => {
    const isOwn = (one: unknown) => [12, 13, "12", "13"].some((own) => own === one);
    const isFine = Array.isArray(id) ? id.length > 0 && id.every(isOwn) : isOwn(id);
    const allowed = verdict(guest, "cmd::execCmd", JSON.stringify({ id })) === "allowed";
    assertEquals(allowed, isFine);
  }));
});

Deno.test("authorizeCall() refuses options of a limited key by which a command would read or run others", () => {
  const run = (options: string) => verdict(guest, "cmd::execCmd", `{"id":12,"options":${options}}`);
  for (
    const options of [
      ...["{}", "[]", "null", '""', '{"slider":50}', '{"slider":"50"}', '{"slider":20.0}', '{"color":"#ff8800"}'],
      ...['{"color":"ff8800"}', '{"select":"auto"}', '{"title":"Hello","message":"It is open, Anna!"}'],
    ]
  ) assertEquals(run(options), "allowed", options);
  for (
    const options of [
      ...['{"slider":"#99#"}', '{"message":"#99#"}', '{"color":"#99#"}', '{"slider":"variable(code)"}', '"#99#"'],
      ...['{"message":"variable(code)"}', '{"message":["#99#"]}', '{"message":{"a":"#99#"}}', '["#99#"]', "true", "1"],
      ...['{"files":"/etc/passwd"}', '{"#99#":1}', '{"slider":1e400}', '{"toString":"a"}', '{"__proto__":"a"}'],
    ]
  ) assertEquals(run(options), "field", options);
  assertEquals(verdict(guest, "cmd::execCmd", '{"id":[12,13],"options":{"slider":"#99#"}}'), "field");
});

Deno.test("authorizeCall() refuses values of a limited key that Jeedom would evaluate", () => {
  const set = (value: string) => verdict(guest, "cmd::event", `{"id":12,"value":${value}}`);
  for (const value of ["1", "2.50", '"on"', '""']) assertEquals(set(value), "allowed", value);
  for (const value of ['"#99#"', '"variable(code)"', "[1]", "{}", "null", "true"]) {
    assertEquals(set(value), "field", value);
  }
});

Deno.test("authorizeCall() refuses a limited key everything else of the home, whatever the key names", () => {
  const named = grantsOf({
    commands: [12],
    methods: ["*", "cmd::*", "eqLogic::*", "jeeObject::*", "log::*", "getJson"],
  });
  for (
    const method of [
      ...["cmd::all", "cmd::byEqLogicId", "cmd::save", "eqLogic::fullById", "eqLogic::byTypeAndId", "eqLogic::all"],
      ...["jeeObject::full", "object::full", "summary::global", "message::all", "scenario::all", "getJson", "log::get"],
      ...["timeline::all", "plugin::listPlugin", "anything"],
    ]
  ) assertEquals(verdict(named, method, '{"id":12}'), "scope", method);
  for (const method of ["ping", "version", "datetime", "jeedom::isOk", "event::changes"]) {
    assertEquals(verdict(named, method, "{}"), "allowed", method);
  }
  // With commands alone, no scenario; with scenarios alone, no command.
  assertEquals(verdict(named, "scenario::changeState", '{"id":5,"state":"run"}'), "scope");
  assertEquals(verdict(grantsOf({ scenarios: [5] }), "cmd::execCmd", '{"id":12}'), "scope");
  assertEquals(verdict(grantsOf({ commands: [] }), "cmd::execCmd", '{"id":12}'), "scope");
});

Deno.test("authorizeCall() limits scenarios as it limits commands", () => {
  for (const method of ["scenario::changeState", "scenario::byId", "scenario::export"]) {
    assertEquals(verdict(guest, method, '{"id":"5","state":"run"}'), "allowed", method);
    assertEquals(verdict(guest, method, '{"id":12,"state":"run"}'), "scope", method);
  }
});

Deno.test("authorizeCall() does not check ids and options of a key without limits", () => {
  for (const grants of [grantsOf({}), new JeedomGrants(JEEDOM_RIGHTS.all)]) {
    assertEquals(verdict(grants, "cmd::execCmd", '{"id":"12abc","options":{"slider":"#99#"}}'), "allowed");
  }
});

Deno.test("authorizeCall() refuses a plugin in the parameters, which would answer instead of Jeedom, unless it is granted", () => {
  const named = grantsOf({ methods: ["*", "mobile::*"] });
  for (const plugin of ["core", "", null]) {
    assertEquals(verdict(grantsOf({}), "version", JSON.stringify({ plugin })), "allowed");
  }
  for (const plugin of ["mobile", "Core", "virtual"]) {
    assertEquals(verdict(grantsOf({}), "version", JSON.stringify({ plugin })), "scope", plugin);
  }
  assertEquals(verdict(named, "sync", '{"plugin":"mobile"}'), "allowed");
  assertEquals(verdict(named, "log::get", '{"plugin":"mobile"}'), "scope");
  assertEquals(verdict(guest, "version", '{"plugin":"mobile"}'), "scope");
  for (const plugin of ["../x", ["core"], true, 0, { a: "core" }, "core ", "a/b", "core\u0000"]) {
    assertEquals(verdict(named, "version", JSON.stringify({ plugin })), "field", String(plugin));
  }
  assertEquals(verdict(new JeedomGrants(JEEDOM_RIGHTS.all), "sync", '{"plugin":"mobile"}'), "allowed");
});

/** Jeedom's answer with all kinds of events, as text. */
const EVENTS = [
  '{"datetime":1790000000.1000,"name":"cmd::update","option":{"cmd_id":12,"value":20.50,"big":6066005651767221768}}',
  '{"datetime":1790000000.2,"name":"cmd::update","option":{"cmd_id":"13","value":"on"}}',
  '{"datetime":1790000000.3,"name":"scenario::update","option":{"scenario_id":"5","state":"in progress"}}',
];
const OTHERS = [
  '{"datetime":1,"name":"cmd::update","option":{"cmd_id":14,"value":"secret"}}',
  '{"datetime":1,"name":"cmd::update","option":{"cmd_id":12.0,"value":"secret"}}',
  '{"datetime":1,"name":"cmd::update","option":{"cmd_id":[12],"value":"secret"}}',
  '{"datetime":1,"name":"cmd::update","option":"secret"}',
  '{"datetime":1,"name":"scenario::update","option":{"scenario_id":12,"cmd_id":12,"state":"secret"}}',
  '{"datetime":1,"name":"eqLogic::update","option":{"cmd_id":12,"eqLogic_id":1,"value":"secret"}}',
  '{"datetime":1,"name":"notify","option":{"message":"secret"}}',
  '{"datetime":1,"name":"message::refreshMessageNumber","option":[]}',
  '"secret"',
  "null",
];
const answerOf = (events: readonly string[]) =>
  `{"jsonrpc":"2.0","id":99999,"result":{"datetime":1790000001.0500,"result":[${events.join(",")}]}}`;

const limit = (bodyJson: string, grants = guest) =>
  limitReply({ status: 200, bodyJson }, { method: "event::changes", grants }).bodyJson;

Deno.test("limitReply() passes a limited key the events of its commands and scenarios, with all digits", () => {
  assertEquals(limit(answerOf([...OTHERS, ...EVENTS, ...OTHERS])), answerOf(EVENTS));
  assertEquals(limit(answerOf(OTHERS)), answerOf([]));
  assertEquals(limit(answerOf(EVENTS), grantsOf({ commands: [] })), answerOf([]));
});

Deno.test("limitReply() removes everything else of the answer for a limited key", () => {
  const text = limit(
    '{"jsonrpc":"2.0","id":1,"x":"secret","result":{"datetime":1,"y":"secret","result":[' +
      '{"datetime":1,"name":"cmd::update","z":"secret","option":{"cmd_id":12}}]}}',
  );
  assert(!text.includes("secret"), text);
  const error = '{"jsonrpc":"2.0","id":1,"error":{"code":-32001,"message":"Refused"}}';
  assertEquals(limit(error), error);
});

Deno.test("limitReply() refuses an answer that cannot be parsed, for a limited key only", () => {
  const deep = `{"result":${"[".repeat(100_000)}${"]".repeat(100_000)}}`;
  for (const body of ['"ok"', "[]", "null", "{}", '{"result":"ok"}', '{"result":{"result":{"a":1}}}', "<html>", deep]) {
    const error = assertThrows(() => limit(body), ServiceError);
    assertEquals([error.status, error.code], [502, "service_answer"]);
    assertEquals(limit(body, grantsOf({})), body);
  }
});

Deno.test("limitReply() passes every other answer, and the events of a key without limits, as they are", () => {
  const body = answerOf(OTHERS);
  assertEquals(limitReply({ status: 200, bodyJson: body }, { method: "cmd::byId", grants: guest }).bodyJson, body);
  assertEquals(limit(body, grantsOf({})), body);
});

Deno.test("limitReply() removes the events of a poll for a key that was revoked meanwhile", () => {
  const revocation = new AbortController();
  const owner = { method: "event::changes", grants: grantsOf({}), revoked: revocation.signal };
  const reply = { status: 200, bodyJson: answerOf(EVENTS) };
  assertEquals(limitReply(reply, owner), reply);
  revocation.abort(new Error("Key phone was changed: connect again"));
  const error = assertThrows(() => limitReply(reply, owner), ServiceError);
  assertEquals([error.status, error.code], [403, "key_revoked"]);
  assertStringIncludes(error.message, "Key phone was changed");
});
