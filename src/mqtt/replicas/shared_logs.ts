/**
 * Logs that this process shares with other replicas: that of the default broker, and those of logins that requests name.
 *
 * @module
 */
import type { BrokerAddress, BrokerError } from "../broker.ts";
import type { EventHistory } from "../hub/history.ts";
import type { SharedHub, SharedHubs } from "../pool.ts";
import type { Replica } from "./replica.ts";

/** Most logs of logins that requests name: each takes connections and memory of the server. */
export const MAX_LOGIN_LOGS = 8;

/** Most of them that are open because of one owner. */
const LOGIN_LOGS_PER_OWNER = 2;

/** Logs, and how others are made. */
export interface SharedLogsOptions {
  /** Log of the default broker; undefined if replicas do not share it. */
  readonly defaultHub: Replica | undefined;
  /** Makes the replica of another login, with the memory for its messages. */
  readonly make: (address: BrokerAddress, memory: EventHistory) => Replica;
}

/** All logs of this process. */
export class SharedLogs implements SharedHubs {
  /** Log of the default broker. */
  readonly defaultHub: Replica | undefined;
  readonly #make: SharedLogsOptions["make"];
  /** Logs of logins that requests name, and the owner that each counts for. */
  readonly #logins = new Map<Replica, string>();
  /** Gaps and takeovers of closed logs. */
  readonly #closed = { gaps: 0, takeovers: 0 };

  /** Makes it without logs of other logins. */
  constructor({ defaultHub, make }: SharedLogsOptions) {
    this.defaultHub = defaultHub;
    this.#make = make;
  }

  /** Number of logs of logins that requests name. */
  get logins(): number {
    return this.#logins.size;
  }

  /** Number of entries that are not read, as far as is known. */
  get lag(): number {
    return this.#replicas.reduce((sum, { lag }) => sum + lag, 0);
  }

  /** Number of gaps that listeners were told. */
  get gaps(): number {
    return this.#replicas.reduce((sum, { gaps }) => sum + gaps, this.#closed.gaps);
  }

  /** Number of times that this process became the writer of a log. */
  get takeovers(): number {
    return this.#replicas.reduce((sum, { takeovers }) => sum + takeovers, this.#closed.takeovers);
  }

  /** Makes the hub of a login, as {@linkcode SharedHubs.make}; undefined beyond the limits, and for an embedded broker. */
  make(
    address: BrokerAddress,
    { owner, memory }: { readonly owner: string; readonly memory: EventHistory },
  ): SharedHub | undefined {
    if (address.open !== undefined || this.#logins.size >= MAX_LOGIN_LOGS) return undefined;
    const own = [...this.#logins.values()].filter((each) => each === owner).length;
    if (own >= LOGIN_LOGS_PER_OWNER) return undefined;
    const replica = this.#make(address, memory);
    this.#logins.set(replica, owner);
    return {
      get isNeeded() {
        return replica.isNeeded;
      },
      open: (events) => replica.open(events),
      checkConnections: () => replica.checkConnections(),
      close: (reason) => this.#end(replica, replica.close(reason)),
      leave: (reason) => this.#end(replica, replica.leave(reason)),
    };
  }

  /** Closes all logs. */
  async close(reason: BrokerError): Promise<void> {
    await Promise.all([
      this.defaultHub?.close(reason),
      ...[...this.#logins.keys()].map((replica) => this.#end(replica, replica.close(reason))),
    ]);
  }

  get #replicas(): readonly Replica[] {
    return this.defaultHub === undefined ? [...this.#logins.keys()] : [this.defaultHub, ...this.#logins.keys()];
  }

  async #end(replica: Replica, closed: Promise<void>): Promise<void> {
    try {
      await closed;
    } finally {
      // Only now: until then it has connections.
      if (this.#logins.delete(replica)) {
        this.#closed.gaps += replica.gaps;
        this.#closed.takeovers += replica.takeovers;
      }
    }
  }
}
