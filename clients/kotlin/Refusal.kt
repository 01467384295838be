/* Errors for refusals: of plain HTTP, sealed, and in events before `connected`. */
package e2egateway

import java.time.Instant
import kotlin.math.ceil
import org.json.JSONException
import org.json.JSONObject

/** Returns whether the gateway itself is the source of an answer or event. */
internal fun isFromGateway(json: JSONObject): Boolean = json.opt("source") == "gateway"

/**
 * Returns the error that an opened answer stands for. Refusals of the gateway are texts with a JSON object that has an
 * `error`. A service may answer with the same text, so it decides only for gateways that do not name their source.
 *
 * @param json all of the answer
 * @param mayBeService true if an answer without a source comes from a service: the gateway names itself
 * @return the error, or null for an answer of a service
 */
internal fun refusalIn(answer: Answer, json: JSONObject, mayBeService: Boolean): GatewayException? =
    answerRefusal(answer, json, mayBeService)?.markSealed()

private fun answerRefusal(answer: Answer, json: JSONObject, mayBeService: Boolean): GatewayException? {
    if (answer.status == 200) return null
    if (!isFromGateway(json)) {
        return if (mayBeService || json.opt("service") is String) null else olderRefusalIn(answer)
    }
    val body = errorIn(answer.body) ?: JSONObject()
    val message = body.opt("error") as? String ?: "HTTP ${answer.status}"
    return refusalOf(Refusal(answer.status, message, answer.timestamp, retryAfterSeconds(body)), codeIn(body))
}

/** Returns the error for an `error` event before `connected`; such an event has no status. */
internal fun refusalIn(event: Event): GatewayException = eventRefusal(event).markSealed()

private fun eventRefusal(event: Event): GatewayException {
    val message = event.json.optString("message")
    val timestamp = (event.json.opt("timestamp") as? Number)?.toDouble()
    val code = codeIn(event.json)
    return when {
        code != null -> refusalOf(Refusal(0, message, timestamp, retryAfterSeconds(event.json)), code)
        message == EXPIRED -> expired(0, timestamp)
        isAboutRights(message) -> ScopeException(0, message)
        message.startsWith("Too many ") -> RateLimitException(0, message, 0)
        message.startsWith("MQTT error: ") -> FailedException(0, message)
        else -> RefusedException(0, message)
    }
}

/** Returns the wait in the header `Retry-After`; 0 if it is malformed, or a date, which no gateway sends. */
internal fun retryAfterSeconds(header: String?): Long =
    if (header != null && Regex("[0-9]+(\\.[0-9]+)?").matches(header)) wholeSeconds(header.toDouble()) else 0

/** Adds the wait, where it is known. */
internal fun withWait(message: String, seconds: Long): String =
    if (seconds == 0L) message else "$message: wait $seconds s"

private class Refusal(val status: Int, val message: String, val timestamp: Double?, val retryAfterSeconds: Long)

/** Makes the error for a code; for a missing or unknown code, the error for the status. */
private fun refusalOf(refusal: Refusal, code: String?): GatewayException {
    val status = refusal.status
    val message = refusal.message
    val wait = refusal.retryAfterSeconds
    return when (code) {
        "expired" -> expired(status, refusal.timestamp, code)
        "scope", "broker_not_allowed" -> ScopeException(status, message, code)
        "already_paired" -> AlreadyPairedException(status, message, code)
        "key_revoked" -> WrongKeyException(status, message, code)
        "key_rate", "busy" -> RateLimitException(status, withWait(message, wait), wait, code)
        "broker", "service_unreachable", "service_timeout", "service_answer", "internal" ->
            FailedException(status, message, code)
        "restart" -> UnavailableException(status, withWait(message, wait), wait, code)
        "payload", "field", "unknown_service", "limit_reached", "old_secret", "replay", "salt_reused", "already_executed",
        "pairing_conflict", "too_slow" ->
            RefusedException(status, message, code)
        else -> when {
            status == 429 -> RateLimitException(status, withWait(message, wait), wait, code)
            status >= 500 -> FailedException(status, message, code)
            else -> RefusedException(status, message, code)
        }
    }
}

/** Returns the error of an older gateway, which sends neither source nor code. */
private fun olderRefusalIn(answer: Answer): GatewayException? {
    val body = errorIn(answer.body)
    val message = body?.opt("error") as? String
    if (body == null || message == null) return null
    val wait = retryAfterSeconds(body)
    return when {
        answer.status == 429 -> RateLimitException(answer.status, withWait(message, wait), wait)
        answer.status >= 500 -> FailedException(answer.status, message)
        answer.status == 403 && message == EXPIRED -> expired(answer.status, answer.timestamp)
        answer.status == 403 && isAboutRights(message) -> ScopeException(answer.status, message)
        else -> RefusedException(answer.status, message)
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

/** Longest wait that a gateway can ask for: a faulty gateway must not stop a client forever. */
internal const val LONGEST_RETRY_SECONDS = 3600.0

private const val EXPIRED = "Request expired"

private fun expired(status: Int, timestamp: Double?, code: String? = null): ExpiredException {
    val time = timestamp?.let { ", the gateway's time is ${Instant.ofEpochMilli(1000 * it.toLong())}" } ?: ""
    return ExpiredException(status, "$EXPIRED: this device's clock is wrong$time", timestamp, code)
}

private fun isAboutRights(message: String): Boolean =
    message.startsWith("This key may not ") || message.startsWith("Broker not allowed")
