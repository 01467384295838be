/**
 * Replies of the scripts of the log, checked and typed.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { QoS } from "../mqtt/broker.ts";
import type {
  LogEntry,
  LogPage,
  LogState,
  SharedOwnerState,
  StoredLogEntry,
  WantedFilter,
} from "../mqtt/replicas/event_log.ts";
import type { SeenLease } from "../mqtt/replicas/lease_watch.ts";
import { decodeLogEntry } from "../mqtt/replicas/log_entry_codec.ts";

/** Items of the state at the beginning of a reply. */
const STATE_ITEMS = 3;
const FILTER = /^[-012]:\d+:([012]):(\d+)$/;
const OWNER_STATE = /^(\d+):([012]):(-|-1|\d+)$/;

/** Reads the reply of READ_LEASE. */
export function parseLease(reply: unknown): SeenLease | undefined {
  const [token, renewals] = listOf(reply);
  return token === undefined ? undefined : { token: textOf(token), renewals: numberOf(renewals) };
}

/** Reads the reply of READ, as bytes. */
export function parsePage(reply: unknown): LogPage {
  const items = listOf(reply);
  const entries: StoredLogEntry[] = [];
  for (let index = STATE_ITEMS; index < items.length; index += 3) {
    const bytes = items[index + 2];
    entries.push(storedEntry(items[index], items[index + 1], bytes));
  }
  return { ...stateOf(items), entries };
}

/** Reads the reply of XREVRANGE, as bytes: the entries with their ids, the newest first. */
export function parseRange(reply: unknown): StoredLogEntry[] {
  return listOf(reply).map((item) => {
    const [id, fields] = listOf(item);
    const [, , , token, , entry] = listOf(fields);
    return storedEntry(id, token, entry);
  });
}

/** Reads the reply of WANT. */
export function parseWanted(
  reply: unknown,
  filters: readonly string[],
): { readonly filters: readonly WantedFilter[]; readonly state: LogState } {
  const items = listOf(reply);
  const wanted = filters.map((filter, index) => {
    const qos = items[STATE_ITEMS + 2 * index];
    const owner = textOf(items[STATE_ITEMS + 2 * index + 1]);
    return { filter, grantedQos: qos === -1 ? undefined : qosOf(qos), owner: ownerOf(owner) };
  });
  return { filters: wanted, state: stateOf(items) };
}

/**
 * Reads the reply of HSCAN for the filters: those that replicas want, with the QoS, and the cursor of the next page.
 */
export function parseFilters(
  reply: unknown,
): { readonly cursor: string; readonly wanted: readonly (readonly [filter: string, qos: QoS])[] } {
  const [cursor, found] = listOf(reply);
  const items = parseTexts(found);
  const wanted: (readonly [string, QoS])[] = [];
  for (let index = 0; index < items.length; index += 2) {
    const [, qos, count] = FILTER.exec(items[index + 1] ?? "") ?? [];
    if (numberOf(count) > 0) wanted.push([textOf(items[index]), qosOf(qos)]);
  }
  return { cursor: textOf(cursor), wanted };
}

/** Reads a list of names, each followed by a number. */
export function parsePairs(reply: unknown): Map<string, number> {
  const items = listOf(reply);
  const pairs = new Map<string, number>();
  for (let index = 0; index < items.length; index += 2) pairs.set(textOf(items[index]), numberOf(items[index + 1]));
  return pairs;
}

/** Reads a list of texts. */
export function parseTexts(reply: unknown): string[] {
  return listOf(reply).map(textOf);
}

/** Reads a whole number, which the server may send as text. */
export function numberOf(item: unknown): number {
  const number = typeof item === "number" ? item : Number(textOf(item));
  if (!Number.isSafeInteger(number)) throw unexpected();
  return number;
}

function qosOf(item: unknown): QoS {
  const qos = numberOf(item);
  if (qos !== 0 && qos !== 1 && qos !== 2) throw unexpected();
  return qos;
}

function stateOf([epoch, last, first]: readonly unknown[]): LogState {
  return { epoch: textOf(epoch), last: numberOf(last), first: numberOf(first) };
}

function storedEntry(id: unknown, token: unknown, entry: unknown): StoredLogEntry {
  if (!(entry instanceof Uint8Array)) throw unexpected();
  const [sequence] = textOf(id).split("-");
  return { sequence: numberOf(sequence), token: textOf(token), entry: decodedEntry(entry) };
}

/** Decodes an entry; one that is none tells readers that something may be missing, and stops them no longer. */
function decodedEntry(bytes: Uint8Array): LogEntry {
  try {
    return decodeLogEntry(bytes);
  } catch {
    return { type: "gap" };
  }
}

function ownerOf(text: string): SharedOwnerState | undefined {
  if (text === "") return undefined;
  const [, activeFrom, qos, retainedUntil] = OWNER_STATE.exec(text) ?? [];
  return {
    activeFrom: numberOf(activeFrom),
    qos: qosOf(qos),
    retainedUntil: retainedUntil === "-" ? undefined : numberOf(retainedUntil),
  };
}

function listOf(reply: unknown): readonly unknown[] {
  if (!Array.isArray(reply)) throw unexpected();
  return reply;
}

/** Reads a text. */
export function textOf(item: unknown): string {
  if (typeof item === "string") return item;
  if (Buffer.isBuffer(item)) return item.toString();
  throw unexpected();
}

function unexpected(): Error {
  return new Error("Redis sent an unexpected reply");
}
