import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { parseYaml, YamlError } from "../../src/lib/yaml.ts";
import { removeEntry, setEntry } from "../../src/lib/yaml_edit.ts";

const entry = (name: string) => ({ section: "actions", name });

const FILE = `# Services of the house

actions:   # for guests
  open-gate:    { label: Open the gate,   publish: { topic: home/gate/set, message: OPEN } }   # front

  # the heating
  heating:
      label: "Heating"
      call: { method: cmd::execCmd, params: { id: 42,
          options: { slider: $degrees } } }
  # end of actions

# targets
http:
  frigate: { url: "http://192.168.1.20:5000", methods: [GET],
     paths: [/api/**] }
`;

const VALUE = { label: "Bell", publish: { topic: "home/bell", message: "ON", qos: 1 } };

const LINES = `  bell:
    label: Bell
    publish: { topic: home/bell, message: ON, qos: 1 }
`;

Deno.test("setEntry() adds an entry as the last one, and changes no other line", () => {
  const at = FILE.indexOf("  # end of actions");
  assertEquals(
    setEntry(FILE, entry("bell"), { ...VALUE, label: "Bell" }),
    FILE.slice(0, at) + quoted() + FILE.slice(at),
  );
});

/** Returns the lines of the entry; ON is a boolean in other versions of YAML. */
const quoted = () => LINES.replace("message: ON", 'message: "ON"');

Deno.test("setEntry() replaces an entry in its place, and changes no other line", () => {
  const [start, end] = [FILE.indexOf("  open-gate:"), FILE.indexOf("\n  # the heating")];
  const expected = FILE.slice(0, start) + quoted().replace("bell:", "open-gate:") + FILE.slice(end);
  assertEquals(setEntry(FILE, entry("open-gate"), VALUE), expected);
  const [from, to] = [FILE.indexOf("  heating:"), FILE.indexOf("  # end of actions")];
  assertEquals(
    setEntry(FILE, entry("heating"), VALUE),
    FILE.slice(0, from) + quoted().replace("bell:", "heating:") + FILE.slice(to),
  );
});

Deno.test("removeEntry() removes the lines of an entry, and what setEntry() has added", () => {
  const [from, to] = [FILE.indexOf("  heating:"), FILE.indexOf("  # end of actions")];
  assertEquals(removeEntry(FILE, entry("heating")), FILE.slice(0, from) + FILE.slice(to));
  assertEquals(removeEntry(setEntry(FILE, entry("bell"), VALUE), entry("bell")), FILE);
  assertThrows(() => removeEntry(FILE, entry("frigate")), Error, "There is no frigate");
});

Deno.test("removeEntry() of the last entry leaves an empty section, into which setEntry() adds", () => {
  const empty = removeEntry(removeEntry(FILE, entry("heating")), entry("open-gate"));
  assertEquals(parseYaml(empty), { actions: null, http: Object(parseYaml(FILE))["http"] });
  const filled = setEntry(empty, entry("bell"), VALUE);
  assertEquals(Object(parseYaml(filled))["actions"], { bell: VALUE });
  assert(filled.includes("actions:   # for guests\n  bell:\n"), filled);
});

for (
  const [before, after] of [
    ["", "actions:\n  a:\n    b: c\n"],
    ["# Only a comment", "# Only a comment\n\nactions:\n  a:\n    b: c\n"],
    ["http:\n  x: 1\n", "http:\n  x: 1\n\nactions:\n  a:\n    b: c\n"],
    ["http:\n  x: 1", "http:\n  x: 1\n\nactions:\n  a:\n    b: c\n"],
    ["actions:\n# c\nhttp: {}\n", "actions:\n  a:\n    b: c\n# c\nhttp: {}\n"],
    ["actions: {}\nhttp: {}\n", "actions: { a: { b: c } }\nhttp: {}\n"],
    ["actions: { x: { b: 1 } } # c\n", "actions: { x: { b: 1 }, a: { b: c } } # c\n"],
    ["{ actions: { x: { b: 1 } } }\n", "{ actions: { x: { b: 1 }, a: { b: c } } }\n"],
    ["actions:\n    x: {b: 1}", "actions:\n    x: {b: 1}\n    a:\n      b: c\n"],
    ["---\nactions:\n  x: {b: 1}\n...\n", "---\nactions:\n  x: {b: 1}\n  a:\n    b: c\n...\n"],
    ["http: {}\n...\n", "http: {}\nactions:\n  a:\n    b: c\n...\n"],
    ["actions:\r\n  x: 1\r\n", "actions:\r\n  x: 1\r\n  a:\r\n    b: c\r\n"],
    ["actions:\n  x: |\n    text\n\n", "actions:\n  x: |\n    text\n  a:\n    b: c\n\n"],
    ["actions:\n  'a': {b: 1}\n  z: 1\n", "actions:\n  a:\n    b: c\n  z: 1\n"],
  ] as const
) {
  Deno.test(`setEntry() adds to ${JSON.stringify(before)}`, () => {
    assertEquals(setEntry(before, entry("a"), { b: "c" }), after);
  });
}

for (
  const text of ["actions: 1\n", "actions:\n  - a\n", "- a\n", "text", "a: [", "a: 1\na: 2\n", "a: 1\n---\nb: 1\n"]
) {
  Deno.test(`setEntry() refuses ${JSON.stringify(text)}`, () => {
    assertThrows(() => setEntry(text, entry("a"), { b: "c" }), YamlError);
  });
}

Deno.test("setEntry() and removeEntry() find a name that YAML takes for a number", () => {
  const text = "actions:\n  1: { b: c } # one\n  2: {}\n";
  assertEquals(removeEntry(text, entry("1")), "actions:\n  2: {}\n");
  assertEquals(setEntry(text, entry("1"), { b: "d" }), 'actions:\n  "1":\n    b: d\n  2: {}\n');
});

Deno.test("removeEntry() refuses an entry with the anchor of another", () => {
  const text = "actions:\n  b: { c: &c d }\n  e: { c: *c }\n";
  assertThrows(() => removeEntry(text, entry("b")), YamlError, "in a form that a command cannot edit");
});

Deno.test("setEntry() writes any value so that the gateway reads the same, and keeps all other entries", () => {
  const text = fc.oneof(
    fc.string({ unit: "grapheme", maxLength: 12 }).filter((text) => !/[\0\ufffd]/.test(text) && text.isWellFormed()),
    fc.constantFrom("yes", "off", "null", "~", "012", "0x1F", "1_000", "1:30", "2026-01-01", "1e3", ".inf", "=", "<<"),
    fc.constantFrom(
      "${TOKEN}",
      "$degrees",
      "a: b",
      "a #b",
      "- a",
      "? a",
      "{a}",
      "*a",
      "&a",
      "!a",
      "a\nb\n",
      " \n",
      "a\u2028 b",
      " a",
      "a\t",
    ),
  );
  const value = fc.dictionary(
    fc.stringMatching(/^[a-z]{1,6}$/),
    fc.oneof(
      text,
      fc.integer(),
      fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 }).map((n) => n === 0 ? 0 : n),
      fc.boolean(),
      fc.array(text, { maxLength: 3 }),
      fc.dictionary(fc.stringMatching(/^[a-z]{1,6}$/), fc.oneof(text, fc.array(text, { maxLength: 2 })), {
        maxKeys: 3,
      }),
    ),
    { minKeys: 1, maxKeys: 5 },
  );
  fc.assert(
    fc.property(value, value, fc.constantFrom("", FILE, "actions: {}\n", "http:\n  a: 1\n"), (one, other, before) => {
      const first = setEntry(before, entry("one"), one);
      const second = setEntry(first, entry("other"), other);
      const expected = { ...Object(Object(parseYaml(before))["actions"]), one, other };
      assertEquals(JSON.stringify(Object(parseYaml(second))["actions"]), JSON.stringify(expected));
      assertEquals(removeEntry(second, entry("other")), first);
    }),
    { numRuns: 300 },
  );
});
