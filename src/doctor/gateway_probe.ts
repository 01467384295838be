/**
 * Probe of the gateway on this machine: a sealed request without effect.
 *
 * @module
 */
import type { FetchFailure } from "../lib/fetch_failure.ts";
import type { HttpReply } from "../lib/http_probe.ts";
import { type Exchange, sealRequest } from "../protocol/exchange.ts";
import { importSecretKey } from "../protocol/secret_key.ts";
import type { DoctorContext } from "./context.ts";
import { askLocally } from "./gateway_state.ts";
import { usableKeys } from "./key_files.ts";

/** Route of the probe, which rejects an unknown service before it checks the key's rights. */
export const PROBE_ROUTE = "/mqtt/publish";

/** Sealed request without effect, and the answer of the gateway on this machine. */
export interface GatewayProbe {
  /** Name of the key that sealed it. */
  readonly key: string;
  /** Sealed request. */
  readonly text: string;
  /** Opens the answer. */
  readonly exchange: Exchange;
  /** Answer of the gateway on this machine; undefined if it cannot be reached there. */
  readonly answer: HttpReply | FetchFailure | undefined;
}

/** Seals a request without effect and sends it to the gateway on this machine; undefined without a key or a gateway. */
export async function probeGateway(context: DoctorContext, signal: AbortSignal): Promise<GatewayProbe | undefined> {
  const [key] = usableKeys(await context.keys(), context.now());
  const { kind } = await context.gateway(signal);
  const mayRun = kind === "gateway" || kind === "tls_name_mismatch" || kind === "unknown_port";
  if (key === undefined || !mayRun) return undefined;
  const payload = JSON.stringify({ timestamp: context.now() / 1000, service: "none" });
  const secret = await importSecretKey(key.secret);
  const { text, exchange } = await sealRequest(secret, payload, {
    version: 2,
    route: PROBE_ROUTE,
    random: context.randomBytes,
  });
  const answer = kind === "gateway" ? await askLocally(context, PROBE_ROUTE, { signal, body: text }) : undefined;
  return { key: key.name, text, exchange, answer };
}
