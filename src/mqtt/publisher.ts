/**
 * Publishing over connections that are opened on first use, shared, and closed when idle.
 *
 * @module
 */
import {
  type BrokerAddress,
  type BrokerConnection,
  BrokerError,
  type ConnectBroker,
  type Publication,
} from "./broker.ts";
import { tooLate } from "./failure.ts";

/** Publishes single messages to any broker. */
export interface Publisher {
  /**
   * Publishes a message, and waits until the broker acknowledged it. Tried once: what may have reached a
   * device is not sent again, and what could not be sent in time is not sent later.
   *
   * @throws {BrokerError} if there is no connection or no acknowledgement in time
   */
  publish(address: BrokerAddress, publication: Publication): Promise<void>;
  /** Closes all connections. */
  close(): Promise<void>;
}

/** How a publisher is bounded. */
export interface PublisherOptions {
  /** Opens connections. */
  readonly connect: ConnectBroker;
  /** Longest wait for connection and acknowledgement together, in milliseconds. */
  readonly timeoutMs: number;
  /** How long an unused connection stays open, in milliseconds. */
  readonly idleMs: number;
  /** Most connections open at a time. */
  readonly maxConnections: number;
}

interface Shared {
  readonly connection: Promise<BrokerConnection>;
  readonly abandon: AbortController;
  users: number;
  idleTimer: ReturnType<typeof setTimeout> | undefined;
}

/** Makes a publisher without any connection yet. */
export function createPublisher(options: PublisherOptions): Publisher {
  const connections = new Map<string, Shared>();

  function open(id: string, address: BrokerAddress): Shared {
    if (connections.size >= options.maxConnections) dropIdle();
    const abandon = new AbortController();
    const connection = options.connect(address, { signal: abandon.signal });
    const shared: Shared = { connection, abandon, users: 0, idleTimer: undefined };
    connections.set(id, shared);
    const forget = () => {
      clearTimeout(shared.idleTimer);
      if (connections.get(id) === shared) connections.delete(id);
    };
    connection.then(({ lost }) => lost).then(forget, forget);
    return shared;
  }

  async function drop(id: string, shared: Shared, reason: BrokerError): Promise<void> {
    if (connections.get(id) === shared) connections.delete(id);
    clearTimeout(shared.idleTimer);
    shared.abandon.abort(reason);
    await shared.connection.then((connection) => connection.close(reason), () => {});
  }

  /** Makes room for another connection: made-up logins must not lock out the real one. */
  function dropIdle(): void {
    const idle = connections.entries().find(([, { users }]) => users === 0);
    if (idle === undefined) throw new BrokerError(`Too many broker connections: ${connections.size} are busy`);
    drop(...idle, new BrokerError("Idle"));
  }

  function release(id: string, shared: Shared): void {
    shared.users -= 1;
    if (shared.users > 0 || connections.get(id) !== shared) return;
    shared.idleTimer = setTimeout(() => drop(id, shared, new BrokerError("Idle")), options.idleMs);
  }

  return {
    async publish(address, publication) {
      const id = JSON.stringify([address.host, address.port, address.username, address.password]);
      const shared = connections.get(id) ?? open(id, address);
      clearTimeout(shared.idleTimer);
      shared.users += 1;
      const { promise: expired, reject } = Promise.withResolvers<never>();
      let waitingFor = "answer";
      const deadline = setTimeout(() => {
        const error = tooLate(address, waitingFor, options.timeoutMs);
        reject(error);
        // Whatever waits on this connection waits in vain.
        drop(id, shared, error);
      }, options.timeoutMs);
      try {
        const connection = await Promise.race([shared.connection, expired]);
        waitingFor = "acknowledge the message";
        await Promise.race([connection.publish(publication), expired]);
      } finally {
        clearTimeout(deadline);
        release(id, shared);
      }
    },
    async close() {
      const reason = new BrokerError("Gateway is shutting down");
      await Promise.all([...connections].map(([id, shared]) => drop(id, shared, reason)));
    },
  };
}
