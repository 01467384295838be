/** What the documents say of the code is compared with the code. */
import { assert, assertEquals } from "@std/assert";
import { checkConfig } from "../src/cli/check_config.ts";
import type { Platform } from "../src/cli/platform.ts";
import { SETTINGS } from "../src/config.ts";
import { importKey, openEnvelope, parseEnvelope } from "../src/protocol/envelope.ts";
import project from "../deno.json" with { type: "json" };

const read = (path: string) => Deno.readTextFile(new URL(`../${path}`, import.meta.url));

/** The defaults as a person would write them, through the command that shows them. */
async function defaults(): Promise<Map<string, string>> {
  const lines: string[] = [];
  const platform: Platform = {
    args: [],
    isTerminal: false,
    files: { ...Deno, readTextFile: () => Promise.reject(new Deno.errors.NotFound()) },
    fetch,
    serve: Deno.serve,
    createHttpClient: Deno.createHttpClient,
    env: () => undefined,
    print: (line) => void lines.push(line),
    printError: (line) => void lines.push(line),
    untilStopped: () => Promise.resolve(),
  };
  await checkConfig(platform);
  return new Map(lines.flatMap((line) => {
    const match = /^([A-Z_]+)=(.*) {2}# default$/.exec(line);
    return match?.[1] === undefined ? [] : [[match[1], match[2] ?? ""] as const];
  }));
}

/** Two spellings of the same address. */
const written = (value: string) => value === "http://localhost/" ? "http://localhost:80" : value;

Deno.test("README.md lists every setting with its default, and no other", async () => {
  const rows = [...(await read("README.md")).matchAll(/^\| `([A-Z_]+)` \| (?:`([^`]*)`)? *\|/gm)];
  const listed = rows.map(([, name, value]) => [name, value ?? ""]).filter(([name]) => name !== undefined);
  const expected = [...await defaults()].map(([name, value]) => [name, written(value)]);
  assertEquals(expected.length, Object.keys(SETTINGS).length);
  assertEquals(listed, expected);
});

Deno.test(".env.example lists every setting with its default, commented out", async () => {
  const text = await read(".env.example");
  for (const [name, value] of await defaults()) {
    assert(text.includes(`\n#${name}=${written(value)}\n`), `#${name}=${written(value)} is not in .env.example`);
  }
  assertEquals(text.split("\n").filter((line) => /^[A-Z]/.test(line)), []);
});

Deno.test("every task has a description, and README.md names it", async () => {
  const readme = await read("README.md");
  for (const [name, { description }] of Object.entries(project.tasks)) {
    assert(description.length > 10, name);
    assert(readme.includes(`deno task ${name}`), `deno task ${name} is not in README.md`);
  }
});

Deno.test("every link between the documents leads somewhere", async () => {
  const files = [
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "CHANGELOG.md",
    "docs/protocol.md",
    "docs/architecture.md",
  ];
  for (const file of files) {
    for (const [, target = ""] of (await read(file)).matchAll(/\]\(([^)#\s]+)[^)]*\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const url = new URL(target, new URL(`../${file}`, import.meta.url));
      assert(await Deno.stat(url).then(() => true, () => false), `${file} links to ${target}`);
    }
  }
});

Deno.test("the worked example in docs/protocol.md opens", async () => {
  const text = await read("docs/protocol.md");
  const key = await importKey(Uint8Array.from({ length: 32 }, (_, index) => index));
  const envelopes = [...text.matchAll(/^envelope +([A-Za-z0-9+/=]+)$/gm)].map(([, envelope = ""]) => envelope);
  assert(envelopes.length > 0, "No envelope in docs/protocol.md");
  for (const envelope of envelopes) {
    const opened = String(await openEnvelope(key, parseEnvelope(envelope)));
    assert(text.includes(opened), `${opened} is not in docs/protocol.md`);
  }
});

Deno.test("docs/architecture.md names every folder of src", async () => {
  const text = await read("docs/architecture.md");
  for await (const { name, isDirectory } of Deno.readDir(new URL("../src", import.meta.url))) {
    if (isDirectory) assert(text.includes(`src/${name}`) || text.includes(`${name}/`), `${name} is not named`);
  }
});
