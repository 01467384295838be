import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { parseYaml, YamlError } from "../../src/lib/yaml.ts";

/** A word that must not be in a message. */
const SECRET = "hunter2";

function message(text: string): string {
  return assertThrows(() => parseYaml(text), YamlError).message;
}

Deno.test("parseYaml() reads mappings, lists, texts, numbers, booleans and nothing", () => {
  assertEquals(parseYaml("a: [1, x, true]\nb:\n  c: '2'\nd:\n"), { a: [1, "x", true], b: { c: "2" }, d: null });
  assertEquals(parseYaml('\ufeffquery: "a = $room"\r\nat: $from\r\nmethod: cmd::execCmd\r\n'), {
    query: "a = $room",
    at: "$from",
    method: "cmd::execCmd",
  });
  for (const text of ["", "# nothing\n", "---\n", "\n\n"]) assertEquals(parseYaml(text), null, text);
});

Deno.test("parseYaml() leaves dates and merge keys as texts", () => {
  assertEquals(parseYaml("a: 2020-01-01\n<<: { b: 1 }"), { a: "2020-01-01", "<<": { b: 1 } });
});

Deno.test("parseYaml() refuses a name twice, a second document, tags, and unknown aliases, with the place", () => {
  assertEquals(message("a: 1\na: 2"), "is not YAML: see line 2, column 1: Cannot store mapping pair: duplicated key");
  assert(message("a: 1\n---\nb: 2").includes("see line 2, column 1: Found more than 1 document"));
  const odd = "there is a tag, an alias without its anchor, or a control character";
  assert(message(`a: !${SECRET} b`).endsWith(odd));
  assert(message("a: !!binary aGk=").endsWith(odd));
  assert(message(`a: *${SECRET}`).endsWith(odd));
});

Deno.test("parseYaml() refuses tabs that indent, which would change the structure", () => {
  assertEquals(message("a:\n\tb: 1"), "is indented with a tab in line 2: use spaces");
  assertEquals(parseYaml("a: 1\t# one\n\t# two\n\t\nb: 2"), { a: 1, b: 2 });
});

Deno.test("parseYaml() refuses a text that is not UTF-8", () => {
  for (const bytes of [[0xff, 0xfe, 0x61, 0x00], [0x61, 0x3a, 0x20, 0xe9]]) {
    assert(message(new TextDecoder().decode(Uint8Array.from(bytes))).includes("save it as UTF-8"));
  }
});

Deno.test("parseYaml() refuses a text that is nested too deep for the stack", () => {
  assertEquals(message("[".repeat(1_000_000)), "is nested too deep: remove brackets");
});

Deno.test("parseYaml() says that a variable within brackets needs quotes", () => {
  assert(message("a: { b: ${TOKEN} }").endsWith('put a variable between quotes: "${NAME}"'));
  assertEquals(parseYaml('a: { b: "${TOKEN}" }\nc: ${TOKEN}'), { a: { b: "${TOKEN}" }, c: "${TOKEN}" });
});

Deno.test("parseYaml() quotes nothing of the text, whatever is wrong with it", () => {
  const part = fc.constantFrom(
    SECRET,
    ": ",
    "- ",
    "\n",
    "  ",
    "\t",
    "{",
    "}",
    "[",
    "'",
    '"',
    "&",
    "*",
    "!",
    "|",
    "?",
    "%",
    "#",
  );
  fc.assert(fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
    try {
      parseYaml(parts.join(""));
    } catch (error) {
      if (!(error instanceof YamlError)) throw error;
      assert(!error.message.includes(SECRET), error.message);
    }
  }));
});
