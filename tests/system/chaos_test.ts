/** Some faults of `deno task chaos` in their short form: under load, nothing is lost and nothing is executed twice. */
import { assertEquals } from "@std/assert";
import { faultNamed, missingFor } from "../../tools/chaos/all_faults.ts";
import type { Fault } from "../../tools/chaos/fault.ts";
import { runFault } from "../../tools/chaos/run_fault.ts";
import { within } from "../support/deadline.ts";
import { needing, type Needs } from "../support/needs.ts";

const NAMES = [
  "broker-killed",
  "jeedom-frozen",
  "jeedom-disconnecting",
  "gateway-killed",
  "gateway-restarted",
  "descriptors",
];

/** Returns the requirements of a fault as those of a test. */
function needsOf(fault: Fault): Needs {
  const missing = new Set(missingFor(fault));
  return {
    mosquitto: !missing.has("mosquitto"),
    "redis-server": !missing.has("redis"),
    faketime: !missing.has("libfaketime"),
    prlimit: !missing.has("prlimit"),
    root: !missing.has("root"),
  };
}

for (const fault of NAMES.map(faultNamed)) {
  Deno.test(
    needing(
      `${fault.title}: nothing acknowledged is lost, nothing is executed twice, and the gateway recovers by itself`,
      needsOf(fault),
    ),
    async () => {
      await using scope = new AsyncDisposableStack();
      const { violations, sent } = await within(fault.name, runFault(fault, { isShort: true, scope }), 120_000);
      assertEquals(violations, []);
      assertEquals(sent.messages > 0 && sent.commands > 0, true);
    },
  );
}
