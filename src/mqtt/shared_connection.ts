/**
 * A connection to a broker under one login: opened when it is needed, and shared by all publishes, or all listeners.
 *
 * @module
 */
import {
  type BrokerAddress,
  type BrokerConnection,
  BrokerError,
  type ConnectBroker,
  type Publication,
  type ReceiveMessage,
} from "./broker.ts";
import { timeoutError } from "./errors.ts";
import { UNUSED_FILTER } from "./topics/rules.ts";

/** What a shared connection needs. */
export interface SharedConnectionOptions {
  /** Opens connections. */
  readonly connect: ConnectBroker;
  /** Longest wait for connection and answer together, in milliseconds. */
  readonly timeoutMs: number;
  /** Called for each message, in the broker's order. */
  readonly onMessage: ReceiveMessage;
  /** Called when an open connection has ended. */
  readonly onClosed: (reason: BrokerError) => void;
  /** A clock that never jumps, in milliseconds. */
  readonly monotonic: () => number;
}

interface Attempt {
  readonly abandon: AbortController;
  readonly opening: Promise<BrokerConnection>;
  isOpen: boolean;
}

/** A connection that is opened on first use, and again on the next use after it was lost. */
export class SharedConnection {
  readonly #address: BrokerAddress;
  readonly #options: SharedConnectionOptions;
  #attempt: Attempt | undefined;

  /** Makes it; nothing is connected yet. */
  constructor(address: BrokerAddress, options: SharedConnectionOptions) {
    this.#address = address;
    this.#options = options;
  }

  /** Whether it is open, or about to be. */
  get isOpen(): boolean {
    return this.#attempt !== undefined;
  }

  /**
   * Publishes a message, and waits until the broker acknowledged it. Tried once: what may have reached a device is
   * not sent again, and what could not be sent in time is not sent later.
   *
   * @throws {BrokerError} if there is no connection or no acknowledgement in time
   */
  publish(publication: Publication): Promise<void> {
    return this.#inTime("acknowledge the message", (connection) => {
      const { acknowledged, cancel } = connection.publish(publication);
      return { answer: acknowledged, abandon: cancel };
    });
  }

  /**
   * Runs a command on the connection, which is opened for it where there is none. Without an answer in time the
   * connection is ended: nobody knows any more what the broker holds.
   *
   * @param missed what the broker did not do where it does not answer in time, in words that follow "did not"
   * @throws {BrokerError} if there is no connection or no answer in time
   */
  use<T>(missed: string, command: (connection: BrokerConnection) => Promise<T>): Promise<T> {
    return this.#inTime(missed, (connection) => ({ answer: command(connection) }));
  }

  /**
   * Asks the broker for a sign of life, on the connection that is opened for it where there is none. A broker that is
   * only slow keeps its connection.
   *
   * @throws {BrokerError} if there is no connection or no answer in time
   */
  check(): Promise<void> {
    return this.#inTime("answer", (connection) => ({
      // Every broker answers that it has no such subscription, and none asks whether one may.
      answer: connection.unsubscribe([UNUSED_FILTER]),
      abandon: () => {},
    }));
  }

  /** Ends the connection, or the attempt to open one. Whoever uses it is told the reason. */
  async close(reason: BrokerError = new BrokerError("Connection closed")): Promise<void> {
    if (this.#attempt !== undefined) await this.#drop(this.#attempt, reason);
  }

  async #drop(attempt: Attempt, reason: BrokerError): Promise<void> {
    attempt.abandon.abort(reason);
    this.#forget(attempt, reason);
    await attempt.opening.then((connection) => connection.close(reason), () => {});
  }

  async #inTime<T>(
    missed: string,
    command: (connection: BrokerConnection) => { answer: Promise<T>; abandon?: () => void },
  ): Promise<T> {
    const { timeoutMs } = this.#options;
    const { promise: expired, reject } = Promise.withResolvers<never>();
    const attempt = this.#open();
    let giveUp = (reason: BrokerError): void => void this.#drop(attempt, reason);
    let waitingFor = "answer";
    const deadline = setTimeout(() => {
      const reason = timeoutError(this.#address, waitingFor, timeoutMs);
      reject(reason);
      giveUp(reason);
    }, timeoutMs);
    try {
      const connection = await Promise.race([attempt.opening, expired]);
      const { packetsReceived } = connection;
      const sentAt = this.#options.monotonic();
      const { answer, abandon } = command(connection);
      waitingFor = missed;
      giveUp = (reason) => {
        abandon?.();
        // A broker that says nothing at all is frozen: what it has not read by now, it must not read later. Where
        // most of the time went to connecting, its silence says little.
        const isFrozen = connection.packetsReceived === packetsReceived &&
          this.#options.monotonic() - sentAt >= timeoutMs / 2;
        if (abandon === undefined || isFrozen) this.#drop(attempt, reason);
      };
      return await Promise.race([answer, expired]);
    } finally {
      clearTimeout(deadline);
    }
  }

  #open(): Attempt {
    if (this.#attempt !== undefined) return this.#attempt;
    const abandon = new AbortController();
    const { connect, onMessage } = this.#options;
    const opening = connect(this.#address, {
      signal: abandon.signal,
      // What a connection that was given up still brings is not told: somebody may wait for another one by now.
      onMessage: (message) => this.#attempt === attempt ? onMessage(message) : undefined,
    });
    const attempt: Attempt = { abandon, opening, isOpen: false };
    this.#attempt = attempt;
    opening.then(async ({ closed }) => {
      attempt.isOpen = true;
      this.#forget(attempt, await closed);
    }, (reason) => this.#forget(attempt, reason));
    return attempt;
  }

  #forget(attempt: Attempt, reason: BrokerError): void {
    if (this.#attempt !== attempt) return;
    this.#attempt = undefined;
    if (attempt.isOpen) this.#options.onClosed(reason);
  }
}
