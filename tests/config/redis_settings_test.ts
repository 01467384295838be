import { assertEquals } from "@std/assert";
import { ConfigError, parseConfig } from "../../src/config/parse.ts";
import type { Variables } from "../../src/config/rules.ts";

function problemsOf(variables: Variables): readonly string[] {
  try {
    parseConfig(variables);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

Deno.test("parseConfig() refuses settings of Redis that have no effect, and halves of a pair", () => {
  const files = { REDIS_CERT_FILE: "c.pem", REDIS_KEY_FILE: "k.pem", REDIS_CA_FILE: "ca.pem" };
  assertEquals(problemsOf({ ...files, REDIS_URL: "rediss://host" }), []);
  assertEquals(problemsOf({ ...files, REDIS_URL: "redis+cluster://host" }), [
    "REDIS_CA_FILE has no effect without TLS: begin REDIS_URL with rediss",
    "REDIS_CERT_FILE has no effect without TLS: begin REDIS_URL with rediss",
  ]);
  assertEquals(problemsOf({ REDIS_URL: "rediss://host", REDIS_CERT_FILE: "c.pem" }), [
    "REDIS_KEY_FILE must be set together with REDIS_CERT_FILE",
  ]);
  assertEquals(problemsOf({ REDIS_URL: "redis+sentinel://a/b", REDIS_SENTINEL_USERNAME: "ann" }), [
    "REDIS_SENTINEL_PASSWORD must be set together with REDIS_SENTINEL_USERNAME",
  ]);
  assertEquals(problemsOf({ REDIS_URL: "redis://host", REDIS_SENTINEL_PASSWORD: "x", REDIS_NODES: "10.0.0.0/8" }), [
    "REDIS_SENTINEL_PASSWORD has no effect without sentinels: begin REDIS_URL with redis+sentinel",
    "REDIS_NODES has no effect without sentinels or a cluster: begin REDIS_URL with redis+sentinel or redis+cluster",
  ]);
});

Deno.test("parseConfig() never shows the password of the sentinels", () => {
  const problems = problemsOf({ REDIS_SENTINEL_PASSWORD: "hunter2" });
  assertEquals(problems.length, 1);
  assertEquals(problems.join().includes("hunter2"), false);
});
