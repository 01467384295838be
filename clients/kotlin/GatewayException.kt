/* What can go wrong between a client and its gateway. */
package e2egateway

import java.io.IOException
import java.time.Instant
import org.json.JSONException
import org.json.JSONObject

/**
 * A request failed. There is one subclass for each [code]. An [IOException], so that one `catch` covers all that can
 * happen on the way.
 *
 * @property code the kind of failure, which no version of this client changes
 * @property status the HTTP status, or the one within a sealed answer; 0 if nobody answered
 * @property retryAfterSeconds after how many seconds another try may do better, 0 if nobody said; null where no later
 * try will help by itself
 */
sealed class GatewayException(
    val code: String,
    val status: Int,
    message: String,
    val retryAfterSeconds: Long? = null
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

/** The gateway does not know this key, or does not take this version of the protocol with it. */
class WrongKeyException(status: Int, message: String) : GatewayException("wrong_key", status, message)

/**
 * The gateway takes the request for an old one: one of both clocks is wrong.
 *
 * @property timestamp the gateway's clock, in seconds since 1970; null if it did not tell
 */
class ExpiredException(status: Int, message: String, val timestamp: Double?) :
    GatewayException("expired", status, message)

/** The key may not do this. */
class ScopeException(status: Int, message: String) : GatewayException("scope", status, message)

/** Too many requests, or too many at a time. Nothing ran, if that was sealed: anybody on the way can send HTTP 429. */
class RateLimitException(status: Int, message: String, retryAfterSeconds: Long) :
    GatewayException("rate_limit", status, message, retryAfterSeconds)

/** The gateway, or a proxy before it, cannot take requests just now. */
class UnavailableException(status: Int, message: String, retryAfterSeconds: Long) :
    GatewayException("unavailable", status, message, retryAfterSeconds)

/** The gateway could not do it: Jeedom or the broker is out of reach, too slow, or failed. It may have run. */
class FailedException(status: Int, message: String) : GatewayException("failed", status, message)

/** Jeedom refused to tell its events. Only event polls throw it; `callJeedom` hands all of Jeedom's answers over. */
class JeedomException(status: Int, message: String) : GatewayException("jeedom", status, message)

/** The gateway refuses the request as it is. */
class RefusedException(status: Int, message: String) : GatewayException("refused", status, message)

/**
 * Tells whether the gateway itself refused a request after it had opened it. Jeedom's own errors are answers: they
 * never are a text with an error in it, as their JSON is handed over as JSON.
 *
 * @return the refusal, or null for an answer
 */
internal fun refusalIn(answer: Answer): GatewayException? {
    if (answer.status == 200 || answer.body !is String) return null
    val body = try {
        JSONObject(answer.body)
    } catch (failure: JSONException) {
        return null
    }
    val words = body.opt("error") as? String ?: return null
    return when {
        answer.status == 429 -> RateLimitException(answer.status, words, maxOf(0, body.optLong("retry_after")))
        answer.status >= 500 -> FailedException(answer.status, words)
        answer.status == 403 && words == EXPIRED -> expired(answer.status, answer.timestamp)
        answer.status == 403 && isAboutRights(words) -> ScopeException(answer.status, words)
        else -> RefusedException(answer.status, words)
    }
}

/** What an `error` event means that came instead of `connected`; such an event tells no status. */
internal fun refusalIn(event: Event): GatewayException {
    val words = event.json.optString("message")
    return when {
        words == EXPIRED -> expired(0, (event.json.opt("timestamp") as? Number)?.toDouble())
        isAboutRights(words) -> ScopeException(0, words)
        words.startsWith("Too many ") -> RateLimitException(0, words, 0)
        words.startsWith("MQTT error: ") -> FailedException(0, words)
        else -> RefusedException(0, words)
    }
}

private const val EXPIRED = "Request expired"

private fun expired(status: Int, timestamp: Double?): ExpiredException {
    val time = timestamp?.let { ", the gateway's time is ${Instant.ofEpochMilli(1000 * it.toLong())}" } ?: ""
    return ExpiredException(status, "$EXPIRED: this device's clock is wrong$time", timestamp)
}

private fun isAboutRights(words: String): Boolean =
    words.startsWith("This key may not ") || words.startsWith("Broker not allowed")
