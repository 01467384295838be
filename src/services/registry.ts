/**
 * The list of services.
 *
 * @module
 */
import { jeedom } from "./jeedom/jeedom.ts";
import { mqtt } from "./mqtt/mqtt.ts";
import type { ServiceModule } from "./service.ts";

/** Services of this gateway. A request to `/gateway` that names none is for the first one. */
export const SERVICES: readonly ServiceModule[] = [jeedom, mqtt];
