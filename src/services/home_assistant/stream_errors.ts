/**
 * Errors of the connection to Home Assistant that streams states.
 *
 * @module
 */
import { ServiceError } from "../service.ts";

/** Error of a token that Home Assistant refuses: it must not be sent again, as Home Assistant may ban the address. */
export class TokenRefusedError extends ServiceError {
  /** Makes the error. */
  constructor() {
    super(502, "Home Assistant refuses the gateway's token: set HOME_ASSISTANT_TOKEN, and restart the gateway", {
      code: "service_answer",
    });
    this.name = "TokenRefusedError";
  }
}

/** Makes the error of a connection that fails. */
export function unreachable(message: string, cause?: unknown): ServiceError {
  return new ServiceError(502, message, { code: "service_unreachable", cause });
}

/** Makes the error of an answer that does not come in time. */
export function timeout(message: string): ServiceError {
  return new ServiceError(504, message, { code: "service_timeout" });
}

/** Makes the error of a message that breaks the rules of the API. */
export function malformed(what: string, cause?: unknown): ServiceError {
  return new ServiceError(502, `Home Assistant sent ${what}`, { code: "service_answer", cause });
}
