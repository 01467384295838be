/** Sends more than each limit of a gateway lets through, and counts what it lets through. */
import { randomBytes } from "../../src/protocol/bytes.ts";
import type { Exchange } from "../../src/protocol/exchange.ts";
import type { SecretKey } from "../../src/protocol/secret_key.ts";
import type { Rate } from "../../src/keys/schema.ts";
import { startBroker } from "../../tests/support/broker.ts";
import { startGatewayProcess } from "../../tests/support/gateway_process.ts";
import { postBytes, rawRequest, type RawRequestOptions } from "../../tests/support/raw_request.ts";
import { type Jeedom, startJeedom } from "../support/faulty_jeedom.ts";
import { JEEDOM_RESULT, judge, type Verdict } from "./check_answer.ts";
import { type RawAnswer, RawConnection } from "./raw_connection.ts";
import { makeTargetRecords, SLOW_BURST, type Target, targetOf } from "./target.ts";

/** One limit: what was sent, and what came of it. */
export interface LimitResult {
  /** What was sent beyond which limit. */
  readonly name: string;
  /** How many requests, bodies or streams. */
  readonly sent: number;
  /** How many were let through. */
  readonly passed: number;
  /** The most that the limit lets through in the time that it took. */
  readonly atMost: number;
}

/** Small enough that a flood passes them at once, and so slow that a busy machine still does. */
const RATES = {
  address: { burst: 24, perSecond: 2 },
  failed: { burst: 8, perSecond: 1 },
  key: { burst: 12, perSecond: 1 },
} as const satisfies Record<string, Rate>;

const AT_ONCE = { address: 5, bodies: 10, requests: 6, keyRequests: 4, streams: 5, keyStreams: 3 } as const;

const ENV = {
  ADDRESS_RATE: String(RATES.address.perSecond),
  ADDRESS_BURST: String(RATES.address.burst),
  FAILED_RATE: String(RATES.failed.perSecond),
  FAILED_BURST: String(RATES.failed.burst),
  KEY_RATE: String(RATES.key.perSecond),
  KEY_BURST: String(RATES.key.burst),
  MAX_REQUESTS_PER_ADDRESS: String(AT_ONCE.address),
  MAX_BODIES: String(AT_ONCE.bodies),
  MAX_REQUESTS: String(AT_ONCE.requests),
  MAX_REQUESTS_PER_KEY: String(AT_ONCE.keyRequests),
  MAX_STREAMS: String(AT_ONCE.streams),
  MAX_STREAMS_PER_KEY: String(AT_ONCE.keyStreams),
  // Only the limits end what is held open.
  BODY_TIMEOUT_MS: "120000",
  HEALTH_CHECK_SECONDS: "3600",
};

/** Requests of one flood. */
const FLOOD = 100;

/** Connections that a flood uses at a time. */
const CONNECTIONS = 4;

/** Longest wait for an answer, in milliseconds: only a gateway without the limit lets it pass. */
const PATIENCE_MS = 20_000;

/** A request as it is sent, and what opens its answer. */
interface Sealed {
  readonly bytes: Uint8Array;
  readonly exchange?: Exchange;
}

/** A flood: more requests than a rate limit lets through. */
interface Flood {
  readonly name: string;
  readonly rate: Rate;
  /** Makes the request of a place. */
  readonly make: (place: number) => Promise<Sealed> | Sealed;
  /** Tells whether an answer is one of those that the limit counts. */
  readonly passes: (verdict: Verdict) => boolean;
}

/** Floods a gateway of its own, and returns what each limit let through. */
export async function fuzzLimits(scope?: AsyncDisposableStack): Promise<LimitResult[]> {
  await using started = new AsyncDisposableStack();
  scope?.use(started);
  const broker = await startBroker();
  started.defer(() => broker.stop());
  const jeedom = await startJeedom(() => JEEDOM_RESULT);
  started.defer(() => jeedom.die());
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
  const target = await targetOf(gateway, records);
  // One after the other: what is held open would be counted together.
  const results = await fuzzRates(target);
  results.push(...await holdBodies(target));
  results.push(...await holdRequests(target, jeedom));
  results.push(...await holdStreams(target));
  return results;
}

/** Sends more than each rate limit lets through, one after the other. */
export async function fuzzRates(target: Target): Promise<LimitResult[]> {
  const results: LimitResult[] = [];
  for (const flood of floodsOf(target)) results.push(await send(flood, target.ports.public));
  return results;
}

/** Says what is wrong with results; a limit that lets nothing through proves nothing either. */
export function limitFaults(results: readonly LimitResult[]): string[] {
  return results.flatMap(({ name, sent, passed, atMost }) => {
    if (passed > atMost) return [`${name}: ${passed} of ${sent} passed, ${Math.floor(atMost)} at most may`];
    return passed === 0 ? [`${name}: none of ${sent} passed`] : [];
  });
}

function floodsOf({ keys }: Target): Flood[] {
  const ran = ({ ran }: Verdict) => ran !== undefined;
  const failed = ({ outcome }: Verdict) => outcome === "401" || outcome === "200 403";
  const { quick } = keys;
  const publish = (key: SecretKey, from: string, options: Partial<RawRequestOptions> = {}) =>
    rawRequest(key, { from, route: "/mqtt/publish", fields: { topic: "fuzz/limits", message: "x" }, ...options });
  const garbage = (from: string) => postBytes("/gateway", randomBytes(60).toBase64(), { "X-Forwarded-For": from });
  const own = { version: 1, fields: { type: "message", topic: "fuzz/limits", message: "x" } } as const;
  // Beside the limit of an address, a key that is used from there may have as much of its own.
  const address = { rate: { burst: 2 * RATES.address.burst, perSecond: 2 * RATES.address.perSecond }, passes: ran };
  const failures = { rate: RATES.failed, passes: failed };
  const key = { rate: RATES.key, passes: ran };
  return [
    { ...address, name: "address", make: () => publish(quick, "203.0.113.1") },
    {
      ...address,
      name: "address behind invented ones",
      make: (place) => publish(quick, `198.51.100.${place}, 203.0.113.2`),
    },
    { ...address, name: "addresses of one IPv6 network", make: (place) => publish(quick, `2001:db8:1:2::${place}`) },
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
      name: "failures: damaged",
      make: async () => ({ bytes: damageLast((await publish(quick, "203.0.113.7")).bytes) }),
    },
    // One of version 2 names its key, and is told its time however often others fail.
    {
      ...failures,
      name: "failures: expired",
      make: () => publish(quick, "203.0.113.8", { age: 3600, version: 1 }),
    },
    { ...failures, name: "failures: own messages", make: () => publish(quick, "203.0.113.9", own) },
    { ...key, name: "key", make: (place) => publish(keys.mqttOnly, addressAt(place)) },
    { ...key, name: "key, version 1", make: (place) => publish(keys.right, addressAt(place), { version: 1 }) },
    {
      ...key,
      rate: { burst: SLOW_BURST, perSecond: 1 },
      name: "key with its own limit",
      make: (place) => publish(keys.slow, addressAt(place)),
    },
  ];
}

/** Sends a flood, and counts what passes. */
async function send({ name, rate, make, passes }: Flood, port: number): Promise<LimitResult> {
  const requests = await Promise.all(Array.from({ length: FLOOD }, (_, place) => make(place)));
  let passed = 0;
  const began = performance.now();
  async function work(): Promise<void> {
    for (let request = requests.pop(); request !== undefined; request = requests.pop()) {
      const connection = await RawConnection.open(port);
      try {
        await connection.send(request.bytes);
        const answer = await connection.read(PATIENCE_MS);
        if (answer !== undefined && passes(await judge(answer, { port: "public", exchange: request.exchange }))) {
          passed += 1;
        }
      } finally {
        connection.close();
      }
    }
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, work));
  const seconds = (performance.now() - began) / 1000;
  // Requests that are under way when the limit is reached may pass: they were looked at before the last one was counted.
  const atMost = rate.burst + rate.perSecond * (seconds + 1) + CONNECTIONS - 1;
  return { name, sent: FLOOD, passed, atMost };
}

/** Calls that Jeedom leaves without an answer: of one key and of another one beside it, then of one address. */
async function holdRequests({ ports, keys }: Target, jeedom: Jeedom): Promise<LimitResult[]> {
  const call = { route: "/gateway", fields: { jsonrpc: "cmd::byId" } } as const;
  const { address, keyRequests, requests } = AT_ONCE;
  const rest = requests - keyRequests;

  jeedom.mood = "frozen";
  const first = await hold(ports.public, times(keyRequests + 3, keys.quick), { ...call, refused: 3 });
  const second = await hold(ports.public, times(rest + 2, keys.jeedomOnly), { ...call, refused: 2 });
  jeedom.mood = "well";
  for (const held of [first, second]) await held.end();

  jeedom.mood = "frozen";
  const each = [...times(keyRequests, keys.quick), ...times(3, keys.jeedomOnly)];
  const refused = each.length - address;
  const third = await hold(ports.public, each, { ...call, from: "203.0.113.30", refused });
  jeedom.mood = "well";
  await third.end();
  return [
    { name: "requests of a key at once", sent: first.sent, passed: first.passed, atMost: keyRequests },
    { name: "requests of all keys at once", sent: second.sent, passed: second.passed, atMost: rest },
    { name: "requests of an address at once", sent: third.sent, passed: third.passed, atMost: address },
  ];
}

/** Streams that are left open: of one key, and of another one beside it. */
async function holdStreams({ ports, keys }: Target): Promise<LimitResult[]> {
  const subscribe = { route: "/mqtt/subscribe", fields: { topic: "fuzz/limits" } } as const;
  const first = await hold(ports.public, times(AT_ONCE.keyStreams + 3, keys.quick), { ...subscribe, refused: 3 });
  const rest = AT_ONCE.streams - AT_ONCE.keyStreams;
  const second = await hold(ports.public, times(rest + 2, keys.system), { ...subscribe, refused: 2 });
  for (const held of [first, second]) await held.end({ isOver: false });
  return [
    { name: "streams of a key", sent: first.sent, passed: first.passed, atMost: AT_ONCE.keyStreams },
    { name: "streams of all keys", sent: second.sent, passed: second.passed, atMost: rest },
  ];
}

/** Bodies that never end: of one address, and of many. */
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
    // What was let through comes to its end: nothing of it counts among what is held next.
    await sendEach((body) => body.subarray(-1));
    await answered;
    for (const connection of connections) connection.close();
    return { sent: addresses.length, passed: addresses.length - refusals };
  };
  const same = Array.from({ length: AT_ONCE.address + 4 }, () => "203.0.113.20");
  const many = Array.from({ length: AT_ONCE.bodies + 4 }, (_, index) => addressAt(200 + index));
  return [
    {
      name: "bodies of an address at once",
      ...await holdAll(same, 4),
      atMost: AT_ONCE.address,
    },
    {
      name: "bodies of all addresses at once",
      ...await holdAll(many, 4),
      atMost: AT_ONCE.bodies,
    },
  ];
}

const times = <T>(count: number, thing: T): T[] => Array.from({ length: count }, () => thing);

/** What is held open. */
interface HoldOptions extends Pick<RawRequestOptions, "route" | "fields"> {
  /** Where all of them come from; each from another address by default. */
  readonly from?: string;
  /** How many of them have to be refused. */
  readonly refused: number;
}

/** Sends a request under each key; they are not answered, or whose streams stay open, and waits for the refusals. */
async function hold(port: number, keys: readonly SecretKey[], { refused, from, ...request }: HoldOptions) {
  const sealed = await Promise.all(
    keys.map((key, index) => rawRequest(key, { ...request, from: from ?? `192.0.2.${index + 1}` })),
  );
  const connections = await Promise.all(sealed.map(() => RawConnection.open(port)));
  await Promise.all(sealed.map(({ bytes }, index) => connections[index]?.send(bytes)));
  const { refusals, answered } = await firstRefusals(connections, refused, async (answer, index) => {
    const verdict = await judge(answer, { port: "public", exchange: sealed[index]?.exchange });
    return verdict.outcome.endsWith("429");
  });
  return {
    sent: keys.length,
    passed: keys.length - refusals,
    /** Closes all; first waits for the answers of those that are over. */
    async end({ isOver = true }: { readonly isOver?: boolean } = {}): Promise<void> {
      if (isOver) await answered;
      for (const connection of connections) connection.close();
    },
  };
}

/**
 * Waits until so many connections have got a refusal, or all have an answer. The others are left open: they hold a
 * place.
 *
 * @returns how many were refused by then, and what settles when each connection has an answer or is closed
 */
async function firstRefusals(
  connections: readonly RawConnection[],
  count: number,
  isRefusal: (answer: RawAnswer, index: number) => Promise<boolean> | boolean,
): Promise<{ readonly refusals: number; readonly answered: Promise<unknown> }> {
  let refusals = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  const answered = Promise.all(connections.map(async (connection, index) => {
    const answer = await connection.read(PATIENCE_MS).catch(() => undefined);
    if (answer !== undefined && await isRefusal(answer, index)) refusals += 1;
    if (refusals >= count) resolve();
  }));
  await Promise.race([promise, answered]);
  return { refusals, answered };
}

/** A sealed answer to it would be wrong. */
const withoutExchange = ({ bytes }: Sealed): Sealed => ({ bytes });

/** Changes the beginning of the last part: its ciphertext, or the last bytes of it. */
function damageLast(bytes: Uint8Array): Uint8Array {
  const changed = bytes.slice();
  const at = changed.length - 10;
  changed[at] = changed[at] === 65 ? 66 : 65;
  return changed;
}

const addressAt = (place: number): string => `198.18.${Math.floor(place / 250)}.${1 + place % 250}`;
