/* The part of Okio that the client uses; see okhttp_stand_in.kt. */
package okio

interface BufferedSink {
    fun write(source: ByteArray): BufferedSink
}

interface BufferedSource {
    fun request(byteCount: Long): Boolean

    fun indexOf(b: Byte, fromIndex: Long, toIndex: Long): Long

    fun readUtf8Line(): String?

    fun readUtf8(): String
}
