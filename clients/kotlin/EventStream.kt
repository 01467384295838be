/* One stream of events: a subscribe request, and its events until the stream ends. */
package e2egateway

import java.io.Closeable
import java.io.IOException
import java.net.SocketTimeoutException
import java.util.concurrent.Executors
import java.util.concurrent.ScheduledFuture
import java.util.concurrent.TimeUnit
import okhttp3.Call
import okhttp3.Response
import okio.BufferedSource
import org.json.JSONException
import org.json.JSONObject

/**
 * Opens streams, one at a time.
 *
 * @param silenceMillis longest time without a heartbeat
 */
internal class EventStream(
    private val channel: Channel,
    private val route: Route,
    private val silenceMillis: Long
) {
    private val client = channel.transport.streamClient(silenceMillis)

    /**
     * Reads one stream up to its last event, without the pings, and the messages of a batch one by one.
     *
     * @throws GatewayException if it cannot begin, breaks off or falls silent, or an event does not open
     */
    fun read(request: JSONObject, cancellation: Cancellation, onEvent: (Event) -> Unit) {
        channel.findProtocol(1000 * CALL_SECONDS, cancellation)
        // Version 1 has no batches.
        if (channel.protocol == 2) request.put("batch", true)
        channel.withCorrectedClock(isCommand = false) { timestamp ->
            val exchange = channel.seal(route, request, timestamp)
            val call = channel.transport.newCall(client, route, exchange.text)
            SilenceTimer(silenceMillis, call::cancel).use { read(call, exchange, it, cancellation, onEvent) }
        }
    }

    private fun read(
        call: Call,
        exchange: Exchange,
        silence: SilenceTimer,
        cancellation: Cancellation,
        onEvent: (Event) -> Unit
    ) = try {
        silence.begin()
        channel.transport.execute(call, cancellation) { response, body ->
            val records = Records(response.code, body.source())
            val opener = exchange.openStream()
            do {
                // In version 1 comments are heartbeats, so OkHttp's own timeout is enough. In version 2 an attacker
                // could send bytes: only an event that opens is a heartbeat.
                if (channel.protocol == 1) silence.end() else silence.begin()
                val events = nextEvents(records, opener, response)
                silence.end()
                for (event in events) {
                    cancellation.throwIfCancelled()
                    if (event.type != "ping") onEvent(event)
                }
            } while (!events.last().isLast)
        }
    } catch (failure: GatewayException) {
        if (!silence.isOver) throw failure
        throw if (failure is TruncatedException) silenceError() else RequestTimeoutException("No stream began in time")
    }

    private fun nextEvents(records: Records, opener: StreamOpener, response: Response): List<Event> {
        while (true) {
            val record = try {
                records.next()
            } catch (failure: GatewayException) {
                throw failure
            } catch (failure: SocketTimeoutException) {
                throw silenceError()
            } catch (failure: IOException) {
                throw TruncatedException("Stream broke off: ${failure.message}")
            } ?: throw TruncatedException("Stream broke off")
            val json = opened(response) { opener.open(record.event, record.id, record.data) } ?: continue
            return try {
                eventsIn(json)
            } catch (failure: JSONException) {
                throw TamperedException(response.code, "Batch is no list of messages")
            }
        }
    }

    private fun silenceError() = TruncatedException("Stream went silent: nothing came for ${silenceMillis / 1000.0} s")
}

/** Returns an event, or each message of a batch, in order. @throws JSONException if the batch is malformed */
internal fun eventsIn(json: JSONObject): List<Event> {
    if (json.optString("type") != "messages") return listOf(Event(json))
    val messages = json.getJSONArray("messages")
    if (messages.length() == 0) throw JSONException("Batch is empty")
    return List(messages.length()) { Event(messages.getJSONObject(it).put("type", "message")) }
}

/** Record of Server-Sent Events, with the fields that the protocol uses. */
private class Record(val event: String?, val id: String?, val data: String)

/** Reads records. A record that is cut off before its empty line is dropped. */
private class Records(private val status: Int, private val source: BufferedSource) {
    /**
     * Waits for the next record that has data; null at the end of the body.
     *
     * @throws TamperedException if it is not a gateway's
     */
    fun next(): Record? {
        var rest = LONGEST_SEALED_BYTES
        var event: String? = null
        var id: String? = null
        var data: String? = null
        while (true) {
            val line = nextLine(rest) ?: return null
            rest -= line.length + 1
            val name = line.substringBefore(':')
            val value = line.substringAfter(':', "").removePrefix(" ")
            when (name) {
                "event" -> event = value
                "id" -> id = value
                "data" -> {
                    if (data != null) throw TamperedException(status, "Event has more lines than a gateway's")
                    data = value
                }
            }
            if (line != "") continue
            if (data != null) return Record(event, id, data)
            rest = LONGEST_SEALED_BYTES
            event = null
            id = null
        }
    }

    private fun nextLine(longest: Long): String? {
        if (source.indexOf(LINE_END, 0, longest) >= 0) return source.readUtf8Line()
        if (source.request(longest)) throw TamperedException(status, "Event is larger than any gateway's")
        return null
    }
}

private const val LINE_END = '\n'.toByte()

/** Ends a wait that lasts too long. Time in which the listener handles an event does not count. */
private class SilenceTimer(private val millis: Long, private val abort: () -> Unit) : Closeable {
    private val timers = Executors.newSingleThreadScheduledExecutor { task ->
        Thread(task, "gateway-silence").also { it.isDaemon = true }
    }
    private var timer: ScheduledFuture<*>? = null

    /** True once a wait lasted too long. */
    @Volatile
    var isOver = false
        private set

    /** Begins a wait, unless one has begun already. */
    fun begin() {
        if (timer != null) return
        timer = timers.schedule(Runnable { runOut() }, millis, TimeUnit.MILLISECONDS)
    }

    fun end() {
        timer?.cancel(false)
        timer = null
    }

    override fun close() {
        timers.shutdownNow()
    }

    private fun runOut() {
        isOver = true
        abort()
    }
}
