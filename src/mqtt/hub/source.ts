/**
 * Source of a hub's messages: a connection to the broker, or a log that several replicas share.
 *
 * @module
 */
import type { FilterRequest, QoS } from "../broker.ts";
import type { SharedConnection } from "../shared_connection.ts";

/** State of an owner in a subscription, as replicas share it. */
export interface OwnerOfFilter {
  /** Topic filter. */
  readonly filter: string;
  /** The owner. */
  readonly owner: string;
  /** Offset from which it has missed nothing. */
  readonly activeFrom: number;
  /** Highest quality of service that it was granted. */
  readonly qos: QoS;
  /** Offset of the last retained message that it got; `undefined` while more may be sent. */
  readonly retainedUntil: number | undefined;
}

/** Request for the messages of filters. */
export interface HubRequest {
  /** The filters. */
  readonly filters: readonly FilterRequest[];
  /** Returns the states of the owners on whose behalf it is made, as they are once it is granted. */
  readonly owners: () => readonly OwnerOfFilter[];
}

/** Retained messages of which no more are expected. */
export interface SettledRetained {
  /** States of the owners that got them. */
  readonly owners: readonly OwnerOfFilter[];
  /** Filters for which no other retained messages are expected. */
  readonly filters: readonly string[];
}

/** State of a filter that other replicas know. */
export interface RestoredFilter {
  /** Topic filter. */
  readonly filter: string;
  /** Quality of service that the broker granted; undefined without a grant. */
  readonly grantedQos: QoS | undefined;
  /** State of the owner; undefined if it is not known. */
  readonly owner: Pick<OwnerOfFilter, "activeFrom" | "qos" | "retainedUntil"> | undefined;
}

/** Returns the owners of a filter; undefined if it is not in use. */
export type OwnersOf = (filter: string) => { readonly has: (owner: string) => boolean } | undefined;

/** Source of messages. */
export interface HubSource {
  /**
   * Requests the messages of filters, and their retained messages.
   *
   * @param wanted the filters
   * @param begin called right before the broker is asked for the retained messages: messages that are received before
   * may be missing
   * @returns the filters that the broker refused
   * @throws {BrokerError} if the request fails
   */
  request(wanted: readonly FilterRequest[], begin: () => HubRequest): Promise<readonly string[]>;
  /** Ends the subscriptions to filters. */
  release(filters: readonly string[]): void;
  /**
   * Reads what other replicas know of an owner's filters, and waits until what they sent has arrived here.
   *
   * @param wanted the filters
   * @param since position of the last message that a subscriber got
   * @throws {BrokerError} if it cannot be read
   */
  restore?(wanted: readonly FilterRequest[], options: {
    readonly owner: string;
    readonly since: { readonly epoch: string; readonly offset: number };
  }): Promise<readonly RestoredFilter[]>;
  /** Reports that all retained messages of requests were sent. */
  settled?(settled: SettledRetained): void;
  /**
   * Compares the filters and their owners with those in use; called about every second.
   *
   * @param ownersOf returns the owners of a filter; undefined if it is not in use
   */
  sweep?(ownersOf: OwnersOf): void;
}

/** Connection to the broker as a source. */
export class ConnectionSource implements HubSource {
  readonly #connection: SharedConnection;

  /** Makes it from a connection, whose owner calls `receive` and `connectionClosed` of the hub. */
  constructor(connection: SharedConnection) {
    this.#connection = connection;
  }

  /** Sends SUBSCRIBE, as {@linkcode HubSource.request}. */
  request(_wanted: readonly FilterRequest[], begin: () => HubRequest): Promise<readonly string[]> {
    return this.#connection.use("answer", (open) => open.subscribe(begin().filters));
  }

  /** Sends UNSUBSCRIBE on an open connection. */
  release(filters: readonly string[]): void {
    if (!this.#connection.isOpen) return;
    // A failure closes the connection, and with it the subscription.
    this.#connection.use("end the subscription", (open) => open.unsubscribe(filters)).catch(() => {});
  }
}
