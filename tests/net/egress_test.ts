import { assertEquals, assertThrows } from "@std/assert";
import { addressFault, isHostAllowed, isPublicAddress, parseHostPattern } from "../../src/net/egress.ts";

const allows = (patterns: string[], host: string, port: number) =>
  isHostAllowed(patterns.map(parseHostPattern), host, port);

Deno.test("isHostAllowed() allows nothing without patterns", () => {
  assertEquals(allows([], "localhost", 1883), false);
});

Deno.test("isHostAllowed() compares host and port", () => {
  assertEquals(allows(["broker:1883"], "broker", 1883), true);
  assertEquals(allows(["broker:1883"], "broker", 1884), false);
  assertEquals(allows(["broker"], "broker", 1884), true);
  assertEquals(allows(["broker"], "broker.evil.example", 1883), false);
  assertEquals(allows(["Broker"], "bROKER", 1883), true);
  assertEquals(allows(["[::1]:1883"], "::1", 1883), true);
});

Deno.test("isHostAllowed() allows subdomains with *.domain, not the domain or look-alikes", () => {
  assertEquals(allows(["*.lan"], "broker.lan", 1), true);
  assertEquals(allows(["*.lan"], "lan", 1), false);
  assertEquals(allows(["*.lan"], "evil-lan", 1), false);
  assertEquals(allows(["*.lan:5"], "broker.lan", 1), false);
});

Deno.test("isHostAllowed() allows every host with *, as the original gateway does", () => {
  assertEquals(allows(["*"], "192.0.2.1", 9), true);
  assertEquals(allows(["*:1883"], "192.0.2.1", 9), false);
});

Deno.test("parseHostPattern() rejects ambiguous texts", () => {
  for (const text of ["", "a b", "mqtt://a", "a:0", "a:65536", "a:b", "a*", "*a", "**", "a:1:2", "*.*", "-a", "::1"]) {
    assertThrows(() => parseHostPattern(text), SyntaxError);
  }
});

Deno.test("isHostAllowed() allows the addresses in a network, and no names", () => {
  assertEquals(allows(["10.0.0.0/8:1883"], "10.200.1.1", 1883), true);
  assertEquals(allows(["10.0.0.0/8:1883"], "10.200.1.1", 1884), false);
  assertEquals(allows(["10.0.0.0/8"], "11.0.0.1", 1883), false);
  assertEquals(allows(["10.0.0.0/8"], "10.example", 1883), false);
  assertEquals(allows(["[fd00::/8]:1883"], "fd12::1", 1883), true);
  assertEquals(allows(["[fd00::/8]"], "fe00::1", 1883), false);
  assertEquals(allows(["10.0.0.0/8"], "::ffff:10.0.0.1", 1883), true);
});

Deno.test("isHostAllowed() recognizes an address in every spelling", () => {
  assertEquals(allows(["[::1]"], "0:0:0:0:0:0:0:1", 1), true);
  assertEquals(allows(["192.0.2.1"], "::ffff:192.0.2.1", 1), true);
  assertEquals(allows(["192.0.2.1"], "192.0.2.01", 1), false);
});

Deno.test("parseHostPattern() rejects invalid networks", () => {
  for (const text of ["10.0.0.0/33", "10.0.0/8", "[fd00::/129]", "fd00::/8", "host/8", "10.0.0.0/", "[::1"]) {
    assertThrows(() => parseHostPattern(text), SyntaxError);
  }
});

Deno.test("addressFault() finds link-local and metadata addresses in every spelling", () => {
  const refused = [
    "169.254.169.254",
    "169.254.0.1",
    "::ffff:169.254.169.254",
    "::ffff:a9fe:a9fe",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
    "fe80::1",
    "fe80::1%eth0",
    "FD00:EC2::254",
    "fd20:ce::254",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "0.0.0.0",
    "0.0.0.1",
    "::",
    "255.255.255.255",
    "224.0.0.1",
    "ff02::1",
    "",
    "localhost",
    "127.1",
    "2852039166",
  ];
  for (const address of refused) assertEquals(typeof addressFault(address), "string", address);
});

Deno.test("addressFault() accepts addresses of a home network", () => {
  for (const address of ["127.0.0.1", "::1", "192.168.1.91", "10.0.0.1", "172.17.0.1", "fd12::1", "2001:db9::1"]) {
    assertEquals(addressFault(address), undefined, address);
  }
});

Deno.test("isPublicAddress() tells the public network from every other, also behind a translation", () => {
  const inside = ["10.0.0.1", "127.0.0.1", "100.64.0.1", "169.254.0.1", "0.0.0.0", "fd00::1", "::1", "64:ff9b::a00:1"];
  for (const address of [...inside, "::ffff:192.168.1.1", "2002:a00:1::", "home.example", ""]) {
    assertEquals(isPublicAddress(address), false, address);
  }
  for (const address of ["142.250.0.1", "::ffff:142.250.0.1", "2a00:1450:4001::1", "64:ff9b::8efa:1"]) {
    assertEquals(isPublicAddress(address), true, address);
  }
});
