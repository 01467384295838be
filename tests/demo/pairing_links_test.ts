/** Links of the demo. */
import { assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { PairingLinks } from "../../src/demo/pairing_links.ts";
import { randomBytes } from "../../src/protocol/bytes.ts";
import type { FoundPairing, Pairing } from "../../src/store/state/pairing_store.ts";

function makeLinks() {
  const added: Pairing[] = [];
  const found = new Map<string, FoundPairing>();
  const links = new PairingLinks({
    url: "http://127.0.0.1:1",
    now: () => 1_700_000_000_000,
    random: randomBytes,
    pairings: {
      addPairing(pairing) {
        added.push(pairing);
        found.set(pairing.kid, { ...pairing, isUsed: false });
        return Promise.resolve(true);
      },
      findPairing: (kid) => Promise.resolve(found.get(kid)),
    },
  });
  return { links, added, found };
}

const KEY = { name: "browser", rights: { mqtt: { subscribe: ["#"] } } };

Deno.test("create() makes a link of its own for each key, with a name of its own", async () => {
  const { links, added } = makeLinks();
  const [first, second] = [await links.create(KEY), await links.create(KEY)];
  await links.create({ name: "Visitor", rights: {}, validMs: 60_000 });
  assertMatch(first.link, /^http:\/\/127\.0\.0\.1:1\/#pair=[\w-]{22}$/);
  assertNotEquals(first.link, second.link);
  assertEquals(added.map(({ name }) => name), ["browser", "browser-2", "Visitor"]);
  const records = added.map(({ record }) => JSON.parse(record ?? ""));
  assertEquals(records.map(({ minProtocol, expires }) => [minProtocol, expires]), [
    [2, undefined],
    [2, undefined],
    [2, "2023-11-14T22:14:20.000Z"],
  ]);
});

Deno.test("isSpent() is true once the link was used or has expired", async () => {
  const { links, added, found } = makeLinks();
  const { isSpent } = await links.create(KEY);
  const [pairing] = added;
  if (pairing === undefined) throw new Error("No code was added");
  assertEquals(await isSpent(), false);
  found.set(pairing.kid, { ...pairing, isUsed: true });
  assertEquals(await isSpent(), true);
  found.clear();
  assertEquals(await isSpent(), true);
});
