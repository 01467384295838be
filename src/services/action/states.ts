/**
 * Current states of actions, asked of the services that have them.
 *
 * @module
 */
import { settledWithin } from "../../lib/async.ts";
import { isObject, tryParseJson } from "../../lib/json.ts";
import type { Scope } from "../../keys/rights.ts";
import { FairSemaphore } from "../../limits/fair_semaphore.ts";
import { readRpcOutcome } from "../jeedom/answer.ts";
import type { Payload } from "../../protocol/payload.ts";
import type { Reply, Service } from "../service.ts";

/** Source of the current state of an action. */
export interface StateSource {
  /** Name of the service that is asked. */
  readonly service: "mqtt" | "jeedom" | "home_assistant" | "influxdb";
  /** Request to the service. */
  readonly payload: Payload;
  /** Names of the members that lead to the state, where the service's value is JSON. */
  readonly path: readonly string[];
}

/** A state: short, so that a list of actions stays small. */
export type State = string | number | boolean;

/** Reads states. */
export interface StateReader {
  /** Reads a state; undefined if it cannot be read in time, or is none. */
  read(source: StateSource): Promise<State | undefined>;
  /** Makes the next reads ask again, as an action may have changed any state. */
  expire(): void;
}

/** Longest wait for a state, in milliseconds: the list does not wait for a service that hangs. */
const STATE_TIMEOUT_MS = 2000;

/** Time for which a state is not asked again, in milliseconds: many lists cost a service one request. */
const STATE_FRESH_MS = 1000;

/** Most states that are asked at a time. */
const MAX_STATE_READS = 16;

/** The same of one service: Jeedom has few PHP workers. */
const MAX_STATE_READS_PER_SERVICE = 8;

/** Longest text of a state, in characters. */
const MAX_STATE_LENGTH = 200;

/** Owner of these requests at the services; no key can have this name. */
const OWNER = "states of actions";

/** Parts that read states. */
export interface StateReaderOptions {
  /** Returns a service by its name; undefined if there is none. */
  readonly findService: (name: string) => Service | undefined;
  /** Scope with every right. */
  readonly fullScope: Scope;
  /** The monotonic clock, in milliseconds. */
  readonly monotonic: () => number;
}

/** State of one source. */
interface StateEntry {
  /** State as far as it was read. */
  value: State | undefined;
  /** End of the time for which it is not asked again, in milliseconds. */
  freshUntil: number;
  /** Request that is under way. */
  running: Promise<void> | undefined;
}

/** Makes the reader of states: one request at a time for each, however many list it. */
export function createStateReader({ findService, fullScope, monotonic }: StateReaderOptions): StateReader {
  // An action that the file changes has another source.
  let entries = new WeakMap<StateSource, StateEntry>();
  const reads = new FairSemaphore({ total: MAX_STATE_READS, each: MAX_STATE_READS_PER_SERVICE });

  async function ask({ service: name, payload, path }: StateSource): Promise<State | undefined> {
    const service = findService(name);
    if (service === undefined) return undefined;
    const releases = [await reads.acquire(name, 1)];
    try {
      const reply = await service.handle(payload, {
        key: OWNER,
        kid: "",
        keyCreated: 0,
        scope: fullScope,
        clientSignal: new AbortController().signal,
        holdMemory: (release) => void releases.push(release),
      });
      return toState(memberOf(valueOf(name, reply), path));
    } catch {
      // Not known: the service's own metrics and checks show why.
      return undefined;
    } finally {
      for (const release of releases) release();
    }
  }

  async function read(source: StateSource): Promise<State | undefined> {
    const entry = entries.get(source) ?? { value: undefined, freshUntil: -Infinity, running: undefined };
    entries.set(source, entry);
    if (entry.running === undefined && monotonic() >= entry.freshUntil) {
      entry.running = ask(source).then((value) => {
        entry.value = value;
        entry.freshUntil = monotonic() + STATE_FRESH_MS;
        entry.running = undefined;
      });
    }
    if (entry.running === undefined) return entry.value;
    await settledWithin(entry.running, STATE_TIMEOUT_MS);
    return entry.running === undefined ? entry.value : undefined;
  }

  return { read, expire: () => void (entries = new WeakMap()) };
}

/** Returns the value that an answer has for the state, or the value that has it as a member. */
function valueOf(service: StateSource["service"], { status, bodyJson }: Reply): unknown {
  if (status !== 200) return undefined;
  const body = tryParseJson(bodyJson);
  switch (service) {
    case "mqtt":
      return isObject(body) ? body["payload"] : undefined;
    case "home_assistant":
      return body;
    case "jeedom": {
      const outcome = readRpcOutcome(status, bodyJson);
      return outcome?.kind === "result" ? outcome.result : undefined;
    }
    case "influxdb":
      return isObject(body) ? lastValue(body["rows"]) : undefined;
  }
}

/** Members that hold the state of an object, where the file names none: Home Assistant's, and Jeedom's. */
const STATE_MEMBERS = ["state", "value"];

/** Returns the last column of the last row. */
function lastValue(rows: unknown): unknown {
  const row: unknown = Array.isArray(rows) ? rows.at(-1) : undefined;
  return Array.isArray(row) ? row.at(-1) : undefined;
}

/** Returns the member that a path leads to; without a path, the value itself or its usual member. */
function memberOf(value: unknown, path: readonly string[]): unknown {
  if (path.length === 0) {
    if (!isObject(value)) return value;
    const usual = STATE_MEMBERS.find((name) => Object.hasOwn(value, name));
    return usual === undefined ? undefined : value[usual];
  }
  const whole = typeof value === "string" ? tryParseJson(value) : value;
  return path.reduce<unknown>(
    (part, name) =>
      typeof part === "object" && part !== null && Object.hasOwn(part, name) ? Reflect.get(part, name) : undefined,
    whole,
  );
}

function toState(value: unknown): State | undefined {
  if (typeof value === "number" || typeof value === "boolean") return value;
  return typeof value === "string" && value.length <= MAX_STATE_LENGTH ? value : undefined;
}
