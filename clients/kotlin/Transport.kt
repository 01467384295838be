/* Sends HTTP requests to one gateway, each once, and tells what can go wrong with that. */
package e2egateway

import java.io.IOException
import java.io.InterruptedIOException
import java.util.concurrent.TimeUnit
import okhttp3.Call
import okhttp3.MediaType
import okhttp3.MediaType.Companion.toMediaType
import okhttp3.OkHttpClient
import okhttp3.Request
import okhttp3.RequestBody
import okhttp3.Response
import okhttp3.ResponseBody
import okio.BufferedSink
import org.json.JSONException
import org.json.JSONObject

/**
 * The way to one gateway.
 *
 * @param keyName what to call the key in error messages
 */
internal class Transport(url: String, private val http: OkHttpClient, keyName: String?) {
    /** The gateway's address, without a slash at its end. */
    val url = url.trimEnd('/')
    private val keyWords = if (keyName == null) "this key" else "key $keyName"

    /** Makes the call that sends a request. */
    fun newCall(client: OkHttpClient, route: Route, text: String): Call =
        client.newCall(Request.Builder().url(url + route.path).post(SentOnce(text)).build())

    /** Makes a client for calls. Only the whole call is bounded: Jeedom may take its time before the first byte. */
    fun bounded(millis: Long): OkHttpClient =
        http.newBuilder()
            .callTimeout(millis, TimeUnit.MILLISECONDS)
            .readTimeout(0, TimeUnit.MILLISECONDS)
            .build()

    /** Makes a client for streams, which may last, but not be silent for so long. */
    fun streamClient(silenceMillis: Long): OkHttpClient =
        http.newBuilder()
            .callTimeout(0, TimeUnit.MILLISECONDS)
            .readTimeout(silenceMillis, TimeUnit.MILLISECONDS)
            .build()

    /** Reads the gateway's health. */
    fun health(): JSONObject {
        val call = bounded(1000 * CALL_SECONDS).newCall(Request.Builder().url("$url/health").build())
        val health = execute(call, Cancellation()) { response, body ->
            readObject(body) ?: throw RefusedException(response.code, "No gateway answers at $url")
        }
        if (health.optString("status") != "ok") throw RefusedException(200, "No gateway answers at $url")
        return health
    }

    /** Sends a request, and uses the answer if it was accepted. @throws GatewayException for all that can fail. */
    fun <T> execute(call: Call, cancellation: Cancellation, use: (Response, ResponseBody) -> T): T =
        cancellation.during(call::cancel) {
            try {
                call.execute().use { response ->
                    val body = response.body
                    if (!response.isSuccessful || body == null) throw refusalOf(response)
                    use(response, body)
                }
            } catch (failure: GatewayException) {
                throw failure
            } catch (failure: InterruptedIOException) {
                if (Thread.currentThread().isInterrupted) throw failure
                throw RequestTimeoutException("No answer came in time from $url")
            } catch (failure: IOException) {
                throw UnreachableException("No gateway answers at $url: ${failure.message}")
            }
        }

    /** A refusal before anything was opened, in the words of the gateway, or of whatever stands before it. */
    private fun refusalOf(response: Response): GatewayException {
        val status = response.code
        val told = try {
            response.body?.let(::readObject)
        } catch (failure: IOException) {
            null
        }
        val words = told?.opt("error") as? String ?: "HTTP $status"
        val wait = retryAfterSeconds(response.header("Retry-After"))
        val newestVersion = response.header("E2E-Protocol")?.toIntOrNull() ?: 0
        return when {
            status == 401 -> WrongKeyException(
                status,
                "$words: gateway does not take $keyWords",
                knowsVersion2 = newestVersion >= 2
            )
            status == 429 -> RateLimitException(status, withWait(if (words == TOO_MANY) TOO_MANY_HERE else words, wait), wait)
            status == 408 || status >= 500 -> UnavailableException(status, withWait(words, wait), wait)
            else -> RefusedException(status, words)
        }
    }
}

/** A text that OkHttp may not send again by itself, as it otherwise does after some failures and refusals. */
private class SentOnce(text: String) : RequestBody() {
    private val bytes = text.toByteArray()

    override fun contentType(): MediaType = OCTET_STREAM

    override fun contentLength(): Long = bytes.size.toLong()

    override fun isOneShot(): Boolean = true

    override fun writeTo(sink: BufferedSink) {
        sink.write(bytes)
    }
}

/**
 * Reads a body, but none that would fill the memory: anybody on the way could send that.
 *
 * @return null if it is longer than so many bytes
 */
internal fun readText(body: ResponseBody, longest: Long): String? {
    val source = body.source()
    return if (source.request(longest + 1)) null else source.readUtf8()
}

/** Reads a JSON object that nobody sealed; null if it is none, or is longer than any of a gateway. */
private fun readObject(body: ResponseBody): JSONObject? =
    try {
        readText(body, LONGEST_PLAIN_BYTES)?.let { readJsonObject(it) }
    } catch (failure: JSONException) {
        null
    }

/** Longest answer or event to read: far above what a gateway seals. */
internal const val LONGEST_SEALED_BYTES = 64L * 1024 * 1024

/** Enough for the words of any refusal, and for a gateway's health. */
private const val LONGEST_PLAIN_BYTES = 8192L

/** The gateway's text for an address that has to wait, and what it is about: the answer does not tell which of both. */
private const val TOO_MANY = "Too many requests"
private const val TOO_MANY_HERE = "Too many requests or failed attempts from this address"

private val OCTET_STREAM = "application/octet-stream".toMediaType()
