/**
 * Home Assistant: calls of services, states, history and pictures by its REST API.
 *
 * @module
 */
import { hostOf } from "../../net/host.ts";
import { formatBrokerPattern } from "../../net/egress.ts";
import type { ServiceModule } from "../service.ts";
import { HOME_ASSISTANT, HOME_ASSISTANT_RIGHTS } from "./rights.ts";
import { HOME_ASSISTANT_SETTINGS, remedyIfUnset } from "./settings.ts";
import { createHomeAssistantService } from "./service.ts";

/** The service. */
export const homeAssistant: ServiceModule<typeof HOME_ASSISTANT_SETTINGS> = {
  name: HOME_ASSISTANT,
  dependency: HOME_ASSISTANT,
  settings: HOME_ASSISTANT_SETTINGS,
  rights: HOME_ASSISTANT_RIGHTS,
  remedyIfUnset,
  allowNet({ home_assistant: { url } }) {
    if (url === undefined) return [];
    return [
      formatBrokerPattern({ host: hostOf(url), port: Number(url.port || (url.protocol === "https:" ? 443 : 80)) }),
    ];
  },
  maxAnswerBytes: ({ home_assistant: { maxResponseBytes } }) => maxResponseBytes,
  create() {
    return Promise.resolve({ service: createHomeAssistantService() });
  },
};
