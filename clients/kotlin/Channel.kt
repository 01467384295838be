/* Sealed requests to one gateway, in its version of the protocol, and their answers. */
package e2egateway

import java.io.InterruptedIOException
import java.util.concurrent.CompletableFuture
import java.util.concurrent.ExecutionException
import java.util.concurrent.TimeUnit
import java.util.concurrent.TimeoutException
import kotlin.concurrent.thread
import okhttp3.Call
import okhttp3.OkHttpClient
import okhttp3.Response
import org.json.JSONException
import org.json.JSONObject

/** Longest wait for an answer: the gateway waits up to 30 s for Jeedom. */
internal const val CALL_SECONDS = 40L

/** Sealed channel to one gateway: key, version and time. */
internal class Channel(
    url: String,
    key: String,
    http: OkHttpClient,
    private val clock: () -> Long,
    protocol: Int,
    keyName: String?
) {
    /** Plain HTTP to the gateway. */
    val transport = Transport(url, http, keyName)
    private val key = SharedKey(key)
    private var probe: CompletableFuture<Int>? = null

    /** Lead of the gateway's clock, authenticated, in milliseconds. */
    @Volatile
    private var aheadMillis = 0L

    /** True once the gateway named itself as a source: older ones do not. */
    @Volatile
    private var reportsSource = false

    /** Version in use; [GatewayClient.AUTO] until it is known. Never changes from 2 to 1. */
    @Volatile
    var protocol: Int = protocol
        private set

    init {
        require(protocol in GatewayClient.AUTO..2) { "Protocol must be 1, 2 or AUTO, not \"$protocol\"" }
    }

    /** Returns the time by the gateway's clock, as far as it is known, in milliseconds since 1970. */
    fun now(): Long = clock() + aheadMillis

    /** Sends a request and waits for its answer. @throws GatewayException also where the gateway refuses it. */
    fun call(route: Route, request: JSONObject, timeoutMillis: Long, cancellation: Cancellation): Answer {
        val deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(timeoutMillis)
        fun rest() = maxOf(1, TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime()))
        findProtocol(rest(), cancellation)
        return withCorrectedClock(isCommand = true) { timestamp ->
            ask(seal(route, request, timestamp), route, rest(), cancellation)
        }
    }

    /** Sends a sealed request and waits for its answer. @throws GatewayException also where the gateway refuses it. */
    fun ask(exchange: Exchange, route: Route, timeoutMillis: Long, cancellation: Cancellation): Answer {
        val (answer, json) = exchange(exchange, route, timeoutMillis, cancellation)
        // Services answer on this route alone.
        refusalIn(answer, json, mayBeService = reportsSource && route == Route.GATEWAY)?.let { throw it }
        return answer
    }

    /**
     * Finds the version of the gateway, once for all requests that wait for it. The timestamp of the probe is 1970, so
     * it cannot run, and a gateway of version 2 proves that by its refusal.
     */
    fun findProtocol(timeoutMillis: Long, cancellation: Cancellation) {
        if (protocol != GatewayClient.AUTO) return
        val mine = synchronized(this) { probe ?: beginProbe() }.thenApply { it }
        cancellation.during({ mine.cancel(false) }) {
            try {
                mine.get(timeoutMillis, TimeUnit.MILLISECONDS)
            } catch (failure: ExecutionException) {
                throw failure.cause ?: failure
            } catch (failure: TimeoutException) {
                throw RequestTimeoutException("No answer came in time from ${transport.url}")
            } catch (failure: InterruptedException) {
                Thread.currentThread().interrupt()
                throw InterruptedIOException("Request was interrupted")
            }
        }
    }

    /**
     * Sends a request, and again if the gateway proves that its clock differs. Only in version 2: in version 1, an
     * attacker could replay an old refusal, so that a command runs twice.
     *
     * @param isCommand true if it must not run twice: then it is sent again only if no copy of it can ever run
     */
    fun <T> withCorrectedClock(isCommand: Boolean, send: (RequestTimestamp) -> T): T {
        val timestamp = RequestTimestamp(clock, aheadMillis)
        return try {
            send(timestamp)
        } catch (failure: ExpiredException) {
            if (protocol != 2 || failure.timestamp == null) throw failure
            setClock(failure.timestamp)
            if (isCommand && !timestamp.wasAlwaysTooOld(failure.timestamp)) throw failure
            send(RequestTimestamp(clock, aheadMillis))
        }
    }

    /** Seals a request with a timestamp, in a new envelope each time. */
    fun seal(route: Route, request: JSONObject, timestamp: RequestTimestamp): Exchange {
        val text = request.put("timestamp", timestamp.seconds).toString()
        return if (protocol == 1) key.sealV1(text) else key.sealV2(text, route)
    }

    /** Returns the answer, and all of its JSON. */
    private fun exchange(
        exchange: Exchange,
        route: Route,
        timeoutMillis: Long,
        cancellation: Cancellation
    ): Pair<Answer, JSONObject> =
        transport.execute(newCall(route, exchange, timeoutMillis), cancellation) { response, body ->
            val text = readText(body, LONGEST_SEALED_BYTES)
                ?: throw TamperedException(response.code, "Answer is larger than any gateway's")
            val json = opened(response) { exchange.openAnswer(text) } ?: JSONObject()
            if (isFromGateway(json)) reportsSource = true
            Pair(answerIn(json, response.code), json)
        }

    private fun newCall(route: Route, exchange: Exchange, timeoutMillis: Long): Call =
        transport.newCall(transport.bounded(timeoutMillis), route, exchange.text)

    private fun beginProbe(): CompletableFuture<Int> {
        val begun = CompletableFuture<Int>()
        probe = begun
        // In a thread of its own: it is shared, so a cancelled request must not end it.
        thread(isDaemon = true, name = "gateway-probe") {
            try {
                protocol = askProtocol()
                begun.complete(protocol)
            } catch (failure: Throwable) {
                // Errors too: otherwise all requests would wait.
                synchronized(this) { probe = null }
                begun.completeExceptionally(failure)
            }
        }
        return begun
    }

    private fun askProtocol(): Int {
        val request = key.sealV2("""{"timestamp":0}""", Route.GATEWAY)
        val (answer, json) = try {
            exchange(request, Route.GATEWAY, 1000 * CALL_SECONDS, Cancellation())
        } catch (failure: WrongKeyException) {
            // Version 1 would be a second failed attempt. The header is not authenticated: the version is not stored.
            if (failure.knowsVersion2) throw failure
            return 1
        }
        // It opened: whatever its status, it is of version 2, which is required from now on.
        protocol = 2
        val refusal = refusalIn(answer, json, mayBeService = false)
            ?: TamperedException(answer.status, "Gateway accepted a request from 1970")
        if (refusal !is ExpiredException) throw refusal
        setClock(answer.timestamp)
        return 2
    }

    private fun setClock(timestamp: Double) {
        aheadMillis = (1000 * timestamp).toLong() - clock()
    }
}

/** Opens a part of an answer, and parses the JSON in it, if any. @throws TamperedException if it does not open. */
internal fun opened(response: Response, open: () -> String?): JSONObject? =
    try {
        open()?.let { readJsonObject(it) }
    } catch (failure: EnvelopeException) {
        throw TamperedException(response.code, "Answer is not sealed with this key: is this the gateway?")
    } catch (failure: JSONException) {
        // The parser's own message quotes what was decrypted.
        throw TamperedException(response.code, "Answer is no JSON object that can be read")
    }
