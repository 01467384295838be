/**
 * Messages of the configured broker, as events for the rules of alerts.
 *
 * @module
 */
import { createReadRights } from "../../keys/rights.ts";
import { type BrokerAddress, BrokerError } from "../../mqtt/broker.ts";
import type { ReceivedMessage } from "../../mqtt/hub/received_message.ts";
import type { AlertListener, AlertSource } from "../../push/alert_source.ts";
import { type RuleEvent, TextEvent } from "../../push/rules/rule_event.ts";
import { ServiceError } from "../service.ts";
import { MqttGrants } from "./rights.ts";
import { brokerCode, brokerFailure } from "./stream_listener.ts";
import { type Brokers, MQTT } from "./service.ts";

/** Parts of the source. */
export interface MqttAlertSourceOptions {
  /** Connections to brokers. */
  readonly brokers: Pick<Brokers, "listen">;
  /** The configured broker: rules name no other. */
  readonly broker: BrokerAddress;
}

/** Makes the source. */
export function createMqttAlertSource({ brokers, broker }: MqttAlertSourceOptions): AlertSource {
  const readRights = createReadRights(MQTT, (rights) => new MqttGrants(rights));
  const events = new WeakMap<ReceivedMessage, RuleEvent>();

  /** Returns the event of a message: one for all keys, so that its text is parsed once. */
  function eventOf(message: ReceivedMessage): RuleEvent {
    const known = events.get(message);
    if (known !== undefined) return known;
    const { topic: subject, payload, isOmitted = false, retain: isRetained } = message;
    const text = typeof payload === "string" && !isOmitted ? payload : undefined;
    const event = new TextEvent({ kind: "topics", subject, text, isRetained });
    events.set(message, event);
    return event;
  }

  return {
    kind: "topics",
    grantsInPart: false,
    isGranted: (scope) => scope.hasService(MQTT) && readRights(scope).maySubscribeAny,
    authorize(select, scope) {
      const grants = readRights(scope);
      for (const filter of select) grants.subscribe(filter);
    },
    listen(select, { owner, scope, onReady, onEvent, onEnded }: AlertListener) {
      const grants = readRights(scope);
      for (const filter of select) grants.subscribe(filter);
      try {
        return brokers.listen(broker, {
          owner,
          filters: select,
          qos: 1,
          keep: true,
          since: undefined,
          connected: onReady,
          gap() {},
          message(message, isBacklog) {
            // Brokers differ in matching.
            if (grants.mayReceive(message.topic)) onEvent(eventOf(message), isBacklog);
          },
          offline() {},
          online() {},
          ended: (reason) => onEnded(reason.message),
        });
      } catch (error) {
        if (!(error instanceof BrokerError)) throw error;
        throw new ServiceError(503, brokerFailure(error), { code: brokerCode(error) });
      }
    },
  };
}
