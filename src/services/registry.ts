/**
 * The list of services.
 *
 * @module
 */
import { action } from "./action/action.ts";
import { device } from "./device/device.ts";
import { homeAssistant } from "./home_assistant/home_assistant.ts";
import { http } from "./http/http.ts";
import { influxdb } from "./influxdb/influxdb.ts";
import { jeedom } from "./jeedom/jeedom.ts";
import { mqtt } from "./mqtt/mqtt.ts";
import { push } from "./push/push.ts";
import type { OpenServiceModule } from "./service.ts";

/** Services of this gateway that keys are granted. A request to `/gateway` that names none is for the first one. */
export const SERVICES = [jeedom, mqtt, homeAssistant, influxdb, http, action] as const;

/** Services that every key may use, without a right. */
export const OPEN_SERVICES: readonly OpenServiceModule[] = [device, push];
