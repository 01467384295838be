/* Pairing links, and the keys of the exchange that they begin; see docs/protocol.md. Without input and output. */
package e2egateway

import java.math.BigInteger
import java.security.KeyFactory
import java.security.KeyPair
import java.security.KeyPairGenerator
import java.security.interfaces.ECPublicKey
import java.security.spec.ECFieldFp
import java.security.spec.ECGenParameterSpec
import java.security.spec.ECPoint
import java.security.spec.ECPublicKeySpec
import javax.crypto.KeyAgreement

/** Address of a gateway, without a slash at its end, and a code to pair with it. */
internal class PairingLink private constructor(val url: String, val code: ByteArray) {
    companion object {
        /**
         * Parses a link, `https://…/#pair=…` or `e2eg://pair?url=…#code=…`.
         *
         * @throws IllegalArgumentException if the text is anything else; the message never quotes it
         */
        fun parse(text: String): PairingLink {
            val page = Regex("(https?://[^#\\s]*)#pair=([^#]*)").matchEntire(text)
            val app = Regex("e2eg://pair\\?url=([^#&]*)#code=([^#]*)").matchEntire(text)
            val (address, code) = requireNotNull(page ?: app) {
                "Pairing link must look like https://home.example/#pair=… or e2eg://pair?url=…#code=…"
            }.destructured
            return PairingLink(checkedUrl(if (page == null) percentDecoded(address) else address), codeIn(code))
        }

        private fun codeIn(text: String): ByteArray = requireNotNull(bytesOf(text)?.takeIf { it.size == CODE_BYTES }) {
            "Pairing link must end with the 22 characters of its code: copy all of it"
        }
    }
}

/** Derives the key that seals a pairing request and its answer. */
internal fun derivePairingKey(code: ByteArray): ByteArray = hkdf(code, ByteArray(0), "e2eg/2 pair", KEY_BYTES)

/** Key pair of one side, for one exchange; [keys] are given by tests only, and must never be used twice. */
internal class EphemeralKey(private val keys: KeyPair = generateKeys()) {
    private val own = keys.public as ECPublicKey

    /** Public point for the other side: base64url of its uncompressed form. */
    val publicPoint: String =
        BASE64_URL.encode(byteArrayOf(UNCOMPRESSED) + coordinate(own.w.affineX) + coordinate(own.w.affineY))

    /**
     * Derives the new key of the device: both sides get the same one.
     *
     * @param publicPoint public point of the other side
     * @param salt salt of the pairing request
     * @return the key, or null if the point is malformed or not on the curve
     */
    fun deviceKey(publicPoint: String, pairingKey: ByteArray, salt: ByteArray): ByteArray? {
        val point = pointIn(publicPoint) ?: return null
        val agreement = KeyAgreement.getInstance("ECDH")
        agreement.init(keys.private)
        agreement.doPhase(KeyFactory.getInstance("EC").generatePublic(ECPublicKeySpec(point, own.params)), true)
        return hkdf(agreement.generateSecret() + pairingKey, salt, "e2eg/2 device key", KEY_BYTES)
    }

    private fun pointIn(text: String): ECPoint? {
        val bytes = bytesOf(text)
        if (bytes == null || bytes.size != POINT_BYTES || bytes[0] != UNCOMPRESSED) return null
        val x = BigInteger(1, bytes.copyOfRange(1, 1 + COORDINATE_BYTES))
        val y = BigInteger(1, bytes.after(1 + COORDINATE_BYTES))
        // Here, as not every provider checks it: another curve's point would reveal the private key.
        val curve = own.params.curve
        val p = (curve.field as ECFieldFp).p
        val isOnCurve = x < p && y < p && (y * y - (x * x * x + curve.a * x + curve.b)).mod(p).signum() == 0
        return if (isOnCurve) ECPoint(x, y) else null
    }
}

private fun generateKeys(): KeyPair {
    val generator = KeyPairGenerator.getInstance("EC")
    generator.initialize(ECGenParameterSpec("secp256r1"))
    return generator.generateKeyPair()
}

/** Returns a coordinate in 32 bytes: Java drops zeros before a number, or adds one. */
private fun coordinate(number: BigInteger): ByteArray {
    val bytes = number.toByteArray()
    return (ByteArray(COORDINATE_BYTES) + bytes).after(bytes.size)
}

/** Decodes base64url; null if it is malformed. */
private fun bytesOf(text: String): ByteArray? =
    try {
        BASE64_URL.decode(text)
    } catch (failure: EnvelopeException) {
        null
    }

private const val CODE_BYTES = 16
private const val COORDINATE_BYTES = 32
private const val POINT_BYTES = 1 + 2 * COORDINATE_BYTES
private const val UNCOMPRESSED: Byte = 4
