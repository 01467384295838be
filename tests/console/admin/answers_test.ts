/** Checks of the Admin page on the answers of its gateway. */
import { assert, assertEquals } from "@std/assert";
import { getLogger } from "@logtape/logtape";
import {
  isDoctorReport,
  isDone,
  isKeyList,
  isKeyOptions,
  isPairingOffer,
  isRefusalList,
} from "../../../src/console/admin/answers.ts";
import { createKeyAdministration } from "../../../src/gateway/key_administration.ts";
import { KeyUses } from "../../../src/observability/key_uses.ts";
import { RecentRefusals } from "../../../src/observability/recent_refusals.ts";
import { randomBytes } from "../../../src/protocol/bytes.ts";
import { deriveKeyId } from "../../../src/protocol/secret_key.ts";
import { SERVICES } from "../../../src/services/registry.ts";
import { MemoryState } from "../../support/memory_state.ts";
import { EVERYDAY_RIGHTS } from "../../support/rights.ts";
import { makeRecord, NOW } from "../../support/gateway.ts";

const now = () => NOW * 1000;

/** Returns a value as it arrives in a body. */
const sent = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

async function makeAdministration() {
  const phone = makeRecord({ name: "phone", rights: EVERYDAY_RIGHTS, label: "Anna's phone", expires: now() + 1 });
  const uses = new KeyUses(now);
  uses.record({ kid: await deriveKeyId(phone.secret), service: "mqtt", target: "home/a", result: "ok" });
  return createKeyAdministration({
    readKeys: () => Promise.resolve({ single: randomBytes(32), records: [phone, makeRecord({ name: "guest" })] }),
    editKeys: () => Promise.resolve(),
    pairings: new MemoryState(),
    uses,
    findService: () => ({ readUses: () => Promise.resolve({ left: 2, of: 3 }) }),
    services: SERVICES,
    sections: { current: {} },
    now,
    random: randomBytes,
    log: getLogger("test"),
  });
}

Deno.test("the page accepts the lists, options and links of its gateway", async () => {
  const admin = await makeAdministration();
  const offer = await admin.add({ name: "tablet", isPass: false, values: {}, url: "https://home.example" });
  assert(isPairingOffer(sent(offer)));
  assert(isKeyList(sent(await admin.list())));
  assert(isKeyOptions(sent({ services: admin.options() })));
  const refusals = new RecentRefusals(() => 0);
  refusals.add("envelope", { address: "192.0.2.1" });
  assert(isRefusalList(sent({ minutes: 10, refusals: refusals.list() })));
  assert(isDoctorReport(sent({ version: "1", at: 1, results: [{ name: "keys", status: "ok", message: "Valid" }] })));
  assert(isDone(null));
});

Deno.test("the page accepts no answer of another form", async () => {
  const { keys, ...list } = await (await makeAdministration()).list();
  const [key] = keys;
  const others = [
    undefined,
    null,
    [],
    "",
    list,
    { ...list, keys: {} },
    { ...list, keys: [{ ...key, values: { publish: [1] } }] },
    { ...list, keys: [{ ...key, unusable: "gone" }] },
    { ...list, keys: [{ ...key, uses: { action: { left: "2" } } }] },
    { ...list, keys: [{ ...key, rights: [["one"]] }] },
    { ...list, keys: [{ ...key, lastUse: { at: 1 } }] },
  ];
  assertEquals(others.filter((value) => isKeyList(value)), []);
  for (const is of [isKeyOptions, isPairingOffer, isDoctorReport, isRefusalList]) assertEquals(is({}), false);
});
