/**
 * A sealed request that can do nothing, to see who opens it.
 *
 * @module
 */
import { type Exchange, sealRequest } from "../protocol/exchange.ts";
import { importSecretKey } from "../protocol/secret_key.ts";
import type { Reply } from "../lib/http_probe.ts";
import type { FetchFailure } from "./fetch_failure.ts";
import { usableKeys } from "./found_keys.ts";
import { askLocally } from "./gateway_state.ts";
import type { DoctorContext } from "./context.ts";

/** Where it goes: there, a service that is none is refused before the key's rights are asked, whatever they are. */
export const PROBE_ROUTE = "/mqtt/publish";

/** A request, and what the gateway on this machine made of it. */
export interface GatewayProbe {
  /** The name of the key that sealed it. */
  readonly key: string;
  /** The request as it is sent. */
  readonly text: string;
  /** Opens what answers it. */
  readonly exchange: Exchange;
  /** What the gateway on this machine answered; undefined where it cannot be asked there. */
  readonly answer: Reply | FetchFailure | undefined;
}

/** Seals the request and sends it to this machine. Answers undefined without a key, or without anybody to ask. */
export async function probeGateway(house: DoctorContext, signal: AbortSignal): Promise<GatewayProbe | undefined> {
  const [key] = usableKeys(await house.keys(), house.now());
  const { kind } = await house.gateway(signal);
  const isThere = kind === "gateway" || kind === "veiled" || kind === "anywhere";
  if (key === undefined || !isThere) return undefined;
  const payload = JSON.stringify({ timestamp: house.now() / 1000, service: "none" });
  const secret = await importSecretKey(key.secret);
  const { text, exchange } = await sealRequest(secret, payload, {
    version: 2,
    route: PROBE_ROUTE,
    random: house.random,
  });
  const answer = kind === "gateway" ? await askLocally(house, PROBE_ROUTE, { signal, body: text }) : undefined;
  return { key: key.name, text, exchange, answer };
}
