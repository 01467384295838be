/*
 * The part of OkHttp 4's Kotlin API that GatewayClient.kt uses, over the JDK's own HTTP client: lets the unmodified
 * client file compile and run where OkHttp cannot be installed. It is no OkHttp: no retries, no connection settings,
 * and the read timeout of a stream is not kept.
 */
package okhttp3

import java.io.Closeable
import java.io.IOException
import java.io.InputStream
import java.net.URI
import java.net.http.HttpClient
import java.net.http.HttpRequest
import java.net.http.HttpResponse
import java.time.Duration
import java.util.concurrent.CancellationException
import java.util.concurrent.CompletableFuture
import java.util.concurrent.ExecutionException
import java.util.concurrent.TimeUnit

class MediaType private constructor(private val text: String) {
    override fun toString(): String = text

    companion object {
        fun String.toMediaType(): MediaType = MediaType(this)
    }
}

class RequestBody private constructor(internal val contentType: MediaType?, internal val bytes: ByteArray) {
    companion object {
        fun ByteArray.toRequestBody(
            contentType: MediaType? = null,
            offset: Int = 0,
            byteCount: Int = size
        ): RequestBody = RequestBody(contentType, copyOfRange(offset, offset + byteCount))
    }
}

class Request internal constructor(internal val url: String, internal val body: RequestBody?) {
    class Builder {
        private var url: String? = null
        private var body: RequestBody? = null

        fun url(url: String): Builder = apply { this.url = url }

        fun post(body: RequestBody): Builder = apply { this.body = body }

        fun build(): Request = Request(checkNotNull(url) { "url == null" }, body)
    }
}

class OkHttpClient internal constructor(private val http: HttpClient, private val callMillis: Long) {
    constructor() : this(HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build(), 0)

    fun newBuilder(): Builder = Builder(http, callMillis)

    fun newCall(request: Request): Call = JdkCall(http, callMillis, request)

    class Builder internal constructor(private val http: HttpClient, private var callMillis: Long) {
        fun callTimeout(timeout: Long, unit: TimeUnit): Builder = apply { callMillis = unit.toMillis(timeout) }

        fun readTimeout(timeout: Long, unit: TimeUnit): Builder = apply { check(unit.toMillis(timeout) >= 0) }

        fun build(): OkHttpClient = OkHttpClient(http, callMillis)
    }
}

interface Call {
    fun execute(): Response

    fun cancel()

    fun isCanceled(): Boolean
}

private class JdkCall(
    private val http: HttpClient,
    private val callMillis: Long,
    private val request: Request
) : Call {
    private val lock = Any()
    private var canceled = false
    private var future: CompletableFuture<HttpResponse<InputStream>>? = null
    private var body: InputStream? = null

    override fun execute(): Response {
        val builder = HttpRequest.newBuilder(URI(request.url))
        if (callMillis > 0) builder.timeout(Duration.ofMillis(callMillis))
        request.body?.let { builder.POST(HttpRequest.BodyPublishers.ofByteArray(it.bytes)) }
        request.body?.contentType?.let { builder.header("Content-Type", it.toString()) }
        val future = synchronized(lock) {
            if (canceled) throw IOException("Canceled")
            http.sendAsync(builder.build(), HttpResponse.BodyHandlers.ofInputStream()).also { this.future = it }
        }
        val response = try {
            future.get()
        } catch (failure: CancellationException) {
            throw IOException("Canceled", failure)
        } catch (failure: ExecutionException) {
            throw failure.cause as? IOException ?: IOException(failure.cause)
        }
        synchronized(lock) { body = response.body() }
        if (isCanceled()) response.body().close()
        return Response(response.statusCode(), ResponseBody(response.body()))
    }

    override fun cancel() {
        synchronized(lock) { canceled = true }
        future?.cancel(true)
        body?.close()
    }

    override fun isCanceled(): Boolean = synchronized(lock) { canceled }
}

class Response internal constructor(val code: Int, val body: ResponseBody?) : Closeable {
    val isSuccessful: Boolean get() = code in 200..299

    override fun close() {
        body?.close()
    }
}

class ResponseBody internal constructor(private val stream: InputStream) : Closeable {
    private val source = BufferedSource(stream)

    fun source(): BufferedSource = source

    fun string(): String = stream.readBytes().toString(Charsets.UTF_8)

    override fun close() = stream.close()
}

/** `okio.BufferedSource`, here under another name: the client does not name it. */
class BufferedSource internal constructor(stream: InputStream) {
    private val reader = stream.bufferedReader()

    fun readUtf8Line(): String? = reader.readLine()
}
