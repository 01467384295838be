/** Exceeds each limit of a gateway, and counts the requests that pass. */
import { randomBytes } from "../../src/protocol/bytes.ts";
import type { Exchange } from "../../src/protocol/exchange.ts";
import type { SecretKey } from "../../src/protocol/secret_key.ts";
import type { Rate } from "../../src/limits/rate_limiter.ts";
import { startBroker } from "../../tests/support/broker.ts";
import { startGatewayProcess } from "../../tests/support/gateway_process.ts";
import { postBytes, rawRequest, type RawRequestOptions } from "../../tests/support/raw_request.ts";
import { type FaultyJeedom, startFaultyJeedom } from "../support/faulty_jeedom.ts";
import { type AnswerCheck, checkAnswer, JEEDOM_RESULT } from "./check_answer.ts";
import { type RawAnswer, RawConnection } from "./raw_connection.ts";
import { makeTarget, makeTargetRecords, SLOW_BURST, type Target } from "./target.ts";

/** Result for one limit. */
export interface LimitResult {
  /** Name of the limit. */
  readonly name: string;
  /** Requests, bodies or streams sent. */
  readonly sent: number;
  /** Number of those that passed. */
  readonly passed: number;
  /** Most that may pass in the elapsed time. */
  readonly atMost: number;
}

/** Low enough for a flood to exceed them at once, even on a busy machine. */
const RATES = {
  address: { burst: 24, perSecond: 2 },
  failed: { burst: 8, perSecond: 1 },
  key: { burst: 12, perSecond: 1 },
} as const satisfies Record<string, Rate>;

const CONCURRENT = { address: 5, bodies: 10, requests: 5, keyRequests: 4, streams: 4, keyStreams: 3 } as const;

const ENV = {
  ADDRESS_RATE: String(RATES.address.perSecond),
  ADDRESS_BURST: String(RATES.address.burst),
  FAILED_RATE: String(RATES.failed.perSecond),
  FAILED_BURST: String(RATES.failed.burst),
  KEY_RATE: String(RATES.key.perSecond),
  KEY_BURST: String(RATES.key.burst),
  MAX_REQUESTS_PER_ADDRESS: String(CONCURRENT.address),
  MAX_BODIES: String(CONCURRENT.bodies),
  MAX_REQUESTS: String(CONCURRENT.requests),
  MAX_REQUESTS_PER_KEY: String(CONCURRENT.keyRequests),
  MAX_STREAMS: String(CONCURRENT.streams),
  MAX_STREAMS_PER_KEY: String(CONCURRENT.keyStreams),
  // Only the limits may end pending bodies.
  BODY_TIMEOUT_MS: "120000",
  HEALTH_CHECK_SECONDS: "3600",
};

/** Requests of a flood. */
const FLOOD = 100;

/** Connections of a flood at a time. */
const CONNECTIONS = 4;

/** Longest wait for an answer, in milliseconds: only reached without the limit. */
const TIMEOUT_MS = 20_000;

/** Request as it is sent, and the exchange that opens its answer. */
interface SealedRequest {
  readonly bytes: Uint8Array;
  readonly exchange?: Exchange;
}

/** More requests than a rate limit allows. */
interface Flood {
  readonly name: string;
  readonly rate: Rate;
  /** Makes the request with an index. */
  readonly make: (index: number) => Promise<SealedRequest> | SealedRequest;
  /** Returns whether an answer counts against the limit. */
  readonly passes: (check: AnswerCheck) => boolean;
}

/** Starts a gateway, exceeds each of its limits, and returns the results. */
export async function fuzzLimits(scope?: AsyncDisposableStack): Promise<LimitResult[]> {
  await using started = new AsyncDisposableStack();
  scope?.use(started);
  const broker = await startBroker();
  started.defer(() => broker.stop());
  const jeedom = await startFaultyJeedom(() => JEEDOM_RESULT);
  started.defer(() => jeedom.stop());
  const records = makeTargetRecords();
  const env = {
    JEEDOM_URL: jeedom.url,
    JEEDOM_APIKEY: "fuzz",
    MQTT_BROKER_HOST: broker.host,
    MQTT_BROKER_PORT: String(broker.port),
    ...ENV,
  };
  const gateway = await startGatewayProcess(env, { keys: records });
  started.defer(async () => void await gateway.stop());
  const target = await makeTarget(gateway, records);
  // One after the other, because open requests and streams count together.
  const results = await fuzzRates(target);
  results.push(...await holdBodies(target));
  results.push(...await holdRequests(target, jeedom));
  results.push(...await holdStreams(target));
  return results;
}

/** Exceeds each rate limit, one after the other. */
export async function fuzzRates(target: Target): Promise<LimitResult[]> {
  const results: LimitResult[] = [];
  for (const flood of floodsOf(target)) results.push(await send(flood, target.ports.public));
  return results;
}

/** Returns the faults of results; a limit that nothing passes proves nothing either. */
export function limitFaults(results: readonly LimitResult[]): string[] {
  return results.flatMap(({ name, sent, passed, atMost }) => {
    if (passed > atMost) return [`${name}: ${passed} of ${sent} passed, at most ${Math.floor(atMost)} are allowed`];
    return passed === 0 ? [`${name}: none of ${sent} passed`] : [];
  });
}

function floodsOf({ keys }: Target): Flood[] {
  const ran = ({ executed }: AnswerCheck) => executed !== undefined;
  const failed = ({ outcome }: AnswerCheck) => outcome === "401" || outcome === "200 403";
  const { quick } = keys;
  const publish = (key: SecretKey, from: string, options: Partial<RawRequestOptions> = {}) =>
    rawRequest(key, { from, route: "/mqtt/publish", fields: { topic: "fuzz/limits", message: "x" }, ...options });
  const garbage = (from: string) => postBytes("/gateway", randomBytes(60).toBase64(), { "X-Forwarded-For": from });
  const own = { version: 1, fields: { type: "message", topic: "fuzz/limits", message: "x" } } as const;
  // A key that is used from an address has an allowance of the same size besides that of the address.
  const address = { rate: { burst: 2 * RATES.address.burst, perSecond: 2 * RATES.address.perSecond }, passes: ran };
  const failures = { rate: RATES.failed, passes: failed };
  const key = { rate: RATES.key, passes: ran };
  return [
    { ...address, name: "address", make: () => publish(quick, "203.0.113.1") },
    {
      ...address,
      name: "address behind forged ones",
      make: (index) => publish(quick, `198.51.100.${index}, 203.0.113.2`),
    },
    { ...address, name: "addresses of one IPv6 network", make: (index) => publish(quick, `2001:db8:1:2::${index}`) },
    { ...failures, name: "failures: garbage", make: () => ({ bytes: garbage("203.0.113.4") }) },
    {
      ...failures,
      name: "failures: unknown key",
      make: () => publish(keys.wrong, "203.0.113.5").then(withoutExchange),
    },
    {
      ...failures,
      name: "failures: disabled key",
      make: () => publish(keys.disabled, "203.0.113.6").then(withoutExchange),
    },
    {
      ...failures,
      name: "failures: corrupted",
      make: async () => ({ bytes: corruptBytes((await publish(quick, "203.0.113.7")).bytes) }),
    },
    // Version 1 only: one of version 2 names its key and is answered whatever the failures of its address.
    {
      ...failures,
      name: "failures: expired",
      make: () => publish(quick, "203.0.113.8", { age: 3600, version: 1 }),
    },
    { ...failures, name: "failures: own messages", make: () => publish(quick, "203.0.113.9", own) },
    { ...key, name: "key", make: (index) => publish(keys.mqttOnly, addressAt(index)) },
    { ...key, name: "key, version 1", make: (index) => publish(keys.right, addressAt(index), { version: 1 }) },
    {
      ...key,
      rate: { burst: SLOW_BURST, perSecond: 1 },
      name: "key with its own limit",
      make: (index) => publish(keys.slow, addressAt(index)),
    },
  ];
}

/** Sends a flood and counts the requests that pass. */
async function send({ name, rate, make, passes }: Flood, port: number): Promise<LimitResult> {
  const requests = await Promise.all(Array.from({ length: FLOOD }, (_, index) => make(index)));
  let passed = 0;
  const began = performance.now();
  async function work(): Promise<void> {
    for (let request = requests.pop(); request !== undefined; request = requests.pop()) {
      const connection = await RawConnection.open(port);
      try {
        await connection.send(request.bytes);
        const answer = await connection.read(TIMEOUT_MS);
        if (answer !== undefined && passes(await checkAnswer(answer, { port: "public", exchange: request.exchange }))) {
          passed += 1;
        }
      } finally {
        connection.close();
      }
    }
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, work));
  const seconds = (performance.now() - began) / 1000;
  // Concurrent requests may pass when the limit is reached: they were checked before the last one was counted.
  const atMost = rate.burst + rate.perSecond * (seconds + 1) + CONNECTIONS - 1;
  return { name, sent: FLOOD, passed, atMost };
}

/** Sends calls that Jeedom does not answer: of one key, then of another key as well, then of one address. */
async function holdRequests({ ports, keys }: Target, jeedom: FaultyJeedom): Promise<LimitResult[]> {
  const call = { route: "/gateway", fields: { jsonrpc: "cmd::byId" } } as const;
  const { address, keyRequests, requests } = CONCURRENT;
  const rest = requests - keyRequests;

  jeedom.fault = "frozen";
  const first = await hold(ports.public, times(keyRequests + 3, keys.quick), { ...call, refused: 3 });
  const second = await hold(ports.public, times(rest + 2, keys.jeedomOnly), { ...call, refused: 2 });
  jeedom.fault = "normal";
  for (const held of [first, second]) await held.end();

  jeedom.fault = "frozen";
  const each = [...times(keyRequests, keys.quick), ...times(3, keys.jeedomOnly)];
  const refused = each.length - address;
  const third = await hold(ports.public, each, { ...call, from: "203.0.113.30", refused });
  jeedom.fault = "normal";
  await third.end();
  return [
    { name: "requests of a key at once", sent: first.sent, passed: first.passed, atMost: keyRequests },
    { name: "requests of all keys at once", sent: second.sent, passed: second.passed, atMost: rest },
    { name: "requests of an address at once", sent: third.sent, passed: third.passed, atMost: address },
  ];
}

/** Opens streams: of one key, then of another key as well. */
async function holdStreams({ ports, keys }: Target): Promise<LimitResult[]> {
  const subscribe = { route: "/mqtt/subscribe", fields: { topic: "fuzz/limits" } } as const;
  const first = await hold(ports.public, times(CONCURRENT.keyStreams + 3, keys.quick), { ...subscribe, refused: 3 });
  const rest = CONCURRENT.streams - CONCURRENT.keyStreams;
  const second = await hold(ports.public, times(rest + 2, keys.system), { ...subscribe, refused: 2 });
  for (const held of [first, second]) await held.end({ isAnswered: false });
  return [
    { name: "streams of a key", sent: first.sent, passed: first.passed, atMost: CONCURRENT.keyStreams },
    { name: "streams of all keys", sent: second.sent, passed: second.passed, atMost: rest },
  ];
}

/** Sends incomplete bodies: of one address, and of many. */
async function holdBodies({ ports }: Target): Promise<LimitResult[]> {
  const holdAll = async (addresses: readonly string[], refused: number) => {
    const connections = await Promise.all(addresses.map(() => RawConnection.open(ports.public)));
    const bodies = addresses.map((from) => postBytes("/gateway", "unfinished", { "X-Forwarded-For": from }));
    const sendEach = (part: (body: Uint8Array) => Uint8Array) =>
      Promise.all(bodies.map((body, index) => connections[index]?.send(part(body))));
    await sendEach((body) => body.subarray(0, -1));
    const { refusals, answered } = await firstRefusals(
      connections,
      refused,
      ({ status }) => [408, 429].includes(status),
    );
    // Completes the pending bodies, so that they do not count in the next step.
    await sendEach((body) => body.subarray(-1));
    await answered;
    for (const connection of connections) connection.close();
    return { sent: addresses.length, passed: addresses.length - refusals };
  };
  const same = Array.from({ length: CONCURRENT.address + 4 }, () => "203.0.113.20");
  const many = Array.from({ length: CONCURRENT.bodies + 4 }, (_, index) => addressAt(200 + index));
  return [
    {
      name: "bodies of an address at once",
      ...await holdAll(same, 4),
      atMost: CONCURRENT.address,
    },
    {
      name: "bodies of all addresses at once",
      ...await holdAll(many, 4),
      atMost: CONCURRENT.bodies,
    },
  ];
}

const times = <T>(count: number, thing: T): T[] => Array.from({ length: count }, () => thing);

/** Requests to keep open. */
interface HoldOptions extends Pick<RawRequestOptions, "route" | "fields"> {
  /** Address of all of them; a different one each by default. */
  readonly from?: string;
  /** Number of them that must be refused. */
  readonly refused: number;
}

/** Sends a request with each key that stays unanswered, or whose stream stays open, and waits for the refusals. */
async function hold(port: number, keys: readonly SecretKey[], { refused, from, ...request }: HoldOptions) {
  const sealed = await Promise.all(
    keys.map((key, index) => rawRequest(key, { ...request, from: from ?? `192.0.2.${index + 1}` })),
  );
  const connections = await Promise.all(sealed.map(() => RawConnection.open(port)));
  await Promise.all(sealed.map(({ bytes }, index) => connections[index]?.send(bytes)));
  const { refusals, answered } = await firstRefusals(connections, refused, async (answer, index) => {
    const check = await checkAnswer(answer, { port: "public", exchange: sealed[index]?.exchange });
    return check.outcome.endsWith("429");
  });
  return {
    sent: keys.length,
    passed: keys.length - refusals,
    /** Waits for the answers, unless there are none, and closes all connections. */
    async end({ isAnswered = true }: { readonly isAnswered?: boolean } = {}): Promise<void> {
      if (isAnswered) await answered;
      for (const connection of connections) connection.close();
    },
  };
}

/**
 * Waits until `count` connections have received a refusal, or all have an answer. The others stay open and count
 * against the limit.
 *
 * @returns the number of refusals, and a promise that settles when each connection has an answer or is closed
 */
async function firstRefusals(
  connections: readonly RawConnection[],
  count: number,
  isRefusal: (answer: RawAnswer, index: number) => Promise<boolean> | boolean,
): Promise<{ readonly refusals: number; readonly answered: Promise<unknown> }> {
  let refusals = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  const answered = Promise.all(connections.map(async (connection, index) => {
    const answer = await connection.read(TIMEOUT_MS).catch(() => undefined);
    if (answer !== undefined && await isRefusal(answer, index)) refusals += 1;
    if (refusals >= count) resolve();
  }));
  await Promise.race([promise, answered]);
  return { refusals, answered };
}

/** Removes the exchange, because the answer must not be sealed. */
const withoutExchange = ({ bytes }: SealedRequest): SealedRequest => ({ bytes });

/** Changes a byte of the ciphertext. */
function corruptBytes(bytes: Uint8Array): Uint8Array {
  const changed = bytes.slice();
  const at = changed.length - 10;
  changed[at] = changed[at] === 65 ? 66 : 65;
  return changed;
}

const addressAt = (index: number): string => `198.18.${Math.floor(index / 250)}.${1 + index % 250}`;
