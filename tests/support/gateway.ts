/** Gateway on fakes, and a client that calls it without a socket. */
import { getLogger } from "@logtape/logtape";
import type { AccessOptions } from "../../src/gateway/admission.ts";
import {
  type Clocks,
  createHandler,
  type GatewayOptions,
  type HealthOptions,
  type OriginOptions,
} from "../../src/gateway/handler.ts";
import { createLimiters, type RequestSettings } from "../../src/gateway/limiters.ts";
import type { StreamSettings } from "../../src/streams/event_stream.ts";
import { StreamRegistry } from "../../src/streams/stream_registry.ts";
import { EventEncoder } from "../../src/streams/event_encoder.ts";
import { SYSTEM_CLOCK } from "../../src/lib/clock.ts";
import { Deadlines } from "../../src/lib/deadlines.ts";
import { BrokerPool, type BrokerPoolOptions } from "../../src/mqtt/pool.ts";
import { MemoryHistory } from "../../src/mqtt/hub/memory_history.ts";
import type { Decision } from "../../src/observability/audit.ts";
import { EnvelopeError } from "../../src/protocol/aead.ts";
import { type Bytes, randomBytes } from "../../src/protocol/bytes.ts";
import { openEnvelope, parseEnvelope, sealEnvelope } from "../../src/protocol/v1/envelope.ts";
import type { Route } from "../../src/protocol/v2/envelope.ts";
import { type Exchange, openAnswer, sealRequest, type Version } from "../../src/protocol/exchange.ts";
import { importSecretKey } from "../../src/protocol/secret_key.ts";
import type { Payload } from "../../src/protocol/payload.ts";
import { createAddressOf } from "../../src/http/client_address.ts";
import { LiveKeyring } from "../../src/keys/keyring.ts";
import { type AeadName, createImportSecretKey } from "../../src/keys/node_crypto.ts";
import type { KeyRecord } from "../../src/keys/schema.ts";
import { createMemoryReplayStore } from "../../src/store/memory_replay.ts";
import type { ReplayStore } from "../../src/store/replay_store.ts";
import { NO_RATE_LIMITS } from "../../src/limits/rate_limits.ts";
import { createBrokerDirectory } from "../../src/services/mqtt/broker_directory.ts";
import { type Brokers, createMqttService } from "../../src/services/mqtt/service.ts";
import type { BrokerDirectory } from "../../src/services/mqtt/broker_directory.ts";
import { allRights } from "../../src/keys/rights.ts";
import { SERVICES } from "../../src/services/registry.ts";
import { type Service, textReply } from "../../src/services/service.ts";
import { type FlatRights, rightsOf } from "./rights.ts";
import { recordTelemetry } from "./telemetry.ts";

/** 2023-11-14, in seconds: the fixture's clock, until a test moves it. */
export const NOW = 1_700_000_000;

/** Epoch of the fixture's message positions. */
export const EPOCH = "0123456789abcdef";

/** Limits of requests in the fixture. */
export const REQUESTS: RequestSettings = {
  maxBodies: 1000,
  max: 1000,
  maxPerAddress: 1000,
  maxPerKey: 1000,
  maxBodyBytes: 4096,
  bodyTimeoutMs: 10_000,
};

/** Limits of streams in the fixture. */
export const STREAMS: StreamSettings = {
  max: 1000,
  maxPerKey: 1000,
  queueBytes: 10_000,
  backlogBytes: 1_000_000,
  maxEventBytes: 100_000,
  stallTimeoutMs: 10_000,
  keepaliveSeconds: 10,
};

/** Largest answer of a service in the fixture, in bytes. */
const MAX_ANSWER_BYTES = 1_000_000;

export interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly timestamp: number;
}

/** Returns both services, with one function that handles the requests of both. */
export function services(
  handle: (name: string, payload: Payload) => ReturnType<Service["handle"]>,
): readonly Service[] {
  const make = (name: string): Service => ({
    name,
    fieldErrorStatus: 400,
    target: ({ topic }) => topic === undefined ? undefined : String(topic),
    handle: (payload) => handle(name, payload),
  });
  return [make("jeedom"), make("mqtt")];
}

/** Pairing without codes. */
const NO_PAIRING: GatewayOptions["pairing"] = {
  keyring: { open: () => Promise.reject(new EnvelopeError()), identify: () => undefined },
  service: {
    name: "pair",
    fieldErrorStatus: 400,
    target: () => undefined,
    handle: () => Promise.reject(new Error("There is no code")),
  },
};

/** Peer address of the fixture's connections. */
export const PEER = "192.0.2.1";

/** Returns the record of a key with no rights but the given ones. */
export function makeRecord(given: FlatRights & Partial<KeyRecord> & Pick<KeyRecord, "name">): KeyRecord {
  const { services: _1, publish: _2, subscribe: _3, methods: _4, refusedMethods: _5, ...others } = given;
  const { commands: _6, scenarios: _7, endpoints: _8, brokers: _9, ownApikey: _10, ...fields } = others;
  return {
    secret: randomBytes(32),
    created: NOW * 1000,
    disabled: false,
    minProtocol: 1,
    rights: rightsOf(given),
    ...fields,
  };
}

/** Collaborators and settings of the fixture that a test replaces. */
export interface Overrides
  extends
    OriginOptions,
    Partial<AccessOptions>,
    Partial<HealthOptions>,
    Partial<Clocks>,
    Partial<Pick<GatewayOptions, "addressOf" | "pairing" | "audit" | "log" | "telemetry">> {
  /** The services, some of which may be made of the MQTT service of the fixture. */
  readonly services?: readonly Service[] | ((mqtt: Service) => readonly Service[]);
  /** Finds the brokers of requests. */
  readonly directory?: BrokerDirectory;
  /** Publishes messages, in place of the pool of brokers. */
  readonly publish?: Brokers["publish"];
  /** Limits of requests. */
  readonly requests?: Partial<RequestSettings>;
  /** Limits of streams. */
  readonly streams?: Partial<StreamSettings>;
  /** Implementation of AES-256-GCM; WebCrypto by default. */
  readonly aead?: AeadName;
  /** Clock of the limiters; the machine's by default. */
  readonly limiterClock?: () => number;
  /** Opens connections to brokers. */
  readonly connect?: BrokerPoolOptions["connect"];
  /** Further options of the pool of brokers. */
  readonly pool?: { readonly timeoutMs?: number; readonly resumeMs?: number };
}

/** Creates a gateway with the given collaborators and settings. Its client holds a key with all rights. */
export async function makeGateway({ connect, pool = {}, ...overrides }: Overrides = {}) {
  const secret = randomBytes(32);
  const clock = { seconds: NOW };
  /** Offset to which the wall clock was set, in seconds. */
  let setBy = 0;
  const calls: unknown[] = [];
  const streams = new StreamRegistry();
  const encoder = new EventEncoder({ randomBytes, clock: SYSTEM_CLOCK });
  const clocks = { now: () => (clock.seconds + setBy) * 1000, monotonic: () => clock.seconds * 1000 };
  const brokers = new BrokerPool({
    connect: connect ?? (() => Promise.reject(new Error("No broker in this test"))),
    limits: { timeoutMs: pool.timeoutMs ?? 10_000, idleSeconds: 0, maxConnections: 10 },
    hub: {
      history: new MemoryHistory({ epoch: EPOCH, limits: { resumeBytes: 1_000_000 } }),
      limits: { resumeSeconds: (pool.resumeMs ?? 0) / 1000 },
      backpressure: () => encoder.backpressure(),
      random: () => 0,
      onFault: (error) => {
        throw error;
      },
    },
    clock: { ...SYSTEM_CLOCK, ...clocks },
    deadlines: new Deadlines(SYSTEM_CLOCK, 10),
  });
  const telemetry = recordTelemetry();
  const decisions: Decision[] = [];
  const failures: string[] = [];
  const keyring = new LiveKeyring({
    now: () => clock.seconds * 1000,
    random: randomBytes,
    allRights: allRights(SERVICES),
    importSecretKey: createImportSecretKey(overrides.aead ?? "webcrypto"),
  });
  await keyring.replace({ single: secret, records: [] });
  const replays: ReplayStore = createMemoryReplayStore({
    limits: { maxAgeSeconds: 60, memoryBytes: 1_000_000, answerBytes: 100_000 },
    since: NOW,
    monotonic: () => clock.seconds * 1000,
  });
  const limits = { requests: { ...REQUESTS, ...overrides.requests }, streams: { ...STREAMS, ...overrides.streams } };
  const counting = services((_name, payload) => {
    calls.push(payload);
    return Promise.resolve(textReply(200, `call ${calls.length}`));
  });
  const mqtt = createMqttService({
    directory: overrides.directory ??
      createBrokerDirectory({ configured: { host: "broker", port: 1883 }, allowed: [], defaultPort: 1883 }),
    brokers: {
      publish: overrides.publish ??
        ((address, publication, options) => brokers.publish(address, publication, options)),
      listen: (address, subscriber) => brokers.listen(address, subscriber),
    },
    events: {
      encoder,
      maxEventBytes: limits.streams.maxEventBytes,
      telemetry: overrides.telemetry ?? telemetry,
      now: overrides.now ?? clocks.now,
    },
    deadlines: new Deadlines(SYSTEM_CLOCK, 10),
  });
  const handler = createHandler({
    addressOf: overrides.addressOf ?? createAddressOf([]),
    origins: overrides,
    access: {
      keyring: overrides.keyring ?? keyring,
      replays: overrides.replays ?? replays,
      rates: overrides.rates ?? NO_RATE_LIMITS,
      replay: overrides.replay ?? { maxAgeSeconds: 60 },
    },
    pairing: overrides.pairing ?? NO_PAIRING,
    services: (typeof overrides.services === "function" ? overrides.services(mqtt) : overrides.services ?? counting)
      .map((service) =>
        service.name === mqtt.name && service.subscribe === undefined ? { ...mqtt, ...service } : service
      ),
    subscriptions: {
      encoder,
      streams,
      settings: limits.streams,
    },
    limiters: createLimiters(
      { ...limits, maxAnswerBytes: MAX_ANSWER_BYTES },
      overrides.limiterClock === undefined ? {} : { monotonic: overrides.limiterClock },
    ),
    health: { version: overrides.version ?? "1.2.3", isReady: overrides.isReady ?? (() => true) },
    clock: { now: overrides.now ?? clocks.now, monotonic: overrides.monotonic ?? clocks.monotonic },
    randomBytes,
    random: () => 0.5,
    telemetry: overrides.telemetry ?? telemetry,
    audit: overrides.audit ?? {
      decided: (decision) => void decisions.push(decision),
      failed: (address) => void failures.push(address),
      close: () => {},
    },
    log: overrides.log ?? getLogger("test"),
  });

  const send = (request: Request, peer = PEER) => handler(request, peer);
  const parts = {
    send,
    clock,
    calls,
    streams,
    brokers,
    decisions,
    failures,
    keyring,
    replays,
    secret,
    recorded: telemetry.recorded,
  };
  return {
    ...parts,
    /** Sets the gateway's wall clock to an offset in seconds from the clients'. */
    setWall: (seconds: number) => void (setBy = seconds),
    ...await makePhone(secret, parts),
    /** Closes connections to brokers. */
    [Symbol.asyncDispose]: () => brokers.close(),
    /** Returns a client with another key. */
    phone: (other: Bytes, choices: PhoneChoices = {}) => makePhone(other, { ...parts, ...choices }),
  };
}

/** Address, headers and version of a client. */
export interface PhoneChoices {
  readonly peer?: string;
  readonly headers?: HeadersInit;
  /** Version of the protocol; 1 by default. */
  readonly version?: Version;
}

interface PhoneOptions extends PhoneChoices {
  readonly send: (request: Request, peer?: string) => Promise<Response>;
  readonly clock: { readonly seconds: number };
}

/** Client without a socket. */
export type Phone = Awaited<ReturnType<typeof makePhone>>;

async function makePhone(secret: Bytes, { send, clock, peer = PEER, headers = {}, version = 1 }: PhoneOptions) {
  const key = await importSecretKey(secret);
  const write = (value: unknown) => typeof value === "string" ? value : JSON.stringify(value);
  /** Seals an envelope of version 1. */
  const seal = (value: unknown) => sealEnvelope(key.aead, write(value), randomBytes).then(String);
  /** Opens an envelope of version 1. */
  const open = async (text: string): Promise<unknown> => JSON.parse(await openEnvelope(key.aead, parseEnvelope(text)));
  const post = (path: string, body: BodyInit) =>
    send(new Request(`http://gateway${path}`, { method: "POST", body, headers }), peer);
  /** Seals a payload with the current timestamp. */
  const sealNow = (route: Route, payload: Record<string, unknown>) =>
    sealRequest(key, write({ timestamp: clock.seconds, ...payload }), { version, route, random: randomBytes });
  /** Seals and posts a payload; the response belongs to the exchange. */
  async function exchange(route: Route, payload: Record<string, unknown>) {
    const { text, exchange } = await sealNow(route, payload);
    return { response: await post(route, text), exchange };
  }
  /** Opens the answer of a response. */
  const answer = async (response: Response, exchange: Exchange): Promise<Answer> =>
    toAnswer(JSON.parse(await openAnswer(exchange, await response.text())));
  return {
    key,
    seal,
    open,
    post,
    sealNow,
    exchange,
    ask: async (route: Route, payload: Record<string, unknown>) => (await exchange(route, payload)).response,
    /** Sends a request and opens its answer. */
    async request(route: Route, payload: Record<string, unknown>): Promise<Answer> {
      const asked = await exchange(route, payload);
      if (asked.response.status !== 200) {
        throw new Error(`HTTP ${asked.response.status} ${await asked.response.text()}`);
      }
      return await answer(asked.response, asked.exchange);
    },
    /** Opens the answer of a response; of version 1 if no exchange is given. */
    answer: (response: Response, asked: Exchange = { version: 1, key }) => answer(response, asked),
  };
}

function toAnswer(value: unknown): Answer {
  if (typeof value === "object" && value !== null && "status" in value && "body" in value && "timestamp" in value) {
    return { status: Number(value.status), body: value.body, timestamp: Number(value.timestamp) };
  }
  throw new Error("Not an answer");
}
