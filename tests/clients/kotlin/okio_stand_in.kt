/* The part of Okio that the client uses; see okhttp_stand_in.kt. */
package okio

interface BufferedSink {
    fun write(source: ByteArray): BufferedSink
}

interface BufferedSource {
    fun readUtf8Line(): String?
}
