/**
 * Requests of the actions as the services file has them, for the checks of the services that execute them.
 *
 * @module
 */
import type { StoredRequest } from "../service.ts";
import { fillInText, findPlaceholders } from "./placeholders.ts";
import type { ActionRequest } from "./request.ts";
import { type Actions, ACTIONS_SECTION, REQUEST_FIELDS } from "./section.ts";

/** Returns the requests that run the actions, and those that read their states. */
export function storedRequestsOf(actions: Actions): readonly StoredRequest[] {
  return [...actions].flatMap(([name, { request, state }]) => {
    const path = [ACTIONS_SECTION.name, name];
    const run = { path: [...path, REQUEST_FIELDS[request.service]], service: request.service };
    return [
      { ...run, payload: fixedFields(request) },
      ...state === undefined ? [] : [{ path: [...path, "state"], service: state.service, payload: state.payload }],
    ];
  });
}

/** Returns the fields that no parameter changes. */
function fixedFields({ fixed, path }: ActionRequest): StoredRequest["payload"] {
  const isFixed = path !== undefined && findPlaceholders(path).length === 0;
  return isFixed ? { ...fixed, path: fillInText(path, new Map()) } : fixed;
}
