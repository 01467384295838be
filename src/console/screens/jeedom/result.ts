/**
 * Results and errors in Jeedom's answers.
 *
 * @module
 */
import { type Answer, FailedError } from "@e2e-gateway/client";
import { isObject } from "../../../lib/json.ts";
import { ServiceRefusal } from "../../commands/service_refusal.ts";
import { numberIn, textIn } from "../../text/scalar.ts";

/**
 * Returns the result in an answer of Jeedom.
 *
 * @throws {ServiceRefusal} if it is an error of Jeedom
 * @throws {FailedError} if it is no answer of the API
 */
export function resultOf({ status, body }: Pick<Answer, "status" | "body">): unknown {
  const { error, result } = isObject(body) ? body : {};
  if (isObject(error)) {
    throw new ServiceRefusal(textIn(error["message"]) ?? "Jeedom refuses without a reason", numberIn(error["code"]));
  }
  if (status !== 200 || result === undefined) throw new FailedError("Jeedom does not answer in JSON-RPC", { status });
  return result;
}

/** Returns whether Jeedom asks for a confirmation, or for a code. */
export function demandOf(error: unknown): "confirmation" | "code" | undefined {
  if (!(error instanceof ServiceRefusal)) return undefined;
  if (error.code === 6 || error.code === -32_006) return "confirmation";
  return error.code === 5 || error.code === -32_005 ? "code" : undefined;
}
