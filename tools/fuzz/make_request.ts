/** Draws what to try next. */
import { Buffer } from "node:buffer";
import { randomBytes } from "../../src/protocol/bytes.ts";
import type { Route } from "../../src/protocol/v2/envelope.ts";
import { type Exchange, sealRequest, type Version } from "../../src/protocol/exchange.ts";
import { KEY_ID_HEADER } from "../../src/protocol/secret_key.ts";
import type { Attempt } from "./fuzz_request.ts";
import { damage } from "./corrupt.ts";
import { hostilePayload } from "./hostile_payload.ts";
import { httpTrick } from "./malformed_http.ts";
import { OWN_MESSAGE, ownMessage } from "./own_message.ts";
import type { RawAnswer } from "./raw_connection.ts";
import { grantedRequest, ungrantedRequest } from "./key_requests.ts";
import { Seeded } from "./seeded_random.ts";
import type { Target } from "./target.ts";

/** What attempts are made with. */
export interface MakeAttemptOptions {
  /** The same seed makes the same attempts, but for what is sealed anew. */
  readonly seed: number;
  /** The keys to use, and to abuse. */
  readonly target: Pick<Target, "keys" | "grantsSystemTopics">;
  /** Whether the requests shall come from many addresses, as a proxy would tell. */
  readonly spread: boolean;
}

/** A topic on which the broker retains a message: who subscribes hears it at once. */
export const RETAINED_TOPIC = "fuzz/retained";

const ROUTES: readonly Route[] = ["/gateway", "/mqtt/publish", "/mqtt/subscribe"];

/** Larger than `MAX_BODY_BYTES`, in characters. */
const TOO_LARGE = 1_100_000;

const utf8 = new TextEncoder();

/** Makes the attempt that has a place in the order of all. */
export async function makeAttempt(place: number, options: MakeAttemptOptions): Promise<Attempt> {
  const random = new Seeded(options.seed, place);
  const { keys, grantsSystemTopics } = options.target;
  const version: Version = random.chance(0.5) ? 1 : 2;
  const seconds = Math.floor(Date.now() / 1000);

  const seal = (route: Route, payload: string, key = keys.right) =>
    sealRequest(key, payload, { version, route, random: randomBytes });
  // Streams take a connection each, so there are fewer of them.
  const route = random.weigh<Route>([[10, "/gateway"], [10, "/mqtt/publish"], [1, "/mqtt/subscribe"]]);
  const spread = options.spread ? [`X-Forwarded-For: 198.51.100.${random.below(250)}`] : [];
  const post = (request: PostOptions) =>
    formatPost(random, { ...request, headers: [...request.headers ?? [], ...spread] });
  const isKept = (to: Route) => to !== "/mqtt/subscribe";

  async function valid(): Promise<Attempt> {
    const payload = rightPayload(route, { place, seconds });
    const { text, exchange } = await seal(route, payload);
    const headers = random.chance(0.7) ? [] : harmlessHeaders(random, keys.right.kid);
    const bytes = post({ route, text, headers });
    const attempt = { ...once(exchange), kind: "right", bytes, mustSucceed: true, kept: isKept(route) };
    if (!isKept(route) || !random.chance(0.2)) return attempt;
    // The same bytes once more: nothing may run again.
    const repeat = (body: string): Attempt => ({
      ...once(exchange),
      kind: "right, repeated",
      bytes,
      mustRepeat: body,
      kept: true,
    });
    return { ...attempt, kind: "right, first", next: ({ body }: RawAnswer) => [repeat(body)] };
  }

  /** A request that one of the keys with few rights makes. */
  async function keyed(): Promise<Attempt> {
    const isGranted = random.chance(0.25);
    const { kind, key, route, fields } = isGranted
      ? grantedRequest(random, grantsSystemTopics)
      : ungrantedRequest(random);
    // The key `modern` opens nothing of version 1.
    const { text, exchange } = await sealRequest(keys[key], JSON.stringify({ ...fields, timestamp: seconds }), {
      version: key === "modern" ? 2 : version,
      route,
      random: randomBytes,
    });
    return {
      ...once(exchange),
      kind,
      bytes: post({ route, text }),
      ...isGranted ? { mustSucceed: true } : { mustRefuse: true, mustFail: true },
      kept: isKept(route),
    };
  }

  /** Right requests under keys that open nothing, or not this. */
  async function deadKey(): Promise<Attempt> {
    const payload = rightPayload(route, { place, seconds });
    const kind = random.pick(["expired", "disabled", "replaced", "modern", "named"] as const);
    const refused = { ...REFUSED, kind: `dead key: ${kind}` };
    if (kind !== "modern" && kind !== "named") {
      return { ...refused, bytes: post({ route, text: (await seal(route, payload, keys[kind])).text }) };
    }
    const key = kind === "modern" ? keys.modern : keys.right;
    const { text } = await sealRequest(key, payload, { version: 1, route, random: randomBytes });
    // A request of version 1 that names a key is opened with no other.
    const other = random.pick([keys.guest.kid, keys.wrong.kid, keys.expired.kid, "", "x"]);
    const headers = kind === "named" ? [`${KEY_ID_HEADER}: ${other}`] : [];
    return { ...refused, bytes: post({ route, text, headers }) };
  }

  /** A message that the gateway could have sealed, with all that a request needs: in version 1 only its fields tell. */
  async function forged(): Promise<Attempt> {
    const payload = { ...JSON.parse(rightPayload(route, { place, seconds })), ...ownMessage(random) };
    const { text, exchange } = await sealRequest(keys.right, JSON.stringify(payload), {
      version: 1,
      route,
      random: randomBytes,
    });
    return { ...ownMessageSentBack(exchange), bytes: post({ route, text }), kept: isKept(route) };
  }

  /** What the gateway sealed for a request of version 1, sent back to it as a request. */
  async function reflected(): Promise<Attempt> {
    const isStream = random.chance(0.4);
    const from: Route = isStream ? "/mqtt/subscribe" : random.pick(["/gateway", "/mqtt/publish"]);
    const payload = isStream
      ? JSON.stringify({ topic: RETAINED_TOPIC, timestamp: seconds })
      : rightPayload(from, { place, seconds });
    const { text, exchange } = await sealRequest(keys.right, payload, { version: 1, route: from, random: randomBytes });
    const to = random.pick(ROUTES);
    const back = (own: string): Attempt => ({
      ...ownMessageSentBack(exchange),
      bytes: post({ route: to, text: own }),
      kept: isKept(to),
    });
    return {
      ...once(exchange),
      kind: "right, its answer sent back",
      bytes: post({ route: from, text }),
      mustSucceed: true,
      kept: !isStream,
      events: 2,
      next: ({ body }: RawAnswer) => isStream ? eventsIn(body).map(back) : [back(body)],
    };
  }

  /** A nonce or salt that was used before, with another request. */
  async function reused(): Promise<Attempt> {
    const drawn = randomBytes(16);
    const sealAgain = (to: Route, text: string) =>
      sealRequest(keys.right, text, { version, route: to, random: (length) => drawn.slice(0, length) });
    const publish = (message: string) =>
      JSON.stringify({ service: "mqtt", topic: `fuzz/${place % 50}`, message, timestamp: seconds });
    const to = version === 1 ? random.pick<Route>(["/gateway", "/mqtt/publish"]) : "/mqtt/publish";
    const first = await sealAgain("/mqtt/publish", publish("first"));
    const other = await sealAgain(to, publish("other"));
    const second: Attempt = {
      ...once(other.exchange),
      kind: "nonce reused",
      bytes: post({ route: to, text: other.text }),
      mustFail: true,
      mustRefuse: true,
      mustSay: "used before",
      kept: true,
    };
    return {
      ...once(first.exchange),
      kind: "right, its nonce reused",
      bytes: post({ route: "/mqtt/publish", text: first.text }),
      mustSucceed: true,
      kept: true,
      next: () => [second],
    };
  }

  /** A request of version 1, which names no route, sent again on all routes. */
  async function repeatedElsewhere(): Promise<Attempt> {
    const payload = JSON.stringify({ service: "mqtt", topic: `fuzz/${place % 50}`, message: "x", timestamp: seconds });
    const { text, exchange } = await sealRequest(keys.right, payload, {
      version: 1,
      route: "/gateway",
      random: randomBytes,
    });
    const [from, to] = random.pick<readonly [Route, Route]>([["/gateway", "/mqtt/publish"], [
      "/mqtt/publish",
      "/gateway",
    ]]);
    const sent = { ...once(exchange), kept: true };
    return {
      ...sent,
      kind: "right, repeated elsewhere",
      bytes: post({ route: from, text }),
      mustSucceed: true,
      next: ({ body }: RawAnswer): Attempt[] => [
        { ...sent, kind: "repeated elsewhere", bytes: post({ route: to, text }), mustRepeat: body },
        {
          ...once(exchange),
          kind: "repeated as a subscription",
          bytes: post({ route: "/mqtt/subscribe", text }),
          mustFail: true,
          mustRefuse: true,
        },
      ],
    };
  }

  async function tooLarge(): Promise<Attempt> {
    const payload = rightPayload(route, { place, seconds }).replace("{", `{"x":"${"x".repeat(TOO_LARGE)}",`);
    // No answer need come: the gateway may hang up while the body is still on its way.
    return {
      kind: "too large",
      port: "public",
      mustFail: true,
      bytes: post({ route, text: (await seal(route, payload)).text }),
    };
  }

  async function hostile(): Promise<Attempt> {
    const { text, exchange } = await seal(route, hostilePayload(random, route, seconds));
    return { ...once(exchange), kind: "hostile payload", bytes: post({ route, text }), kept: isKept(route) };
  }

  async function damaged(): Promise<Attempt> {
    const [one, other] = await Promise.all([1, 2].map(() => seal(route, rightPayload(route, { place, seconds }))));
    const { how, text } = damage(random, one?.text ?? "", other?.text ?? "");
    return { kind: `damaged: ${how}`, ...REFUSED, bytes: post({ route, text }) };
  }

  async function misplaced(): Promise<Attempt> {
    const payload = rightPayload(route, { place, seconds });
    if (random.chance(0.5)) {
      const { text } = await seal(route, payload, keys.wrong);
      const other = random.chance(0.5) ? text : text.replace(keys.wrong.kid, keys.right.kid);
      return { kind: "other key", ...REFUSED, bytes: post({ route, text: other }) };
    }
    const { text } = await sealRequest(keys.right, payload, { version: 2, route, random: randomBytes });
    const elsewhere = random.pick(ROUTES.filter((other) => other !== route));
    return { kind: "other route", ...REFUSED, bytes: post({ route: elsewhere, text }) };
  }

  async function stale(): Promise<Attempt> {
    const age = random.pick([3600, -3600, 1e9, -1e9, 300]);
    const { text, exchange } = await seal(route, rightPayload(route, { place, seconds: seconds - age }));
    return {
      ...once(exchange),
      kind: "stale",
      mustFail: true,
      bytes: post({ route, text }),
      kept: isKept(route),
    };
  }

  function garbage(): Attempt {
    const bytes = random.bytes(random.below(400));
    const text = random.pick([
      () => bytes.toBase64(),
      () => bytes.toHex(),
      () => latin1.decode(bytes),
      () => "2." + bytes.toHex(),
    ])();
    return { kind: "garbage", ...REFUSED, bytes: post({ route, text }) };
  }

  function trick(): Attempt {
    const { name, bytes, hangUp = false } = httpTrick(random);
    const port = random.chance(0.3) ? "metrics" : "public";
    return { kind: `HTTP: ${name}`, port, bytes, mustFail: true, hangUp };
  }

  /** What a web page gets whose name was made to lead to this machine. */
  function otherHost(): Attempt {
    const host = random.pick(["g.example", "192.0.2.1", "localhost.g.example", "127.0.0.1.g.example", "[2001:db8::1]"]);
    const path = random.pick(["/metrics", "/health/ready", "/health", "/"]);
    return {
      kind: "metrics for another host",
      port: "metrics",
      bytes: utf8.encode(`GET ${path} HTTP/1.1\r\nHost: ${host}:9464\r\n\r\n`),
      answers: 1,
      mustHaveStatus: 421,
    };
  }

  async function pipelined(): Promise<Attempt> {
    const count = 2 + random.below(8);
    const sealed = await Promise.all(
      Array.from({ length: count }, () => seal("/gateway", hostilePayload(random, "/gateway", seconds))),
    );
    const bytes = Buffer.concat(sealed.map(({ text }) => post({ route: "/gateway", text })));
    return {
      kind: "pipelined",
      port: "public",
      bytes,
      answers: count,
      exchanges: sealed.map(({ exchange }) => exchange),
    };
  }

  async function cutOff(): Promise<Attempt> {
    const { text } = await seal(route, rightPayload(route, { place, seconds }));
    const bytes = post({ route, text });
    return {
      kind: "hung up in its body",
      port: "public",
      mustFail: true,
      hangUp: true,
      bytes: bytes.subarray(0, bytes.length - 1 - random.below(text.length)),
    };
  }

  return await random.weigh<() => Attempt | Promise<Attempt>>([
    [20, valid],
    [35, hostile],
    [20, damaged],
    [20, keyed],
    [6, misplaced],
    [3, deadKey],
    [4, stale],
    [3, forged],
    [2, reflected],
    [2, reused],
    [2, repeatedElsewhere],
    [0.1, tooLarge],
    [6, garbage],
    [7, trick],
    [0.5, otherHost],
    [1, pipelined],
    [1, cutOff],
  ])();
}

const latin1 = new TextDecoder("latin1");

const REFUSED = { port: "public", answers: 1, mustFail: true, kept: true } as const;

/** What must become of a message of the gateway that comes as a request. */
const ownMessageSentBack = (exchange: Exchange) =>
  ({
    ...once(exchange),
    kind: "own message as a request",
    mustFail: true,
    mustRefuse: true,
    mustSay: OWN_MESSAGE,
  }) as const;

/** The events of a stream of version 1, each sealed. */
function eventsIn(body: string): string[] {
  return [...body.matchAll(/^data: (.+)$/gm)].map(([, data = ""]) => data);
}

const once = (exchange: Exchange) => ({ port: "public", answers: 1, exchanges: [exchange] }) as const;

/** A request that must work. */
function rightPayload(route: Route, { place, seconds }: { readonly place: number; readonly seconds: number }): string {
  const request = {
    "/gateway": { service: "jeedom", jsonrpc: "cmd::byId", params: { marker: place } },
    "/mqtt/publish": { topic: `fuzz/${place % 50}`, message: `${place}`, qos: place % 3 },
    "/mqtt/subscribe": { topic: `fuzz/${place % 50}` },
  }[route];
  return JSON.stringify({ ...request, timestamp: seconds });
}

/** Headers that change nothing, whatever they look like. */
function harmlessHeaders(random: Seeded, kid: string): string[] {
  return [random.pick([
    "X-Key-Id: ../../etc/passwd",
    `${KEY_ID_HEADER}: ${kid}`,
    'X-Forwarded-For: 1.2.3.4, unknown, ::1, "[::1]:80", 999.1.1.1',
    `X-Forwarded-For: ${"10.0.0.1, ".repeat(500)}10.0.0.2`,
    "X-Forwarded-Host: evil.example",
    "X-Request-Id: mine",
    "Expect: 100-continue",
    "Content-Type: text/html",
    "Authorization: Basic " + "A".repeat(2000),
    "Accept-Encoding: gzip;q=0, br",
    "Te: trailers",
    "X: \u00ff\u00fe",
    Array.from({ length: 50 }, (_, index) => `X-${index}: y`).join("\r\n"),
  ])];
}

interface PostOptions {
  readonly route: Route;
  readonly text: string;
  readonly headers?: readonly string[];
}

/** A request as it is sent: its length told, or in chunks. */
function formatPost(random: Seeded, { route, text, headers = [] }: PostOptions): Uint8Array {
  const body = utf8.encode(text);
  const isChunked = random.chance(0.1);
  const size = 1 + random.below(2 * body.length);
  const length = isChunked ? "Transfer-Encoding: chunked" : `Content-Length: ${body.length}`;
  const target = random.chance(0.02) ? `http://g.example${route}?x` : route;
  const head = ["POST " + target + " HTTP/1.1", "Host: localhost", ...headers, length, "", ""].join("\r\n");
  return Buffer.concat([Buffer.from(head, "latin1"), ...isChunked ? chunks(body, size) : [body]]);
}

function chunks(body: Uint8Array, size: number): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let start = 0; start < body.length; start += size) {
    const part = body.subarray(start, start + size);
    parts.push(utf8.encode(`${part.length.toString(16)}\r\n`), part, utf8.encode("\r\n"));
  }
  return [...parts, utf8.encode("0\r\n\r\n")];
}
