/**
 * The hub of states with its connection, table and history, and its gauges.
 *
 * @module
 */
import { SYSTEM_CLOCK } from "../../lib/clock.ts";
import type { PrivateTrust } from "../../net/private_trust.ts";
import type { ServiceDependencies } from "../service.ts";
import { EntityTable } from "./entity_table.ts";
import type { HomeAssistantAddress } from "./settings.ts";
import { StateHistory } from "./state_history.ts";
import { StateHub } from "./state_hub.ts";
import { createConnectStates } from "./websocket.ts";

/** Address of Home Assistant, and the certificates to trust. */
export interface HubTarget {
  /** Address and token. */
  readonly address: HomeAssistantAddress;
  /** Certificates to trust in place of the public authorities'. */
  readonly trust: PrivateTrust | undefined;
}

/** Length of the random name of the order of messages, in bytes. */
const EPOCH_BYTES = 8;

/** Most bytes of the current states. */
const MAX_STATES_BYTES = 16 * 2 ** 20;

/** Most bytes of changes that are kept for listeners that resume. */
const MAX_HISTORY_BYTES = 4 * 2 ** 20;

/** Makes a hub without a connection: it is opened for the first listener. */
export function openStateHub(
  { address, trust }: HubTarget,
  { config, encoder, log, metrics, now, random, randomBytes }: Pick<
    ServiceDependencies,
    "config" | "encoder" | "log" | "metrics" | "now" | "random" | "randomBytes"
  >,
): StateHub {
  const { home_assistant: { timeoutMs, maxResponseBytes }, streams: { resumeSeconds } } = config;
  const history = new StateHistory({ epoch: randomBytes(EPOCH_BYTES).toHex(), maxBytes: MAX_HISTORY_BYTES, now });
  const table = new EntityTable(MAX_STATES_BYTES);
  const connect = createConnectStates({ ...address, trust }, {
    timeoutMs,
    maxMessageBytes: maxResponseBytes,
    clock: SYSTEM_CLOCK,
  });
  const hub = new StateHub({
    connect,
    table,
    history,
    resumeSeconds,
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
  return hub;
}
