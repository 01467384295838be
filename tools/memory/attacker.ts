/** What holders of keys, and strangers, can send to a gateway. */
import { connect } from "node:net";
import { randomBytes } from "../../src/protocol/bytes.ts";
import type { Route } from "../../src/protocol/v2/envelope.ts";
import { sealRequest, type Version } from "../../src/protocol/exchange.ts";
import { importSecretKey, type SecretKey } from "../../src/protocol/secret_key.ts";
import type { KeyRecord } from "../../src/keys/schema.ts";

/** How a request is sent. */
export interface SendOptions {
  readonly version?: Version;
  /** How long its answer is read, in bytes; all of it by default. */
  readonly readBytes?: number;
  /** How much its head announces beyond its body, which never comes, in bytes. */
  readonly missing?: number;
  /** Changes the JSON text of the payload before it is sealed. */
  readonly edit?: (json: string) => string;
}

/** A request on its way. */
export interface Sent {
  /** Settles when the answer is complete, or the connection ends; tells how many bytes came. */
  readonly ended: Promise<number>;
  /** Hangs up. */
  hangUp(): void;
}

/** Holder of a key, at an address of its own, behind a proxy that the gateway trusts. */
export class Attacker {
  readonly #port: number;
  readonly #address: string;
  readonly #key: Promise<SecretKey>;
  readonly #open = new Set<() => void>();

  /** Makes one that has sent nothing yet. */
  constructor(url: string, { secret }: Pick<KeyRecord, "secret">, address: string) {
    this.#port = Number(new URL(url).port);
    this.#address = address;
    this.#key = importSecretKey(secret);
  }

  /** Seals a payload. */
  async seal(route: Route, payload: string, version: Version = 2): Promise<string> {
    return (await sealRequest(await this.#key, payload, { version, route, random: randomBytes })).text;
  }

  /** Seals a payload with the time now, and sends it. */
  async send(route: Route, payload: Readonly<Record<string, unknown>>, options: SendOptions = {}): Promise<Sent> {
    const { version, edit = (json) => json } = options;
    const json = edit(JSON.stringify({ ...payload, timestamp: Date.now() / 1000 }));
    return this.sendBody(route, await this.seal(route, json, version), options);
  }

  /** Sends a body as it is, on a connection of its own. */
  sendBody(route: string, body: string, { readBytes = Infinity, missing = 0 }: SendOptions = {}): Sent {
    const { promise: ended, resolve } = Promise.withResolvers<number>();
    const socket = connect({ host: "127.0.0.1", port: this.#port });
    let read = 0;
    const hangUp = () => void socket.destroy();
    this.#open.add(hangUp);
    socket.on("data", ({ length }: Uint8Array) => {
      read += length;
      if (read >= readBytes) socket.pause();
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      this.#open.delete(hangUp);
      resolve(read);
    });
    const head = [
      `POST ${route} HTTP/1.1`,
      "Host: gateway",
      `X-Forwarded-For: ${this.#address}`,
      `Content-Length: ${body.length + missing}`,
      "Connection: close",
    ];
    socket.write(`${head.join("\r\n")}\r\n\r\n${body}`);
    if (readBytes === 0) socket.pause();
    return { ended, hangUp };
  }

  /** Hangs up on all that is open. */
  leave(): void {
    for (const hangUp of this.#open) hangUp();
  }
}
