/* Receiver of push messages (RFC 8291, RFC 8188). Without input and output. */
@file:JvmName("PushMessages")

package e2egateway

import java.math.BigInteger
import java.nio.ByteBuffer
import java.security.GeneralSecurityException
import java.security.KeyFactory
import java.security.KeyPair
import java.security.interfaces.ECPrivateKey
import java.security.spec.ECPrivateKeySpec
import java.security.spec.ECPublicKeySpec
import javax.crypto.spec.SecretKeySpec

/**
 * Key pair and secret with which a device receives push messages. The device registers [p256dh] and [auth] at the
 * gateway, and keeps the receiver where Android keeps secrets: a program that has it reads its messages.
 */
class PushReceiver private constructor(internal val keys: KeyPair, internal val secret: ByteArray) {
    internal val point = pointOf(keys)

    /** Public point for the gateway: base64url. */
    val p256dh: String = BASE64_URL.encode(point)

    /** Secret for the gateway: base64url. */
    val auth: String = BASE64_URL.encode(secret)

    /** Writes the receiver as a text, which is secret. */
    fun export(): String =
        BASE64_URL.encode(fixedLength((keys.private as ECPrivateKey).s) + point + secret)

    override fun toString(): String = "PushReceiver"

    companion object {
        /** Generates a receiver, for one subscription. */
        @JvmStatic
        fun generate(): PushReceiver = PushReceiver(generateKeys(), randomBytes(AUTH_BYTES))

        /**
         * Reads what [export] wrote.
         *
         * @throws IllegalArgumentException if the text is anything else; the message never quotes it
         */
        @JvmStatic
        fun parse(text: String): PushReceiver =
            requireNotNull(bytesOf(text)?.let(::receiverIn)) { "Push receiver must be a text that export() wrote" }

        private fun receiverIn(bytes: ByteArray): PushReceiver? {
            if (bytes.size != NUMBER_BYTES + POINT_BYTES + AUTH_BYTES) return null
            val curve = p256Parameters()
            val number = BigInteger(1, bytes.copyOf(NUMBER_BYTES))
            if (number.signum() == 0 || number >= curve.order) return null
            val point = pointIn(bytes.copyOfRange(NUMBER_BYTES, NUMBER_BYTES + POINT_BYTES), curve) ?: return null
            val factory = KeyFactory.getInstance("EC")
            val keys = KeyPair(
                factory.generatePublic(ECPublicKeySpec(point, curve)),
                factory.generatePrivate(ECPrivateKeySpec(number, curve))
            )
            // With another key's point, no message would open.
            val shared = agree(keys, uncompressed(curve.generator))
            if (shared?.contentEquals(fixedLength(point.affineX)) != true) return null
            return PushReceiver(keys, bytes.after(NUMBER_BYTES + POINT_BYTES))
        }
    }
}

/**
 * Decrypts a push message, as it came through UnifiedPush.
 *
 * @param body its bytes
 * @return the text: a notification as JSON
 * @throws TamperedException if it is not a message for this receiver; it never says why
 */
@Throws(TamperedException::class)
fun decryptPush(body: ByteArray, receiver: PushReceiver): String =
    try {
        textOf(body, receiver)
    } catch (failure: GeneralSecurityException) {
        throw TamperedException(0, "Push message does not open")
    }

private fun textOf(body: ByteArray, receiver: PushReceiver): String {
    if (body.size < HEADER_BYTES + TAG_BYTES) throw EnvelopeException()
    val header = ByteBuffer.wrap(body)
    val salt = ByteArray(SALT_BYTES).also { header.get(it) }
    val recordSize = header.int.toLong() and 0xffffffffL
    val keyBytes = header.get().toInt()
    val record = body.after(HEADER_BYTES)
    // A longer body would be of several records, and a push message is one.
    if (keyBytes != POINT_BYTES || recordSize < MIN_RECORD_SIZE || record.size > recordSize) throw EnvelopeException()
    val secret = keyingMaterial(receiver, body.copyOfRange(KEY_AT, HEADER_BYTES))
    val key = SecretKeySpec(hkdf(secret, salt, "Content-Encoding: aes128gcm\u0000", CONTENT_KEY_BYTES), "AES")
    val nonce = hkdf(secret, salt, "Content-Encoding: nonce\u0000", NONCE_BYTES)
    val padded = openBytes(key, nonce, ByteArray(0), record)
    val end = padded.indexOfLast { it != 0.toByte() }
    if (end < 0 || padded[end] != LAST_RECORD) throw EnvelopeException()
    return textIn(padded.copyOf(end))
}

/** Derives the keying material of a message (RFC 8291, section 3.4). */
private fun keyingMaterial(receiver: PushReceiver, sender: ByteArray): ByteArray {
    val shared = agree(receiver.keys, sender) ?: throw EnvelopeException()
    val info = "WebPush: info\u0000".toByteArray() + receiver.point + sender
    return hkdf(shared, receiver.secret, info, KEY_BYTES)
}

private const val AUTH_BYTES = 16
private const val CONTENT_KEY_BYTES = 16

/** Position of the sender's point: after the salt, the size of records, and the length of the point. */
private const val KEY_AT = SALT_BYTES + 5
private const val HEADER_BYTES = KEY_AT + POINT_BYTES

/** Least size of records (RFC 8188, section 2.1). */
private const val MIN_RECORD_SIZE = 18L

/** Byte between text and padding of the last record. */
private const val LAST_RECORD: Byte = 2
