import { assertEquals, assertRejects } from "@std/assert";
import { type Home, homeAddress, homeId } from "../../../src/console/homes/home.ts";
import { HomeStore } from "../../../src/console/homes/home_store.ts";
import { makeStorage } from "../support/storage.ts";

function makeStore(refuse?: (value: unknown) => boolean) {
  const { values, storage } = makeStorage(refuse);
  return { values, storage, homes: new HomeStore(storage) };
}

async function makeHome(base: string, pairedAt: number): Promise<Home> {
  const key = await crypto.subtle.importKey("raw", new Uint8Array(32), "HKDF", false, ["deriveKey"]);
  return { base, kid: "0123456789abcdef", name: "phone", key, pairedAt };
}

Deno.test("HomeStore lists the homes in the order of pairing, and leaves out what is malformed", async () => {
  const { values, homes } = makeStore();
  const [first, second] = [await makeHome("https://a.example", 1), await makeHome("https://a.example/two", 2)];
  await homes.save(second);
  await homes.save(first);
  for (const value of [null, 1, {}, { ...first, key: "0".repeat(64) }, { ...first, expiresAt: "soon" }]) {
    values.set(`home/${values.size}`, value);
  }
  assertEquals(await homes.list(), [first, second]);
});

Deno.test("HomeStore.forget() deletes a home and all that is kept for it, and nothing of another", async () => {
  const { values, storage, homes } = makeStore();
  const [one, other] = [await makeHome("https://a.example", 1), await makeHome("https://b.example", 2)];
  for (const home of [one, other]) {
    await homes.save(home);
    await homes.remember(home, "pins", []);
    await homes.remember(home, "seen", {});
    await homes.remember(home, "actions", {});
    await homes.remember(home, "series", {});
  }
  await homes.prefer("current", homeId(one));
  await homes.forget(one);
  assertEquals(await homes.preference("current"), undefined);
  // An answer that was under way, here and in another tab.
  await homes.remember(one, "actions", {});
  await new HomeStore(storage).remember(one, "seen", {});
  assertEquals([...values.keys()].filter((key) => key.includes("a.example")), []);
  assertEquals([...values.keys()].filter((key) => key.includes("b.example")).length, 5);
});

Deno.test("HomeStore.checkKeys() rejects when the browser keeps no keys, and leaves nothing behind", async () => {
  const { values, homes } = makeStore();
  await homes.checkKeys();
  assertEquals(values.size, 0);
  const refusing = makeStore((value) => value instanceof CryptoKey);
  await assertRejects(() => refusing.homes.checkKeys());
});

Deno.test("homeId() differs for other addresses and other keys; homeAddress() is readable", () => {
  const ids = [["https://a", "1"], ["https://a", "2"], ["https://a/b", "1"]].map(([base = "", kid = ""]) =>
    homeId({ base, kid })
  );
  assertEquals(new Set(ids).size, 3);
  assertEquals(homeAddress({ base: "https://home.example/prefix" }), "home.example/prefix");
});
