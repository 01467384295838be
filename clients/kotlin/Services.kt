/* Calls of the services beside Jeedom and MQTT, each as one function. All but subscribeEntities() block. */
@file:JvmName("Services")

package e2egateway

import java.io.IOException
import java.util.concurrent.Executor
import org.json.JSONArray
import org.json.JSONObject

/**
 * Describes the key of this client; every key may ask. It has `name`, `kid`, `default`, `minProtocol`, `rights`,
 * `summary`, `services`, `version` and `time`, and may have `label`, `created`, `expires` and `uses`. `time` is in seconds
 * since 1970; the other times are in ISO 8601.
 *
 * @throws GatewayException if there is no answer
 */
@JvmOverloads
@Throws(IOException::class)
fun GatewayClient.device(cancellation: Cancellation = Cancellation()): JSONObject =
    deviceIn(call(DEVICE, cancellation = cancellation))

/**
 * Removes the key of this client from the gateway. Then its streams end, and all its requests are refused; delete it on
 * the device, too.
 *
 * @throws WrongKeyException if the gateway does not accept the key: an earlier call whose answer was lost may have removed
 * it. An attacker in between can forge that refusal
 * @throws GatewayException if it was not removed, or that is unknown
 */
@JvmOverloads
@Throws(IOException::class)
fun GatewayClient.forget(cancellation: Cancellation = Cancellation()) {
    contentOf(call(DEVICE, JSONObject().put("forget", true), cancellation = cancellation), DEVICE)
}

/**
 * Runs an action that the operator of the gateway named.
 *
 * @param params its parameters, by name
 * @throws GatewayException if it did not run, or that is unknown
 */
@JvmOverloads
@Throws(IOException::class)
fun GatewayClient.action(
    name: String,
    params: JSONObject? = null,
    cancellation: Cancellation = Cancellation()
): Answer = call("action", JSONObject().put("name", name).put("params", params), cancellation = cancellation)

/**
 * Lists the actions that the key may run, and the runs that are left. Each action has `name` and `label`, and may have
 * `icon`, `confirm`, `params`, `coolDown` and `state`.
 *
 * @throws GatewayException if there is no list
 */
@JvmOverloads
@Throws(IOException::class)
fun GatewayClient.actions(cancellation: Cancellation = Cancellation()): ActionList =
    actionsIn(call("action", cancellation = cancellation))

/**
 * HTTP request, to a target that the operator of the gateway named, or to a URL that the gateway allows.
 *
 * @property target name of a target
 * @property path path below that of the target
 * @property query parameters of the query at a target: texts, numbers and booleans, or lists of them
 * @property url URL with its query, in place of a target
 * @property method by default `GET` for a target, and `POST` for a URL
 * @property headers headers, by name
 * @property body a text as it is, any other value as its JSON text
 * @property raw asks for the bytes of the answer
 * @property timeoutSeconds longest wait of the gateway; the client waits a little longer
 */
data class HttpRequest @JvmOverloads constructor(
    val target: String? = null,
    val path: String? = null,
    val query: JSONObject? = null,
    val url: String? = null,
    val method: String? = null,
    val headers: Map<String, String>? = null,
    val body: Any? = null,
    val raw: Boolean = false,
    val timeoutSeconds: Long? = null
)

/**
 * Sends an HTTP request from the gateway.
 *
 * @return the answer, whatever its status
 * @throws GatewayException if there is none
 */
@JvmOverloads
@Throws(IOException::class)
fun GatewayClient.http(request: HttpRequest, cancellation: Cancellation = Cancellation()): HttpAnswer {
    val fields = JSONObject()
        .put("target", request.target)
        .put("path", request.path)
        .put("url", request.url)
        .put("method", request.method)
        .put("query", request.query)
        .put("headers", request.headers?.let { JSONObject(it) })
        .put("body", request.body)
        .put("raw", if (request.raw) true else null)
        .put("timeout", request.timeoutSeconds)
    val wait = maxOf(CALL_SECONDS, (request.timeoutSeconds ?: 0) + BEYOND_TIMEOUT_SECONDS)
    return httpAnswerIn(call("http", fields, wait, cancellation))
}

/** Least time that the client waits beyond the gateway's own timeout of an HTTP request. */
private const val BEYOND_TIMEOUT_SECONDS = 10L

/**
 * Calls a service of Home Assistant.
 *
 * @param call domain and service, such as `light.turn_on`
 * @param target entities that it acts on
 * @param data data of the call
 * @param returnResponse asks for the response of the call
 * @return the answer of Home Assistant, whatever its status
 * @throws GatewayException if there is none
 */
@JvmOverloads
@Throws(IOException::class)
fun GatewayClient.homeAssistant(
    call: String,
    target: List<String>? = null,
    data: JSONObject? = null,
    returnResponse: Boolean = false,
    cancellation: Cancellation = Cancellation()
): Answer {
    val fields = JSONObject()
        .put("call", call)
        .put("target", target?.let { JSONObject().put("entity_id", JSONArray(it)) })
        .put("data", data)
        .put("return_response", if (returnResponse) true else null)
    return call(HOME_ASSISTANT, fields, cancellation = cancellation)
}

/**
 * Returns the states of the entities that the key may read.
 *
 * @param globs entities, such as `light.*`
 * @throws GatewayException if there are none
 */
@JvmOverloads
@Throws(IOException::class)
fun GatewayClient.homeAssistantStates(
    globs: List<String>,
    cancellation: Cancellation = Cancellation()
): List<JSONObject> =
    statesIn(call(HOME_ASSISTANT, JSONObject().put("states", JSONArray(globs)), cancellation = cancellation))

/** Returns the state of one entity. @throws GatewayException if there is none */
@JvmOverloads
@Throws(IOException::class)
fun GatewayClient.homeAssistantState(entity: String, cancellation: Cancellation = Cancellation()): JSONObject =
    stateIn(call(HOME_ASSISTANT, JSONObject().put("state", entity), cancellation = cancellation))

/**
 * Returns past states of entities: a list for each entity that has some.
 *
 * @param start begin of the period, as in ISO 8601 with its offset from UTC: `2026-01-31T18:00:00Z`
 * @param end its end, in the same way; now by default
 * @param attributes asks for the attributes of each state; without them only the first and the last one have the entity
 * @throws GatewayException if there are none
 */
@JvmOverloads
@Throws(IOException::class)
fun GatewayClient.homeAssistantHistory(
    entities: List<String>,
    start: String,
    end: String? = null,
    attributes: Boolean = false,
    cancellation: Cancellation = Cancellation()
): List<List<JSONObject>> {
    val history = JSONObject()
        .put("entities", JSONArray(entities))
        .put("start", start)
        .put("end", end)
        .put("attributes", if (attributes) true else null)
    return historyIn(call(HOME_ASSISTANT, JSONObject().put("history", history), cancellation = cancellation))
}

/** Returns the current picture of a camera. @throws GatewayException if there is none */
@JvmOverloads
@Throws(IOException::class)
fun GatewayClient.homeAssistantCamera(entity: String, cancellation: Cancellation = Cancellation()): ByteArray =
    pictureIn(call(HOME_ASSISTANT, JSONObject().put("camera", entity), cancellation = cancellation))

/**
 * Subscribes to the states of entities: now, and after each change. The topic of a message is the entity, its payload
 * the JSON text of the state. The rest is as in [GatewayClient.subscribe].
 *
 * @param globs entities, such as `sensor.*`
 */
@JvmOverloads
fun GatewayClient.subscribeEntities(
    globs: List<String>,
    listener: SubscriptionListener,
    executor: Executor = GatewayClient.DAEMON_THREAD,
    since: Position? = null,
    keep: Boolean = false,
    resume: Boolean = true,
    silenceMillis: Long = GatewayClient.SILENCE_MILLIS
): Subscription {
    val fields = JSONObject().put("entities", JSONArray(globs))
    return subscribeTo(HOME_ASSISTANT, fields, listener, executor, since, keep, resume, silenceMillis)
}

/**
 * Runs a query of InfluxDB that the operator of the gateway named.
 *
 * @param params its parameters, by name
 * @throws GatewayException if there is no result
 */
@JvmOverloads
@Throws(IOException::class)
fun GatewayClient.influx(
    query: String,
    params: JSONObject? = null,
    cancellation: Cancellation = Cancellation()
): InfluxResult =
    influxResultIn(call(INFLUXDB, JSONObject().put("query", query).put("params", params), cancellation = cancellation))

/**
 * Writes a point to a place in InfluxDB that the operator of the gateway named.
 *
 * @param write name of the place
 * @param fields values by name, at least one
 * @param tags texts by name that tell series apart
 * @param time text as in ISO 8601 with its offset from UTC; the gateway's time by default
 * @throws GatewayException unless the point is stored
 */
@JvmOverloads
@Throws(IOException::class)
fun GatewayClient.influxWrite(
    write: String,
    measurement: String,
    fields: JSONObject,
    tags: JSONObject? = null,
    time: String? = null,
    cancellation: Cancellation = Cancellation()
) {
    val point = JSONObject()
        .put("write", write)
        .put("measurement", measurement)
        .put("fields", fields)
        .put("tags", tags)
        .put("time", time)
    checkWritten(call(INFLUXDB, point, cancellation = cancellation))
}
