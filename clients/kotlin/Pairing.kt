/* Pairing codes, which transfer a key to a phone: `e2eg://pair?url=…&name=…#key=…`, mostly as a QR code. */
package e2egateway

import java.io.ByteArrayOutputStream
import java.nio.ByteBuffer
import java.nio.charset.CharacterCodingException

/**
 * Address of a gateway and a key for it. Not a data class, so that the key is not logged by mistake.
 *
 * @property url address of the gateway, without a slash at its end
 * @property name name of the key, for people
 * @property key key, 64 hexadecimal characters
 */
class Pairing private constructor(val url: String, val name: String, val key: String) {
    override fun toString(): String = "Pairing(name=$name)"

    companion object {
        /**
         * Parses a pairing code. Anything that a gateway does not write is refused: a code comes from a camera, so it
         * is not trusted.
         *
         * @throws IllegalArgumentException if the text is anything else; the message never quotes it
         */
        @JvmStatic
        fun parse(text: String): Pairing {
            val parts = Regex("e2eg://pair\\?([^#]*)#key=([0-9a-fA-F]{64})").matchEntire(text)
            require(parts != null) { "Pairing code must look like e2eg://pair?url=…&name=…#key=…" }
            val (query, key) = parts.destructured
            val fields = query.split("&").map { it.substringBefore("=") to percentDecoded(it.substringAfter("=", "")) }
            val values = fields.toMap()
            require(fields.size == 2 && values.keys == setOf("url", "name")) {
                "Pairing code must have \"url\" and \"name\" once each, and nothing else"
            }
            val name = values.getValue("name")
            require(isKeyName(name)) {
                "Key's name must have 1 to 64 characters, and no control characters"
            }
            return Pairing(checkedUrl(values.getValue("url")), name, key)
        }
    }
}

/** Returns whether a text can be the name of a key. */
internal fun isKeyName(text: String): Boolean = text.length in 1..64 && text.none { it.isISOControl() }

/** Removes the slashes at the end of an address. @throws IllegalArgumentException if it is not one of a gateway. */
internal fun checkedUrl(url: String): String {
    require(ADDRESS.matches(url)) { "Gateway's URL must be an address such as https://home.example" }
    return url.trimEnd('/')
}

/** Percent-decodes a text: Java's decoder turns plus signs into spaces, and accepts malformed UTF-8. */
internal fun percentDecoded(text: String): String {
    require(Regex("(%[0-9a-fA-F]{2}|[!-$&-~])*").matches(text)) { NOT_ENCODED }
    val bytes = ByteArrayOutputStream()
    for (part in Regex("%..|[^%]+").findAll(text).map { it.value }) {
        if (part[0] == '%') bytes.write(part.substring(1).toInt(16)) else bytes.write(part.toByteArray())
    }
    try {
        return Charsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes.toByteArray())).toString()
    } catch (failure: CharacterCodingException) {
        throw IllegalArgumentException(NOT_ENCODED)
    }
}

/** No user, no password, no query, no fragment. */
private val ADDRESS = Regex("https?://[A-Za-z0-9._~\\[\\]:-]+(/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?")

private const val NOT_ENCODED = "Pairing code must be percent-encoded UTF-8"
