import { assertEquals, assertThrows } from "@std/assert";
import { createAddressOf, parseProxy } from "../../src/http/client_address.ts";

const addressOf = createAddressOf(["127.0.0.0/8", "::1", "10.0.0.0/8", "fd00::/8"].map(parseProxy));

Deno.test("createAddressOf() returns a direct client's own address, whatever X-Forwarded-For claims", () => {
  assertEquals(addressOf("203.0.113.9", null), "203.0.113.9");
  assertEquals(addressOf("203.0.113.9", "198.51.100.7"), "203.0.113.9");
  assertEquals(addressOf("203.0.113.9", "127.0.0.1"), "203.0.113.9");
});

Deno.test("createAddressOf() reads X-Forwarded-For of a trusted proxy from the right", () => {
  assertEquals(addressOf("127.0.0.1", "203.0.113.9"), "203.0.113.9");
  assertEquals(addressOf("127.0.0.1", "198.51.100.7, 203.0.113.9"), "203.0.113.9");
  assertEquals(addressOf("127.0.0.1", "evil, 198.51.100.7,203.0.113.9 , 10.1.2.3"), "203.0.113.9");
  assertEquals(addressOf("::ffff:127.0.0.1", "203.0.113.9"), "203.0.113.9");
});

Deno.test("createAddressOf() returns the last valid proxy when the rest of X-Forwarded-For is malformed", () => {
  for (const header of ["", ",", "unknown", "203.0.113", "203.0.113.9, garbage", "999.1.1.1", "127.1"]) {
    assertEquals(addressOf("127.0.0.1", header), "127.0.0.1", header);
  }
  assertEquals(addressOf("127.0.0.1", "203.0.113.9, nonsense, 10.1.2.3"), "10.1.2.3");
  assertEquals(addressOf("127.0.0.1", null), "127.0.0.1");
  assertEquals(addressOf("127.0.0.1", "10.0.0.1"), "10.0.0.1");
});

Deno.test("createAddressOf() removes a port that a proxy appended", () => {
  assertEquals(addressOf("127.0.0.1", "203.0.113.9:54321"), "203.0.113.9");
  assertEquals(addressOf("127.0.0.1", "[2001:db8:1:2::3]:54321"), "2001:db8:1:2::/64");
});

Deno.test("createAddressOf() returns the /64 of IPv6, and IPv4 for IPv4 in IPv6", () => {
  assertEquals(addressOf("2001:db8:1:2:3:4:5:6", null), "2001:db8:1:2::/64");
  assertEquals(addressOf("2001:DB8:1:2::1", null), "2001:db8:1:2::/64");
  assertEquals(addressOf("2001:db8:1:3::1", null), "2001:db8:1:3::/64");
  assertEquals(addressOf("::ffff:203.0.113.9", null), "203.0.113.9");
});

Deno.test("createAddressOf() trusts no proxy without a list", () => {
  assertEquals(createAddressOf([])("127.0.0.1", "203.0.113.9"), "127.0.0.1");
});

Deno.test("parseProxy() rejects text that is neither an address nor a network", () => {
  for (const text of ["", "proxy", "10", "127.1", "10.0.0.0/33", "::1/129", "10.0.0.0/", "::ffff:10.0.0.0/104", "*"]) {
    assertThrows(() => parseProxy(text), SyntaxError);
  }
});
