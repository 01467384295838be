/**
 * Push messages: subscriptions of devices, and rules of the alerts that they get while they sleep.
 *
 * @module
 */
import type { OpenServiceModule } from "../service.ts";
import { createPushService } from "./service.ts";

/** The service. */
export const push: OpenServiceModule = {
  name: "push",
  create: (dependencies) => Promise.resolve({ service: createPushService(dependencies) }),
};
