/* Which failure a refusal is: plain ones of HTTP, sealed ones, and events that say why a stream did not begin. */
package e2egateway

import java.time.Instant
import kotlin.math.ceil
import org.json.JSONException
import org.json.JSONObject

/** Whether the gateway marked an answer or event as its own. */
internal fun isFromGateway(json: JSONObject): Boolean = json.opt("source") == "gateway"

/**
 * Tells whether the gateway itself refused a request after it had opened it. Its refusals are texts with an error in
 * it. A service may answer with the same text, so that decides only for gateways that do not mark their own answers.
 *
 * @param json all of the answer
 * @param mayBeService whether an answer without a mark comes from a service: the gateway marks its own
 * @return the refusal, or null for an answer
 */
internal fun refusalIn(answer: Answer, json: JSONObject, mayBeService: Boolean): GatewayException? {
    if (answer.status == 200) return null
    if (!isFromGateway(json)) {
        return if (mayBeService || json.opt("service") is String) null else oldRefusalIn(answer)
    }
    val body = errorIn(answer.body) ?: JSONObject()
    val words = body.opt("error") as? String ?: "HTTP ${answer.status}"
    return refusalOf(Refusal(answer.status, words, answer.timestamp, retryAfterSeconds(body)), codeIn(body))
}

/** What an `error` event means that came instead of `connected`; such an event tells no status. */
internal fun refusalIn(event: Event): GatewayException {
    val words = event.json.optString("message")
    val timestamp = (event.json.opt("timestamp") as? Number)?.toDouble()
    val code = codeIn(event.json)
    return when {
        code != null -> refusalOf(Refusal(0, words, timestamp, retryAfterSeconds(event.json)), code)
        words == EXPIRED -> expired(0, timestamp)
        isAboutRights(words) -> ScopeException(0, words)
        words.startsWith("Too many ") -> RateLimitException(0, words, 0)
        words.startsWith("MQTT error: ") -> FailedException(0, words)
        else -> RefusedException(0, words)
    }
}

/** The wait that the header `Retry-After` asks for; 0 if it is none. A date comes from no gateway. */
internal fun retryAfterSeconds(header: String?): Long =
    if (header != null && Regex("[0-9]+(\\.[0-9]+)?").matches(header)) wholeSeconds(header.toDouble()) else 0

/** Adds how long to wait, where that is known. */
internal fun withWait(words: String, seconds: Long): String = if (seconds == 0L) words else "$words: wait $seconds s"

private class Refusal(val status: Int, val words: String, val timestamp: Double?, val retryAfterSeconds: Long)

/** By the gateway's code; by the status where it told none, or one that is newer than this client. */
private fun refusalOf(refusal: Refusal, code: String?): GatewayException {
    val status = refusal.status
    val words = refusal.words
    val wait = refusal.retryAfterSeconds
    return when (code) {
        "expired" -> expired(status, refusal.timestamp, code)
        "scope", "broker_not_allowed" -> ScopeException(status, words, code)
        "key_revoked" -> WrongKeyException(status, words, code)
        "key_rate", "busy" -> RateLimitException(status, withWait(words, wait), wait, code)
        "broker", "service_unreachable", "service_timeout", "service_answer", "internal" ->
            FailedException(status, words, code)
        "restart" -> UnavailableException(status, withWait(words, wait), wait, code)
        "payload", "field", "unknown_service", "replay", "salt_reused", "already_executed", "too_slow" ->
            RefusedException(status, words, code)
        else -> when {
            status == 429 -> RateLimitException(status, withWait(words, wait), wait, code)
            status >= 500 -> FailedException(status, words, code)
            else -> RefusedException(status, words, code)
        }
    }
}

/** What a gateway means that tells neither source nor code. */
private fun oldRefusalIn(answer: Answer): GatewayException? {
    val body = errorIn(answer.body)
    val words = body?.opt("error") as? String
    if (body == null || words == null) return null
    val wait = retryAfterSeconds(body)
    return when {
        answer.status == 429 -> RateLimitException(answer.status, withWait(words, wait), wait)
        answer.status >= 500 -> FailedException(answer.status, words)
        answer.status == 403 && words == EXPIRED -> expired(answer.status, answer.timestamp)
        answer.status == 403 && isAboutRights(words) -> ScopeException(answer.status, words)
        else -> RefusedException(answer.status, words)
    }
}

private fun errorIn(body: Any?): JSONObject? =
    try {
        (body as? String)?.let { readJsonObject(it) }
    } catch (failure: JSONException) {
        null
    }

private fun codeIn(json: JSONObject): String? = json.opt("code") as? String

private fun retryAfterSeconds(json: JSONObject): Long {
    val seconds = (json.opt("retry_after") as? Number)?.toDouble() ?: 0.0
    return if (seconds >= 0 && seconds < Double.POSITIVE_INFINITY) wholeSeconds(seconds) else 0
}

private fun wholeSeconds(seconds: Double): Long = ceil(minOf(seconds, LONGEST_RETRY_SECONDS)).toLong()

/** Longest wait that is taken from the other side: no gateway gone wrong keeps a client away for good. */
internal const val LONGEST_RETRY_SECONDS = 3600.0

private const val EXPIRED = "Request expired"

private fun expired(status: Int, timestamp: Double?, code: String? = null): ExpiredException {
    val time = timestamp?.let { ", the gateway's time is ${Instant.ofEpochMilli(1000 * it.toLong())}" } ?: ""
    return ExpiredException(status, "$EXPIRED: this device's clock is wrong$time", timestamp, code)
}

private fun isAboutRights(words: String): Boolean =
    words.startsWith("This key may not ") || words.startsWith("Broker not allowed")
