/** Log of messages in its simplest form, with which tests compare the scripts of the real one. */
import type { QoS } from "../../src/mqtt/broker.ts";
import { encodeLogEntry } from "../../src/mqtt/replicas/log_entry_codec.ts";
import {
  LeaseLostError,
  type LogEntry,
  type LogPage,
  type LogState,
  OFFSETS_PER_ENTRY,
  ReplicaUnknownError,
  type SharedOwnerState,
  type StoredLogEntry,
  type WantedFilter,
} from "../../src/mqtt/replicas/event_log.ts";

/** Distance of sequences after a restart of the server. */
const JUMP = 2 ** 20;
/** Further distance for each millisecond since the last change that survived. */
const JUMP_PER_MS = 256;
/** Sequence beyond which a restart begins another epoch. */
const MAX_SEQUENCE = 2 ** 36;
/** Memory that an entry counts beside its bytes and its token. */
const ENTRY_BYTES = 64;

/** Limits of the kept entries. */
export interface LogLimits {
  readonly maxBytes: number;
  readonly maxAgeMs: number;
}

/** Faults of the rules, which show that a test finds them. */
export interface ModelFaults {
  /** True to append without a look at the token. */
  readonly ignoresToken?: boolean;
  /** True to continue with the next sequence after a restart. */
  readonly neverJumps?: boolean;
  /** True to continue with the lease after a restart. */
  readonly keepsLease?: boolean;
  /** True to jump by the same distance at any time. */
  readonly jumpsAlike?: boolean;
}

interface Kept extends StoredLogEntry {
  readonly at: number;
  readonly bytes: number;
}

interface Grant {
  readonly qos: QoS | undefined;
  /** Sequence at which it was wanted first. */
  readonly from: number;
  /** Highest QoS that was wanted since then. */
  readonly wanted: QoS;
}

/** What the server stores. */
interface Stored {
  epoch: string;
  run: number;
  sequence: number;
  first: number;
  /** Sequence of the last gap of a restart: what was granted before counts no more. */
  lost: number;
  /** Time of the last change, in milliseconds. */
  at: number;
  lease: { token: string; renewals: number } | undefined;
  entries: Kept[];
  replicas: Map<string, number>;
  wants: Map<string, Map<string, QoS>>;
  grants: Map<string, Grant>;
  /** By replica, then by filter and owner. */
  owners: Map<string, Map<string, SharedOwnerState>>;
}

/** Server with one log. Each method is one step; those that get an empty list are none, as nothing is sent then. */
export class LogModel {
  /** Number of restarts of the server. */
  run = 1;
  /** Wall clock of the server, in milliseconds. */
  now = 0;
  #stored: Stored | undefined;
  #epochs = 0;
  readonly #limits: LogLimits;
  readonly #faults: ModelFaults;

  constructor(limits: LogLimits = { maxBytes: Infinity, maxAgeMs: Infinity }, faults: ModelFaults = {}) {
    this.#limits = limits;
    this.#faults = faults;
  }

  /** Returns an independent copy. */
  copy(): LogModel {
    const copy = new LogModel(this.#limits, this.#faults);
    copy.run = this.run;
    copy.now = this.now;
    copy.#epochs = this.#epochs;
    copy.#stored = this.#stored && copyOf(this.#stored);
    return copy;
  }

  /** Restarts the server, with what it stored at an earlier moment. */
  restart(earlier: LogModel = this): void {
    this.run += 1;
    this.#stored = earlier.#stored && copyOf(earlier.#stored);
  }

  /** Restarts the server without its last entries. */
  loseTail(count: number): void {
    this.run += 1;
    const stored = this.#stored;
    if (stored === undefined || count === 0) return;
    stored.entries.splice(-count);
    stored.sequence = stored.entries.at(-1)?.sequence ?? stored.first - 1;
  }

  /** Deletes all keys. */
  empty(): void {
    this.#stored = undefined;
  }

  readLease(): { readonly token: string; readonly renewals: number } | undefined {
    const { lease } = this.#open();
    return lease && { ...lease };
  }

  take(token: string, seen: { readonly token: string; readonly renewals: number } | undefined): boolean {
    const stored = this.#open();
    if (stored.lease?.token !== seen?.token || stored.lease?.renewals !== seen?.renewals) return false;
    stored.lease = { token, renewals: 0 };
    return true;
  }

  renew(token: string): boolean {
    const stored = this.#open();
    const { lease } = stored;
    if (lease?.token !== token) return false;
    lease.renewals += 1;
    stored.at = this.now;
    return true;
  }

  release(token: string): void {
    const stored = this.#open();
    if (stored.lease?.token === token) stored.lease = undefined;
  }

  append(token: string, entries: readonly LogEntry[]): number {
    const stored = this.#open();
    if (!this.#faults.ignoresToken) requireToken(stored, token);
    for (const entry of entries) {
      this.#push(stored, token, entry);
      if (entry.type === "granted") { for (const grant of entry.filters) this.#grant(stored, grant); }
    }
    this.#trim(stored, entries.length);
    return stored.sequence;
  }

  read(after: number): LogPage {
    const stored = this.#open();
    const entries = stored.entries.filter(({ sequence }) => sequence > after);
    return { ...stateOf(stored), entries: entries.map(publicEntry) };
  }

  readUnacknowledged(max: number): StoredLogEntry[] {
    const { entries } = this.#open();
    const found = entries.filter(({ entry }) => entry.type === "message" && entry.message.qos > 0);
    return max === 0 ? [] : found.slice(-max).map(publicEntry);
  }

  want(
    replica: string,
    filters: readonly (readonly [filter: string, qos: QoS])[],
    owner: string | undefined,
  ): { readonly filters: readonly WantedFilter[]; readonly state: LogState } {
    const stored = this.#open();
    if (!stored.replicas.get(replica)) throw new ReplicaUnknownError();
    const wants = stored.wants.get(replica) ?? new Map<string, QoS>();
    stored.wants.set(replica, wants);
    for (const [filter, qos] of filters) wants.set(filter, qos);
    const isMissing = filters.some(([filter, qos]) => (grantOf(stored, filter)?.qos ?? -1) < qos);
    if (isMissing) this.#push(stored, "", { type: "wanted" });
    for (const [filter, qos] of filters) {
      const { wanted } = grantOf(stored, filter) ?? begin(stored, filter, undefined);
      if (wanted < qos) change(stored, filter, { wanted: qos });
    }
    if (isMissing) this.#trim(stored, 1);
    const found = filters.map(([filter]) => ({
      filter,
      grantedQos: grantOf(stored, filter)?.qos,
      owner: owner === undefined ? undefined : adoptOwner(stored, replica, [filter, owner]),
    }));
    return { filters: found, state: stateOf(stored) };
  }

  unwant(replica: string, filters: readonly string[]): void {
    if (filters.length === 0) return;
    const stored = this.#open();
    const removed = filters.filter((filter) => stored.wants.get(replica)?.delete(filter));
    if (removed.every((filter) => isWanted(stored, filter))) return;
    this.#push(stored, "", { type: "wanted" });
    this.#trim(stored, 1);
  }

  shareOwners(
    replica: string,
    states: readonly (readonly [filter: string, owner: string, state: SharedOwnerState])[],
  ): void {
    if (states.length === 0) return;
    const stored = this.#open();
    if (!stored.replicas.has(replica)) return;
    for (const [filter, owner, state] of states) {
      const grant = grantOf(stored, filter);
      if (grant === undefined) continue;
      const activeFrom = Math.max(state.activeFrom, grant.from * OFFSETS_PER_ENTRY);
      const retainedUntil = state.retainedUntil === undefined ? undefined : Math.max(-1, state.retainedUntil);
      const known = ownerAt(stored, replica, [filter, owner]);
      const merged = { ...mergeStates([{ ...state, activeFrom }, ...known ? [known] : []]), retainedUntil };
      setOwner(stored, replica, [filter, owner], merged);
    }
  }

  forgetOwners(replica: string, owners: readonly OwnerOfFilter[]): void {
    if (owners.length === 0) return;
    const stored = this.#open();
    for (const owner of owners) stored.owners.get(replica)?.delete(owner.join("\0"));
  }

  renewReplica(replica: string): number {
    const stored = this.#open();
    const known = stored.replicas.get(replica);
    if (known === undefined) forgetReplica(stored, replica);
    const renewals = (known ?? 0) + 1;
    stored.replicas.set(replica, renewals);
    return renewals;
  }

  readReplicas(): Map<string, number> {
    return new Map(this.#open().replicas);
  }

  removeReplica(token: string, replica: string): void {
    const stored = this.#open();
    requireToken(stored, token);
    stored.replicas.delete(replica);
    forgetReplica(stored, replica);
  }

  leave(replica: string): void {
    const stored = this.#open();
    stored.replicas.delete(replica);
    forgetReplica(stored, replica);
    if (stored.replicas.size === 0) this.#stored = undefined;
  }

  readWanted(): Map<string, QoS> {
    const stored = this.#open();
    const wanted = [...stored.grants].filter(([filter]) => isWanted(stored, filter));
    return new Map(wanted.map(([filter, { wanted }]) => [filter, wanted]));
  }

  retire(token: string): string[] {
    const stored = this.#open();
    requireToken(stored, token);
    const retired = [...stored.grants.keys()].filter((filter) => !isWanted(stored, filter));
    for (const filter of retired) stored.grants.delete(filter);
    return retired;
  }

  /** Text of everything that is stored, by which states are compared; of messages, it has the topic. */
  get text(): string {
    const { entries = [], ...stored } = this.#stored ?? {};
    const texts = entries.map(({ sequence, token, entry }) =>
      `${sequence} ${token} ${entry.type === "message" ? entry.message.topic : entry.type}`
    );
    return JSON.stringify([this.run, stored, texts], (_, value) => value instanceof Map ? [...value] : value);
  }

  /** Begins every step: makes what an emptied server lacks, and jumps ahead if the server was restarted. */
  #open(): Stored {
    const { run, now } = this;
    const ms = (stored: Stored) => this.#faults.jumpsAlike ? 0 : Math.max(0, now - stored.at);
    const jumped = (stored: Stored) => stored.sequence + JUMP + JUMP_PER_MS * ms(stored);
    if (this.#stored === undefined || (this.#stored.run !== run && jumped(this.#stored) > MAX_SEQUENCE)) {
      this.#stored = {
        ...{ epoch: `epoch ${this.#epochs += 1}`, run, sequence: 0, first: 1, lost: 0, at: now, lease: undefined },
        ...{ entries: [], replicas: new Map(), wants: new Map(), grants: new Map(), owners: new Map() },
      };
    }
    const stored = this.#stored;
    if (stored.run === run) return stored;
    stored.run = run;
    if (!this.#faults.keepsLease) stored.lease = undefined;
    for (const replica of stored.replicas.keys()) stored.replicas.set(replica, 0);
    if (!this.#faults.neverJumps) stored.sequence = jumped(stored) - 1;
    this.#push(stored, "", { type: "gap" });
    stored.lost = stored.sequence;
    return stored;
  }

  #push(stored: Stored, token: string, entry: LogEntry): void {
    stored.sequence += 1;
    stored.at = this.now;
    const bytes = encodeLogEntry(entry).length + token.length + ENTRY_BYTES;
    stored.entries.push({ sequence: stored.sequence, token, entry, at: this.now, bytes });
  }

  #grant(stored: Stored, [filter, qos]: readonly [string, QoS | undefined]): void {
    if (grantOf(stored, filter) === undefined) begin(stored, filter, qos);
    else change(stored, filter, { qos });
  }

  /** Deletes the oldest entries at the limits, in batches: at most some more than were appended, and none of those. */
  #trim(stored: Stored, appended: number): void {
    const { maxBytes, maxAgeMs } = this.#limits;
    const bytes = () => stored.entries.reduce((sum, { bytes }) => sum + bytes, 0);
    const age = () => this.now - (stored.entries[0]?.at ?? this.now);
    if (bytes() <= maxBytes && age() <= Math.floor(maxAgeMs * 17 / 16)) return;
    for (let budget = 2 * appended + 16; budget > 0 && stored.entries.length > appended; budget--) {
      if (bytes() <= Math.floor(maxBytes * 15 / 16) && age() <= maxAgeMs) return;
      stored.first = (stored.entries.shift()?.sequence ?? 0) + 1;
    }
  }
}

function copyOf(stored: Stored): Stored {
  const copyMaps = <T>(maps: Map<string, Map<string, T>>) => new Map([...maps].map(([id, map]) => [id, new Map(map)]));
  return {
    ...stored,
    lease: stored.lease && { ...stored.lease },
    entries: [...stored.entries],
    replicas: new Map(stored.replicas),
    wants: copyMaps(stored.wants),
    grants: new Map(stored.grants),
    owners: copyMaps(stored.owners),
  };
}

function requireToken(stored: Stored, token: string): void {
  if (stored.lease?.token !== token) throw new LeaseLostError();
}

/** Returns what is known of a filter since it was wanted, unless a restart came between. */
function grantOf(stored: Stored, filter: string): Grant | undefined {
  const grant = stored.grants.get(filter);
  return grant !== undefined && grant.from > stored.lost ? grant : undefined;
}

function begin(stored: Stored, filter: string, qos: QoS | undefined): Grant {
  return change(stored, filter, { qos, from: stored.sequence });
}

function change(stored: Stored, filter: string, changes: Partial<Grant>): Grant {
  const grant = { qos: undefined, from: 0, wanted: 0 as const, ...stored.grants.get(filter), ...changes };
  stored.grants.set(filter, grant);
  return grant;
}

type OwnerOfFilter = readonly [filter: string, owner: string];

function forgetReplica({ wants, owners }: Stored, replica: string): void {
  wants.delete(replica);
  owners.delete(replica);
}

/** Returns the state of an owner at one replica, unless it is from before the filter was wanted. */
function ownerAt(stored: Stored, replica: string, owner: OwnerOfFilter): SharedOwnerState | undefined {
  const state = stored.owners.get(replica)?.get(owner.join("\0"));
  const { from = Infinity } = grantOf(stored, owner[0]) ?? {};
  return state !== undefined && state.activeFrom >= from * OFFSETS_PER_ENTRY ? state : undefined;
}

function setOwner({ owners }: Stored, replica: string, owner: OwnerOfFilter, state: SharedOwnerState): void {
  owners.set(replica, new Map(owners.get(replica)).set(owner.join("\0"), state));
}

/** Returns the state of an owner from all replicas, and stores it for one. */
function adoptOwner(stored: Stored, replica: string, owner: OwnerOfFilter): SharedOwnerState | undefined {
  const states = [...stored.replicas.keys()].flatMap((each) => ownerAt(stored, each, owner) ?? []);
  if (states.length === 0) return undefined;
  const merged = mergeStates(states);
  const own = ownerAt(stored, replica, owner);
  setOwner(stored, replica, owner, { ...merged, ...own && { retainedUntil: own.retainedUntil } });
  return merged;
}

function mergeStates(states: readonly SharedOwnerState[]): SharedOwnerState {
  const isUnknown = states.some(({ retainedUntil }) => retainedUntil === undefined);
  return {
    activeFrom: Math.min(...states.map(({ activeFrom }) => activeFrom)),
    qos: states.map(({ qos }) => qos).reduce((one, other) => one > other ? one : other),
    retainedUntil: isUnknown ? undefined : Math.max(...states.map(({ retainedUntil = -1 }) => retainedUntil)),
  };
}

function isWanted(stored: Stored, filter: string): boolean {
  return [...stored.replicas.keys()].some((replica) => stored.wants.get(replica)?.has(filter));
}

function stateOf({ epoch, sequence, first }: Stored): LogState {
  return { epoch, last: sequence, first };
}

function publicEntry({ sequence, token, entry }: Kept): StoredLogEntry {
  return { sequence, token, entry };
}
