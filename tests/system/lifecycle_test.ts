/** Start, stop and sandbox of the real process. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { FailedError, GatewayClient } from "../../src/client/gateway_client.ts";
import { parseConfig } from "../../src/config/parse.ts";
import type { StreamEvent } from "../../src/protocol/event.ts";
import { permissionFlags } from "../../src/config/sandbox.ts";
import { until, within } from "../support/deadline.ts";
import { freePort } from "../support/loopback.ts";
import { spawnMain, startGatewayProcess } from "../support/gateway_process.ts";
import { startJeedom } from "../support/jeedom_server.ts";
import { ProcessOutput } from "../support/process_output.ts";
import { inTempDir } from "../support/temp_dir.ts";

/** Runs a command to its end. */
async function run(args: readonly string[], directory: string, env: Record<string, string>, flags?: string[]) {
  const { code, stdout, stderr } = await spawnMain(args, { directory, env, ...(flags ? { flags } : {}) }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

Deno.test("the first start prints and stores a new key, the second start loads it silently", () =>
  inTempDir(async (directory) => {
    const first = await startGatewayProcess({ MQTT_BROKER_PORT: String(freePort()) }, { directory });
    assert(first.output.text.includes("NEW SECRET KEY GENERATED!"));
    assert(first.output.text.includes(`Secret key: ${first.key}`));
    await first.stop();
    const second = await startGatewayProcess({ MQTT_BROKER_PORT: String(freePort()) }, { directory });
    assertEquals(second.key, first.key);
    assert(!second.output.text.includes(first.key), "The key is shown again");
    await second.stop();
  }));

Deno.test("a key file with read permission for others is restricted at the start, with a log line", () =>
  inTempDir(async (directory) => {
    await Deno.mkdir(`${directory}/own`);
    await Deno.writeTextFile(`${directory}/own/key.txt`, "ab".repeat(32), { mode: 0o644 });
    await Deno.chmod(`${directory}/own/key.txt`, 0o644);
    const gateway = await startGatewayProcess(
      { SECRET_KEY_FILE: "own/key.txt", MQTT_BROKER_PORT: String(freePort()) },
      { directory },
    );
    await gateway.output.line((line) => line.includes("could be read by others"));
    assertEquals(((await Deno.stat(`${directory}/own/key.txt`)).mode ?? 0) & 0o777, 0o600);
    await gateway.stop();
  }));

Deno.test("a wrong configuration stops the start with every problem and exit code 78", () =>
  inTempDir(async (directory) => {
    const env = { PORT: "x", MQTT_TLS: "maybe" };
    for (const command of ["serve", "check-config"]) {
      const { code, stderr } = await run([command], directory, env);
      assertEquals(code, 78);
      assert(stderr.includes('PORT must be a whole number from 0 to 65535, not "x"'), stderr);
      assert(stderr.includes("MQTT_TLS must be one of: true, false"), stderr);
    }
  }));

Deno.test("a key file among the project's own files stops every command, without write permission there", () =>
  inTempDir(async (directory) => {
    await Deno.writeTextFile(`${directory}/secret_key.txt`, "ab".repeat(32), { mode: 0o600 });
    const env = { SECRET_KEY_FILE: "secret_key.txt" };
    for (const args of [["serve"], ["check-config"], ["keys", "list"]]) {
      const { code, stderr } = await run(args, directory, env);
      assertEquals(code, 78, args.join(" "));
      assert(stderr.includes("mkdir -p data && mv secret_key.txt data/secret_key.txt"), stderr);
    }
    const flags = ["--no-prompt", "--allow-read", "--allow-env"];
    const { stdout } = await run(["permissions"], directory, env, flags);
    assert(!stdout.includes("--allow-write"), stdout);
    await Deno.mkdir(`${directory}/data`);
    await Deno.rename(`${directory}/secret_key.txt`, `${directory}/data/secret_key.txt`);
    const moved = await run(["permissions"], directory, { SECRET_KEY_FILE: "data/secret_key.txt" }, flags);
    assert(moved.stdout.includes("--allow-write=data,data/keys.json,services.yaml"), moved.stdout);
  }));

Deno.test("an invalid key file stops the start with a remedy", () =>
  inTempDir(async (directory) => {
    await Deno.mkdir(`${directory}/own`);
    await Deno.writeTextFile(`${directory}/own/key.txt`, "not a key", { mode: 0o600 });
    const { code, stderr } = await run(["serve"], directory, { SECRET_KEY_FILE: "own/key.txt" });
    assertEquals(code, 78);
    assert(stderr.includes("Restore it from a backup, or move it away"), stderr);
  }));

Deno.test("a port in use stops the start with a remedy", () =>
  inTempDir(async (directory) => {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const ports = { PORT: String(listener.addr.port), METRICS_PORT: "0", MQTT_BROKER_PORT: String(freePort()) };
    const env = { HOST: "127.0.0.1", ...ports };
    const { code, stderr } = await run(["serve"], directory, env);
    listener.close();
    assertEquals(code, 1);
    assert(stderr.includes(`Port ${listener.addr.port} is taken already by another program`), stderr);
  }));

Deno.test("a metrics port in use stops the start with a remedy", () =>
  inTempDir(async (directory) => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr;
    const env = { HOST: "127.0.0.1", PORT: "0", METRICS_PORT: String(port) };
    const { code, stderr } = await run(["serve"], directory, env);
    assertEquals(code, 1);
    assert(stderr.includes(`Port ${port} is taken already by another program`), stderr);
    assert(stderr.includes("set METRICS_PORT to a free one, or to off"), stderr);
  }));

Deno.test("the embedded broker uses another port if its own is in use, and says so", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const gateway = await startGatewayProcess({ MQTT_BROKER_PORT: String(listener.addr.port) });
  const line = await gateway.output.line((text) => text.includes("embedded broker"));
  assert(line.includes(`(port ${listener.addr.port} is taken)`), line);
  assertEquals((await gateway.client.publish("t", "m", { qos: 1 })).status, 200);
  await gateway.stop();
  listener.close();
});

Deno.test(".env is read, and the environment wins over it", () =>
  inTempDir(async (directory) => {
    await Deno.writeTextFile(`${directory}/.env`, 'MAX_AGE_SECONDS=10\nLOG_LEVEL="error"\nJEEDOM_APIKEY=hunter2\n');
    const { stdout, code } = await run(["check-config", "--all"], directory, { LOG_LEVEL: "debug" });
    assertEquals(code, 0);
    for (const line of ["MAX_AGE_SECONDS=10  # .env", "LOG_LEVEL=debug  # environment", "PORT=10000  # default"]) {
      assert(stdout.includes(line), stdout);
    }
    assert(stdout.includes("JEEDOM_APIKEY=********") && !stdout.includes("hunter2"), stdout);
  }));

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  Deno.test(`${signal} ends streams with a final event, completes running calls and exits with 0`, async () => {
    const jeedom = startJeedom();
    const gateway = await startGatewayProcess({
      JEEDOM_URL: jeedom.url,
      JEEDOM_APIKEY: jeedom.apikey,
      MQTT_BROKER_PORT: String(freePort()),
      // The call runs until the gateway is seen to stop, however long that takes.
      SHUTDOWN_TIMEOUT_MS: "60000",
    });
    const ready = () => fetch(`${gateway.metricsUrl}/health/ready`);
    await until("ready", async () => (await (await ready()).json()).status === "ok");
    const events: StreamEvent[] = [];
    let stopped: Promise<number> | undefined;
    let call: Promise<{ status: number }> | undefined;
    for await (const event of gateway.client.subscribe(["t"], { resume: false })) {
      events.push(event);
      if (event.type !== "connected") continue;
      call = gateway.client.callJeedom("event::changes", { datetime: Date.now() / 1000, longPolling: 60 });
      await until("the call", () => jeedom.requests.length === 1);
      stopped = gateway.stop(signal);
      await until("not ready", async () => (await (await ready()).json()).failing.includes("stopping"));
      jeedom.home.set(3, 1);
    }
    assertEquals(events.map(({ type }) => type), ["connected", "end"]);
    const [, last] = events;
    const retry = last?.type === "end" ? last.retry ?? 0 : 0;
    assert(retry >= 1 && retry <= 5, `${retry} s`);
    assertEquals((await call)?.status, 200);
    assertEquals(await within("the exit", stopped ?? Promise.reject(new Error("No stream"))), 0);
    await jeedom.stop();
  });
}

Deno.test("concurrent signals count as one, and a later one ends the gateway at once with 130", async () => {
  const jeedom = startJeedom();
  const gateway = await startGatewayProcess({
    JEEDOM_URL: jeedom.url,
    JEEDOM_APIKEY: jeedom.apikey,
    SHUTDOWN_TIMEOUT_MS: "60000",
  });
  // The gateway does not end by itself while it runs.
  const call = gateway.client.callJeedom("event::changes", { datetime: Date.now() / 1000, longPolling: 60 })
    .catch(() => {});
  await until("the call", () => jeedom.requests.length === 1);
  Deno.kill(gateway.pid, "SIGINT");
  Deno.kill(gateway.pid, "SIGINT");
  await gateway.output.line((line) => line.includes("Gateway stops"));
  assertEquals(
    await fetch(`${gateway.metricsUrl}/health/ready`).then(({ status, body }) => body?.cancel().then(() => status)),
    503,
  );
  // After the time in which signals count as one.
  await new Promise((resolve) => setTimeout(resolve, 700));
  assertEquals(await within("the end at once", gateway.stop("SIGINT")), 130);
  await call;
  await jeedom.stop();
});

Deno.test("the sandbox of Deno refuses everything that the configuration does not name", () =>
  inTempDir(async (directory) => {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const flags = permissionFlags(
      parseConfig({ HOST: "127.0.0.1", PORT: "0", METRICS_PORT: "0", MQTT_BROKER_HOST: "localhost" }),
    );
    const attempts = {
      network: `await Deno.connect({ hostname: "127.0.0.1", port: ${listener.addr.port} })`,
      "another port of the broker": `await Deno.connect({ hostname: "localhost", port: ${listener.addr.port} })`,
      internet: `await fetch("http://192.0.2.1/")`,
      read: `await Deno.readTextFile("/etc/passwd")`,
      write: `await Deno.writeTextFile("${directory}/x", "")`,
      program: `await new Deno.Command("true").output()`,
      "native library": `Deno.dlopen("libc.so.6", {})`,
      "system information": `Deno.hostname()`,
    };
    for (const [name, code] of Object.entries(attempts)) {
      await Deno.writeTextFile(`${directory}/attempt.ts`, code);
      const { code: exit, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "--quiet", ...flags, "attempt.ts"],
        cwd: directory,
      }).output();
      const text = new TextDecoder().decode(stderr);
      assert(exit !== 0 && text.includes("NotCapable"), `${name}: ${text}`);
    }
    listener.close();
  }));

Deno.test("the sandbox restricts the running gateway when its settings point elsewhere", () =>
  inTempDir(async (directory) => {
    const jeedom = startJeedom();
    const allowed = {
      HOST: "127.0.0.1",
      PORT: "0",
      METRICS_PORT: "0",
      LOG_FORMAT: "json",
      MQTT_BROKER_HOST: "localhost",
    };
    const child = spawnMain(["serve"], {
      directory,
      env: { ...allowed, JEEDOM_URL: jeedom.url },
      flags: permissionFlags(parseConfig(allowed)),
    });
    const output = new ProcessOutput(child);
    const { port } = JSON.parse(await output.line((line) => line.includes("listens on")));
    const key = (await Deno.readTextFile(`${directory}/data/secret_key.txt`)).trim();
    const client = new GatewayClient({ url: `http://127.0.0.1:${port}`, key, protocol: 2 });
    assertEquals((await assertRejects(() => client.callJeedom("ping"), FailedError)).status, 502);
    await output.line((line) => line.includes("Requires net access"));
    assertEquals(jeedom.requests.length, 0);
    child.kill("SIGTERM");
    assertEquals((await child.status).code, 0);
    await output.ended;
    await jeedom.stop();
  }));

Deno.test("deno task start serves in its sandbox, and SIGTERM ends it with 0", () =>
  inTempDir(async (directory) => {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["task", "--quiet", "start"],
      cwd: new URL("../../", import.meta.url).pathname,
      env: {
        HOST: "127.0.0.1",
        PORT: "0",
        METRICS_PORT: "0",
        LOG_FORMAT: "json",
        SECRET_KEY_FILE: `${directory}/keys/key.txt`,
        MQTT_BROKER_PORT: String(freePort()),
      },
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const output = new ProcessOutput(child);
    const { port } = JSON.parse(await output.line((line) => line.includes("listens on")));
    const response = await fetch(`http://127.0.0.1:${port}/health`);
    assertEquals((await response.json()).status, "ok");
    child.kill("SIGTERM");
    assertEquals((await within("the exit", child.status)).code, 0);
    await output.ended;
  }));

Deno.test("deno task start reports an invalid configuration and exits with 78", async () => {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", "start"],
    cwd: new URL("../../", import.meta.url).pathname,
    env: { PORT: "many" },
    stdout: "null",
    stderr: "piped",
  }).output();
  const text = new TextDecoder().decode(stderr);
  assertEquals(code, 78, text);
  assert(text.includes("PORT must be a whole number"), text);
});
