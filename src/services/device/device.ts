/**
 * The device that a request comes from: what its key is and may do, and its removal.
 *
 * @module
 */
import type { OpenServiceModule } from "../service.ts";
import { createDeviceService } from "./service.ts";

/** The service. */
export const device: OpenServiceModule = {
  name: "device",
  create: (dependencies) => Promise.resolve({ service: createDeviceService(dependencies) }),
};
