import { assert, assertEquals, assertThrows } from "@std/assert";
import * as fc from "fast-check";
import { randomBytes } from "../../src/protocol/bytes.ts";
import { formatKeysFile, isKeyLabel, type KeyRecord, parseKeysFile } from "../../src/keys/schema.ts";
import { SERVICES } from "../../src/services/registry.ts";
import { makeRecord } from "../support/gateway.ts";
import { rightsOf } from "../support/rights.ts";

/** Names of the services, as in errors. */
const NAMES = SERVICES.map(({ name }) => `"${name}"`).join(" and ");

const parse = (text: string) => parseKeysFile(text, SERVICES);

const SECRET = "3616864d6ed4f70b8a774e17c7435b411d8bc5714fddaf88e3850104a9d88ccd";

const written = (key: Record<string, unknown>) =>
  JSON.stringify({ version: 1, keys: [{ name: "phone", secret: SECRET, created: "2026-01-01T00:00:00Z", ...key }] });

Deno.test("parseKeysFile() grants nothing that is not written", () => {
  const nothing = makeRecord({ name: "phone", secret: Uint8Array.fromHex(SECRET), created: Date.UTC(2026, 0) });
  assertEquals(parse(written({})), [nothing]);
});

Deno.test("parseKeysFile() names the place and the rule of everything that is wrong, and quotes no value", () => {
  const wrong: [Record<string, unknown>, string][] = [
    [{ name: "a b" }, "keys[0].name: must be 1 to 64 letters"],
    [{ name: "../x" }, "keys[0].name: must be"],
    [{ name: "default" }, 'name "default" belongs to the key in SECRET_KEY_FILE'],
    [{ label: "" }, "keys[0].label: must be text of 1 to 64 characters in one line"],
    [{ label: " " }, "keys[0].label: must be text"],
    [{ label: "x".repeat(65) }, "keys[0].label: must be text"],
    [{ label: "a\nb" }, "keys[0].label: must be text"],
    [{ label: "\u001b[2J" }, "keys[0].label: must be text"],
    [{ label: "\u202egnp" }, "keys[0].label: must be text"],
    [{ label: "\ud800" }, "keys[0].label: must be text"],
    [{ label: 1 }, "keys[0].label: "],
    [{ secret: SECRET.slice(1) }, "keys[0].secret: must be 64 hexadecimal characters"],
    [{ secret: 1 }, "keys[0].secret: "],
    [{ created: "yesterday" }, "keys[0].created: must be a time such as"],
    [{ expires: 1 }, "keys[0].expires: must be a time such as"],
    [{ disabled: "no" }, "keys[0].disabled: "],
    [{ minProtocol: 3 }, "keys[0].minProtocol: "],
    [{ services: ["ssh"] }, "keys[0].services[0]: "],
    [{ publish: ["a/#/b"] }, 'keys[0].publish[0]: filter may have "#" only as its whole last level'],
    [{ subscribe: ["$e2e-gateway/#"] }, 'keys[0].subscribe[0]: filter must not start with "$e2e-gateway"'],
    [{ subscribe: ["$share/#"] }, "keys[0].subscribe[0]: filter must be of the form $share/GROUP/FILTER"],
    [{ methods: ["a b"] }, "keys[0].methods[0]: must be a pattern of methods"],
    [{ methods: ["*a*b*c*"] }, "keys[0].methods[0]: must be a pattern of methods"],
    [{ endpoints: ["/../x"] }, "keys[0].endpoints[0]: must be * or a plain path"],
    [{ brokers: ["a:0"] }, "keys[0].brokers[0]: must be a list of host"],
    [{ rate: { burst: 1, perSecond: 2 } }, "keys[0].rate: must have a burst of at least perSecond"],
    [{ rigths: [] }, 'keys[0]: no such field: "rigths"'],
    [{ [SECRET]: true }, "keys[0]: no such field: another"],
    [{ commands: ["12"] }, "keys[0].commands[0]: must be the id of a command or scenario"],
    [{ scenarios: [0] }, "keys[0].scenarios[0]: must be the id of a command or scenario"],
    [{ commands: [1.5] }, "keys[0].commands[0]: must be the id of a command or scenario"],
    [{ everyMethod: true }, 'keys[0]: no such field: "everyMethod"'],
    [{ previous: { secret: SECRET, until: "2026-01-01T00:00:00Z" } }, '"phone" and "phone" have the same secret'],
  ];
  for (const [key, message] of wrong) {
    const error = assertThrows(() => parse(written(key)), SyntaxError, message);
    assert(!error.message.includes(SECRET.slice(2, 20)), error.message);
  }
});

Deno.test("parseKeysFile() names faults of rights beside those of other fields", () => {
  const flat = { disabled: "no", services: ["ssh"], methods: ["a b"], publish: null };
  const nested = { disabled: "no", rights: { jeedom: { methods: ["a b"] }, mqtt: { publish: null } } };
  const places: [Record<string, unknown>, string[]][] = [
    [flat, ["keys[0].disabled", "keys[0].services[0]", "keys[0].methods[0]", "keys[0].publish"]],
    [nested, ["keys[0].disabled", "keys[0].rights.jeedom.methods[0]", "keys[0].rights.mqtt.publish"]],
    [{ disabled: "no", rights: null }, ["keys[0].disabled", "keys[0].rights"]],
  ];
  for (const [key, expected] of places) {
    const error = assertThrows(() => parse(written(key)), SyntaxError);
    assertEquals(error.message.split("; ").map((fault: string) => fault.split(":")[0]), expected);
  }
});

Deno.test("parseKeysFile() reports the path of invalid rights in a service, and the violated rule", () => {
  const wrong: [rights: unknown, string][] = [
    [[], "keys[0].rights: "],
    [{ ssh: {} }, `keys[0].rights: no such service: "ssh". There are ${NAMES}`],
    [{ [SECRET]: {} }, `keys[0].rights: no such service: another. There are ${NAMES}`],
    [{ mqtt: [] }, "keys[0].rights.mqtt: "],
    [{ mqtt: { publish: ["a/#/b"] } }, 'keys[0].rights.mqtt.publish[0]: filter may have "#" only as its'],
    [{ mqtt: { methods: ["*"] } }, 'keys[0].rights.mqtt: no such field: "methods"'],
    [{ mqtt: { brokers: ["a:0"] } }, "keys[0].rights.mqtt.brokers[0]: must be a list of host"],
    [{ jeedom: { methods: ["a b"] } }, "keys[0].rights.jeedom.methods[0]: must be a pattern of methods"],
    [{ jeedom: { commands: ["12"] } }, "keys[0].rights.jeedom.commands[0]: must be the id of a command or scenario"],
    [{ jeedom: { everyMethod: true } }, 'keys[0].rights.jeedom: no such field: "everyMethod"'],
  ];
  for (const [rights, message] of wrong) {
    const error = assertThrows(() => parse(written({ rights })), SyntaxError, message);
    assert(!error.message.includes(SECRET.slice(2, 20)), error.message);
  }
  const both = assertThrows(() => parse(written({ rights: {}, publish: ["a"] })), SyntaxError);
  assertEquals(
    both.message,
    `keys[0]: no such field: "publish". Rights belong in "rights", below ${NAMES}`,
  );
});

Deno.test("parseKeysFile() reads an older file, whose rights formatKeysFile() nests by service", () => {
  const older = written({
    services: ["mqtt"],
    publish: ["home/#"],
    subscribe: ["a"],
    methods: ["*"],
    commands: [12],
    ownApikey: true,
    expires: "2027-01-31T12:00:00Z",
    rate: { burst: 2, perSecond: 1 },
  });
  const keys = parse(older);
  const rights = rightsOf({ services: ["mqtt"], publish: ["home/#"], subscribe: ["a"] });
  assertEquals(keys.map((key) => key.rights), [rights]);
  assertEquals(keys[0]?.expires, Date.UTC(2027, 0, 31, 12));
  const text = formatKeysFile(keys);
  assertEquals(JSON.parse(text).keys[0].rights, rights);
  assertEquals(parse(text), keys);
  assertEquals(parse(written({ services: ["jeedom", "mqtt"] }))[0]?.rights, rightsOf({ services: ["jeedom", "mqtt"] }));
});

Deno.test("parseKeysFile() refuses two keys of one name or secret, and other shapes of file", () => {
  const key = (name: string, secret: string) => ({ name, secret, created: "2026-01-01T00:00:00Z" });
  const file = (...keys: unknown[]) => JSON.stringify({ version: 1, keys });
  const other = randomBytes(32).toHex();
  assertThrows(() => parse(file(key("a", SECRET), key("a", other))), SyntaxError, 'name "a" is there twice');
  assertThrows(() => parse(file(key("a", SECRET), key("b", SECRET.toUpperCase()))), SyntaxError, "same secret");
  for (
    const text of ["", "[]", "{}", "null", '{"version":2,"keys":[]}', '{"version":1}', '{"version":1,"keys":[],"x":1}']
  ) {
    assertThrows(() => parse(text), SyntaxError);
  }
});

Deno.test("parseKeysFile() refuses a field that is there twice, at any depth, and quotes no value", () => {
  const text = written({ rate: { burst: 2, perSecond: 1 } });
  const cases = [
    [
      text.replace('"name"', '"methods":["cmd::byId"],"methods":["*"],"name"'),
      'keys[0]: field "methods" is there twice',
    ],
    [
      text.replace('"name"', '"expires":"2020-01-01T00:00:00Z","\\u0065xpires":null,"name"'),
      'keys[0]: field "expires"',
    ],
    [text.replace('"burst"', '"burst":9,"burst"'), 'keys[0].rate: field "burst" is there twice'],
    [
      text.replace('"name"', '"rights":{"mqtt":{"publish":["a"],"publish":["#"]}},"name"'),
      'keys[0].rights.mqtt: field "publish" is there twice',
    ],
    [text.replace('"version"', '"version":1,"version"'), 'the file: field "version" is there twice'],
    [text.replace('"name"', `"${SECRET}":1,"${SECRET}":2,"name"`), "keys[0]: field another is there twice"],
    [text.replace('"name"', `"${SECRET}":{"a":1,"a":2},"name"`), 'keys[0].another: field "a" is there twice'],
  ] as const;
  for (const [changed, message] of cases) {
    const error = assertThrows(() => parse(changed), SyntaxError, message);
    assert(!error.message.includes(SECRET.slice(2, 20)), error.message);
  }
});

Deno.test("parseKeysFile() reports the position of invalid JSON, and quotes none of it", () => {
  const text = `{"version":1,"keys":[{"secret":"${SECRET}",}]}`;
  for (let length = 0; length < text.length; length++) {
    const error = assertThrows(() => parse(text.slice(0, length)), SyntaxError);
    assert(!error.message.includes("3616"), error.message);
  }
  assertThrows(() => parse(text), SyntaxError, "it is not JSON");
});

Deno.test("formatKeysFile() writes what parseKeysFile() reads", () => {
  const record: fc.Arbitrary<KeyRecord> = fc.record({
    label: fc.option(fc.string({ unit: "grapheme", maxLength: 64 }).filter(isKeyLabel), { nil: undefined }),
    expires: fc.option(fc.integer({ min: 0, max: 4e12 }), { nil: undefined }),
    disabled: fc.boolean(),
    minProtocol: fc.constantFrom(1 as const, 2 as const),
    services: fc.subarray(["jeedom" as const, "mqtt" as const]),
    subscribe: fc.subarray(["home/#", "a/+/b", "é"]),
    methods: fc.subarray(["*", "cmd::*"]),
    commands: fc.option(fc.subarray([1, 12]), { nil: undefined }),
    scenarios: fc.option(fc.subarray([5]), { nil: undefined }),
    brokers: fc.subarray(["*", "10.0.0.0/8:1883", "[fd00::/8]"]),
    ownApikey: fc.boolean(),
    rate: fc.option(fc.constant({ burst: 10, perSecond: 2 }), { nil: undefined }),
    previous: fc.option(fc.integer({ min: 0, max: 4e12 }).map((until) => ({ secret: randomBytes(32), until })), {
      nil: undefined,
    }),
  }).map((given) => makeRecord({ name: `k${randomBytes(4).toHex()}`, ...given }));
  fc.assert(fc.property(fc.array(record, { maxLength: 5 }), (records) => {
    const plain = (keys: readonly KeyRecord[]) => JSON.parse(JSON.stringify(keys));
    assertEquals(plain(parse(formatKeysFile(records))), plain(records));
  }));
});

Deno.test("isKeyLabel() accepts what devices call themselves in any script", () => {
  for (const label of ["Anna’s iPhone", "Küche – Tablet", "手机", "هاتف", "👩‍🔧 work", "x".repeat(64)]) {
    assert(isKeyLabel(label), label);
    assertEquals(parse(written({ label }))[0]?.label, label);
  }
});

Deno.test("parseKeysFile() names the field of a wrong type, in older and in newer files", () => {
  const wrong: [Record<string, unknown>, string][] = [
    [{ services: "mqtt" }, "keys[0].services: "],
    [{ services: ["mqtt"], subscribe: "home/#" }, "keys[0].subscribe: "],
    [{ services: ["jeedom"], scenarios: [1.5] }, "keys[0].scenarios[0]: must be the id of a command or scenario"],
    [{ services: ["jeedom"], ownApikey: "yes" }, "keys[0].ownApikey: "],
    [{ rights: null }, "keys[0].rights: "],
    [{ rights: ["mqtt"] }, "keys[0].rights: "],
    [{ rights: { mqtt: null } }, "keys[0].rights.mqtt: "],
    [{ rights: { mqtt: { subscribe: "home/#" } } }, "keys[0].rights.mqtt.subscribe: "],
    [{ rights: { jeedom: { scenarios: [1.5] } } }, "keys[0].rights.jeedom.scenarios[0]: must be the id"],
  ];
  for (const [key, message] of wrong) {
    const error = assertThrows(() => parse(written(key)), SyntaxError);
    assert(error.message.startsWith(message), `${error.message} is not ${message}`);
  }
});

Deno.test("parseKeysFile() refuses older fields beside nested rights, and names both", () => {
  const error = assertThrows(
    () => parse(written({ rights: { mqtt: { publish: ["a"] } }, services: ["mqtt"], ownApikey: true, colour: 1 })),
    SyntaxError,
  );
  assertEquals(
    error.message,
    `keys[0]: no such field: "services", "ownApikey", "colour". Rights belong in "rights", below ${NAMES}`,
  );
});

Deno.test("parseKeysFile() names the services there are for an unknown one, whatever its name", () => {
  for (const name of ["ssh", "toString", "constructor"]) {
    const text = written({ rights: {} }).replace('"rights":{}', `"rights":{"${name}":{}}`);
    const error = assertThrows(() => parse(text), SyntaxError, undefined, name);
    assertEquals(error.message, `keys[0].rights: no such service: "${name}". There are ${NAMES}`);
  }
  const secret = assertThrows(() => parse(written({ rights: { [SECRET]: {} } })), SyntaxError);
  assertEquals(secret.message, `keys[0].rights: no such service: another. There are ${NAMES}`);
});

Deno.test("parseKeysFile() takes older and newer keys in one file", () => {
  const other = makeRecord({ name: "tablet", services: ["jeedom"], methods: ["ping"] });
  const { keys } = JSON.parse(written({ services: ["mqtt"], publish: ["a"] }));
  const text = JSON.stringify({ version: 1, keys: [...keys, ...JSON.parse(formatKeysFile([other])).keys] });
  assertEquals(parse(text).map(({ rights }) => rights), [
    rightsOf({ services: ["mqtt"], publish: ["a"] }),
    rightsOf({ services: ["jeedom"], methods: ["ping"] }),
  ]);
});
