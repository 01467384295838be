/**
 * Subscriptions to states: streams of the entities that a request names and its key may read.
 *
 * @module
 */
import { createReadRights } from "../../keys/rights.ts";
import { ServiceError, type StreamingService } from "../service.ts";
import { HOME_ASSISTANT, HomeAssistantGrants } from "./rights.ts";
import { NOT_CONFIGURED } from "./settings.ts";
import type { StateHub } from "./state_hub.ts";
import { createLimitMessage } from "./limit_message.ts";
import { createStreamListener, type StreamListenerOptions } from "./stream_listener.ts";
import { parseSubscriptionRequest } from "./subscription_request.ts";

/**
 * Makes the function that connects streams to a hub.
 *
 * @param hub undefined where Home Assistant is not configured
 */
export function createSubscribe(
  hub: Pick<StateHub, "subscribe"> | undefined,
  options: Omit<StreamListenerOptions, "limitMessage">,
): StreamingService["subscribe"] {
  const readRights = createReadRights(HOME_ASSISTANT, (rights) => {
    const grants = new HomeAssistantGrants(rights);
    return { grants, limitMessage: createLimitMessage((entity) => grants.mayRead(entity)) };
  });
  return (payload, { key, stream, onConnected }) => {
    const request = parseSubscriptionRequest(payload);
    const { grants, limitMessage } = readRights(key.scope);
    for (const pattern of request.patterns) grants.readSome(pattern);
    if (hub === undefined) throw new ServiceError(503, NOT_CONFIGURED, { code: "service_unreachable" });
    const subscription = { stream, key, grants, request, onConnected };
    return hub.subscribe(createStreamListener(subscription, { ...options, limitMessage }));
  };
}
