/**
 * Keys and scripts of the durable state on a server of Valkey or Redis.
 *
 * @module
 */
import { errorText } from "../../lib/errors.ts";
import { connectedClient } from "../connected_client.ts";
import type { RedisClient, RedisConnection } from "../redis_connection.ts";
import { readConfig } from "../redis_info.ts";
import { redisRemedy } from "../redis_remedy.ts";
import type { RedisScript, ScriptCall } from "../redis_script.ts";
import type { RedisServer } from "../redis_server.ts";
import { StateStoreError } from "./state_store.ts";

/** Dependencies of the state on a server. */
export interface RedisDatabaseOptions {
  /** The server, which the caller closes later. */
  readonly server: RedisServer;
  /**
   * Prepares the state before its first use, such as by an import; it is repeated until it succeeds.
   *
   * @throws {StateStoreError} if the state cannot be used yet
   */
  readonly prepare?: ((database: RedisRunner) => Promise<void>) | undefined;
}

/** Runs scripts on the keys of the state. */
export interface RedisRunner {
  /** Returns the key of a part of the state. */
  key(part: string): string;
  /** Runs a script. @throws {StateStoreError} if the server fails */
  run(script: RedisScript, call: ScriptCall): Promise<unknown>;
}

/** Longest wait of one command for the server's disk, in milliseconds: the connection answers nothing meanwhile. */
const SYNC_STEP_MS = 100;

/** Longest wait for the server's disk, in milliseconds: a server that syncs its file every second may need two. */
const SYNC_MS = 3000;

/** Longest wait for a connection, in milliseconds: one that was just opened needs a few. */
const CONNECT_MS = 500;

const REMEDY = "set appendonly to yes there, and appendfsync to always for Redis before 7.2";

/** Durable state on a server. */
export class RedisDatabase implements RedisRunner {
  readonly #server: RedisServer;
  readonly #prepare: (database: RedisRunner) => Promise<void>;
  /** Connection for changes that are waited for until they are on disk. */
  #syncing: RedisConnection | undefined;
  /** True for a connection whose server has `WAITAOF`; one without it syncs each command before it replies. */
  readonly #hasWait = new WeakMap<RedisClient, Promise<boolean>>();
  #preparing: Promise<void> | undefined;
  #isClosed = false;

  /** Opens no connection yet. */
  constructor({ server, prepare = () => Promise.resolve() }: RedisDatabaseOptions) {
    this.#server = server;
    this.#prepare = prepare;
  }

  /** Returns the key of a part of the state. */
  key(part: string): string {
    return `${this.#server.prefix}state:${part}`;
  }

  /**
   * Runs a script. A server that loses its newest commands when its machine fails may lose the change.
   *
   * @throws {StateStoreError} if the server fails; then the change may have been made
   */
  async run(script: RedisScript, call: ScriptCall): Promise<unknown> {
    await this.prepare();
    return await this.#runOn(this.#server.connection, script, call);
  }

  /**
   * Runs a script whose change is on the server's disk when the promise settles.
   *
   * @throws {StateStoreError} if the server fails, or keeps nothing on its disk; then the change may have been made
   */
  async runDurably(script: RedisScript, call: ScriptCall): Promise<unknown> {
    await this.prepare();
    return await failingAsState(async () => {
      const client = await this.#syncingClient();
      const hasWait = await this.#checkDurability(client);
      const reply = await script.run(client, call);
      if (hasWait) await untilSynced(client);
      return reply;
    });
  }

  /**
   * Prepares the state, and checks that the server keeps it; also opens the connection for changes, so that the first one
   * need not wait for it.
   *
   * @throws {StateStoreError} if it cannot be used
   */
  async check(): Promise<void> {
    await this.prepare();
    await failingAsState(async () => await this.#checkDurability(await this.#syncingClient()));
  }

  /** Prepares the state. @throws {StateStoreError} if it cannot be used */
  async prepare(): Promise<void> {
    if (this.#isClosed) throw new StateStoreError("The state in Redis is closed: the gateway stops");
    this.#preparing ??= this.#prepare({
      key: (part) => this.key(part),
      run: (script, call) => this.#runOn(this.#server.connection, script, call),
    }).catch((error) => {
      // After its remedy, the next attempt succeeds.
      this.#preparing = undefined;
      throw error;
    });
    await this.#preparing;
  }

  /** Closes its own connection. Later uses fail. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#syncing?.close();
  }

  #runOn(connection: RedisConnection, script: RedisScript, call: ScriptCall): Promise<unknown> {
    return failingAsState(async () => await script.run(await clientOf(connection), call));
  }

  #syncingClient(): Promise<RedisClient> {
    this.#syncing ??= this.#server.connect();
    return clientOf(this.#syncing);
  }

  /** Checks once for each connection, before anything is changed, that the server can keep it on its disk. */
  #checkDurability(client: RedisClient): Promise<boolean> {
    const checking = this.#hasWait.get(client) ?? hasWaitAof(client);
    this.#hasWait.set(client, checking);
    // A wrong configuration may be corrected while the connection lasts.
    checking.catch(() => this.#hasWait.delete(client));
    return checking;
  }
}

/** Returns the client of a connection, which may have been opened just now. @throws {Error} if there is none soon */
async function clientOf(connection: RedisConnection): Promise<RedisClient> {
  const client = await connectedClient(connection, CONNECT_MS);
  if (client === undefined) throw new Error("there is no connection");
  return client;
}

/** Returns true if the server can be waited for, false if it syncs each command before it replies. */
async function hasWaitAof(client: RedisClient): Promise<boolean> {
  try {
    await client.sendCommand(["WAITAOF", "1", "0", "1"]);
    return true;
  } catch (error) {
    const reason = errorText(error);
    if (!/unknown command/i.test(reason)) {
      if (/appendonly is disabled/i.test(reason)) throw notDurable();
      throw error;
    }
  }
  const [appendonly, appendfsync] = [await readConfig(client, "appendonly"), await readConfig(client, "appendfsync")];
  if (appendonly !== "yes" || appendfsync !== "always") throw notDurable();
  return false;
}

/** Waits until all that this connection has changed is on the server's disk. */
async function untilSynced(client: RedisClient): Promise<void> {
  for (let waited = 0; waited < SYNC_MS; waited += SYNC_STEP_MS) {
    const reply = await client.sendCommand(["WAITAOF", "1", "0", String(SYNC_STEP_MS)]);
    if (Array.isArray(reply) && Number(reply[0]) >= 1) return;
  }
  throw new Error(`its file was not synced within ${SYNC_MS} ms`);
}

function notDurable(): StateStoreError {
  return new StateStoreError(`Redis would forget counts of uses and used pairing codes in a power failure: ${REMEDY}`);
}

async function failingAsState<T>(use: () => Promise<T>): Promise<T> {
  try {
    return await use();
  } catch (error) {
    if (error instanceof StateStoreError) throw error;
    const reason = errorText(error);
    throw new StateStoreError(
      `The state in Redis (REDIS_URL) cannot be used: ${reason}. ${redisRemedy(reason) ?? "deno task doctor says why"}`,
      { cause: error },
    );
  }
}
