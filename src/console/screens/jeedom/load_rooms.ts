/**
 * Loads as much of Jeedom as the key may read.
 *
 * @module
 */
import { GatewayError } from "@e2e-gateway/client";
import { ServiceRefusal } from "../../commands/service_refusal.ts";
import type { JeedomAccess, JeedomMethod } from "./access.ts";
import { type Action, type Command, equipmentOf, readCommand, readRooms, type Room } from "./rooms.ts";

/** Most commands of a limited key that are asked for one by one. */
const MAX_SINGLE = 100;

/** Requests for single commands at a time. */
const AT_ONCE = 4;

/** Calls a method of Jeedom. */
export type Call = (method: JeedomMethod, params?: Readonly<Record<string, unknown>>) => Promise<unknown>;

/**
 * Loads rooms, or where the key may not read them the commands that it has: in one room without a name.
 *
 * @returns undefined if the answer cannot be read; nothing where the key may read nothing
 * @throws {GatewayError} if there is no answer
 * @throws {ServiceRefusal} if Jeedom refuses
 */
export async function loadRooms({ may, commands }: JeedomAccess, call: Call): Promise<readonly Room[] | undefined> {
  if (may("jeeObject::full")) return readRooms(await call("jeeObject::full"));
  if (commands === undefined) {
    if (!may("cmd::all")) return [];
    const all = await call("cmd::all");
    return Array.isArray(all) ? asRoom(all.flatMap(readCommand)) : undefined;
  }
  const found: Command[][] = [];
  const rest = [...commands.slice(0, MAX_SINGLE).entries()];
  const work = async () => {
    for (let next = rest.shift(); next !== undefined; next = rest.shift()) {
      const [index, id] = next;
      found[index] = may("cmd::byId") ? await loadCommand(id, call) : [unknownCommand(id)];
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return asRoom(found.flat());
}

/** Loads one command. One that Jeedom does not know is left out, so that it does not hide the others. */
async function loadCommand(id: number, call: Call): Promise<Command[]> {
  try {
    return readCommand(await call("cmd::byId", { id }));
  } catch (error) {
    if (error instanceof ServiceRefusal) return [];
    if (error instanceof GatewayError && error.code === "failed") return [];
    throw error;
  }
}

/** Makes a command of which only the id is known. It may have a value, or open a gate. */
function unknownCommand(id: number): Action {
  return {
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
  };
}

function asRoom(commands: readonly Command[]): readonly Room[] {
  return commands.length === 0 ? [] : [{ id: "", name: "", equipment: [equipmentOf({ id: "", name: "", commands })] }];
}
