/* Content of the answers of the push service. */
package e2egateway

import org.json.JSONObject

/** Reads the description of subscriptions and rules. @throws FailedException if it is malformed */
internal fun pushIn(answer: Answer): JSONObject {
    val push = objectIn(answer)
    val isRight = push.hasTexts("publicKey") && listOf("max", "maxRules").all { push.opt(it) is Int } &&
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

/** Checks the answer to a test. @throws FailedException if the test is not queued */
internal fun checkQueued(answer: Answer) {
    if (objectIn(answer).opt("queued") != true) throw malformed(PUSH)
}

/** Checks the answer to a rule. @throws FailedException if the rule is not stored */
internal fun checkRule(answer: Answer) {
    objectIn(answer)
}

/** Reads the recent alerts. @throws FailedException if they are malformed */
internal fun alertsIn(answer: Answer): List<JSONObject> = objectsIn(objectIn(answer).opt("alerts"), PUSH, ::isAlert)

private fun objectIn(answer: Answer): JSONObject = contentOf(answer, PUSH) as? JSONObject ?: throw malformed(PUSH)

private fun isSubscription(json: JSONObject): Boolean =
    json.hasTexts("id", "kind", "host", "created") &&
        listOf("label", "lastSuccess", "lastFailure").all { !json.has(it) || json.opt(it) is String }

private fun isAlert(json: JSONObject): Boolean {
    objectsIn(json.opt("actions"), PUSH) { it.hasTexts("name", "label") }
    return json.hasTexts("id", "title", "body", "urgency", "tag") && json.opt("timestamp") is Number
}

internal const val PUSH = "push"
