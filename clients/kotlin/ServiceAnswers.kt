/* Content of the answers of services. */
package e2egateway

import org.json.JSONArray
import org.json.JSONException
import org.json.JSONObject

/**
 * Answer to an HTTP request.
 *
 * @property status status of HTTP
 * @property body body: its JSON value, or its text; null where `raw` asked for its bytes
 * @property headers headers, their names in lower case; several `set-cookie` are joined by line ends
 * @property bytes bytes of the body, where `raw` asked for them
 * @property contentType media type of the body
 */
class HttpAnswer internal constructor(
    val status: Int,
    val body: Any?,
    val headers: Map<String, String>,
    val bytes: ByteArray?,
    val contentType: String?
)

/**
 * Runs of actions that a key has left.
 *
 * @property left number of runs that are left, of all actions together
 * @property of number of runs that the key was granted
 */
class ActionUses internal constructor(val left: Int, val of: Int)

/**
 * Actions that the key may run.
 *
 * @property actions the actions, in the order of the operator
 * @property uses runs that are left; null where the key may run them without limit
 */
class ActionList internal constructor(val actions: List<JSONObject>, val uses: ActionUses?)

/**
 * Result of a query of InfluxDB.
 *
 * @property columns names of the columns
 * @property rows rows, each with a value for each column, or null; times are milliseconds since 1970
 * @property truncated true if the query had more rows than the gateway sends
 */
class InfluxResult internal constructor(
    val columns: List<String>,
    val rows: List<List<Any?>>,
    val truncated: Boolean
)

/** Reads the answer to an HTTP request, whatever its status. @throws FailedException if it is malformed */
internal fun httpAnswerIn(answer: Answer): HttpAnswer {
    val fields = answer.members.optJSONObject("headers") ?: JSONObject()
    val headers = fields.keys().asSequence().associateWith { fields.get(it).toString() }
    val contentType = (answer.members.opt("content_type") as? String).orEmpty()
    return HttpAnswer(
        answer.status,
        answer.body,
        headers,
        bytesIn(answer, "http"),
        if (contentType == "") headers["content-type"] else contentType
    )
}

/** Reads the description of a key. @throws FailedException if it is malformed */
internal fun deviceIn(answer: Answer): JSONObject {
    val device = contentOf(answer, DEVICE) as? JSONObject
    val isRight = device != null && device.hasTexts("name", "kid", "version") && device.opt("rights") is JSONObject &&
        device.hasTexts(*listOf("label", "created", "expires").filter { device.has(it) }.toTypedArray()) &&
        listOf("summary", "services").all { field -> valuesIn(device.opt(field), DEVICE).all { it is String } }
    return device?.takeIf { isRight } ?: throw malformed(DEVICE)
}

/** Reads the list of actions. @throws FailedException if it is malformed */
internal fun actionsIn(answer: Answer): ActionList {
    val content = contentOf(answer, "action") as? JSONObject
    val actions = objectsIn(content?.opt("actions"), "action") { it.hasTexts("name", "label") }
    return ActionList(actions, content?.opt("uses").orNull()?.let(::usesIn))
}

private fun usesIn(value: Any): ActionUses {
    val uses = value as? JSONObject
    val left = uses?.opt("left") as? Int ?: throw malformed("action")
    return ActionUses(left, uses.opt("of") as? Int ?: throw malformed("action"))
}

/** Reads the states of entities. @throws FailedException if they are malformed */
internal fun statesIn(answer: Answer): List<JSONObject> =
    objectsIn(contentOf(answer, HOME_ASSISTANT), HOME_ASSISTANT, ::isState)

/** Reads the state of an entity. @throws FailedException if it is malformed */
internal fun stateIn(answer: Answer): JSONObject =
    (contentOf(answer, HOME_ASSISTANT) as? JSONObject)?.takeIf(::isState) ?: throw malformed(HOME_ASSISTANT)

/** Reads the past of entities. @throws FailedException if it is malformed */
internal fun historyIn(answer: Answer): List<List<JSONObject>> =
    valuesIn(contentOf(answer, HOME_ASSISTANT), HOME_ASSISTANT).map { past ->
        objectsIn(past, HOME_ASSISTANT) { it.hasTexts("state") }
    }

/** Reads a picture. @throws FailedException if there is none */
internal fun pictureIn(answer: Answer): ByteArray {
    contentOf(answer, HOME_ASSISTANT)
    return bytesIn(answer, HOME_ASSISTANT) ?: throw malformed(HOME_ASSISTANT)
}

/** Reads the result of a query. @throws FailedException if it is malformed */
internal fun influxResultIn(answer: Answer): InfluxResult {
    val content = contentOf(answer, INFLUXDB) as? JSONObject ?: throw malformed(INFLUXDB)
    val columns = valuesIn(content.opt("columns"), INFLUXDB).map { it as? String ?: throw malformed(INFLUXDB) }
    val rows = valuesIn(content.opt("rows"), INFLUXDB).map { valuesIn(it, INFLUXDB) }
    return InfluxResult(columns, rows, content.opt("truncated") == true)
}

/** Checks the answer to a write. @throws FailedException if the point is not stored */
internal fun checkWritten(answer: Answer) {
    val content = contentOf(answer, INFLUXDB) as? JSONObject
    if (content?.opt("success") != true) throw malformed(INFLUXDB)
}

/** Most characters of the reason of a service, which may be a whole page. */
private const val MAX_REASON = 200

/**
 * Returns the content of an answer. Where the gateway itself answers, the body is a text of JSON.
 *
 * @throws FailedException if the answer is not a success
 */
internal fun contentOf(answer: Answer, service: String): Any? {
    val status = answer.status
    if (status != 200) {
        val reason = (answer.body as? String)?.take(MAX_REASON).orEmpty()
        val end = if (reason == "") "" else ": $reason"
        throw FailedException(status, "$service answers with status $status$end")
    }
    val text = answer.body as? String ?: return answer.body
    return try {
        readJson(text)
    } catch (failure: JSONException) {
        null
    }
}

private fun bytesIn(answer: Answer, service: String): ByteArray? {
    val encoded = answer.members.opt("body_b64").orNull() ?: return null
    try {
        return BASE64.decode(encoded as? String ?: throw malformed(service))
    } catch (failure: EnvelopeException) {
        throw malformed(service)
    }
}

/** Reads a list of objects. @throws FailedException if it is malformed */
internal fun objectsIn(list: Any?, service: String, isRight: (JSONObject) -> Boolean): List<JSONObject> =
    valuesIn(list, service).map { (it as? JSONObject)?.takeIf(isRight) ?: throw malformed(service) }

/** Reads a list. @throws FailedException if it is none */
internal fun valuesIn(list: Any?, service: String): List<Any?> {
    if (list !is JSONArray) throw malformed(service)
    return List(list.length()) { list.opt(it).orNull() }
}

private fun isState(json: JSONObject): Boolean =
    json.hasTexts("entity_id", "state") && json.opt("attributes") is JSONObject

/** Returns whether an object has these texts. */
internal fun JSONObject.hasTexts(vararg names: String): Boolean = names.all { opt(it) is String }

/** Makes the failure for an answer without the form of its service. */
internal fun malformed(service: String) = FailedException(200, "$service sent an answer that is malformed")

internal const val DEVICE = "device"
internal const val HOME_ASSISTANT = "home_assistant"
internal const val INFLUXDB = "influxdb"
