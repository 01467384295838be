/* JSON from elsewhere, which must not use up the stack. */
package e2egateway

import org.json.JSONException
import org.json.JSONObject
import org.json.JSONTokener

/** Reads a JSON object. @throws JSONException if it is none, or is nested too deeply. */
internal fun readJsonObject(text: String): JSONObject =
    readJson(text) as? JSONObject ?: throw JSONException("Text is not a JSON object")

/** Reads any JSON value. @throws JSONException if it is none, or is nested too deeply. */
internal fun readJson(text: String): Any? {
    if (isTooDeep(text)) throw JSONException("JSON is nested too deeply")
    return try {
        val tokens = JSONTokener(text)
        val value = tokens.nextValue()
        if (tokens.nextClean() != END) throw JSONException("JSON has something after it")
        value.orNull()
    } catch (failure: StackOverflowError) {
        // Android also reads what is not quite JSON, such as comments, and those are not counted above.
        throw JSONException("JSON is nested too deeply")
    }
}

/** Null also where JSON says so. */
internal fun Any?.orNull(): Any? = if (this === JSONObject.NULL) null else this

private fun isTooDeep(text: String): Boolean {
    var depth = 0
    var isString = false
    var index = 0
    while (index < text.length) {
        val char = text[index]
        if (char == '"') isString = !isString
        if (isString) {
            // What is escaped ends no string.
            if (char == '\\') index += 1
        } else if (char == '[' || char == '{') {
            depth += 1
            if (depth > DEEPEST) return true
        } else if (char == ']' || char == '}') {
            depth -= 1
        }
        index += 1
    }
    return false
}

/** What JSONTokener.nextClean() tells at the end. */
private const val END = '\u0000'

/** Jeedom's PHP writes no more than 512 levels, and far more fit on the stack of any thread. */
private const val DEEPEST = 600
