/**
 * Connections to destinations. Each request has its own: Deno's `fetch` repeats some requests by itself when a reused
 * connection is closed, and a GET may switch a lamp as well.
 *
 * @module
 */
import { readPair, readSettingFile } from "../../config/setting_files.ts";
import { errorText } from "../../lib/errors.ts";
import type { Platform } from "../../platform.ts";
import type { HttpTarget } from "./section.ts";
import type { Outgoing } from "./redirect.ts";

/** Machine that connections are opened on. */
export type TransportPlatform = Pick<Platform, "createHttpClient" | "fetch" | "files">;

/** Way to send requests. */
interface Transport {
  readonly fetch: typeof fetch;
  /** Encodings of bodies that it decodes. */
  readonly decodes: readonly string[];
  readonly close: () => void;
}

/** Answer of a destination. */
export interface Incoming {
  /** HTTP response. */
  readonly response: Response;
  /** Its headers, without those of an encoding that is decoded already. */
  readonly headers: Headers;
}

/** Options of all connections: none is used twice, and `Host` can name a server whose address is resolved already. */
const CLIENT_OPTIONS = { http2: false, poolMaxIdlePerHost: 0, allowHost: true } as const;

/** Name that the gateway gives itself, unless the request has another. */
const USER_AGENT = "e2e-gateway";

/** Opens connections: for targets with certificates of their own with these, for all others with public ones. */
export class Transports {
  readonly #platform: TransportPlatform;
  readonly #shared: Transport;
  readonly #own = new Map<string, { readonly target: HttpTarget; readonly transport: Promise<Transport> }>();

  /** Opens none yet. */
  constructor(platform: TransportPlatform) {
    this.#platform = platform;
    this.#shared = openClient(platform);
  }

  /**
   * Sends a message once, and follows no redirect.
   *
   * @param address address to connect to in place of the name
   * @throws the error of the connection, or of a file with a certificate
   */
  async send(
    { destination: { name, url, headers, target }, method, body }: Outgoing,
    { address, signal }: { readonly address: string | undefined; readonly signal: AbortSignal },
  ): Promise<Incoming> {
    const { fetch, decodes } = target === undefined ? this.#shared : await this.#transportOf(name, target);
    const sent = new Headers(headers.map(([name, value]) => [name, value]));
    if (!sent.has("User-Agent")) sent.set("User-Agent", USER_AGENT);
    // Without it, a server may choose any.
    if (decodes.length === 0) sent.set("Accept-Encoding", "identity");
    if (body !== undefined && !sent.has("Content-Type")) sent.set("Content-Type", "application/json");
    const to = new URL(url);
    if (address !== undefined) {
      sent.set("Host", url.host);
      to.hostname = address.includes(":") ? `[${address}]` : address;
    }
    const response = await fetch(to.href, {
      method,
      headers: sent,
      ...body === undefined ? {} : { body: new Blob([body]) },
      redirect: "manual",
      signal,
    });
    const received = new Headers(response.headers);
    const encoding = received.get("Content-Encoding")?.toLowerCase();
    if (encoding !== undefined && decodes.includes(encoding)) {
      received.delete("Content-Encoding");
      received.delete("Content-Length");
    }
    return { response, headers: received };
  }

  /** Closes all connections. */
  async close(): Promise<void> {
    this.#shared.close();
    const opened = await Promise.allSettled([...this.#own.values()].map(({ transport }) => transport));
    for (const result of opened) if (result.status === "fulfilled") result.value.close();
    this.#own.clear();
  }

  #transportOf(name: string, target: HttpTarget): Transport | Promise<Transport> {
    if (target.caFile === undefined && target.certFile === undefined) return this.#shared;
    const known = this.#own.get(name);
    if (known?.target === target) return known.transport;
    const transport = openWithCertificates(name, target, this.#platform);
    this.#own.set(name, { target, transport });
    // A file that could not be read is read again at the next request.
    transport.catch(() => this.#own.get(name)?.target === target && this.#own.delete(name));
    known?.transport.then(({ close }) => close(), () => {});
    return transport;
  }
}

/** Reads the certificates of a target. */
async function openWithCertificates(name: string, target: HttpTarget, platform: TransportPlatform): Promise<Transport> {
  const ca = await readSettingFile(`http.${name}.caFile`, target.caFile, platform);
  const names = { certName: `http.${name}.certFile`, keyName: `http.${name}.keyFile` };
  const pair = await readPair(names, { certFile: target.certFile, keyFile: target.keyFile }, platform);
  if (ca === undefined) return openClient(platform, pair);
  // Loaded only here: most networks at home have no HTTPS inside.
  const { createPrivateFetch } = await import("../../net/private_fetch.ts");
  try {
    return { fetch: createPrivateFetch(ca, pair), decodes: [], close: () => {} };
  } catch (error) {
    throw new Error(`http.${name}.caFile "${target.caFile}" is of no use: ${errorText(error)}`, { cause: error });
  }
}

/** Checks the files of a target's certificates, as its first request does. */
export async function checkCertificates(name: string, target: HttpTarget, platform: TransportPlatform): Promise<void> {
  const { close } = await openWithCertificates(name, target, platform);
  close();
}

function openClient(
  platform: TransportPlatform,
  pair: { readonly cert: string; readonly key: string } | undefined = undefined,
) {
  const client = platform.createHttpClient({ ...CLIENT_OPTIONS, ...pair });
  const send: typeof fetch = (input, init) => platform.fetch(input, { ...init, client });
  return { fetch: send, decodes: ["gzip", "br"], close: () => client.close() };
}
