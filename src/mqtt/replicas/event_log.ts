/**
 * Log of the messages of one broker and login, which all replicas of the gateway read. The replica that holds the lease
 * writes it.
 *
 * @module
 */
import type { BrokerMessage, QoS } from "../broker.ts";

/** Entry of the log, in the order of the broker. */
export type LogEntry =
  /** Message from the broker; never a retained one, which each replica asks for itself. */
  | {
    /** Distinguishes it. */
    readonly type: "message";
    /** The message; `subscriptions` is unset, as the filters that match its topic are those that it is for. */
    readonly message: BrokerMessage;
    /** Time of its arrival, in milliseconds since 1970. */
    readonly receivedAt: number;
  }
  /** Messages before it may be missing: each connection of the writer to the broker begins with one. */
  | { /** Distinguishes it. */ readonly type: "gap" }
  /** The broker is unreachable for the writer. */
  | {
    /** Distinguishes it. */
    readonly type: "offline";
    /** Reason, which goes to clients and contains no secret. */
    readonly reason: string;
  }
  /** The broker granted or refused filters: messages that match a granted one follow. */
  | {
    /** Distinguishes it. */
    readonly type: "granted";
    /** Filters with the highest quality of service that was requested; undefined for a filter that was refused. */
    readonly filters: readonly (readonly [filter: string, qos: QoS | undefined])[];
  }
  /** The filters that replicas want have changed; any replica appends it. */
  | { /** Distinguishes it. */ readonly type: "wanted" };

/**
 * Offsets of positions that each entry has: the first is that of its message, the others are local to a replica, for
 * retained messages and requests. The offset of an entry is its sequence × this.
 */
export const OFFSETS_PER_ENTRY = 65_536;

/** Entry with its place in the log. */
export interface StoredLogEntry {
  /** Number in the log, from 1; only grows, with holes. */
  readonly sequence: number;
  /** Token of the lease under which it was appended; empty for `wanted`, and for the gap of a server that restarted. */
  readonly token: string;
  /** The entry. */
  readonly entry: LogEntry;
}

/** State of the log. */
export interface LogState {
  /**
   * Unique name of this order of entries. A server that was emptied has another one; one that lost its newest entries
   * continues with a much higher sequence and a gap.
   */
  readonly epoch: string;
  /** Sequence of the last entry; 0 if there was none. */
  readonly last: number;
  /** Sequence before which entries are deleted; 1 if none is. */
  readonly first: number;
}

/** Part of the log. */
export interface LogPage extends LogState {
  /** Entries in order, perhaps none. */
  readonly entries: readonly StoredLogEntry[];
}

/** Filter that a replica wants to receive messages of, and what is known of it. */
export interface WantedFilter {
  /** Topic filter. */
  readonly filter: string;
  /** Quality of service that the broker granted to the writer; undefined without a grant. */
  readonly grantedQos: QoS | undefined;
  /**
   * State of the owner that asks, as it is from all replicas: the lowest `activeFrom`, the highest quality of service,
   * and the highest `retainedUntil`, if it is known at each. Undefined if none has one.
   */
  readonly owner: SharedOwnerState | undefined;
}

/** State of one owner in a subscription, as replicas share it. */
export interface SharedOwnerState {
  /** Offset from which it has missed nothing: of a position, not a sequence. */
  readonly activeFrom: number;
  /** Highest quality of service that it was granted. */
  readonly qos: QoS;
  /**
   * Offset of the last retained message that it got, once all were sent; below 0 if there was none, of which -1 is
   * kept. Undefined while they may still be sent.
   */
  readonly retainedUntil: number | undefined;
}

/** The lease is held by another replica, or by none: nothing was appended. */
export class LeaseLostError extends Error {
  /** Makes the error. */
  constructor() {
    super("Another replica holds the lease");
    this.name = "LeaseLostError";
  }
}

/**
 * The log does not know the replica: it was removed, or the server restarted and may have lost what it wanted. It calls
 * `renewReplica` and then wants all its filters again.
 */
export class ReplicaUnknownError extends Error {
  /** Makes the error. */
  constructor() {
    super("The replica is unknown to the log");
    this.name = "ReplicaUnknownError";
  }
}

/**
 * Lease of the writer. It has no time: a replica that sees no renewal at several of its own looks takes it over, so
 * that no clock can make two replicas hold it, and the token is checked in the same step that appends. A restart of the
 * server ends it, as a token that was replaced might be back.
 */
export interface Lease {
  /** Reads the lease; undefined if none was ever taken, or it was given back. */
  read(): Promise<{ readonly token: string; readonly renewals: number } | undefined>;
  /**
   * Takes the lease over, if it is still as it was read.
   *
   * @param token random text of its own for each time that a replica takes the lease
   * @param seen what `read` returned
   * @returns whether it is taken
   */
  take(token: string, seen: { readonly token: string; readonly renewals: number } | undefined): Promise<boolean>;
  /** Renews the lease; false if it is another's now. */
  renew(token: string): Promise<boolean>;
  /** Gives the lease back, if it is still held under the token. */
  release(token: string): Promise<void>;
}

/**
 * Shared log of one broker and login. Every method throws if the server fails, within its time limit; the command may
 * still run later. So a writer takes a new token before it reads or appends again: under the old one, nothing can be
 * appended any more.
 */
export interface EventLog {
  /** Lease of the writer. */
  readonly lease: Lease;
  /** Reads the epoch, as in {@linkcode LogState}. */
  readEpoch(): Promise<string>;
  /**
   * Appends entries, all or none, and records what the broker granted. Deletes old ones at the limits. Calls one after
   * the other keep their order; calls that overlap may not.
   *
   * @returns sequence of the last one
   * @throws {LeaseLostError} if the token is not that of the lease
   */
  append(token: string, entries: readonly LogEntry[]): Promise<number>;
  /**
   * Reads entries after a sequence, the oldest first; waits for the first one. To be called again with the last one's
   * sequence. The reader has missed entries if `first` is beyond the one after its sequence, or if the epoch is
   * another: then it begins again at 0.
   *
   * @param after sequence; 0 for all that are kept
   * @param waitMs longest wait, in milliseconds; then the page has no entries
   */
  read(after: number, options: { readonly waitMs: number; readonly signal: AbortSignal }): Promise<LogPage>;
  /** Reads the newest messages of QoS 1 and above, the oldest first: those that a broker may send again. */
  readUnacknowledged(max: number): Promise<readonly StoredLogEntry[]>;
  /**
   * Registers that a replica wants filters, and appends `wanted` if the broker has not granted them all. The states of
   * the owner that other replicas have are then also those of this replica.
   *
   * @param replica random id of the replica, which has called `renewReplica`
   * @param owner owner on whose behalf it asks; undefined for none
   * @returns the filters in the same order, and the state after it: a message of a filter that is granted later comes
   * after `last`
   * @throws {ReplicaUnknownError} if the replica has to register again
   */
  want(
    replica: string,
    filters: readonly (readonly [filter: string, qos: QoS])[],
    owner: string | undefined,
  ): Promise<{ readonly filters: readonly WantedFilter[]; readonly state: LogState }>;
  /** Removes filters from those that a replica wants, and appends `wanted` if no replica wants one any more. */
  unwant(replica: string, filters: readonly string[]): Promise<void>;
  /**
   * Stores the states of owners at a replica, for the one at which they resume. The lower `activeFrom` and the higher
   * quality of service are kept, but none from before the filter was wanted; nothing is kept of a filter that no replica
   * wants, or of a replica that is unknown. Of several calls, the last one says what `retainedUntil` is, also if an
   * earlier one runs later.
   */
  shareOwners(
    replica: string,
    states: readonly (readonly [filter: string, owner: string, state: SharedOwnerState])[],
  ): Promise<void>;
  /** Deletes the states of owners at a replica; those at others stay. */
  forgetOwners(replica: string, owners: readonly (readonly [filter: string, owner: string])[]): Promise<void>;
  /**
   * Counts one more renewal of a replica: one without renewals is gone, as with the lease.
   *
   * @returns its renewals; 1 for a replica that was unknown, which then wants all its filters again
   */
  renewReplica(replica: string): Promise<number>;
  /** Returns the renewals of all replicas, by id; 0 for one that has to register again. For the writer. */
  readReplicas(): Promise<ReadonlyMap<string, number>>;
  /**
   * Removes a replica that is gone, with all that it wants and its owners' states; the writer then calls `retire`.
   *
   * @throws {LeaseLostError} if the token is not that of the lease
   */
  removeReplica(token: string, replica: string): Promise<void>;
  /**
   * Removes a replica that ends for good, with all that it wants and its owners' states; deletes the log if no other one
   * is known. Grants of its filters stay until the writer calls `retire`.
   */
  leave(replica: string): Promise<void>;
  /**
   * Returns the filters that replicas want, with the highest quality of service since the filter is; for the writer.
   */
  readWanted(): Promise<ReadonlyMap<string, QoS>>;
  /**
   * Deletes grants of filters that no replica wants; for the writer, which then unsubscribes. States of owners from
   * before count no more.
   *
   * @returns the filters whose grants were deleted
   * @throws {LeaseLostError} if the token is not that of the lease
   */
  retire(token: string): Promise<readonly string[]>;
  /** Closes its connections to the server. */
  close(): Promise<void>;
}
