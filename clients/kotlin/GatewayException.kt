/* Errors of the client. */
package e2egateway

import java.io.IOException

/**
 * A request failed. There is one subclass for each [code]. An [IOException], so that one `catch` covers all failures.
 *
 * @property code kind of failure; never changes
 * @property status HTTP status, or the one within a sealed answer; 0 if there was no answer
 * @property retryAfterSeconds shortest wait before a retry; 0 if it is unknown, and null where no retry will help
 * @property gatewayCode code of the gateway for its refusal, such as `key_rate`; null if it sent none
 */
sealed class GatewayException(
    val code: String,
    val status: Int,
    message: String,
    val retryAfterSeconds: Long? = null,
    val gatewayCode: String? = null
) : IOException(message) {
    /** True for a sealed refusal, which proves that the gateway answered: a plain one may be of any program in between. */
    var isSealed: Boolean = false
        private set

    internal fun markSealed(): GatewayException = apply { isSealed = true }
}

/** The network failed, or there is no answer. The request may have run. */
class UnreachableException(message: String) : GatewayException("unreachable", 0, message, 0)

/** No answer in time. The request may have run, or may still run. */
class RequestTimeoutException(message: String) : GatewayException("timeout", 0, message, 0)

/** A stream broke off or fell silent before its last event. */
class TruncatedException(message: String) : GatewayException("truncated", 0, message, 0)

/**
 * An answer or event does not open, is not for this request, or is not the next one: it was changed in between, or the
 * answer is not from the gateway.
 */
class TamperedException(status: Int, message: String) : GatewayException("tampered", status, message)

/**
 * The gateway does not accept this key, or not in this version of the protocol.
 *
 * @property knowsVersion2 true if the gateway announced version 2: then version 1 does not help. Not authenticated: the
 * answer is plain
 */
class WrongKeyException(
    status: Int,
    message: String,
    gatewayCode: String? = null,
    val knowsVersion2: Boolean = false
) : GatewayException("wrong_key", status, message, null, gatewayCode)

/** The gateway does not accept a pairing code: it is unknown, was used, or is older than 10 minutes. */
class PairingCodeException(status: Int, message: String) : GatewayException("pairing_code", status, message)

/** Another request has just used the pairing code. Unless it was one of this device, its key is to be removed. */
class AlreadyPairedException(status: Int, message: String, gatewayCode: String? = null) :
    GatewayException("already_paired", status, message, null, gatewayCode)

/**
 * The request is too old or too new by the gateway's clock: one of both clocks is wrong.
 *
 * @property timestamp time of the gateway, in seconds since 1970; null if it did not send it
 */
class ExpiredException(status: Int, message: String, val timestamp: Double?, gatewayCode: String? = null) :
    GatewayException("expired", status, message, null, gatewayCode)

/** The key has no right to do this. */
class ScopeException(status: Int, message: String, gatewayCode: String? = null) :
    GatewayException("scope", status, message, null, gatewayCode)

/** Too many requests, or too many at a time. Nothing ran if the refusal was sealed; HTTP 429 is not authenticated. */
class RateLimitException(status: Int, message: String, retryAfterSeconds: Long, gatewayCode: String? = null) :
    GatewayException("rate_limit", status, message, retryAfterSeconds, gatewayCode)

/** The gateway, or a proxy before it, cannot accept requests now. */
class UnavailableException(status: Int, message: String, retryAfterSeconds: Long, gatewayCode: String? = null) :
    GatewayException("unavailable", status, message, retryAfterSeconds, gatewayCode)

/** Jeedom, the broker or another service, behind the gateway, is unreachable, too slow, or failed. It may have run. */
class FailedException(status: Int, message: String, gatewayCode: String? = null) :
    GatewayException("failed", status, message, null, gatewayCode)

/** Jeedom refused to send its events. Only event polls throw it; `callJeedom` returns all of Jeedom's answers. */
class JeedomException(status: Int, message: String) : GatewayException("jeedom", status, message)

/** The gateway refuses the request, such as one with a wrong field. */
class RefusedException(status: Int, message: String, gatewayCode: String? = null) :
    GatewayException("refused", status, message, null, gatewayCode)
