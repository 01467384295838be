/** Gateways that share a Redis, for tests: each has its own connection and replay store, like a process. */
import type { SealedText } from "../../src/protocol/aead.ts";
import type { RedisServers } from "../../src/store/redis_address.ts";
import { openRedis, type RedisConnection } from "../../src/store/redis_connection.ts";
import { RedisConnectionLog } from "../../src/store/redis_connection_log.ts";
import { createRedisReplayStore, type RedisReplayStore } from "../../src/store/redis_replay.ts";
import type { RedisUrl } from "../../src/net/redis_url.ts";
import type { Claim, RequestIdentity } from "../../src/store/replay_store.ts";
import { until } from "./deadline.ts";
import { REDIS_SERVER, type TestRedis, type TestRedisOptions, withRedis } from "./redis_server.ts";
import { needing } from "./needs.ts";

export const PREFIX = "test:";
export const SECONDS = 600;
/** Time in the middle of a second, in seconds since 1970; the clock only moves when a test sets it. */
export const NOW = Math.floor(Date.now() / 1000) + 0.5;
const TIMEOUT_MS = 4000;

/** Connection, store and log of a gateway. */
export interface Gateway {
  readonly store: RedisReplayStore;
  readonly connection: RedisConnection;
  readonly clock: { seconds: number };
  readonly lines: string[];
  close(): Promise<void>;
}

export interface GatewayOptions {
  readonly user?: string;
  readonly password?: string;
  readonly timeoutMs?: number;
  readonly maxBytes?: number;
  readonly prefix?: string;
  readonly servers?: Pick<RedisServers, "nodes" | "sentinelLogin" | "tls">;
}

export type OpenGateway = (options?: GatewayOptions) => Gateway;

/** Declares a test with a server and a function that opens gateways. */
export function redisTest(
  name: string,
  test: (redis: TestRedis, open: OpenGateway) => Promise<void>,
  options: TestRedisOptions = {},
): void {
  Deno.test(needing(name, { "redis-server": REDIS_SERVER }), () =>
    withRedis(options, async (redis) => {
      const gateways: Gateway[] = [];
      try {
        await test(redis, (options) => {
          const { user, password } = options ?? {};
          const gateway = openGateway(redis.url(user, password), options);
          gateways.push(gateway);
          return gateway;
        });
      } finally {
        for (const gateway of gateways) await gateway.close();
      }
    }));
}

/** Opens a gateway, which the caller closes. */
export function openGateway(
  url: RedisUrl,
  { timeoutMs = TIMEOUT_MS, maxBytes = 2 ** 30, prefix = PREFIX, servers = {} }: GatewayOptions = {},
): Gateway {
  const lines: string[] = [];
  const write = (level: string) => (message: string, properties: Record<string, unknown> = {}) => {
    lines.push(`${level} ${message.replace(/\{(\w+)\}/g, (_, name) => String(properties[name]))}`);
  };
  const log = { info: write("info"), warn: write("warn"), error: write("error") };
  const clock = { seconds: NOW };
  const connection = openRedis({ ...servers, url, timeoutMs, random: () => 0, reports: new RedisConnectionLog(log) });
  const store = createRedisReplayStore({
    connection,
    prefix,
    limits: { maxAgeSeconds: SECONDS / 2, memoryBytes: maxBytes, answerBytes: 100 },
    now: () => clock.seconds * 1000,
    monotonic: () => performance.now(),
    log,
  });
  return {
    store,
    connection,
    clock,
    lines,
    async close() {
      await store.close();
      await connection.close();
    },
  };
}

export const sealed = (text: string) => text as SealedText;

export function identity(
  nonce: number,
  { tag = nonce, kid = "0123456789abcdef", timestamp = NOW } = {},
): RequestIdentity {
  const bytes = (value: number, length: number) => {
    const array = new Uint8Array(length);
    new DataView(array.buffer).setUint32(0, value);
    return array;
  };
  return { kid, nonce: bytes(nonce, 12), tag: bytes(tag, 16), timestamp };
}

/** Claims a request once the store is available. */
export async function claim({ store }: Gateway, request: RequestIdentity): Promise<Claim> {
  let claim: Claim = { kind: "unavailable" };
  await until("the store is available", async () => {
    claim = await store.claim(request);
    return claim.kind !== "unavailable";
  });
  return claim;
}

export async function run(gateway: Gateway, request: RequestIdentity, answer?: string): Promise<void> {
  const first = await claim(gateway, request);
  if (first.kind !== "first") throw new Error(`Claim was ${first.kind}`);
  first.settle(answer === undefined ? undefined : sealed(answer));
}

export async function repeat(gateway: Gateway, request: RequestIdentity): Promise<string | undefined> {
  const claimed = await claim(gateway, request);
  if (claimed.kind !== "repeat") throw new Error(`Claim was ${claimed.kind}`);
  return await claimed.answer;
}

export const kindOf = async (gateway: Gateway, request: RequestIdentity) => (await claim(gateway, request)).kind;

/** Waits for a log line of a gateway that includes a text. */
export const untilLogged = ({ lines }: Gateway, part: string) =>
  until(part, () => lines.some((line) => line.includes(part)));
