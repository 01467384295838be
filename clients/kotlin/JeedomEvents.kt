/* Events of Jeedom, by one long poll after the other. */
package e2egateway

import java.io.Closeable
import java.util.ArrayDeque
import java.util.concurrent.CancellationException
import org.json.JSONObject

/** Event of Jeedom; [json] has all of its fields. */
class JeedomEvent internal constructor(val json: JSONObject) {
    /** Time of the event, in seconds since 1970 by Jeedom's clock. */
    val datetime: Double = json.optDouble("datetime")

    /** Kind of event, such as `cmd::update`. */
    val name: String = json.optString("name")

    /** Content of the event: mostly a JSONObject, such as `{"cmd_id": 3, "value": 1}`. */
    val option: Any? = json.opt("option").orNull()

    /** Differs for different events. */
    internal val identity: List<Any> = listOf(datetime, name, option.toString())

    override fun toString(): String = json.toString()
}

/** Calls a method of Jeedom; the wait for the answer ends after a timeout, or when it is cancelled. */
internal typealias CallJeedom =
    (method: String, params: JSONObject?, timeoutSeconds: Long, cancellation: Cancellation) -> Answer

/**
 * Events of Jeedom in the order in which they come, for one thread; any thread may call [close]. Both functions of the
 * iterator wait for the next event. It ends only when it is closed.
 *
 * Polls overlap, as Jeedom may write an event late; each event is returned once nevertheless. Temporary failures are
 * retried; after five minutes of nothing else the newest one is thrown.
 */
class JeedomEvents internal constructor(
    private val call: CallJeedom,
    private val backoff: (Int) -> Long,
    private val longPollingSeconds: Int,
    private val filter: String?,
    since: Double?,
    private val nanoTime: () -> Long = System::nanoTime
) : Iterator<JeedomEvent>, Closeable {
    private val cancellation = Cancellation()
    private val waiting = ArrayDeque<JeedomEvent>()
    private var overlap = since?.let { Overlap(it) }
    private var tries = 0
    private var failingSince = 0L

    /**
     * Waits for an event.
     *
     * @return false after [close]
     * @throws GatewayException a permanent failure, such as a missing right, or five minutes of temporary ones;
     * [JeedomException] if Jeedom refuses
     */
    override fun hasNext(): Boolean {
        try {
            while (waiting.peek() == null) poll()
            return !cancellation.isCancelled
        } catch (closed: CancellationException) {
            return false
        }
    }

    /** Waits for an event, and returns it. @throws NoSuchElementException after [close]. */
    override fun next(): JeedomEvent {
        if (!hasNext()) throw NoSuchElementException("Jeedom's events were closed")
        return waiting.remove()
    }

    /** Ends the iterator, from any thread and at once. */
    override fun close() = cancellation.cancel()

    private fun poll() {
        try {
            val known = overlap
            if (known == null) overlap = Overlap(askTime()) else askChanges(known)
            tries = 0
        } catch (failure: GatewayException) {
            val wait = failure.retryAfterSeconds ?: if (failure is FailedException) 0L else throw failure
            if (tries == 0) failingSince = nanoTime()
            if (nanoTime() - failingSince >= LONGEST_FAILING_NANOS) throw failure
            cancellation.sleep(maxOf(1000 * wait, backoff(tries)))
            tries += 1
        }
    }

    private fun askTime(): Double {
        val time = ask("datetime", null, CALL_SECONDS) as? Number
        return time?.toDouble() ?: throw JeedomException(200, "Jeedom's answer has no time")
    }

    private fun askChanges(overlap: Overlap) {
        val began = System.nanoTime()
        val params = JSONObject()
            .put("datetime", overlap.from)
            .put("longPolling", longPollingSeconds)
            .put("filter", filter)
        val changes = ask("event::changes", params, longPollingSeconds + CALL_SECONDS) as? JSONObject
        val until = changes?.opt("datetime") as? Number
        val list = changes?.optJSONArray("result")
        if (until == null || list == null) throw JeedomException(200, "Jeedom's answer has no events")

        val events = (0 until list.length()).mapNotNull { list.optJSONObject(it) }.map(::JeedomEvent)
        val newEvents = overlap.advance(until.toDouble(), events.filter { it.name != "" && !it.datetime.isNaN() })
        waiting.addAll(newEvents)
        // Events within the overlap end a poll at once.
        if (newEvents.size == 0 && System.nanoTime() - began < QUICK_NANOS) cancellation.sleep(QUICK_MILLIS)
    }

    private fun ask(method: String, params: JSONObject?, timeoutSeconds: Long): Any? {
        val answer = call(method, params, timeoutSeconds, cancellation)
        val body = answer.body as? JSONObject
        body?.optJSONObject("error")?.let { throw errorOf(method, answer.status, it) }
        // As while it starts.
        if (answer.status >= 500) throw FailedException(answer.status, "Jeedom failed: HTTP ${answer.status}")
        if (answer.status != 200) {
            throw JeedomException(answer.status, "Jeedom does not answer $method: HTTP ${answer.status}")
        }
        if (body == null || !body.has("result")) {
            throw FailedException(200, "Jeedom does not answer $method with JSON-RPC: is this its API?")
        }
        return body.opt("result").orNull()
    }

    private fun errorOf(method: String, status: Int, error: JSONObject): GatewayException {
        val message = "Jeedom refuses $method: ${error.optString("message")} (${error.opt("code")})"
        return if (error.opt("code") == INTERNAL_ERROR) FailedException(status, message)
        else JeedomException(status, message)
    }
}

/** Range of polls that overlap, so that no event is lost between two of them, without the events that come twice. */
private class Overlap(private val begin: Double) {
    private var seen = emptyMap<List<Any>, Double>()

    /** Begin of the next poll, in seconds. */
    var from: Double = begin
        private set

    /** Moves on by the events of a poll, up to a time of Jeedom, and returns the new ones. */
    fun advance(until: Double, events: List<JeedomEvent>): List<JeedomEvent> {
        val known = HashMap(seen)
        // Jeedom may bring the event at the beginning itself again.
        val newEvents = events.filter { it.datetime > begin && known.put(it.identity, it.datetime) == null }
        // The last event may be long ago: the polls never go back.
        from = maxOf(from, until - OVERLAP_SECONDS)
        seen = known.filterValues { it >= from }
        return newEvents
    }
}

private const val OVERLAP_SECONDS = 2

/** Jeedom's code for an internal failure, such as a database that restarts. */
private const val INTERNAL_ERROR = -32000

/** Longest time of nothing but failures. */
private const val LONGEST_FAILING_NANOS = 300_000_000_000L

/** Duration of a poll for which Jeedom did not wait; the next one waits as long. */
private const val QUICK_MILLIS = 1000L
private const val QUICK_NANOS = 1_000_000 * QUICK_MILLIS
