import { assertEquals, assertThrows } from "@std/assert";
import * as fc from "fast-check";
import { RequestTable } from "../../src/store/request_table.ts";

interface Owner {
  readonly number: number;
}

const HASH_KEY = [1, 2] as const;
const OWNER: Owner = { number: 0 };

function bytesOf(number: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  new DataView(bytes.buffer).setUint32(length - 4, number);
  return bytes;
}

function request(number: number, { owner = OWNER, length = 12 } = {}) {
  const [nonce, tag] = [bytesOf(number, length), bytesOf(number, 16)];
  return { owner, nonce, tag, timestamp: number, expires: number + 0.5, outcome: `${number}` };
}

Deno.test("find() returns what was added last with this nonce and not removed since, as a list does", () => {
  const owners = [{ number: 0 }, { number: 7 }];
  const step = fc.record({ owner: fc.constantFrom(...owners), nonce: fc.nat({ max: 30 }), removes: fc.boolean() });
  fc.assert(fc.property(fc.array(step, { maxLength: 150, size: "max" }), (steps) => {
    // As few buckets as possible, so that their chains are long.
    const table = new RequestTable<Owner, string>(20, HASH_KEY);
    const list: { readonly owner: Owner; readonly nonce: number; readonly position: number }[] = [];
    for (const { owner, nonce, removes } of steps) {
      const found = table.find(owner, bytesOf(nonce, 16));
      assertEquals(found, list.find((one) => one.owner === owner && one.nonce === nonce)?.position);
      if (removes || list.length === 20) {
        const removed = list.shift();
        table.removeFirst();
        if (removed !== undefined) assertEquals(table.has(removed.position), false);
      } else if (found === undefined) {
        list.push({ owner, nonce, position: table.add(request(nonce, { owner, length: 16 })) });
      }
      assertEquals(table.size, list.length);
      for (const { position } of list) assertEquals(table.has(position), true);
    }
  }));
});

for (const first of [0, -1024, 2 ** 31 - 1024]) {
  Deno.test(`a table finds all its requests and none that was removed, over many chunks from position ${first}`, () => {
    const table = new RequestTable<Owner, string>(5000, HASH_KEY, first);
    let removed = 0;
    for (let number = 0; number < 20_000; number++) {
      if (table.size === 5000 || number % 7 === 0 && table.size > 3000) {
        assertEquals(table.timestampOf(table.first), removed);
        table.removeFirst();
        removed += 1;
      }
      table.add(request(number));
      if (number % 500 > 0) continue;
      for (let sample = Math.max(0, removed - 100); sample <= number; sample += 37) {
        const position = table.find(OWNER, bytesOf(sample, 12));
        assertEquals(position === undefined, sample < removed, `Request ${sample} of ${removed} to ${number}`);
        if (position !== undefined) {
          assertEquals([table.outcomeOf(position), table.expiryOf(position)], [`${sample}`, sample + 0.5]);
        }
      }
    }
  });
}

Deno.test("find() tells nonces of different lengths and owners apart", () => {
  const table = new RequestTable<Owner, string>(10, HASH_KEY);
  const other = { number: 0 };
  const zeros = table.add(request(0));
  assertEquals(table.find(OWNER, new Uint8Array(12)), zeros);
  assertEquals(table.find(OWNER, new Uint8Array(16)), undefined);
  assertEquals(table.find(OWNER, new Uint8Array(17)), undefined);
  assertEquals(table.find(other, new Uint8Array(12)), undefined, "Another owner, though of the same number");
});

Deno.test("hasTag() compares all bytes of the tag", () => {
  const table = new RequestTable<Owner, string>(10, HASH_KEY);
  table.add(request(1));
  const position = table.add(request(0x01020304));
  assertEquals(table.hasTag(position, bytesOf(0x01020304, 16)), true);
  for (const wrong of [bytesOf(0x01020305, 16), bytesOf(0x01020304, 12), new Uint8Array(0)]) {
    assertEquals(table.hasTag(position, wrong), false);
  }
});

Deno.test("add() throws when the table is full, and for other lengths, and adds nothing", () => {
  const table = new RequestTable<Owner, string>(1, HASH_KEY);
  assertThrows(() => table.add({ ...request(1), tag: new Uint8Array(15) }), RangeError, "Tag of 15 bytes");
  assertThrows(() => table.add({ ...request(1), nonce: new Uint8Array(17) }), RangeError, "Nonce of 17 bytes");
  assertEquals(table.size, 0);
  table.add(request(1));
  assertThrows(() => table.add(request(2)), RangeError, "More than 1 requests");
});

Deno.test("removeFirst() leaves an empty table as it is", () => {
  const table = new RequestTable<Owner, string>(1, HASH_KEY);
  table.removeFirst();
  assertEquals(table.size, 0);
});
