/**
 * What a hub tells to whoever listens.
 *
 * @module
 */
import type { Position } from "../../protocol/event.ts";
import type { BrokerError, QoS } from "../broker.ts";
import type { ReceivedMessage } from "./received_message.ts";

/** Somebody who wants the messages that match some filters. Its functions must not throw. */
export interface Subscriber {
  /** For whom it listens: what the listeners of one owner leave behind is bounded together. */
  readonly owner: string;
  /** At least one filter, each of them once. */
  readonly filters: readonly string[];
  /** Highest quality of service to ask the broker for. */
  readonly qos: QoS;
  /** Whether to stay while the broker is away. */
  readonly keep: boolean;
  /** The position of the last message that it got before, to go on after it. */
  readonly since: Position | undefined;
  /**
   * The broker has granted the subscriptions. Comes first, and once.
   *
   * @param position all messages after it follow; undefined where something may be missing, as a gap tells at once
   */
  connected(position: Position | undefined): void;
  /**
   * Something may be missing.
   *
   * @param position all messages after it follow
   */
  gap(position: Position): void;
  /**
   * A message.
   *
   * @param isBacklog whether it is of those that come all at once when one begins to listen
   */
  message(message: ReceivedMessage, isBacklog: boolean): void;
  /** The broker is away; only for one that stays. */
  offline(reason: BrokerError): void;
  /** The broker is back. */
  online(): void;
  /** Nothing more will come. */
  ended(reason: BrokerError): void;
}
