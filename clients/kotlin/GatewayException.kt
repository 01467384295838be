/* What can go wrong between a client and its gateway. */
package e2egateway

import java.io.IOException

/**
 * A request failed. There is one subclass for each [code]. An [IOException], so that one `catch` covers all that can
 * happen on the way.
 *
 * @property code the kind of failure, which no version of this client changes
 * @property status the HTTP status, or the one within a sealed answer; 0 if nobody answered
 * @property retryAfterSeconds after how many seconds another try may do better, 0 if nobody said; null where no later
 * try will help by itself
 * @property gatewayCode the gateway's own code for its refusal, such as `key_rate`; null if it told none
 */
sealed class GatewayException(
    val code: String,
    val status: Int,
    message: String,
    val retryAfterSeconds: Long? = null,
    val gatewayCode: String? = null
) : IOException(message)

/** The network failed, or nobody answers at the address. The request may have run. */
class UnreachableException(message: String) : GatewayException("unreachable", 0, message, 0)

/** No answer came in time. The request may have run, or may still do so. */
class RequestTimeoutException(message: String) : GatewayException("timeout", 0, message, 0)

/** A stream broke off or fell silent before its last event. */
class TruncatedException(message: String) : GatewayException("truncated", 0, message, 0)

/**
 * An answer or event does not open, does not belong to this request, or is not the next one: it was changed on the way,
 * or whoever answers is not the gateway.
 */
class TamperedException(status: Int, message: String) : GatewayException("tampered", status, message)

/**
 * The gateway does not know this key, or does not take this version of the protocol with it.
 *
 * @property knowsVersion2 whether the gateway said that it knows version 2: then version 1 does not help. Not proven:
 * the answer is plain
 */
class WrongKeyException(
    status: Int,
    message: String,
    gatewayCode: String? = null,
    val knowsVersion2: Boolean = false
) : GatewayException("wrong_key", status, message, null, gatewayCode)

/**
 * The gateway takes the request for an old one: one of both clocks is wrong.
 *
 * @property timestamp the gateway's clock, in seconds since 1970; null if it did not tell
 */
class ExpiredException(status: Int, message: String, val timestamp: Double?, gatewayCode: String? = null) :
    GatewayException("expired", status, message, null, gatewayCode)

/** The key may not do this. */
class ScopeException(status: Int, message: String, gatewayCode: String? = null) :
    GatewayException("scope", status, message, null, gatewayCode)

/** Too many requests, or too many at a time. Nothing ran, if that was sealed: anybody on the way can send HTTP 429. */
class RateLimitException(status: Int, message: String, retryAfterSeconds: Long, gatewayCode: String? = null) :
    GatewayException("rate_limit", status, message, retryAfterSeconds, gatewayCode)

/** The gateway, or a proxy before it, cannot take requests just now. */
class UnavailableException(status: Int, message: String, retryAfterSeconds: Long, gatewayCode: String? = null) :
    GatewayException("unavailable", status, message, retryAfterSeconds, gatewayCode)

/** The gateway could not do it: Jeedom or the broker is out of reach, too slow, or failed. It may have run. */
class FailedException(status: Int, message: String, gatewayCode: String? = null) :
    GatewayException("failed", status, message, null, gatewayCode)

/** Jeedom refused to tell its events. Only event polls throw it; `callJeedom` hands all of Jeedom's answers over. */
class JeedomException(status: Int, message: String) : GatewayException("jeedom", status, message)

/** The gateway refuses the request as it is. */
class RefusedException(status: Int, message: String, gatewayCode: String? = null) :
    GatewayException("refused", status, message, null, gatewayCode)
