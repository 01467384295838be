/** Makes fuzz requests from a seed: valid, malformed, unauthorized, replayed and corrupted ones. */
import { Buffer } from "node:buffer";
import { randomBytes } from "../../src/protocol/bytes.ts";
import type { Route } from "../../src/protocol/v2/envelope.ts";
import { type Exchange, sealRequest, type Version } from "../../src/protocol/exchange.ts";
import { KEY_ID_HEADER } from "../../src/protocol/secret_key.ts";
import type { FuzzRequest } from "./fuzz_request.ts";
import { corruptText } from "./corrupt.ts";
import { hostilePayload } from "./hostile_payload.ts";
import { malformedHttp } from "./malformed_http.ts";
import type { RawAnswer } from "./raw_connection.ts";
import { grantedRequest, ungrantedRequest } from "./key_requests.ts";
import { recordData } from "../support/sse_records.ts";
import { SeededRandom } from "./seeded_random.ts";
import type { Target } from "./target.ts";

/** Options of {@linkcode makeFuzzRequest}. */
export interface MakeRequestOptions {
  /** The same seed makes the same requests, apart from nonces. */
  readonly seed: number;
  /** Keys of the gateway. */
  readonly target: Pick<Target, "keys" | "grantsSystemTopics">;
  /** True to send the requests from many addresses, in `X-Forwarded-For`. */
  readonly spread: boolean;
}

/** Topic with a retained message, which a new subscription receives at once. */
export const RETAINED_TOPIC = "fuzz/retained";

const ROUTES: readonly Route[] = ["/gateway", "/mqtt/publish", "/mqtt/subscribe"];

/** Body size above `MAX_BODY_BYTES`, in characters. */
const TOO_LARGE = 1_100_000;

const utf8 = new TextEncoder();

/** Message of the refusal of a request that is a message of the gateway. */
const OWN_MESSAGE = "is a message of the gateway, not a request";

/** Types of events that the gateway seals. */
const EVENT_TYPES = ["connected", "message", "gap", "offline", "online", "error", "disconnected"];

/** Makes the request with an index. */
export async function makeFuzzRequest(index: number, options: MakeRequestOptions): Promise<FuzzRequest> {
  const random = new SeededRandom(options.seed, index);
  const { keys, grantsSystemTopics } = options.target;
  const version: Version = random.chance(0.5) ? 1 : 2;
  const seconds = Math.floor(Date.now() / 1000);

  const seal = (route: Route, payload: string, key = keys.right) =>
    sealRequest(key, payload, { version, route, random: randomBytes });
  // Each stream needs its own connection, so there are fewer of them.
  const route = random.pickWeighted<Route>([[10, "/gateway"], [10, "/mqtt/publish"], [1, "/mqtt/subscribe"]]);
  const spread = options.spread ? [`X-Forwarded-For: 198.51.100.${random.below(250)}`] : [];
  const post = (request: PostOptions) =>
    formatPost(random, { ...request, headers: [...request.headers ?? [], ...spread] });
  const canReuse = (to: Route) => to !== "/mqtt/subscribe";

  async function valid(): Promise<FuzzRequest> {
    const payload = validPayload(route, { place: index, seconds });
    const { text, exchange } = await seal(route, payload);
    const headers = random.chance(0.7) ? [] : harmlessHeaders(random, keys.right.kid);
    const bytes = post({ route, text, headers });
    const request: FuzzRequest = {
      ...once(exchange),
      kind: "valid",
      bytes,
      mustSucceed: true,
      reusesConnection: canReuse(route),
    };
    if (!canReuse(route) || !random.chance(0.2)) return request;
    // The same bytes again: they must not be executed again.
    const repeat = (body: string): FuzzRequest => ({
      ...once(exchange),
      kind: "valid, repeated",
      bytes,
      mustRepeat: body,
      reusesConnection: true,
    });
    return { ...request, kind: "valid, before repeat", next: ({ body }: RawAnswer) => [repeat(body)] };
  }

  /** A request sealed with a key that has few rights. */
  async function keyed(): Promise<FuzzRequest> {
    const isGranted = random.chance(0.25);
    const { kind, key, route, fields } = isGranted
      ? grantedRequest(random, grantsSystemTopics)
      : ungrantedRequest(random);
    // The key `modern` requires version 2.
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
      reusesConnection: canReuse(route),
    };
  }

  /** A valid request sealed with a key that is not accepted. */
  async function rejectedKey(): Promise<FuzzRequest> {
    const payload = validPayload(route, { place: index, seconds });
    const kind = random.pick(["expired", "disabled", "replaced", "modern", "named"] as const);
    const refused = { ...REFUSED, kind: `rejected key: ${kind}` };
    if (kind !== "modern" && kind !== "named") {
      return { ...refused, bytes: post({ route, text: (await seal(route, payload, keys[kind])).text }) };
    }
    const key = kind === "modern" ? keys.modern : keys.right;
    const { text } = await sealRequest(key, payload, { version: 1, route, random: randomBytes });
    // A request of version 1 with a key id is opened with that key only.
    const other = random.pick([keys.guest.kid, keys.wrong.kid, keys.expired.kid, "", "x"]);
    const headers = kind === "named" ? [`${KEY_ID_HEADER}: ${other}`] : [];
    return { ...refused, bytes: post({ route, text, headers }) };
  }

  /** A request with the fields of a message of the gateway: version 1 distinguishes them by their fields only. */
  async function forged(): Promise<FuzzRequest> {
    const payload = { ...JSON.parse(validPayload(route, { place: index, seconds })), ...ownMessage(random) };
    const { text, exchange } = await sealRequest(keys.right, JSON.stringify(payload), {
      version: 1,
      route,
      random: randomBytes,
    });
    return { ...gatewayMessage(exchange), bytes: post({ route, text }), reusesConnection: canReuse(route) };
  }

  /** An answer or event of version 1, sent back to the gateway as a request. */
  async function reflected(): Promise<FuzzRequest> {
    const isStream = random.chance(0.4);
    const from: Route = isStream ? "/mqtt/subscribe" : random.pick(["/gateway", "/mqtt/publish"]);
    const payload = isStream
      ? JSON.stringify({ topic: RETAINED_TOPIC, timestamp: seconds })
      : validPayload(from, { place: index, seconds });
    const { text, exchange } = await sealRequest(keys.right, payload, { version: 1, route: from, random: randomBytes });
    const to = random.pick(ROUTES);
    const back = (own: string): FuzzRequest => ({
      ...gatewayMessage(exchange),
      bytes: post({ route: to, text: own }),
      reusesConnection: canReuse(to),
    });
    return {
      ...once(exchange),
      kind: "valid, answer reflected",
      bytes: post({ route: from, text }),
      mustSucceed: true,
      reusesConnection: !isStream,
      events: 2,
      next: ({ body }: RawAnswer) => isStream ? recordData(body).map(back) : [back(body)],
    };
  }

  /** Two requests with the same nonce or salt. */
  async function reused(): Promise<FuzzRequest> {
    const nonce = randomBytes(16);
    const sealAgain = (to: Route, text: string) =>
      sealRequest(keys.right, text, { version, route: to, random: (length) => nonce.slice(0, length) });
    const publish = (message: string) =>
      JSON.stringify({ service: "mqtt", topic: `fuzz/${index % 50}`, message, timestamp: seconds });
    const to = version === 1 ? random.pick<Route>(["/gateway", "/mqtt/publish"]) : "/mqtt/publish";
    const first = await sealAgain("/mqtt/publish", publish("first"));
    const other = await sealAgain(to, publish("other"));
    const second: FuzzRequest = {
      ...once(other.exchange),
      kind: "nonce reused",
      bytes: post({ route: to, text: other.text }),
      mustFail: true,
      mustRefuse: true,
      mustContain: "used before",
      reusesConnection: true,
    };
    return {
      ...once(first.exchange),
      kind: "valid, nonce used first",
      bytes: post({ route: "/mqtt/publish", text: first.text }),
      mustSucceed: true,
      reusesConnection: true,
      next: () => [second],
    };
  }

  /** A request of version 1, which has no route, repeated on all routes. */
  async function repeatedElsewhere(): Promise<FuzzRequest> {
    const payload = JSON.stringify({ service: "mqtt", topic: `fuzz/${index % 50}`, message: "x", timestamp: seconds });
    const { text, exchange } = await sealRequest(keys.right, payload, {
      version: 1,
      route: "/gateway",
      random: randomBytes,
    });
    const [from, to] = random.pick<readonly [Route, Route]>([["/gateway", "/mqtt/publish"], [
      "/mqtt/publish",
      "/gateway",
    ]]);
    const sent = { ...once(exchange), reusesConnection: true } satisfies Partial<FuzzRequest>;
    return {
      ...sent,
      kind: "valid, before repeat on another route",
      bytes: post({ route: from, text }),
      mustSucceed: true,
      next: ({ body }: RawAnswer): FuzzRequest[] => [
        { ...sent, kind: "repeated on another route", bytes: post({ route: to, text }), mustRepeat: body },
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

  async function tooLarge(): Promise<FuzzRequest> {
    const payload = validPayload(route, { place: index, seconds }).replace("{", `{"x":"${"x".repeat(TOO_LARGE)}",`);
    // The answer is optional: the gateway may close the connection while the body is still being sent.
    return {
      kind: "too large",
      port: "public",
      mustFail: true,
      bytes: post({ route, text: (await seal(route, payload)).text }),
    };
  }

  async function hostile(): Promise<FuzzRequest> {
    const { text, exchange } = await seal(route, hostilePayload(random, route, seconds));
    return {
      ...once(exchange),
      kind: "hostile payload",
      bytes: post({ route, text }),
      reusesConnection: canReuse(route),
    };
  }

  async function corrupted(): Promise<FuzzRequest> {
    const [one, other] = await Promise.all(
      [1, 2].map(() => seal(route, validPayload(route, { place: index, seconds }))),
    );
    const { how, text } = corruptText(random, one?.text ?? "", other?.text ?? "");
    return { kind: `corrupted: ${how}`, ...REFUSED, bytes: post({ route, text }) };
  }

  async function misplaced(): Promise<FuzzRequest> {
    const payload = validPayload(route, { place: index, seconds });
    if (random.chance(0.5)) {
      const { text } = await seal(route, payload, keys.wrong);
      const other = random.chance(0.5) ? text : text.replace(keys.wrong.kid, keys.right.kid);
      return { kind: "other key", ...REFUSED, bytes: post({ route, text: other }) };
    }
    const { text } = await sealRequest(keys.right, payload, { version: 2, route, random: randomBytes });
    const elsewhere = random.pick(ROUTES.filter((other) => other !== route));
    return { kind: "other route", ...REFUSED, bytes: post({ route: elsewhere, text }) };
  }

  async function stale(): Promise<FuzzRequest> {
    const age = random.pick([3600, -3600, 1e9, -1e9, 300]);
    const { text, exchange } = await seal(route, validPayload(route, { place: index, seconds: seconds - age }));
    return {
      ...once(exchange),
      kind: "stale",
      mustFail: true,
      bytes: post({ route, text }),
      reusesConnection: canReuse(route),
    };
  }

  function garbage(): FuzzRequest {
    const bytes = random.bytes(random.below(400));
    const text = random.pick([
      () => bytes.toBase64(),
      () => bytes.toHex(),
      () => latin1.decode(bytes),
      () => "2." + bytes.toHex(),
    ])();
    return { kind: "garbage", ...REFUSED, bytes: post({ route, text }) };
  }

  function malformed(): FuzzRequest {
    const { name, bytes, disconnects = false } = malformedHttp(random);
    const port = random.chance(0.3) ? "metrics" : "public";
    return { kind: `HTTP: ${name}`, port, bytes, mustFail: true, disconnects };
  }

  /** A request of a web page after DNS rebinding. */
  function otherHost(): FuzzRequest {
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

  async function pipelined(): Promise<FuzzRequest> {
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

  async function cutOff(): Promise<FuzzRequest> {
    const { text } = await seal(route, validPayload(route, { place: index, seconds }));
    const bytes = post({ route, text });
    return {
      kind: "disconnected within its body",
      port: "public",
      mustFail: true,
      disconnects: true,
      bytes: bytes.subarray(0, bytes.length - 1 - random.below(text.length)),
    };
  }

  return await random.pickWeighted<() => FuzzRequest | Promise<FuzzRequest>>([
    [20, valid],
    [35, hostile],
    [20, corrupted],
    [20, keyed],
    [6, misplaced],
    [3, rejectedKey],
    [4, stale],
    [3, forged],
    [2, reflected],
    [2, reused],
    [2, repeatedElsewhere],
    [0.1, tooLarge],
    [6, garbage],
    [7, malformed],
    [0.5, otherHost],
    [1, pipelined],
    [1, cutOff],
  ])();
}

const latin1 = new TextDecoder("latin1");

const REFUSED = { port: "public", answers: 1, mustFail: true, reusesConnection: true } as const satisfies Partial<
  FuzzRequest
>;

/** Expectations on a message of the gateway that is sent as a request. */
const gatewayMessage = (exchange: Exchange) =>
  ({
    ...once(exchange),
    kind: "own message as a request",
    mustFail: true,
    mustRefuse: true,
    mustContain: OWN_MESSAGE,
  }) as const satisfies Partial<FuzzRequest>;

const once = (exchange: Exchange) =>
  ({ port: "public", answers: 1, exchanges: [exchange] }) as const satisfies Partial<FuzzRequest>;

/** Returns the fields of an answer or of an event. */
function ownMessage(random: SeededRandom): Readonly<Record<string, unknown>> {
  return random.chance(0.5)
    ? { status: random.pick([200, 403, 500]), body: random.pick<unknown>(["text", null, {}, [1]]) }
    : { type: random.pick(EVENT_TYPES), payload: "x", epoch: "fuzz", offset: random.below(99) };
}

/** Returns the payload of a request that must succeed. */
function validPayload(
  route: Route,
  { place: index, seconds }: { readonly place: number; readonly seconds: number },
): string {
  const request = {
    "/gateway": { service: "jeedom", jsonrpc: "cmd::byId", params: { marker: index } },
    "/mqtt/publish": { topic: `fuzz/${index % 50}`, message: `${index}`, qos: index % 3 },
    "/subscribe": { service: "mqtt", topic: `fuzz/${index % 50}` },
    "/mqtt/subscribe": { topic: `fuzz/${index % 50}` },
    "/pair": { public: "" },
  }[route];
  return JSON.stringify({ ...request, timestamp: seconds });
}

/** Returns a header without effect. */
function harmlessHeaders(random: SeededRandom, kid: string): string[] {
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

/** Returns the bytes of a request, with Content-Length or in chunks. */
function formatPost(random: SeededRandom, { route, text, headers = [] }: PostOptions): Uint8Array {
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
