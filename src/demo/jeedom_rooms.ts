/**
 * Rooms of the simulated Jeedom: equipment and its commands, in the forms of Jeedom's API.
 *
 * @module
 */
import { DEVICES, LIGHT_ID, type SimulatedHome } from "./simulated_home.ts";

/** Options of an action, as `cmd::execCmd` takes them. */
export type ActionOptions = Readonly<Record<string, unknown>>;

/** Command, without what is the same for all. */
interface Command {
  readonly id: number;
  readonly name: string;
  readonly type: "info" | "action";
  readonly subType: string;
  readonly unite?: string;
  readonly isHistorized?: true;
  readonly genericType?: string;
  readonly display?: Readonly<Record<string, string>>;
  /** Command that an action changes. */
  readonly changes?: number;
  readonly configuration?: Readonly<Record<string, string>>;
  /** Value at the start, of an info that is not a device of the simulated home. */
  readonly start?: number | string;
  /** Returns what an action sets. */
  readonly set?: (options: ActionOptions) => unknown;
}

/** Equipment with its commands. */
interface Equipment {
  readonly id: number;
  readonly name: string;
  readonly commands: readonly Command[];
}

const percent = { unite: "%", configuration: { minValue: "0", maxValue: "100" } };

/** Contact whose sensor sends 1 for open: Jeedom's own 1 is closed. */
const CONTACT = { genericType: "OPENING", display: { invertBinary: "1" } };

const slider = (options: ActionOptions) => Number(options["slider"]);

const ROOMS: readonly { readonly id: number; readonly name: string; readonly equipment: readonly Equipment[] }[] = [
  {
    id: 1,
    name: "Living room",
    equipment: [
      {
        id: 1,
        name: "Climate sensor",
        commands: [
          info(1, "Temperature", "numeric", { unite: "°C", isHistorized: true, genericType: "TEMPERATURE" }),
          info(11, "Humidity", "numeric", { ...percent, isHistorized: true, genericType: "HUMIDITY", start: 47 }),
        ],
      },
      {
        id: 2,
        name: "Ceiling light",
        commands: [
          info(LIGHT_ID, "Light", "binary", { isHistorized: true, genericType: "LIGHT_STATE_BOOL" }),
          action(31, "On", "other", { changes: LIGHT_ID, genericType: "LIGHT_ON", set: () => 1 }),
          action(32, "Off", "other", { changes: LIGHT_ID, genericType: "LIGHT_OFF", set: () => 0 }),
          info(33, "Brightness", "numeric", { ...percent, start: 60 }),
          action(34, "Dim", "slider", { ...percent, changes: 33, set: slider }),
          info(35, "Colour", "string", { start: "#ffb347" }),
          action(36, "Set colour", "color", { changes: 35, set: (options) => String(options["color"]) }),
        ],
      },
      {
        id: 3,
        name: "Heating",
        commands: [
          info(12, "Setpoint", "numeric", { unite: "°C" }),
          action(13, "Set temperature", "slider", {
            unite: "°C",
            configuration: { minValue: "15", maxValue: "25", step: "0.5" },
            changes: 12,
            set: slider,
          }),
          info(14, "Mode", "string", { start: "comfort" }),
          action(15, "Set mode", "select", {
            configuration: { listValue: "comfort|Comfort;eco|Eco;off|Off" },
            changes: 14,
            set: (options) => String(options["select"]),
          }),
        ],
      },
    ],
  },
  {
    id: 2,
    name: "Entrance",
    equipment: [
      {
        id: 4,
        name: "Front door",
        commands: [info(2, "Front door", "binary", { isHistorized: true, ...CONTACT })],
      },
      {
        id: 5,
        name: "Gate",
        commands: [
          info(4, "Gate", "binary", { isHistorized: true, ...CONTACT }),
          action(41, "Open", "other", { changes: 4, configuration: { actionConfirm: "1" }, set: () => 1 }),
          action(42, "Close", "other", { changes: 4, set: () => 0 }),
        ],
      },
    ],
  },
  {
    id: 3,
    name: "Bedroom",
    equipment: [
      {
        id: 6,
        name: "Shutter",
        commands: [
          info(21, "Position", "numeric", { ...percent, isHistorized: true, start: 100 }),
          action(22, "Move to", "slider", { ...percent, changes: 21, set: slider }),
          action(23, "Up", "other", { changes: 21, set: () => 100 }),
          action(24, "Down", "other", { changes: 21, set: () => 0 }),
        ],
      },
      { id: 7, name: "Speaker", commands: [action(51, "Say", "message", {})] },
    ],
  },
];

/** Command in the form of Jeedom's API. */
export type CommandForm = Readonly<Record<string, unknown>> & { readonly id: number };

type More = Omit<Command, "id" | "name" | "type" | "subType">;

function info(id: number, name: string, subType: string, more: More): Command {
  return { id, name, type: "info", subType, ...more };
}

function action(id: number, name: string, subType: string, more: More): Command {
  return { id, name, type: "action", subType, ...more };
}

const COMMANDS = ROOMS.flatMap(({ equipment }) =>
  equipment.flatMap(({ id: equipmentId, commands }) => commands.map((command) => ({ ...command, equipmentId })))
);

/** Values of the rooms. Numbers are those of the simulated home, so that their changes are its events. */
export class JeedomRooms {
  readonly #home: SimulatedHome;
  readonly #texts = new Map<number, string>();

  /** Makes the rooms of a home. */
  constructor(home: SimulatedHome) {
    this.#home = home;
  }

  /** Returns the rooms, as `jeeObject::full` does. */
  full(): readonly unknown[] {
    return ROOMS.map((_, index) => this.room(index));
  }

  /** Returns one room with everything in it. */
  room(index: number): unknown {
    const { id, name, equipment } = ROOMS[index] ?? { id: 0, name: "", equipment: [] };
    return {
      id,
      name,
      "father_id": null,
      isVisible: 1,
      position: index,
      eqLogics: equipment.map((one) => this.#equipment(one, id)),
    };
  }

  /** Returns the equipment of all rooms. */
  equipment(): readonly unknown[] {
    return ROOMS.flatMap(({ id, equipment }) => equipment.map((one) => this.#equipment(one, id)));
  }

  /** Returns the commands of all rooms. */
  commands(): readonly CommandForm[] {
    return COMMANDS.map(({ equipmentId, ...command }) => this.#command(command, equipmentId));
  }

  /** Returns a command; undefined if there is none of that id. */
  find(
    id: number,
  ): { readonly type: "info" | "action"; readonly configuration?: Readonly<Record<string, string>> } | undefined {
    return COMMANDS.find((command) => command.id === id);
  }

  /** Returns the value of an info. */
  value(id: number): number | string | undefined {
    return this.#texts.get(id) ?? this.#home.value(id) ?? COMMANDS.find((command) => command.id === id)?.start;
  }

  /** Runs an action. */
  run(id: number, options: ActionOptions): void {
    const { changes, set } = COMMANDS.find((command) => command.id === id) ?? {};
    if (changes === undefined || set === undefined) return;
    const value = set(options);
    if (typeof value === "number") this.#home.set(changes, value);
    else this.#texts.set(changes, String(value));
  }

  #equipment({ id, name, commands }: Equipment, room: number): unknown {
    // Ids are numbers in some answers and strings in others, as in Jeedom.
    return {
      id: String(id),
      name,
      "object_id": String(room),
      isEnable: "1",
      isVisible: "1",
      cmds: commands.map((command) => this.#command(command, id)),
    };
  }

  #command(command: Command, equipment: number): CommandForm {
    const {
      id,
      name,
      type,
      subType,
      unite = "",
      isHistorized,
      genericType = "",
      display = {},
      changes,
      configuration = {},
    } = command;
    return {
      id,
      name,
      "eqLogic_id": equipment,
      type,
      subType,
      unite,
      "generic_type": genericType,
      isHistorized: isHistorized ? "1" : "0",
      isVisible: "1",
      value: changes === undefined ? "" : String(changes),
      display: phpMap(display),
      configuration: phpMap(configuration),
      ...type === "info" ? { currentValue: this.value(id) } : {},
    };
  }
}

/** Returns a map as PHP writes it: an empty one is an empty list. */
function phpMap(map: Readonly<Record<string, string>>): Readonly<Record<string, string>> | readonly [] {
  return Object.keys(map).length === 0 ? [] : map;
}

/** Time between two values of the simulated past, and its duration, in milliseconds. */
const PAST = { everyMs: 300_000, forMs: 7 * 86_400_000 };

/** Returns a week of values that were before the simulation began; none of the devices of the home. */
export function simulatedPast(id: number, now: number): readonly { readonly value: number; readonly at: number }[] {
  const { start } = COMMANDS.find((command) => command.id === id && command.isHistorized) ?? {};
  if (typeof start !== "number" || DEVICES.some((device) => device.id === id)) return [];
  return Array.from({ length: PAST.forMs / PAST.everyMs }, (_, index) => {
    const at = now - PAST.forMs + index * PAST.everyMs;
    const daily = Math.sin(at / 86_400_000 * 2 * Math.PI) * 6 + Math.sin(at / 5_000_000) * 1.5;
    return { at, value: Math.round((start + daily) * 10) / 10 };
  });
}
