/* Runs one command of GatewayClient.kt and prints what comes of it as JSON, a line each. See client_suite.ts. */
package e2egateway

import java.io.IOException
import java.util.concurrent.CountDownLatch
import org.json.JSONObject

fun main(args: Array<String>) {
    val (url, key, command) = args
    val rest = args.drop(3)
    val lateMillis = 1000 * (System.getenv("CLIENT_CLOCK_OFFSET") ?: "0").toLong()
    try {
        val client = GatewayClient(url, key, clock = { System.currentTimeMillis() + lateMillis })
        when (command) {
            "health" -> client.health().let { show("status" to it.status, "version" to it.version) }
            "call" -> showAnswer(client.callJeedom(rest[0], JSONObject(rest[1])))
            "publish" -> showAnswer(client.publish(rest[0], rest[1], rest[2].toInt(), rest[3].toBoolean()))
            "subscribe" -> subscribe(client, rest[0].toInt(), rest.drop(1))
            else -> error("Unknown command $command")
        }
    } catch (failure: IOException) {
        showFailure(failure)
    } catch (failure: IllegalArgumentException) {
        showFailure(failure)
    }
    // The client closes connections, not its end: time for the test to see that.
    System.`in`.readBytes()
}

private fun subscribe(client: GatewayClient, count: Int, topics: List<String>) {
    val enough = CountDownLatch(1)
    val ended = CountDownLatch(1)
    var messages = 0
    val subscription = client.subscribe(topics, object : SubscriptionListener {
        override fun onEvent(event: Event) {
            println(event)
            if (event.type == "message") messages += 1
            if (messages == count && count > 0) enough.countDown()
        }

        override fun onEnd(failure: IOException?) {
            if (failure == null) show("end" to true) else showFailure(failure)
            ended.countDown()
            enough.countDown()
        }
    }, qos = 1)
    enough.await()
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
