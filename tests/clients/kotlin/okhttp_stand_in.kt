/*
 * Stand-in for the part of OkHttp 4's Kotlin API that the client uses, over plain sockets: the unmodified files of the
 * client compile and run where OkHttp cannot be installed. Without TLS, shared connections and retries. Data before a
 * broken connection can be read, as with OkHttp; the JDK's own client drops it. The names in its class files are those of
 * OkHttp 4.12, so that class files compiled with it also run with the real one.
 */
package okhttp3

import java.io.Closeable
import java.io.IOException
import java.io.InputStream
import java.io.OutputStream
import java.net.InetSocketAddress
import java.net.Socket
import java.net.URI
import java.util.concurrent.TimeUnit
import okio.BufferedSink
import okio.BufferedSource

class MediaType private constructor(private val text: String) {
    override fun toString(): String = text

    companion object {
        @JvmName("get")
        fun String.toMediaType(): MediaType = MediaType(this)
    }
}

abstract class RequestBody {
    abstract fun contentType(): MediaType?

    open fun contentLength(): Long = -1

    open fun isOneShot(): Boolean = false

    abstract fun writeTo(sink: BufferedSink)
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

class OkHttpClient internal constructor(private val callMillis: Long, private val readMillis: Long) {
    constructor() : this(0, 10_000)

    fun newBuilder(): Builder = Builder(callMillis, readMillis)

    /** No test reads for longer than the silence timeout, so one limit is used for both. */
    fun newCall(request: Request): Call = SocketCall(request, if (readMillis > 0) readMillis else callMillis)

    class Builder internal constructor(private var callMillis: Long, private var readMillis: Long) {
        fun callTimeout(timeout: Long, unit: TimeUnit): Builder = apply { callMillis = unit.toMillis(timeout) }

        fun readTimeout(timeout: Long, unit: TimeUnit): Builder = apply { readMillis = unit.toMillis(timeout) }

        fun build(): OkHttpClient = OkHttpClient(callMillis, readMillis)
    }
}

interface Call {
    fun execute(): Response

    fun cancel()

    fun isCanceled(): Boolean
}

private class SocketCall(private val request: Request, private val silenceMillis: Long) : Call {
    private val socket = Socket()

    @Volatile
    private var canceled = false

    override fun execute(): Response =
        try {
            exchange(URI(request.url))
        } catch (failure: IOException) {
            socket.close()
            throw failure
        }

    private fun exchange(url: URI): Response {
        socket.connect(InetSocketAddress(url.host, url.port))
        socket.soTimeout = silenceMillis.toInt()
        val head = mutableListOf("Host: ${url.authority}", "Connection: close")
        request.body?.let {
            head += listOf("Content-Type: ${it.contentType()}", "Content-Length: ${it.contentLength()}")
        }
        val first = "${if (request.body == null) "GET" else "POST"} ${url.rawPath} HTTP/1.1"
        val text = (listOf(first) + head).joinToString("") { "$it\r\n" } + "\r\n"
        val output = socket.getOutputStream().buffered()
        output.write(text.toByteArray())
        request.body?.writeTo(StreamSink(output))
        output.flush()

        val input = socket.getInputStream().buffered()
        val code = input.readLine().split(" ")[1].toInt()
        val headers = generateSequence { input.readLine().takeIf { it != "" } }
            .associate { it.substringBefore(":").toLowerCase() to it.substringAfter(":").trim() }
        return Response(code, ResponseBody(HttpBody(input, headers["content-length"]?.toLong(), socket)), headers)
    }

    override fun cancel() {
        canceled = true
        socket.close()
    }

    override fun isCanceled(): Boolean = canceled
}

/** A body of a known length, or in chunks. */
private class HttpBody(
    private val input: InputStream,
    private val length: Long?,
    private val socket: Socket
) : InputStream() {
    private var left = length ?: 0
    private var isFirst = true
    private var isOver = length == 0L

    override fun read(bytes: ByteArray, offset: Int, count: Int): Int {
        if (!isOver && left == 0L) beginChunk()
        if (isOver) return -1
        val read = input.read(bytes, offset, minOf(count.toLong(), left).toInt())
        if (read < 0) throw IOException("unexpected end of stream")
        left -= read
        isOver = left == 0L && length != null
        return read
    }

    override fun read(): Int {
        val one = ByteArray(1)
        return if (read(one, 0, 1) < 0) -1 else one[0].toInt() and 0xff
    }

    private fun beginChunk() {
        if (!isFirst) input.readLine()
        isFirst = false
        left = input.readLine().toLong(16)
        isOver = left == 0L
    }

    override fun close() = socket.close()
}

private fun InputStream.readLine(): String {
    val line = StringBuilder()
    while (true) {
        val byte = read()
        if (byte < 0) throw IOException("unexpected end of stream")
        if (byte == '\n'.toInt()) return line.toString().trimEnd('\r')
        line.append(byte.toChar())
    }
}

class Response internal constructor(
    @get:JvmName("code") val code: Int,
    @get:JvmName("body") val body: ResponseBody?,
    private val headers: Map<String, String>
) : Closeable {
    val isSuccessful: Boolean get() = code in 200..299

    fun header(name: String, defaultValue: String? = null): String? = headers[name.toLowerCase()] ?: defaultValue

    override fun close() {
        body?.close()
    }
}

class ResponseBody internal constructor(private val stream: InputStream) : Closeable {
    private val source = StreamSource(stream)

    fun source(): BufferedSource = source

    override fun close() = stream.close()
}

/** Buffer of requested data that was not read yet. */
private class StreamSource(private val stream: InputStream) : BufferedSource {
    private var bytes = ByteArray(8192)
    private var begin = 0
    private var end = 0

    override fun request(byteCount: Long): Boolean {
        while (end - begin < byteCount) if (!readMore()) return false
        return true
    }

    override fun indexOf(b: Byte, fromIndex: Long, toIndex: Long): Long {
        var index = fromIndex.toInt()
        while (index < toIndex) {
            if (!request(index + 1L)) return -1
            if (bytes[begin + index] == b) return index.toLong()
            index += 1
        }
        return -1
    }

    override fun readUtf8Line(): String? {
        val length = indexOf('\n'.toByte(), 0, Long.MAX_VALUE).toInt()
        if (length >= 0) return take(length + 1).removeSuffix("\n").removeSuffix("\r")
        return if (begin == end) null else take(end - begin)
    }

    override fun readUtf8(): String {
        request(Long.MAX_VALUE)
        return take(end - begin)
    }

    private fun take(count: Int): String {
        begin += count
        return String(bytes, begin - count, count)
    }

    private fun readMore(): Boolean {
        if (end == bytes.size) {
            val size = if (2 * (end - begin) > bytes.size) 2 * bytes.size else bytes.size
            bytes = bytes.copyInto(ByteArray(size), 0, begin, end)
            end -= begin
            begin = 0
        }
        val count = stream.read(bytes, end, bytes.size - end)
        if (count > 0) end += count
        return count > 0
    }
}

private class StreamSink(private val output: OutputStream) : BufferedSink {
    override fun write(source: ByteArray): BufferedSink = apply { output.write(source) }
}
