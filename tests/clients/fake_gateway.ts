/**
 * A gateway of which a test decides what each request gets, down to the bytes. It has a log of numbered messages, and
 * sends of it what comes after the position that a request names. Probes it answers by itself.
 */
import { randomBytes, toHex } from "../../src/protocol/bytes.ts";
import type { Route } from "../../src/protocol/v2/envelope.ts";
import { openRequest, parseRequest } from "../../src/protocol/exchange.ts";
import { importSecretKey, type SecretKey } from "../../src/protocol/secret_key.ts";
import { withTcpServer } from "../support/loopback.ts";
import type { Place } from "./client_program.ts";
import { plainAnswer, type Received, Visit } from "./visit.ts";

/** What happens to one request. The connection breaks off after it. */
export type Fate = (visit: Visit) => Promise<void>;

/** A gateway and who came to it. */
export interface MadeUpGateway extends Place {
  /** The requests, without probes. */
  readonly visits: readonly Visit[];
  /** The requests that ask which version the gateway knows, as far as it knows version 2. */
  readonly probes: readonly Visit[];
  /** How many requests of version 2 came to a gateway that does not know it. */
  readonly strange: number;
}

/** Choices for a made-up gateway. */
export interface MadeUpGatewayOptions {
  /** The newest version that it knows; 2 by default. */
  readonly version?: 1 | 2;
  /** What the first probes get; later ones are answered well. */
  readonly probes?: readonly Fate[];
}

/** What a gateway says to a request from another time. */
export const EXPIRED = '{"error":"Request expired"}';

/** What it says to a request that it cannot open. */
export const UNOPENED = '{"error":"Decryption failed"}';

const answerProbe: Fate = (visit) => visit.reply(EXPIRED, { status: 403 });

/** Runs a test with a gateway that treats the first request as the first fate says, and so on. */
export async function withFakeGateway(
  fates: readonly Fate[],
  test: (gateway: MadeUpGateway) => Promise<void>,
  options: MadeUpGatewayOptions = {},
): Promise<void> {
  const secret = randomBytes(32);
  const key = await importSecretKey(secret);
  const visits: Visit[] = [];
  const probes: Visit[] = [];
  const problems: unknown[] = [];
  let strange = 0;

  async function treat(connection: Deno.TcpConn): Promise<void> {
    const received = await readRequest(connection);
    if (received === undefined) return;
    const { path, body } = received;
    if (options.version === 1 && body.startsWith("2.")) {
      strange += 1;
      await connection.write(new TextEncoder().encode(plainAnswer(401, UNOPENED)));
      return;
    }
    const visit = new Visit(connection, await open(key, path, body));
    const isProbe = JSON.stringify(visit.request) === '{"timestamp":0}';
    const fate = isProbe ? options.probes?.[probes.length] ?? answerProbe : fates[visits.length];
    (isProbe ? probes : visits).push(visit);
    await fate?.(visit);
  }

  async function receive(connection: Deno.TcpConn): Promise<void> {
    try {
      await treat(connection);
    } catch (error) {
      problems.push(error);
    } finally {
      connection.close();
    }
  }

  await withTcpServer(receive, async (port) => {
    const place = { url: `http://127.0.0.1:${port}`, key: toHex(secret) };
    await test({
      ...place,
      visits,
      probes,
      get strange() {
        return strange;
      },
    });
    if (problems.length > 0) throw new AggregateError(problems, "Made-up gateway failed");
  });
}

async function open(key: SecretKey, route: Route, envelope: string): Promise<Received> {
  const opened = await openRequest(key, parseRequest(envelope), { route });
  if (opened === undefined) throw new Error("Request does not open");
  return { request: JSON.parse(opened.text), json: opened.text, envelope, exchange: opened.exchange };
}

/** Reads a request; none comes over a connection that a client only holds ready, as Node's fetch does. */
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

function readRoute(headers: string): Route {
  const path = headers.split(" ")[1];
  if (path === "/gateway" || path === "/mqtt/publish" || path === "/mqtt/subscribe") return path;
  throw new Error(`Unknown path: "${path}"`);
}
