/**
 * Options of each kind of request.
 *
 * @module
 */
import type { Position } from "../protocol/event.ts";

/** Options for the wait for an answer. */
export interface WaitOptions {
  /** Longest wait, in milliseconds; 40 000 by default. The request may still run after it. */
  readonly timeout?: number | undefined;
  /** Ends the wait; the request may still run. */
  readonly signal?: AbortSignal | undefined;
}

/** Access to Jeedom. */
export interface JeedomOptions {
  /** Jeedom's API key, where the gateway has none of its own. */
  readonly apikey?: string | undefined;
  /** Path of the API on the Jeedom server. */
  readonly endpoint?: string | undefined;
}

/** Options for a call of any service. */
export interface ServiceCallOptions extends WaitOptions {
  /** Asks for a compressed answer, which is far shorter for a large home. Off by default. */
  readonly compress?: "gzip" | undefined;
}

/** Options for a Jeedom call. */
export interface CallOptions extends ServiceCallOptions, JeedomOptions {}

/** Options for the events of Jeedom. */
export interface JeedomEventsOptions extends JeedomOptions {
  /** Begins after this time of Jeedom's clock, in seconds, such as the last event's; now by default. */
  readonly since?: number | undefined;
  /** Longest wait of Jeedom for an event, in whole seconds; 50 by default. */
  readonly longPolling?: number | undefined;
  /** Name of an event filter in Jeedom. */
  readonly filter?: string | undefined;
  /** Ends the events at once: the loop then throws the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Broker other than the gateway's own, and its login. */
export interface BrokerOptions {
  /** Host name or address. */
  readonly brokerHost?: string | undefined;
  /** TCP port. */
  readonly brokerPort?: number | undefined;
  /** User name. */
  readonly username?: string | undefined;
  /** Password. */
  readonly password?: string | undefined;
}

/** Options for a message. */
export interface PublishOptions extends WaitOptions, BrokerOptions {
  /** Quality of service: 0, 1 or 2. */
  readonly qos?: 0 | 1 | 2 | undefined;
  /** Makes the broker retain the message for later subscribers. */
  readonly retain?: boolean | undefined;
}

/** Options for a subscription to any service. */
export interface StreamOptions {
  /** Resumes after the event with this `epoch` and `offset`, as far as the gateway keeps messages. */
  readonly since?: Position | undefined;
  /** Keeps the stream open while the broker or the service is unreachable, which `offline` and `online` events report. */
  readonly keep?: boolean | undefined;
  /** Subscribes again after a stream ended. On by default. */
  readonly resume?: boolean | undefined;
  /** Ends the subscription at once: the loop then throws the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Options for a subscription to MQTT topics. */
export interface SubscribeOptions extends StreamOptions, BrokerOptions {
  /** Highest quality of service. */
  readonly qos?: 0 | 1 | 2 | undefined;
}

/** Returns the fields of a request that name its broker. */
export function brokerFields({ brokerHost, brokerPort, ...login }: BrokerOptions): Record<string, unknown> {
  return { broker_host: brokerHost, broker_port: brokerPort, ...login };
}
