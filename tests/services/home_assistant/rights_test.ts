import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import * as fc from "fast-check";
import { NotGrantedError, ScopeError } from "../../../src/keys/rights.ts";
import { HOME_ASSISTANT_RIGHTS, HomeAssistantGrants } from "../../../src/services/home_assistant/rights.ts";
import type { OptionValues } from "../../../src/services/rights_options.ts";

const grantsOf = (rights: { read?: string[]; call?: string[] }) => new HomeAssistantGrants(rights);

const mayCall = (call: string[], service: string, entity?: string) => grantsOf({ call }).mayCall(service, entity);

const change = (
  values: OptionValues,
  { isNamed = false, isNew = true, before = undefined as object | undefined } = {},
) => HOME_ASSISTANT_RIGHTS.change({ before: before as Record<string, unknown>, values, isNamed, isNew });

const part = fc.stringMatching(/^[a-z][a-z0-9_]{0,6}$/);
const name = fc.tuple(part, part).map((parts) => parts.join("."));

Deno.test("HomeAssistantGrants grants nothing that its rights do not name", () => {
  const grants = grantsOf({});
  fc.assert(fc.property(name, name, (service, entity) => {
    assertEquals([grants.mayRead(entity), grants.mayCall(service, entity), grants.mayCall(service, undefined)], [
      false,
      false,
      false,
    ]);
  }));
  assertThrows(() => grants.read("light.hall"), ScopeError, "This key may not read the entity light.hall");
  assertThrows(
    () => grants.call("light.turn_on", "light.hall"),
    ScopeError,
    "This key may not call the service light.turn_on@light.hall",
  );
});

Deno.test("HomeAssistantGrants of all rights grants everything", () => {
  const grants = new HomeAssistantGrants(HOME_ASSISTANT_RIGHTS.all);
  fc.assert(fc.property(name, fc.option(name, { nil: undefined }), (service, entity) => {
    assert(grants.mayCall(service, entity) && grants.mayRead(service));
  }));
  assert(grants.mayCall("hassio.host_shutdown", undefined));
});

Deno.test("rights to read, to call for entities and to call without entities are granted separately", () => {
  const grants = grantsOf({ read: ["sensor.*"], call: ["light.turn_on@light.hall", "script.good_night"] });
  assertEquals([grants.mayRead("sensor.x"), grants.mayRead("light.hall"), grants.mayRead("script.good_night")], [
    true,
    false,
    false,
  ]);
  assertEquals(grants.mayCall("light.turn_on", "light.hall"), true);
  assertEquals(grants.mayCall("light.turn_on", "light.kitchen"), false);
  assertEquals(grants.mayCall("light.turn_off", "light.hall"), false);
  assertEquals(grants.mayCall("light.turn_on", undefined), false);
  assertEquals(grants.mayCall("script.good_night", undefined), true);
  assertEquals(grants.mayCall("script.good_night", "light.hall"), false);
  assertEquals(grants.mayCall("light.turn_on", "sensor.x"), false);
});

Deno.test("each granted call pairs its services with its entities", () => {
  const call = ["light.*@light.hall", "cover.open_cover@cover.*"];
  assertEquals(mayCall(call, "cover.close_cover", "cover.gate"), false);
  assertEquals(mayCall(call, "light.turn_on", "cover.gate"), false);
  assertEquals(mayCall(call, "light.toggle", "light.hall"), true);
});

Deno.test("a wildcard in the domain of a service grants it only for entities of that domain", () => {
  for (const call of [["*@*"], ["*.*@*"], ["*.turn_on@light.*", "*@*"]]) {
    assertEquals(mayCall(call, "light.turn_on", "light.hall"), true);
    for (const service of ["mqtt.publish", "scene.apply", "zwave_js.set_value", "media_player.join", "x.turn_on"]) {
      assertEquals(mayCall(call, service, "light.hall"), false, service);
      assertEquals(mayCall(call, service), false, service);
    }
  }
  assertEquals(mayCall(["zwave_js.set_value@light.hall"], "zwave_js.set_value", "light.hall"), true);
});

const NAMED = [
  "automation",
  "hassio",
  "homeassistant",
  "notify",
  "pyscript",
  "python_script",
  "rest_command",
  "script",
];

Deno.test("services that reach any device or run programs are granted only by a pattern that names their domain", () => {
  for (const domain of [...NAMED, "shell_command"]) {
    const entity = `${domain}.x`;
    for (const call of ["*@*", "*.*@*", `*.turn_on@${entity}`, `${domain.slice(0, -1)}*.*@*`, `*.turn_on@*`]) {
      assertEquals(mayCall([call], `${domain}.turn_on`, entity), false, call);
    }
    for (const call of [`${domain}.*@*`, `${domain}.turn_on@${entity}`]) {
      assertEquals(mayCall([call], `${domain}.turn_on`, entity), true, call);
    }
    assertEquals(mayCall([`${domain}.*`], `${domain}.turn_on`), true);
  }
});

Deno.test("no key may call what none of its patterns matches", () => {
  const pattern = fc.oneof(name, part.map((text) => `${text}.*`), part.map((text) => `*.${text}`), fc.constant("*"));
  const grant = fc.tuple(pattern, pattern).map((parts) => parts.join("@"));
  const matches = (glob: string, text: string) =>
    glob === "*" || glob.split(".").every((piece, index) => piece === "*" || piece === text.split(".")[index]);
  fc.assert(fc.property(fc.array(grant, { maxLength: 4 }), name, name, (call, service, entity) => {
    const isMatched = call.some((text) => {
      const [services = "", entities = ""] = text.split("@");
      return matches(services, service) && matches(entities, entity);
    });
    if (mayCall(call, service, entity)) assert(isMatched);
    assertEquals(mayCall(call, service), false);
  }));
});

Deno.test("the schema refuses unknown fields, wrong patterns, and wildcards in the domain of a call without entities", () => {
  const { schema } = HOME_ASSISTANT_RIGHTS;
  assertEquals(schema.safeParse({}).data, { read: [], call: [] });
  const faults = [
    ...[{ reads: [] }, { everyCall: true }, { read: "*" }, { read: ["Light.*"] }, { read: [""] }, { read: ["light"] }],
    ...["*", "*.*", "*.reload", "light", "light.turn_on@", "@light.hall", "a.b@c.d@e.f", "light.turn_on@all", "L.x@*"]
      .map((call) => ({ call: [call] })),
  ];
  for (const rights of faults) assertEquals(schema.safeParse(rights).success, false, JSON.stringify(rights));
});

Deno.test("keys add grants what --ha-read and --ha-call list, and names what is wrong in them", () => {
  const { rights, isGranted, mistakes } = change({ "ha-read": ["light.*"], "ha-call": ["light.*@light.*"] });
  assertEquals([rights, isGranted, mistakes], [{ read: ["light.*"], call: ["light.*@light.*"] }, true, []]);
  const wrong = change({ "ha-read": ["light"], "ha-call": ["*"] }).mistakes;
  assertEquals(wrong.length, 2);
  assertMatch(wrong[0] ?? "", /^--ha-read "light" must be a pattern of entities such as /);
  assertMatch(wrong[1] ?? "", /^--ha-call "\*" must be a service and entities such as /);
});

Deno.test("--service home_assistant alone is a mistake, as it grants nothing", () => {
  assertEquals(change({}, { isNamed: true }).mistakes, [
    "--service home_assistant grants nothing alone: add --ha-read ENTITY or --ha-call CALL",
  ]);
  assertEquals(change({}, { isNamed: true, isNew: false, before: { read: ["*"] } }).mistakes, []);
  assertEquals(change({}).isGranted, false);
});

Deno.test("keys set replaces one list and keeps the other, and empties a list with an empty value", () => {
  const before = { read: ["light.*"], call: ["light.*@light.*"] };
  assertEquals(change({ "ha-read": ["*"] }, { isNew: false, before }).rights, { ...before, read: ["*"] });
  assertEquals(change({ "ha-call": [""] }, { isNew: false, before }).rights, { ...before, call: [] });
});

Deno.test("keys list and keys show describe the rights", () => {
  const rights = { read: ["light.*"], call: ["light.*@light.*"] };
  assertEquals(HOME_ASSISTANT_RIGHTS.summarize(rights), "Home Assistant read light.*, call light.*@light.*");
  assertEquals(HOME_ASSISTANT_RIGHTS.describe(rights), [
    ["Home Assistant reads", "light.*"],
    ["Home Assistant calls", "light.*@light.*"],
  ]);
  assertEquals(HOME_ASSISTANT_RIGHTS.describeReach?.({ read: ["*"] }), undefined);
  assertMatch(
    HOME_ASSISTANT_RIGHTS.describeReach?.(rights) ?? "",
    /^call light.\*@light.\* in Home Assistant: .*--ha-call ''$/,
  );
});

Deno.test("a refusal carries the option that grants it, for the log", () => {
  const error = assertThrows(() => grantsOf({ read: ["sensor.*"] }).read("light.hall"), NotGrantedError);
  assertEquals(error.missing, {
    verb: "read",
    option: "ha-read",
    thing: "entity",
    value: "light.hall",
    granted: ["sensor.*"],
  });
});
