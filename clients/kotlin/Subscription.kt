/* Subscription to MQTT topics: its events, and one stream after the other. */
package e2egateway

import java.io.Closeable
import java.io.IOException
import java.util.Base64
import java.util.concurrent.CancellationException
import kotlin.math.ceil
import kotlin.random.Random
import org.json.JSONObject

/** Position in the gateway's message history, to resume after: all messages up to it were received. */
data class Position(val epoch: String, val offset: Long)

/** Event of a subscription; [json] has all of its fields. */
class Event internal constructor(val json: JSONObject) {
    /**
     * `connected` first, then `message`s; the last event of a stream is `error`, `disconnected` or `end`. `gap` says
     * that messages may be missing, `offline` and `online` that the gateway's broker disconnected and reconnected.
     */
    val type: String = json.optString("type")

    /** Topic of a message; the first filter for `connected`. */
    val topic: String = json.optString("topic")

    /** Payload of a message as text; null where it is not UTF-8. */
    val payload: String? = if (json.isNull("payload")) null else json.optString("payload")

    /** True for a message that the broker had retained before the subscription. */
    val isRetained: Boolean = json.optBoolean("retain")

    /** True for the event that ends a stream; unless the subscription ends as well, another stream follows. */
    val isLast: Boolean = type == "error" || type == "disconnected" || type == "end"

    /** Position to resume after, for [GatewayClient.subscribe]; null if the event has none. */
    val position: Position? = positionIn(if (type == "error") json.optJSONObject("resume") else json)

    /** Returns the payload of a message as bytes. */
    fun payloadBytes(): ByteArray =
        payload?.toByteArray() ?: Base64.getDecoder().decode(json.optString("payload_b64"))

    override fun toString(): String = json.toString()
}

/** Receives the events of a subscription, always on the subscription's own thread. */
interface SubscriptionListener {
    /**
     * Called for each event, in order; the next one waits until this returns. An exception ends the subscription: an
     * [IOException] reaches [onEnd], a [CancellationException] has the effect of [Subscription.close], and any other is
     * thrown in the subscription's thread, without [onEnd].
     */
    fun onEvent(event: Event)

    /**
     * Called once, when no more events will come.
     *
     * @param failure failure of the subscription: a [GatewayException], unless its thread was interrupted or [onEvent]
     * threw another one; null where the last event has the reason, and after [Subscription.close]
     */
    fun onEnd(failure: IOException?)
}

/** Running subscription. */
class Subscription internal constructor() : Closeable {
    internal val cancellation = Cancellation()

    /** Ends the subscription, from any thread and at once. No event follows that is not being delivered already. */
    override fun close() = cancellation.cancel()
}

/**
 * Returns the wait before a subscription is retried: exponential, with jitter, so that the clients of a gateway that
 * restarted do not reconnect at the same moment.
 *
 * @param tries number of failed tries since the last stream
 * @return milliseconds: from half to all of 0.5, 1, 2, 4, 8, 16, then 30 s
 */
fun backoffMillis(tries: Int): Long {
    val longest = minOf(30_000L, 500L shl minOf(tries, 6))
    return Random.nextLong(longest / 2, longest + 1)
}

/** Opens one stream after the other, on the subscription's thread. */
internal class Follower(
    private val channel: Channel,
    private val streams: EventStream,
    private val backoff: (Int) -> Long,
    private val request: JSONObject,
    private val listener: SubscriptionListener,
    private val resume: Boolean
) {
    private val cancellation: Cancellation get() = subscription.cancellation
    private var resumes = false
    private var tries = 0
    private var isConnected = false
    private var connectedAt = 0L
    private var retryMillis = 0L

    val subscription = Subscription()

    /** Reads streams until the end, and calls the listener for it. */
    fun follow() {
        val failure = try {
            readStreams()
            null
        } catch (closed: CancellationException) {
            null
        } catch (failure: IOException) {
            failure
        } catch (failed: ListenerFailure) {
            failed.cause as? IOException ?: throw failed.cause
        }
        listener.onEnd(failure)
    }

    private fun readStreams() {
        while (true) {
            isConnected = false
            retryMillis = 0
            val failure = readStream()
            if (!resumes) return
            if (isConnected && failure != null) deliver(disconnected(failure))
            if (isConnected && System.nanoTime() - connectedAt >= STEADY_NANOS) tries = 0
            failure?.retryAfterSeconds?.let { retryMillis = 1000 * it }
            cancellation.sleep(maxOf(retryMillis, backoff(tries)))
            tries += 1
        }
    }

    /** Returns the failure of a stream after which another one may follow. @throws GatewayException for all others. */
    private fun readStream(): GatewayException? =
        try {
            streams.read(request, cancellation, ::handle)
            null
        } catch (failure: GatewayException) {
            if (!resumes || !isTemporary(failure)) throw failure
            failure
        }

    private fun handle(event: Event) {
        if (event.type == "end") retryMillis = retryMillisIn(event)
        if (event.type == "connected") {
            isConnected = true
            connectedAt = System.nanoTime()
            resumes = resume
        } else if (event.type == "message") {
            tries = 0
        } else if (event.isLast && !isConnected) {
            if (event.type == "error") throw refusalIn(event)
            // The end of the last stream was reported already.
            if (resumes) return
        }
        event.position?.let { request.put("since", it.toJson()) }
        deliver(event)
    }

    private fun deliver(event: Event) =
        try {
            listener.onEvent(event)
        } catch (closed: CancellationException) {
            throw closed
        } catch (failure: Exception) {
            throw ListenerFailure(failure)
        }

    private fun disconnected(failure: GatewayException) = Event(
        JSONObject()
            .put("type", "disconnected")
            .put("message", failure.message)
            .put("timestamp", channel.now() / 1000)
    )
}

/** Wraps an exception of the listener, so that it is not handled as a failure of the network. */
private class ListenerFailure(override val cause: Exception) : RuntimeException(cause)

/** Duration of a stream after which the backoff is reset. */
private const val STEADY_NANOS = 30_000_000_000L

/** Returns the wait that a stopping gateway asks for; 0 if malformed. */
private fun retryMillisIn(event: Event): Long {
    val seconds = (event.json.opt("retry") as? Number)?.toDouble() ?: 0.0
    return if (seconds in 0.0..LONGEST_RETRY_SECONDS) ceil(1000 * seconds).toLong() else 0
}

/** Codes of temporary refusals. OkHttp, or a proxy, may have sent a request twice. */
private val TEMPORARY = listOf("too_slow", "replay", "key_revoked")

/** Beginnings of their texts at older gateways, which send no code. */
private val OLDER_TEMPORARY = listOf("Too slow: ", "Request was used before")

private fun isTemporary(failure: GatewayException): Boolean =
    when {
        failure.retryAfterSeconds != null || failure is FailedException || failure is ExpiredException -> true
        failure.gatewayCode != null -> failure.gatewayCode in TEMPORARY
        else -> OLDER_TEMPORARY.any { (failure.message ?: "").startsWith(it) }
    }

internal fun Position.toJson(): JSONObject = JSONObject().put("epoch", epoch).put("offset", offset)

private fun positionIn(json: JSONObject?): Position? =
    if (json == null || json.isNull("epoch") || json.isNull("offset")) null
    else Position(json.optString("epoch"), json.optLong("offset"))
