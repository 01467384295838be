/** Administration of keys by the operator: what it refuses, and what each change leaves as it was. */
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { getLogger } from "@logtape/logtape";
import {
  AdministrationError,
  createKeyAdministration,
  type KeyChangeRequest,
} from "../../src/gateway/key_administration.ts";
import type { KeyRecord } from "../../src/keys/schema.ts";
import { KeyUses } from "../../src/observability/key_uses.ts";
import { randomBytes } from "../../src/protocol/bytes.ts";
import { deriveKeyId } from "../../src/protocol/secret_key.ts";
import { SERVICES } from "../../src/services/registry.ts";
import { MemoryState } from "../support/memory_state.ts";
import { makeRecord, NOW } from "../support/gateway.ts";

const SECTION = {
  bell: { label: "Ring the bell", publish: { topic: "home/bell", message: "ring" } },
  gate: { label: "Open the gate", publish: { topic: "home/gate", message: "open" } },
};

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
    findService: (name) =>
      name === "action"
        ? {
          readUses: ({ key, keyCreated, scope }) =>
            Promise.resolve(
              key === "plumber" && keyCreated > 0 && scope.useService("action") ? { left: 2, of: 3 } : undefined,
            ),
        }
        : undefined,
    services: SERVICES,
    sections: { current: { actions: SECTION } },
    now,
    random: randomBytes,
    log: getLogger("test"),
  });
  /** Changes a key as it is now. */
  async function change(name: string, values: KeyChangeRequest["values"]): Promise<void> {
    const { keys } = await admin.list();
    await admin.change(name, { version: keys.find((key) => key.name === name)?.version ?? "", values });
  }
  return { admin, change, pairings, uses, records: () => records };
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

Deno.test("list() has the runs that are left of a guest pass", async () => {
  const guest = { ...PHONE, name: "plumber", rights: { action: { actions: ["gate"], uses: 3 } }, created: NOW * 1000 };
  const { admin } = make([PHONE, guest]);
  const { keys } = await admin.list();
  assertEquals(keys.map(({ name, uses }) => [name, uses]), [["phone", {}], ["plumber", {
    action: { left: 2, of: 3 },
  }]]);
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
  const { change, records } = make();
  await change("phone", { publish: ["home/hall"], expires: "2h" });
  const [after] = records();
  assertEquals(after?.secret, PHONE.secret);
  assertEquals(after?.rights["mqtt"], { publish: ["home/hall"], subscribe: ["home/#"], brokers: [] });
  assertEquals(after?.expires, NOW * 1000 + 7_200_000);
  await change("phone", { publish: [""] });
  assertEquals(records()[0]?.rights["mqtt"], { publish: [], subscribe: ["home/#"], brokers: [] });
});

Deno.test("a change that is refused leaves the file as it was", async () => {
  const { admin, change, records } = make();
  await assertRejects(() => change("phone", { publish: ["a#"] }), AdministrationError);
  await assertRejects(() => change("phone", { unknown: ["a"] }), AdministrationError);
  await assertRejects(() => change("nobody", { expires: "2h" }), AdministrationError);
  await assertRejects(() => change("default", { expires: "2h" }), AdministrationError);
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

Deno.test("change() refuses a key that was changed since it was listed, such as in another tab or by hand", async () => {
  const { admin, change, records } = make();
  const [seen] = (await admin.list()).keys;
  await change("phone", { publish: ["home/hall"] });
  const error = await assertRejects(
    () => admin.change("phone", { version: seen?.version ?? "", values: { publish: ["home/#", "garden/#"] } }),
    AdministrationError,
  );
  assertEquals(error.message, 'Key "phone" was changed meanwhile: look at it again, then change it');
  assertEquals(records()[0]?.rights["mqtt"]?.["publish"], ["home/hall"]);
});

Deno.test("a key disabled meanwhile can be changed, and stays disabled", async () => {
  const { admin, records } = make();
  const [seen] = (await admin.list()).keys;
  await admin.setDisabled("phone", true);
  await admin.change("phone", { version: seen?.version ?? "", values: { expires: "2h" } });
  assertEquals([records()[0]?.disabled, records()[0]?.expires], [true, NOW * 1000 + 7_200_000]);
});

Deno.test("an option with a value of another type is refused, so that no limit is overlooked", async () => {
  const { admin } = make();
  for (
    const values of [
      { action: ["bell"], uses: ["3"] },
      { action: "bell" },
      { action: [3] },
      { action: ["bell"], "own-apikey": "yes" },
      { action: ["bell"], uses: true },
    ]
  ) {
    const error = await assertRejects(
      () => admin.add({ name: "new", isPass: true, values, url }),
      AdministrationError,
    );
    assertMatch(error.message, /^Option [\w-]+ has a value of the wrong type$/);
  }
  assertEquals((await admin.list()).pairings, []);
});

Deno.test("list() has the rights of a key as values of options, which change nothing when they are sent back", async () => {
  const record = makeRecord({
    name: "phone",
    rights: {
      jeedom: { methods: ["cmd::*"], refusedMethods: [], commands: [12], endpoints: [], ownApikey: false },
      mqtt: { publish: ["home/#"], subscribe: [], brokers: [] },
      action: { actions: ["gate*", "gone"], uses: 3 },
    },
  });
  const { admin, change, records } = make([record]);
  const values = (await admin.list()).keys[0]?.values ?? {};
  assertEquals(values, {
    method: ["cmd::*"],
    "refuse-method": [],
    command: ["12"],
    scenario: [],
    endpoint: [],
    publish: ["home/#"],
    subscribe: [],
    broker: [],
    action: ["gate*", "gone"],
    uses: "3",
  });
  await change("phone", { publish: ["home/hall"] });
  assertEquals(records()[0]?.rights, {
    ...record.rights,
    mqtt: { publish: ["home/hall"], subscribe: [], brokers: [] },
  });
});

Deno.test("options() has the entries of the services file to choose from", () => {
  const { admin } = make();
  const choices = Object.assign({}, ...admin.options().map(({ choices }) => choices));
  assertEquals(choices, {
    action: [{ value: "bell", label: "Ring the bell" }, { value: "gate", label: "Open the gate" }],
    "http-target": [],
    query: [],
    "write-series": [],
  });
});

Deno.test("renew() of a key that waits for its device makes another link, with the same rights and limits", async () => {
  const { admin, pairings } = make();
  const first = await admin.add({ isPass: true, name: "plumber", values: { action: ["bell"], uses: "3" }, url });
  const [before] = await pairings.listPairings(NOW * 1000);
  const second = await admin.renew("plumber", { url });
  assert(second.link !== first.link);
  const after = await pairings.listPairings(NOW * 1000);
  assertEquals(after.map(({ name, record }) => [name, record]), [["plumber", before?.record]]);
});
