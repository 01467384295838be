/* Parser of untrusted JSON, with a limit on nesting. */
package e2egateway

import org.json.JSONException
import org.json.JSONObject
import org.json.JSONTokener

/** Parses a JSON object. @throws JSONException if it is malformed, or nested too deeply. */
internal fun readJsonObject(text: String): JSONObject =
    readJson(text) as? JSONObject ?: throw JSONException("Text is not a JSON object")

/** Parses any JSON value. @throws JSONException if it is malformed, or nested too deeply. */
internal fun readJson(text: String): Any? {
    if (isTooDeep(text)) throw JSONException("JSON is nested too deeply")
    return try {
        val tokens = JSONTokener(text)
        val value = tokens.nextValue()
        if (tokens.nextClean() != END) throw JSONException("JSON has something after it")
        value.orNull()
    } catch (failure: StackOverflowError) {
        // Android also accepts extensions of JSON, such as comments, which are not counted above.
        throw JSONException("JSON is nested too deeply")
    }
}

/** Returns null for the null of JSON as well. */
internal fun Any?.orNull(): Any? = if (this === JSONObject.NULL) null else this

private fun isTooDeep(text: String): Boolean {
    var depth = 0
    var isString = false
    var index = 0
    while (index < text.length) {
        val char = text[index]
        if (char == '"') isString = !isString
        if (isString) {
            // An escaped quotation mark does not end a string.
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

/** Result of JSONTokener.nextClean() at the end. */
private const val END = '\u0000'

/** Jeedom's PHP writes no more than 512 levels, and far more fit on the stack of any thread. */
private const val DEEPEST = 600
