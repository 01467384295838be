/**
 * Outcomes of actions. They tell a client whether an action ran, but nothing of the service that runs it: its texts may
 * name topics, addresses and entities.
 *
 * @module
 */
import { ScopeError } from "../../keys/rights.ts";
import type { ErrorCode } from "../../protocol/error_code.ts";
import { FieldError } from "../../protocol/payload.ts";
import { readRpcOutcome } from "../jeedom/answer.ts";
import { type Reply, ServiceError } from "../service.ts";
import type { Action } from "./section.ts";

/** Status, code and message of a failure. */
type Failure = readonly [status: number, code: ErrorCode, message: string];

const BUSY: Failure = [429, "busy", "The action was not run: the service is busy"];

const UNREACHABLE: Failure = [
  502,
  "service_unreachable",
  "The action failed: the service cannot be reached, or broke off. The action may have run",
];

const UNSENT: Failure = [
  502,
  "service_unreachable",
  "The action was not run: the service cannot be reached",
];

const TIMEOUT: Failure = [
  504,
  "service_timeout",
  "The action failed: the service did not answer in time. The action may have run",
];

const ANSWER: Failure = [502, "service_answer", "The action failed: the service answered with an error"];

const STOPPED: Failure = [
  503,
  "restart",
  "The action failed: the gateway is shutting down. The action may have run",
];

const MISCONFIGURED: Failure = [
  500,
  "internal",
  "The action cannot run as it is configured: the gateway's log says why",
];

/** Failures by the code of the service's error. */
const FAILURES: Partial<Record<ErrorCode, Failure>> = {
  busy: BUSY,
  restart: STOPPED,
  broker: UNREACHABLE,
  "service_unreachable": UNREACHABLE,
  "service_timeout": TIMEOUT,
  "service_answer": ANSWER,
};

/** Returns the answer to a client whose action ran; fails if the service's answer is an error. */
export function outcomeOf(name: string, { request: { service }, answer }: Action, reply: Reply): Reply {
  if (reply.status < 200 || reply.status > 299) throw failure(ANSWER, new Error(`Status ${reply.status}`));
  if (service === "jeedom") {
    const outcome = readRpcOutcome(reply.status, reply.bodyJson);
    if (outcome?.kind !== "result") throw failure(ANSWER, new Error(outcome?.message ?? "Not an answer of the API"));
  }
  if (answer) return { status: 200, bodyJson: reply.bodyJson };
  return { status: 200, bodyJson: JSON.stringify({ success: true, action: name }), source: "gateway" };
}

/** Returns the error for a client whose action failed, with the service's own as its cause for the log. */
export function failureOf(error: unknown, { params }: Pick<Action, "params">): unknown {
  if (error instanceof FieldError && params.size > 0) {
    return failure([400, "field", "Invalid field: params: the service does not accept these values"], error);
  }
  if (error instanceof FieldError || error instanceof ScopeError) return failure(MISCONFIGURED, error);
  if (!(error instanceof ServiceError) || error.code === "key_revoked") return error;
  const known = FAILURES[error.code] ?? MISCONFIGURED;
  return failure(known === UNREACHABLE && error.isUnsent ? UNSENT : known, error, error.retryAfterSeconds);
}

/** Returns the error for an action whose service this gateway does not have. */
export function serviceMissing(service: string): ServiceError {
  return failure(MISCONFIGURED, new Error(`The service ${service} is not there`));
}

/**
 * Asks a store; without its answer, nothing runs.
 *
 * @param problem message for the client if the store fails
 * @throws {ServiceError} if the store fails
 */
export async function fromStore<T>(problem: string, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    throw new ServiceError(500, `${problem}: try again later`, { code: "internal", cause: error });
  }
}

function failure([status, code, message]: Failure, cause: Error, retryAfterSeconds?: number): ServiceError {
  return new ServiceError(status, message, { code, cause, retryAfterSeconds });
}
