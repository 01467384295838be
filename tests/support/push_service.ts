/** Push service as RFC 8030 describes it, which decrypts with an implementation of RFC 8291 that is not ours. */
import { Buffer } from "node:buffer";
import { createECDH } from "node:crypto";
import { createServer, type Server } from "node:https";
import type { IncomingMessage, ServerResponse } from "node:http";
import { assertEquals } from "@std/assert";
import ece from "http_ece";
import { fromBase64Url, randomBytes } from "../../src/protocol/bytes.ts";
import { makeCertificate } from "./certificate.ts";
import { until } from "./deadline.ts";
import { freePort } from "./loopback.ts";

/** Message that the service has received whole, whatever it answered. */
export interface ReceivedPush {
  /** Path of the subscription. */
  readonly path: string;
  /** Headers. */
  readonly headers: Readonly<Record<string, string>>;
  /** Decrypted text. */
  readonly text: string;
  /** Length of the body, in bytes. */
  readonly bytes: number;
}

/** Answer to one message: a status with headers, or none. */
export type PushServiceAnswer =
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  /** Keeps the connection open, and never answers. */
  | "hang"
  /** Closes the connection once it has the message. */
  | "break";

/** Subscription of a device, as the device sends it to the gateway. */
export interface TestSubscription {
  readonly endpoint: string;
  readonly keys: { readonly p256dh: string; readonly auth: string };
}

const ACCEPTED: PushServiceAnswer = { status: 201 };

/** Keys of a device. */
interface Device {
  readonly ecdh: ReturnType<typeof createECDH>;
  readonly auth: string;
}

/** Push service on a free port of loopback, as `localhost`. */
export class TestPushService {
  /** All messages that it has received, in their order. */
  readonly received: ReceivedPush[] = [];
  /** Answers to the next messages; then it accepts. */
  readonly answers: PushServiceAnswer[] = [];
  /** Answers by subscription, before those. */
  readonly answersOf = new Map<string, PushServiceAnswer>();
  /** Faults of requests, which no test expects. */
  readonly faults: string[] = [];
  /** Messages that wait for each device, the oldest first, until it connects. */
  readonly #undelivered = new Map<string, { readonly text: string; readonly topic?: string; readonly ttl: number }[]>();
  readonly #devices = new Map<string, Device>();
  readonly #waiting: (() => void)[] = [];
  readonly #tls: { readonly cert: string; readonly key: string };
  #server: Server | undefined;
  readonly #port = freePort();
  /** Most messages at a time so far. */
  mostAtOnce = 0;
  #open = 0;

  private constructor(tls: { readonly cert: string; readonly key: string }) {
    this.#tls = tls;
  }

  /** Starts a service with a certificate for `localhost`. */
  static async start(tls: { readonly cert: string; readonly key: string }): Promise<TestPushService> {
    const service = new TestPushService(tls);
    await service.up();
    return service;
  }

  /** Starts a service whose certificate for `localhost`, `cert.pem`, is made in a directory. Needs openssl. */
  static async startIn(directory: string): Promise<TestPushService> {
    await makeCertificate(directory);
    const read = (file: string) => Deno.readTextFile(`${directory}/${file}`);
    return await TestPushService.start({ cert: await read("cert.pem"), key: await read("key.pem") });
  }

  /** Host and port. */
  get host(): string {
    return `localhost:${this.#port}`;
  }

  /** Number of messages that hang, which {@linkcode release} answers. */
  get hanging(): number {
    return this.#waiting.length;
  }

  /** Makes a subscription of a new device. */
  subscribe(): TestSubscription {
    const ecdh = createECDH("prime256v1");
    const p256dh = ecdh.generateKeys("base64url");
    const auth = Buffer.from(randomBytes(16)).toString("base64url");
    const path = `/send/${randomBytes(8).toHex()}`;
    this.#devices.set(path, { ecdh, auth });
    return { endpoint: `https://${this.host}${path}`, keys: { p256dh, auth } };
  }

  /** Removes a subscription: messages get 410. */
  unsubscribe({ endpoint }: TestSubscription): void {
    this.#devices.delete(new URL(endpoint).pathname);
  }

  /** Returns the texts that a device gets when it connects. */
  connect({ endpoint }: TestSubscription): string[] {
    const path = new URL(endpoint).pathname;
    const texts = (this.#undelivered.get(path) ?? []).map(({ text }) => text);
    this.#undelivered.delete(path);
    return texts;
  }

  /** Answers all messages that hang. */
  release(): void {
    for (const answer of this.#waiting.splice(0)) answer();
  }

  /** Waits for a number of messages in all. */
  async until(count: number): Promise<void> {
    await until(`${count} push messages`, () => this.received.length >= count);
  }

  /** Stops listening, and closes all connections. */
  async down(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    this.#waiting.splice(0);
    await new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    });
  }

  /** Listens, always on the same port. */
  async up(): Promise<void> {
    const server = createServer(this.#tls, (request, response) => void this.#receive(request, response));
    this.#server = server;
    // Connections of a gateway that was killed.
    server.on("tlsClientError", () => {});
    server.on("clientError", (_error, socket) => socket.destroy());
    await new Promise<void>((resolve) => server.listen(this.#port, "127.0.0.1", resolve));
  }

  /** Stops it. Fails if a request was wrong. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.down();
    assertEquals(this.faults, []);
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#open += 1;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.#open);
    response.once("close", () => this.#open -= 1);
    const body = await readBody(request);
    // The gateway was killed, or has given up.
    if (body === undefined) return;
    const path = request.url ?? "";
    const headers = Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [name, [value ?? ""].flat().join(", ")]),
    );
    this.faults.push(...await faultsOf(request.method ?? "", headers, body, `https://${this.host}`));
    const device = this.#devices.get(path);
    if (device === undefined) return void response.writeHead(410).end();
    const text = ece.decrypt(body, { version: "aes128gcm", privateKey: device.ecdh, authSecret: device.auth })
      .toString();
    this.received.push({ path, headers, text, bytes: body.length });
    const answer = this.answersOf.get(path) ?? this.answers.shift() ?? ACCEPTED;
    if (answer === "break") return void request.socket.destroy();
    if (answer === "hang") {
      this.#waiting.push(() => this.#answer(response, { status: 201 }, path, { text, headers }));
      return;
    }
    this.#answer(response, answer, path, { text, headers });
  }

  #answer(
    response: ServerResponse,
    { status, headers = {} }: Exclude<PushServiceAnswer, string>,
    path: string,
    message: Pick<ReceivedPush, "headers" | "text">,
  ): void {
    if (status === 201) {
      const { topic } = message.headers;
      const waiting = this.#undelivered.get(path) ?? [];
      const kept = topic === undefined ? waiting : waiting.filter((one) => one.topic !== topic);
      const added = {
        text: message.text,
        ttl: Number(message.headers["ttl"]),
        ...topic === undefined ? {} : { topic },
      };
      this.#undelivered.set(path, [...kept, added]);
      response.setHeader("Location", `https://${this.host}/message/${randomBytes(8).toHex()}`);
    }
    response.writeHead(status, { ...headers }).end(status >= 400 ? "x".repeat(100) : undefined);
  }
}

async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  try {
    const body = Buffer.concat(await Array.fromAsync(request));
    return request.complete ? body : undefined;
  } catch {
    return undefined;
  }
}

/** Returns the faults of a request by RFC 8030, RFC 8291 and RFC 8292. */
async function faultsOf(
  method: string,
  headers: Readonly<Record<string, string>>,
  body: Uint8Array,
  origin: string,
): Promise<string[]> {
  const { ttl = "", urgency = "", topic = "t", authorization = "", "content-encoding": encoding } = headers;
  const faults = [
    method === "POST" ? undefined : `method ${method}`,
    /^\d+$/.test(ttl) ? undefined : `TTL ${ttl}`,
    /^(very-low|low|normal|high)$/.test(urgency) ? undefined : `Urgency ${urgency}`,
    /^[\w-]{1,32}$/.test(topic) ? undefined : `Topic ${topic}`,
    encoding === "aes128gcm" ? undefined : `Content-Encoding ${encoding}`,
    body.length <= 4096 ? undefined : `body of ${body.length} bytes`,
    headers["content-length"] === String(body.length) ? undefined : "Content-Length",
    await isAuthorized(authorization, origin) ? undefined : `Authorization ${authorization}`,
  ];
  return faults.filter((fault) => fault !== undefined);
}

async function isAuthorized(authorization: string, origin: string): Promise<boolean> {
  const [, signed = "", claims = "", signature = "", key = ""] =
    /^vapid t=([\w-]+\.([\w-]+))\.([\w-]+), k=([\w-]+)$/.exec(authorization) ?? [];
  if (key === "") return false;
  const { aud }: { readonly aud?: unknown } = JSON.parse(new TextDecoder().decode(fromBase64Url(claims)));
  const ecdsa = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const imported = await crypto.subtle.importKey("raw", fromBase64Url(key), ecdsa, false, ["verify"]);
  const isSigned = await crypto.subtle.verify(
    ecdsa,
    imported,
    fromBase64Url(signature),
    new TextEncoder().encode(signed),
  );
  return isSigned && aud === origin;
}
