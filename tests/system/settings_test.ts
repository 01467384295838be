/** Messages of `deno task start`, in its sandbox and its own directory, about invalid settings and ports. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { within } from "../support/deadline.ts";
import { freePort } from "../support/loopback.ts";
import { inTempDir } from "../support/temp_dir.ts";
import { spawnMain, startGatewayProcess } from "../support/gateway_process.ts";
import { needing } from "../support/needs.ts";
import { HAS_OPENSSL, makeDefaultCertificate } from "../support/certificate.ts";
import { ProcessOutput } from "../support/process_output.ts";
import { copyProject } from "../support/project_copy.ts";

/** Settings without other dependencies. */
const ALONE = { HOST: "127.0.0.1", PORT: "0", METRICS_PORT: "0", LOG_FORMAT: "json" };

/** Runs a test in a fresh copy of the project. */
function inFreshProject(test: (directory: string) => Promise<void>): Promise<void> {
  return inTempDir(async (directory) => {
    await copyProject(directory);
    await test(directory);
  });
}

/** Starts a task with only the given variables. */
function spawnTask(args: readonly string[], directory: string, env: Record<string, string>) {
  const kept = ["PATH", "HOME", "DENO_DIR", "TMPDIR"].flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value] as const];
  });
  return new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", ...args],
    cwd: directory,
    clearEnv: true,
    env: { ...Object.fromEntries(kept), ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Runs a task to its end. */
async function runTask(args: readonly string[], directory: string, env: Record<string, string>) {
  const child = spawnTask(args, directory, env);
  const { code, stdout, stderr } = await within("the end", child.output());
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

Deno.test("deno task start warns once of each misspelt setting in .env and in the environment, without its value, and serves", () =>
  inFreshProject(async (directory) => {
    await Deno.writeTextFile(`${directory}/.env`, "MQTT_BROKER_PROT=hidden-1\nTS_AUTHKEY=hidden-2\nFOO=hidden-3\n");
    const env = { ...ALONE, MQTT_BROKER_PORT: String(freePort()), LOGLEVEL: "hidden-4", HOSTNAME: "hidden-5" };
    const child = spawnTask(["start"], directory, env);
    const output = new ProcessOutput(child);
    const line = await output.line((text) => text.includes("listens on"));
    assertEquals((await (await fetch(`http://127.0.0.1:${JSON.parse(line).port}/health`)).json()).status, "ok");
    child.kill("SIGTERM");
    assertEquals((await within("the end", child.status)).code, 0);
    await output.ended;
    const warnings = output.lines.filter((text) => text.includes("did you mean"));
    assertEquals(warnings.length, 2, output.text);
    const [environment = "", file = ""] = warnings;
    assertEquals(environment, "LOGLEVEL in the environment is not a setting: did you mean LOG_LEVEL?");
    assertEquals(JSON.parse(file).text, "MQTT_BROKER_PROT in .env is not a setting: did you mean MQTT_BROKER_PORT?");
    assert(!output.text.includes("hidden"), output.text);
  }));

Deno.test("serve warns of invalid lines of .env, in the log or beside other errors, without their text", () =>
  inTempDir(async (directory) => {
    await Deno.writeTextFile(`${directory}/.env`, "set MQTT_PASSWORD=hidden\n");
    const wrong = await within("the end", spawnMain(["serve"], { directory, env: { ...ALONE, PORT: "x" } }).output());
    const child = spawnMain(["serve"], { directory, env: { ...ALONE, MQTT_BROKER_PORT: String(freePort()) } });
    const output = new ProcessOutput(child);
    await output.line((text) => text.includes("listens on"));
    child.kill("SIGTERM");
    assertEquals((await within("the exit", child.status)).code, 0);
    await output.ended;
    const warning = "Line 1 of .env sets nothing, as it is not NAME=value";
    for (const text of [new TextDecoder().decode(wrong.stderr), output.text]) {
      assertStringIncludes(text, warning);
      assert(!text.includes("hidden"), text);
    }
  }));

Deno.test("deno task start reports misspelt settings beside other errors, each once", () =>
  inFreshProject(async (directory) => {
    await Deno.writeTextFile(`${directory}/.env`, "MQTT_HOST=broker\nMQTT_USERNAME=joe\n");
    const { code, stderr } = await runTask(["start"], directory, { ...ALONE, LOGLEVEL: "debug" });
    assertEquals(code, 78, stderr);
    assertEquals(stderr.match(/did you mean \w+/g), ["did you mean LOG_LEVEL", "did you mean MQTT_BROKER_HOST"]);
  }));

Deno.test("serve reports misspelt settings of .env and environment itself without a sandbox", () =>
  inTempDir(async (directory) => {
    await Deno.writeTextFile(`${directory}/.env`, "MQTT_HOST=broker\n");
    const env = { ...ALONE, PORT: "x", LOGLEVEL: "debug" };
    const { code, stderr } = await within("the end", spawnMain(["serve"], { directory, env }).output());
    assertEquals(code, 78);
    const text = new TextDecoder().decode(stderr);
    assertEquals(text.match(/did you mean \w+/g), ["did you mean LOG_LEVEL", "did you mean MQTT_BROKER_HOST"]);
  }));

Deno.test("deno task check-config reports a missing file and misspelt settings within its sandbox", () =>
  inFreshProject(async (directory) => {
    await Deno.writeTextFile(`${directory}/.env`, "TLS_CERT_FILE=no-cert.pem\nTLS_KEY_FILE=no-key.pem\n");
    const wrong = await runTask(["check-config"], directory, {});
    assertEquals(wrong.code, 78, wrong.stderr);
    assertMatch(wrong.stderr, /TLS_CERT_FILE "no-cert\.pem" cannot be read: No such file/);
    await Deno.writeTextFile(`${directory}/.env`, "MQTT_BROKER_PROT=hidden\n");
    const misspelt = await runTask(["check-config"], directory, { jeedom_apikey: "hidden" });
    assertEquals(misspelt.code, 0, misspelt.stderr);
    assertEquals(misspelt.stderr.match(/did you mean \w+/g), [
      "did you mean JEEDOM_APIKEY",
      "did you mean MQTT_BROKER_PORT",
    ]);
    assert(!(misspelt.stdout + misspelt.stderr).includes("hidden"));
  }));

for (const [name, HOST] of [["one address", "127.0.0.1"], ["all addresses", "0.0.0.0"]] as const) {
  Deno.test(`deno task start names the port in use by a gateway on ${name}, before its metrics port`, () =>
    inFreshProject(async (directory) => {
      // With a configured broker, the sandbox allows no other address of this machine.
      const broker = { MQTT_BROKER_HOST: "localhost", MQTT_BROKER_PORT: String(freePort()) };
      await using running = await gatewayOn({ HOST, ...broker });
      const { port, metricsPort } = running;
      const env = { ...ALONE, ...broker, HOST, PORT: String(port), METRICS_PORT: String(metricsPort) };
      const { code, stderr } = await runTask(["start"], directory, env);
      assertEquals(code, 1, stderr);
      assertMatch(stderr, new RegExp(`^Port ${port} is taken already: a gateway \\(version [\\d.]+\\) runs there`));
      const own = await runTask(["start"], directory, { ...env, METRICS_PORT: "off" });
      assertMatch(own.stderr, new RegExp(`^Port ${port} is taken already: a gateway`));
      const metrics = await runTask(["start"], directory, { ...env, PORT: "0" });
      assertMatch(
        metrics.stderr,
        new RegExp(`^Port ${metricsPort} is taken already: a gateway .* has its metrics there`),
      );
    }));
}

Deno.test(
  needing("deno task start recognizes a gateway with TLS on the port in use", { openssl: HAS_OPENSSL }),
  () =>
    inFreshProject(async (directory) => {
      await makeDefaultCertificate(directory, "own");
      const tls = { TLS_CERT_FILE: `${directory}/own.pem`, TLS_KEY_FILE: `${directory}/own.key` };
      await using running = await gatewayOn({ HOST: "127.0.0.1", ...tls });
      const env = { ...ALONE, ...tls, PORT: String(running.port), METRICS_PORT: String(running.metricsPort) };
      const { stderr } = await runTask(["start"], directory, env);
      assertMatch(stderr, new RegExp(`^Port ${running.port} is taken already: a gateway`));
      const plain = await runTask(["start"], directory, { ...ALONE, PORT: String(running.port) });
      assertMatch(plain.stderr, new RegExp(`^Port ${running.port} is taken already by a program that speaks TLS`));
    }),
);

/** A gateway and its ports. */
async function gatewayOn(env: Record<string, string>) {
  const gateway = await startGatewayProcess({ MQTT_BROKER_PORT: String(freePort()), ...env });
  return {
    port: Number(new URL(gateway.url).port),
    metricsPort: Number(new URL(gateway.metricsUrl ?? "").port),
    async [Symbol.asyncDispose]() {
      await gateway.stop();
    },
  };
}
