/**
 * Connection to a broker under one login, shared by all publishes or all subscribers.
 *
 * @module
 */
import type { Clock } from "../lib/clock.ts";
import { Deadlines } from "../lib/deadlines.ts";
import {
  type BrokerAddress,
  type BrokerConnection,
  BrokerError,
  type ConnectBroker,
  isFrozen,
  type Publication,
  type ReceiveMessage,
} from "./broker.ts";
import { timeoutError } from "./errors.ts";
import { UNUSED_FILTER } from "./topics/rules.ts";

/** Configuration of a shared connection. */
export interface SharedConnectionOptions {
  /** Opens connections. */
  readonly connect: ConnectBroker;
  /** Longest wait for connection and response together, in milliseconds. */
  readonly timeoutMs: number;
  /** Called for each message, in the broker's order. */
  readonly onMessage: ReceiveMessage;
  /** Called when an open connection has closed. */
  readonly onClosed: (reason: BrokerError) => void;
  /** Clock of the timeout. */
  readonly clock: Pick<Clock, "monotonic" | "after">;
  /** Timeouts of commands; with a timer of their own by default. */
  readonly deadlines?: Deadlines | undefined;
}

/** Attempt to open a connection, and the connection that it led to. */
interface Attempt {
  readonly abort: AbortController;
  readonly opening: Promise<BrokerConnection>;
  /** The open connection; undefined until then. */
  connection: BrokerConnection | undefined;
}

/** Command that was sent on a connection. */
interface PendingCommand<T> {
  /** Settles with the broker's response. */
  readonly response: Promise<T>;
  /** Cancels the command after a timeout; without it the connection is closed. */
  readonly cancel?: () => void;
}

/** Connection that is opened on first use, and again on the next use after it closed. */
export class SharedConnection {
  readonly #address: BrokerAddress;
  readonly #options: SharedConnectionOptions;
  readonly #deadlines: Deadlines;
  #attempt: Attempt | undefined;

  /** Makes it without connecting. */
  constructor(address: BrokerAddress, options: SharedConnectionOptions) {
    this.#address = address;
    this.#options = options;
    this.#deadlines = options.deadlines ?? new Deadlines(options.clock);
  }

  /** True if it is open or being opened. */
  get isOpen(): boolean {
    return this.#attempt !== undefined;
  }

  /**
   * Publishes a message and waits for the broker's acknowledgement. Never retries, as the message may have reached a
   * device, and never sends it after the timeout.
   *
   * @throws {BrokerError} if there is no connection or no acknowledgement in time
   */
  publish(publication: Publication): Promise<void> {
    return this.#run("acknowledge the message", (connection) => {
      const { acknowledged, cancel } = connection.publish(publication);
      return { response: acknowledged, cancel };
    });
  }

  /**
   * Runs a command on the connection, which is opened if necessary. Closes the connection after a timeout, as the
   * state of the command at the broker is unknown.
   *
   * @param awaited text for the timeout error that follows "did not"
   * @throws {BrokerError} if there is no connection or no response in time
   */
  use<T>(awaited: string, command: (connection: BrokerConnection) => Promise<T>): Promise<T> {
    return this.#run(awaited, (connection) => ({ response: command(connection) }));
  }

  /**
   * Checks that the broker responds, on the connection, which is opened if necessary. A timeout closes it only if the
   * broker sends nothing in the second half of it.
   *
   * @throws {BrokerError} if there is no connection or no response in time
   */
  check(): Promise<void> {
    return this.#run("answer", (connection) => ({
      // Every broker acknowledges an UNSUBSCRIBE of an unknown filter, and none checks permissions for it.
      response: connection.unsubscribe([UNUSED_FILTER]),
      cancel: () => {},
    }));
  }

  /** Closes the connection, or aborts the attempt to open it; pending commands fail with the reason. */
  async close(reason: BrokerError = new BrokerError("Connection closed")): Promise<void> {
    if (this.#attempt !== undefined) await this.#close(this.#attempt, reason);
  }

  async #close(attempt: Attempt, reason: BrokerError): Promise<void> {
    attempt.abort.abort(reason);
    this.#detach(attempt, reason);
    await attempt.opening.then((connection) => connection.close(reason), () => {});
  }

  #run<T>(awaited: string, command: (connection: BrokerConnection) => PendingCommand<T>): Promise<T> {
    const { timeoutMs } = this.#options;
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const attempt = this.#open();
    let missing = "answer";
    let release = (reason: BrokerError): void => void this.#close(attempt, reason);
    let isExpired = false;
    const deadline = this.#deadlines.add(timeoutMs, () => {
      isExpired = true;
      const reason = timeoutError(this.#address, missing, timeoutMs);
      release(reason);
      reject(reason);
    });
    const send = async () => {
      try {
        // At once on an open connection: its commands keep the order of their calls.
        const connection = attempt.connection ?? await attempt.opening;
        if (isExpired) return;
        const { response, cancel } = command(connection);
        missing = awaited;
        release = (reason) => {
          cancel?.();
          // A frozen broker must read neither this command later nor the next ones.
          if (cancel === undefined || isFrozen(connection, timeoutMs)) this.#close(attempt, reason);
        };
        resolve(await response);
      } catch (error) {
        reject(error);
      } finally {
        deadline.clear();
      }
    };
    send();
    return promise;
  }

  #open(): Attempt {
    if (this.#attempt !== undefined) return this.#attempt;
    const abort = new AbortController();
    const { connect, onMessage } = this.#options;
    const opening = connect(this.#address, {
      signal: abort.signal,
      // Messages of a connection that is being closed are dropped: a new one may be open already.
      onMessage: (message) => this.#attempt === attempt ? onMessage(message) : undefined,
    });
    const attempt: Attempt = { abort, opening, connection: undefined };
    this.#attempt = attempt;
    opening.then(async (connection) => {
      attempt.connection = connection;
      this.#detach(attempt, await connection.closed);
    }, (reason) => this.#detach(attempt, reason));
    return attempt;
  }

  /** Makes the next use open a new connection, and reports the end of an open one. */
  #detach(attempt: Attempt, reason: BrokerError): void {
    if (this.#attempt !== attempt) return;
    this.#attempt = undefined;
    if (attempt.connection !== undefined) this.#options.onClosed(reason);
  }
}
