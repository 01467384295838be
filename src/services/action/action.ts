/**
 * Actions: named requests to other services, the least that a key can be granted.
 *
 * @module
 */
import { Scope } from "../../keys/rights.ts";
import { createReadSection, readSection } from "../section.ts";
import type { ServiceModule } from "../service.ts";
import { ACTION_RIGHTS } from "./rights.ts";
import { ACTIONS_SECTION } from "./section.ts";
import { ACTION, createActionService } from "./service.ts";
import { ACTION_SETTINGS } from "./settings.ts";
import { createStateReader } from "./states.ts";
import { storedRequestsOf } from "./stored_requests.ts";

/** The service. */
export const action: ServiceModule<typeof ACTION_SETTINGS> = {
  name: ACTION,
  settings: ACTION_SETTINGS,
  section: ACTIONS_SECTION,
  rights: ACTION_RIGHTS,
  doctor: async () => {
    const { ACTIONS_CHECK } = await import("./doctor.ts");
    return [ACTIONS_CHECK];
  },
  // The services that run the actions connect.
  allowNet: () => [],
  // Its own answers are small; those of the services that run the actions count there.
  maxAnswerBytes: () => 0,
  storedRequests: (sections) => storedRequestsOf(readSection(ACTIONS_SECTION, sections)),
  choices: (sections) => ({
    action: [...readSection(ACTIONS_SECTION, sections)].map(([value, { label }]) => ({ value, label })),
  }),
  create({ sections, state, coolDowns, allRights, findService, monotonic }) {
    const fullScope = new Scope(allRights);
    const service = createActionService({
      readActions: createReadSection(ACTIONS_SECTION, sections),
      states: createStateReader({ findService, fullScope, monotonic }),
      coolDowns,
      state,
      fullScope,
      findService,
    });
    return Promise.resolve({ service });
  },
};
