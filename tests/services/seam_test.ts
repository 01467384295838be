/** Third service: one folder, and one entry in the list of services. */
import { join } from "node:path";
import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { startGateway } from "../../src/app/start.ts";
import { formatHelp } from "../../src/cli/args.ts";
import { checkConfig } from "../../src/cli/check_config.ts";
import { doctor } from "../../src/cli/doctor.ts";
import { keys } from "../../src/cli/keys.ts";
import { addLine } from "../../src/cli/keys/add.ts";
import { replaceRights, rightsFromOptions } from "../../src/services/rights_from_options.ts";
import { describeRights, summarizeRights } from "../../src/services/key_text.ts";
import { setLine } from "../../src/cli/keys/set.ts";
import { permissions } from "../../src/cli/permissions.ts";
import { readSettings } from "../../src/config/load.ts";
import { settingsTable } from "../../src/config/settings.ts";
import { ok } from "../../src/doctor/check.ts";
import type { DoctorContext } from "../../src/doctor/context.ts";
import { METRICS } from "../../src/doctor/checks/metrics.ts";
import { allRights } from "../../src/keys/rights.ts";
import { formatKeysFile, parseKeysFile } from "../../src/keys/schema.ts";
import { randomBytes } from "../../src/protocol/bytes.ts";
import { openAnswer, sealRequest } from "../../src/protocol/exchange.ts";
import { importSecretKey } from "../../src/protocol/secret_key.ts";
import { OPEN_SERVICES, SERVICES } from "../../src/services/registry.ts";
import type { ServiceModule } from "../../src/services/service.ts";
import { EventEncoder } from "../../src/streams/event_encoder.ts";
import { SYSTEM_CLOCK } from "../../src/lib/clock.ts";
import { configurationPage, envExample } from "../../tools/docs/settings_docs.ts";
import { ROOT, sourceFiles } from "../support/source_files.ts";
import { until } from "../support/deadline.ts";
import { answering, makeContext, NEVER_ABORTED } from "../support/doctor_context.ts";
import { createEchoService, echo } from "../support/echo_service/echo.ts";
import { makeGateway, makeRecord, NOW, services } from "../support/gateway.ts";
import { listen, subscribe } from "../support/listener.ts";
import { freePort } from "../support/loopback.ts";
import { fakePlatform } from "../support/platform.ts";
import { inTempDir } from "../support/temp_dir.ts";

const LIST = [...SERVICES, echo];

const NAMES = LIST.map(({ name }) => name);

const DEPENDENCIES = LIST.flatMap(({ dependency }: ServiceModule) => dependency ?? []).toSorted().join(",");

const service = createEchoService({
  greeting: "Hello",
  encoder: new EventEncoder({ randomBytes, clock: SYSTEM_CLOCK }),
  now: () => NOW * 1000,
});

/** A gateway with three services, and a phone that may echo one word. */
async function makeHome(words: readonly string[] = ["world"]) {
  const gateway = await makeGateway({
    services: (mqtt) => [...services(() => Promise.reject(new Error("Not used"))).slice(0, 1), mqtt, service],
  });
  const record = makeRecord({ name: "phone", rights: { echo: { words } } });
  await gateway.keyring.replace({ single: undefined, records: [record] });
  return { gateway, record, phone: await gateway.phone(record.secret, { version: 2 }) };
}

Deno.test("keys add and keys set have the options of a third service", () => {
  for (const line of [addLine(LIST), setLine(LIST)]) {
    const help = formatHelp(line);
    // Many names are in several lines.
    assertMatch(help.replace(/, *\n +/g, ", "), new RegExp(`--service NAME .*\\n +Services: ${NAMES.join(", ")}\\n`));
    for (const row of help.split("\n")) assert(row.length <= 80, `Too wide: ${row}`);
    assertStringIncludes(help, "--word WORD");
  }
  assertStringIncludes(formatHelp(addLine(LIST)), "Echo: every word.");
});

Deno.test("rights in a third service are granted, changed, described and removed like those in the others", () => {
  const { rights } = rightsFromOptions({}, LIST);
  assertEquals(Object.keys(rights), ["jeedom", "mqtt", "echo"]);
  assertStringIncludes(summarizeRights(rights, LIST), "; echo *");
  const one = rightsFromOptions({ word: ["a", "b"] }, LIST);
  assertEquals(one, { rights: { echo: { words: ["a", "b"] } }, mistakes: [] });
  assertEquals(describeRights(one.rights, LIST), [["echo words", "a, b"]]);
  assertEquals(replaceRights(one.rights, { word: ["c"] }, LIST).rights, { echo: { words: ["c"] } });
  assertEquals(Object.keys(replaceRights(one.rights, { service: ["mqtt"] }, LIST).rights), ["mqtt"]);
  assertEquals(rightsFromOptions({ service: ["x"] }, LIST).mistakes, [`--service "x" must be ${NAMES.join(" or ")}`]);
  assertEquals(allRights(LIST)["echo"], { words: ["*"] });
});

Deno.test("the keys file has the rights of a third service, and is strict in them", () => {
  const text = formatKeysFile([makeRecord({ name: "phone", rights: { echo: { words: ["a"] } } })]);
  assertEquals(parseKeysFile(text, LIST)[0]?.rights, { echo: { words: ["a"] } });
  assertThrows(
    () => parseKeysFile(text, SERVICES),
    SyntaxError,
    `keys[0].rights: no such service: "echo". There are ${SERVICES.map(({ name }) => `"${name}"`).join(" and ")}`,
  );
  assertThrows(
    () => parseKeysFile(text.replace("words", "word"), LIST),
    SyntaxError,
    'keys[0].rights.echo: no such field: "word"',
  );
});

Deno.test("a service that every key may use is nothing that a key can be granted", () => {
  const granted = SERVICES.map(({ name }) => `"${name}"`);
  for (const { name } of OPEN_SERVICES) {
    assertEquals(rightsFromOptions({ service: [name] }, SERVICES).mistakes, [
      `--service "${name}" must be ${SERVICES.map(({ name }) => name).join(" or ")}`,
    ]);
    for (const line of [addLine(SERVICES), setLine(SERVICES)]) {
      const services = /--service NAME [^-]*/.exec(formatHelp(line))?.[0] ?? "";
      assert(services.includes("mqtt") && !services.includes(name), services);
    }
    assertEquals(Object.hasOwn(allRights(SERVICES), name), false);
    const text = formatKeysFile([makeRecord({ name: "phone", rights: { [name]: {} } })]);
    assertThrows(
      () => parseKeysFile(text, SERVICES),
      SyntaxError,
      `keys[0].rights: no such service: "${name}". There are ${granted.join(" and ")}`,
    );
  }
});

/** Files that may name a service: the registry, the default broker, MQTT itself, and programs for people and clients. */
const MAY_NAME = [
  /^services\/(registry\.ts|\w+\/)/,
  /^app\/(default_broker|doctor)\.ts$/,
  /^(client|conformance|console|demo|mqtt)\//,
  /^cli\/(call|publish|subscribe|action|request|home_assistant|states|query|conformance|demo|doctor)\.ts$/,
  /^cli\/(actions|push)\//,
];

Deno.test("no other file of the source names a service", async () => {
  const names = [...SERVICES, ...OPEN_SERVICES].map(({ name }) => name);
  const any = names.join("|");
  // "http" is also the name of a protocol, and "push" of a method of lists and of a part of the gateway.
  const words = names.filter((name) => name !== "http" && name !== "push").join("|");
  const fields = names.filter((name) => name !== "push").join("|");
  // An import from its folder, its name as a text, its settings or its field of an object.
  const named = new RegExp(`services/(${any})/|["'\`](${words})["'\`]|\\.(${fields})\\b|\\{ (${fields})\\b`);
  const found: string[] = [];
  for await (const file of sourceFiles("src/")) {
    const path = file.slice("src/".length);
    const text = await Deno.readTextFile(join(ROOT, file));
    if (named.test(text) && !MAY_NAME.some((pattern) => pattern.test(path))) found.push(path);
  }
  assertEquals(found, []);
});

/** A machine with these variables, which collects what commands print. */
function machine(args: readonly string[], variables: Readonly<Record<string, string>> = {}) {
  const errors: string[] = [];
  const platform = fakePlatform({
    args,
    files: {
      ...Deno,
      readTextFile: (path) => path === ".env" ? Promise.reject(new Deno.errors.NotFound()) : Deno.readTextFile(path),
    },
    fetch: () => Promise.reject(new TypeError("fetch failed")),
    listen: () => ({ close: () => {} }),
    env: (name) => variables[name],
    envNames: () => Object.keys(variables),
    printError: (line) => void errors.push(line),
  });
  return { platform, errors, text: () => platform.lines.join("\n") };
}

Deno.test("check-config shows the setting of a third service, and names a wrong or misspelt one", async () => {
  const all = machine(["--all"]);
  assertEquals(await checkConfig(all.platform, LIST), 0);
  assertStringIncludes(all.text(), "\nECHO_GREETING=Hello  # default\n");
  assertStringIncludes(all.text(), `\nREADY_NEEDS=${DEPENDENCIES}  # default\n`);
  const set = machine([], { ECHO_GREETING: "Hi", READY_NEEDS: "echo" });
  assertEquals(await checkConfig(set.platform, LIST), 0);
  assertEquals(set.platform.lines.slice(0, 2), [
    "ECHO_GREETING=Hi  # environment, default Hello",
    `READY_NEEDS=echo  # environment, default ${DEPENDENCIES}`,
  ]);
  const wrong = machine([], { ECHO_GREETING: "a b" });
  assertEquals(await checkConfig(wrong.platform, LIST), 78);
  assertStringIncludes(wrong.errors.join("\n"), 'ECHO_GREETING must be one word, not "a b"');
  const misspelt = machine([], { ECHO_GREET: "Hi" });
  assertEquals(await checkConfig(misspelt.platform, LIST), 0);
  assertStringIncludes(misspelt.errors.join("\n"), "did you mean ECHO_GREETING?");
});

const SECTION = "echo: { replies: { world: '${ECHO_WORD}' }, servers: [other.example:8] }\n";

/** A machine whose services file has this text. */
function machineWith(text: string, args: readonly string[] = [], variables: Readonly<Record<string, string>> = {}) {
  const { platform, ...rest } = machine(args, { SERVICES_FILE: "own.yaml", ...variables });
  const { stat, readTextFile } = platform.files;
  const info = { ...Deno.statSync(import.meta.dirname ?? "."), isFile: true, isDirectory: false, mode: 0o100600 };
  const files: typeof platform.files = {
    ...platform.files,
    stat: (path) => path === "own.yaml" ? Promise.resolve(info) : stat(path),
    readTextFile: (path) => path === "own.yaml" ? Promise.resolve(text) : readTextFile(path),
  };
  return { platform: { ...platform, files }, ...rest };
}

Deno.test("check-config shows the section of a third service, and names all that is wrong with it", async () => {
  const valid = machineWith(SECTION, [], { ECHO_WORD: "Hi" });
  assertEquals(await checkConfig(valid.platform, LIST), 0);
  assertStringIncludes(valid.text(), "\nown.yaml: echo (2)\n");
  // Named in the file, it is no misspelt setting.
  assertEquals(valid.errors, []);
  const empty = machineWith("");
  assertEquals(await checkConfig(empty.platform, LIST), 0);
  assertStringIncludes(empty.text(), "\nown.yaml: no sections\n");
  const wrong = machineWith(`${SECTION}eco: {}\n`, [], { PORT: "x" });
  assertEquals(await checkConfig(wrong.platform, LIST), 78);
  assertEquals(wrong.errors.slice(1).map((line) => line.trim()), [
    'PORT must be a whole number from 0 to 65535, not "x"',
    "own.yaml: echo.replies.world names the variable ECHO_WORD, which is not set: set it in the environment or .env",
    'own.yaml: no such section: "eco". Did you mean echo?',
  ]);
});

Deno.test("permissions allows the connections and variables that the section of a third service names", async () => {
  const { platform, text } = machineWith(SECTION, [], { ECHO_WORD: "Hi" });
  assertEquals(await permissions(platform, LIST), 0);
  assertMatch(text(), /--allow-net=\S*,echo\.example:7,other\.example:8,/);
  assertMatch(text(), /--allow-read=\S*,own\.yaml/);
  assertMatch(text(), /--allow-env=\S*,ECHO_WORD /);
  // So that serve finds the same faults.
  const wrong = machineWith(`${SECTION}eco: {}\n`, [], { ECHO_WORD: "Hi" });
  assertEquals(await permissions(wrong.platform, LIST), 0);
  assertMatch(wrong.text(), /--allow-read .*--allow-env=\S*,ECHO_WORD /);
  assertEquals(/--allow-(net|write)/.test(wrong.text()), false);
});

Deno.test("doctor reports the services file, and gives its sections to the checks of a third service", async () => {
  const check = { name: "echo", run: ({ sections }: DoctorContext) => Promise.resolve(ok(JSON.stringify(sections))) };
  const list = [...SERVICES, { ...echo, doctor: () => Promise.resolve([check]) }];
  const run = async (text: string) => {
    const { platform, text: output } = machineWith(text, ["--json"], { ECHO_WORD: "Hi" });
    await doctor(platform, list);
    const { checks }: { checks: { name: string; status: string; message: string; remedy?: string }[] } = JSON.parse(
      output(),
    );
    return ["configuration", "services_file", "echo"].map((name) => checks.find((one) => one.name === name));
  };
  const sections = { echo: { replies: { world: "Hi" }, servers: ["other.example:8"] } };
  assertEquals((await run(SECTION)).map((one) => [one?.status, one?.message]), [
    ["ok", "Valid"],
    ["ok", "own.yaml is valid. Sections: echo"],
    ["ok", JSON.stringify(sections)],
  ]);
  const [, lamp] = await run("actions: { lamp: { label: Lamp, homeAssistant: { call: light.turn_on } } }");
  assertStringIncludes(lamp?.message ?? "", "actions.lamp.homeAssistant cannot run: Home Assistant is not configured");
  const [configuration, file, own] = await run("eco: {}");
  assertEquals([configuration?.status, own?.message], ["ok", "{}"]);
  assertEquals([file?.status, file?.message], ["failed", 'own.yaml: no such section: "eco". Did you mean echo?']);
  assertEquals(file?.remedy, "Fix it in own.yaml, then: deno task check-config");
});

Deno.test("permissions allows the connections and settings of a third service", async () => {
  const flagsOf = async (variables?: Readonly<Record<string, string>>) => {
    const { platform, text } = machine([], variables);
    assertEquals(await permissions(platform, LIST), 0);
    return text();
  };
  const flags = await flagsOf();
  assertMatch(flags, /--allow-net=\S*,echo\.example:7/);
  assertMatch(flags, /--allow-env=\S*,ECHO_GREETING,/);
  // So that serve can read and report an invalid one.
  const minimal = await flagsOf({ ECHO_GREETING: "a b" });
  assertMatch(minimal, /--allow-env=\S*,ECHO_GREETING,/);
  assertEquals(minimal.includes("--allow-net"), false);
});

Deno.test("keys adds, lists, changes and removes the rights of a third service", async () => {
  await inTempDir(async (directory) => {
    const variables = { KEYS_FILE: `${directory}/keys.json`, SECRET_KEY_FILE: `${directory}/secret_key.txt` };
    const run = async (...args: readonly string[]) => {
      const { platform, errors, text } = machine(args, variables);
      const code = await keys(platform, () => NOW * 1000, LIST);
      return { code, text: text(), errors };
    };
    assertStringIncludes(
      (await run("add", "phone", "--word", "hi", "--word", "you")).text,
      "echo words:        hi, you",
    );
    const [record] = JSON.parse(await Deno.readTextFile(variables.KEYS_FILE)).keys;
    assertEquals(record.rights, { echo: { words: ["hi", "you"] } });
    assertStringIncludes((await run("list")).text, "\n  echo hi you");
    assertStringIncludes((await run("set", "phone", "--word", "bye")).text, "echo words:        hi, you → bye");
    assertStringIncludes((await run("set", "phone", "--service", "mqtt")).text, "echo words:        bye → none");
    const wrong = await run("add", "tablet", "--service", "ekho");
    assertEquals([wrong.code, wrong.errors[0]], [2, `--service "ekho" must be ${NAMES.join(" or ")}`]);
  });
});

Deno.test("doctor has the check of a third service, and its settings", async () => {
  const good = machine(["--json"], { ECHO_GREETING: "Hi" });
  await doctor(good.platform, LIST);
  const checks: { name: string; status: string; message: string }[] = JSON.parse(good.text()).checks;
  assertEquals(checks.find(({ name }) => name === "echo"), { name: "echo", status: "ok", message: "Greets with Hi" });
  const wrong = machine(["--json"], { ECHO_GREETING: "a b" });
  assertEquals(await doctor(wrong.platform, LIST), 2);
  assertStringIncludes(wrong.text(), "ECHO_GREETING must be one word");
  assertStringIncludes(wrong.text(), '"name": "echo"');
});

Deno.test("doctor's check of the metrics port has the remedy of a third service whose dependency fails", async () => {
  const failing = answering(503, JSON.stringify({ failing: ["echo"], parts: { echo: "failed" } }));
  const check = async (env: Readonly<Record<string, string>>) => {
    const { status, message, remedy } = await METRICS.run(
      makeContext({ services: LIST, env, machine: { fetch: failing, listen: () => ({ close: () => {} }) } }),
      NEVER_ABORTED,
    );
    return [status, message, remedy?.split(":")[0]];
  };
  const unready = "The gateway is not ready: echo";
  assertEquals(await check({}), ["warning", `${unready}, which is not set`, "Set ECHO_GREETING"]);
  assertEquals((await check({ ECHO_GREETING: "Hi" })).slice(0, 2), ["failed", unready]);
  assertEquals(await check({ READY_NEEDS: "broker" }), [
    "failed",
    unready,
    "Restart the gateway",
  ]);
});

Deno.test("the generated documents have the settings of a third service", () => {
  const table = settingsTable(LIST);
  assertStringIncludes(
    configurationPage(table),
    "## Echo\n\n| Setting | Default | Values | Meaning |\n| --- | --- | --- | --- |\n" +
      "| `ECHO_GREETING` | `Hello` |  | Word in front of each message. |\n",
  );
  assertStringIncludes(envExample(table), "# Word in front of each message.\n#ECHO_GREETING=Hello\n");
});

for (const version of [1, 2] as const) {
  Deno.test(`POST /gateway and POST /subscribe reach a third service in version ${version}`, async () => {
    const { gateway, record } = await makeHome();
    const phone = await gateway.phone(record.secret, { version });
    const { status, body } = await phone.request("/gateway", { service: "echo", word: "world" });
    assertEquals([status, JSON.parse(String(body))], [200, { echo: "Hello world" }]);
    const { response, exchange } = await phone.exchange("/subscribe", { service: "echo", word: "world" });
    const stream = await listen(phone, response, exchange);
    assertEquals((await stream.next())?.["type"], "connected");
    assertEquals((await stream.next())?.["payload"], "Hello world");
    await stream.cancel();
  });
}

Deno.test("POST /gateway reaches a third service as its key may, and names all services", async () => {
  const { phone, gateway } = await makeHome();
  const ask = async (payload: Record<string, unknown>) => {
    const { status, body } = await phone.request("/gateway", payload);
    return [status, JSON.parse(String(body))];
  };
  assertEquals(await ask({ service: "echo", word: "world" }), [200, { echo: "Hello world" }]);
  assertEquals(await ask({ service: "echo", word: "moon" }), [403, {
    error: "This key may not echo moon",
    code: "scope",
  }]);
  assertEquals(await ask({ service: "echo" }), [400, { error: "Missing required field: word", code: "field" }]);
  assertEquals(await ask({ service: "ssh" }), [403, {
    error: 'Unknown service: must be "jeedom" or "mqtt" or "echo"',
    code: "unknown_service",
  }]);
  assertEquals(await ask({ service: "mqtt", topic: "a", message: "b" }), [403, {
    error: "This key may not use the service mqtt",
    code: "scope",
  }]);
  assertEquals(gateway.decisions.map(({ service, target }) => [service, target]), [
    ["echo", "world"],
    ["echo", "moon"],
    ["echo", undefined],
    [undefined, undefined],
    ["mqtt", "a"],
  ]);
});

Deno.test("POST /subscribe reaches every service that has subscriptions", async () => {
  const { phone, gateway } = await makeHome();
  const ask = async (payload: Record<string, unknown>) => {
    const { response, exchange } = await phone.exchange("/subscribe", payload);
    return await listen(phone, response, exchange);
  };
  const stream = await ask({ service: "echo", word: "world" });
  assertEquals((await stream.next())?.["type"], "connected");
  assertEquals((await stream.next())?.["payload"], "Hello world");
  await stream.cancel();
  const refusals = [
    [{ service: "echo", word: "moon" }, "scope", "This key may not echo moon"],
    [{ service: "mqtt", topic: "a" }, "scope", "This key may not use the service mqtt"],
    [{ service: "jeedom", jsonrpc: "ping" }, "unknown_service", 'Unknown service: must be "mqtt" or "echo"'],
    [{ topic: "a" }, "field", "Missing required field: service"],
  ] as const;
  for (const [payload, code, message] of refusals) {
    const refused = await ask(payload);
    const event = await refused.next();
    assertEquals([event?.["type"], event?.["code"], event?.["message"]], ["error", code, message]);
    assertEquals(await refused.next(), undefined);
  }
  const [connected, ended] = gateway.decisions;
  assertEquals([connected?.service, connected?.target, connected?.outcome, connected?.route], [
    "echo",
    "world",
    "subscribed",
    "/subscribe",
  ]);
  assertEquals([ended?.service, ended?.outcome.startsWith("ended: ")], ["echo", true]);
});

Deno.test("a gateway with a third service has it on its ports, in its metrics and in its log", async () => {
  await inTempDir(async (directory) => {
    const admin = freePort();
    const { platform } = machine([], {
      HOST: "127.0.0.1",
      PORT: "0",
      METRICS_HOST: "127.0.0.1",
      METRICS_PORT: String(admin),
      SECRET_KEY_FILE: `${directory}/secret_key.txt`,
      KEYS_FILE: `${directory}/keys.json`,
      SERVICES_FILE: `${directory}/services.yaml`,
      MQTT_BROKER_PORT: String(freePort()),
      READY_NEEDS: "echo",
      RATE_LIMITS: "off",
      ECHO_GREETING: "Hi",
    });
    const record = makeRecord({ name: "phone", rights: { echo: { words: ["you"] } } });
    await Deno.writeTextFile(`${directory}/keys.json`, formatKeysFile([record]), { mode: 0o600 });
    const lines: [string, Record<string, unknown> | undefined][] = [];
    const silent = () => {};
    const log = {
      debug: silent,
      warn: silent,
      error: silent,
      info: (...line: (typeof lines)[number]) => void lines.push(line),
    };
    const { config } = await readSettings(platform, LIST);
    const hidden: string[] = [];
    const gateway = await startGateway(config, platform, log, {
      modules: LIST,
      hide: (secrets) => void hidden.push(...secrets),
    });
    try {
      const ready = `http://127.0.0.1:${admin}/health/ready`;
      const parts = async () => (await (await fetch(ready)).json()).parts;
      await until("all dependencies are checked", async () => !Object.values(await parts()).includes("unknown"));
      assertEquals(await parts(), { jeedom: "failed", broker: "ok", echo: "ok", replay_store: "ok" });
      assertEquals(await (await fetch(ready)).json().then(({ status }) => status), "ok");

      const key = await importSecretKey(record.secret);
      const ask = async () => {
        const payload = JSON.stringify({ timestamp: Date.now() / 1000, service: "echo", word: "you" });
        const options = { version: 2, route: "/gateway", random: randomBytes } as const;
        const { text: body, exchange } = await sealRequest(key, payload, options);
        const response = await fetch(`${gateway.url}/gateway`, { method: "POST", body });
        const answer = JSON.parse(await openAnswer(exchange, await response.text()));
        return JSON.parse(answer.body).echo;
      };
      assertEquals(await ask(), "Hi you");

      // The section of the services file, which is read while the gateway runs.
      const own = {
        "echo: { replies: { you: '${ECHO_GREETING} from the file' } }": "Hi from the file",
        "{}": "Hi you",
      };
      for (const [content, reply] of Object.entries(own)) {
        await Deno.writeTextFile(`${directory}/services.yaml`, content, { mode: 0o600 });
        await until(`the file is loaded: ${content}`, async () => await ask() === reply);
      }
      assertEquals(hidden, ["Hi"]);

      const text = await (await fetch(`http://127.0.0.1:${admin}/metrics`)).text();
      assertMatch(text, /e2e_gateway_requests_total\{route="\/gateway",service="echo",result="ok"\} [1-9]/);
      assertStringIncludes(text, 'e2e_gateway_requests_total{route="/subscribe",service="echo",result="subscribed"} 0');
      assertMatch(text, /e2e_gateway_step_seconds_count\{step="echo"\} [1-9]/);
      assertStringIncludes(text, 'e2e_gateway_up{part="echo"} 1');
    } finally {
      await gateway.stop();
    }
    const [template, fields] = lines.find(([line]) => line.includes("listens on")) ?? [];
    assertEquals(
      template,
      "Gateway {version} listens on {host}:{port}, for Jeedom at {jeedom}, greeting with {greeting}",
    );
    assertEquals([fields?.["jeedom"], fields?.["greeting"]], ["http://localhost", "Hi"]);
  });
});

Deno.test("POST /mqtt/subscribe is for MQTT alone, whatever the request names", async () => {
  const { phone, gateway } = await makeHome();
  const stream = await subscribe(phone, { service: "echo", word: "world", topic: "a" });
  assertEquals((await stream.next())?.["message"], "This key may not use the service mqtt");
  assertEquals(gateway.decisions[0]?.service, "mqtt");
});
