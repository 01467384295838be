/** Administration of keys by the operator: what it refuses, and what each change leaves as it was. */
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { getLogger } from "@logtape/logtape";
import { AdministrationError, createKeyAdministration } from "../../src/gateway/key_administration.ts";
import type { KeyRecord } from "../../src/keys/schema.ts";
import { KeyUses } from "../../src/observability/key_uses.ts";
import { randomBytes } from "../../src/protocol/bytes.ts";
import { deriveKeyId } from "../../src/protocol/secret_key.ts";
import { SERVICES } from "../../src/services/registry.ts";
import { MemoryState } from "../../src/store/state/memory_state.ts";
import { makeRecord, NOW } from "../support/gateway.ts";

const PHONE = makeRecord({ name: "phone", services: ["mqtt"], publish: ["home/#"], subscribe: ["home/#"] });

function make(given: readonly KeyRecord[] = [PHONE]) {
  let records = given;
  const now = () => NOW * 1000;
  const pairings = new MemoryState();
  const uses = new KeyUses(now);
  const admin = createKeyAdministration({
    readKeys: () => Promise.resolve({ single: undefined, records }),
    editKeys: async (change) => void (records = await change(records)),
    pairings,
    uses,
    services: SERVICES,
    now,
    random: randomBytes,
    log: getLogger("test"),
  });
  return { admin, pairings, uses, records: () => records };
}

const url = "https://home.example";

Deno.test("list() has the rights, state and last use of each key, and no secret", async () => {
  const { admin, uses } = make([PHONE, { ...PHONE, name: "old", secret: randomBytes(32), expires: NOW * 1000 }]);
  uses.record({ kid: await deriveKeyId(PHONE.secret), service: "mqtt", target: "home/a", result: "ok" });
  const { keys, usesSince } = await admin.list();
  assertEquals(usesSince, NOW * 1000);
  assertEquals(keys.map(({ name, unusable }) => [name, unusable]), [["old", "expired"], ["phone", undefined]]);
  assertEquals(keys[1]?.lastUse, { at: NOW * 1000, service: "mqtt", target: "home/a", result: "ok" });
  assertEquals(keys[1]?.rights[0], ["MQTT publish", "home/#"]);
  assert(!JSON.stringify(keys).includes(PHONE.secret.toHex()));
});

Deno.test("add() makes a link and a code, and names everything that is wrong", async () => {
  const { admin, records } = make();
  const offer = await admin.add({ name: "tablet", isPass: false, values: { publish: ["home/hall"] }, url });
  assertMatch(offer.link, /^https:\/\/home\.example\/#pair=[\w-]{22}$/);
  assertEquals((await admin.list()).pairings, [{ name: "tablet", expires: offer.expires, isReplacement: false }]);
  assertEquals(records(), [PHONE]);
  const error = await assertRejects(
    () => admin.add({ name: "phone", isPass: false, values: { publish: ["a#"], expires: "soon" }, url }),
    AdministrationError,
  );
  assertEquals(error.mistakes.length, 3);
});

Deno.test("add() refuses an unknown option, an address that is none, the name default, and a pass without rights", async () => {
  const { admin } = make();
  const refused = (request: Partial<Parameters<typeof admin.add>[0]>) =>
    assertRejects(() => admin.add({ name: "new", isPass: false, values: {}, url, ...request }), AdministrationError);
  await refused({ values: { "__proto__x": ["a"] } });
  await refused({ url: "javascript:alert(1)" });
  await refused({ name: "default" });
  await refused({ name: "a b" });
  await refused({ isPass: true });
  await refused({ isPass: true, values: { expires: "2h" } });
  assertEquals((await admin.list()).pairings, []);
});

Deno.test("add() gives a guest pass a name, if it has none", async () => {
  const { admin } = make();
  const { name } = await admin.add({ isPass: true, values: { action: ["bell"] }, url });
  assertMatch(name, /^guest-[0-9a-f]{6}$/);
});

Deno.test("change() keeps the secret and what no option names", async () => {
  const { admin, records } = make();
  await admin.change("phone", { publish: ["home/hall"], expires: "2h" });
  const [after] = records();
  assertEquals(after?.secret, PHONE.secret);
  assertEquals(after?.rights["mqtt"], { publish: ["home/hall"], subscribe: ["home/#"], brokers: [] });
  assertEquals(after?.expires, NOW * 1000 + 7_200_000);
  await admin.change("phone", { publish: [""] });
  assertEquals(records()[0]?.rights["mqtt"], { publish: [], subscribe: ["home/#"], brokers: [] });
});

Deno.test("a change that is refused leaves the file as it was", async () => {
  const { admin, records } = make();
  await assertRejects(() => admin.change("phone", { publish: ["a#"] }), AdministrationError);
  await assertRejects(() => admin.change("phone", { unknown: ["a"] }), AdministrationError);
  await assertRejects(() => admin.change("nobody", { expires: "2h" }), AdministrationError);
  await assertRejects(() => admin.change("default", { expires: "2h" }), AdministrationError);
  await assertRejects(() => admin.setDisabled("default", true), AdministrationError);
  await assertRejects(() => admin.remove("default"), AdministrationError);
  await assertRejects(() => admin.remove("nobody"), AdministrationError);
  await assertRejects(() => admin.renew("nobody", { url }), AdministrationError);
  assertEquals(records(), [PHONE]);
});

Deno.test("setDisabled() disables a key, and enables it again", async () => {
  const { admin, records } = make();
  await admin.setDisabled("phone", true);
  assertEquals(records()[0]?.disabled, true);
  assertEquals((await admin.list()).keys[0]?.unusable, "disabled");
  await admin.setDisabled("phone", false);
  assertEquals(records()[0]?.disabled, false);
});

Deno.test("remove() removes a key with the code that waits for it, and a code alone", async () => {
  const { admin, records } = make();
  await admin.renew("phone", { url });
  await admin.add({ name: "tablet", isPass: false, values: {}, url });
  await admin.remove("phone");
  assertEquals(records(), []);
  assertEquals((await admin.list()).pairings.map(({ name }) => name), ["tablet"]);
  await admin.remove("tablet");
  assertEquals((await admin.list()).pairings, []);
});
