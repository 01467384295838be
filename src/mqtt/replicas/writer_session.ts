/**
 * One connection of the writer to the broker.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { abortable, withDeadline } from "../../lib/async.ts";
import type { Clock } from "../../lib/clock.ts";
import {
  type BrokerAddress,
  type BrokerConnection,
  BrokerError,
  type BrokerMessage,
  type ConnectBroker,
  isFrozen,
} from "../broker.ts";
import { timeoutError } from "../errors.ts";
import { MAX_TOPIC_BYTES, UNUSED_FILTER } from "../topics/rules.ts";
import { AppendQueue } from "./append_queue.ts";
import type { EventLog, LogEntry } from "./event_log.ts";
import { OverlappingDeliveries } from "./overlapping_deliveries.ts";
import { RedeliveredMessages } from "./redelivered_messages.ts";
import type { RefusedMessages } from "./refused_messages.ts";
import { WantedFilters } from "./wanted_filters.ts";

/** Most messages that the broker sends before the first of them is acknowledged. */
const RECEIVE_MAXIMUM = 64;

/**
 * Most messages in the log that are compared with those that the broker sends again. More than the receive maximum:
 * Mosquitto 2.0 begins to count anew with each connection, and a broker of MQTT 3.1.1 knows none.
 */
const MAX_REDELIVERED = 1000;

/** Configuration of a connection. */
export interface WriterSessionOptions {
  /** Log to write. */
  readonly log: EventLog;
  /** Token of the lease. */
  readonly token: string;
  /** Broker, and login. */
  readonly address: BrokerAddress;
  /** Opens connections. */
  readonly connect: ConnectBroker;
  /** Returns the client identifier for an epoch of the log: the same at each replica that shares it, and at no other. */
  readonly clientId: (epoch: string) => string;
  /** Messages that the log refused on earlier connections. */
  readonly refused: RefusedMessages;
  /** Called with the size of a message, in bytes, that is left out: the log refuses it each time. */
  readonly onLeftOut: (bytes: number) => void;
  /** Time for which the broker keeps the session, in seconds. */
  readonly expirySeconds: number;
  /** Longest wait for the broker to accept the connection, and to answer requests of filters, in milliseconds. */
  readonly timeoutMs: number;
  /** Clock of timeouts and messages. */
  readonly clock: Clock;
  /** Returns a random number from 0 up to but not including 1. */
  readonly random: () => number;
}

/**
 * Appends to the log what the broker sends, in its order, beginning with a gap. A message of QoS 1 is acknowledged once
 * it is in the log.
 */
export class WriterSession {
  readonly #options: WriterSessionOptions;
  readonly #queue: AppendQueue;
  readonly #overlapping = new OverlappingDeliveries();
  /** Resolves when messages may be appended. */
  readonly #begun = Promise.withResolvers<RedeliveredMessages>();
  /** Aborts with the reason for the end. */
  readonly #end = new AbortController();
  #redelivered: RedeliveredMessages | undefined;
  #connection: BrokerConnection | undefined;
  #filters: WantedFilters | undefined;
  /** True if the broker kept the subscriptions of an earlier connection. */
  #isResumed = false;
  /** True after a message of a filter, while others were not subscribed yet. */
  #isPartial = false;

  /** Makes it without connecting. */
  constructor(options: WriterSessionOptions) {
    this.#options = options;
    const { log, token, refused } = options;
    this.#queue = new AppendQueue({
      append: (entries) => refused.attempt(entries, () => log.append(token, entries)),
      isAlone: (entry) => refused.isSuspect(entry),
      onFailure: (error) => this.#end.abort(error),
    });
    // Rejected without a message that waits.
    this.#begun.promise.catch(() => {});
  }

  /** True once the log has the gap. */
  get hasBegun(): boolean {
    return this.#redelivered !== undefined;
  }

  /** Number of filters that it subscribes to. */
  get filters(): number {
    return this.#filters?.size ?? 0;
  }

  /**
   * Connects, and appends messages until the connection ends. Then the connection is closed, the broker keeps the
   * session, and all that was acknowledged is appended.
   *
   * @param signal ends it
   * @throws {BrokerError} always, if it ends because of the broker
   * @throws {LeaseLostError} if another replica holds the lease
   * @throws the error of the log, or the signal's reason
   */
  async run(signal: AbortSignal): Promise<never> {
    const ended = AbortSignal.any([signal, this.#end.signal]);
    try {
      const connection = await this.#connect(ended);
      this.#connection = connection;
      connection.closed.then((reason) => this.#end.abort(reason));
      const redelivered = await abortable(this.#begin(connection), ended);
      this.#begun.resolve(redelivered);
      // Messages that wait come first.
      await this.#begun.promise;
      this.#redelivered = redelivered;
      this.updateFilters();
      return await abortable(new Promise<never>(() => {}), ended);
    } catch (error) {
      ended.throwIfAborted();
      throw error;
    } finally {
      this.#begun.reject(new BrokerError("Connection closed"));
      await this.#connection?.close();
      await this.#queue.drained();
    }
  }

  /** Makes the subscriptions equal to what replicas want, if it is connected; ends the connection if that fails. */
  updateFilters(): void {
    if (this.#redelivered !== undefined) this.#filters?.update().catch((error) => this.#end.abort(error));
  }

  /**
   * Checks that the broker answers, if it is connected; ends the connection if the broker sends nothing in the second half
   * of the timeout. Never rejects.
   */
  async check(): Promise<void> {
    const connection = this.#connection;
    if (connection === undefined) return;
    const { address, clock, timeoutMs } = this.#options;
    try {
      await withDeadline(() => connection.unsubscribe([UNUSED_FILTER]), {
        clock,
        timeout: timeoutMs,
        timeoutError: () => timeoutError(address, "answer", timeoutMs),
      });
    } catch (reason) {
      if (isFrozen(connection, timeoutMs)) this.#end.abort(reason);
    }
  }

  async #connect(signal: AbortSignal): Promise<BrokerConnection> {
    const { log, address, connect, clientId, expirySeconds } = this.#options;
    const epoch = await log.readEpoch();
    return await this.#withTimeout("answer", () =>
      connect(address, {
        signal,
        onMessage: (message) => this.#receive(message),
        session: { clientId: clientId(epoch), expirySeconds, receiveMaximum: RECEIVE_MAXIMUM },
      }));
  }

  /** Appends the gap, and reads what the broker may send again. */
  async #begin(connection: BrokerConnection): Promise<RedeliveredMessages> {
    const { log, token, random } = this.#options;
    this.#filters = new WantedFilters({
      log,
      token,
      connection: {
        subscribe: (requests) => this.#withTimeout("answer", () => connection.subscribe(requests)),
        unsubscribe: (filters) => this.#withTimeout("answer", () => connection.unsubscribe(filters)),
      },
      append: (entry) => this.#appendGrants(entry),
      random,
    });
    this.#isResumed = connection.sessionPresent === true;
    await this.#queue.append({ type: "gap" });
    // A new session has no messages from before.
    if (!this.#isResumed) return new RedeliveredMessages([]);
    const entries = await log.readUnacknowledged(MAX_REDELIVERED);
    return new RedeliveredMessages(entries.flatMap(({ entry }) => entry.type === "message" ? [entry.message] : []));
  }

  /** Appends grants, after another gap if it was not only the first one that messages were missing before. */
  #appendGrants(entry: LogEntry): Promise<void> {
    // If it fails, the grants fail, too.
    if (this.#isPartial) this.#queue.append({ type: "gap" }).catch(() => {});
    this.#isPartial = false;
    return this.#queue.append(entry);
  }

  /** Ends the connection if a request is not answered in time. */
  async #withTimeout<T>(awaited: string, request: () => Promise<T>): Promise<T> {
    const { address, clock, timeoutMs } = this.#options;
    const stop = clock.after(timeoutMs, () => this.#end.abort(timeoutError(address, awaited, timeoutMs)));
    try {
      return await request();
    } finally {
      stop();
    }
  }

  #receive(message: BrokerMessage): Promise<void> | undefined {
    if (this.#redelivered !== undefined) return this.#take(message, this.#redelivered);
    return this.#begun.promise.then((redelivered) => this.#take(message, redelivered));
  }

  #take(message: BrokerMessage, redelivered: RedeliveredMessages): Promise<void> | undefined {
    // Each replica asks for retained messages itself; with MQTT 3.1.1 they cannot be declined.
    if (message.retain || this.#filters?.includes(message) !== true) return undefined;
    // Longer than on the wire, where it was not UTF-8: the log cannot take it, and would fail each time.
    if (Buffer.byteLength(message.topic) > MAX_TOPIC_BYTES) return undefined;
    const isCopy = this.#overlapping.isCopy(message, this.#filters.generationOf(message));
    if (redelivered.take(message) || isCopy) {
      this.#options.refused.forget(message);
      return undefined;
    }
    if (!this.#isResumed && !this.#filters.isSubscribed) this.#isPartial = true;
    if (message.qos > 0 && this.#options.refused.isRefused(message)) return this.#leaveOut(message);
    const entry = this.#entryOf(message);
    return message.qos === 0 ? this.#queue.enqueue(entry) : this.#queue.append(entry);
  }

  /** Appends a gap in place of a message, so that it is acknowledged, and those behind it pass. */
  async #leaveOut(message: BrokerMessage): Promise<void> {
    const { refused, onLeftOut } = this.#options;
    await this.#queue.append({ type: "gap" });
    refused.forget(message);
    onLeftOut(message.payload.length);
  }

  #entryOf({ topic, payload, omittedBytes, qos, packetId }: BrokerMessage): LogEntry {
    return {
      type: "message",
      message: {
        topic,
        // A view would keep all of the larger buffer in memory, which MQTT.js cuts messages from.
        payload: payload.length < payload.buffer.byteLength / 2 ? payload.slice() : payload,
        ...omittedBytes !== undefined && { omittedBytes },
        qos,
        retain: false,
        ...packetId !== undefined && { packetId },
      },
      receivedAt: this.#options.clock.now(),
    };
  }
}
