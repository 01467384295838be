/**
 * State of the gateway on this machine: its port and its version.
 *
 * @module
 */
import { errorName } from "../lib/errors.ts";
import type { FetchFailure } from "../lib/fetch_failure.ts";
import { ask, type HttpReply, type Question } from "../lib/http_probe.ts";
import { isObject, tryParseJson } from "../lib/json.ts";
import type { DoctorContext, Machine } from "./context.ts";

/** State of a TCP port. */
export type PortState =
  /** No program listens on it. */
  | { readonly kind: "free" }
  /** A program listens on it. */
  | { readonly kind: "taken" }
  /** No program can listen on it, for a reason that follows "Port". */
  | { readonly kind: "unavailable"; readonly message: string };

/** Finds the state of a port by listening on it for a moment. */
export function findPortState(
  { listen }: Pick<Machine, "listen">,
  address: { readonly hostname: string; readonly port: number },
): PortState {
  try {
    listen(address).close();
    return { kind: "free" };
  } catch (error) {
    const name = errorName(error);
    if (name === "AddrInUse") return { kind: "taken" };
    const message = name === "AddrNotAvailable"
      ? `cannot be listened on: this machine does not have the address ${address.hostname}`
      : name === "PermissionDenied"
      ? "cannot be listened on: ports below 1024 need privileges"
      : `cannot be listened on (${name})`;
    return { kind: "unavailable", message };
  }
}

/** Program on the gateway's port. */
export type GatewayState =
  /** Gateway. */
  | { readonly kind: "gateway"; readonly version: string }
  /** TLS server with a certificate for another name than this machine's address: most likely the gateway. */
  | { readonly kind: "tls_name_mismatch" }
  /** The sandbox of the doctor does not allow asking: as part of the gateway, it may not connect to itself. */
  | { readonly kind: "forbidden" }
  /** `PORT` is 0: only the log shows the gateway's port. */
  | { readonly kind: "unknown_port" }
  /** Another program, with a description of its answer. */
  | { readonly kind: "other"; readonly message: string }
  /** Program that does not answer in time: a gateway that hangs, or another program. */
  | { readonly kind: "silent"; readonly message: string }
  /** No program. */
  | Exclude<PortState, { readonly kind: "taken" }>;

/** Requests the health of the program on the gateway's port. */
export async function findGatewayState(context: DoctorContext, signal: AbortSignal): Promise<GatewayState> {
  const { config, localUrl, machine } = context;
  if (config.server.port === 0) return { kind: "unknown_port" };
  const answer = await askLocally(context, "/health", { signal });
  if (answer.kind === "reply") {
    const version = versionOf(answer);
    if (version !== undefined) return { kind: "gateway", version };
    return {
      kind: "other",
      message: `answers ${localUrl(config.server)}/health with HTTP ${answer.status}, and not as a gateway does`,
    };
  }
  if (answer.reason === "forbidden") return { kind: "forbidden" };
  if (answer.reason === "certificate") return { kind: "tls_name_mismatch" };
  const port = findPortState(machine, { hostname: config.server.host, port: config.server.port });
  if (port.kind !== "taken") return port;
  return { kind: answer.reason === "late" ? "silent" : "other", message: answer.message };
}

/**
 * Returns the version of the gateway that answered `/health`; undefined if another program did, whose text must not be
 * shown.
 */
export function versionOf(reply: HttpReply): string | undefined {
  const health = tryParseJson(reply.text);
  const version = reply.status === 200 && isObject(health) && health["status"] === "ok" ? health["version"] : undefined;
  return typeof version === "string" && /^[\w.+-]{1,32}$/.test(version) ? version : undefined;
}

/** Sends a request to the gateway on this machine. */
export async function askLocally(
  { config, localUrl, machine, now }: DoctorContext,
  path: string,
  { signal, body }: { readonly signal: AbortSignal; readonly body?: string },
): Promise<HttpReply | FetchFailure> {
  return await askTrusting(config.server.tlsCertFile, machine, {
    url: localUrl(config.server) + path,
    now,
    signal,
    body,
  });
}

/** Sends a request to a gateway, and trusts the certificate in a file. */
export async function askTrusting(
  file: string | undefined,
  { files, fetch, createHttpClient }: Pick<Machine, "createHttpClient" | "fetch" | "files">,
  { url, ...question }: Omit<Question, "fetch"> & { readonly url: string },
): Promise<HttpReply | FetchFailure> {
  const certificate = file === undefined ? undefined : await files.readTextFile(file).catch(() => undefined);
  using client = createHttpClient(certificate === undefined ? {} : { caCerts: [certificate] });
  return await ask(url, { ...question, fetch: (input, init) => fetch(input, { ...init, client }) });
}
