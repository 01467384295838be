import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { doctor } from "../../src/cli/doctor.ts";
import { TESTED_DENO } from "../../src/doctor/checks/setup.ts";
import { until, within } from "../support/deadline.ts";
import { fakePlatform } from "../support/platform.ts";

const noFiles = { ...Deno, readTextFile: () => Promise.reject(new Deno.errors.NotFound()) };

/** Machine without files and network. */
function machine(args: readonly string[], env: () => Record<string, string> = () => ({})) {
  const stopped = Promise.withResolvers<void>();
  const faults: string[] = [];
  const platform = fakePlatform({
    args,
    files: noFiles,
    fetch: () => Promise.reject(new TypeError("fetch failed")),
    listen: () => ({ close: () => {} }),
    env: (name) => env()[name],
    printError: (line) => void faults.push(line),
    untilStopped: () => stopped.promise,
  });
  return { platform, faults, stop: stopped.resolve };
}

Deno.test("doctor refuses an invalid command line with exit code 2, before it checks anything", async () => {
  for (
    const [args, message] of [
      [["--watch", "9"], 'must be from 10 to 86400 seconds, not "9"'],
      [["--watch=often"], 'not "often"'],
      [["--mqtt", "a/#"], '--mqtt "a/#" must not contain the wildcards'],
      [["--mqtt"], "--mqtt needs MQTT_BROKER_HOST"],
      [["--wrong"], "--wrong"],
      [["word"], "word"],
    ] as const
  ) {
    const { platform, faults } = machine(args);
    assertEquals(await doctor(platform), 2);
    assertEquals(platform.lines, []);
    assertStringIncludes(faults.join("\n"), message);
    assertStringIncludes(faults.join("\n"), "Usage: deno task doctor");
  }
});

Deno.test("doctor reports all problems of the configuration, and skips the checks that need it", async () => {
  const { platform } = machine(["--json"], () => ({ PORT: "x", JEEDOM_URL: "y", MQTT_PASSWORD: "hidden" }));
  assertEquals(await doctor(platform), 2);
  const text = platform.lines.join("\n");
  const { status, checks } = JSON.parse(text);
  const [configuration, deno, ...others] = checks;
  assertEquals([status, configuration.status, deno.status], ["failed", "failed", "ok"]);
  assertEquals(configuration.message.split("\n").length, 3);
  assertEquals(new Set(others.map((check: { status: string }) => check.status)), new Set(["skipped"]));
  assertEquals(text.includes("hidden"), false);
});

Deno.test("doctor warns of another Deno than the tested one, which is the one of the container", async () => {
  const { platform } = machine([]);
  await doctor({ ...platform, denoVersion: "2.8.1" });
  assertMatch(platform.lines.join("\n"), /warning {2}deno +Version 2\.8\.1/);
  const dockerfile = await Deno.readTextFile(new URL("../../Dockerfile", import.meta.url));
  assertMatch(dockerfile, new RegExp(`/deno:[a-z]+-${TESTED_DENO}\\.`));
});

Deno.test("doctor watches until it is stopped, and ends with the last exit code", async () => {
  const { platform, stop } = machine(["--json", "--watch"], () => ({ PORT: "x" }));
  const running = doctor(platform);
  await until("the first report", () => platform.lines.length === 1);
  stop();
  assertEquals(await within("the end", running), 2);
  assertEquals(platform.lines.map((line) => [line.split("\n").length, JSON.parse(line).status]), [[1, "failed"]]);
});

Deno.test("doctor warns of misspelt settings with the remedy, and shows no value", async () => {
  const variables = { MQTT_PASS: "hidden", HOSTNAME: "pi" };
  const { platform } = machine(["--json"], () => variables);
  await doctor({ ...platform, envNames: () => Object.keys(variables) });
  const text = platform.lines.join("\n");
  const [configuration] = JSON.parse(text).checks;
  assertEquals(configuration, {
    name: "configuration",
    status: "warning",
    message: "MQTT_PASS in the environment is not a setting: did you mean MQTT_PASSWORD?",
    remedy: "Correct or remove it, then restart the gateway",
  });
  assertEquals(text.includes("hidden"), false);
});

Deno.test("doctor reports misspelt settings after the problems", async () => {
  const variables = { MQTT_USERNAME: "joe", MQTT_HOST: "broker" };
  const { platform } = machine(["--json"], () => variables);
  assertEquals(await doctor({ ...platform, envNames: () => Object.keys(variables) }), 2);
  const [{ status, message }] = JSON.parse(platform.lines.join("\n")).checks;
  assertEquals(status, "failed");
  assertMatch(message, /^MQTT_USERNAME has no effect .*\nMQTT_HOST in the environment is not a setting: did you mean/);
});
