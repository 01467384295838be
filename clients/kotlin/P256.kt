/* Key pairs and public points of the elliptic curve P-256. */
package e2egateway

import java.math.BigInteger
import java.security.AlgorithmParameters
import java.security.KeyFactory
import java.security.KeyPair
import java.security.KeyPairGenerator
import java.security.interfaces.ECPublicKey
import java.security.spec.ECFieldFp
import java.security.spec.ECGenParameterSpec
import java.security.spec.ECParameterSpec
import java.security.spec.ECPoint
import java.security.spec.ECPublicKeySpec
import javax.crypto.KeyAgreement

/** Generates a key pair. */
internal fun generateKeys(): KeyPair {
    val generator = KeyPairGenerator.getInstance("EC")
    generator.initialize(P256)
    return generator.generateKeyPair()
}

/** Returns the parameters of the curve. */
internal fun p256Parameters(): ECParameterSpec {
    val parameters = AlgorithmParameters.getInstance("EC")
    parameters.init(P256)
    return parameters.getParameterSpec(ECParameterSpec::class.java)
}

/** Returns the public point of a key pair, in its uncompressed form. */
internal fun pointOf(keys: KeyPair): ByteArray = uncompressed((keys.public as ECPublicKey).w)

/** Returns a point in its uncompressed form. */
internal fun uncompressed(point: ECPoint): ByteArray =
    byteArrayOf(UNCOMPRESSED) + fixedLength(point.affineX) + fixedLength(point.affineY)

/** Returns the secret that both sides share: 32 bytes; null if the point is malformed or not on the curve. */
internal fun agree(keys: KeyPair, point: ByteArray): ByteArray? {
    val curve = (keys.public as ECPublicKey).params
    val other = pointIn(point, curve) ?: return null
    val agreement = KeyAgreement.getInstance("ECDH")
    agreement.init(keys.private)
    agreement.doPhase(KeyFactory.getInstance("EC").generatePublic(ECPublicKeySpec(other, curve)), true)
    return agreement.generateSecret()
}

/** Reads a point in its uncompressed form; null if it has another one, or is not on the curve. */
internal fun pointIn(bytes: ByteArray, parameters: ECParameterSpec): ECPoint? {
    if (bytes.size != POINT_BYTES || bytes[0] != UNCOMPRESSED) return null
    val x = BigInteger(1, bytes.copyOfRange(1, 1 + NUMBER_BYTES))
    val y = BigInteger(1, bytes.after(1 + NUMBER_BYTES))
    // Here, as not every provider checks it: another curve's point would reveal the private key.
    val curve = parameters.curve
    val p = (curve.field as ECFieldFp).p
    val isOnCurve = x < p && y < p && (y * y - (x * x * x + curve.a * x + curve.b)).mod(p).signum() == 0
    return if (isOnCurve) ECPoint(x, y) else null
}

/** Returns a number in 32 bytes: Java drops zeros before a number, or adds one. */
internal fun fixedLength(number: BigInteger): ByteArray {
    val bytes = number.toByteArray()
    return (ByteArray(NUMBER_BYTES) + bytes).after(bytes.size)
}

/** Length of a coordinate and of a private key. */
internal const val NUMBER_BYTES = 32
internal const val POINT_BYTES = 1 + 2 * NUMBER_BYTES
private const val UNCOMPRESSED: Byte = 4
private val P256 = ECGenParameterSpec("secp256r1")
