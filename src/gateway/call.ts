/**
 * The routes that answer with one envelope: `POST /gateway` and `POST /mqtt/publish`.
 *
 * @module
 */
import type { Audit } from "../observability/audit.ts";
import type { Log } from "../observability/log.ts";
import type { RefusalReason, Result, Telemetry } from "../observability/telemetry.ts";
import type { SealedText } from "../protocol/aead.ts";
import type { ErrorCode } from "../protocol/error_code.ts";
import { FieldError, keepDigits, type Payload } from "../protocol/payload.ts";
import type { ConcurrencyLimiter } from "../limits/concurrency_limiter.ts";
import { MethodNotGrantedError, ScopeError } from "../keys/rights.ts";
import { errorReply, type Reply, type Service, type ServiceContext, ServiceError } from "../services/service.ts";
import type { Admission, Admit, Admitted, Refused } from "./admission.ts";
import type { RouteHandler } from "../http/request_info.ts";
import { compressBody } from "./compress_body.ts";
import { RefusedMethodLog } from "./refused_method_log.ts";
import type { SealReply, ToResponse } from "./reply.ts";

/** What the routes need. */
export interface CallOptions {
  /** Decides over requests. */
  readonly admit: Admit;
  /** Bounds what each key has under way. */
  readonly requestLimiter: ConcurrencyLimiter;
  /** Seals replies. */
  readonly sealReply: SealReply;
  /** Answers with them. */
  readonly toResponse: ToResponse;
  /** Where decisions are told. */
  readonly audit: Audit;
  /** Where failures of services are told. */
  readonly log: Log;
  /** Where services are measured, and refusals counted. */
  readonly telemetry: Pick<Telemetry, "measure" | "refused">;
  /** A clock that never jumps, in milliseconds. */
  readonly monotonic: () => number;
}

/** Picks the service that a request is for, or throws `ServiceError` where there is none. */
export type SelectService = (payload: Payload) => Service;

/** What became of a request, for its sender and for the audit. */
interface Outcome {
  readonly reply: Reply;
  readonly outcome: string;
  readonly result: Result;
  /** Reason of the refusal; undefined where there was none. */
  readonly reason?: RefusalReason | undefined;
  readonly service?: string | undefined;
  readonly target?: string | undefined;
}

/** Makes a handler that runs each admitted request once and seals the answer. */
export function createCallHandler(options: CallOptions, select: SelectService): RouteHandler {
  const { admit, requestLimiter, sealReply, toResponse, audit, log, telemetry, monotonic } = options;
  const refusedMethods = new RefusedMethodLog(log);

  async function answer(
    admission: Admission,
    from: RunOptions,
  ): Promise<Omit<Outcome, "reply"> & { sealed: SealedText }> {
    const { exchange } = admission;
    if (admission.kind === "repeat") {
      const kept = await admission.answer;
      const sealed = kept ?? await sealReply(exchange, REPEAT_WITHOUT_ANSWER);
      return { sealed, outcome: "repeat, not run again", result: "repeat" };
    }
    const held: (() => void)[] = [];
    let isOver = false;
    // What a service takes after the answer is not needed.
    const holdMemory = (release: () => void) => isOver ? release() : void held.push(release);
    try {
      const { reply, ...about } = admission.kind === "refused"
        ? refused(admission.reason, admission)
        : await run(admission, { ...from, hold: holdMemory });
      const sealed = await sealReply(exchange, withService(reply, about.service));
      admission.settle?.(sealed);
      return { sealed, ...about };
    } catch (error) {
      admission.settle?.(undefined);
      throw error;
    } finally {
      isOver = true;
      for (const release of held) release();
    }
  }

  function refused(
    reason: RefusalReason,
    { status, message, ...options }: Pick<Refused, "status" | "message" | "code" | "retryAfterSeconds">,
  ): Outcome {
    const reply = errorReply(status, message, options);
    return { reply, outcome: `${status} ${message}`, result: "refused", reason };
  }

  /** Runs a request as far as its key and its service let it. Never throws. */
  async function run(
    { key, payload, text, release: releaseLarge }: Admitted,
    { request, gone: clientSignal, hold: holdMemory }: RunOptions & { readonly hold: ServiceContext["holdMemory"] },
  ): Promise<Outcome> {
    holdMemory(releaseLarge);
    // It may have been taken away while the stores were asked.
    if (key.revoked.aborted) {
      return refused("scope", { status: 403, message: key.revoked.reason.message, code: "key_revoked" });
    }
    const release = requestLimiter.tryAcquire(key.name);
    if (release === undefined) {
      const message = "Too many requests are under way";
      return refused("busy", { status: 429, message, code: "busy", retryAfterSeconds: 1 });
    }
    let service: Service | undefined;
    let outcome: Outcome;
    try {
      const chosen = service = select(payload);
      key.scope.useService(chosen.name);
      const exact = keepDigits(payload, text);
      const reply = await telemetry.measure(
        chosen.name,
        () => chosen.handle(exact, { key: key.name, scope: key.scope, clientSignal, revoked: key.revoked, holdMemory }),
      );
      outcome = {
        reply: await compressBody(reply, payload),
        outcome: String(reply.status),
        result: reply.status < 500 ? "ok" : "failed",
      };
    } catch (error) {
      if (error instanceof MethodNotGrantedError) refusedMethods.report(error, key);
      outcome = explain(error, { request, service });
    } finally {
      release();
    }
    return { ...outcome, service: service?.name, target: service?.target(payload) };
  }

  function explain(
    error: unknown,
    { request, service }: { readonly request: string; readonly service: Service | undefined },
  ): Outcome {
    if (error instanceof ScopeError) return refused("scope", { status: 403, message: error.message, code: "scope" });
    if (error instanceof FieldError) {
      return refused("field", { status: service?.fieldErrorStatus ?? 400, message: error.message, code: "field" });
    }
    if (error instanceof ServiceError) {
      const { status, message, code } = error;
      const cause = error.cause instanceof Error ? error.cause.message : "no further cause";
      log.warn("Request failed: {reason} ({cause})", { request, reason: message, cause });
      if (status === 429) {
        const { retryAfterSeconds } = error;
        const wait = retryAfterSeconds === undefined ? {} : { retryAfterSeconds };
        return refused("busy", { status, message, code, ...wait });
      }
      return status < 500
        ? refused(status === 400 ? "field" : "scope", { status, message, code })
        : failed(status, message, code);
    }
    log.error("Request broke the gateway: {error}", { request, error });
    return failed(500, "Internal error", "internal");
  }

  return async (request, requestInfo) => {
    const began = monotonic();
    const admission = await admit(request, requestInfo);
    const { sealed, reason, ...about } = await answer(admission, {
      request: requestInfo.requestId,
      gone: request.signal,
    });
    const { name, kid } = admission.key;
    if (reason !== undefined) {
      const clockOffset = admission.kind === "refused" ? admission.clockOffset : undefined;
      telemetry.refused(reason, { address: requestInfo.address, key: name, clockOffset });
    }
    audit.decided({ ...about, ...requestInfo, key: name, kid, ms: monotonic() - began, bytes: sealed.length });
    return toResponse(sealed, name);
  };
}

/** What there is to know of a request beside what it asks for. */
interface RunOptions {
  /** Its id. */
  readonly request: string;
  /** Aborts when its client has left. */
  readonly gone: AbortSignal;
}

/** Names the service that answered with a status other than 200: a client could take that for an error of the gateway. */
function withService(reply: Reply, service: string | undefined): Reply {
  const isNamed = service !== undefined && reply.status !== 200 && reply.source === undefined;
  return isNamed ? { ...reply, service } : reply;
}

function failed(status: number, message: string, code: ErrorCode): Outcome {
  return { reply: errorReply(status, message, { code }), outcome: `${status} ${message}`, result: "failed" };
}

const REPEAT_WITHOUT_ANSWER = errorReply(409, "Request was executed already, and its answer is no longer kept", {
  code: "already_executed",
});
