/*
 * A client of the end-to-end encryption gateway. Copy all files of this folder into an Android app.
 *
 * Needs OkHttp 4.12 and org.json (part of Android), and Android 8.0 (API 26) for java.util.Base64.
 * All functions block, so none but subscribe() belongs on the main thread; see README.md for coroutines.
 */
package e2egateway

import java.io.IOException
import java.util.concurrent.CancellationException
import java.util.concurrent.Executor
import okhttp3.OkHttpClient
import org.json.JSONArray
import org.json.JSONObject

/**
 * What the gateway answered, opened.
 *
 * @property status 200 for a success; otherwise what Jeedom said went wrong, in the way of HTTP
 * @property body the service's answer: a JSONObject, JSONArray, String, Number, Boolean or null
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
 * Speaks with one gateway under one key. May be used by several threads; one for the whole app is best, as it finds out
 * about the gateway's version and clock once.
 *
 * @param url the gateway's address, such as `https://home.example.ts.net`
 * @param key the key, 64 hexadecimal characters
 * @param http the client whose connections, proxies and certificates to use
 * @param clock tells the milliseconds since 1970; in version 2 it may be wrong, as the gateway proves its own time
 * @param backoff tells how many milliseconds a subscription waits before it is tried again, from how many tries were
 * in vain
 * @param protocol the version of the protocol: 1, 2, or [AUTO] to ask the gateway before the first request. Once
 * [GatewayClient.protocol] tells 2, store that, and hand it over the next time: nobody can then talk this app back into
 * version 1
 * @param keyName what to call the key in error messages: its name from the pairing code
 * @throws IllegalArgumentException if the key or the version is malformed
 */
class GatewayClient @JvmOverloads constructor(
    url: String,
    key: String,
    http: OkHttpClient = OkHttpClient(),
    clock: () -> Long = System::currentTimeMillis,
    private val backoff: (Int) -> Long = ::backoffMillis,
    protocol: Int = AUTO,
    keyName: String? = null
) {
    private val channel = Channel(url, key, http, clock, protocol, keyName)

    /** The version of the protocol in use; [AUTO] until it is known. Never goes back from 2 to 1. */
    val protocol: Int get() = channel.protocol

    /**
     * Calls a method of Jeedom's JSON-RPC API.
     *
     * @param method its name, such as `event::changes`
     * @param params its parameters
     * @param apikey Jeedom's API key, where the gateway has none of its own
     * @param endpoint path of the API on the Jeedom server
     * @param timeoutSeconds longest wait; a long poll needs more than it asks for
     * @param cancellation gives up the waiting; the call itself may still run
     * @param compress `gzip` to let the gateway compress a large answer; an older gateway does not
     * @return Jeedom's answer, with its HTTP status; it may be an error of Jeedom's own
     * @throws GatewayException if the gateway refuses, cannot be reached, or does not answer in time
     * @throws CancellationException if it was given up
     */
    @JvmOverloads
    @Throws(IOException::class)
    fun callJeedom(
        method: String,
        params: JSONObject? = null,
        apikey: String? = null,
        endpoint: String? = null,
        timeoutSeconds: Long = CALL_SECONDS,
        cancellation: Cancellation = Cancellation(),
        compress: String? = null
    ): Answer {
        val request = JSONObject()
            .put("service", "jeedom")
            .put("jsonrpc", method)
            .put("params", params)
            .put("apikey", apikey)
            .put("endpoint", endpoint)
            .put("compress", compress)
        return channel.call(Route.GATEWAY, request, 1000 * timeoutSeconds, cancellation)
    }

    /**
     * Follows Jeedom's events, such as commands that got a new value. Nothing is sent before one is asked for. Where
     * all has failed for five minutes, it throws; begin again with the `datetime` of the last event as `since`.
     *
     * @param since where to begin, in seconds since 1970 by Jeedom's clock; now without it
     * @param longPollingSeconds how long Jeedom may keep a poll that has nothing to tell; the gateway allows 120
     * @param filter name of a filter for events, as Jeedom knows them
     * @param apikey Jeedom's API key, where the gateway has none of its own
     * @param endpoint path of the API on the Jeedom server
     */
    @JvmOverloads
    fun jeedomEvents(
        since: Double? = null,
        longPollingSeconds: Int = 50,
        filter: String? = null,
        apikey: String? = null,
        endpoint: String? = null
    ): JeedomEvents {
        val call: CallJeedom = { method, params, timeoutSeconds, cancellation ->
            callJeedom(method, params, apikey, endpoint, timeoutSeconds, cancellation)
        }
        return JeedomEvents(call, backoff, longPollingSeconds, filter, since)
    }

    /**
     * Publishes an MQTT message, and waits until the broker has it.
     *
     * @param message the payload; null sends an empty one, which clears a retained message
     * @param qos quality of service: 0, 1 or 2
     * @param retain whether the broker shall keep the message for later subscribers
     * @param timeoutSeconds longest wait
     * @param cancellation gives up the waiting; the message may still go out
     * @return status 200 once the broker has acknowledged the message
     * @throws GatewayException if the gateway refuses, cannot be reached, or does not answer in time
     * @throws CancellationException if it was given up
     */
    @JvmOverloads
    @Throws(IOException::class)
    fun publish(
        topic: String,
        message: String?,
        qos: Int = 0,
        retain: Boolean = false,
        broker: Broker? = null,
        timeoutSeconds: Long = CALL_SECONDS,
        cancellation: Cancellation = Cancellation()
    ): Answer {
        val request = JSONObject().put("message", message ?: JSONObject.NULL)
        return publish(request, topic, qos, retain, broker, timeoutSeconds, cancellation)
    }

    /**
     * Publishes an MQTT message of any bytes, and waits until the broker has it; the rest is as for a text. From Java
     * it is called `publishBytes`.
     */
    @JvmOverloads
    @JvmName("publishBytes")
    @Throws(IOException::class)
    fun publish(
        topic: String,
        message: ByteArray,
        qos: Int = 0,
        retain: Boolean = false,
        broker: Broker? = null,
        timeoutSeconds: Long = CALL_SECONDS,
        cancellation: Cancellation = Cancellation()
    ): Answer {
        val request = JSONObject().put("payload_b64", BASE64.encode(message))
        return publish(request, topic, qos, retain, broker, timeoutSeconds, cancellation)
    }

    private fun publish(
        request: JSONObject,
        topic: String,
        qos: Int,
        retain: Boolean,
        broker: Broker?,
        timeoutSeconds: Long,
        cancellation: Cancellation
    ): Answer {
        request
            .put("service", "mqtt")
            .put("topic", topic)
            .put("qos", qos)
            .put("retain", retain)
            .putBroker(broker)
        return channel.call(Route.PUBLISH, request, 1000 * timeoutSeconds, cancellation)
    }

    /**
     * Listens to MQTT topics until the subscription is closed. Returns at once; whatever goes wrong before the first
     * `connected` reaches [SubscriptionListener.onEnd]. From then on, `disconnected`, `end` and `error` tell why a
     * stream ended; the next one begins with `connected` and goes on where the last one ended. `gap` says that
     * something may be missing nevertheless. After an `end` with `retry` the client waits at least so many seconds. The
     * subscription ends by itself with a failure that no other try would mend, with [TamperedException] as soon as
     * somebody on the way changed anything, and with what its listener throws.
     *
     * @param topics topic filters, such as `home/+/temperature`
     * @param qos highest quality of service
     * @param executor whose thread to occupy for as long as the subscription lasts; a daemon thread by default
     * @param since where to go on: the [Event.position] of an earlier event
     * @param keep whether the stream stays open while the gateway's broker is away, which `offline` and `online` tell
     * @param resume false for one stream only: its last event, or a failure, ends the subscription
     * @param silenceMillis after how long without a sign of life a stream is dead; the gateway gives one every 15 s
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
        resume: Boolean = true,
        silenceMillis: Long = SILENCE_MILLIS
    ): Subscription {
        val request = JSONObject()
            .put("topics", JSONArray(topics))
            .put("qos", qos)
            .put("keep", keep)
            .put("since", since?.toJson())
            .putBroker(broker)
        val streams = EventStream(channel, silenceMillis)
        val follower = Follower(channel, streams, backoff, request, listener, resume)
        executor.execute(follower::follow)
        return follower.subscription
    }

    /**
     * Asks whether the gateway runs.
     *
     * @throws GatewayException if it does not say that it is well, or cannot be reached
     */
    @Throws(IOException::class)
    fun health(): Health {
        val health = channel.transport.health()
        return Health(health.optString("status"), health.optString("version"))
    }

    companion object {
        /** For `protocol`: the gateway is asked which version it knows. */
        const val AUTO = 0

        /** Three signs of life that did not come. */
        private const val SILENCE_MILLIS = 45_000L

        private val DAEMON_THREAD = Executor { task ->
            val thread = Thread(task, "gateway-subscription")
            thread.isDaemon = true
            thread.start()
        }
    }
}

private fun JSONObject.putBroker(broker: Broker?): JSONObject =
    put("broker_host", broker?.host)
        .put("broker_port", broker?.port)
        .put("username", broker?.username)
        .put("password", broker?.password)
