/**
 * Encrypted records of the keys in Redis: a hash of version and value, which is replaced as a whole.
 *
 * @module
 */
import { errorText } from "../lib/errors.ts";
import { connectedClient } from "../store/connected_client.ts";
import type { RedisClient } from "../store/redis_connection.ts";
import { redisRemedy } from "../store/redis_remedy.ts";
import { RedisScript } from "../store/redis_script.ts";
import type { RedisServer } from "../store/redis_server.ts";
import { InvalidKeyFileError } from "./default_key_file.ts";
import { KeysUnavailableError } from "./key_store.ts";
import { parseVersion, type SealedKeys } from "./keys_cipher.ts";

/** Server of the value, and time limit. */
export interface RedisKeysValueOptions {
  /** Server. */
  readonly server: RedisServer;
  /** Longest wait for a connection, in milliseconds. */
  readonly timeoutMs: number;
}

/** Largest value, in bytes: the records of ten thousand keys need a tenth. */
const MAX_VALUE_BYTES = 32 * 2 ** 20;

const PLACE = "The keys are in Redis (KEYS_REDIS=on, REDIS_URL)";
const DOCTOR = "deno task doctor says why";

/** Reads version and value; no value if it is too large. */
const READ = new RedisScript(`
local version = redis.call("HGET", KEYS[1], "version")
if not version then return {} end
if redis.call("HSTRLEN", KEYS[1], "sealed") > tonumber(ARGV[1]) then return {version} end
return {version, redis.call("HGET", KEYS[1], "sealed")}
`);

/** Writes version and value, and announces them, if the version is still the expected one. */
const WRITE = new RedisScript(`
if (redis.call("HGET", KEYS[1], "version") or "0") ~= ARGV[1] then return 0 end
redis.call("HSET", KEYS[1], "version", ARGV[2], "sealed", ARGV[3])
redis.call("PUBLISH", KEYS[1], ARGV[2])
return 1
`);

/** The value in Redis. Every method but `subscribe` throws a `KeysUnavailableError` while Redis is out of reach. */
export class RedisKeysValue {
  readonly #options: RedisKeysValueOptions;
  /** Redis key of the value, and the channel of its announcements. */
  readonly #key: string;

  /** Makes the value; nothing is read yet. */
  constructor(options: RedisKeysValueOptions) {
    this.#options = options;
    this.#key = `${options.server.prefix}keys`;
  }

  /** Returns whether there is one, under any master key. */
  async exists(): Promise<boolean> {
    return await this.#send((client) => client.sendCommand(["EXISTS", this.#key])) === 1;
  }

  /** Returns a text that differs for each version, which is not authenticated. */
  async version(): Promise<string> {
    return String(await this.#send((client) => client.sendCommand(["HGET", this.#key, "version"])));
  }

  /**
   * Reads it; undefined if there is none.
   *
   * @throws {InvalidKeyFileError} if it is not what this gateway writes
   */
  async read(): Promise<SealedKeys | undefined> {
    const call = { keys: [this.#key], args: [String(MAX_VALUE_BYTES)] };
    const reply = await this.#send((client) => READ.run(client, call));
    const [version, sealed]: readonly unknown[] = Array.isArray(reply) ? reply : [];
    if (version === undefined) return undefined;
    const number = typeof version === "string" ? parseVersion(version) : undefined;
    if (number !== undefined && typeof sealed === "string") return { version: number, sealed };
    throw new InvalidKeyFileError(
      `The list of keys in Redis is damaged. Delete ${this.#key} there: a replica that runs gives it its copy`,
    );
  }

  /**
   * Replaces it, and announces its version.
   *
   * @param expected version of the one to replace; 0 for none
   * @returns false if another process was faster: nothing was written
   */
  async replace(expected: number, { version, sealed }: SealedKeys): Promise<boolean> {
    const call = { keys: [this.#key], args: [String(expected), String(version), sealed] };
    return await this.#send((client) => WRITE.run(client, call)) === 1;
  }

  /**
   * Subscribes to announcements, over a connection of its own, as one with a subscription sends no other command. A failure
   * to subscribe is not reported: an announcement may be lost as well.
   *
   * @returns the function that ends the subscription
   */
  subscribe(onVersion: (version: number) => void): () => Promise<void> {
    const connection = this.#options.server.connect();
    const listener = (message: string) => {
      const version = parseVersion(message);
      if (version !== undefined) onVersion(version);
    };
    const stop = connection.onConnect((client) => void client.subscribe(this.#key, listener).catch(() => {}));
    return async () => {
      stop();
      await connection.close();
    };
  }

  async #send<T>(use: (client: RedisClient) => Promise<T>): Promise<T> {
    const { server, timeoutMs } = this.#options;
    const client = await connectedClient(server.connection, timeoutMs);
    if (client === undefined) {
      throw new KeysUnavailableError(`${PLACE}, which is not reachable. ${DOCTOR}`);
    }
    try {
      return await use(client);
    } catch (error) {
      const reason = errorText(error);
      throw new KeysUnavailableError(`${PLACE}, which fails: ${reason}. ${redisRemedy(reason) ?? DOCTOR}`);
    }
  }
}
