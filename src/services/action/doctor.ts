/**
 * Check of the actions for the doctor: what they name is in the services file, and keys name actions that are there.
 *
 * @module
 */
import { type Check, combineFindings, failed, ok, skipped, warning } from "../../doctor/check.ts";
import type { DoctorContext } from "../../doctor/context.ts";
import { isObject } from "../../lib/json.ts";
import { readSection, type Sections } from "../section.ts";
import { ActionGrants } from "./rights.ts";
import { type Action, type Actions, ACTIONS_SECTION } from "./section.ts";
import { ACTION } from "./service.ts";

/** Check of the actions. */
export const ACTIONS_CHECK: Check = {
  name: "actions",
  async run(context) {
    const actions = readSection(ACTIONS_SECTION, context.sections);
    if (actions.size === 0) return skipped("Not used: the services file has no actions");
    const missing = [...actions].flatMap(([name, action]) =>
      missingParts(action, context.sections).map((part) =>
        failed(`Action "${name}" needs ${part}, which the services file does not have`, "Add it, or correct the name")
      )
    );
    const unknown = await unknownGrants(actions, context);
    const findings = [...missing, ...unknown];
    return findings.length === 0
      ? ok(actions.size === 1 ? "1 action" : `${actions.size} actions`)
      : combineFindings(findings);
  },
};

/** Names the targets and queries of other sections that an action needs and that are not there. */
function missingParts({ request, state }: Action, sections: Sections): string[] {
  const has = (section: string, name: unknown) => {
    const entries = sections[section];
    return typeof name === "string" && isObject(entries) && Object.hasOwn(entries, name);
  };
  const { target } = request.fixed;
  const query = state?.payload["query"];
  return [
    ...request.service === "http" && !has("http", target) ? [`the target "${target}" of the section http`] : [],
    ...state?.service === "influxdb" && !has("influxdb", query) ? [`the query "${query}" of the section influxdb`] : [],
  ];
}

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
