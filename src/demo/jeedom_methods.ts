/**
 * API methods of the simulated Jeedom, with the answers of a real one (`core/api/jeeApi.php`).
 *
 * @module
 */
import { setTimeout as pause } from "node:timers/promises";
import { isObject } from "../lib/json.ts";
import { JeedomRooms, simulatedPast } from "./jeedom_rooms.ts";
import { type Change, LIGHT_ID, type SimulatedHome } from "./simulated_home.ts";

/** Parameters of a call. */
export type Params = Readonly<Record<string, unknown>>;

/** Method, which returns the result of a call. */
export type Method = (params: Params) => unknown;

/** JSON-RPC error, sent with HTTP 200. */
export class RpcError extends Error {
  /** Makes the error from Jeedom's code and its message. */
  constructor(readonly code: number, message: string) {
    super(message);
  }
}

/** Crash of PHP: HTTP 500 with an empty body. */
export class Crash extends Error {}

/** Methods whose answers hold values of commands; a value that is not UTF-8 empties them. */
export const NOT_UTF8_METHODS: readonly string[] = ["cmd::byId", "cmd::all", "jeeObject::full", "jeeObject::fullById"];

/** Data of the methods. */
export interface MethodsOptions {
  /** Simulated home. */
  readonly home: SimulatedHome;
  /** Returns the wall clock's time, in milliseconds since 1970. */
  readonly now: () => number;
  /** True to add 300 devices of 10 commands each. */
  readonly isLarge: boolean;
}

/** Makes all methods except `event::changes`, which waits. */
export function createMethods({ home, now, isLarge }: MethodsOptions): Readonly<Record<string, Method>> {
  const rooms = new JeedomRooms(home);
  const commands = () => rooms.commands();
  const scenario = () => ({ id: "1", name: "Good night", isActive: "1", state: "stop" });

  const known = (params: Params, ids: readonly number[], fault: { readonly code: number; readonly what: string }) => {
    const id = Number(params["id"]);
    if (!ids.includes(id)) throw new RpcError(fault.code, `${fault.what} introuvable : ${params["id"]}`);
    return id;
  };
  const knownCommand = (params: Params, code: number) =>
    known(params, commands().map(({ id }) => id), { code, what: "Commande" });

  const execute = (id: number, { options, confirmAction }: Params) => {
    const { type, configuration } = rooms.find(id) ?? {};
    // The light of the home is one command that has a value and switches.
    if (id === LIGHT_ID) home.set(LIGHT_ID, home.value(LIGHT_ID) === 0 ? 1 : 0);
    else if (type === "info") return { value: rooms.value(id), collectDate: formatDate(now()) };
    else if (configuration?.["actionConfirm"] === "1" && Number(confirmAction) !== 1) {
      throw new RpcError(6, "Cette action nécessite une confirmation");
    } else rooms.run(id, isObject(options) ? options : {});
    return undefined;
  };

  return {
    "version": () => "4.5.3",
    "datetime": () => now() / 1000,
    "jeedom::isOk": () => true,
    "jeeObject::all": () => [{ id: 1, name: "Living room", father_id: null }],
    "jeeObject::full": () => isLarge ? [...rooms.full(), ...largeHome()] : rooms.full(),
    "jeeObject::byId": (params) => {
      known(params, [1], { code: 601, what: "Objet" });
      return { id: 1, name: "Living room", father_id: null };
    },
    "jeeObject::fullById": (params) => {
      known(params, [1], { code: 601, what: "Objet" });
      return rooms.room(0);
    },
    "eqLogic::all": () => rooms.equipment(),
    "eqLogic::byId": (params) => {
      known(params, [1], { code: 602, what: "EqLogic" });
      return rooms.equipment()[0];
    },
    "cmd::all": commands,
    "cmd::byId": (params) => {
      const id = knownCommand(params, 701);
      return commands().find((command) => command.id === id);
    },
    "cmd::execCmd": (params) => {
      if (!Array.isArray(params["id"])) return execute(knownCommand(params, 702), params);
      const values = params["id"].map((id) => [id, execute(knownCommand({ id }, 702), params)]);
      return Object.fromEntries(values.filter(([, value]) => value !== undefined));
    },
    "cmd::getHistory": (params) => {
      const id = knownCommand(params, 702);
      const from = typeof params["startTime"] === "string" ? params["startTime"] : "";
      const changes = home.changesSince(0).filter((change) => change.id === id);
      const past = [...simulatedPast(id, now()), ...changes.map(({ value, at }) => ({ value, at: at * 1000 }))];
      return past.map(({ value, at }) => ({ cmd_id: String(id), value: String(value), datetime: formatDate(at) }))
        .filter(({ datetime }) => datetime >= from);
    },
    "scenario::all": () => [scenario()],
    "scenario::byId": (params) => {
      known(params, [1], { code: 703, what: "Scénario" });
      return scenario();
    },
    "scenario::changeState": (params) => {
      known(params, [1], { code: 702, what: "Scénario" });
      if (!["run", "stop", "enable", "disable"].includes(String(params["state"]))) {
        throw new RpcError(-32_000, 'Le paramètre "state" ne peut être vide');
      }
      return true;
    },
    "summary::global": () => ({ temperature: home.value(1), light: home.value(LIGHT_ID) }),
    "message::all": () => [],
  };
}

/** Options of a poll. */
export interface PollOptions {
  /** Simulated home. */
  readonly home: SimulatedHome;
  /** Returns the wall clock's time, in milliseconds since 1970. */
  readonly now: () => number;
  /** Interval of checks for changes, in milliseconds. */
  readonly pollEveryMs: number;
  /** Ends the poll. */
  readonly closeSignal: AbortSignal;
  /** Returns whether the database has been stopped. */
  readonly isDatabaseDown: () => boolean;
}

/**
 * Runs `event::changes`: with `longPolling`, checks repeatedly for that many seconds, rounded up to whole rounds, until there
 * is a change. It continues after its caller has disconnected.
 */
export async function waitForChanges(params: Params, options: PollOptions): Promise<unknown> {
  const { home, now, pollEveryMs, closeSignal, isDatabaseDown } = options;
  const { datetime, longPolling, filter } = params;
  if (filter !== undefined && filter !== null && filter !== "") throw new Crash();
  const since = Number(datetime ?? now() / 1000);
  const rounds = Math.ceil(Number(longPolling ?? 0) * 1000 / pollEveryMs);
  let changes = newestOfEach(home.changesSince(since));
  for (let round = 0; changes.length === 0 && round < rounds && !closeSignal.aborted; round++) {
    await pause(pollEveryMs, undefined, { signal: closeSignal }).catch(() => {});
    if (isDatabaseDown()) {
      throw new RpcError(-32_000, "SQLSTATE[HY000]: General error: 2006 MySQL server has gone away");
    }
    changes = newestOfEach(home.changesSince(since));
  }
  return {
    datetime: now() / 1000,
    result: changes.map(({ id, value, at }) => ({
      datetime: at,
      name: "cmd::update",
      option: { cmd_id: id, value },
    })),
  };
}

/** Keeps only the newest change of each command, as Jeedom does. */
function newestOfEach(changes: readonly Change[]): readonly Change[] {
  const newest = new Map(changes.map((change) => [change.id, change]));
  return changes.filter((change) => newest.get(change.id) === change);
}

/** Formats a time as Jeedom does, `Y-m-d H:i:s`, in UTC. */
function formatDate(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace("T", " ");
}

/** Makes 30 rooms of 10 devices of 10 commands: the largest known installation. */
function largeHome(): readonly unknown[] {
  const count = <T>(length: number, make: (index: number) => T) => Array.from({ length }, (_, index) => make(index));
  return count(30, (room) => ({
    id: String(room + 10),
    name: `Room ${room}`,
    father_id: null,
    isVisible: "1",
    position: String(room),
    eqLogics: count(10, (device) => ({
      id: String(room * 100 + device),
      name: `Device ${room}.${device}`,
      logicalId: `0x00158d000${room * 100 + device}`,
      object_id: String(room + 10),
      eqType_name: "z2m",
      isEnable: "1",
      isVisible: "1",
      status: { lastCommunication: "2026-01-31 12:30:00", warning: "0", danger: "0" },
      cmds: count(10, (command) => ({
        id: String(room * 1000 + device * 10 + command),
        logicalId: `command_${command}`,
        generic_type: "TEMPERATURE",
        eqType: "z2m",
        name: `Command ${command}`,
        order: String(command),
        type: "info",
        subType: "numeric",
        eqLogic_id: String(room * 100 + device),
        isHistorized: "1",
        unite: "°C",
        cache: { collectDate: "2026-01-31 12:30:00", valueDate: "2026-01-31 12:30:00" },
        configuration: { minValue: "-20", maxValue: "50", historizeMode: "avg" },
        display: { icon: "", invertBinary: "0", showNameOndashboard: "1", showNameOnmobile: "1" },
        isVisible: "1",
        currentValue: room + device / 10 + command / 100,
      })),
    })),
  }));
}
