import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { runCommand } from "../../src/cli/commands.ts";
import { actions, ACTIONS_LINE, ACTIONS_SUBCOMMAND_LINES } from "../../src/cli/actions.ts";
import { parseYaml } from "../../src/lib/yaml.ts";
import { formatKeysFile } from "../../src/keys/schema.ts";
import { fakePlatform } from "../support/platform.ts";
import { makeRecord } from "../support/gateway.ts";
import { inTempDir } from "../support/temp_dir.ts";

/** A gateway's directory, and commands in it. */
interface Home {
  readonly directory: string;
  /** Path of the services file. */
  readonly path: string;
  /** Runs `actions` with some arguments. */
  run(...args: readonly string[]): Promise<{ readonly code: number; readonly out: string; readonly err: string }>;
  /** Runs `actions add`, and returns the action in the file. */
  add(...args: readonly string[]): Promise<unknown>;
}

function atHome(test: (home: Home) => Promise<void>): Promise<void> {
  return inTempDir((directory) => test(homeIn(directory)));
}

function homeIn(directory: string): Home {
  const path = `${directory}/services.yaml`;
  const env: Record<string, string> = {
    SERVICES_FILE: path,
    KEYS_FILE: `${directory}/keys.json`,
    SECRET_KEY_FILE: `${directory}/data/key.txt`,
    FRIGATE_TOKEN: "the-token-of-frigate",
    HOME_ASSISTANT_URL: "http://192.168.1.10:8123",
    HOME_ASSISTANT_TOKEN: "the-token-of-home-assistant",
  };
  const run: Home["run"] = async (...args) => {
    const [out, err]: [string[], string[]] = [[], []];
    const platform = fakePlatform({
      args,
      files: {
        ...Deno,
        // The directory of the project itself is not tested here.
        readTextFile: (path) => path === ".env" ? Promise.reject(new Deno.errors.NotFound()) : Deno.readTextFile(path),
      },
      env: (name) => env[name],
      print: (text) => void out.push(text),
      printError: (text) => void err.push(text),
    });
    const command = { line: ACTIONS_LINE, subcommands: ACTIONS_SUBCOMMAND_LINES, run: actions };
    const code = await runCommand(command, platform);
    return { code, out: out.join("\n"), err: err.join("\n") };
  };
  return {
    directory,
    path,
    run,
    async add(...args) {
      const { code, err } = await run("add", ...args);
      assertEquals([code, err], [0, ""]);
      return Object(Object(parseYaml(await Deno.readTextFile(path)))["actions"])[args[0] ?? ""];
    },
  };
}

const FILE = `# Services of the house
actions:   # for guests
  open-gate: { label: Open the gate, publish: { topic: home/gate/set, message: "\${FRIGATE_TOKEN}" } }   # front
`;

Deno.test("actions add writes a publish with its options into a new file, for its owner alone", () =>
  atHome(async ({ run, path }) => {
    const args = "add open-gate --publish home/gate/set OPEN --qos 1 --label".split(" ");
    const { code, out, err } = await run(...args, "Open the gate");
    assertEquals([code, err], [0, ""]);
    assertStringIncludes(out, `Action "open-gate" is in ${path}`);
    assertStringIncludes(out, "deno task keys add NAME --action open-gate");
    const expected = `actions:
  open-gate:
    label: Open the gate
    publish: { topic: home/gate/set, message: OPEN, qos: 1 }
`;
    assertEquals(await Deno.readTextFile(path), expected);
    assertEquals(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o600);
  }));

/** Targets of HTTP requests. */
const TARGETS = `http:
  frigate: { url: "http://192.168.1.20:5000", paths: [/api/x] }
  door: { url: "http://192.168.1.21", methods: [POST], paths: [/open] }
`;

Deno.test("actions add refuses a target that is not there, or does not allow the request", () =>
  atHome(async ({ run, path }) => {
    await Deno.writeTextFile(path, TARGETS, { mode: 0o600 });
    const add = async (...args: readonly string[]) => {
      const { code, err } = await run("add", "d", "--label", "L", "--http", ...args);
      assertEquals(code, 2);
      return err;
    };
    assertMatch(await add("gate", "GET", "/api/x"), /actions\.d\.http\.target must be .* There are: frigate, door/);
    assertMatch(await add("door", "GET", "/open"), /actions\.d\.http\.method must be one of: POST, or be added/);
    assertEquals(await Deno.readTextFile(path), TARGETS);
  }));

Deno.test("actions add writes each kind of request", () =>
  atHome(async ({ add, path }) => {
    await Deno.writeTextFile(path, TARGETS, { mode: 0o600 });
    const label = ["--label", "L"];
    assertEquals(await add("a", ...label, "--publish", "a/b", "ON", "--retain"), {
      label: "L",
      publish: { topic: "a/b", message: "ON", retain: true },
    });
    assertEquals(await add("dash", ...label, "--publish", "a/b", "--", "-1"), {
      label: "L",
      publish: { topic: "a/b", message: "-1" },
    });
    assertEquals(await add("b", ...label, "--call", "cmd::execCmd", '{"id":42}'), {
      label: "L",
      call: { method: "cmd::execCmd", params: { id: 42 } },
    });
    assertEquals(await add("c", "--call", "ping", ...label), { label: "L", call: { method: "ping" } });
    assertEquals(await add("d", ...label, "--http", "frigate", "GET", "/api/x"), {
      label: "L",
      http: { target: "frigate", method: "GET", path: "/api/x" },
    });
    for (const [text, body] of [['{"a":[1]}', { a: [1] }], ["on", "on"], ["42", "42"]] as const) {
      assertEquals(await add("e", ...label, "--http", "door", "POST", "/open", text, "--replace"), {
        label: "L",
        http: { target: "door", method: "POST", path: "/open", body },
      });
    }
    assertEquals(await add("f", ...label, "--home-assistant", "light.turn_on", "light.hall"), {
      label: "L",
      homeAssistant: { call: "light.turn_on", target: { "entity_id": "light.hall" } },
    });
    assertEquals(await add("g", ...label, "--home-assistant", "light.turn_on", "light.a", "light.b", '{"x":1}'), {
      label: "L",
      homeAssistant: { call: "light.turn_on", target: { "entity_id": ["light.a", "light.b"] }, data: { x: 1 } },
    });
    assertEquals(await add("h", ...label, "--home-assistant", "script.night"), {
      label: "L",
      homeAssistant: { call: "script.night" },
    });
  }));

Deno.test("actions add writes parameters and all other members", () =>
  atHome(async ({ add, run }) => {
    const data = '{"id":42,"options":{"a":"$degrees","b":"$mode","c":"$on","d":"$text","e":"$level","f":"$any"}}';
    const params = [
      ...["degrees:number:15:24:0.5", "mode:enum:eco,comfort,a:b", "on:boolean", "text:text:20", "level:enum:1,2.5,-3"],
      "any:number::5",
    ];
    const action = await add(
      ...["heating", "--label", "Heating", "--call", "cmd::execCmd", data],
      ...params.flatMap((text) => ["--param", text]),
      ...["--confirm", "Really now?", "--icon", "flame", "--cool-down", "5s", "--answer", "--state-topic", "a/b"],
    );
    assertEquals(action, {
      label: "Heating",
      icon: "flame",
      confirm: "Really now?",
      coolDown: "5s",
      params: {
        degrees: { type: "number", min: 15, max: 24, step: 0.5 },
        mode: { type: "enum", values: ["eco", "comfort", "a:b"] },
        on: { type: "boolean" },
        text: { type: "text", maxLength: 20 },
        level: { type: "enum", values: [1, 2.5, -3] },
        any: { type: "number", max: 5 },
      },
      call: { method: "cmd::execCmd", params: JSON.parse(data) },
      answer: true,
      state: { topic: "a/b" },
    });
    const { out } = await run("show", "heating");
    assertMatch(out, /^param degrees: +type number, min 15, max 24, step 0.5$/m);
    assertMatch(out, /^confirm: +Really now\?$/m);
  }));

for (
  const [line, message] of [
    ["add", "The name of the action comes first"],
    ["add --publish a b x", "The name of the action comes first"],
    ["add x --publish a b", "--label TEXT is missing"],
    ["add x --label L", "has one of --publish, --call, --http, --home-assistant"],
    ["add x --label L --publish a b --call ping", "has one of"],
    ["add x --label L --publish a", "--publish needs a TOPIC and a MESSAGE"],
    ["add x --label L --publish a b c", "--publish needs a TOPIC and a MESSAGE"],
    ["add x --label L --publish a/# b", "publish.topic must not contain the wildcards"],
    ["add x --label L --publish a b --qos 3", "publish.qos must be 0, 1 or 2"],
    ["add x --label L --publish a b --qos two", "publish.qos must be 0, 1 or 2"],
    ["add x --label L --call ping --qos 1 --retain", "--qos is for --publish alone\n--retain is for --publish alone"],
    ["add x --label L --call ping [1]", "one JSON object between quotes"],
    ["add x --label L --call ping {id:1}", "one JSON object between quotes"],
    ["add x --label L --call ping {} {}", "at most one JSON object"],
    ["add x --label L --http frigate GET", "--http needs a TARGET, a METHOD such as GET and a PATH"],
    ["add x --label L --http frigate get /a", "http.method must be an HTTP method"],
    ["add x --label L --home-assistant light", "homeAssistant.call must be a call such as light.turn_on"],
    ["add x --label L --home-assistant light.on {", "one JSON object between quotes"],
    ["add x --label L --home-assistant light.on Hall", "must be an entity"],
    ["add x --label L --publish a b --cool-down 5", "coolDown must be a duration"],
    ["add x --label L --publish a $p", "publish.message has a $ that no parameter"],
    ["add x --label L --publish a b --param p:boolean", "params.p must be used in publish, as $p"],
    ["add x --label L --publish a $p --param p", '--param "p" must be one of'],
    ["add x --label L --publish a $p --param p:number:a", '--param "p:number:a" must be one of'],
    ["add x --label L --publish a $p --param p:number:1:2:3:4", "must be one of"],
    ["add x --label L --publish a $p --param p:number:9:1", "params.p.max must be at least min"],
    ["add x --label L --publish a $p --param p:boolean:1", "must be one of"],
    ["add x --label L --publish a $p --param p:enum", "must be one of"],
    ["add x --label L --publish a $p --param p:boolean --param p:text", "p is given twice"],
    ["add __proto__ --label L --publish a b", 'NAME "__proto__" must be 1 to 64 letters'],
    ["add x --label L --publish a ${NOT_SET}", "the variable NOT_SET, which is not set"],
    ["add open-gate --label L --publish a b", 'There is an action "open-gate" already'],
    ["add x --label L --nonsense", "Unknown option '--nonsense'"],
    ["remove", "The name of an action is missing"],
    ["remove x", 'There is no action "x". There are: open-gate'],
    ["remove a b", 'Expected only the name of an action: remove "b"'],
    ["show x", 'There is no action "x". There are: open-gate'],
    ["list x", "Unexpected argument 'x'"],
  ] as const
) {
  Deno.test(`"actions ${line}" fails with exit code 2, and leaves the file`, () =>
    atHome(async ({ run, path, directory }) => {
      await Deno.writeTextFile(path, FILE, { mode: 0o600 });
      const { code, out, err } = await run(...line.split(" "));
      assertEquals([code, out], [2, ""]);
      assertStringIncludes(err, message);
      assertEquals(await Deno.readTextFile(path), FILE);
      const entries = await Array.fromAsync(Deno.readDir(directory));
      assertEquals(entries.filter(({ name }) => name.endsWith(".tmp")), []);
    }));
}

Deno.test("actions remove says what it cannot edit, and changes nothing", () =>
  atHome(async ({ run, path }) => {
    const publish = "publish: { topic: a, message: b }";
    const text = `actions:\n  a: { label: &a A, ${publish} }\n  b: { label: *a, ${publish} }\n`;
    await Deno.writeTextFile(path, text);
    const { code, err } = await run("remove", "a");
    assertEquals(code, 78);
    assertEquals(
      err,
      `Services file "${path}" has a section actions in a form that a command cannot edit: edit it by hand`,
    );
    assertEquals(await Deno.readTextFile(path), text);
  }));

Deno.test("actions add and actions remove keep all other lines, with their comments", () =>
  atHome(async ({ run, add, path }) => {
    await Deno.writeTextFile(path, FILE, { mode: 0o600 });
    await add("bell", "--label", "Bell", "--publish", "a", "b");
    const text = await Deno.readTextFile(path);
    assertEquals(text, `${FILE}  bell:\n    label: Bell\n    publish: { topic: a, message: b }\n`);
    assertEquals((await run("remove", "bell")).code, 0);
    assertEquals(await Deno.readTextFile(path), FILE);
    assertEquals((await run("remove", "open-gate")).code, 0);
    assertEquals(await Deno.readTextFile(path), FILE.split("\n").slice(0, 2).join("\n") + "\n");
    assertStringIncludes((await run("list")).out, `There is no action in ${path}`);
  }));

Deno.test("actions add --replace replaces an action, and adds one that is not there", () =>
  atHome(async ({ run, add, path }) => {
    await Deno.writeTextFile(path, FILE, { mode: 0o600 });
    const { out } = await run(..."add open-gate --label New --publish a b --replace".split(" "));
    assertStringIncludes(out, 'Action "open-gate" is replaced in');
    assertEquals(parseYaml(await Deno.readTextFile(path)), {
      actions: { "open-gate": { label: "New", publish: { topic: "a", message: "b" } } },
    });
    assertEquals(await add(..."bell --label L --call ping --replace".split(" ")), {
      label: "L",
      call: { method: "ping" },
    });
  }));

Deno.test("actions list and actions show do not fill in variables, and mask secrets", () =>
  atHome(async ({ run, path }) => {
    const extra = `  login: { label: Log in, call: { method: ping, params: { apikey: sesame, id: 42 } } }\n`;
    await Deno.writeTextFile(path, FILE + extra, { mode: 0o600 });
    const list = await run("list");
    assertEquals(
      list.out,
      `open-gate  Open the gate
  publish: topic home/gate/set, message \${FRIGATE_TOKEN}
login      Log in
  call: method ping, params (apikey ********, id 42)`,
    );
    for (const { code, out, err } of [list, await run("show", "login"), await run("show", "open-gate")]) {
      assertEquals([code, err], [0, ""]);
      assert(!/sesame|the-token/.test(out), out);
    }
  }));

Deno.test("actions show, add and remove name the keys that may run the action", () =>
  atHome(async ({ run, directory, path }) => {
    await Deno.writeTextFile(path, FILE, { mode: 0o600 });
    const records = [
      makeRecord({ name: "guest", rights: { action: { actions: ["open-*"] } } }),
      makeRecord({ name: "phone", rights: { action: { actions: ["bell"] } } }),
      makeRecord({ name: "tablet", rights: { mqtt: {} } }),
    ];
    await Deno.writeTextFile(`${directory}/keys.json`, formatKeysFile(records), { mode: 0o600 });
    assertMatch((await run("show", "open-gate")).out, /^keys: +guest$/m);
    assertStringIncludes((await run(..."add bell --label B --call ping".split(" "))).out, "may run it: phone");
    assertMatch((await run(..."add lamp --label B --call ping".split(" "))).out, /keys add NAME --action lamp/);
    const { code, err } = await run("remove", "open-gate");
    assertEquals(code, 0);
    assertStringIncludes(err, "Still granted to guest");
    await Deno.writeTextFile(`${directory}/keys.json`, "{}");
    const removed = await run("remove", "bell");
    assertEquals(removed.code, 0);
    assertStringIncludes(removed.err, "keys.json");
  }));

Deno.test("actions refuses a file that is invalid or cannot be written, with exit code 78, and leaves it", () =>
  atHome(async ({ run, path }) => {
    const add = "add x --label L --publish a b".split(" ");
    for (const text of ["actions: [", "nonsense: {}\n", "actions: { x: { label: 1 } }\n"]) {
      await Deno.writeTextFile(path, text, { mode: 0o600 });
      const { code, err } = await run(...add);
      assertEquals(code, 78);
      assertStringIncludes(err, path);
      assertEquals(await Deno.readTextFile(path), text);
    }
    await Deno.writeTextFile(path, FILE);
    await Deno.mkdir(`${path}.lock`);
    const locked = await run(...add);
    assertEquals(locked.code, 78);
    assertStringIncludes(locked.err, `Lock file "${path}.lock" cannot be used`);
    assertEquals(await Deno.readTextFile(path), FILE);
  }));

Deno.test("actions add keeps a link to the services file", () =>
  atHome(async ({ directory, path, add }) => {
    await Deno.writeTextFile(`${directory}/real.yaml`, FILE, { mode: 0o600 });
    await Deno.symlink(`${directory}/real.yaml`, path);
    await add(..."x --label L --publish a b".split(" "));
    assertEquals((await Deno.lstat(path)).isSymlink, true);
    assertStringIncludes(await Deno.readTextFile(`${directory}/real.yaml`), "  x:\n");
  }));

Deno.test("actions add of several processes at once loses none", () =>
  atHome(async ({ run, path }) => {
    const names = ["a1", "a2", "a3", "a4", "a5"];
    const codes = await Promise.all(names.map((name) => run("add", name, "--label", "L", "--publish", "a", "b")));
    assertEquals(codes.map(({ code, err }) => [code, err]), names.map(() => [0, ""]));
    const { actions } = Object(parseYaml(await Deno.readTextFile(path)));
    assertEquals(Object.keys(actions).toSorted(), names);
  }));
