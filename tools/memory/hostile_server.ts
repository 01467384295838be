/** Server of Home Assistant, of InfluxDB and of HTTP targets that answers as an attack chooses. */
import { createHash } from "node:crypto";
import { joinBytes } from "../../src/lib/read_bytes.ts";

/** Answers a request, whose head has been read. The connection is closed afterwards. */
export type Answer = (connection: Deno.TcpConn) => Promise<void>;

/** Running server. */
export interface HostileServer extends Disposable {
  readonly url: string;
  /** Answers all requests but those of the other client. */
  answer: Answer;
  /** Sends messages on the WebSocket of Home Assistant, once it is open. */
  webSocket: Answer;
}

/** Answer to the other client: a state of Home Assistant, and a result of InfluxDB 1. */
const PHONE_ANSWER = JSON.stringify({
  "entity_id": "sensor.phone",
  state: "on",
  attributes: {},
  results: [{ "statement_id": 0, series: [{ name: "phone", columns: ["time", "value"], values: [[0, 1]] }] }],
});

const utf8 = new TextEncoder();

/** Starts a server. Requests with `phone` in their path are answered as they should be. */
export function startHostileServer(): HostileServer {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const server: HostileServer = {
    url: `http://127.0.0.1:${listener.addr.port}`,
    answer: answerWith("{}"),
    webSocket: () => Promise.resolve(),
    [Symbol.dispose]: () => listener.close(),
  };
  accept(listener, server).catch(() => {});
  return server;
}

/** Makes the answer with a whole body. */
export function answerWith(body: string | Uint8Array, ...headers: readonly string[]): Answer {
  const bytes = typeof body === "string" ? utf8.encode(body) : body;
  const head = head200(`Content-Length: ${bytes.length}`, ...headers);
  return async (connection) => {
    await writeAll(connection, head);
    await writeAll(connection, bytes);
  };
}

/** Returns the head of an answer that ends with its connection, or with the length that a header names. */
export function head200(...headers: readonly string[]): Uint8Array {
  return utf8.encode(["HTTP/1.1 200 OK", "Connection: close", ...headers, "", ""].join("\r\n"));
}

/** Writes bytes, and again as long as the connection is open. */
export async function writeForEver(connection: Deno.TcpConn, bytes: Uint8Array): Promise<never> {
  for (;;) await writeAll(connection, bytes);
}

/** Writes all bytes. */
export async function writeAll(connection: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await connection.write(rest));
}

/** Kinds of frames of the WebSocket protocol (RFC 6455); `end` is the last one of a message, the first one has a text. */
const OPCODES = { text: 0x81, begin: 0x01, go: 0x00, end: 0x80, ping: 0x89 } as const;

/** Returns a frame of the WebSocket protocol. */
export function frame(payload: string, kind: keyof typeof OPCODES = "text"): Uint8Array {
  const bytes = utf8.encode(payload);
  const head = new Uint8Array(bytes.length < 126 ? 2 : 10);
  head[0] = OPCODES[kind];
  head[1] = Math.min(bytes.length, 127);
  if (head.length > 2) new DataView(head.buffer).setBigUint64(2, BigInt(bytes.length));
  return joinBytes([head, bytes]);
}

async function accept(listener: Deno.TcpListener, server: HostileServer): Promise<void> {
  for await (const connection of listener) serve(connection, server).catch(() => {}).finally(() => close(connection));
}

function close(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch {
    // The gateway has closed it.
  }
}

async function serve(connection: Deno.TcpConn, server: HostileServer): Promise<void> {
  const request = await readHead(connection);
  const key = /^sec-websocket-key: (\S+)/mi.exec(request)?.[1];
  if (key !== undefined) {
    const accepted = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
    const head = ["101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"];
    await writeAll(
      connection,
      utf8.encode(`HTTP/1.1 ${head.join("\r\n")}\r\nSec-WebSocket-Accept: ${accepted}\r\n\r\n`),
    );
    await server.webSocket(connection);
  } else if (/phone/.test(request.split("\r\n", 1)[0] ?? "")) await answerWith(PHONE_ANSWER)(connection);
  else await server.answer(connection);
}

/** Reads the head of a request. What comes after it is not read. */
async function readHead(connection: Deno.TcpConn): Promise<string> {
  let head = "";
  const buffer = new Uint8Array(16 * 1024);
  while (!head.includes("\r\n\r\n")) {
    const length = await connection.read(buffer);
    if (length === null) throw new Error("The connection ended");
    head += new TextDecoder().decode(buffer.subarray(0, length));
  }
  return head;
}
