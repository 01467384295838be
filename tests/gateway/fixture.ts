/** A gateway on fakes, and a phone that talks to it without a socket. */
import { getLogger } from "@logtape/logtape";
import type { EventStream } from "../../src/gateway/event_stream.ts";
import { createHandler, type GatewayOptions } from "../../src/gateway/handler.ts";
import { importKey, openEnvelope, parseEnvelope, randomBytes, sealEnvelope } from "../../src/protocol/envelope.ts";
import { createKeyring } from "../../src/security/keyring.ts";
import { createMemoryReplayStore } from "../../src/security/replay_store.ts";
import { createBrokerDirectory } from "../../src/services/broker_directory.ts";
import { type Service, textReply } from "../../src/services/service.ts";

/** 2023-11-14, in seconds: the fixture's clock stands here until a test moves it. */
export const NOW = 1_700_000_000;

/** The fixture's bounds. */
export const LIMITS: GatewayOptions["limits"] = {
  maxAgeSeconds: 60,
  maxBodyBytes: 4096,
  bodyTimeoutMs: 10_000,
  brokerTimeoutMs: 10_000,
  maxQueueBytes: 10_000,
  maxEventBytes: 100_000,
  patienceMs: 10_000,
  keepAliveMs: 10_000,
};

export interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly timestamp: number;
}

/** Makes a gateway; `overrides` replace its parts. */
export async function makeGateway(overrides: Partial<GatewayOptions> = {}) {
  const secret = randomBytes(32);
  const key = await importKey(secret);
  const clock = { seconds: NOW };
  const calls: unknown[] = [];
  const echo: Service = {
    fieldErrorStatus: 400,
    handle(payload) {
      calls.push(payload);
      return Promise.resolve(textReply(200, `call ${calls.length}`));
    },
  };
  const streams = new Set<EventStream>();
  const handler = createHandler({
    keyring: await createKeyring(secret),
    replays: createMemoryReplayStore({
      seconds: 120,
      maxBytes: 1_000_000,
      monotonic: () => clock.seconds * 1000,
    }),
    services: { jeedom: echo, mqtt: echo },
    directory: createBrokerDirectory({ configured: { host: "broker", port: 1883 }, allowed: [], defaultPort: 1883 }),
    connect: () => Promise.reject(new Error("No broker in this test")),
    streams,
    now: () => clock.seconds * 1000,
    random: randomBytes,
    log: getLogger("test"),
    version: "1.2.3",
    limits: LIMITS,
    ...overrides,
  });

  const seal = (value: unknown) =>
    sealEnvelope(key, typeof value === "string" ? value : JSON.stringify(value), randomBytes).then(String);
  const open = async (text: string): Promise<unknown> => JSON.parse(await openEnvelope(key, parseEnvelope(text)));
  const post = (path: string, body: BodyInit) =>
    handler(new Request(`http://gateway${path}`, { method: "POST", body }));

  return {
    handler,
    clock,
    calls,
    streams,
    key,
    seal,
    open,
    post,
    /** Seals a payload with the current timestamp, posts it and opens the answer. */
    async request(path: string, payload: Record<string, unknown>): Promise<Answer> {
      const response = await post(path, await seal({ timestamp: clock.seconds, ...payload }));
      if (response.status !== 200) throw new Error(`HTTP ${response.status} ${await response.text()}`);
      return toAnswer(await open(await response.text()));
    },
    /** Opens the answer of a response. */
    async answer(response: Response): Promise<Answer> {
      return toAnswer(await open(await response.text()));
    },
  };
}

function toAnswer(value: unknown): Answer {
  if (typeof value === "object" && value !== null && "status" in value && "body" in value && "timestamp" in value) {
    return { status: Number(value.status), body: value.body, timestamp: Number(value.timestamp) };
  }
  throw new Error("Not an answer");
}
