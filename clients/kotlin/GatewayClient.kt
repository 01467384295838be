/*
 * A client of the end-to-end encryption gateway: one file to copy into an Android app.
 *
 * Needs OkHttp 4.12 and org.json (part of Android), and Android 8.0 (API 26) for java.util.Base64.
 * All functions block, so none but subscribe() belongs on the main thread; see README.md for coroutines.
 */
package e2egateway

import java.io.Closeable
import java.io.IOException
import java.io.InterruptedIOException
import java.security.GeneralSecurityException
import java.security.SecureRandom
import java.util.Base64
import java.util.concurrent.CountDownLatch
import java.util.concurrent.Executor
import java.util.concurrent.TimeUnit
import javax.crypto.Cipher
import javax.crypto.spec.GCMParameterSpec
import javax.crypto.spec.SecretKeySpec
import kotlin.random.Random
import okhttp3.Call
import okhttp3.MediaType.Companion.toMediaType
import okhttp3.OkHttpClient
import okhttp3.Request
import okhttp3.RequestBody.Companion.toRequestBody
import okhttp3.Response
import okhttp3.ResponseBody
import org.json.JSONArray
import org.json.JSONException
import org.json.JSONObject

/**
 * What the gateway answered, opened.
 *
 * @property status 200 for a success; otherwise what went wrong, in the way of HTTP
 * @property body the service's answer: a JSONObject, JSONArray, String, Number, Boolean or null; on errors a String
 * with `{"error": …}` in it
 * @property timestamp the gateway's clock, in seconds since 1970
 */
data class Answer(val status: Int, val body: Any?, val timestamp: Double)

/** A broker other than the gateway's own, a login for it, or both. */
data class Broker(
    val host: String? = null,
    val port: Int? = null,
    val username: String? = null,
    val password: String? = null
)

/** The version that a gateway in good health tells. */
data class Health(val status: String, val version: String)

/**
 * The gateway refused a request in plaintext, or its answer could not be understood. An [IOException], so that one
 * `catch` covers the network's failures too.
 *
 * @property status the HTTP status: 401 if the gateway has another key, 429 if there were too many requests; 502 for
 * an answer that is none
 * @property retryAfterSeconds after how many seconds another try may do better, 0 if nobody said; null where no later
 * try will help
 */
class GatewayException @JvmOverloads constructor(
    val status: Int,
    message: String,
    val retryAfterSeconds: Long? = null
) : IOException(message)

/** A place in the gateway's order of messages: whoever hands it over has heard all that came up to there. */
data class Position(val epoch: String, val offset: Long)

/** One event of a subscription; [json] holds all of it. */
class Event internal constructor(val json: JSONObject) {
    /**
     * `connected` first, then `message`s; a stream's last is `error` or `disconnected`. `gap` says that something may
     * be missing, `offline` and `online` that the gateway's broker went away and came back.
     */
    val type: String = json.optString("type")

    /** The topic that a message was published to; the first filter for `connected`. */
    val topic: String = json.optString("topic")

    /** A message's payload as text, or null where it is not UTF-8. */
    val payload: String? = if (json.isNull("payload")) null else json.optString("payload")

    /** True for a message that the broker had kept from before the subscription. */
    val isRetained: Boolean = json.optBoolean("retain")

    /** True for the event that ends a stream; unless the subscription ends as well, another stream follows. */
    val isLast: Boolean = type == "error" || type == "disconnected"

    /** Up to where everything has been heard with this event, for [GatewayClient.subscribe]; null if it tells none. */
    val position: Position? = positionIn(if (type == "error") json.optJSONObject("resume") else json)

    /** A message's payload as bytes, of whatever kind. */
    fun payloadBytes(): ByteArray =
        payload?.toByteArray() ?: Base64.getDecoder().decode(json.optString("payload_b64"))

    override fun toString(): String = json.toString()
}

/** Hears what a subscription brings, always on the subscription's own thread. */
interface SubscriptionListener {
    /** Called for each event, in order; the next one waits until this returns. */
    fun onEvent(event: Event)

    /**
     * Called once, when no more events will come.
     *
     * @param failure why the subscription failed; null where its last event told that, and after [Subscription.close]
     */
    fun onEnd(failure: IOException?)
}

/** A running subscription. */
class Subscription internal constructor(first: Call) : Closeable {
    private val closed = CountDownLatch(1)

    @Volatile
    internal var call: Call = first
        private set

    /** Ends the subscription, from any thread and at once. No event follows that is not being delivered already. */
    override fun close() {
        closed.countDown()
        call.cancel()
    }

    /** Waits; tells whether the subscription was closed meanwhile. */
    internal fun closesWithin(millis: Long): Boolean = closed.await(millis, TimeUnit.MILLISECONDS)

    internal fun goOnWith(next: Call) {
        call = next
        // The one that close() cancelled may have been the last one.
        if (closed.count == 0L) next.cancel()
    }
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

/**
 * Speaks with one gateway under one key. May be used by several threads.
 *
 * @param url the gateway's address, such as `https://home.example.ts.net`
 * @param key the key, 64 hexadecimal characters
 * @param http the client whose connections, proxies and certificates to use
 * @param clock tells the milliseconds since 1970, for phones whose own clock is wrong
 * @param backoff tells how many milliseconds a subscription waits before it is tried again, from how many tries were
 * in vain
 * @throws IllegalArgumentException if the key is malformed
 */
class GatewayClient @JvmOverloads constructor(
    url: String,
    key: String,
    private val http: OkHttpClient = OkHttpClient(),
    private val clock: () -> Long = System::currentTimeMillis,
    private val backoff: (Int) -> Long = ::backoffMillis
) {
    private val url = url.trimEnd('/')
    private val key = SecretKeySpec(bytesOfHex(key), "AES")

    /**
     * Calls a method of Jeedom's JSON-RPC API.
     *
     * @param method its name, such as `event::changes`
     * @param params its parameters
     * @param apikey Jeedom's API key, where the gateway has none of its own
     * @param endpoint path of the API on the Jeedom server
     * @param timeoutSeconds longest wait; a long poll needs more than it asks for
     * @return Jeedom's answer, with its HTTP status
     * @throws GatewayException if the gateway did not accept the key
     * @throws IOException if the gateway cannot be reached, or does not answer in time
     */
    @JvmOverloads
    @Throws(IOException::class)
    fun callJeedom(
        method: String,
        params: JSONObject? = null,
        apikey: String? = null,
        endpoint: String? = null,
        timeoutSeconds: Long = CALL_SECONDS
    ): Answer {
        val request = JSONObject()
            .put("service", "jeedom")
            .put("jsonrpc", method)
            .put("params", params)
            .put("apikey", apikey)
            .put("endpoint", endpoint)
        return call("/gateway", request, timeoutSeconds)
    }

    /**
     * Publishes an MQTT message, and waits until the broker has it.
     *
     * @param message the payload; null sends an empty one, which clears a retained message
     * @param qos quality of service: 0, 1 or 2
     * @param retain whether the broker shall keep the message for later subscribers
     * @return status 200 once the broker has acknowledged the message
     * @throws GatewayException if the gateway did not accept the key
     * @throws IOException if the gateway cannot be reached, or does not answer in time
     */
    @JvmOverloads
    @Throws(IOException::class)
    fun publish(
        topic: String,
        message: String?,
        qos: Int = 0,
        retain: Boolean = false,
        broker: Broker? = null,
        timeoutSeconds: Long = CALL_SECONDS
    ): Answer {
        val request = JSONObject()
            .put("service", "mqtt")
            .put("topic", topic)
            .put("message", message ?: JSONObject.NULL)
            .put("qos", qos)
            .put("retain", retain)
        return call("/mqtt/publish", request.putBroker(broker), timeoutSeconds)
    }

    /**
     * Listens to MQTT topics until the subscription is closed. Returns at once; whatever goes wrong before the first
     * `connected` reaches [SubscriptionListener.onEnd]. From then on, `disconnected` and `error` tell why a stream
     * ended; the next one begins with `connected` and goes on where the last one ended. `gap` says that something may
     * be missing nevertheless. The subscription ends by itself if it is refused: with a failure, or after an `error`
     * that no other try would mend.
     *
     * @param topics topic filters, such as `home/+/temperature`
     * @param qos highest quality of service
     * @param executor whose thread to occupy for as long as the subscription lasts, and that soon, because the
     * request is stamped now; a daemon thread of its own by default
     * @param since where to go on: the [Event.position] of an earlier event
     * @param keep whether the stream stays open while the gateway's broker is away, which `offline` and `online` tell
     * @param resume false for one stream only: `error`, `disconnected` or a failure ends the subscription
     */
    @JvmOverloads
    fun subscribe(
        topics: List<String>,
        listener: SubscriptionListener,
        qos: Int = 0,
        broker: Broker? = null,
        executor: Executor = DAEMON_THREAD,
        since: Position? = null,
        keep: Boolean = false,
        resume: Boolean = true
    ): Subscription {
        val request = JSONObject()
            .put("topics", JSONArray(topics))
            .put("qos", qos)
            .put("keep", keep)
            .putBroker(broker)
            .putSince(since)
        val follower = Follower(request, listener, resume)
        executor.execute { listener.onEnd(follower.follow()) }
        return follower.subscription
    }

    /**
     * Asks whether the gateway runs.
     *
     * @throws GatewayException if it does not say that it is well
     * @throws IOException if it cannot be reached
     */
    @Throws(IOException::class)
    fun health(): Health {
        val request = Request.Builder().url("$url/health").build()
        bounded(CALL_SECONDS).newCall(request).execute().use { response ->
            val health = parseObject(acceptedBody(response).string())
            if (health.optString("status") != "ok") throw GatewayException(502, "No gateway answers at $url")
            return Health(health.optString("status"), health.optString("version"))
        }
    }

    private fun call(path: String, request: JSONObject, timeoutSeconds: Long): Answer {
        bounded(timeoutSeconds).newCall(sealedRequest(path, request)).execute().use { response ->
            val answer = open(acceptedBody(response).string())
            try {
                val body = if (answer.isNull("body")) null else answer.get("body")
                return Answer(answer.getInt("status"), body, answer.getDouble("timestamp"))
            } catch (failure: JSONException) {
                throw GatewayException(502, "Answer has no status and timestamp")
            }
        }
    }

    /** Only the whole call is bounded: Jeedom may take its time before the first byte. */
    private fun bounded(seconds: Long): OkHttpClient =
        http.newBuilder().callTimeout(seconds, TimeUnit.SECONDS).readTimeout(0, TimeUnit.SECONDS).build()

    /** Sealed once, so that OkHttp's silent retry sends the same bytes, which the gateway does not run twice. */
    private fun sealedRequest(path: String, request: JSONObject): Request {
        request.put("timestamp", clock() / 1000.0)
        return Request.Builder()
            .url(url + path)
            .post(seal(request.toString()).toRequestBody(OCTET_STREAM))
            .build()
    }

    /** Goes from one stream to the next, on the subscription's thread. */
    private inner class Follower(
        private val request: JSONObject,
        private val listener: SubscriptionListener,
        private val resume: Boolean
    ) {
        private val stream = http.newBuilder()
            .callTimeout(0, TimeUnit.SECONDS)
            .readTimeout(STREAM_SILENCE_SECONDS, TimeUnit.SECONDS)
            .build()
        private var goesOn = false
        private var tries = 0
        private var isConnected = false
        private var connectedAt = 0L

        val subscription = Subscription(newCall())

        /** Returns why the subscription failed; null where its last event told that, and after it was closed. */
        fun follow(): IOException? {
            while (true) {
                isConnected = false
                val failure = hearStream(subscription.call)
                if (subscription.call.isCanceled()) return null
                val pause = if (failure is GatewayException) failure.retryAfterSeconds else 0
                if (!goesOn || pause == null) return failure
                if (isConnected && failure != null) listener.onEvent(brokenOff(failure))
                if (isConnected && System.nanoTime() - connectedAt >= GOOD_STREAM_NANOS) tries = 0
                try {
                    if (subscription.closesWithin(maxOf(1000 * pause, backoff(tries)))) return null
                } catch (interruption: InterruptedException) {
                    Thread.currentThread().interrupt()
                    return InterruptedIOException("Subscription was interrupted")
                }
                tries += 1
                subscription.goOnWith(newCall())
            }
        }

        private fun newCall(): Call = stream.newCall(sealedRequest("/mqtt/subscribe", request))

        private fun hearStream(call: Call): IOException? =
            try {
                call.execute().use { response -> readEvents(acceptedBody(response), call, ::hear) }
                null
            } catch (failure: IOException) {
                failure
            }

        private fun hear(event: Event) {
            if (event.type == "connected") {
                isConnected = true
                connectedAt = System.nanoTime()
                goesOn = resume
            } else if (event.type == "message") {
                tries = 0
            } else if (event.isLast && !isConnected) {
                if (goesOn && isPassing(event)) return
                goesOn = false
            }
            event.position?.let { request.putSince(it) }
            listener.onEvent(event)
        }

        private fun brokenOff(failure: IOException) = Event(
            JSONObject()
                .put("type", "disconnected")
                .put("message", failure.message ?: "Stream broke off")
                .put("timestamp", clock() / 1000)
        )
    }

    /** Reads Server-Sent Events; comments, and all fields but the data, mean nothing here. */
    private fun readEvents(body: ResponseBody, call: Call, hear: (Event) -> Unit) {
        val source = body.source()
        val data = StringBuilder()
        while (true) {
            val line = source.readUtf8Line() ?: throw IOException("Stream broke off")
            if (line.startsWith("data:")) data.append(line.substring("data:".length).trim())
            // Not isEmpty(): newer Java has a method of that name, which older Android would miss.
            if (line != "" || data.length == 0) continue
            val event = Event(open(data.toString()))
            data.setLength(0)
            if (call.isCanceled()) return
            hear(event)
            if (event.isLast) return
        }
    }

    private fun seal(plaintext: String): ByteArray {
        val nonce = ByteArray(NONCE_BYTES)
        RANDOM.nextBytes(nonce)
        val ciphertext = cipher(Cipher.ENCRYPT_MODE, nonce).doFinal(plaintext.toByteArray())
        return Base64.getEncoder().encode(nonce + ciphertext)
    }

    private fun open(text: String): JSONObject {
        val plaintext = try {
            val envelope = Base64.getDecoder().decode(text)
            if (envelope.size < NONCE_BYTES + TAG_BYTES) throw GatewayException(502, "Answer is not an envelope")
            val nonce = envelope.copyOf(NONCE_BYTES)
            cipher(Cipher.DECRYPT_MODE, nonce).doFinal(envelope, NONCE_BYTES, envelope.size - NONCE_BYTES)
        } catch (failure: IllegalArgumentException) {
            throw GatewayException(502, "Answer is not an envelope")
        } catch (failure: GeneralSecurityException) {
            throw GatewayException(502, "Answer does not open with this key")
        }
        return parseObject(String(plaintext, Charsets.UTF_8))
    }

    private fun cipher(mode: Int, nonce: ByteArray): Cipher {
        val cipher = Cipher.getInstance("AES/GCM/NoPadding")
        cipher.init(mode, key, GCMParameterSpec(TAG_BYTES * 8, nonce))
        return cipher
    }

    private companion object {
        const val NONCE_BYTES = 12
        const val TAG_BYTES = 16

        /** The gateway waits up to 30 s for Jeedom; this leaves room for a slow network. */
        const val CALL_SECONDS = 40L

        /** The gateway shows a sign of life at least every 15 s; three missed ones mean that the line is dead. */
        const val STREAM_SILENCE_SECONDS = 45L

        /** A stream that lasted this long was a good one: what comes next is another trouble. */
        const val GOOD_STREAM_NANOS = 30_000_000_000L

        val OCTET_STREAM = "application/octet-stream".toMediaType()
        val RANDOM = SecureRandom()

        val DAEMON_THREAD = Executor { task ->
            val thread = Thread(task, "gateway-subscription")
            thread.isDaemon = true
            thread.start()
        }
    }
}

private fun bytesOfHex(key: String): ByteArray {
    require(Regex("[0-9a-fA-F]{64}").matches(key)) { "Key must be 64 hexadecimal characters" }
    return ByteArray(key.length / 2) { key.substring(2 * it, 2 * it + 2).toInt(16).toByte() }
}

private fun JSONObject.putBroker(broker: Broker?): JSONObject =
    put("broker_host", broker?.host)
        .put("broker_port", broker?.port)
        .put("username", broker?.username)
        .put("password", broker?.password)

private fun JSONObject.putSince(since: Position?): JSONObject =
    put("since", since?.let { JSONObject().put("epoch", it.epoch).put("offset", it.offset) })

private fun positionIn(json: JSONObject?): Position? =
    if (json == null || json.isNull("epoch") || json.isNull("offset")) null
    else Position(json.optString("epoch"), json.optLong("offset"))

/** A gateway never asks for more than a minute. */
private const val LONGEST_RETRY_AFTER_SECONDS = 3600L

/** How refusals begin that pass by themselves. The last one: OkHttp, or a proxy, sent a request again by itself. */
private val PASSING = listOf("MQTT error: ", "Too many ", "Too slow: ", "Request expired", "Request was used before")

/** Whether a stream that ended with this event may begin at another try. */
private fun isPassing(event: Event): Boolean =
    event.type == "disconnected" || PASSING.any { event.json.optString("message").startsWith(it) }

/** The body of an accepted request; a refusal is told in the words of the gateway, or of whatever stands before it. */
private fun acceptedBody(response: Response): ResponseBody {
    val body = response.body ?: throw IOException("Answer has no body")
    if (response.isSuccessful) return body
    val reason = try {
        JSONObject(body.string()).getString("error")
    } catch (failure: JSONException) {
        "HTTP ${response.code}"
    }
    throw GatewayException(response.code, reason, retryAfterSeconds(response))
}

private fun retryAfterSeconds(response: Response): Long? {
    if (response.code != 408 && response.code != 429 && response.code < 500) return null
    val seconds = response.header("Retry-After") ?: ""
    // A date comes from no gateway.
    return if (Regex("[0-9]{1,9}").matches(seconds)) minOf(seconds.toLong(), LONGEST_RETRY_AFTER_SECONDS) else 0
}

private fun parseObject(text: String): JSONObject =
    try {
        JSONObject(text)
    } catch (failure: JSONException) {
        throw GatewayException(502, "Answer is not a JSON object")
    }
