/** Requests of malicious key holders, and of attackers without a key. */
import { connect } from "node:net";
import { randomBytes } from "../../src/protocol/bytes.ts";
import type { Route } from "../../src/protocol/v2/envelope.ts";
import { sealRequest, type Version } from "../../src/protocol/exchange.ts";
import { importSecretKey, type SecretKey } from "../../src/protocol/secret_key.ts";
import type { KeyRecord } from "../../src/keys/schema.ts";

/** Options of a request. */
export interface SendOptions {
  readonly version?: Version;
  /** Number of bytes of the answer to read; all by default. */
  readonly readBytes?: number;
  /** Announced bytes of the body that are never sent. */
  readonly missing?: number;
  /** Header `Connection`; `close` by default. */
  readonly connection?: "close" | "keep-alive";
  /** Changes the JSON text of the payload before it is sealed. */
  readonly edit?: (json: string) => string;
}

/** Pending request. */
export interface PendingRequest {
  /** Resolves with the number of received bytes when the connection ends. */
  readonly ended: Promise<number>;
  /** Closes the connection. */
  close(): void;
}

/** Key holder at its own address, behind a trusted proxy. */
export class Attacker {
  readonly #port: number;
  readonly #address: string;
  readonly #key: Promise<SecretKey>;
  readonly #open = new Set<() => void>();

  /** @param address address for `X-Forwarded-For` */
  constructor(url: string, { secret }: Pick<KeyRecord, "secret">, address: string) {
    this.#port = Number(new URL(url).port);
    this.#address = address;
    this.#key = importSecretKey(secret);
  }

  /** Seals a payload. */
  async seal(route: Route, payload: string, version: Version = 2): Promise<string> {
    return (await sealRequest(await this.#key, payload, { version, route, random: randomBytes })).text;
  }

  /** Seals a payload with the current time, and sends it. */
  async send(
    route: Route,
    payload: Readonly<Record<string, unknown>>,
    options: SendOptions = {},
  ): Promise<PendingRequest> {
    const { version, edit = (json) => json } = options;
    const json = edit(JSON.stringify({ ...payload, timestamp: Date.now() / 1000 }));
    return this.sendBody(route, await this.seal(route, json, version), options);
  }

  /** Sends a body unchanged over its own connection. */
  sendBody(
    route: string,
    body: string,
    { readBytes = Infinity, missing = 0, connection = "close" }: SendOptions = {},
  ): PendingRequest {
    const { promise: ended, resolve } = Promise.withResolvers<number>();
    const socket = connect({ host: "127.0.0.1", port: this.#port });
    let read = 0;
    const close = () => void socket.destroy();
    this.#open.add(close);
    socket.on("data", ({ length }: Uint8Array) => {
      read += length;
      if (read >= readBytes) socket.pause();
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      this.#open.delete(close);
      resolve(read);
    });
    const head = [
      `POST ${route} HTTP/1.1`,
      "Host: gateway",
      `X-Forwarded-For: ${this.#address}`,
      `Content-Length: ${body.length + missing}`,
      `Connection: ${connection}`,
    ];
    socket.write(`${head.join("\r\n")}\r\n\r\n${body}`);
    if (readBytes === 0) socket.pause();
    return { ended, close };
  }

  /** Closes all connections. */
  close(): void {
    for (const close of this.#open) close();
  }
}
