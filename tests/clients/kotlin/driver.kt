/* Runs one command of GatewayClient.kt and prints what comes of it as JSON, a line each. See client_program.ts. */
package e2egateway

import java.io.IOException
import java.util.concurrent.CountDownLatch
import kotlin.concurrent.thread
import org.json.JSONObject

fun main(args: Array<String>) {
    val (url, key, command) = args
    val rest = args.drop(3)
    val lateMillis = 1000 * (System.getenv("CLIENT_CLOCK_OFFSET") ?: "0").toLong()
    val clock = { System.currentTimeMillis() + lateMillis }
    val close = CountDownLatch(1)
    // The only order is to close.
    val orders = thread { while (readLine() != null) close.countDown() }
    try {
        val client = GatewayClient(url, key, clock = clock, backoff = ::waitMillis)
        when (command) {
            "health" -> client.health().let { show("status" to it.status, "version" to it.version) }
            "call" -> showAnswer(client.callJeedom(rest[0], JSONObject(rest[1])))
            "publish" -> showAnswer(client.publish(rest[0], rest[1], rest[2].toInt(), rest[3].toBoolean()))
            "subscribe" -> subscribe(client, rest[0].toInt(), JSONObject(rest[1]), rest.drop(2), close)
            "backoff" -> rest.forEach { waitMillis(it.toInt()) }
            else -> error("Unknown command $command")
        }
    } catch (failure: IOException) {
        showFailure(failure)
    } catch (failure: IllegalArgumentException) {
        showFailure(failure)
    }
    // The client closes connections, not its end: time for the test to see that.
    orders.join()
}

private fun waitMillis(tries: Int): Long {
    val millis = backoffMillis(tries)
    show("backoff" to tries, "seconds" to millis / 1000.0)
    return (millis * (System.getenv("CLIENT_BACKOFF_FACTOR") ?: "1").toDouble()).toLong()
}

private fun subscribe(
    client: GatewayClient,
    count: Int,
    choices: JSONObject,
    topics: List<String>,
    close: CountDownLatch
) {
    val ended = CountDownLatch(1)
    var messages = 0
    val listener = object : SubscriptionListener {
        override fun onEvent(event: Event) {
            println(event)
            if (event.type == "message") messages += 1
            if (messages == count && count > 0) close.countDown()
        }

        override fun onEnd(failure: IOException?) {
            if (failure == null) show("end" to true) else showFailure(failure)
            ended.countDown()
            close.countDown()
        }
    }
    val subscription = client.subscribe(
        topics,
        listener,
        qos = 1,
        since = choices.optJSONObject("since")?.let { Position(it.getString("epoch"), it.getLong("offset")) },
        keep = choices.optBoolean("keep", false),
        resume = choices.optBoolean("resume", true)
    )
    close.await()
    if (ended.count > 0) subscription.close()
    ended.await()
}

private fun showAnswer(answer: Answer) =
    show("status" to answer.status, "body" to answer.body, "timestamp" to answer.timestamp)

private fun showFailure(failure: Exception) {
    val status = (failure as? GatewayException)?.status
    show("failure" to failure.javaClass.simpleName, "status" to status, "message" to failure.message)
}

private fun show(vararg fields: Pair<String, Any?>) {
    val line = JSONObject()
    for ((name, value) in fields) line.put(name, value ?: JSONObject.NULL)
    println(line)
}
