import { assert, assertEquals, assertRejects } from "@std/assert";
import { openServicesFile } from "../../src/app/services_file.ts";
import { ConfigError, parseConfig } from "../../src/config/parse.ts";
import type { Log } from "../../src/observability/log.ts";
import { SERVICES } from "../../src/services/registry.ts";
import type { ServiceModule } from "../../src/services/service.ts";
import { until } from "../support/deadline.ts";
import { echo } from "../support/echo_service/echo.ts";
import { fakePlatform } from "../support/platform.ts";
import { inTempDir } from "../support/temp_dir.ts";

const SECRET = "correct horse battery staple";

/** An open services file in a directory, and what it logs and hides. */
async function openIn(
  directory: string,
  { text, services = [...SERVICES, echo] }: {
    readonly text?: string;
    readonly services?: readonly ServiceModule[];
  } = {},
) {
  const path = `${directory}/services.yaml`;
  const write = async (content: string) => {
    await Deno.writeTextFile(`${path}.new`, content, { mode: 0o600 });
    await Deno.rename(`${path}.new`, path);
  };
  if (text !== undefined) await write(text);
  const variables: Record<string, string> = {};
  const lines: string[] = [];
  const hidden: string[] = [];
  const gauges: (() => unknown)[] = [];
  const reloads: (() => void)[] = [];
  const logAs = (level: string): Log["info"] => (message: string, properties = {}) =>
    void lines.push(`${level} ${message.replace(/\{(\w+)\}/g, (_, name) => String(Reflect.get(properties, name)))}`);
  const log: Log = { debug: logAs("debug"), info: logAs("info"), warn: logAs("warn"), error: logAs("error") };
  const disk = { reads: 0, polls: 0, envTime: 0 };
  const config = parseConfig({ SERVICES_FILE: path, MQTT_BROKER_HOST: "broker" });
  const file = await openServicesFile(
    config,
    fakePlatform({
      files: {
        ...Deno,
        async stat(name) {
          if (name !== ".env") return await Deno.stat(name);
          disk.polls += 1;
          return { ...await Deno.stat(directory), mtime: new Date(disk.envTime), ctime: null };
        },
        readTextFile(name) {
          if (name === ".env") return Promise.resolve("FROM_FILE=text of .env");
          disk.reads += 1;
          return Deno.readTextFile(name);
        },
      },
      env: (name) => variables[name],
      onReload: (reload) => void reloads.push(reload),
    }),
    {
      log,
      metrics: { gauge: ({ read }) => void gauges.push(read), counter() {} },
      services,
      hide: (secrets) => void hidden.push(...secrets),
    },
  );
  const has = (line: string) => until(line, () => lines.some((one) => one.includes(line)));
  return {
    disk,
    file,
    write,
    path,
    lines,
    hidden,
    variables,
    has,
    isOk: () => gauges[0]?.(),
    reload: () => reloads[0]?.(),
  };
}

const serversOf = (name: string) => `echo: { servers: ["${name}.lan:8"] }\n`;

Deno.test("openServicesFile() replaces the sections when the file changes, and empties them when it is removed", () =>
  inTempDir(async (directory) => {
    const { file, write, path, lines, has, isOk } = await openIn(directory);
    assertEquals(file.sections.current, {});
    await write(serversOf("one"));
    await has("info Services file");
    assertEquals(file.sections.current, { echo: { servers: ["one.lan:8"] } });
    assert(lines[0]?.endsWith("services.yaml loaded. Sections: echo"), lines[0]);
    await Deno.remove(path);
    await has("is gone: there are no sections now");
    assertEquals([file.sections.current, isOk()], [{}, 1]);
    await file.close();
  }));

Deno.test("openServicesFile() keeps the sections while the file has a fault, and says so once", () =>
  inTempDir(async (directory) => {
    const { file, write, lines, has, isOk, reload } = await openIn(directory, { text: serversOf("one") });
    const before = file.sections.current;
    await write(`echo: { servers: [a], other: ${SECRET} }`);
    await has("error Services file not loaded, the previous one stays in force");
    assertEquals([file.sections.current === before, isOk()], [true, 0]);
    // As at each further poll.
    for (let count = 0; count < 3; count++) reload();
    assert(lines[0]?.includes("echo.servers[0] must be a host and a port"), lines[0]);
    assert(lines[0]?.includes("; ") && lines[0].includes('echo has no field "other"'), lines[0]);
    assert(!lines[0]?.includes(SECRET));
    await write(serversOf("one"));
    await has("info Services file");
    assertEquals(lines.filter((line) => line.startsWith("error")).length, 1);
    assertEquals([file.sections.current === before, isOk()], [false, 1]);
    await file.close();
  }));

Deno.test("openServicesFile() reads a file with a fault again only once it has changed, or .env has", () =>
  inTempDir(async (directory) => {
    const { disk, file, write, has } = await openIn(directory, { text: serversOf("one") });
    await write("echo: { other: 1 }");
    await has("error Services file not loaded");
    const { reads, polls } = disk;
    await until("further polls", () => disk.polls > polls + 2);
    assertEquals(disk.reads, reads);
    disk.envTime = 1;
    await until("it is read", () => disk.reads > reads);
    await file.close();
  }));

Deno.test("openServicesFile() keeps the sections where an action can never run", () =>
  inTempDir(async (directory) => {
    const { file, write, has } = await openIn(directory, { text: serversOf("one") });
    const before = file.sections.current;
    await write(`${serversOf("two")}actions: { x: { label: X, http: { target: none, path: /x } } }`);
    await has("actions.x.http.target must be a target of the section http. There are: none");
    assertEquals(file.sections.current, before);
    await file.close();
  }));

Deno.test("openServicesFile() fills in variables of the environment and of .env at each load, and hides their values", () =>
  inTempDir(async (directory) => {
    const text = "echo: { replies: { a: '${FROM_FILE}', password: plain-words } }";
    const { file, hidden, variables, reload, has } = await openIn(directory, { text });
    assertEquals(file.sections.current, { echo: { replies: { a: "text of .env", password: "plain-words" } } });
    assertEquals(hidden, ["text of .env", "plain-words"]);
    variables["FROM_FILE"] = SECRET;
    reload();
    await has("info Services file");
    assertEquals(file.sections.current, { echo: { replies: { a: SECRET, password: "plain-words" } } });
    assert(hidden.includes(SECRET));
    await file.close();
  }));

Deno.test("openServicesFile() says that new servers, files and variables need a restart, and names no others", () =>
  inTempDir(async (directory) => {
    const withFile = { ...echo, allowRead: () => ["echo.pem"] };
    const { file, write, lines, has } = await openIn(directory, {
      text: serversOf("one"),
      services: [...SERVICES, withFile],
    });
    await write('echo: { servers: ["one.lan:8", "two.lan:8"] }');
    await has("warn Restart the gateway");
    assert(lines.at(-1)?.startsWith("warn Restart the gateway for two.lan:8:"), lines.at(-1));
    assertEquals(file.sections.current, { echo: { servers: ["one.lan:8", "two.lan:8"] } });
    await write("echo: { replies: { a: '${NEW}' } }");
    await has("names the variable NEW, which is not set");
    assert(
      lines.at(-1)?.endsWith("a variable of the environment that is new in the file needs a restart of the gateway"),
    );
    await file.close();
  }));

Deno.test("openServicesFile() names new files also where the sandbox allows the whole network", () =>
  inTempDir(async (directory) => {
    const { allowNet: hostsOf } = echo;
    const withFiles: ServiceModule = {
      ...echo,
      allowNet: () => undefined,
      allowRead: (config, sections) => hostsOf(config, sections) ?? [],
    };
    const { file, write, lines, has } = await openIn(directory, { services: [withFiles] });
    await write(serversOf("two"));
    await has("warn Restart the gateway");
    assert(lines.at(-1)?.startsWith("warn Restart the gateway for two.lan:8:"), lines.at(-1));
    await file.close();
  }));

Deno.test("openServicesFile() logs nothing at SIGHUP where there is no file", () =>
  inTempDir(async (directory) => {
    const { file, lines, reload } = await openIn(directory);
    reload();
    // Waits for the load.
    await file.close();
    assertEquals(lines, []);
  }));

Deno.test("openServicesFile() makes the file readable only by its owner, and warns", () =>
  inTempDir(async (directory) => {
    await Deno.writeTextFile(`${directory}/services.yaml`, serversOf("one"), { mode: 0o644 });
    const { file, path, lines } = await openIn(directory);
    assertEquals(lines, [`warn Services file ${path} could be read by others: its mode is 0600 now`]);
    assertEquals(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o600);
    await file.close();
  }));

Deno.test("openServicesFile() refuses a file with a fault at the start", () =>
  inTempDir(async (directory) => {
    await assertRejects(() => openIn(directory, { text: "other: 1" }), ConfigError, 'no such section: "other"');
  }));
