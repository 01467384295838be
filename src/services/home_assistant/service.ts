/**
 * Requests to Home Assistant.
 *
 * @module
 */
import { type Service, ServiceError } from "../service.ts";
import { HOME_ASSISTANT } from "./rights.ts";
import { NOT_CONFIGURED } from "./settings.ts";

/** Makes the service. */
export function createHomeAssistantService(): Service {
  return {
    name: HOME_ASSISTANT,
    fieldErrorStatus: 400,
    target: () => undefined,
    handle: () => Promise.reject(new ServiceError(503, NOT_CONFIGURED, { code: "service_unreachable" })),
  };
}
