/* Calls of services by name, with their arguments and results in JSON. See ../client_program.ts. */
package e2egateway

import java.util.Base64
import org.json.JSONArray
import org.json.JSONObject

internal fun resultOf(client: GatewayClient, name: String, args: JSONObject): Any? =
    when (name) {
        "call" -> answerIn(client.call(args.getString("service"), args.getJSONObject("fields")))
        "device" -> client.device()
        "forget" -> JSONObject().also { client.forget() }
        "action" -> answerIn(client.action(args.getString("name"), args.optJSONObject("params")))
        "actions" -> client.actions().let { list ->
            JSONObject().put("actions", JSONArray(list.actions)).put("uses", list.uses?.let(::usesIn) ?: JSONObject.NULL)
        }
        "http" -> httpAnswerIn(client.http(requestIn(args)))
        "homeAssistant" -> answerIn(
            client.homeAssistant(
                args.getString("call"),
                textsIn(args, "target"),
                args.optJSONObject("data"),
                args.optBoolean("returnResponse")
            )
        )
        "homeAssistantStates" -> JSONArray(client.homeAssistantStates(textsIn(args, "globs").orEmpty()))
        "homeAssistantState" -> client.homeAssistantState(args.getString("entity"))
        "homeAssistantHistory" -> JSONArray(
            client.homeAssistantHistory(
                textsIn(args, "entities").orEmpty(),
                args.getString("start"),
                args.opt("end") as? String,
                args.optBoolean("attributes")
            ).map { JSONArray(it) }
        )
        "homeAssistantCamera" -> base64(client.homeAssistantCamera(args.getString("entity")))
        "push" -> client.push()
        "pushSubscribe" -> client.pushSubscribe(
            args.getString("endpoint"),
            args.getString("p256dh"),
            args.getString("auth"),
            label = args.opt("label") as? String
        )
        "pushUnsubscribe" -> client.pushUnsubscribe(args.getString("id"))
        "pushTest" -> JSONObject.NULL.also { client.pushTest(args.getString("id")) }
        "pushSetRule" -> JSONObject.NULL.also { client.pushSetRule(args.getJSONObject("rule")) }
        "pushRemoveRule" -> client.pushRemoveRule(args.getString("name"))
        "pushAlerts" -> JSONArray(client.pushAlerts(args.optDouble("since", 0.0)))
        "influx" -> client.influx(args.getString("query"), args.optJSONObject("params")).let { result ->
            JSONObject()
                .put("columns", JSONArray(result.columns))
                .put("rows", JSONArray(result.rows.map { JSONArray(it) }))
                .put("truncated", result.truncated)
        }
        "influxWrite" -> JSONObject.NULL.also {
            client.influxWrite(
                args.getString("write"),
                args.getString("measurement"),
                args.getJSONObject("fields"),
                args.optJSONObject("tags"),
                args.opt("time") as? String
            )
        }
        else -> error("Unknown call $name")
    }

private fun usesIn(uses: ActionUses) = JSONObject().put("left", uses.left).put("of", uses.of)

private fun answerIn(answer: Answer) = JSONObject()
    .put("status", answer.status)
    .put("body", answer.body ?: JSONObject.NULL)
    .put("members", answer.members)

private fun httpAnswerIn(answer: HttpAnswer) = JSONObject()
    .put("status", answer.status)
    .put("body", answer.body ?: JSONObject.NULL)
    .put("headers", JSONObject(answer.headers))
    .put("contentType", answer.contentType ?: JSONObject.NULL)
    .put("bytes", answer.bytes?.let(::base64) ?: JSONObject.NULL)

private fun requestIn(args: JSONObject) = HttpRequest(
    target = args.opt("target") as? String,
    path = args.opt("path") as? String,
    url = args.opt("url") as? String,
    method = args.opt("method") as? String,
    query = args.optJSONObject("query"),
    headers = args.optJSONObject("headers")?.let { json ->
        json.keys().asSequence().associateWith { json.getString(it) }
    },
    body = args.opt("body"),
    raw = args.optBoolean("raw"),
    timeoutSeconds = (args.opt("timeout") as? Number)?.toLong()
)

private fun textsIn(args: JSONObject, name: String): List<String>? =
    args.optJSONArray(name)?.let { list -> List(list.length()) { list.getString(it) } }

private fun base64(bytes: ByteArray): String = Base64.getEncoder().encodeToString(bytes)
