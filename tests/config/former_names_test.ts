import { assertEquals, assertThrows } from "@std/assert";
import { describeFormerName } from "../../src/config/former_names.ts";
import { readSettings } from "../../src/config/load.ts";
import { ConfigError, parseConfig } from "../../src/config/parse.ts";
import { SETTINGS, settingsOf } from "../../src/config/settings.ts";
import { fakePlatform } from "../support/platform.ts";

const urlOf = (...sources: readonly Record<string, string>[]) => parseConfig(...sources).redis.url?.href;

Deno.test("parseConfig() reads a setting under its former name, and prefers none of both", () => {
  const [former, now] = [{ REPLAY_REDIS_URL: "redis://host" }, { REDIS_URL: "redis://host" }];
  assertEquals(urlOf(former), "redis://host");
  assertEquals(urlOf(former, now), "redis://host");
  assertEquals(urlOf({ ...now, REPLAY_REDIS_URL: "" }), "redis://host");
  assertEquals(parseConfig({ REPLAY_REDIS_TIMEOUT_MS: "7" }).redis.timeoutMs, 7);
});

Deno.test("parseConfig() refuses two values of a setting, in one source or in two, and shows neither", () => {
  const [former, now] = [{ REPLAY_REDIS_URL: "redis://:hunter1@a" }, { REDIS_URL: "redis://:hunter2@b" }];
  for (const sources of [[{ ...former, ...now }], [former, now], [now, former]]) {
    const error = assertThrows(() => parseConfig(...sources), ConfigError);
    assertEquals(error.problems, [
      "REDIS_URL must not differ from REPLAY_REDIS_URL, its former name: remove REPLAY_REDIS_URL",
    ]);
  }
});

Deno.test("parseConfig() names an invalid setting, and its former name where that one is set", () => {
  const problemsOf = (variables: Record<string, string>) =>
    assertThrows(() => parseConfig(variables), ConfigError).problems;
  const rule = 'must be a whole number from 1 to 60000, not "x"';
  assertEquals(problemsOf({ REDIS_TIMEOUT_MS: "x" }), [`REDIS_TIMEOUT_MS ${rule}`]);
  assertEquals(problemsOf({ REPLAY_REDIS_TIMEOUT_MS: "x" }), [`REDIS_TIMEOUT_MS (REPLAY_REDIS_TIMEOUT_MS) ${rule}`]);
});

Deno.test("parseConfig() checks what is set together under former names", () => {
  const variables = { REPLAY_REDIS_URL: "rediss://host", REDIS_CA_FILE: "ca.pem" };
  assertEquals(parseConfig(variables).redis.caFile, "ca.pem");
});

Deno.test("readSettings() finds former names in both sources, and gives the sources the current ones", async () => {
  const env: Record<string, string> = { REPLAY_REDIS_URL: "redis://host" };
  const found = await readSettings(fakePlatform({
    env: (name) => env[name],
    envNames: () => Object.keys(env),
    files: { ...Deno, readTextFile: () => Promise.resolve("REPLAY_REDIS_TIMEOUT_MS=7\n") },
  }));
  assertEquals(found.formerNames.map(describeFormerName), [
    "REPLAY_REDIS_URL in the environment is called REDIS_URL now: rename it",
    "REPLAY_REDIS_TIMEOUT_MS in .env is called REDIS_TIMEOUT_MS now: rename it",
  ]);
  assertEquals(found.sources.environment["REDIS_URL"], "redis://host");
  assertEquals(found.sources.file["REDIS_TIMEOUT_MS"], "7");
  assertEquals(found.unknown, []);
});

Deno.test("no former name is the name of a setting, or of two", () => {
  const settings = settingsOf(SETTINGS);
  const former = settings.flatMap(({ formerName }) => formerName ?? []);
  assertEquals(new Set([...former, ...settings.map(({ name }) => name)]).size, former.length + settings.length);
});
