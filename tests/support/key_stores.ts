/** Places of keys in a real Redis, for tests: each has its own connection and copy, like a machine. */
import { KeysCipher } from "../../src/keys/keys_cipher.ts";
import { createKeysCopy } from "../../src/keys/keys_copy.ts";
import type { KeyStore } from "../../src/keys/key_store.ts";
import { createRedisKeyStore } from "../../src/keys/redis_key_store.ts";
import { fillTemplate, SILENT_LOG } from "../../src/observability/log.ts";
import type { Bytes } from "../../src/protocol/bytes.ts";
import { randomBytes } from "../../src/protocol/bytes.ts";
import { SERVICES } from "../../src/services/registry.ts";
import { openRedis } from "../../src/store/redis_connection.ts";
import { RedisConnectionLog } from "../../src/store/redis_connection_log.ts";
import { until } from "./deadline.ts";
import type { TestRedis } from "./redis_server.ts";

/** Place of keys, and the lines that it logged. */
export interface TestKeyStore {
  readonly store: KeyStore;
  readonly lines: string[];
}

export interface TestKeyStoreOptions {
  /** Redis. */
  readonly redis: TestRedis;
  /** File of the copy. */
  readonly copy: string;
  readonly masterKey?: Bytes;
  readonly now?: () => number;
  readonly timeoutMs?: number;
}

export const MASTER_KEY: Bytes = new Uint8Array(32).fill(7);

/** Redis key of the records. */
export const REDIS_KEY = "e2eg:keys";

/** Opens the keys in Redis; `scope` closes the connection. */
export async function openTestKeyStore(
  scope: AsyncDisposableStack,
  { redis, copy, masterKey = MASTER_KEY, now = Date.now, timeoutMs = 2000 }: TestKeyStoreOptions,
): Promise<TestKeyStore> {
  const lines: string[] = [];
  const write = (text: string, properties?: Record<string, unknown>) => void lines.push(fillTemplate(text, properties));
  const connect = () =>
    openRedis({ url: redis.url(), timeoutMs, random: () => 0, reports: new RedisConnectionLog(SILENT_LOG) });
  const connection = connect();
  scope.defer(() => connection.close());
  const store = createRedisKeyStore({
    server: { connection, connect, prefix: "e2eg:" },
    cipher: new KeysCipher(masterKey, randomBytes),
    copy: createKeysCopy(copy, Deno),
    services: SERVICES,
    timeoutMs,
    now,
    log: { warn: write, error: write },
  });
  await until("the connection", () => connection.client !== undefined);
  return { store, lines };
}
