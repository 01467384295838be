import { assertEquals, assertThrows } from "@std/assert";
import { isBrokerAllowed, parseBrokerPattern } from "../../src/security/egress.ts";

const allows = (patterns: string[], host: string, port: number) =>
  isBrokerAllowed(patterns.map(parseBrokerPattern), host, port);

Deno.test("isBrokerAllowed() allows nothing without patterns", () => {
  assertEquals(allows([], "localhost", 1883), false);
});

Deno.test("isBrokerAllowed() compares host and port", () => {
  assertEquals(allows(["broker:1883"], "broker", 1883), true);
  assertEquals(allows(["broker:1883"], "broker", 1884), false);
  assertEquals(allows(["broker"], "broker", 1884), true);
  assertEquals(allows(["broker"], "broker.evil.example", 1883), false);
  assertEquals(allows(["Broker"], "bROKER", 1883), true);
  assertEquals(allows(["[::1]:1883"], "::1", 1883), true);
});

Deno.test("isBrokerAllowed() takes *.domain for hosts below it, not for the domain or its look-alikes", () => {
  assertEquals(allows(["*.lan"], "broker.lan", 1), true);
  assertEquals(allows(["*.lan"], "lan", 1), false);
  assertEquals(allows(["*.lan"], "evil-lan", 1), false);
  assertEquals(allows(["*.lan:5"], "broker.lan", 1), false);
});

Deno.test("isBrokerAllowed() takes * for the seed's open behaviour", () => {
  assertEquals(allows(["*"], "192.0.2.1", 9), true);
  assertEquals(allows(["*:1883"], "192.0.2.1", 9), false);
});

Deno.test("parseBrokerPattern() refuses what it would misread", () => {
  for (const text of ["", "a b", "mqtt://a", "a:0", "a:65536", "a:b", "a*", "*a", "**", "a:1:2", "*.*", "-a", "::1"]) {
    assertThrows(() => parseBrokerPattern(text), SyntaxError);
  }
});
