/** Short form of attacks on the memory of a gateway in a control group of 512 MB. */
import { assert } from "@std/assert";
import { ATTACKS } from "../../tools/memory/attacks.ts";
import { makeControlGroup } from "../../tools/memory/control_group.ts";
import { runAttack } from "../../tools/memory/run_attack.ts";
import { MOSQUITTO } from "../support/broker.ts";
import { needing } from "../support/needs.ts";

const MEMORY_BYTES = 512 * 2 ** 20;

const probe = await makeControlGroup(MEMORY_BYTES);
await probe?.remove();

for (
  const name of [
    "Jeedom's answers of 8 MiB, 60 requests of each key, read",
    "Garbage of 1 MiB, 100 at a time from each of four addresses",
    "3 × 8 MiB retained, 20 streams of each key, version 1, MQTT 5",
    "3 × 8 MiB retained, 20 streams of each key, version 2, embedded",
    "A login to Home Assistant that never ends",
    "Gzip bombs of all services",
  ]
) {
  Deno.test({
    ...needing(`a gateway with 512 MB survives: ${name}`, {
      mosquitto: MOSQUITTO,
      "a control group as root": probe !== undefined,
    }),
    // Attackers close connections while sending.
    sanitizeOps: false,
    sanitizeResources: false,
  }, async () => {
    const [attack] = ATTACKS.filter((one) => one.name === name);
    const group = await makeControlGroup(MEMORY_BYTES);
    if (attack === undefined || group === undefined) throw new Error(`Cannot run: ${name}`);
    await using scope = new AsyncDisposableStack();
    scope.defer(() => group.remove());
    assert((await runAttack(attack, { ms: 3000, group, scope })).survived);
  });
}
