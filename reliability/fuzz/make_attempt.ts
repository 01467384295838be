/** Draws what to try next. */
import { Buffer } from "node:buffer";
import { randomBytes } from "../../src/protocol/bytes.ts";
import type { Route } from "../../src/protocol/envelope_v2.ts";
import { type Exchange, sealRequest, type Version } from "../../src/protocol/exchange.ts";
import { KEY_ID_HEADER } from "../../src/protocol/secret_key.ts";
import type { Attempt } from "./attempt.ts";
import { damage } from "./damage.ts";
import { hostilePayload } from "./hostile_payload.ts";
import { httpTrick } from "./http_tricks.ts";
import { Seeded } from "./seeded.ts";
import type { Target } from "./target.ts";

/** What attempts are made with. */
export interface MakeAttemptOptions {
  /** The same seed makes the same attempts, but for what is sealed anew. */
  readonly seed: number;
  /** The keys to use, and to abuse. */
  readonly keys: Target["keys"];
  /** Whether the requests shall come from many addresses, as a proxy would tell. */
  readonly spread: boolean;
}

const ROUTES: readonly Route[] = ["/gateway", "/mqtt/publish", "/mqtt/subscribe"];

const utf8 = new TextEncoder();

/** Makes the attempt that has a place in the order of all. */
export async function makeAttempt(place: number, options: MakeAttemptOptions): Promise<Attempt> {
  const random = new Seeded(options.seed, place);
  const version: Version = random.chance(0.5) ? 1 : 2;
  const seconds = Math.floor(Date.now() / 1000);

  const seal = (route: Route, payload: string, key = options.keys.right) =>
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
    const headers = random.chance(0.7) ? [] : harmlessHeaders(random, options.keys.right.kid);
    const twice = isKept(route) && random.chance(0.2);
    const bytes = post({ route, text, headers });
    return {
      ...once(exchange),
      kind: twice ? "right, twice" : "right",
      bytes,
      twice,
      mustSucceed: true,
      kept: isKept(route),
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
      const { text } = await seal(route, payload, options.keys.wrong);
      const other = random.chance(0.5) ? text : text.replace(options.keys.wrong.kid, options.keys.right.kid);
      return { kind: "other key", ...REFUSED, bytes: post({ route, text: other }) };
    }
    const { text } = await sealRequest(options.keys.right, payload, { version: 2, route, random: randomBytes });
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
    [6, misplaced],
    [4, stale],
    [6, garbage],
    [7, trick],
    [1, pipelined],
    [1, cutOff],
  ])();
}

const latin1 = new TextDecoder("latin1");

const REFUSED = { port: "public", answers: 1, mustFail: true, kept: true } as const;

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
