/**
 * Who is on the gateway's port on this machine.
 *
 * @module
 */
import { isObject } from "../lib/json.ts";
import { ask, jsonOf, type Question, type Reply } from "../lib/http_probe.ts";
import type { FetchFailure } from "./fetch_failure.ts";
import type { DoctorContext } from "./context.ts";
import type { Machine } from "./machine.ts";
import { findPortState, type PortState } from "./port_state.ts";

/** Who is there. */
export type GatewayState =
  /** A gateway. */
  | { readonly kind: "gateway"; readonly version: string }
  /** Somebody who ends TLS with a certificate for another name than this machine has: most likely the gateway. */
  | { readonly kind: "veiled" }
  /** `PORT` is 0: only the log says where the gateway is. */
  | { readonly kind: "anywhere" }
  /** Another program, in words that say what it did. */
  | { readonly kind: "other"; readonly words: string }
  /** A program that does not answer in time: a gateway that hangs, or another one. */
  | { readonly kind: "silent"; readonly words: string }
  /** Nobody; or nobody can be there. */
  | Exclude<PortState, { readonly kind: "taken" }>;

/** Asks whoever is on the port for its health. */
export async function findGatewayState(house: DoctorContext, signal: AbortSignal): Promise<GatewayState> {
  const { config, localUrl, machine } = house;
  if (config.server.port === 0) return { kind: "anywhere" };
  const asked = await askLocally(house, "/health", { signal });
  if (asked.kind === "reply") {
    const version = versionOf(asked);
    if (version !== undefined) return { kind: "gateway", version };
    return {
      kind: "other",
      words: `answers ${localUrl(config.server)}/health with HTTP ${asked.status}, and not as a gateway does`,
    };
  }
  if (asked.reason === "certificate") return { kind: "veiled" };
  const port = findPortState(machine, { hostname: config.server.host, port: config.server.port });
  if (port.kind !== "taken") return port;
  return { kind: asked.reason === "late" ? "silent" : "other", words: asked.words };
}

/**
 * Returns the version of the gateway that an answer to `/health` comes from; undefined where another program gave it,
 * whose text is not to be shown.
 */
export function versionOf(reply: Reply): string | undefined {
  const health = jsonOf(reply);
  const version = reply.status === 200 && isObject(health) && health["status"] === "ok" ? health["version"] : undefined;
  return typeof version === "string" && /^[\w.+-]{1,32}$/.test(version) ? version : undefined;
}

/** Asks the gateway on this machine. */
export async function askLocally(
  { config, localUrl, machine, now }: DoctorContext,
  path: string,
  { signal, body }: { readonly signal: AbortSignal; readonly body?: string },
): Promise<Reply | FetchFailure> {
  return await askTrusting(config.server.tlsCertFile, machine, {
    url: localUrl(config.server) + path,
    now,
    signal,
    body,
  });
}

/** Asks a gateway whose certificate, in a file, need not be of a known authority. */
export async function askTrusting(
  file: string | undefined,
  { files, fetch, createHttpClient }: Pick<Machine, "createHttpClient" | "fetch" | "files">,
  { url, ...question }: Omit<Question, "fetch"> & { readonly url: string },
): Promise<Reply | FetchFailure> {
  const certificate = file === undefined ? undefined : await files.readTextFile(file).catch(() => undefined);
  using client = createHttpClient(certificate === undefined ? {} : { caCerts: [certificate] });
  return await ask(url, { ...question, fetch: (input, init) => fetch(input, { ...init, client }) });
}
