import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { ConfigError, parseConfig } from "../../src/config/parse.ts";
import { parseServicesFile } from "../../src/config/services_file.ts";
import type { Config } from "../../src/config/settings.ts";
import type { Payload } from "../../src/protocol/payload.ts";
import { action } from "../../src/services/action/action.ts";
import { echo } from "../support/echo_service/echo.ts";

const SECRET = "correct horse battery staple";
const VARIABLES: Readonly<Record<string, string>> = { WORD: "world", TOKEN: SECRET, REFERENCE: "${TOKEN}" };

function parse(text: string) {
  return parseServicesFile(text, {
    path: "services.yaml",
    variable: (name) => VARIABLES[name],
    services: [echo],
  });
}

function problems(text: string): readonly string[] {
  return assertThrows(() => parse(text), ConfigError).problems;
}

Deno.test("parseServicesFile() reads sections, and leaves out those without content", () => {
  const { sections } = parse("echo:\n  replies: { a: b }\n  servers: [echo.lan:8]\n");
  assertEquals(sections, { echo: { replies: { a: "b" }, servers: ["echo.lan:8"] } });
  for (const text of ["", "# nothing", "{}", "echo:\n", "echo:\n  # replies: {}\n"]) {
    assertEquals(parse(text), { sections: {}, variables: [], secrets: [] }, text);
  }
});

Deno.test("parseServicesFile() fills in variables in any text, and lists them and their values", () => {
  const text = 'echo: { replies: { a: "${WORD}!", b: "Bearer ${TOKEN} ${TOKEN}", c: $room $, d: "$${WORD}" } }';
  assertEquals(parse(text), {
    sections: { echo: { replies: { a: "world!", b: `Bearer ${SECRET} ${SECRET}`, c: "$room $", d: "${WORD}" } } },
    variables: ["WORD", "TOKEN"],
    secrets: ["world", SECRET],
  });
});

Deno.test("parseServicesFile() does not read the value of a variable again, and fills in no names", () => {
  const { sections, variables } = parse('echo: { replies: { "${WORD}": "${REFERENCE}" } }');
  assertEquals(sections, { echo: { replies: { "${WORD}": "${TOKEN}" } } });
  assertEquals(variables, ["REFERENCE"]);
});

Deno.test("parseServicesFile() also counts plain values of fields such as passwords as secrets", () => {
  assertEquals(parse("echo: { replies: { password: hunter2, X-Token: abc, word: def } }").secrets, ["hunter2", "abc"]);
});

Deno.test("parseServicesFile() reports every variable that is not set or has no name, with its place", () => {
  const replies = "replies: { a: '${MISSING}', b: ['${ALSO_MISSING}'], c: '${lower}', d: '${OPEN', e: '${}' }";
  const named = 'must have the name of a variable in "${NAME}", in capitals; "$${" stands for "${"';
  assertEquals(
    problems(`echo: { ${replies} }`),
    [
      "services.yaml: echo.replies.a names the variable MISSING, which is not set: set it in the environment or .env",
      "services.yaml: echo.replies.b[0] names the variable ALSO_MISSING, which is not set: set it in the environment or .env",
      `services.yaml: echo.replies.c ${named}`,
      `services.yaml: echo.replies.d ${named}`,
      `services.yaml: echo.replies.e ${named}`,
      "services.yaml: echo.replies.b: Invalid input: expected string, received array",
    ].filter((problem) => !problem.includes("replies.b:")),
  );
});

Deno.test("parseServicesFile() names the variables also where the file has a fault", () => {
  const { variables } = assertThrows(() => parse("echo: { replies: { a: '${TOKEN}' }, servers: 1 }"), ConfigError);
  assertEquals(variables, ["TOKEN"]);
});

Deno.test("parseServicesFile() does not suggest the field that was given, where another part of the section has it", () => {
  const text = "actions: { open: { label: Open, http: { target: door, path: /open }, method: POST } }";
  const options = { path: "services.yaml", variable: () => undefined, services: [action] };
  const { problems } = assertThrows(() => parseServicesFile(text, options), ConfigError);
  assertEquals(problems, [
    'services.yaml: actions.open has no field "method". It belongs to another part of the section',
  ]);
});

Deno.test("parseServicesFile() reports all faults at once, and suggests the closest section and field", () => {
  assertEquals(problems("ecko: {}\nmqtt: {}\necho: { replys: {}, other: 1, servers: [a] }"), [
    'services.yaml: no such section: "ecko". Did you mean echo?',
    'services.yaml: no such section: "mqtt". There are: echo',
    "services.yaml: echo.servers[0] must be a host and a port, such as echo.example:7",
    'services.yaml: echo has no field "replys". Did you mean replies?',
    'services.yaml: echo has no field "other". There are: replies, servers',
  ]);
});

Deno.test("parseServicesFile() names sections that exist, and what a file of another kind must hold", () => {
  for (const text of ["- a", "secret", "5", "true"]) {
    assertEquals(problems(text), ["services.yaml must hold sections, each below its name: echo"], text);
  }
  const none = assertThrows(
    () => parseServicesFile("http: {}", { path: "s.yaml", variable: () => undefined, services: [{ name: "echo" }] }),
    ConfigError,
  );
  assertEquals(none.problems, ['s.yaml: no such section: "http". Remove it']);
});

Deno.test("parseServicesFile() refuses a list or a mapping twice, so that a small file stays small", () => {
  const levels = Array.from({ length: 30 }, (_, level) => `a${level + 1}: &a${level + 1} [*a${level}, *a${level}]`);
  const [first] = problems(`a0: &a0 [x]\n${levels.join("\n")}`);
  assert(first?.includes("must be written out: an alias (*)"), first);
  assert(problems("echo: &a { replies: *a }")[0]?.includes("must be written out"));
});

Deno.test("parseServicesFile() refuses texts that variables or aliases make too long, and says it once", () => {
  const long = `x: &x ${"y".repeat(1_000_000)}\necho: { replies: { ${
    Array.from({ length: 50 }, (_, index) => `w${index}: *x`).join(", ")
  } } }`;
  assertEquals(problems(long).filter((problem) => problem.includes("too long")).length, 1);
});

Deno.test("parseServicesFile() refuses deep nesting, a prototype, and numbers that lose digits", () => {
  assert(problems(`echo: ${"[".repeat(60)}${"]".repeat(60)}`)[0]?.includes("echo must be nested at most 32 levels"));
  assert(problems("echo: { replies: { __proto__: { a: b } } }")[0]?.includes("must not have a field named __proto__"));
  assert(
    problems("echo: { servers: [12345678901234567890] }")[0]?.includes("echo.servers[0] must have at most 15 digits"),
  );
  assertEquals(Object.getPrototypeOf({}), Object.prototype);
});

Deno.test("parseServicesFile() quotes no value and no name that may be a secret", () => {
  const key = "0123456789abcdef0123456789abcdef";
  const text = `${key}: 1\necho: { ${key}: 1, servers: [${key}], replies: { a: { ${key}: 1 }, b: ["\${TOKEN}"] } }`;
  const found = problems(text);
  assertEquals(found.length, 5);
  for (const problem of found) assert(!problem.includes(key) && !problem.includes(SECRET), problem);
});

Deno.test("parseServicesFile() masks a secret that a section's own message quotes", () => {
  const section = {
    name: "x",
    empty: {},
    safeParse: (value: unknown) => ({
      success: false as const,
      error: { issues: [{ path: [], message: `must not be ${JSON.stringify(value)}` }] },
    }),
  };
  const options = { path: "s", variable: () => SECRET, services: [{ name: "x", section }] };
  const { problems } = assertThrows(() => parseServicesFile('x: "${TOKEN}"', options), ConfigError);
  assertEquals(problems, ['s: x must not be "***"']);
});

Deno.test("parseServicesFile() either fills in every text or reports a fault, whatever the text", () => {
  const part = fc.constantFrom("$", "{", "}", "$${", "${WORD}", "${", "x", " ");
  fc.assert(fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
    const text = parts.join("");
    const read = () => parse(JSON.stringify({ echo: { replies: { a: text } } }));
    if (/\$\{/.test(text.replaceAll("$${", " ").replaceAll("${WORD}", " "))) {
      return void assertThrows(read, ConfigError);
    }
    const filled = text.split("$${").map((rest) => rest.replaceAll("${WORD}", "world")).join("${");
    assertEquals(read().sections, { echo: { replies: { a: filled } } });
  }));
});

Deno.test("parseServicesFile() refuses a request that the service which executes it does not accept", () => {
  const asks = {
    name: "asks",
    storedRequests: () => [{ path: ["echo", "replies"], service: "answers", payload: { word: SECRET } }],
  };
  const answers = {
    name: "answers",
    requestFault: ({ word }: Payload, { server }: Config) => ({ field: "word", message: `${word} at ${server.port}` }),
  };
  const options = { path: "s.yaml", variable: () => SECRET, services: [echo, asks, answers] };
  const text = "echo: { replies: { a: '${TOKEN}' } }";
  const config = parseConfig({ PORT: "7" });
  const { problems } = assertThrows(() => parseServicesFile(text, { ...options, config }), ConfigError);
  assertEquals(problems, ["s.yaml: echo.replies.word *** at 7"]);
  // Settings that are invalid are reported themselves.
  parseServicesFile(text, options);
});
