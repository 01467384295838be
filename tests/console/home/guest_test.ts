/** Recognition of a guest pass. */
import { assertEquals } from "@std/assert";
import { isGuest } from "../../../src/console/screens/home/guest/guest.ts";

const action = (name: string) => ({ name, label: name, coolDownMs: 0, params: [] });

const DEVICE = { name: "plumber", kid: "00", rights: {}, summary: [], services: ["action"], isDefault: false };

const USES = { left: 2, of: 3 };

Deno.test("a limited key for actions alone is a guest pass, also once its runs are used up", () => {
  assertEquals(isGuest(DEVICE, { actions: [action("gate")], uses: USES }), true);
  assertEquals(isGuest(DEVICE, { actions: [action("gate"), action("light")], uses: { left: 0, of: 3 } }), true);
  assertEquals(isGuest({ ...DEVICE, expiresAt: 1 }, { actions: [action("gate")] }), true);
});

Deno.test("a key without a limit, without actions, or with another service is none", () => {
  assertEquals(isGuest(DEVICE, { actions: [action("gate")] }), false);
  assertEquals(isGuest(DEVICE, { actions: [], uses: USES }), false);
  assertEquals(isGuest({ ...DEVICE, services: ["mqtt", "action"] }, { actions: [action("gate")], uses: USES }), false);
  assertEquals(isGuest(undefined, { actions: [action("gate")], uses: USES }), false);
});
