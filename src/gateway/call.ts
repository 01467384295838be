/**
 * Routes that answer with one envelope: `POST /gateway`, and the services' own.
 *
 * @module
 */
import type { Audit } from "../observability/audit.ts";
import type { Log } from "../observability/log.ts";
import type { RefusalReason, Result, Telemetry } from "../observability/telemetry.ts";
import type { SealedText } from "../protocol/aead.ts";
import type { ErrorCode } from "../protocol/error_code.ts";
import { FieldError, keepDigits } from "../protocol/payload.ts";
import type { Key } from "../keys/keyring.ts";
import { NotGrantedError, type Scope, ScopeError } from "../keys/rights.ts";
import type { Bytes } from "../protocol/bytes.ts";
import type { Exchange } from "../protocol/exchange.ts";
import { errorReply, type Reply, type Service, type ServiceContext, ServiceError } from "../services/service.ts";
import type { Admission, Admit, Admitted, Refused } from "./admission.ts";
import type { RequestInfo, RouteHandler } from "../http/router.ts";
import type { Limiters } from "./limiters.ts";
import { NotGrantedLog } from "./not_granted_log.ts";
import { compressBody, type SealReply, type ToResponse } from "./reply.ts";
import { selectService, type ServiceSelection } from "./service_selection.ts";

/** Collaborators of the call routes. */
export interface CallHandlerOptions {
  /** Admits requests. */
  readonly admit: Admit;
  /** Limiters that the routes share. */
  readonly limiters: Pick<Limiters, "requestLimiter">;
  /** Seals replies. */
  readonly sealReply: SealReply;
  /** Makes responses of sealed replies. */
  readonly toResponse: ToResponse;
  /** Records decisions. */
  readonly audit: Audit;
  /** Logger for failures of services. */
  readonly log: Log;
  /** Measures services and counts refusals. */
  readonly telemetry: Pick<Telemetry, "measure" | "refused">;
  /** Clock that never jumps, in milliseconds. */
  readonly monotonic: () => number;
}

/** Outcome of a request, for its sender and for the audit. */
interface Outcome {
  readonly reply: Reply;
  readonly outcome: string;
  readonly result: Result;
  /** Reason of a refusal; undefined if the request was not refused. */
  readonly reason?: RefusalReason | undefined;
  readonly service?: string | undefined;
  readonly target?: string | undefined;
}

/** Outcome of a request, and its sealed reply. */
interface Answer {
  readonly sealed: SealedText;
  readonly outcome: Omit<Outcome, "reply">;
}

/**
 * Returns a handler that runs each admitted request once and seals the answer.
 *
 * @param selection services that the route reaches
 */
export function createCallHandler(options: CallHandlerOptions, selection: ServiceSelection): RouteHandler {
  const { admit, limiters, sealReply, toResponse, audit, log, telemetry, monotonic } = options;
  const notGranted = new NotGrantedLog(log);

  async function answer(admission: Admission, context: RunContext): Promise<Answer> {
    const { exchange } = admission;
    if (admission.kind === "repeat") {
      const kept = await admission.answer;
      const sealed = kept ?? await sealReply(exchange, REPEAT_WITHOUT_ANSWER);
      return { sealed, outcome: REPEAT };
    }
    const releases: (() => void)[] = [];
    let isSealed = false;
    // A service that took its time out, but runs on, may acquire memory after the answer: it is released at once.
    const holdMemory = (release: () => void) => isSealed ? release() : void releases.push(release);
    try {
      const outcome = admission.kind === "refused"
        ? refused(admission.reason, admission)
        : await run(admission, context, holdMemory);
      const sealed = await sealReply(exchange, withService(outcome.reply, outcome.service));
      admission.settle?.(sealed);
      return { sealed, outcome };
    } catch (error) {
      admission.settle?.(undefined);
      throw error;
    } finally {
      isSealed = true;
      for (const release of releases) release();
    }
  }

  /** Runs a request if its key and its service allow it. Never rejects. */
  async function run(
    { key, exchange, payload, text, release: releaseRequest }: Admitted,
    context: RunContext,
    holdMemory: ServiceContext["holdMemory"],
  ): Promise<Outcome> {
    holdMemory(releaseRequest);
    // The key may have been revoked while the stores were asked.
    if (key.revoked.aborted) {
      return refused("scope", { status: 403, message: key.revoked.reason.message, code: "key_revoked" });
    }
    const release = limiters.requestLimiter.tryAcquire(key.name);
    if (release === undefined) {
      const message = "Too many requests are under way";
      return refused("busy", { status: 429, message, code: "busy", retryAfterSeconds: 1 });
    }
    let service: Service | undefined;
    try {
      const selected = service = selectService(payload, selection);
      if (!selected.isOpen) key.scope.useService(selected.name);
      const exact = keepDigits(payload, text);
      const reply = await telemetry.measure(
        selected.name,
        () => selected.handle(exact, new CallContext(key, exchange, { request: context.request, holdMemory })),
      );
      const compressed = compressBody(reply, payload);
      return {
        reply: compressed instanceof Promise ? await compressed : compressed,
        outcome: String(reply.status),
        result: reply.status < 500 ? "ok" : "failed",
        service: selected.name,
        target: selected.target(payload),
      };
    } catch (error) {
      if (error instanceof NotGrantedError) notGranted.report(error, key);
      return { ...outcomeOf(error, service, context), service: service?.name, target: service?.target(payload) };
    } finally {
      release();
    }
  }

  /** Returns the outcome of a request that failed with an error. */
  function outcomeOf(error: unknown, service: Service | undefined, { requestId }: RunContext): Outcome {
    if (error instanceof ScopeError) return refused("scope", { status: 403, message: error.message, code: "scope" });
    if (error instanceof FieldError) {
      return refused("field", { status: service?.fieldErrorStatus ?? 400, message: error.message, code: "field" });
    }
    if (error instanceof ServiceError) {
      const { status, message, code, retryAfterSeconds } = error;
      const cause = error.cause instanceof Error ? error.cause.message : "no further cause";
      log.warn("Request failed: {reason} ({cause})", { request: requestId, reason: message, cause });
      if (status === 429) {
        const retryAfter = retryAfterSeconds === undefined ? {} : { retryAfterSeconds };
        return refused("busy", { status, message, code, ...retryAfter });
      }
      return status < 500
        ? refused(REASONS[code] ?? "scope", { status, message, code })
        : failed(status, message, code);
    }
    log.error("Request broke the gateway: {error}", { request: requestId, error });
    return failed(500, "Internal error", "internal");
  }

  return async (request, requestInfo) => {
    const began = monotonic();
    const admission = await admit(request, requestInfo);
    const context = { requestId: requestInfo.requestId, request };
    const { sealed, outcome: { outcome, result, reason, service, target } } = await answer(admission, context);
    const { name, kid } = admission.key;
    if (reason !== undefined) {
      const clockOffset = admission.kind === "refused" ? admission.clockOffset : undefined;
      telemetry.refused(reason, { address: requestInfo.address, key: name, clockOffset });
    }
    const { requestId, address, route } = requestInfo;
    const ms = monotonic() - began;
    audit.decided({
      requestId,
      address,
      route,
      service,
      target,
      outcome,
      result,
      key: name,
      kid,
      ms,
      bytes: sealed.length,
    });
    return toResponse(sealed, name);
  };
}

/** Context of a request for its service. */
class CallContext implements ServiceContext {
  readonly key: string;
  readonly kid: string;
  readonly salt: Bytes | undefined;
  readonly keyCreated: number;
  readonly scope: Scope;
  readonly revoked: AbortSignal;
  readonly holdMemory: ServiceContext["holdMemory"];
  readonly #request: Request;

  constructor(
    { name, kid, created, scope, revoked }: Key,
    exchange: Exchange,
    { request, holdMemory }: Pick<RunContext, "request"> & Pick<ServiceContext, "holdMemory">,
  ) {
    this.key = name;
    this.kid = kid;
    this.salt = exchange.version === 2 ? exchange.salt : undefined;
    this.keyCreated = created;
    this.scope = scope;
    this.revoked = revoked;
    this.holdMemory = holdMemory;
    this.#request = request;
  }

  /** Deno makes it when it is first read, and most services never do. */
  get clientSignal(): AbortSignal {
    return this.#request.signal;
  }
}

/** Request and its id. */
interface RunContext extends Pick<RequestInfo, "requestId"> {
  /** Its signal aborts when the client disconnects. */
  readonly request: Request;
}

/** Adds the service that answered with a status other than 200: a client could take that for an error of the gateway. */
function withService(reply: Reply, service: string | undefined): Reply {
  const isNamed = service !== undefined && reply.status !== 200 && reply.source === undefined;
  return isNamed ? { ...reply, service } : reply;
}

function refused(
  reason: RefusalReason,
  { status, message, ...options }: Pick<Refused, "status" | "message" | "code" | "retryAfterSeconds">,
): Outcome {
  const reply = errorReply(status, message, options);
  return { reply, outcome: `${status} ${message}`, result: "refused", reason };
}

function failed(status: number, message: string, code: ErrorCode): Outcome {
  return { reply: errorReply(status, message, { code }), outcome: `${status} ${message}`, result: "failed" };
}

/** Reasons of refusals by a service, by code; a key lacks a right otherwise. */
const REASONS: Readonly<Partial<Record<ErrorCode, RefusalReason>>> = {
  "field": "field",
  "limit_reached": "field",
  "old_secret": "field",
  "already_paired": "replay",
  "pairing_conflict": "replay",
};

const REPEAT: Answer["outcome"] = { outcome: "repeat, not run again", result: "repeat" };

const REPEAT_WITHOUT_ANSWER = errorReply(409, "Request was executed already, and its answer is no longer kept", {
  code: "already_executed",
});
