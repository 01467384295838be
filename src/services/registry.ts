/**
 * The list of services.
 *
 * @module
 */
import { http } from "./http/http.ts";
import { jeedom } from "./jeedom/jeedom.ts";
import { mqtt } from "./mqtt/mqtt.ts";

/** Services of this gateway. A request to `/gateway` that names none is for the first one. */
export const SERVICES = [jeedom, mqtt, http] as const;
