/* Jeedom's events, by one long poll after the other. */
package e2egateway

import java.io.Closeable
import java.util.ArrayDeque
import java.util.concurrent.CancellationException
import org.json.JSONObject

/** One event of Jeedom; [json] holds all of it. */
class JeedomEvent internal constructor(val json: JSONObject) {
    /** When it happened, in seconds since 1970 by Jeedom's clock. */
    val datetime: Double = json.optDouble("datetime")

    /** What happened, such as `cmd::update`. */
    val name: String = json.optString("name")

    /** To whom, and how: mostly a JSONObject, such as `{"cmd_id": 3, "value": 1}`. */
    val option: Any? = json.opt("option").orNull()

    /** Tells it from all others. */
    internal val identity: List<Any> = listOf(datetime, name, option.toString())

    override fun toString(): String = json.toString()
}

/** Calls a method of Jeedom; a wait for the answer ends after some seconds, or when it is cancelled. */
internal typealias CallJeedom =
    (method: String, params: JSONObject?, timeoutSeconds: Long, cancellation: Cancellation) -> Answer

/**
 * Jeedom's events in the order in which they come, for one thread; [close] may be called by any. Both functions of the
 * iterator wait for the next event. It ends only when it is closed.
 *
 * Polls overlap, as Jeedom may write an event late; each event is handed over once nevertheless. Failures that may pass
 * are waited out, but after five minutes of nothing else the newest one is thrown.
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
     * @throws GatewayException what will not pass by itself, such as a key that may not ask, or has not for five
     * minutes; [JeedomException] if Jeedom refuses
     */
    override fun hasNext(): Boolean {
        try {
            while (waiting.peek() == null) poll()
            return !cancellation.isCancelled
        } catch (closed: CancellationException) {
            return false
        }
    }

    /** Waits for an event and takes it. @throws NoSuchElementException after [close]. */
    override fun next(): JeedomEvent {
        if (!hasNext()) throw NoSuchElementException("Jeedom's events were closed")
        return waiting.remove()
    }

    /** Ends it, from any thread and at once. */
    override fun close() = cancellation.cancel()

    private fun poll() {
        try {
            val known = overlap
            if (known == null) overlap = Overlap(askTime()) else askChanges(known)
            tries = 0
        } catch (failure: GatewayException) {
            val pause = failure.retryAfterSeconds ?: if (failure is FailedException) 0L else throw failure
            if (tries == 0) failingSince = nanoTime()
            if (nanoTime() - failingSince >= LONGEST_FAILING_NANOS) throw failure
            cancellation.sleep(maxOf(1000 * pause, backoff(tries)))
            tries += 1
        }
    }

    private fun askTime(): Double {
        val time = ask("datetime", null, CALL_SECONDS) as? Number
        return time?.toDouble() ?: throw JeedomException(200, "Jeedom does not tell its time")
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
        if (until == null || list == null) throw JeedomException(200, "Jeedom does not tell its events")

        val events = (0 until list.length()).mapNotNull { list.optJSONObject(it) }.map(::JeedomEvent)
        val news = overlap.advance(until.toDouble(), events.filter { it.name != "" && !it.datetime.isNaN() })
        waiting.addAll(news)
        // What the overlap brings again ends a poll at once.
        if (news.size == 0 && System.nanoTime() - began < QUICK_NANOS) cancellation.sleep(QUICK_MILLIS)
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
        val words = "Jeedom refuses $method: ${error.optString("message")} (${error.opt("code")})"
        return if (error.opt("code") == DATABASE_AWAY) FailedException(status, words) else JeedomException(status, words)
    }
}

/** Polls that overlap, so that nothing is lost between two of them, and what came twice then. */
private class Overlap(private val begin: Double) {
    private var seen = emptyMap<List<Any>, Double>()

    /** From when to ask, in seconds. */
    var from: Double = begin
        private set

    /** Takes the events of a poll, up to a time of Jeedom's, and returns the new ones. */
    fun advance(until: Double, events: List<JeedomEvent>): List<JeedomEvent> {
        val known = HashMap(seen)
        // Jeedom may bring the event at the beginning itself again.
        val news = events.filter { it.datetime > begin && known.put(it.identity, it.datetime) == null }
        // Jeedom may tell the time of its last event, which can be long ago: never further back.
        from = maxOf(from, until - OVERLAP_SECONDS)
        seen = known.filterValues { it >= from }
        return news
    }
}

private const val OVERLAP_SECONDS = 2

/** Jeedom's code for what breaks off as its database starts anew. */
private const val DATABASE_AWAY = -32000

/** After so long with nothing but failures, the caller must know. */
private const val LONGEST_FAILING_NANOS = 300_000_000_000L

/** A poll that was over so soon did not wait, and neither will the next. */
private const val QUICK_MILLIS = 1000L
private const val QUICK_NANOS = 1_000_000 * QUICK_MILLIS
