/* Answers of the gateway, opened. */
package e2egateway

import java.io.ByteArrayInputStream
import java.io.ByteArrayOutputStream
import java.io.IOException
import java.nio.ByteBuffer
import java.util.zip.GZIPInputStream
import org.json.JSONException
import org.json.JSONObject

/** Parses an opened answer, and decompresses its body. @throws TamperedException if it is not an answer. */
internal fun answerIn(json: JSONObject, httpStatus: Int): Answer {
    val status = json.opt("status") as? Int
    val timestamp = json.opt("timestamp") as? Number
    if (status == null || timestamp == null) {
        throw TamperedException(httpStatus, "Answer has no status and timestamp")
    }
    val packed = json.opt("body_gzip") as? String
    val body = if (packed == null || json.has("body")) json.opt("body").orNull() else unpack(packed, httpStatus)
    return Answer(status, body, timestamp.toDouble(), membersIn(json))
}

/** Returns the members of an answer that have no place of their own. */
private fun membersIn(json: JSONObject): JSONObject {
    val members = JSONObject()
    for (name in json.keys()) if (name !in KNOWN) members.put(name, json.get(name))
    return members
}

private val KNOWN = listOf("status", "body", "body_gzip", "timestamp", "source", "service")

private fun unpack(packed: String, httpStatus: Int): Any? =
    try {
        readJson(Charsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(gunzip(BASE64.decode(packed)))).toString())
    } catch (failure: EnvelopeException) {
        throw TamperedException(httpStatus, "Answer is not packed in base64")
    } catch (failure: JSONException) {
        throw TamperedException(httpStatus, "Answer is not JSON")
    } catch (failure: IOException) {
        throw TamperedException(httpStatus, "Answer does not unpack: ${failure.message}")
    }

/** Decompresses up to the largest answer: a few bytes can become very many. */
private fun gunzip(packed: ByteArray): ByteArray {
    val unpacked = ByteArrayOutputStream()
    val chunk = ByteArray(CHUNK_BYTES)
    GZIPInputStream(ByteArrayInputStream(packed)).use { stream ->
        var count = stream.read(chunk)
        while (count >= 0) {
            if (unpacked.size() + count > LONGEST_SEALED_BYTES) throw IOException("it is larger than any gateway's")
            unpacked.write(chunk, 0, count)
            count = stream.read(chunk)
        }
    }
    return unpacked.toByteArray()
}

private const val CHUNK_BYTES = 65_536
