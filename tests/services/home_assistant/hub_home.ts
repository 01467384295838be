/** Hub of states on a fake connection, and listeners that record what they receive. */
import type { Position } from "../../../src/protocol/event.ts";
import { ServiceError } from "../../../src/services/service.ts";
import { matcherOfAny } from "../../../src/services/home_assistant/entities.ts";
import { EntityTable } from "../../../src/services/home_assistant/entity_table.ts";
import { StateHistory } from "../../../src/services/home_assistant/state_history.ts";
import { StateHub } from "../../../src/services/home_assistant/state_hub.ts";
import type { StatesConnectionOptions } from "../../../src/services/home_assistant/websocket.ts";
import { ManualClock } from "../../support/manual_clock.ts";

/** Epoch of the hub's positions. */
export const EPOCH = "epoch";

/** Time to stay connected without listeners, in seconds. */
export const RESUME_SECONDS = 120;

/** Error of a lost connection. */
export const LOST = new ServiceError(502, "Home Assistant closed the connection", { code: "service_unreachable" });

/** What a listener received: the kind of each call, and texts such as `light.a=on`. */
export interface Recorded {
  readonly calls: string[];
  /** State of each entity that it knows, as it would show them. */
  readonly view: Map<string, string>;
  /** Position of `connected`. */
  start: Position | undefined;
  /** Position to resume after. */
  position: Position | undefined;
  readonly remove: () => void;
}

const OWNER = {};

/** Options of a recorded listener. */
export interface ListenOptions {
  /** The same one by default. */
  readonly owner?: object;
  readonly patterns?: readonly string[];
  readonly keep?: boolean;
  readonly since?: Position | undefined;
}

/** Makes a hub, and the home that its connection reports. */
export function makeHub({ maxHistoryBytes = 1_000_000, clock = new ManualClock() } = {}) {
  const states = new Map<string, string>();
  const logged: string[] = [];
  let connections = 0;
  let current: StatesConnectionOptions | undefined;
  let backpressure: Promise<void> | undefined;
  const history = new StateHistory({ epoch: EPOCH, maxBytes: maxHistoryBytes, now: () => 0 });
  const hub = new StateHub({
    connect(options) {
      connections += 1;
      current = options;
      return {
        close() {
          if (current === options) current = undefined;
        },
      };
    },
    table: new EntityTable(1_000_000),
    history,
    resumeSeconds: RESUME_SECONDS,
    backpressure: () => backpressure,
    clock,
    random: () => 1 - Number.EPSILON,
    log: {
      info: (message) => void logged.push(message),
      warn: (_message, fields) => void logged.push(`warn ${fields?.["reason"]}`),
      error: (_message, fields) => void logged.push(`error ${fields?.["reason"]}`),
    },
  });

  const report = (event: Readonly<Record<string, unknown>>) => current?.onStates(event);

  function listen({ owner = OWNER, patterns = ["*"], keep = false, since }: ListenOptions = {}): Recorded {
    const calls: string[] = [];
    const view = new Map<string, string>();
    const recorded: { -readonly [Name in keyof Recorded]: Recorded[Name] } = {
      ...{ calls, view },
      ...{ start: undefined, position: since },
      remove: () => {},
    };
    const remove = hub.subscribe({
      owner,
      selection: { patterns, matches: matcherOfAny(patterns) },
      keep,
      since,
      connected(position) {
        calls.push("connected");
        recorded.start = position;
        if (position !== undefined) recorded.position = position;
      },
      gap(position) {
        calls.push("gap");
        view.clear();
        recorded.position = position;
      },
      message({ topic, payload, retain, position }) {
        const state = JSON.parse(String(payload))?.state ?? "removed";
        calls.push(`${topic}=${state}${retain ? " retained" : ""}`);
        if (state === "removed") view.delete(topic);
        else view.set(topic, state);
        recorded.position = position;
      },
      offline: () => void calls.push("offline"),
      online: () => void calls.push("online"),
      ended: (reason) => void calls.push(`ended ${reason.code}`),
    });
    recorded.remove = remove;
    return recorded;
  }

  return {
    hub,
    history,
    clock,
    logged,
    listen,
    /** Number of connections that were opened. */
    get connections() {
      return connections;
    },
    /** True while a connection is open or being opened. */
    get isOpen() {
      return current !== undefined;
    },
    /** States of the home. */
    states,
    setBackpressure: (promise: Promise<void> | undefined) => void (backpressure = promise),
    report,
    /** Sends all states, as the first event of a connection. */
    begin: () => report({ a: Object.fromEntries([...states].map(([entity, s]) => [entity, { s, lc: 1 }])) }),
    /** Sets a state, and reports the change if there is a connection. */
    set(entity: string, state: string) {
      const isNew = !states.has(entity);
      states.set(entity, state);
      return report(isNew ? { a: { [entity]: { s: state, lc: 1 } } } : { c: { [entity]: { "+": { s: state } } } });
    },
    /** Removes an entity, and reports it if there is a connection. */
    remove(entity: string) {
      if (states.delete(entity)) report({ r: [entity] });
    },
    /** Closes the connection from the other side, or the attempt to open it if it is not reached. */
    lose: (reason: ServiceError = LOST, { isReached = true } = {}) => current?.onClosed(reason, { isReached }),
  };
}
