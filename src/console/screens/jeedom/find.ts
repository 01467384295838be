/**
 * Search in rooms.
 *
 * @module
 */
import type { Room } from "./rooms.ts";

/** Returns the rooms with the equipment that matches all words of a text, in the names of room, equipment or commands. */
export function findEquipment(rooms: readonly Room[], text: string): readonly Room[] {
  const words = text.toLowerCase().split(/\s+/).filter((word) => word !== "");
  if (words.length === 0) return rooms;
  return rooms.map((room) => ({
    ...room,
    equipment: room.equipment.filter(({ name, infos, actions }) => {
      const names = [room.name, name, ...[...infos, ...actions].map((command) => command.name)].join("\n")
        .toLowerCase();
      return words.every((word) => names.includes(word));
    }),
  })).filter(({ equipment }) => equipment.length > 0);
}
