/**
 * Fake gateway on a TCP port, for clients in other processes: a test writes each response, down to the bytes. It has a
 * history of numbered messages, and sends those after the position of a request. It answers probes itself.
 */
import { type Bytes, randomBytes, toHex } from "../../src/protocol/bytes.ts";
import type { Route } from "../../src/protocol/v2/envelope.ts";
import { openRequest, parseRequest } from "../../src/protocol/exchange.ts";
import { importSecretKey, type SecretKey } from "../../src/protocol/secret_key.ts";
import { withTcpServer } from "../support/loopback.ts";
import type { Target } from "./client_program.ts";
import { ClientRequest, plainAnswer, type Received } from "./client_request.ts";

/** Responds to one request. The connection breaks off after it. */
export type Respond = (request: ClientRequest) => Promise<void>;

/** Fake gateway, and the requests that it received. */
export interface FakeGateway extends Target {
  /** Requests, without probes. */
  readonly requests: readonly ClientRequest[];
  /** Probes for the version, at a gateway of version 2. */
  readonly probes: readonly ClientRequest[];
  /** Number of requests of version 2 at a gateway of version 1. */
  readonly unsupported: number;
}

/** Options of a fake gateway. */
export interface FakeGatewayOptions {
  /** Newest version of the protocol; 2 by default. */
  readonly version?: 1 | 2;
  /** Key of all requests; a random one by default. */
  readonly secret?: Bytes;
  /** Responses to the first probes; later ones get a regular answer. */
  readonly probes?: readonly Respond[];
}

/** Body of a gateway for an expired request. */
export const EXPIRED = '{"error":"Request expired"}';

/** Body of a gateway for a request that does not open. */
export const UNOPENED = '{"error":"Decryption failed"}';

const answerProbe: Respond = (request) => request.reply(EXPIRED, { status: 403 });

/** Runs a test with a fake gateway that handles the first request by the first response, and so on. */
export async function withFakeGateway(
  responses: readonly Respond[],
  test: (gateway: FakeGateway) => Promise<void>,
  options: FakeGatewayOptions = {},
): Promise<void> {
  const { secret = randomBytes(32) } = options;
  const key = await importSecretKey(secret);
  const requests: ClientRequest[] = [];
  const probes: ClientRequest[] = [];
  const problems: unknown[] = [];
  let unsupported = 0;

  async function handle(connection: Deno.TcpConn): Promise<void> {
    const received = await readRequest(connection);
    if (received === undefined) return;
    const { path, body } = received;
    if (options.version === 1 && body.startsWith("2.")) {
      unsupported += 1;
      await connection.write(new TextEncoder().encode(plainAnswer(401, UNOPENED)));
      return;
    }
    const request = new ClientRequest(connection, await open(key, path, body));
    const isProbe = JSON.stringify(request.fields) === '{"timestamp":0}';
    const respond = isProbe ? options.probes?.[probes.length] ?? answerProbe : responses[requests.length];
    (isProbe ? probes : requests).push(request);
    await respond?.(request);
  }

  async function receive(connection: Deno.TcpConn): Promise<void> {
    try {
      await handle(connection);
    } catch (error) {
      problems.push(error);
    } finally {
      connection.close();
    }
  }

  await withTcpServer(receive, async (port) => {
    const target = { url: `http://127.0.0.1:${port}`, key: toHex(secret) };
    await test({
      ...target,
      requests,
      probes,
      get unsupported() {
        return unsupported;
      },
    });
    if (problems.length > 0) throw new AggregateError(problems, "Fake gateway failed");
  });
}

async function open(key: SecretKey, route: Route, envelope: string): Promise<Received> {
  const opened = await openRequest(key, parseRequest(envelope), { route });
  if (opened === undefined) throw new Error("Request does not open");
  return { route, fields: JSON.parse(opened.text), json: opened.text, envelope, exchange: opened.exchange };
}

/** Reads a request; undefined for an unused connection, as of Node's fetch. */
async function readRequest(
  connection: Deno.TcpConn,
): Promise<{ readonly path: Route; readonly body: string } | undefined> {
  let text = "";
  for (;;) {
    const [headers = "", body] = text.split("\r\n\r\n");
    const length = Number(/^content-length: *(\d+)/im.exec(headers)?.[1]);
    if (body !== undefined && body.length === length) return { path: readRoute(headers), body };
    const buffer = new Uint8Array(4096);
    const count = await connection.read(buffer);
    if (count === null && text === "") return undefined;
    if (count === null) throw new Error("Request broke off");
    text += new TextDecoder().decode(buffer.subarray(0, count));
  }
}

const ROUTES: readonly Route[] = ["/gateway", "/mqtt/publish", "/mqtt/subscribe", "/subscribe", "/pair"];

function readRoute(headers: string): Route {
  const path = headers.split(" ")[1];
  const route = ROUTES.find((known) => known === path);
  if (route === undefined) throw new Error(`Unknown path: "${path}"`);
  return route;
}
