/* Pairing links, and the keys of the exchange that they begin; see docs/protocol.md. Without input and output. */
package e2egateway

import java.security.KeyPair

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
    /** Public point for the other side: base64url of its uncompressed form. */
    val publicPoint: String = BASE64_URL.encode(pointOf(keys))

    /**
     * Derives the new key of the device: both sides get the same one.
     *
     * @param publicPoint public point of the other side
     * @param salt salt of the pairing request
     * @return the key, or null if the point is malformed or not on the curve
     */
    fun deviceKey(publicPoint: String, pairingKey: ByteArray, salt: ByteArray): ByteArray? {
        val shared = agree(keys, bytesOf(publicPoint) ?: return null) ?: return null
        return hkdf(shared + pairingKey, salt, "e2eg/2 device key", KEY_BYTES)
    }
}

/** Decodes base64url; null if it is malformed. */
internal fun bytesOf(text: String): ByteArray? =
    try {
        BASE64_URL.decode(text)
    } catch (failure: EnvelopeException) {
        null
    }

private const val CODE_BYTES = 16
