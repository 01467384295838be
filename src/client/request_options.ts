/**
 * What a caller may choose for each kind of request.
 *
 * @module
 */
import type { Position } from "../protocol/event.ts";

/** How long to wait for an answer. */
export interface WaitOptions {
  /** Longest wait, in milliseconds; 40 000 by default. What was asked for may still happen. */
  readonly timeout?: number | undefined;
  /** Gives up the waiting; what was asked for may still happen. */
  readonly signal?: AbortSignal | undefined;
}

/** How Jeedom is reached. */
export interface JeedomOptions {
  /** Jeedom's API key, where the gateway has none of its own. */
  readonly apikey?: string | undefined;
  /** Path of the API on the Jeedom server. */
  readonly endpoint?: string | undefined;
}

/** Choices for a Jeedom call. */
export interface CallOptions extends WaitOptions, JeedomOptions {
  /** Asks for a compressed answer, which is a fraction as long for a large house. Off by default. */
  readonly compress?: "gzip" | undefined;
}

/** Choices for listening to Jeedom. */
export interface JeedomEventsOptions extends JeedomOptions {
  /** Begins after this time of Jeedom's, in seconds, such as the last event's; now by default. */
  readonly since?: number | undefined;
  /** How long Jeedom may wait for something to happen, in whole seconds; 50 by default. */
  readonly longPolling?: number | undefined;
  /** Name of a filter for events that is known to Jeedom. */
  readonly filter?: string | undefined;
  /** Ends the listening at once: it then throws the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** A broker other than the gateway's own, and a login for it. */
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

/** Choices for a message. */
export interface PublishOptions extends WaitOptions, BrokerOptions {
  /** Quality of service: 0, 1 or 2. */
  readonly qos?: 0 | 1 | 2 | undefined;
  /** Whether the broker shall keep the message for later subscribers. */
  readonly retain?: boolean | undefined;
}

/** Choices for a subscription. */
export interface SubscribeOptions extends BrokerOptions {
  /** Highest quality of service. */
  readonly qos?: 0 | 1 | 2 | undefined;
  /** Goes on after the event with this `epoch` and `offset`, as far as the gateway still remembers. */
  readonly since?: Position | undefined;
  /** Whether to stay connected while the broker is away, and be told by `offline` and `online`. */
  readonly keep?: boolean | undefined;
  /** Whether to subscribe again by itself after a stream ended. On by default. */
  readonly resume?: boolean | undefined;
  /** Ends the subscription at once: it then throws the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Names the broker as requests do. */
export function brokerFields({ brokerHost, brokerPort, ...login }: BrokerOptions): Record<string, unknown> {
  return { broker_host: brokerHost, broker_port: brokerPort, ...login };
}
