/**
 * Calls of Jeedom's API.
 *
 * @module
 */
import type { GatewayClient } from "@e2e-gateway/client";
import type { Connection } from "../../connection/connection.ts";
import type { JeedomMethod } from "./access.ts";
import { resultOf } from "./result.ts";

/** Parameters of a call. */
export type Params = Readonly<Record<string, unknown>>;

/** Longest wait for an answer, in milliseconds: a large home takes a while. */
const TIMEOUT_MS = 30_000;

/**
 * Calls a method, and returns its result.
 *
 * @throws {ServiceRefusal} if Jeedom refuses
 * @throws {GatewayError} if there is no answer of Jeedom
 */
export function callJeedom(connection: Connection, method: JeedomMethod, params: Params = {}): Promise<unknown> {
  return connection.request(
    { service: "jeedom", jsonrpc: method, params },
    (client) => sendJeedom(client, method, params),
  );
}

/** Does the same by a client that is given. */
export async function sendJeedom(client: GatewayClient, method: JeedomMethod, params: Params): Promise<unknown> {
  const answer = await client.callJeedom(method, { ...params }, { timeout: TIMEOUT_MS, compress: "gzip" });
  return resultOf(answer);
}
