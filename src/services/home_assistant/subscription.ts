/**
 * Subscriptions to states: streams of the entities that a key may read, from one connection to Home Assistant.
 *
 * @module
 */
import type { SecureContextOptions } from "node:tls";
import { SYSTEM_CLOCK } from "../../lib/clock.ts";
import { createReadRights } from "../../keys/rights.ts";
import { type ServiceDependencies, ServiceError, type StreamingService } from "../service.ts";
import { isName } from "./entities.ts";
import { EntityTable } from "./entity_table.ts";
import { HOME_ASSISTANT, HomeAssistantGrants } from "./rights.ts";
import type { HomeAssistantAddress } from "./settings.ts";
import { StateHistory } from "./state_history.ts";
import { StateHub } from "./state_hub.ts";
import { createStreamListener } from "./stream_listener.ts";
import { parseSubscriptionRequest } from "./subscription_request.ts";
import { createConnectStates } from "./websocket.ts";

/** Parts of the gateway that subscriptions need. */
export type SubscriptionDependencies = Pick<
  ServiceDependencies,
  "config" | "encoder" | "maxEventBytes" | "log" | "telemetry" | "metrics" | "now" | "random" | "randomBytes"
>;

/** Address of Home Assistant, and the certificates to trust. */
export interface SubscriptionTarget {
  /** Address and token. */
  readonly address: HomeAssistantAddress;
  /** Certificates to trust in place of the public authorities'. */
  readonly trust?: SecureContextOptions | undefined;
}

/** Subscriptions of all keys. */
export interface StateSubscriptions {
  /** Connects a stream, as {@linkcode StreamingService.subscribe}. */
  readonly subscribe: StreamingService["subscribe"];
  /** Closes the connection. */
  close(): void;
}

/** Length of the random name of the order of messages, in bytes. */
const EPOCH_BYTES = 8;

/** Most bytes of the current states. */
const MAX_STATES_BYTES = 16 * 2 ** 20;

/** Most bytes of changes that are kept for listeners that resume. */
const MAX_HISTORY_BYTES = 4 * 2 ** 20;

/** Makes subscriptions without a connection: it is opened for the first one. */
export function createStateSubscriptions(
  { address, trust }: SubscriptionTarget,
  dependencies: SubscriptionDependencies,
): StateSubscriptions {
  const { config, encoder, log, metrics, now, random, randomBytes } = dependencies;
  const { timeoutMs, maxResponseBytes } = config.home_assistant;
  const history = new StateHistory({ epoch: randomBytes(EPOCH_BYTES).toHex(), maxBytes: MAX_HISTORY_BYTES, now });
  const table = new EntityTable({
    maxBytes: MAX_STATES_BYTES,
    isEntity: isName,
    visibleAttributes: (attributes) => attributes,
  });
  const hub = new StateHub({
    connect: createConnectStates({ ...address, trust }, {
      timeoutMs,
      maxMessageBytes: maxResponseBytes,
      clock: SYSTEM_CLOCK,
    }),
    table,
    history,
    resumeSeconds: config.streams.resumeSeconds,
    backpressure: () => encoder.backpressure(),
    clock: SYSTEM_CLOCK,
    random,
    log,
  });
  metrics.gauge({
    name: "e2e_gateway_home_assistant_listeners",
    help: "Listeners that receive states of Home Assistant",
    read: () => hub.size,
  });
  metrics.gauge({
    name: "e2e_gateway_home_assistant_states_bytes",
    help:
      "Bytes of the states of Home Assistant's entities, and of the changes that are kept for listeners that resume",
    read: () => table.bytes + history.bytes,
  });
  const readRights = createReadRights(HOME_ASSISTANT, (rights) => new HomeAssistantGrants(rights));
  return {
    subscribe(payload, { key, stream, onConnected }) {
      const request = parseSubscriptionRequest(payload);
      const grants = readRights(key.scope);
      for (const pattern of request.patterns) grants.readSome(pattern);
      return hub.subscribe(createStreamListener({ stream, key, grants, request, onConnected }, dependencies));
    },
    close: () => hub.close(new ServiceError(503, "Gateway is shutting down", { code: "restart" })),
  };
}
