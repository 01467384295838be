/**
 * Memory for large records that are sealed for one listener alone, as version 2 does: a key's listeners get one after
 * the other, so that a message to all of them is not held as many times.
 *
 * @module
 */

/** A record with more bytes needs room, and is sealed alone. */
export const LARGE_BYTES = 2 ** 20;

/** Most bytes of such records that one owner's listeners hold, if it is more than one record. */
const MAX_RECORD_BYTES = 16 * 2 ** 20;

/** Room for large records, by owner. */
export class LargeRecords {
  readonly #rooms = new Map<string, Room>();

  /**
   * Takes room for a record, once there is any.
   *
   * @param owner name of the key
   * @param bytes length of the record
   * @returns a promise of the function that gives the room back; undefined where the record needs none
   */
  acquire(owner: string, bytes: number): Promise<() => void> | undefined {
    return bytes <= LARGE_BYTES ? undefined : this.#acquire(owner, bytes);
  }

  async #acquire(owner: string, bytes: number): Promise<() => void> {
    const room = this.#rooms.get(owner) ?? { bytes: 0, waiting: [] };
    this.#rooms.set(owner, room);
    while (room.bytes > 0 && room.bytes + bytes > MAX_RECORD_BYTES) {
      await new Promise<void>((resolve) => room.waiting.push(resolve));
    }
    room.bytes += bytes;
    return () => {
      room.bytes -= bytes;
      // Each of them looks again, in the order in which they came.
      for (const resolve of room.waiting.splice(0)) resolve();
    };
  }
}

/** Bytes that one owner's listeners hold, and the listeners that wait for room. */
interface Room {
  bytes: number;
  readonly waiting: (() => void)[];
}
