/**
 * Content of the answers of services.
 *
 * @module
 */
import { isObject, tryParseJson } from "../lib/json.ts";
import type { Answer } from "./answer.ts";
import { FailedError } from "./gateway_error.ts";

/** JSON object whose members are yet to be checked. */
export type Fields = Readonly<Record<string, unknown>>;

/** Most characters of the reason of a service, which may be a whole page. */
const MAX_REASON = 200;

/**
 * Returns the content of an answer. Where the gateway itself answers, the body is a text of JSON.
 *
 * @param service name of the service, for the message
 * @throws {FailedError} if the answer is not a success
 */
export function contentOf({ status, body }: Answer, service: string): unknown {
  if (status !== 200) {
    const reason = typeof body === "string" && body !== "" ? `: ${body.slice(0, MAX_REASON)}` : "";
    throw new FailedError(`${service} answers with status ${status}${reason}`, { status });
  }
  return typeof body === "string" ? tryParseJson(body) : body;
}

/**
 * Returns the content of an answer that is a JSON object.
 *
 * @param service name of the service, for the message
 * @throws {FailedError} if the answer is not a success, or is anything else
 */
export function fieldsOf(answer: Answer, service: string): Fields {
  const content = contentOf(answer, service);
  if (isObject(content)) return content;
  throw malformed(service);
}

/** Makes the error for an answer that does not have the form that the service promises. */
export function malformed(service: string): FailedError {
  return new FailedError(`${service} sent an answer that is malformed`, { status: 200 });
}
