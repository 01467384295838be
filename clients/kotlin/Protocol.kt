/*
 * Both versions of the protocol, for clients; see docs/protocol.md. Without input and output.
 */
package e2egateway

import java.nio.ByteBuffer
import java.nio.charset.CharacterCodingException
import java.security.GeneralSecurityException
import java.security.SecureRandom
import java.util.Base64
import javax.crypto.Cipher
import javax.crypto.Mac
import javax.crypto.spec.GCMParameterSpec
import javax.crypto.spec.SecretKeySpec

/** Route of a request, to which it is bound in version 2, and its path. */
internal enum class Route(val path: String) {
    GATEWAY("/gateway"),
    PUBLISH("/mqtt/publish"),
    SUBSCRIBE("/mqtt/subscribe"),
    SUBSCRIBE_TO("/subscribe"),
    PAIR("/pair")
}

/** An envelope or event does not open. Never says why: it was changed, is for another request, or has another key. */
internal class EnvelopeException : GeneralSecurityException("Envelope does not open")

/** Sealed request, which opens its answer or stream. Each is sent once. */
internal interface Exchange {
    /** Text to send. */
    val text: String

    /** Salt of a request of version 2; empty in version 1. */
    val salt: ByteArray

    /** Opens the answer. @throws EnvelopeException if it is not the answer to this request. */
    fun openAnswer(text: String): String

    /** Makes the opener of one stream, for all of its records in order. */
    fun openStream(): StreamOpener
}

/** Opens the records of one stream, in order. */
internal interface StreamOpener {
    /**
     * Opens a record.
     *
     * @param event field `event`, or null
     * @param id field `id`, or null
     * @return the plaintext; null for a record without an event
     * @throws EnvelopeException if it is not the next one of this stream
     */
    fun open(event: String?, id: String?, data: String): String?
}

/** Key that a client and its gateway share. @throws IllegalArgumentException if it is malformed. */
internal class SharedKey(hex: String) {
    private val secret: ByteArray = bytesOfHex(hex)
    private val envelopeKey = SecretKeySpec(secret, "AES")

    /** Public id: 16 hexadecimal characters. */
    val kid: String = hexOf(hkdf(secret, ByteArray(0), "e2eg/2 kid", 8))

    /** Seals a request in version 1: `base64( nonce ‖ ciphertext ‖ tag )`. The nonce is new for each. */
    fun sealV1(plaintext: String, nonce: ByteArray = randomBytes(NONCE_BYTES)): Exchange =
        ExchangeV1(this, BASE64.encode(nonce + seal(envelopeKey, nonce, ByteArray(0), plaintext)))

    /** Seals a request in version 2: `2.kid.base64url( salt ‖ ciphertext ‖ tag )`. The salt is new for each. */
    fun sealV2(plaintext: String, route: Route, salt: ByteArray = randomBytes(SALT_BYTES)): Exchange {
        val ciphertext = seal(messageKey(salt, "request"), ZERO_NONCE, context("request", route.path), plaintext)
        return ExchangeV2(this, route, salt, "$VERSION_2$kid.${BASE64_URL.encode(salt + ciphertext)}")
    }

    /** Opens an envelope of version 1. @throws EnvelopeException if it is malformed, or has another key. */
    fun openV1(text: String): String {
        val envelope = BASE64.decode(text.filterNot { it in WHITE_SPACE })
        if (envelope.size < NONCE_BYTES + TAG_BYTES) throw EnvelopeException()
        return open(envelopeKey, envelope.copyOf(NONCE_BYTES), ByteArray(0), envelope.after(NONCE_BYTES))
    }

    /** Derives the key of one message or stream. */
    fun messageKey(salt: ByteArray, direction: String): SecretKeySpec =
        SecretKeySpec(hkdf(secret, salt, "e2eg/2 $direction", KEY_BYTES), "AES")

    /** Returns the authenticated context of a message: [last] is the route, or the number of an event. */
    fun context(direction: String, last: String): ByteArray = "e2eg/2 $direction\n$kid\n$last".toByteArray()
}

private class ExchangeV1(private val key: SharedKey, override val text: String) : Exchange {
    override val salt = ByteArray(0)

    override fun openAnswer(text: String): String = key.openV1(text)

    override fun openStream(): StreamOpener = object : StreamOpener {
        override fun open(event: String?, id: String?, data: String): String = key.openV1(data)
    }
}

private class ExchangeV2(
    private val key: SharedKey,
    private val route: Route,
    override val salt: ByteArray,
    override val text: String
) : Exchange {
    override fun openAnswer(text: String): String {
        val bytes = bytesOf(text)
        if (bytes.size < SALT_BYTES + TAG_BYTES) throw EnvelopeException()
        val answerKey = key.messageKey(salt + bytes.copyOf(SALT_BYTES), "response")
        return open(answerKey, ZERO_NONCE, key.context("response", route.path), bytes.after(SALT_BYTES))
    }

    override fun openStream(): StreamOpener = object : StreamOpener {
        private var streamKey: SecretKeySpec? = null
        private var next = 0L

        override fun open(event: String?, id: String?, data: String): String? {
            val number = next
            val opened = streamKey ?: return begin(event, data)
            // The number is counted, not read from the wire: an attacker cannot skip, repeat or swap events.
            if (id != number.toString()) throw EnvelopeException()
            next += 1
            val nonce = ByteBuffer.allocate(NONCE_BYTES).putLong(NONCE_BYTES - 8, number).array()
            return open(opened, nonce, key.context("stream", number.toString()), BASE64_URL.decode(data))
        }

        private fun begin(event: String?, data: String): String? {
            val streamSalt = bytesOf(data)
            if (event != "open" || streamSalt.size != SALT_BYTES) throw EnvelopeException()
            streamKey = key.messageKey(salt + streamSalt, "stream")
            return null
        }
    }

    private fun bytesOf(text: String): ByteArray {
        if (!text.startsWith(VERSION_2)) throw EnvelopeException()
        return BASE64_URL.decode(text.substring(VERSION_2.length))
    }
}

internal const val VERSION_2 = "2."
internal const val SALT_BYTES = 16
internal const val NONCE_BYTES = 12
internal const val TAG_BYTES = 16
internal const val KEY_BYTES = 32
private const val WHITE_SPACE = " \t\n\u000c\r"

/** Each key of version 2 seals one message, so its nonce need not differ. */
internal val ZERO_NONCE = ByteArray(NONCE_BYTES)

private val RANDOM = SecureRandom()

internal fun randomBytes(count: Int): ByteArray = ByteArray(count).also(RANDOM::nextBytes)

/**
 * HKDF-SHA-256 (RFC 5869), for up to 32 bytes, which is one block. Made of HMAC, as most versions of Android have no
 * HKDF.
 */
internal fun hkdf(secret: ByteArray, salt: ByteArray, info: String, length: Int): ByteArray =
    hkdf(secret, salt, info.toByteArray(), length)

/** HKDF-SHA-256 with an info of bytes. */
internal fun hkdf(secret: ByteArray, salt: ByteArray, info: ByteArray, length: Int): ByteArray {
    // An empty salt stands for zeros; Java refuses empty keys.
    val extracted = hmac(if (salt.size == 0) ByteArray(KEY_BYTES) else salt, secret)
    return hmac(extracted, info + 1.toByte()).copyOf(length)
}

private fun hmac(key: ByteArray, message: ByteArray): ByteArray {
    val mac = Mac.getInstance("HmacSHA256")
    mac.init(SecretKeySpec(key, "HmacSHA256"))
    return mac.doFinal(message)
}

private fun seal(key: SecretKeySpec, nonce: ByteArray, context: ByteArray, plaintext: String): ByteArray =
    cipher(Cipher.ENCRYPT_MODE, key, nonce, context).doFinal(plaintext.toByteArray())

/** Verifies and decrypts. @throws EnvelopeException if the tag does not verify, or the plaintext is not UTF-8. */
internal fun open(key: SecretKeySpec, nonce: ByteArray, context: ByteArray, ciphertext: ByteArray): String =
    textIn(openBytes(key, nonce, context, ciphertext))

/** Verifies and decrypts. @throws EnvelopeException if the tag does not verify */
internal fun openBytes(key: SecretKeySpec, nonce: ByteArray, context: ByteArray, ciphertext: ByteArray): ByteArray =
    try {
        cipher(Cipher.DECRYPT_MODE, key, nonce, context).doFinal(ciphertext)
    } catch (failure: GeneralSecurityException) {
        throw EnvelopeException()
    }

/** Decodes UTF-8. @throws EnvelopeException if it is malformed */
internal fun textIn(bytes: ByteArray): String =
    try {
        Charsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString()
    } catch (failure: CharacterCodingException) {
        throw EnvelopeException()
    }

private fun cipher(mode: Int, key: SecretKeySpec, nonce: ByteArray, context: ByteArray): Cipher {
    val cipher = Cipher.getInstance("AES/GCM/NoPadding")
    cipher.init(mode, key, GCMParameterSpec(TAG_BYTES * 8, nonce))
    cipher.updateAAD(context)
    return cipher
}

/** Encoding of bytes. Java's decoders accept several encodings of the same bytes; the protocol accepts one. */
internal class Alphabet(private val encoder: Base64.Encoder, private val decoder: Base64.Decoder) {
    fun encode(bytes: ByteArray): String = encoder.encodeToString(bytes)

    fun decode(text: String): ByteArray {
        val bytes = try {
            decoder.decode(text)
        } catch (failure: IllegalArgumentException) {
            throw EnvelopeException()
        }
        if (encode(bytes) != text) throw EnvelopeException()
        return bytes
    }
}

internal val BASE64 = Alphabet(Base64.getEncoder(), Base64.getDecoder())
internal val BASE64_URL = Alphabet(Base64.getUrlEncoder().withoutPadding(), Base64.getUrlDecoder())

internal fun ByteArray.after(count: Int): ByteArray = copyOfRange(count, size)

internal fun hexOf(bytes: ByteArray): String = bytes.joinToString("") { "%02x".format(it) }

private fun bytesOfHex(key: String): ByteArray {
    require(Regex("[0-9a-fA-F]{64}").matches(key)) { "Key must be 64 hexadecimal characters" }
    return ByteArray(key.length / 2) { key.substring(2 * it, 2 * it + 2).toInt(16).toByte() }
}
