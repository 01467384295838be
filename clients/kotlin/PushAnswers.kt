/* Content of the answers of the push service. */
package e2egateway

import org.json.JSONObject

/** Reads the description of subscriptions and rules. @throws FailedException if it is malformed */
internal fun pushIn(answer: Answer): JSONObject {
    val push = objectIn(answer)
    val isRight = push.opt("enabled") is Boolean && push.hasOptionalTexts("publicKey") &&
        listOf("max", "maxRules").all { push.opt(it) is Int } &&
        valuesIn(push.opt("rules"), PUSH).all { it is JSONObject } &&
        valuesIn(push.opt("sources"), PUSH).all { it is String }
    if (!isRight) throw malformed(PUSH)
    objectsIn(push.opt("subscriptions"), PUSH, ::isSubscription)
    return push
}

/** Reads the id of a new subscription. @throws FailedException if there is none */
internal fun subscriptionIdIn(answer: Answer): String = objectIn(answer).opt("id") as? String ?: throw malformed(PUSH)

/** Reads whether there was something to remove. @throws FailedException if it is malformed */
internal fun removedIn(answer: Answer): Boolean = objectIn(answer).opt("removed") as? Boolean ?: throw malformed(PUSH)

/** Checks the answer to a test or a rule. @throws FailedException if it is malformed */
internal fun checkDone(answer: Answer) {
    objectIn(answer)
}

/** Reads the recent alerts. @throws FailedException if they are malformed */
internal fun alertsIn(answer: Answer): List<JSONObject> = objectsIn(objectIn(answer).opt("alerts"), PUSH, ::isAlert)

private fun objectIn(answer: Answer): JSONObject = contentOf(answer, PUSH) as? JSONObject ?: throw malformed(PUSH)

private fun isSubscription(json: JSONObject): Boolean =
    json.hasTexts("id", "kind", "host", "created") &&
        json.hasOptionalTexts("label", "lastSuccess", "lastFailure")

private fun isAlert(json: JSONObject): Boolean {
    objectsIn(json.opt("actions"), PUSH) { it.hasTexts("name", "label") }
    return json.hasTexts("id", "title", "body", "urgency", "tag") && json.opt("timestamp") is Number
}

private fun JSONObject.hasOptionalTexts(vararg names: String): Boolean = names.all { !has(it) || opt(it) is String }

internal const val PUSH = "push"
