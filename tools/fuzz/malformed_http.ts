/** Malformed HTTP: heads, lines and lengths that are known to break servers and proxies. */
import { Buffer } from "node:buffer";
import type { SeededRandom } from "./seeded_random.ts";

const latin1 = (text: string): Uint8Array => Buffer.from(text, "latin1");

/** Malformed request. */
export interface MalformedRequest {
  /** Kind. */
  readonly name: string;
  /** Bytes to send. */
  readonly bytes: Uint8Array;
  /** True to close the connection at once. */
  readonly disconnects?: boolean;
}

const ROUTES = [
  "/gateway",
  "/mqtt/publish",
  "/mqtt/subscribe",
  "/health",
  "/health/live",
  "/health/ready",
  "/metrics",
  "/",
];

const METHODS = [
  "GET",
  "HEAD",
  "PUT",
  "DELETE",
  "OPTIONS",
  "PATCH",
  "TRACE",
  "CONNECT",
  "PROPFIND",
  "get",
  "P\u00d6ST",
  "X".repeat(300),
];

const PATHS = [
  "/gateway/",
  "//gateway",
  "/./gateway",
  "/x/../gateway",
  "/%67ateway",
  "/gateway%2f",
  "/gateway%00",
  "/gateway\u0000",
  "/%2e%2e/%2e%2e/etc/passwd",
  "/gateway;x=1",
  "/gateway?x=1#y",
  "/gateway#x",
  "/GATEWAY",
  "/gate\tway",
  "*",
  "gateway",
  "",
  "/\u00ff\u00fe",
  "/" + "a".repeat(9000),
  "/" + "a".repeat(70_000),
  "http://evil.example/gateway",
  "http://[::1/gateway",
  "https://a:b@h:99999/health",
  "//evil.example/gateway",
  "/health?" + "x=1&".repeat(500),
];

const HEADERS = [
  "Host: ",
  "Host: a b",
  "Host: [::1",
  "Host: h:99999",
  "Host: user@h",
  "Host: x\r\nHost: y",
  "Host: " + "h".repeat(5000),
  "Content-Length: 5",
  "Content-Length: 5\r\nContent-Length: 6",
  "Content-Length: 5, 5",
  "Content-Length: +5",
  "Content-Length: -1",
  "Content-Length: 0x5",
  "Content-Length: 18446744073709551616",
  "Content-Length: 9007199254740993",
  "Content-Length: 5\r\nTransfer-Encoding: chunked",
  "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
  "Transfer-Encoding: xchunked",
  "Transfer-Encoding : chunked",
  "Transfer-Encoding: gzip, chunked",
  "Expect: 100-continue",
  "Expect: nonsense",
  "Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13",
  "Connection: upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__",
  "Content-Encoding: gzip",
  "Content-Type: multipart/form-data; boundary=x",
  "Range: bytes=0-0,5-9,-1",
  "Cookie: " + "a=b; ".repeat(1000),
  "X: " + "y".repeat(20_000),
  "X: " + "y".repeat(600_000),
  " X: folded",
  "X Y: z",
  ": empty",
  "X: a\u0000b",
  "X: a\rb",
  "X: \u00ff\u0080",
  "no colon",
];

const HTTP_2_PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/** Returns a malformed request. None contains a sealed request, so none may be executed. */
export function malformedHttp(random: SeededRandom): MalformedRequest {
  const [name, make] = random.pickWeighted<readonly [string, () => string | Uint8Array]>([
    [10, ["method", () => head(random, random.pick(METHODS), random.pick(ROUTES)) + "\r\n"]],
    [10, ["path", () => head(random, random.pick(["GET", "POST"]), random.pick(PATHS)) + "\r\n"]],
    [25, ["header", () => {
      const lines = Array.from({ length: 1 + random.below(2) }, () => random.pick(HEADERS) + "\r\n").join("");
      return `${random.pick(["GET", "POST"])} ${random.pick(ROUTES)} HTTP/1.1\r\n${lines}Host: localhost\r\n\r\n${
        body(random)
      }`;
    }]],
    [5, [
      "chunks",
      () =>
        head(random, "POST", random.pick(ROUTES)) + "Transfer-Encoding: chunked\r\n\r\n" + random.pick([
          "5\r\nhello\r\n0\r\n\r\n",
          "5;ext=" + "x".repeat(20_000) + "\r\nhello\r\n0\r\n\r\n",
          "g\r\nhello\r\n",
          "-5\r\nhello\r\n0\r\n\r\n",
          "ffffffffffffffff\r\nhello",
          "fffffffffffffffff\r\nhello",
          "5\r\nhelloXX0\r\n\r\n",
          "0\r\nTrailer: x\r\n" + "A: b\r\n".repeat(500) + "\r\n",
          "5\nhello\n0\n\n",
          "1\r\nx\r\n".repeat(2000) + "0\r\n\r\n",
          "\r\n",
        ]),
    ]],
    [5, ["many headers", () =>
      head(random, "GET", "/health") +
      Array.from({ length: 1 + random.below(400) }, (_, index) => `X-${index}: y\r\n`).join("") + "\r\n"]],
    [5, [
      "version",
      () =>
        `GET /health ${
          random.pick(["HTTP/0.9", "HTTP/1.0", "HTTP/2.0", "HTTP/1.2", "HTTP/9", "", "http/1.1"])
        }\r\nHost: localhost\r\n\r\n`,
    ]],
    [5, ["pipelined", () => (head(random, "GET", "/health") + "\r\n").repeat(1 + random.below(60))]],
    [5, ["HTTP/2", () => joined(HTTP_2_PREFACE, frames(random))]],
    [3, ["HTTP/2 truncated", () => HTTP_2_PREFACE.slice(0, 1 + random.below(24))]],
    [5, ["noise", () => random.bytes(random.below(2000))]],
    [3, ["lines of noise", () => `${latin1Noise(random)}\r\n${latin1Noise(random)}\r\n\r\n`]],
    [3, ["TLS", () => joined("\u0016\u0003\u0001\u0002\u0000\u0001", random.bytes(511))]],
    [5, ["nothing", () => ""]],
    [5, [
      "truncated head",
      () => (head(random, "POST", "/gateway") + "Content-Length: 9\r\n\r\n").slice(0, 1 + random.below(70)),
    ]],
    [5, [
      "truncated body",
      () => head(random, "POST", "/gateway") + "Content-Length: 5000\r\n\r\n" + "x".repeat(random.below(4999)),
    ]],
    [3, ["bare line feeds", () => (head(random, "GET", "/health") + "\r\n").replaceAll("\r", "")]],
    [1, [
      "too large",
      () => head(random, "POST", "/gateway") + `Content-Length: ${2 ** 21}\r\n\r\n` + "x".repeat(2 ** 20 + 99),
    ]],
  ]);
  const made = make();
  return { name, bytes: typeof made === "string" ? latin1(made) : made, disconnects: random.chance(0.3) };
}

function head(random: SeededRandom, method: string, path: string): string {
  const version = random.chance(0.95) ? "HTTP/1.1" : "HTTP/1.0";
  return `${method} ${path} ${version}\r\nHost: localhost\r\n`;
}

function body(random: SeededRandom): string {
  return random.pick([
    "",
    "hello",
    "0\r\n\r\n",
    "5\r\nhello\r\n0\r\n\r\n",
    "GET /health HTTP/1.1\r\nHost: smuggled\r\n\r\n",
  ]);
}

function latin1Noise(random: SeededRandom): string {
  return Array.from({ length: random.below(60) }, () => String.fromCharCode(random.below(256))).join("");
}

/** Returns HTTP/2 frames with mostly valid lengths and arbitrary types and contents. */
function frames(random: SeededRandom): Uint8Array {
  return joined(
    "",
    ...Array.from({ length: 1 + random.below(20) }, () => {
      const content = random.bytes(random.below(60));
      const length = random.chance(0.9) ? content.length : random.below(2 ** 24);
      const stream = random.pick([0, 1, 3, 5, 2, 0x7fffffff]);
      const start = [
        length >> 16,
        length >> 8,
        length,
        random.below(12),
        random.pick([0, 1, 4, 5, 0x25]),
        stream >> 24,
        stream >> 16,
        stream >> 8,
        stream,
      ];
      return joined("", Uint8Array.from(start), content);
    }),
  );
}

function joined(text: string, ...parts: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat([latin1(text), ...parts]);
}
