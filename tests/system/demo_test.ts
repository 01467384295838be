/** The demo of README.md, and output that is closed early. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { dirname } from "node:path";
import { GatewayClient } from "../../src/client/gateway_client.ts";
import type { Variables } from "../../src/config/rules.ts";
import { until, within } from "../support/deadline.ts";
import { freePort } from "../support/loopback.ts";
import { IS_LINUX, needing } from "../support/needs.ts";
import { spawnMain, startGatewayProcess, UNLIMITED } from "../support/gateway_process.ts";
import { ProcessOutput } from "../support/process_output.ts";
import { copyProject } from "../support/project_copy.ts";

const PROJECT = new URL("../..", import.meta.url).pathname;

/** Timeout for the start of a process on a busy machine, in milliseconds. */
const START_MS = 60_000;

/** Invalid settings. */
const WRONG_SETTINGS = { PORT: "nonsense", JEEDOM_URL: "nonsense", SECRET_KEY_FILE: "/", LOG_LEVEL: "loud" };

/** Copy of the project with an invalid `.env`, and a directory for temporary files. */
async function copyWithWrongSettings() {
  const directory = await Deno.makeTempDir({ prefix: "gateway-" });
  const temporary = await Deno.makeTempDir({ prefix: "gateway-" });
  await copyProject(directory);
  await Deno.writeTextFile(`${directory}/.env`, "PORT=1\nPORT=2\nKEYS_FILE=/etc\n");
  const kept = ["HOME", "DENO_DIR"].map((name) => [name, Deno.env.get(name) ?? ""]);
  const env = {
    ...Object.fromEntries(kept.filter(([, value]) => value !== "")),
    PATH: `${dirname(Deno.execPath())}:${Deno.env.get("PATH")}`,
    TMPDIR: temporary,
    NO_COLOR: "1",
    ...WRONG_SETTINGS,
  };
  return {
    directory,
    temporary,
    spawn: (command: string, further: Record<string, string> = {}) =>
      new Deno.Command("sh", {
        args: ["-c", `exec ${command}`],
        cwd: directory,
        clearEnv: true,
        env: { ...env, ...further },
        stdin: "null",
        stdout: "piped",
        stderr: "piped",
      }).spawn(),
    async [Symbol.asyncDispose]() {
      for (const path of [directory, temporary]) await Deno.remove(path, { recursive: true });
    },
  };
}

function namesIn(directory: string): string[] {
  return [...Deno.readDirSync(directory)].map(({ name }) => name).sort();
}

/** Kills the process of a failed test. */
async function kill(child: Deno.ChildProcess): Promise<void> {
  try {
    child.kill("SIGKILL");
  } catch {
    // It has already ended.
  }
  await child.status;
}

/** Starts the demo on a free port, with its own directory for temporary files. */
async function startDemo(env: Variables = {}) {
  const temporary = await Deno.makeTempDir({ prefix: "gateway-" });
  const child = spawnMain(["demo"], { directory: temporary, env: { PORT: "0", TMPDIR: temporary, ...env } });
  return {
    child,
    temporary,
    /** Waits for the end of its output. */
    async untilPrinted(): Promise<ProcessOutput> {
      const output = new ProcessOutput(child);
      await output.line((line) => line.includes("Ctrl-C ends it"));
      return output;
    },
    /** Sends a signal; the demo must exit with 0 and leave no file. */
    async endBy(signal: Deno.Signal, output: ProcessOutput): Promise<void> {
      child.kill(signal);
      assertEquals((await within("the demo's exit", child.status)).code, 0);
      await output.ended;
      assertEquals(namesIn(temporary), []);
    },
    async [Symbol.asyncDispose]() {
      await kill(child);
      await Deno.remove(temporary, { recursive: true });
    },
  };
}

/** Reads until a text, then closes the pipe. */
async function readUntil(wanted: string, stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  // Breaking out of the loop cancels the stream.
  for await (const chunk of stream) {
    text += decoder.decode(chunk, { stream: true });
    if (text.includes(wanted)) return text;
  }
  throw new Error(`"${wanted}" was not printed. There was:\n${text}`);
}

Deno.test("deno task demo shows one of each request with any settings, and its printed commands work", async () => {
  await using project = await copyWithWrongSettings();
  const { directory, temporary, spawn } = project;
  const before = namesIn(directory);
  const child = spawn("deno task --quiet demo", { HTTP_PROXY: "http://127.0.0.1:1" });
  try {
    const output = new ProcessOutput(child);
    await output.line((line) => line.includes("Ctrl-C ends it"));
    for (
      const shown of [
        /Open it in your browser:\n\n {4}http:\/\/127\.0\.0\.1:\d+\/#pair=[\w-]{22}\n\n█{20}/,
        /A guest, [^:]*:\n\n {4}http:\/\/127\.0\.0\.1:\d+\/#pair=[\w-]{22}\n/,
        /Jeedom {10}summary::global \{"temperature":[\d.]+,"light":0\}\n/,
        /on the network {2}2\.\S+… \(\d+ characters\) and back 2\.\S+… \(\d+ characters\)\n/,
        /MQTT {12}published home\/living-room\/light\/set ON, received home\/living-room\/light on\n/,
        /Camera {10}GET \/snapshot\.png 200 image\/png, 709 bytes\n/,
        /Home Assistant {2}light\.turn_on light\.kitchen: off, then on\n/,
        /InfluxDB {8}temperatures room=kitchen: (?:\d\d:00 [\d.]+(?:, )?){3}\n/,
        /A guest {9}may run open-gate: 200\n +publishes home\/gate\/set: 403 This key may not use the service mqtt\n/,
      ]
    ) assertMatch(output.text, shown);

    const [keyFile = ""] = /(?<=--key-file )\S+/.exec(output.text) ?? [];
    const made = dirname(keyFile);
    const modeOf = (path: string) => ((Deno.statSync(path).mode ?? 0) & 0o777).toString(8);
    assertEquals(modeOf(made), "700");
    for (const name of namesIn(made)) assertEquals([name, modeOf(`${made}/${name}`)], [name, "600"]);
    for (const name of ["key.txt", "guest.txt"]) {
      const key = (await Deno.readTextFile(`${made}/${name}`)).trim();
      assertEquals([key.length, output.text.includes(key)], [64, false], `The key in ${name} is printed`);
    }

    const commands = output.lines.filter((line) => line.startsWith("deno task ")).map((line) =>
      line.replace("deno task ", "deno task --quiet ")
    );
    const subscribe = commands.at(-1) ?? "";
    const expected = [
      ["health", '{"status":"ok"'],
      ["call", '"Temperature"'],
      ["publish", '{"success":true'],
      ["request", '"Front door"'],
      ["states", "light.kitchen on"],
      ["query", "time\tmean"],
      ["action", '"success": true'],
    ] as const;
    assertEquals(commands.map((line) => line.split(" ")[3]), [...expected.map(([name]) => name), "subscribe"]);
    for (const [index, [, text]] of expected.entries()) {
      const command = commands[index] ?? "";
      const { code, stdout, stderr } = await spawn(command).output();
      const printed = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
      assertEquals([code, printed.includes(text)], [0, true], printed);
    }
    const subscriber = spawn(subscribe);
    try {
      const messages = new ProcessOutput(subscriber);
      await messages.line((line) => line.startsWith("home/living-room/light off"));
      subscriber.kill("SIGINT");
      assertEquals((await within("the subscriber's exit", subscriber.status)).code, 0);
      await messages.ended;
    } finally {
      await kill(subscriber);
    }

    child.kill("SIGINT");
    assertEquals((await within("the demo's exit", child.status)).code, 0);
    await output.ended;
    const interruptions = output.lines.filter((line) => /\[[A-Z]{3}\]|Warning|KEY|update your client/.test(line));
    assertEquals(interruptions, []);
    assertEquals(namesIn(directory), before);
    assertEquals(namesIn(temporary), []);
  } finally {
    await kill(child);
  }
});

Deno.test("the demo uses a free port if its own is in use, and says so", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using demo = await startDemo({ PORT: String(taken.addr.port) });
  const output = await demo.untilPrinted();
  assertStringIncludes(output.text, `Port ${taken.addr.port} is taken`);
  assertEquals(output.text.includes(`http://127.0.0.1:${taken.addr.port}`), false, output.text);
  await demo.endBy("SIGTERM", output);
});

Deno.test("the demo ends at SIGHUP without a terminal as well, and leaves no file", async () => {
  await using demo = await startDemo();
  const output = await demo.untilPrinted();
  await demo.endBy("SIGHUP", output);
});

Deno.test("the demo ends normally if its temporary directory was removed meanwhile", async () => {
  await using demo = await startDemo();
  const output = await demo.untilPrinted();
  for (const name of namesIn(demo.temporary)) await Deno.remove(`${demo.temporary}/${name}`, { recursive: true });
  await demo.endBy("SIGINT", output);
  assertEquals(output.text.includes("NotFound"), false, output.text);
});

for (const name of ["with spaces", "with,commas"]) {
  Deno.test(`deno task demo uses /tmp instead of a TMPDIR ${name}`, async () => {
    await using project = await copyWithWrongSettings();
    const temporary = `${project.temporary}/${name}`;
    await Deno.mkdir(temporary);
    const child = project.spawn("deno task --quiet demo", { TMPDIR: temporary });
    try {
      const output = new ProcessOutput(child);
      await output.line((line) => line.includes("Ctrl-C ends it"));
      assertStringIncludes(output.text, "--key-file /tmp/demo-");
      child.kill("SIGINT");
      assertEquals((await within("the demo's exit", child.status)).code, 0);
      await output.ended;
    } finally {
      await kill(child);
    }
  });
}

Deno.test("the demo fails with a remedy if it cannot create a temporary directory", async () => {
  await using demo = await startDemo({ TMPDIR: "/nowhere" });
  const { code, stderr } = await demo.child.output();
  assertEquals(code, 1);
  assertStringIncludes(new TextDecoder().decode(stderr), "Set TMPDIR to a directory that is writable");
});

for (const last of ["#pair=", "Home Assistant", "Ctrl-C ends it"]) {
  Deno.test(`the demo ends and leaves no file if its output is closed after "${last}"`, async () => {
    await using demo = await startDemo();
    const errors = new Response(demo.child.stderr).text();
    const printed = await within("the output", readUntil(last, demo.child.stdout), START_MS);
    assertEquals(printed.includes("is taken"), false, printed);
    assertEquals((await within("the demo's exit", demo.child.status)).code, 0);
    assertEquals(await errors, "");
    assertEquals(namesIn(demo.temporary), []);
  });
}

Deno.test("subscribe ends at the next message after its output was closed", async () => {
  const gateway = await startGatewayProcess(UNLIMITED);
  const env = { GATEWAY_URL: gateway.url, GATEWAY_KEY: gateway.key };
  const child = spawnMain(["subscribe", "t"], { directory: gateway.directory, env });
  try {
    await within("the subscription", readUntil("connected", child.stderr), START_MS);
    await gateway.client.publish("t", "first", { qos: 1 });
    await within("the first message", readUntil("t first", child.stdout));
    let exitCode: number | undefined;
    child.status.then(({ code }) => exitCode = code);
    await until("the subscriber's exit", async () => {
      await gateway.client.publish("t", "further", { qos: 1 });
      return exitCode !== undefined;
    });
    assertEquals(exitCode, 0);
  } finally {
    await kill(child);
    await gateway.stop();
  }
});

Deno.test("doctor --watch ends after the next round if its output is closed, even without a change", async () => {
  const directory = await Deno.makeTempDir({ prefix: "gateway-" });
  // With invalid settings, a round checks nothing else. Rounds are at least 10 s apart.
  const child = spawnMain(["doctor", "--watch", "10"], { directory, env: WRONG_SETTINGS });
  try {
    const errors = new Response(child.stderr).text();
    await within("the first round", readUntil("configuration", child.stdout), START_MS);
    assertEquals((await within("the doctor's exit", child.status, START_MS)).code, 2);
    assertEquals(await errors, "");
  } finally {
    await kill(child);
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("commands with much output exit with 0 if their output is closed at once", async () => {
  const directory = await Deno.makeTempDir({ prefix: "gateway-" });
  for (const args of [["check-config"], ["keys", "list"], ["permissions"], ["keys"]]) {
    const child = spawnMain(args, { directory, env: {} });
    const errors = new Response(child.stderr).text();
    await child.stdout.cancel();
    const { code } = await within(`the end of ${args.join(" ")}`, child.status);
    assertEquals([code, (await errors).includes("rror")], [args.length === 1 && args[0] === "keys" ? 2 : 0, false]);
  }
  await Deno.remove(directory, { recursive: true });
});

/** Asserts that a gateway that starts answers some requests, of which each is a line of its log, and ends normally. */
async function assertPublishesAndStops(
  child: Deno.ChildProcess,
  { directory, port }: { readonly directory: string; readonly port: number },
): Promise<void> {
  const url = `http://127.0.0.1:${port}`;
  const isThere = () => fetch(`${url}/health`).then((answer) => answer.text(), () => undefined);
  await until("the start", async () => await isThere() !== undefined, START_MS);
  const key = (await Deno.readTextFile(`${directory}/data/secret_key.txt`)).trim();
  const client = new GatewayClient({ url, key, protocol: 2 });
  for (let count = 0; count < 5; count++) assertEquals((await client.publish("t", "m")).status, 200);
  child.kill("SIGTERM");
  assertEquals((await within("the gateway's exit", child.status)).code, 0);
}

Deno.test("a gateway whose output is closed from the start runs and ends normally", async () => {
  const directory = await Deno.makeTempDir({ prefix: "gateway-" });
  const port = freePort();
  const env = { HOST: "127.0.0.1", PORT: String(port), METRICS_PORT: "off", LOG_FORMAT: "json" };
  const child = spawnMain(["serve"], { directory, env });
  try {
    await Promise.all([child.stdout.cancel(), child.stderr.cancel()]);
    await assertPublishesAndStops(child, { directory, port });
  } finally {
    await kill(child);
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test(
  needing("a gateway whose output is on a full disk runs and ends normally", { Linux: IS_LINUX }),
  async () => {
    const directory = await Deno.makeTempDir({ prefix: "gateway-" });
    const port = freePort();
    const env = { HOST: "127.0.0.1", PORT: String(port), METRICS_PORT: "off", LOG_FORMAT: "json" };
    const launcher = ["sh", "-c", 'exec "$@" >/dev/full 2>/dev/full', "sh"];
    const child = spawnMain(["serve"], { directory, env, launcher });
    try {
      await assertPublishesAndStops(child, { directory, port });
    } finally {
      await Promise.all([child.stdout.cancel(), child.stderr.cancel()]);
      await kill(child);
      await Deno.remove(directory, { recursive: true });
    }
  },
);

Deno.test(
  needing("an invalid command line exits with 2 if its message cannot be written", { Linux: IS_LINUX }),
  async () => {
    const launcher = ["sh", "-c", 'exec "$@" 2>/dev/full', "sh"];
    const { code } = await spawnMain(["nonsense"], { directory: PROJECT, env: {}, launcher }).output();
    assertEquals(code, 2);
  },
);

Deno.test("the client commands report an invalid command line, a missing key and a missing gateway", async () => {
  const directory = await Deno.makeTempDir({ prefix: "gateway-" });
  const run = async (args: string[], env: Record<string, string> = {}) => {
    const { code, stderr } = await spawnMain(args, { directory, env }).output();
    return { code, text: new TextDecoder().decode(stderr) };
  };
  const key = { GATEWAY_KEY: "ab".repeat(32) };
  const nowhere = `http://127.0.0.1:${freePort()}`;
  for (
    const [args, env, code, text] of [
      [["publish", "t"], key, 2, "Usage: deno task publish"],
      [["publish", "t", "m", "--qos", "3"], key, 2, "--qos must be 0, 1 or 2"],
      [["publish", "t", "m", "--loud"], key, 2, "Unknown option"],
      [["call"], key, 2, "Usage: deno task call"],
      [["call", "ping", "[1]"], key, 2, "Parameters must be one JSON object"],
      [["subscribe"], key, 2, "Usage: deno task subscribe"],
      [["call", "ping"], {}, 2, 'No key: "data/secret_key.txt" does not exist'],
      [["call", "ping"], { GATEWAY_KEY: "short" }, 1, "Key must be 64 hexadecimal characters"],
      [["health", "--url", nowhere], {}, 1, "No gateway answers at http://127.0.0.1:"],
      [["nonsense"], {}, 2, 'Unknown command "nonsense"'],
    ] as const
  ) {
    const result = await run([...args], env);
    assertEquals([result.code, result.text.includes(text)], [code, true], result.text);
  }
  await Deno.remove(directory, { recursive: true });
});
