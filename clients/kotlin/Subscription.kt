/* A subscription to MQTT topics: what it brings, and how it goes from one stream to the next. */
package e2egateway

import java.io.Closeable
import java.io.IOException
import java.util.Base64
import java.util.concurrent.CancellationException
import kotlin.math.ceil
import kotlin.random.Random
import org.json.JSONObject

/** A place in the gateway's order of messages: whoever hands it over has heard all that came up to there. */
data class Position(val epoch: String, val offset: Long)

/** One event of a subscription; [json] holds all of it. */
class Event internal constructor(val json: JSONObject) {
    /**
     * `connected` first, then `message`s; a stream's last is `error`, `disconnected` or `end`. `gap` says that
     * something may be missing, `offline` and `online` that the gateway's broker went away and came back.
     */
    val type: String = json.optString("type")

    /** The topic that a message was published to; the first filter for `connected`. */
    val topic: String = json.optString("topic")

    /** A message's payload as text, or null where it is not UTF-8. */
    val payload: String? = if (json.isNull("payload")) null else json.optString("payload")

    /** True for a message that the broker had kept from before the subscription. */
    val isRetained: Boolean = json.optBoolean("retain")

    /** True for the event that ends a stream; unless the subscription ends as well, another stream follows. */
    val isLast: Boolean = type == "error" || type == "disconnected" || type == "end"

    /** Up to where everything has been heard with this event, for [GatewayClient.subscribe]; null if it tells none. */
    val position: Position? = positionIn(if (type == "error") json.optJSONObject("resume") else json)

    /** A message's payload as bytes, of whatever kind. */
    fun payloadBytes(): ByteArray =
        payload?.toByteArray() ?: Base64.getDecoder().decode(json.optString("payload_b64"))

    override fun toString(): String = json.toString()
}

/** Hears what a subscription brings, always on the subscription's own thread. */
interface SubscriptionListener {
    /**
     * Called for each event, in order; the next one waits until this returns. What it throws ends the subscription: an
     * [IOException] reaches [onEnd], a [CancellationException] means the same as [Subscription.close], and anything
     * else is thrown in the subscription's thread, without [onEnd].
     */
    fun onEvent(event: Event)

    /**
     * Called once, when no more events will come.
     *
     * @param failure why the subscription failed: a [GatewayException], unless its thread was interrupted or [onEvent]
     * threw another one; null where its last event told that, and after [Subscription.close]
     */
    fun onEnd(failure: IOException?)
}

/** A running subscription. */
class Subscription internal constructor() : Closeable {
    internal val cancellation = Cancellation()

    /** Ends the subscription, from any thread and at once. No event follows that is not being delivered already. */
    override fun close() = cancellation.cancel()
}

/**
 * How long to wait before a subscription is tried again: longer each time, and by chance, so that the clients of a
 * gateway that was away do not all come back at the same moment.
 *
 * @param tries how many tries since the last good stream were in vain
 * @return milliseconds: from half to all of 0.5, 1, 2, 4, 8, 16, then 30 s
 */
fun backoffMillis(tries: Int): Long {
    val longest = minOf(30_000L, 500L shl minOf(tries, 6))
    return Random.nextLong(longest / 2, longest + 1)
}

/** Goes from one stream to the next, on the subscription's thread. */
internal class Follower(
    private val channel: Channel,
    private val streams: EventStream,
    private val backoff: (Int) -> Long,
    private val request: JSONObject,
    private val listener: SubscriptionListener,
    private val resume: Boolean
) {
    private val cancellation: Cancellation get() = subscription.cancellation
    private var goesOn = false
    private var tries = 0
    private var isConnected = false
    private var connectedAt = 0L
    private var retryMillis = 0L

    val subscription = Subscription()

    /** Follows the streams until the end, and tells the listener of it. */
    fun follow() {
        val failure = try {
            goFromStreamToStream()
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

    private fun goFromStreamToStream() {
        while (true) {
            isConnected = false
            retryMillis = 0
            val failure = hearStream()
            if (!goesOn) return
            if (isConnected && failure != null) tell(brokenOff(failure))
            if (isConnected && System.nanoTime() - connectedAt >= GOOD_STREAM_NANOS) tries = 0
            failure?.retryAfterSeconds?.let { retryMillis = 1000 * it }
            cancellation.sleep(maxOf(retryMillis, backoff(tries)))
            tries += 1
        }
    }

    /** Returns the failure of a stream after which another one may follow. @throws GatewayException for all others. */
    private fun hearStream(): GatewayException? =
        try {
            streams.hear(request, cancellation, ::hear)
            null
        } catch (failure: GatewayException) {
            if (!goesOn || !mayPass(failure)) throw failure
            failure
        }

    private fun hear(event: Event) {
        if (event.type == "end") retryMillis = retryMillisIn(event)
        if (event.type == "connected") {
            isConnected = true
            connectedAt = System.nanoTime()
            goesOn = resume
        } else if (event.type == "message") {
            tries = 0
        } else if (event.isLast && !isConnected) {
            if (event.type == "error") throw refusalIn(event)
            // Whoever listens knows already that there is no stream just now.
            if (goesOn) return
        }
        event.position?.let { request.put("since", it.toJson()) }
        tell(event)
    }

    private fun tell(event: Event) =
        try {
            listener.onEvent(event)
        } catch (closed: CancellationException) {
            throw closed
        } catch (failure: Exception) {
            throw ListenerFailure(failure)
        }

    private fun brokenOff(failure: GatewayException) = Event(
        JSONObject()
            .put("type", "disconnected")
            .put("message", failure.message)
            .put("timestamp", channel.now() / 1000)
    )
}

/** What the listener threw, on its way past all that handles failures of the network. */
private class ListenerFailure(override val cause: Exception) : RuntimeException(cause)

/** A stream that lasted this long was a good one: what comes next is another trouble. */
private const val GOOD_STREAM_NANOS = 30_000_000_000L

/** The wait that a gateway asks for as it stops; 0 if it is none. */
private fun retryMillisIn(event: Event): Long {
    val seconds = (event.json.opt("retry") as? Number)?.toDouble() ?: 0.0
    return if (seconds in 0.0..LONGEST_RETRY_SECONDS) ceil(1000 * seconds).toLong() else 0
}

/** The gateway's codes for refusals that pass by themselves. OkHttp, or a proxy, may have sent a request twice. */
private val PASSING = listOf("too_slow", "replay", "key_revoked")

/** How those begin at older gateways, which tell no code. */
private val OLD_PASSING = listOf("Too slow: ", "Request was used before")

private fun mayPass(failure: GatewayException): Boolean =
    when {
        failure.retryAfterSeconds != null || failure is FailedException || failure is ExpiredException -> true
        failure.gatewayCode != null -> failure.gatewayCode in PASSING
        else -> OLD_PASSING.any { (failure.message ?: "").startsWith(it) }
    }

internal fun Position.toJson(): JSONObject = JSONObject().put("epoch", epoch).put("offset", offset)

private fun positionIn(json: JSONObject?): Position? =
    if (json == null || json.isNull("epoch") || json.isNull("offset")) null
    else Position(json.optString("epoch"), json.optLong("offset"))
