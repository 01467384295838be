/** Some of the faults of `deno task chaos`, in their short form: under load, nothing is lost and nothing runs twice. */
import { assertEquals } from "@std/assert";
import { faultNamed, missingFor } from "../../tools/chaos/all_faults.ts";
import type { Fault } from "../../tools/chaos/fault.ts";
import { runFault } from "../../tools/chaos/run_fault.ts";
import { within } from "../support/deadline.ts";
import { needing, type Needs } from "../support/needs.ts";

const NAMES = [
  "broker-killed",
  "jeedom-frozen",
  "jeedom-leaving",
  "gateway-killed",
  "gateway-restarted",
  "descriptors",
];

/** What a fault needs, in the words of the tests. */
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
      `${fault.title}: nothing acknowledged is lost, nothing runs twice, and all is right again by itself`,
      needsOf(fault),
    ),
    async () => {
      await using opened = new AsyncDisposableStack();
      const { broken, sent } = await within(fault.name, runFault(fault, { isShort: true, opened }), 120_000);
      assertEquals(broken, []);
      assertEquals(sent.messages > 0 && sent.commands > 0, true);
    },
  );
}
