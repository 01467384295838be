/** Some of the faults of `deno task chaos`, in their short form: under load, nothing is lost and nothing runs twice. */
import { assertEquals } from "@std/assert";
import { faultNamed, missingFor } from "../../reliability/chaos/all_faults.ts";
import { runFault } from "../../reliability/chaos/run_fault.ts";
import { within } from "../deadline.ts";

const NAMES = [
  "broker-killed",
  "jeedom-frozen",
  "jeedom-leaving",
  "gateway-killed",
  "gateway-restarted",
  "descriptors",
];

for (const fault of NAMES.map(faultNamed)) {
  Deno.test(
    `${fault.title}: nothing acknowledged is lost, nothing runs twice, and all is right again by itself`,
    { ignore: missingFor(fault).length > 0 },
    async () => {
      await using opened = new AsyncDisposableStack();
      const { broken, sent } = await within(fault.name, runFault(fault, { isShort: true, opened }), 120_000);
      assertEquals(broken, []);
      assertEquals(sent.messages > 0 && sent.commands > 0, true);
    },
  );
}
