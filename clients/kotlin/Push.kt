/* Calls of the push service, each as one function; every key may make them. All block. */
@file:JvmName("Push")

package e2egateway

import java.io.IOException
import org.json.JSONObject

/**
 * Describes the push messages of this key. It has `enabled` and, unless that is false, `publicKey` (the gateway's, for
 * push services); `max` and `maxRules`; `subscriptions` (each with `id`, `kind`, `host` and `created`, and where known
 * `label`, `lastSuccess` and `lastFailure`); `rules` as they were set, and the `sources` that the key may use in them.
 * Times are in ISO 8601.
 *
 * @throws GatewayException if there is no answer
 */
@JvmOverloads
@Throws(IOException::class)
fun GatewayClient.push(cancellation: Cancellation = Cancellation()): JSONObject =
    pushIn(call(PUSH, cancellation = cancellation))

/**
 * Subscribes a device to the alerts of this key, and returns the id of the subscription. The same endpoint again replaces
 * its subscription.
 *
 * @param endpoint address at the push service; secret
 * @param p256dh public point of the device, as in [PushReceiver]
 * @param auth secret of the device, as in [PushReceiver]
 * @param kind `unifiedpush`, or `web` for a browser
 * @param label text for people
 * @throws GatewayException if it is not subscribed, or that is unknown
 */
@JvmOverloads
@Throws(IOException::class)
fun GatewayClient.pushSubscribe(
    endpoint: String,
    p256dh: String,
    auth: String,
    kind: String = "unifiedpush",
    label: String? = null,
    cancellation: Cancellation = Cancellation()
): String {
    val subscription = JSONObject()
        .put("endpoint", endpoint)
        .put("keys", JSONObject().put("p256dh", p256dh).put("auth", auth))
        .put("kind", kind)
        .put("label", label)
    return subscriptionIdIn(call(PUSH, JSONObject().put("subscribe", subscription), cancellation = cancellation))
}

/** Removes a subscription; false if there was none. @throws GatewayException if that is unknown */
@JvmOverloads
@Throws(IOException::class)
fun GatewayClient.pushUnsubscribe(id: String, cancellation: Cancellation = Cancellation()): Boolean =
    removedIn(call(PUSH, JSONObject().put("remove", id), cancellation = cancellation))

/** Sends a test notification to a subscription. @throws GatewayException unless it is queued */
@JvmOverloads
@Throws(IOException::class)
fun GatewayClient.pushTest(id: String, cancellation: Cancellation = Cancellation()) {
    checkDone(call(PUSH, JSONObject().put("test", id), cancellation = cancellation))
}

/**
 * Adds a rule of alerts, or replaces the one of its name.
 *
 * @param rule `name`, `source`, `condition` and `title`, and more as in the gateway's docs/services/push.md
 * @throws ScopeException if the key may not receive what it selects
 * @throws GatewayException if it is not stored, or that is unknown
 */
@JvmOverloads
@Throws(IOException::class)
fun GatewayClient.pushSetRule(rule: JSONObject, cancellation: Cancellation = Cancellation()) {
    checkDone(call(PUSH, JSONObject().put("rule", rule), cancellation = cancellation))
}

/** Removes a rule; false if there was none. @throws GatewayException if that is unknown */
@JvmOverloads
@Throws(IOException::class)
fun GatewayClient.pushRemoveRule(name: String, cancellation: Cancellation = Cancellation()): Boolean =
    removedIn(call(PUSH, JSONObject().put("removeRule", name), cancellation = cancellation))

/**
 * Lists recent alerts of this key, the oldest first, also those that did not reach the device. Each is a notification, as
 * in a push message: `id`, `title`, `body`, `urgency`, `tag`, `actions` (`name` and `label`) and `timestamp`, and where
 * known `rule` and `subject`.
 *
 * @param since time of the last known alert, in seconds since 1970
 * @throws GatewayException if there is no list
 */
@JvmOverloads
@Throws(IOException::class)
fun GatewayClient.pushAlerts(since: Double = 0.0, cancellation: Cancellation = Cancellation()): List<JSONObject> =
    alertsIn(call(PUSH, JSONObject().put("alerts", JSONObject().put("since", since)), cancellation = cancellation))
