/** The HTTP service on real servers of this machine, and on fakes for the rest. */
import { SYSTEM_CLOCK } from "../../src/lib/clock.ts";
import { Deadlines } from "../../src/lib/deadlines.ts";
import { Scope } from "../../src/keys/rights.ts";
import type { Payload } from "../../src/protocol/payload.ts";
import { createCheckAddress, type OwnPort } from "../../src/services/http/addresses.ts";
import { DestinationDirectory } from "../../src/services/http/destination.ts";
import { HTTP_RIGHTS } from "../../src/services/http/rights.ts";
import { HTTP_SECTION } from "../../src/services/http/section.ts";
import { createHttpService } from "../../src/services/http/service.ts";
import { Transports } from "../../src/services/http/transport.ts";
import { parseUrlPattern } from "../../src/services/http/url_pattern.ts";
import { readSection } from "../../src/services/section.ts";
import type { Reply, ServiceContext } from "../../src/services/service.ts";
import { fakePlatform } from "./platform.ts";

/** Parts of the service that a test sets. */
export interface HttpServiceParts {
  /** Section of the services file. */
  readonly targets?: unknown;
  /** Entries of HTTP_ALLOWED. */
  readonly allowed?: readonly string[];
  /** Rights of the key; all by default. */
  readonly rights?: Readonly<Record<string, unknown>>;
  /** Resolves names. */
  readonly lookup?: (host: string) => Promise<readonly string[]>;
  /** Sends requests. */
  readonly fetch?: typeof fetch;
  /** Addresses of this machine; hidden by default. */
  readonly interfaces?: readonly string[];
  /** Ports of the gateway. */
  readonly ownPorts?: readonly OwnPort[];
  /** Largest answer, in bytes. */
  readonly maxResponseBytes?: number;
  /** Longest wait, in milliseconds. */
  readonly timeoutMs?: number;
}

/** Service for one key. Closes its connections when it is disposed. */
export function makeHttpService(parts: HttpServiceParts = {}) {
  const { targets = {}, allowed = [], rights = HTTP_RIGHTS.all, ownPorts = [] } = parts;
  const scope = new Scope({ http: rights });
  const platform = fakePlatform({
    networkInterfaces: () => (parts.interfaces ?? []).map((address) => ({ name: "eth0", family: "IPv4", address })),
    ...parts.lookup === undefined ? {} : { lookup: parts.lookup },
    ...parts.fetch === undefined ? {} : { fetch: parts.fetch },
  });
  const transports = new Transports(platform);
  const section = readSection(HTTP_SECTION, { http: targets });
  const closing = new AbortController();
  const service = createHttpService({
    settings: { timeoutMs: parts.timeoutMs ?? 10_000, maxResponseBytes: parts.maxResponseBytes ?? 8 * 2 ** 20 },
    directory: new DestinationDirectory(() => section, allowed.map(parseUrlPattern)),
    checkAddress: createCheckAddress({ ownPorts, platform }),
    transports,
    deadlines: new Deadlines(SYSTEM_CLOCK, 1),
    closeSignal: closing.signal,
  });
  const held: (() => void)[] = [];
  return {
    service,
    /** Memory that answers hold. */
    held,
    /** Ends all waiting. */
    close: () => closing.abort(),
    call: (payload: Payload, context: Partial<ServiceContext> = {}): Promise<Reply> =>
      service.handle(payload, {
        key: "phone",
        kid: "",
        keyCreated: 0,
        scope,
        clientSignal: NEVER,
        holdMemory: (release) => void held.push(release),
        ...context,
      }),
    [Symbol.asyncDispose]: () => transports.close(),
  };
}

const NEVER = new AbortController().signal;

/** Request that a server has seen. */
export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  readonly body: string;
}

/** HTTP server on a free port of loopback that records its requests. */
export function startHttpServer(
  handler: (request: Request, seen: SeenRequest) => Response | Promise<Response> = () => new Response("ok"),
  tls: { readonly cert?: string; readonly key?: string } = {},
) {
  const seen: SeenRequest[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {}, ...tls }, async (request) => {
    const { method, url, headers } = request;
    const one = { method, url, headers, body: await request.text() };
    seen.push(one);
    return handler(request, one);
  });
  const { port } = server.addr;
  return {
    seen,
    port,
    origin: `http${tls.cert === undefined ? "" : "s"}://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
