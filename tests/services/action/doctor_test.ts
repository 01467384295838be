import { assertEquals } from "@std/assert";
import { ACTIONS_CHECK } from "../../../src/services/action/doctor.ts";
import { makeContext, NEVER_ABORTED } from "../../support/doctor_context.ts";
import { makeRecord } from "../../support/gateway.ts";

const GATE = { label: "Gate", publish: { topic: "home/gate/set", message: "OPEN" } };

/** Runs the check with a services file, and a key with some actions. */
function run(sections: Readonly<Record<string, unknown>>, granted: readonly string[] = []) {
  const context = makeContext({ sections });
  const record = makeRecord({ name: "guest", rights: { action: { actions: granted } } });
  return ACTIONS_CHECK.run(
    { ...context, keys: () => Promise.resolve({ single: undefined, records: [record], faults: [] }) },
    NEVER_ABORTED,
  );
}

Deno.test("actions is skipped without actions, and ok with valid ones", async () => {
  assertEquals((await run({})).status, "skipped");
  assertEquals(await run({ actions: { gate: GATE } }, ["gate", "light-*"]), { status: "ok", message: "1 action" });
  assertEquals(await run({ actions: { gate: GATE, door: GATE } }), {
    status: "ok",
    message: "2 actions",
  });
});

Deno.test("actions reports keys that name an action which is not there", async () => {
  assertEquals(await run({ actions: { gate: GATE } }, ["gate", "gat", "light"]), {
    status: "warning",
    message: 'Key "guest" may run gat, light, which the services file does not have',
    remedy: "Add the action, or correct the key: deno task keys set guest --action NAME",
  });
});
