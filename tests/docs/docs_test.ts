/** Comparison of the documents with the code. */
import { assert, assertEquals } from "@std/assert";
import { checkConfig } from "../../src/cli/check_config.ts";
import { COMMANDS } from "../../src/cli/commands.ts";
import * as exitCodes from "../../src/cli/exit_codes.ts";
import { addLine } from "../../src/cli/keys/add.ts";
import { setLine } from "../../src/cli/keys/set.ts";
import { SETTING_NAMES } from "../../src/config/settings.ts";
import { openEnvelope, parseEnvelope } from "../../src/protocol/v1/envelope.ts";
import { importKey } from "../../src/protocol/secret_key.ts";
import { formatKeysFile, parseKeysFile } from "../../src/keys/schema.ts";
import { SERVICES } from "../../src/services/registry.ts";
import { fakePlatform } from "../support/platform.ts";
import project from "../../deno.json" with { type: "json" };

const read = (path: string) => Deno.readTextFile(new URL(`../../${path}`, import.meta.url));

/** The defaults as a person would write them, through the command that shows them. */
async function defaults(): Promise<Map<string, string>> {
  const platform = fakePlatform({
    args: ["--all"],
    files: { ...Deno, readTextFile: () => Promise.reject(new Deno.errors.NotFound()) },
  });
  await checkConfig(platform);
  return new Map(platform.lines.flatMap((line) => {
    const match = /^([A-Z_]+)=(.*) {2}# default$/.exec(line);
    return match?.[1] === undefined ? [] : [[match[1], match[2] ?? ""] as const];
  }));
}

/** Maps equal notations of an address to one. */
const written = (value: string) => value === "http://localhost/" ? "http://localhost:80" : value;

/** The rows of tables that begin with a setting and its default. */
const settingRows = (text: string) =>
  [...text.matchAll(/^\| `([A-Z_]+)` \| (?:`([^`]*)`)? *\|/gm)].map(([, name = "", value = ""]) => [name, value]);

Deno.test("docs/configuration.md lists every setting with its default, and no other", async () => {
  const listed = settingRows(await read("docs/configuration.md"));
  const expected = [...await defaults()].map(([name, value]) => [name, written(value)]);
  assertEquals(expected.length, SETTING_NAMES.length);
  assertEquals(listed, expected);
});

Deno.test("README.md lists settings with the default that they have", async () => {
  const all = await defaults();
  const listed = settingRows(await read("README.md"));
  assert(listed.length >= 10, "Few settings in README.md");
  for (const [name = "", value] of listed) assertEquals(value, written(all.get(name) ?? "No such setting"), name);
});

Deno.test("docs/security.md has every limit with the default that it has", async () => {
  const all = await defaults();
  const listed = settingRows(await read("docs/security.md"));
  for (const [name = "", value] of listed) assertEquals(value, all.get(name), name);
  const names = listed.map(([name]) => name);
  const limits = [...all.keys()].filter((name) => /^(RATE_LIMITS|MAX_.*|.*_(RATE|BURST|BYTES))$/.test(name));
  assertEquals(limits.filter((name) => !names.includes(name)), []);
});

Deno.test(".env.example lists every setting with its default, commented out", async () => {
  const text = await read(".env.example");
  for (const [name, value] of await defaults()) {
    assert(text.includes(`\n#${name}=${written(value)}\n`), `#${name}=${written(value)} is not in .env.example`);
  }
  assertEquals(text.split("\n").filter((line) => /^[A-Z]/.test(line)), []);
});

Deno.test("every task has a description, and docs/commands.md names it", async () => {
  const page = await read("docs/commands.md");
  for (const [name, { description }] of Object.entries(project.tasks)) {
    assert(description.length > 10, name);
    assert(page.includes(`deno task ${name}`), `deno task ${name} is not in docs/commands.md`);
  }
});

/** Returns the command of `main.ts` that each task runs, with its command line. */
async function commandsOfTasks() {
  const all = Object.entries(project.tasks).flatMap(([task, { command, description }]) => {
    const name = / main\.ts ([a-z-]+)$/.exec(command)?.[1];
    return name === undefined ? [] : [{ task, name, description }];
  });
  return await Promise.all(all.map(async (one) => {
    const load = COMMANDS[one.name];
    if (load === undefined) throw new Error(`The task ${one.task} runs "${one.name}", which is not a command`);
    return { ...one, ...await load() };
  }));
}

/** Returns the options in a text, without dashes. */
const optionsIn = (text: string) => [...text.matchAll(/(?<![\w-])--([a-z][a-z-]*)/g)].map(([, option = ""]) => option);

Deno.test("a command, its task and its row in docs/commands.md have the same summary", async () => {
  const page = await read("docs/commands.md");
  const named = await commandsOfTasks();
  assertEquals(Object.keys(COMMANDS).filter((name) => !named.some((one) => one.name === name)), ["permissions"]);
  for (const { task, description, line: { synopsis, summary } } of named) {
    if (task === "dev") continue;
    assert(synopsis.startsWith(`deno task ${task}`), synopsis);
    assert(description.startsWith(summary), `deno.json says of ${task}: ${description}`);
    const row = new RegExp(`^\\| \`deno task ${task}( [^\`]+)?\` \\| (.*) \\|$`, "m").exec(page)?.[2];
    assert(row?.startsWith(summary), `docs/commands.md says of ${task}: ${row}`);
  }
});

Deno.test("the documents name only options that the command accepts", async () => {
  const tasks = await commandsOfTasks();
  let found = 0;
  for (
    const file of [
      "README.md",
      ".env.example",
      "docs/commands.md",
      "docs/deployment.md",
      "docs/troubleshooting.md",
      "docs/keys.md",
      "docs/security.md",
      "docs/conformance.md",
      "docs/operations/doctor.md",
      "docs/operations/logs.md",
    ]
  ) {
    // A backslash continues a command in the next line; in a table, the rest of the row has its options.
    for (const line of (await read(file)).replaceAll("\\\n", " ").split("\n")) {
      const isRow = line.startsWith("| `deno task ");
      const typed = isRow ? [line] : line.match(/deno task [^`;|#]+/g) ?? [];
      for (const text of typed) {
        const [, task, subcommand = ""] = /deno task ([a-z-]+)(?: ([a-z]+))?/.exec(text) ?? [];
        const command = tasks.find((one) => one.task === task);
        if (command === undefined) continue;
        const { options } = command.subcommands?.[subcommand] ?? command.line;
        for (const option of optionsIn(text)) {
          found++;
          assert(option === "help" || Object.hasOwn(options, option), `${file}: no --${option} in: ${text}`);
        }
      }
    }
  }
  assert(found > 30, `Only ${found} options were found`);
});

Deno.test("docs/commands.md has every exit code, and no other", async () => {
  const codes = [...(await read("docs/commands.md")).matchAll(/^\| (\d+) \| /gm)].map(([, code]) => Number(code));
  const known = Object.values(exitCodes).toSorted((one, other) => one - other);
  assertEquals(codes.slice(codes.indexOf(0), codes.indexOf(0) + known.length + 1), [0, ...known]);
});

/** Folders whose documents are checked; the one of the project without its subfolders. */
const FOLDERS = ["", "clients/kotlin/", "clients/python/", "docs/", "docs/adr/", "docs/operations/", "npm/"];

/** Returns the paths of all documents. */
async function documents(): Promise<string[]> {
  const found: string[] = [];
  for (const folder of FOLDERS) {
    for await (const { name } of Deno.readDir(new URL(`../../${folder}`, import.meta.url))) {
      if (name.endsWith(".md")) found.push(folder + name);
    }
  }
  return found;
}

const withoutCode = (text: string) => text.replaceAll(/^ *```.*?^ *```/gms, "");

/** Returns the anchors of a document: of each heading, as GitHub makes them. */
function anchorsIn(text: string): Set<string> {
  const found = new Set<string>();
  for (const [, heading = ""] of withoutCode(text).matchAll(/^#+ (.+)$/gm)) {
    const shown = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1").toLowerCase();
    const anchor = shown.replaceAll(/[^\p{L}\p{N}\s_-]/gu, "").replaceAll(/\s/g, "-");
    let count = 0;
    while (found.has(count === 0 ? anchor : `${anchor}-${count}`)) count++;
    found.add(count === 0 ? anchor : `${anchor}-${count}`);
  }
  return found;
}

Deno.test("every link between the documents leads to a file and to a heading in it", async () => {
  const files = await documents();
  let anchors = 0;
  for (const file of files) {
    const links = withoutCode(await read(file)).matchAll(/\]\(([^)#\s]*)(?:#([^)\s]*))?\)/g);
    for (const [, target = "", anchor] of links) {
      if (/^[a-z]+:/.test(target)) continue;
      const url = target === ""
        ? new URL(`../../${file}`, import.meta.url)
        : new URL(target, new URL(`../../${file}`, import.meta.url));
      assert(await Deno.stat(url).then(() => true, () => false), `${file} links to ${target}`);
      if (anchor === undefined) continue;
      anchors++;
      assert(anchorsIn(await Deno.readTextFile(url)).has(anchor), `${file} links to ${target}#${anchor}`);
    }
  }
  assert(files.length > 40 && anchors > 100, `Only ${files.length} documents and ${anchors} anchors`);
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

Deno.test("the example in docs/keys.md is a valid keys file, and the table below it has every field", async () => {
  const text = await read("docs/keys.md");
  const examples = [...text.matchAll(/^```json\n(.*?)^```$/gms)].map(([, json = ""]) => json);
  assert(examples.length > 0, "No example in docs/keys.md");
  for (const keys of examples.map((text) => parseKeysFile(text, SERVICES))) {
    assert(keys.length > 0, "An example without keys");
    const written: { keys: Record<string, unknown>[] } = JSON.parse(formatKeysFile(keys));
    const rights = keys.flatMap((key) => Object.values(key.rights));
    for (const field of new Set([...written.keys, ...rights].flatMap((key) => Object.keys(key)))) {
      assert(text.includes(`\n| \`${field}\` | `), `${field} is not in the table`);
    }
  }
});

Deno.test("docs/keys.md names every option of keys add and keys set", async () => {
  const text = await read("docs/keys.md");
  const options = [addLine(SERVICES), setLine(SERVICES)].flatMap(({ options }) => Object.keys(options));
  assert(options.length > 0, "No option of keys add");
  for (const option of options) assert(text.includes(`\`--${option}`), `--${option} is not in docs/keys.md`);
});

Deno.test("README.md has at most 150 lines", async () => {
  assert((await read("README.md")).trimEnd().split("\n").length <= 150);
});

Deno.test("docs/architecture.md names every folder of src", async () => {
  const text = await read("docs/architecture.md");
  for await (const { name, isDirectory } of Deno.readDir(new URL("../../src", import.meta.url))) {
    if (isDirectory) assert(text.includes(`src/${name}`) || text.includes(`${name}/`), `${name} is not named`);
  }
});
