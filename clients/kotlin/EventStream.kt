/* One stream of events: a request, and what comes back until the line ends. */
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
import org.json.JSONObject

/**
 * Asks for streams, one at a time.
 *
 * @param silenceMillis a stream in which nothing comes for so long is dead
 */
internal class EventStream(private val channel: Channel, private val silenceMillis: Long) {
    private val client = channel.transport.streamClient(silenceMillis)

    /**
     * Hears one stream up to its last event, without the pings.
     *
     * @throws GatewayException if it cannot begin, breaks off or falls silent, or if something was changed on the way
     */
    fun hear(request: JSONObject, cancellation: Cancellation, listen: (Event) -> Unit) {
        channel.findProtocol(1000 * CALL_SECONDS, cancellation)
        channel.withRightClock(isCommand = false) { stamp ->
            val exchange = channel.seal(Route.SUBSCRIBE, request, stamp)
            val call = channel.transport.newCall(client, Route.SUBSCRIBE, exchange.text)
            Patience(silenceMillis, call::cancel).use { hear(call, exchange, it, cancellation, listen) }
        }
    }

    private fun hear(
        call: Call,
        exchange: Exchange,
        patience: Patience,
        cancellation: Cancellation,
        listen: (Event) -> Unit
    ) = try {
        patience.begin()
        channel.transport.execute(call, cancellation) { response, body ->
            val records = Records(response.code, body.source())
            val opener = exchange.openStream()
            do {
                // In version 1 comments are signs of life, so that OkHttp's own timeout does. In version 2 somebody on
                // the way could make them up: there only what opens counts.
                if (channel.protocol == 1) patience.end() else patience.begin()
                val event = nextEvent(records, opener, response)
                patience.end()
                cancellation.throwIfCancelled()
                if (event.type != "ping") listen(event)
            } while (!event.isLast)
        }
    } catch (failure: GatewayException) {
        if (!patience.isOver) throw failure
        throw if (failure is TruncatedException) silence() else RequestTimeoutException("No stream began in time")
    }

    private fun nextEvent(records: Records, opener: StreamOpener, response: Response): Event {
        while (true) {
            val record = try {
                records.next()
            } catch (failure: GatewayException) {
                throw failure
            } catch (failure: SocketTimeoutException) {
                throw silence()
            } catch (failure: IOException) {
                throw TruncatedException("Stream broke off: ${failure.message}")
            } ?: throw TruncatedException("Stream broke off")
            val json = opened(response) { opener.open(record.event, record.id, record.data) } ?: continue
            return Event(json)
        }
    }

    private fun silence() = TruncatedException("Stream went silent: nothing came for ${silenceMillis / 1000.0} s")
}

/** One record of Server-Sent Events, as far as the protocol uses them. */
private class Record(val event: String?, val id: String?, val data: String)

/** Reads records. What is cut off before its empty line is none. */
private class Records(private val status: Int, private val source: BufferedSource) {
    /**
     * Waits for the next record that has data; null at the end of the body.
     *
     * @throws TamperedException if it is none of a gateway's
     */
    fun next(): Record? {
        var left = LONGEST_SEALED_BYTES
        var event: String? = null
        var id: String? = null
        var data: String? = null
        while (true) {
            val line = nextLine(left) ?: return null
            left -= line.length + 1
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
            left = LONGEST_SEALED_BYTES
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

/** Ends a wait that lasts too long. The time in which the listener is busy does not count. */
private class Patience(private val millis: Long, private val giveUp: () -> Unit) : Closeable {
    private val timers = Executors.newSingleThreadScheduledExecutor { task ->
        Thread(task, "gateway-silence").also { it.isDaemon = true }
    }
    private var timer: ScheduledFuture<*>? = null

    /** Whether a wait lasted too long. */
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
        giveUp()
    }
}
