/**
 * The routes that answer with one envelope: `POST /gateway` and `POST /mqtt/publish`.
 *
 * @module
 */
import type { Audit } from "../observability/audit.ts";
import type { Log } from "../observability/log.ts";
import type { SealedText } from "../protocol/aead.ts";
import { FieldError, type Payload } from "../protocol/payload.ts";
import type { Concurrency } from "../security/concurrency.ts";
import { ScopeError } from "../security/scope.ts";
import { errorReply, type Reply, type Service, ServiceError } from "../services/service.ts";
import type { Admission, Admit, Admitted } from "./admission.ts";
import type { RouteHandler } from "./caller.ts";
import { sealedResponse, type SealReply } from "./sealed_answer.ts";

/** What the routes need. */
export interface CallOptions {
  /** Decides over requests. */
  readonly admit: Admit;
  /** Bounds what each key has under way. */
  readonly running: Concurrency;
  /** Seals replies. */
  readonly sealReply: SealReply;
  /** Where decisions are told. */
  readonly audit: Audit;
  /** Where failures of services are told. */
  readonly log: Log;
  /** A clock that never jumps, in milliseconds. */
  readonly monotonic: () => number;
}

/** Picks the service that a request is for, or throws `ServiceError` where there is none. */
export type SelectService = (payload: Payload) => Service;

/** What became of a request, for its sender and for the audit. */
interface Outcome {
  readonly reply: Reply;
  readonly outcome: string;
  readonly service?: string | undefined;
  readonly target?: string | undefined;
}

/** Makes a handler that runs each admitted request once and seals the answer. */
export function createCallHandler(options: CallOptions, select: SelectService): RouteHandler {
  const { admit, running, sealReply, audit, log, monotonic } = options;

  async function answer(
    admission: Admission,
    gone: AbortSignal,
  ): Promise<Omit<Outcome, "reply"> & { sealed: SealedText }> {
    const { exchange } = admission;
    if (admission.kind === "repeat") {
      const kept = await admission.answer;
      return { sealed: kept ?? await sealReply(exchange, REPEAT_WITHOUT_ANSWER), outcome: "repeat, not run again" };
    }
    const { reply, ...about } = admission.kind === "refused"
      ? failed(admission.status, admission.message, admission.retryAfterSeconds)
      : await run(admission, gone);
    try {
      const sealed = await sealReply(exchange, reply);
      admission.settle?.(sealed);
      return { sealed, ...about };
    } catch (error) {
      admission.settle?.(undefined);
      throw error;
    }
  }

  /** Runs a request as far as its key and its service let it. Never throws. */
  async function run({ key, payload }: Admitted, gone: AbortSignal): Promise<Outcome> {
    // It may have been taken away while the stores were asked.
    if (key.revoked.aborted) return failed(403, key.revoked.reason.message);
    const leave = running.enter(key.name);
    if (leave === undefined) return failed(429, "Too many requests are under way", 1);
    let service: Service | undefined;
    let outcome: Outcome;
    try {
      service = select(payload);
      key.scope.useService(service.name);
      const reply = await service.handle(payload, { scope: key.scope, gone });
      outcome = { reply, outcome: String(reply.status) };
    } catch (error) {
      outcome = explain(error, service);
    } finally {
      leave();
    }
    return { ...outcome, service: service?.name, target: service?.target(payload) };
  }

  function explain(error: unknown, service: Service | undefined): Outcome {
    if (error instanceof ScopeError) return failed(403, error.message);
    if (error instanceof FieldError) return failed(service?.fieldErrorStatus ?? 400, error.message);
    if (error instanceof ServiceError) {
      const cause = error.cause instanceof Error ? error.cause.message : "no further cause";
      log.warn("Request failed: {reason} ({cause})", { reason: error.message, cause });
      return failed(error.status, error.message);
    }
    log.error("Request broke the gateway: {error}", { error });
    return failed(500, "Internal error");
  }

  return async (request, caller) => {
    const began = monotonic();
    const admission = await admit(request, caller);
    const { sealed, ...about } = await answer(admission, request.signal);
    const { name, kid } = admission.key;
    audit.decided({ ...about, ...caller, key: name, kid, ms: monotonic() - began, bytes: sealed.length });
    return sealedResponse(sealed);
  };
}

function failed(status: number, message: string, retryAfterSeconds?: number): Outcome {
  return { reply: errorReply(status, message, retryAfterSeconds), outcome: `${status} ${message}` };
}

const REPEAT_WITHOUT_ANSWER = errorReply(409, "Request was executed already, and its answer is no longer kept");
