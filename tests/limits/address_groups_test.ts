import { assert, assertEquals } from "@std/assert";
import { createAddressOf } from "../../src/http/client_address.ts";

function makeAddressOf() {
  const clock = { ms: 0 };
  const addressOf = createAddressOf([], { monotonic: () => clock.ms });
  return { clock, addressOf: (peer: string) => addressOf(peer, null) };
}

const hex = (number: number) => number.toString(16);

/** Returns the ids that a number of addresses, one after another, are counted as. */
function countedAs(addressOf: (peer: string) => string, addresses: Iterable<string>): Set<string> {
  return new Set(Array.from(addresses, addressOf));
}

function* ipv6Within48(prefix: string, count: number): Generator<string> {
  for (let index = 0; index < count; index++) yield `${prefix}:${hex(index)}::1`;
}

Deno.test("find() counts IPv6 by /64, until its /56 has sixteen of them", () => {
  const { addressOf } = makeAddressOf();
  const ids = countedAs(addressOf, ipv6Within48("2001:db8:1", 256));
  assertEquals(ids.size, 17);
  assert(ids.has("2001:db8:1::/64") && ids.has("2001:db8:1:f::/64") && ids.has("2001:db8:1::/56"));
});

Deno.test("find() counts a /48 with 65,536 networks as some dozens", () => {
  const { addressOf } = makeAddressOf();
  const ids = countedAs(addressOf, ipv6Within48("2001:db8:1", 65_536));
  assert(ids.size <= 65, `${ids.size} counts`);
  assert(ids.has("2001:db8:1::/48"));
  assertEquals(addressOf("2001:db8:2::1"), "2001:db8:2::/64", "Another household");
});

Deno.test("find() counts an address from before its network was full separately, as long as it is active", () => {
  const { clock, addressOf } = makeAddressOf();
  const phone = "2001:db8:1:7777::1";
  assertEquals(addressOf(phone), "2001:db8:1:7777::/64");
  for (let minute = 0; minute < 10; minute++) {
    countedAs(addressOf, ipv6Within48("2001:db8:1", 1000));
    clock.ms += 59_000;
    assertEquals(addressOf(phone), "2001:db8:1:7777::/64");
  }
  clock.ms += 121_000;
  countedAs(addressOf, ipv6Within48("2001:db8:1", 1000));
  assertEquals(addressOf(phone), "2001:db8:1::/48", "Active again after its network had filled up");
});

Deno.test("find() counts addresses of a network separately again after two idle minutes", () => {
  const { clock, addressOf } = makeAddressOf();
  countedAs(addressOf, ipv6Within48("2001:db8:1", 1000));
  assertEquals(addressOf("2001:db8:1:9999::1"), "2001:db8:1::/48");
  clock.ms += 60_000;
  addressOf("192.0.2.1");
  clock.ms += 60_000;
  assertEquals(addressOf("2001:db8:1:9999::1"), "2001:db8:1:9999::/64");
});

Deno.test("find() counts 250,000 addresses of IPv4 as at most eight thousand, and earlier ones separately", () => {
  const { addressOf } = makeAddressOf();
  assertEquals(addressOf("198.51.100.7"), "198.51.100.7");
  const ids = new Set<string>();
  for (let a = 11; a < 26; a++) {
    for (let b = 0; b < 256; b++) {
      for (let host = 0; host < 64; host++) ids.add(addressOf(`${a}.${b}.${host}.${host}`));
    }
  }
  assert(ids.size <= 8001, `${ids.size} counts`);
  assertEquals(addressOf("198.51.100.7"), "198.51.100.7");
  assertEquals(addressOf("203.0.113.5"), "203.0.0.0/16", "A newcomer shares with its neighbours only");
});

Deno.test("find() counts addresses of thousands of networks together, and removes all when they are idle", () => {
  const { clock, addressOf } = makeAddressOf();
  const ids = new Set<string>();
  for (let index = 0; index < 10_000; index++) ids.add(addressOf(`2${hex(index).padStart(3, "0")}:${hex(index)}::1`));
  assert(ids.size === 8001 && ids.has("others"), `${ids.size} counts`);
  clock.ms += 60_000;
  addressOf("192.0.2.1");
  clock.ms += 60_000;
  assertEquals(addressOf("2001:db8:1:1::1"), "2001:db8:1:1::/64");
});
