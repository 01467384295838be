/**
 * Check of the actions for the doctor: keys name actions that are there.
 *
 * @module
 */
import { type Check, combineFindings, ok, skipped, warning } from "../../doctor/check.ts";
import type { DoctorContext } from "../../doctor/context.ts";
import { readSection } from "../section.ts";
import { ActionGrants } from "./rights.ts";
import { type Actions, ACTIONS_SECTION } from "./section.ts";
import { ACTION } from "./service.ts";

/** Check of the actions. */
export const ACTIONS_CHECK: Check = {
  name: "actions",
  async run(context) {
    const actions = readSection(ACTIONS_SECTION, context.sections);
    if (actions.size === 0) return skipped("Not used: the services file has no actions");
    const findings = await unknownGrants(actions, context);
    return findings.length === 0
      ? ok(actions.size === 1 ? "1 action" : `${actions.size} actions`)
      : combineFindings(findings);
  },
};

/** Reports keys that are granted actions which are not there. */
async function unknownGrants(actions: Actions, context: Pick<DoctorContext, "keys">) {
  const { records = [] } = await context.keys();
  return records.flatMap(({ name, rights }) => {
    const own = rights[ACTION];
    const unknown = own === undefined ? [] : new ActionGrants(own).unknownNames(actions);
    if (unknown.length === 0) return [];
    return [warning(
      `Key "${name}" may run ${unknown.join(", ")}, which the services file does not have`,
      `Add the action, or correct the key: deno task keys set ${name} --action NAME`,
    )];
  });
}
