/**
 * Loads as much of Jeedom as the key may read.
 *
 * @module
 */
import { GatewayError } from "@e2e-gateway/client";
import { isObject } from "../../../lib/json.ts";
import { ServiceRefusal } from "../../commands/service_refusal.ts";
import { textIn } from "../../text/scalar.ts";
import type { JeedomAccess, JeedomMethod } from "./access.ts";
import { type Action, type Command, equipmentOf, readCommand, readRooms, type Room } from "./rooms.ts";
import { readScenario, type Scenario, unknownScenario } from "./scenarios.ts";

/** What the key may see of Jeedom. */
export interface JeedomHome {
  /** Rooms that have equipment. */
  readonly rooms: readonly Room[];
  /** Scenarios. */
  readonly scenarios: readonly Scenario[];
  /** Number of commands and scenarios of a limited key that are not asked for, as it has too many. */
  readonly left: number;
}

/** Most commands, and scenarios, of a limited key that are asked for one by one. */
const MAX_SINGLE = 100;

/** Requests for single ones at a time. */
const AT_ONCE = 4;

/** Most waits for the rate limit of the key while one of them is asked for. */
const MAX_WAITS = 10;

/** Calls a method of Jeedom. */
export type Call = (method: JeedomMethod, params?: Readonly<Record<string, unknown>>) => Promise<unknown>;

/** Collaborators. */
export interface LoadOptions {
  /** Access of the key. */
  readonly access: JeedomAccess;
  /** Calls a method. */
  readonly call: Call;
  /** Waits for some milliseconds. */
  readonly wait: (ms: number) => Promise<void>;
}

/**
 * Loads rooms and scenarios. Commands of a key that may not read rooms are in one room without a name.
 *
 * @returns undefined if the answer cannot be read; nothing where the key may read nothing
 * @throws {GatewayError} if there is no answer
 * @throws {ServiceRefusal} if Jeedom refuses
 */
export async function loadHome({ access, call, wait }: LoadOptions): Promise<JeedomHome | undefined> {
  const { may, commands, scenarios } = access;
  const ask = patient(call, wait);
  if (commands === undefined || scenarios === undefined) {
    const [rooms, own] = await Promise.all([loadRooms(access, call), may("scenario::all") ? loadScenarios(call) : []]);
    return rooms === undefined ? undefined : { rooms, scenarios: own, left: 0 };
  }
  const readsCommands = may("cmd::byId");
  const readsScenarios = may("scenario::byId");
  const known = await oneByOne(
    readsCommands || may("cmd::execCmd") ? commands : [],
    readsCommands ? (id) => one("cmd::byId", id, readCommand) : unknownCommand,
  );
  const own = await oneByOne(
    readsScenarios || may("scenario::changeState") ? scenarios : [],
    readsScenarios ? (id) => one("scenario::byId", id, readScenario) : unknownScenario,
  );
  const left = [commands, scenarios].reduce((sum, { length }) => sum + Math.max(0, length - MAX_SINGLE), 0);
  return { rooms: asRoom([known]), scenarios: own, left };

  /** Asks for one. What Jeedom does not know is left out, so that it does not hide the others. */
  async function one<T>(method: JeedomMethod, id: number, read: (value: unknown) => T[]): Promise<T[]> {
    try {
      return read(await ask(method, { id }));
    } catch (error) {
      if (isRefusal(error)) return [];
      throw error;
    }
  }
}

async function loadRooms({ may }: JeedomAccess, call: Call): Promise<readonly Room[] | undefined> {
  if (may("jeeObject::full")) return readRooms(await call("jeeObject::full"));
  if (!may("cmd::all")) return [];
  const all = await call("cmd::all");
  if (all === "ok") return [];
  if (!Array.isArray(all)) return undefined;
  const byEquipment = new Map<string, Command[]>();
  for (const value of all) {
    const id = isObject(value) ? textIn(value["eqLogic_id"]) ?? "" : "";
    byEquipment.set(id, [...byEquipment.get(id) ?? [], ...readCommand(value)]);
  }
  return asRoom([...byEquipment.values()]);
}

/** Loads all scenarios; none where Jeedom refuses, so that they do not hide the rooms. */
async function loadScenarios(call: Call): Promise<readonly Scenario[]> {
  try {
    const all = await call("scenario::all");
    return Array.isArray(all) ? all.flatMap(readScenario) : [];
  } catch (error) {
    if (isRefusal(error)) return [];
    throw error;
  }
}

async function oneByOne<T>(ids: readonly number[], load: (id: number) => T[] | Promise<T[]>): Promise<readonly T[]> {
  const found: T[][] = [];
  const rest = [...ids.slice(0, MAX_SINGLE).entries()];
  const work = async () => {
    for (let next = rest.shift(); next !== undefined; next = rest.shift()) {
      const [index, id] = next;
      found[index] = await load(id);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return found.flat();
}

/** Makes a function that waits for the rate limit of the key, which many requests in a row reach. */
function patient(call: Call, wait: LoadOptions["wait"]): Call {
  return async (method, params) => {
    for (let waits = 0;; waits += 1) {
      try {
        return await call(method, params);
      } catch (error) {
        const isLimited = error instanceof GatewayError && error.code === "rate_limit";
        if (!isLimited || waits >= MAX_WAITS) throw error;
        await wait(Math.max(error.retryAfterMs ?? 0, 1000));
      }
    }
  };
}

function isRefusal(error: unknown): boolean {
  return error instanceof ServiceRefusal || error instanceof GatewayError && error.code === "failed";
}

/** Makes a command of which only the id is known. It may have a value, or open a gate. */
function unknownCommand(id: number): Action[] {
  return [{
    kind: "action",
    id,
    name: `#${id}`,
    subType: "other",
    infoId: undefined,
    genericType: "",
    unit: "",
    range: { min: 0, max: 100, step: 1 },
    choices: [],
    asksConfirmation: true,
    asksCode: false,
  }];
}

/** Makes a room of commands whose equipment has no known name. */
function asRoom(groups: readonly (readonly Command[])[]): readonly Room[] {
  const equipment = groups.filter((commands) => commands.length > 0)
    .map((commands, index) => equipmentOf({ id: String(index), name: "", commands }));
  return equipment.length === 0 ? [] : [{ id: "", name: "", equipment }];
}
