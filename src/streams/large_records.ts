/**
 * Memory for large records, which are sealed for one listener alone: a key's listeners get one after the other, so that
 * a message to all of them is not held as many times.
 *
 * @module
 */
import { Room } from "../limits/room.ts";

/** A record with more bytes needs room, and is sealed alone. */
export const LARGE_EVENT_BYTES = 2 ** 20;

/** Most bytes of such records that one owner's listeners hold, if it is more than one record. */
const MAX_RECORD_BYTES = 16 * 2 ** 20;

/** Most bytes of such records of all owners. */
const MAX_RECORDS_BYTES = 64 * 2 ** 20;

/** Room for large records, by owner. */
export class LargeRecords {
  readonly #room = new Room({ total: MAX_RECORDS_BYTES, each: MAX_RECORD_BYTES });

  /**
   * Takes room for a record, once there is any.
   *
   * @param owner name of the key
   * @param bytes length of the record
   * @returns a promise of the function that gives the room back; undefined where the record needs none
   */
  acquire(owner: string, bytes: number): Promise<() => void> | undefined {
    return bytes <= LARGE_EVENT_BYTES ? undefined : this.#room.acquire(owner, bytes);
  }
}
