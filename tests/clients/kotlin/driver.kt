/* Runs one command of the Kotlin client; prints the results as JSON lines. See ../client_program.ts. */
package e2egateway

import java.io.IOException
import java.util.Base64
import java.util.concurrent.CancellationException
import java.util.concurrent.CompletableFuture
import java.util.concurrent.CountDownLatch
import kotlin.concurrent.thread
import org.json.JSONObject

fun main(args: Array<String>) {
    val (url, key, command) = args
    val rest = args.drop(3)
    val clockOffsetMillis = 1000 * (System.getenv("CLIENT_CLOCK_OFFSET") ?: "0").toLong()
    val close = CountDownLatch(1)
    // The only command is to close.
    val commands = thread { while (readLine() != null) close.countDown() }
    try {
        val client = GatewayClient(
            url,
            key,
            clock = { System.currentTimeMillis() + clockOffsetMillis },
            backoff = ::waitMillis,
            protocol = (System.getenv("CLIENT_PROTOCOL") ?: "auto").toIntOrNull() ?: GatewayClient.AUTO,
            keyName = System.getenv("CLIENT_KEY_NAME")
        )
        when (command) {
            "pair" -> rest.drop(1).forEach { link -> pairBy(link, rest[0]) { System.currentTimeMillis() + clockOffsetMillis } }
            "health" -> client.health().let { show("status" to it.status, "version" to it.version) }
            "call" -> rest.chunked(2).forEach { (method, params) -> call(client, method, JSONObject(params)) }
            "service" -> rest.chunked(2).forEach { (name, args) -> showResult { resultOf(client, name, JSONObject(args)) } }
            "together" -> together(client, rest[0].toInt(), rest[1])
            "publish" -> publish(client, rest)
            "subscribe" -> subscribeRepeatedly(client, rest, close)
            "events" -> events(client, rest[0].toInt(), JSONObject(rest[1]), close)
            "backoff" -> rest.forEach { waitMillis(it.toInt()) }
            "vectors" -> {
                // Here as well, because each start of a JVM is slow.
                checkPairing()
                show("vectors" to checkVectors(rest[0]))
            }
            else -> error("Unknown command $command")
        }
    } catch (failure: IOException) {
        showFailure(failure)
    } catch (failure: IllegalArgumentException) {
        showFailure(failure)
    }
    // The client closes connections, not the end of the process: time for the test to check that.
    commands.join()
}

private fun waitMillis(tries: Int): Long {
    val millis = backoffMillis(tries)
    show("backoff" to tries, "seconds" to millis / 1000.0)
    return (millis * (System.getenv("CLIENT_BACKOFF_FACTOR") ?: "1").toDouble()).toLong()
}

private fun pairBy(link: String, label: String, clock: () -> Long) {
    try {
        val paired = pair(link, if (label == "") null else label, clock = clock)
        show(
            "url" to paired.url,
            "name" to paired.name,
            "kid" to paired.kid,
            "key" to paired.key,
            "rights" to paired.rights,
            "expires" to paired.expires
        )
    } catch (failure: IOException) {
        showFailure(failure)
    } catch (failure: IllegalArgumentException) {
        showFailure(failure)
    }
}

private fun publish(client: GatewayClient, args: List<String>) {
    val (topic, message, qos, retain) = args
    showAnswer(
        if (args.getOrNull(4) != "base64") client.publish(topic, message, qos.toInt(), retain.toBoolean())
        else client.publish(topic, Base64.getDecoder().decode(message), qos.toInt(), retain.toBoolean())
    )
}

private fun call(client: GatewayClient, method: String, params: JSONObject) {
    try {
        val seconds = (System.getenv("CLIENT_TIMEOUT") ?: "40").toLong()
        val compress: String? = System.getenv("CLIENT_COMPRESS")
        showAnswer(client.callJeedom(method, params, timeoutSeconds = seconds, compress = compress))
    } catch (failure: IOException) {
        showFailure(failure)
    }
}

private fun together(client: GatewayClient, count: Int, method: String) {
    List(count) { thread { call(client, method, JSONObject()) } }.forEach { it.join() }
    show("protocol" to client.protocol)
}

private fun subscribeRepeatedly(client: GatewayClient, args: List<String>, close: CountDownLatch) {
    val choices = JSONObject(args[1])
    repeat(choices.optInt("times", 1)) { subscribe(client, args[0].toInt(), choices, args.drop(2), close) }
    // Exceptions of the listener at its first message; one subscription for each.
    val failures = choices.optJSONArray("throws") ?: return
    for (index in 0 until failures.length()) {
        subscribe(client, 0, choices, args.drop(2), close) { throw exceptionNamed(failures.getString(index)) }
    }
}

private fun subscribe(
    client: GatewayClient,
    count: Int,
    choices: JSONObject,
    topics: List<String>,
    close: CountDownLatch,
    onMessage: () -> Unit = {}
) {
    val running = CompletableFuture<Subscription>()
    val ended = CountDownLatch(1)
    var messages = 0
    val listener = object : SubscriptionListener {
        override fun onEvent(event: Event) {
            show(event)
            if (event.type == "message") onMessage()
            if (event.type == "message") messages += 1
            // Here, and not in another thread: the next event must not overtake it.
            if (messages == count && count > 0) running.get().close()
        }

        override fun onEnd(failure: IOException?) {
            if (failure == null) show("end" to true) else showFailure(failure)
            ended.countDown()
        }
    }
    Thread.setDefaultUncaughtExceptionHandler { _, failure ->
        show("uncaught" to failure.javaClass.simpleName)
        ended.countDown()
    }
    val subscription = begin(client, choices, topics, listener)
    running.complete(subscription)
    thread(isDaemon = true) {
        close.await()
        subscription.close()
    }
    ended.await()
}

private fun begin(
    client: GatewayClient,
    choices: JSONObject,
    topics: List<String>,
    listener: SubscriptionListener
): Subscription {
    val since = choices.optJSONObject("since")?.let { Position(it.getString("epoch"), it.getLong("offset")) }
    val keep = choices.optBoolean("keep", false)
    val resume = choices.optBoolean("resume", true)
    val silence = (1000 * choices.optDouble("silence", 45.0)).toLong()
    val service = choices.opt("service") as? String
    return when {
        service != null -> client.subscribeTo(
            service,
            choices.getJSONObject("fields"),
            listener,
            since = since,
            keep = keep,
            resume = resume,
            silenceMillis = silence
        )
        choices.optBoolean("entities") -> client.subscribeEntities(
            topics,
            listener,
            since = since,
            keep = keep,
            resume = resume,
            silenceMillis = silence
        )
        else -> client.subscribe(
            topics,
            listener,
            qos = 1,
            since = since,
            keep = keep,
            resume = resume,
            silenceMillis = silence
        )
    }
}

private fun exceptionNamed(name: String): Exception =
    when (name) {
        "IOException" -> IOException("Disk is full")
        "ExpiredException" -> ExpiredException(403, "Request of another client expired", 1234.0)
        "CancellationException" -> CancellationException("Cancelled elsewhere")
        else -> IllegalStateException(name)
    }

private fun events(client: GatewayClient, count: Int, choices: JSONObject, close: CountDownLatch) {
    val since = choices.optDouble("since").takeUnless { it.isNaN() }
    val factor = System.getenv("CLIENT_MONOTONIC_FACTOR")?.toLong()
    val events = if (factor != null) eventsByFastClock(client, since, factor) else client.jeedomEvents(
        since = since,
        longPollingSeconds = choices.optInt("longPolling", 50),
        filter = choices.opt("filter") as? String,
        apikey = choices.opt("apikey") as? String,
        endpoint = choices.opt("endpoint") as? String
    )
    thread(isDaemon = true) {
        close.await()
        events.close()
    }
    var received = 0
    for (event in events) {
        show(event)
        received += 1
        if (received == count) events.close()
    }
    show("end" to true)
}

private fun eventsByFastClock(client: GatewayClient, since: Double?, factor: Long): JeedomEvents {
    val call: CallJeedom = { method, params, seconds, cancellation ->
        client.callJeedom(method, params, timeoutSeconds = seconds, cancellation = cancellation)
    }
    return JeedomEvents(call, ::waitMillis, 50, null, since) { factor * System.nanoTime() }
}

private fun showResult(call: () -> Any?) {
    val result = try {
        call()
    } catch (failure: IOException) {
        showFailure(failure)
        return
    }
    show("result" to result)
}

private fun showAnswer(answer: Answer) =
    show("status" to answer.status, "body" to answer.body, "timestamp" to answer.timestamp)

private fun showFailure(failure: Exception) {
    val known = failure as? GatewayException
    val fields = arrayOf(
        "failure" to failure.javaClass.simpleName,
        "code" to known?.code,
        "status" to known?.status,
        "message" to failure.message,
        "retryAfter" to known?.retryAfterSeconds,
        "gatewayCode" to known?.gatewayCode,
        "isSealed" to known?.isSealed
    )
    show(*fields, *listOfNotNull((failure as? ExpiredException)?.let { "timestamp" to it.timestamp }).toTypedArray())
}

private fun show(vararg fields: Pair<String, Any?>) {
    val line = JSONObject()
    for ((name, value) in fields) line.put(name, value ?: JSONObject.NULL)
    show(line)
}

/** Lines of several threads must not mix. */
private fun show(line: Any) = synchronized(System.out) { println(line) }
