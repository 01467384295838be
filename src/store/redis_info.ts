/**
 * Reply to the command INFO of Valkey and Redis.
 *
 * @module
 */

/** Returns the value of a field; undefined without the field. */
export function infoField(info: string, name: string): string | undefined {
  return new RegExp(`^${name}:(.+?)\\r?$`, "m").exec(info)?.[1];
}
