/**
 * Scripts that run on the server in one step.
 *
 * @module
 */
import type { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import type { RedisClient, ReplyOptions } from "./redis_connection.ts";

/** Keys and arguments of a script. */
export interface ScriptCall extends ReplyOptions {
  /** Keys that it uses, all in one slot. */
  readonly keys: readonly string[];
  /** Its arguments. */
  readonly args?: readonly (string | Buffer)[];
}

/** Script in Lua, which is sent once and then called by its hash. */
export class RedisScript {
  readonly #text: string;
  readonly #hash: string;

  /** Makes a script. */
  constructor(text: string) {
    this.#text = text;
    this.#hash = createHash("sha1").update(text).digest("hex");
  }

  /**
   * Runs it.
   *
   * @throws the server's error, whose message begins with what the script gave to `redis.error_reply`
   */
  async run(
    client: Pick<RedisClient, "sendCommand">,
    { keys, args = [], ...options }: ScriptCall,
  ): Promise<unknown> {
    const rest = [String(keys.length), ...keys, ...args];
    try {
      return await client.sendCommand(["EVALSHA", this.#hash, ...rest], options);
    } catch (error) {
      // A server that was restarted has no scripts.
      if (!(error instanceof Error && error.message.startsWith("NOSCRIPT"))) throw error;
      return await client.sendCommand(["EVAL", this.#text, ...rest], options);
    }
  }
}
