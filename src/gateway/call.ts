/**
 * The routes that answer with one envelope: `POST /gateway` and `POST /mqtt/publish`.
 *
 * @module
 */
import type { Log } from "../observability/log.ts";
import { FieldError, type Payload } from "../protocol/payload.ts";
import { errorReply, type Reply, type Service, ServiceError } from "../services/service.ts";
import type { Admission, Admit, Admitted } from "./admission.ts";
import { sealedResponse, type SealReply } from "./sealed_answer.ts";

/** What the routes need. */
export interface CallOptions {
  /** Decides over requests. */
  readonly admit: Admit;
  /** Seals replies. */
  readonly sealReply: SealReply;
  /** Where failures of services are told. */
  readonly log: Log;
}

/** Picks the service that a request is for, or throws `ServiceError` where there is none. */
export type SelectService = (payload: Payload) => Service;

/** Makes a handler that runs each admitted request once and seals the answer. */
export function createCallHandler(
  options: CallOptions,
  select: SelectService,
): (request: Request) => Promise<Response> {
  const { admit, sealReply, log } = options;

  async function answer(admission: Admission, gone: AbortSignal): Promise<Response> {
    switch (admission.kind) {
      case "refused":
        log.warn("Request of key {key} refused: {reason}", { key: admission.key.name, reason: admission.message });
        return sealedResponse(await sealReply(admission.key, errorReply(admission.status, admission.message)));
      case "repeat": {
        log.warn("Request of key {key} repeated: it does not run again", { key: admission.key.name });
        const kept = await admission.answer;
        return sealedResponse(kept ?? await sealReply(admission.key, REPEAT_WITHOUT_ANSWER));
      }
      case "admitted": {
        const sealed = sealReply(admission.key, await run(admission, gone));
        sealed.then(admission.settle, () => admission.settle(undefined));
        return sealedResponse(await sealed);
      }
    }
  }

  async function run({ payload }: Admitted, gone: AbortSignal): Promise<Reply> {
    try {
      return await handle(select(payload), payload, gone);
    } catch (error) {
      if (error instanceof ServiceError) {
        const cause = error.cause instanceof Error ? error.cause.message : "no further cause";
        log.warn("Request failed: {reason} ({cause})", { reason: error.message, cause });
        return errorReply(error.status, error.message);
      }
      log.error("Request broke the gateway: {error}", { error });
      return errorReply(500, "Internal error");
    }
  }

  async function handle(service: Service, payload: Payload, gone: AbortSignal): Promise<Reply> {
    try {
      return await service.handle(payload, gone);
    } catch (error) {
      if (error instanceof FieldError) throw new ServiceError(service.fieldErrorStatus, error.message);
      throw error;
    }
  }

  return async (request) => answer(await admit(request), request.signal);
}

const REPEAT_WITHOUT_ANSWER = errorReply(409, "Request was executed already, and its answer is no longer kept");
