/**
 * Calls of Jeedom's API.
 *
 * @module
 */
import { type Answer, FailedError, type GatewayClient } from "@e2e-gateway/client";
import { isObject } from "../../../lib/json.ts";
import { ServiceRefusal } from "../../commands/service_refusal.ts";
import type { Connection } from "../../connection/connection.ts";
import type { JeedomMethod } from "./access.ts";

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

/**
 * Returns the result in an answer of Jeedom.
 *
 * @throws {ServiceRefusal} if it is an error of Jeedom
 * @throws {FailedError} if it is no answer of the API
 */
export function resultOf({ status, body }: Pick<Answer, "status" | "body">): unknown {
  const { error, result } = isObject(body) ? body : {};
  if (isObject(error)) throw new ServiceRefusal(String(error["message"]), Number(error["code"]));
  if (status !== 200 || result === undefined) throw new FailedError("Jeedom does not answer in JSON-RPC", { status });
  return result;
}

/** Returns whether Jeedom asks for a confirmation, or for a code. */
export function demandOf(error: unknown): "confirmation" | "code" | undefined {
  if (!(error instanceof ServiceRefusal)) return undefined;
  if (error.code === 6 || error.code === -32_006) return "confirmation";
  return error.code === 5 || error.code === -32_005 ? "code" : undefined;
}
