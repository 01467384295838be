/*
 * Client of the end-to-end encryption gateway. Copy all files of this folder into an Android app.
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
 * Opened answer.
 *
 * @property status 200 for a success; otherwise the failure of the service, as in HTTP
 * @property body answer of the service: a JSONObject, JSONArray, String, Number, Boolean or null
 * @property timestamp time of the gateway, in seconds since 1970
 * @property members further members of the answer, such as the `headers` of an HTTP answer
 */
data class Answer(
    val status: Int,
    val body: Any?,
    val timestamp: Double,
    val members: JSONObject = JSONObject()
)

/** Broker other than the gateway's own, its login, or both. */
data class Broker(
    val host: String? = null,
    val port: Int? = null,
    val username: String? = null,
    val password: String? = null
)

/** Status and version of a healthy gateway. */
data class Health(val status: String, val version: String)

/**
 * Client of one gateway under one key. Threads may share it; use one for the whole app, as it finds the version and the
 * clock of the gateway once.
 *
 * @param url address of the gateway, such as `https://home.example.ts.net`
 * @param key key, 64 hexadecimal characters
 * @param http client whose connections, proxies and certificates are used
 * @param clock returns the milliseconds since 1970; in version 2 it may be wrong, as the gateway authenticates its time
 * @param backoff returns the wait before a retry of a subscription, in milliseconds, from the number of failed tries
 * @param protocol version of the protocol: 1, 2, or [AUTO] to ask the gateway before the first request. Once
 * [GatewayClient.protocol] is 2, store that, and pass it the next time: an attacker in between then cannot downgrade
 * this app to version 1
 * @param keyName name of the key in error messages, from the pairing code
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

    /** Version of the protocol in use; [AUTO] until it is known. Never changes from 2 to 1. */
    val protocol: Int get() = channel.protocol

    /**
     * Calls a service; `Services.kt` has a function for each.
     *
     * @param service name of the service, such as `influxdb`
     * @param fields further fields of the request
     * @param timeoutSeconds longest wait
     * @param cancellation ends the wait; the call itself may still run
     * @param compress `gzip` to let the gateway compress a large answer
     * @return the answer of the service, whatever its status
     * @throws GatewayException if the gateway refuses, cannot be reached, or does not answer in time
     * @throws CancellationException if it was cancelled
     */
    @JvmOverloads
    @Throws(IOException::class)
    fun call(
        service: String,
        fields: JSONObject = JSONObject(),
        timeoutSeconds: Long = CALL_SECONDS,
        cancellation: Cancellation = Cancellation(),
        compress: String? = null
    ): Answer {
        val request = copyOf(fields).put("service", service).put("compress", compress)
        return channel.call(Route.GATEWAY, request, 1000 * timeoutSeconds, cancellation)
    }

    /**
     * Subscribes to the events of a service until the subscription is closed, as [subscribe] does to MQTT topics.
     *
     * @param service name of the service
     * @param fields further fields of the request
     */
    @JvmOverloads
    fun subscribeTo(
        service: String,
        fields: JSONObject,
        listener: SubscriptionListener,
        executor: Executor = DAEMON_THREAD,
        since: Position? = null,
        keep: Boolean = false,
        resume: Boolean = true,
        silenceMillis: Long = SILENCE_MILLIS
    ): Subscription {
        val request = copyOf(fields).put("service", service).put("keep", keep).put("since", since?.toJson())
        val streams = EventStream(channel, Route.SUBSCRIBE_TO, silenceMillis)
        return follow(streams, request, listener, resume, executor)
    }

    /**
     * Calls a method of Jeedom's JSON-RPC API.
     *
     * @param method name of the method, such as `event::changes`
     * @param params parameters of the method
     * @param apikey Jeedom's API key, where the gateway has none of its own
     * @param endpoint path of the API on the Jeedom server
     * @param timeoutSeconds longest wait; for a long poll, more than its own wait
     * @param cancellation ends the wait; the call itself may still run
     * @param compress `gzip` to let the gateway compress a large answer; an older gateway does not
     * @return Jeedom's answer, with its HTTP status; it may be an error of Jeedom's own
     * @throws GatewayException if the gateway refuses, cannot be reached, or does not answer in time
     * @throws CancellationException if it was cancelled
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
     * Iterates over Jeedom's events, such as new values of commands. Sends nothing before the first step. After five
     * minutes of nothing but failures it throws; call again with the `datetime` of the last event as `since`.
     *
     * @param since begins after this time of Jeedom's clock, in seconds since 1970; now by default
     * @param longPollingSeconds longest wait of Jeedom for an event; the gateway allows 120
     * @param filter name of an event filter in Jeedom
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
     * Publishes an MQTT message, and waits until the broker acknowledged it.
     *
     * @param message payload; null sends an empty one, which clears a retained message
     * @param qos quality of service: 0, 1 or 2
     * @param retain makes the broker retain the message for later subscribers
     * @param timeoutSeconds longest wait
     * @param cancellation ends the wait; the message may still be published
     * @return status 200 once the broker has acknowledged the message
     * @throws GatewayException if the gateway refuses, cannot be reached, or does not answer in time
     * @throws CancellationException if it was cancelled
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
     * Publishes an MQTT message of any bytes, and waits until the broker acknowledged it; the rest is as for a text.
     * Its name in Java is `publishBytes`.
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
     * Subscribes to MQTT topics until the subscription is closed. Returns at once; failures before the first
     * `connected` reach [SubscriptionListener.onEnd]. From then on, `disconnected`, `end` and `error` have the reason why
     * a stream ended; the next one begins with `connected` and resumes where the last one ended. `gap` says that messages
     * may be missing nevertheless. After an `end` with `retry` the client waits at least that many seconds. The
     * subscription ends with a permanent failure, with [TamperedException] as soon as an event was changed in between, and
     * with an exception of its listener.
     *
     * @param topics topic filters, such as `home/+/temperature`
     * @param qos highest quality of service
     * @param executor executor that runs the subscription until it ends; a daemon thread by default
     * @param since position to resume after: the [Event.position] of an earlier event
     * @param keep keeps the stream open while the gateway's broker is unreachable, which `offline` and `online` report
     * @param resume false for one stream only: its last event, or a failure, ends the subscription
     * @param silenceMillis longest time without a heartbeat; the gateway sends one at least every 15 s
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
        return follow(EventStream(channel, Route.SUBSCRIBE, silenceMillis), request, listener, resume, executor)
    }

    private fun follow(
        streams: EventStream,
        request: JSONObject,
        listener: SubscriptionListener,
        resume: Boolean,
        executor: Executor
    ): Subscription {
        val follower = Follower(channel, streams, backoff, request, listener, resume)
        executor.execute(follower::follow)
        return follower.subscription
    }

    /**
     * Asks whether the gateway runs.
     *
     * @throws GatewayException if it is unreachable, or not healthy
     */
    @Throws(IOException::class)
    fun health(): Health {
        val health = channel.transport.health()
        return Health(health.optString("status"), health.optString("version"))
    }

    companion object {
        /** Value of `protocol` to ask the gateway for its version. */
        const val AUTO = 0

        /** Three missed heartbeats. */
        internal const val SILENCE_MILLIS = 45_000L

        internal val DAEMON_THREAD = Executor { task ->
            val thread = Thread(task, "gateway-subscription")
            thread.isDaemon = true
            thread.start()
        }
    }
}

/** Copies the fields of a request, which the caller may use again. */
private fun copyOf(fields: JSONObject): JSONObject {
    val copy = JSONObject()
    for (name in fields.keys()) copy.put(name, fields.get(name))
    return copy
}

private fun JSONObject.putBroker(broker: Broker?): JSONObject =
    put("broker_host", broker?.host)
        .put("broker_port", broker?.port)
        .put("username", broker?.username)
        .put("password", broker?.password)
