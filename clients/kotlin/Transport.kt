/* HTTP requests to one gateway, each sent once, with their failures as errors of the client. */
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
 * HTTP to one gateway.
 *
 * @param keyName name of the key in error messages
 */
internal class Transport(url: String, private val http: OkHttpClient, keyName: String?) {
    /** Address of the gateway, without a slash at its end. */
    val url = url.trimEnd('/')
    private val keyLabel = if (keyName == null) "this key" else "key $keyName"

    /** Makes the call that sends a request. */
    fun newCall(client: OkHttpClient, route: Route, text: String): Call =
        client.newCall(Request.Builder().url(url + route.path).post(SentOnce(text)).build())

    /** Makes a client for calls. Only the whole call has a timeout: Jeedom may be slow to send the first byte. */
    fun bounded(millis: Long): OkHttpClient =
        http.newBuilder()
            .callTimeout(millis, TimeUnit.MILLISECONDS)
            .readTimeout(0, TimeUnit.MILLISECONDS)
            .build()

    /** Makes a client for streams, which have no timeout but for silence. */
    fun streamClient(silenceMillis: Long): OkHttpClient =
        http.newBuilder()
            .callTimeout(0, TimeUnit.MILLISECONDS)
            .readTimeout(silenceMillis, TimeUnit.MILLISECONDS)
            .build()

    /** Returns the gateway's health. */
    fun health(): JSONObject {
        val call = bounded(1000 * CALL_SECONDS).newCall(Request.Builder().url("$url/health").build())
        val health = execute(call, Cancellation()) { response, body ->
            readObject(body) ?: throw RefusedException(response.code, "No gateway answers at $url")
        }
        if (health.optString("status") != "ok") throw RefusedException(200, "No gateway answers at $url")
        return health
    }

    /** Sends a request, and uses the answer if it was accepted. @throws GatewayException for every failure. */
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

    /** Returns the error for a plain refusal, with the text of the gateway or of a proxy before it. */
    private fun refusalOf(response: Response): GatewayException {
        val status = response.code
        val json = try {
            response.body?.let(::readObject)
        } catch (failure: IOException) {
            null
        }
        val message = json?.opt("error") as? String ?: "HTTP $status"
        val wait = retryAfterSeconds(response.header("Retry-After"))
        val newestVersion = response.header("E2E-Protocol")?.toIntOrNull() ?: 0
        return when {
            status == 401 -> WrongKeyException(
                status,
                "$message: gateway does not accept $keyLabel",
                knowsVersion2 = newestVersion >= 2
            )
            status == 429 -> {
                val reason = if (message == TOO_MANY) TOO_MANY_HERE else message
                RateLimitException(status, withWait(reason, wait), wait)
            }
            status == 408 || status >= 500 -> UnavailableException(status, withWait(message, wait), wait)
            else -> RefusedException(status, message)
        }
    }
}

/** Body that OkHttp must not send again, as it does by default after some failures and refusals. */
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
 * Reads a body up to a limit.
 *
 * @return null if it has more than [longest] bytes
 */
internal fun readText(body: ResponseBody, longest: Long): String? {
    val source = body.source()
    return if (source.request(longest + 1)) null else source.readUtf8()
}

/** Reads a plain JSON object; null if it is malformed or too large. */
private fun readObject(body: ResponseBody): JSONObject? =
    try {
        readText(body, LONGEST_PLAIN_BYTES)?.let { readJsonObject(it) }
    } catch (failure: JSONException) {
        null
    }

/** Largest answer or event: far above what a gateway seals. */
internal const val LONGEST_SEALED_BYTES = 64L * 1024 * 1024

/** Largest plain answer: a refusal, or a gateway's health. */
private const val LONGEST_PLAIN_BYTES = 8192L

/** Text of the gateway for an address over its rate limit, and the clearer one of this client. */
private const val TOO_MANY = "Too many requests"
private const val TOO_MANY_HERE = "Too many requests or failed attempts from this address"

private val OCTET_STREAM = "application/octet-stream".toMediaType()
