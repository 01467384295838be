/** Output and exit codes of `check-config`. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { CHECK_CONFIG_LINE, checkConfig } from "../../src/cli/check_config.ts";
import { runCommand } from "../../src/cli/commands.ts";
import type { Platform } from "../../src/platform.ts";
import { SETTING_NAMES } from "../../src/config/settings.ts";
import { needing } from "../support/needs.ts";
import { fakePlatform } from "../support/platform.ts";
import { HAS_OPENSSL, makeDefaultCertificate } from "../support/certificate.ts";
import { inTempDir } from "../support/temp_dir.ts";

/** Runs the command with variables, an `.env` and arguments. */
async function run(variables: Record<string, string>, file = "", args: readonly string[] = []) {
  const errors: string[] = [];
  const files: Platform["files"] = {
    ...Deno,
    readTextFile: (path) => path === ".env" ? Promise.resolve(file) : Deno.readTextFile(path),
  };
  const platform = fakePlatform({
    args,
    files,
    env: (name) => variables[name],
    envNames: () => Object.keys(variables),
    printError: (line) => void errors.push(line),
  });
  const code = await runCommand({ line: CHECK_CONFIG_LINE, run: checkConfig }, platform);
  return { code, lines: platform.lines, errors };
}

Deno.test("checkConfig() shows changed settings with source and default, and counts the others", async () => {
  const { code, lines, errors } = await run(
    { LOG_LEVEL: "debug", HOST: "" },
    "MAX_AGE_SECONDS=10\nPORT=10000\nJEEDOM_APIKEY=hidden\nPUBLIC_URL=https://gate.example\n",
  );
  assertEquals(code, 0);
  assertEquals(errors, []);
  assertEquals(lines, [
    "PORT=10000  # .env, the default",
    "PUBLIC_URL=https://gate.example/  # .env",
    "JEEDOM_APIKEY=********  # .env",
    "MAX_AGE_SECONDS=10  # .env, default 60",
    "LOG_LEVEL=debug  # environment, default info",
    `${SETTING_NAMES.length - 5} settings have their defaults; --all shows them.`,
    "The configuration is valid.",
  ]);
});

Deno.test("checkConfig() shows a setting under its name of today, and warns of the former one", async () => {
  const { code, lines, errors } = await run({}, "REPLAY_REDIS_TIMEOUT_MS=7\n");
  assertEquals(code, 0);
  assertEquals(lines[0], "REDIS_TIMEOUT_MS=7  # .env, default 1000");
  assertEquals(errors, ["Warning: REPLAY_REDIS_TIMEOUT_MS in .env is called REDIS_TIMEOUT_MS now: rename it"]);
});

Deno.test("checkConfig() shows a default that another setting changed", async () => {
  const { lines } = await run({ MQTT_BROKER_HOST: "broker", MQTT_PROTOCOL: "mqtts" });
  assertEquals(lines.slice(0, 3), [
    "MQTT_BROKER_HOST=broker  # environment",
    "MQTT_BROKER_PORT=8883  # default",
    "MQTT_PROTOCOL=mqtts  # environment",
  ]);
});

Deno.test("checkConfig() shows every setting with --all, and hides none", async () => {
  const { code, lines } = await run({ PORT: "1" }, "", ["--all"]);
  assertEquals(code, 0);
  const names = lines.filter((line) => line.includes("  # ")).map((line) => line.split("=")[0]);
  assertEquals(names, SETTING_NAMES);
  assertEquals(lines.at(-1), "The configuration is valid.");
  assertEquals(lines.length, names.length + 1);
});

Deno.test("checkConfig() refuses unknown arguments before it reads anything", async () => {
  const { code, lines, errors } = await run({ PORT: "x" }, "", ["--every"]);
  assertEquals([code, lines], [2, []]);
  assertStringIncludes(errors.join("\n"), "Usage: deno task check-config");
  assertEquals(errors.join("\n").includes("PORT"), false);
});

Deno.test("checkConfig() warns of misspelt names in .env and in the environment, without values, and ends with 0", async () => {
  const { code, errors, lines } = await run(
    { MQTT_PASS: "hidden-1", HOSTNAME: "pi", PATH: "/bin" },
    "MQTT_BROKER_PROT=hidden-2\nTS_AUTHKEY=hidden-3\nFOO=hidden-4\n",
  );
  assertEquals(code, 0);
  assertEquals(errors, [
    "Warning: MQTT_PASS in the environment is not a setting: did you mean MQTT_PASSWORD?",
    "Warning: MQTT_BROKER_PROT in .env is not a setting: did you mean MQTT_BROKER_PORT?",
    "Warning: FOO in .env has no effect on the gateway, which has no such setting",
  ]);
  assertEquals([...errors, ...lines].join("\n").includes("hidden"), false);
});

Deno.test("checkConfig() warns of lines of .env that set nothing, without showing them, also with other problems", async () => {
  const right = await run({}, "PORT=1\nMQTT_PASSWORD hidden\n");
  assertEquals([right.code, right.errors], [0, ["Warning: Line 2 of .env sets nothing, as it is not NAME=value"]]);
  const wrong = await run({}, "set MQTT_BROKER_HOST=hidden\nMQTT_USERNAME=joe\n");
  assertEquals([wrong.code, wrong.errors.at(-1)], [78, "  Line 1 of .env sets nothing, as it is not NAME=value"]);
  assertEquals(
    [right, wrong].flatMap(({ errors, lines }) => [...errors, ...lines]).join("\n").includes("hidden"),
    false,
  );
});

Deno.test("checkConfig() reports misspelt names with the problems, as they are often the cause", async () => {
  const { code, errors } = await run({}, "MQTT_HOST=broker\nMQTT_USERNAME=joe\n");
  assertEquals(code, 78);
  assertEquals(errors.slice(1), [
    "  MQTT_USERNAME has no effect without MQTT_BROKER_HOST: the embedded broker has no logins and no TLS",
    "  MQTT_HOST in .env is not a setting: did you mean MQTT_BROKER_HOST?",
  ]);
});

Deno.test(
  needing("checkConfig() reports every file that is missing or that a start would reject", { openssl: HAS_OPENSSL }),
  () =>
    inTempDir(async (directory) => {
      const pair = { TLS_CERT_FILE: `${directory}/own.pem`, TLS_KEY_FILE: `${directory}/own.key` };
      await makeDefaultCertificate(directory, "own");
      await makeDefaultCertificate(directory, "other");
      assertEquals((await run(pair)).code, 0);
      const jeedom = { JEEDOM_URL: "https://jeedom.lan", JEEDOM_CA_FILE: `${directory}/own.key` };
      const broker = { MQTT_BROKER_HOST: "b", MQTT_PROTOCOL: "mqtts", MQTT_CA_FILE: `${directory}/none` };
      const { code, errors } = await run({
        ...pair,
        TLS_KEY_FILE: `${directory}/other.key`,
        ...jeedom,
        ...broker,
      });
      assertEquals(code, 78);
      const text = errors.join("\n");
      for (
        const fault of [
          `TLS_KEY_FILE "${directory}/other.key" is not the key of the certificate`,
          `JEEDOM_CA_FILE "${directory}/own.key" is of no use`,
          `MQTT_CA_FILE "${directory}/none" cannot be read`,
        ]
      ) assertStringIncludes(text, fault);
    }),
);

Deno.test("checkConfig() warns of a services file that a setting names and that does not exist", async () => {
  const { code, errors } = await run({ SERVICES_FILE: "missing.yaml" });
  assertEquals([code, errors], [0, ['Warning: SERVICES_FILE: there is no file "missing.yaml"']]);
});

Deno.test("checkConfig() refuses an action that its service can never run, once the settings are valid", () =>
  inTempDir(async (directory) => {
    const path = `${directory}/services.yaml`;
    await Deno.writeTextFile(path, "actions: { lamp: { label: Lamp, homeAssistant: { call: light.turn_on } } }");
    const fault = `${path}: actions.lamp.homeAssistant cannot run: Home Assistant is not configured: set`;
    const { code, errors } = await run({ SERVICES_FILE: path });
    assertEquals(code, 78);
    assertStringIncludes(errors.join("\n"), fault);
    const invalid = await run({ SERVICES_FILE: path, PORT: "x" });
    assertEquals([invalid.code, invalid.errors.join("\n").includes(fault)], [78, false]);
  }));
