/* Pairing with a gateway by a link. */
package e2egateway

import java.io.IOException
import okhttp3.OkHttpClient
import org.json.JSONObject

/**
 * Address of a gateway and the new key for it. Not a data class, so that the key is not logged by mistake.
 *
 * @property url address of the gateway, without a slash at its end
 * @property name name of the key, for people
 * @property kid public id of the key: 16 hexadecimal characters
 * @property key key, 64 hexadecimal characters
 * @property rights rights of the key, by service
 * @property expires time from which the key is refused, in ISO 8601, as in `device()`; null for never
 */
class PairedKey internal constructor(
    val url: String,
    val name: String,
    val kid: String,
    val key: String,
    val rights: JSONObject,
    val expires: String?
) {
    override fun toString(): String = "PairedKey(name=$name)"
}

/**
 * Makes a key together with the gateway, by the code in a link. The key itself never travels. Store it where Android
 * keeps secrets: the code does not work again. While no answer comes, the same request is sent again, twice at most.
 * Blocks, so it does not belong on the main thread.
 *
 * @param link pairing link, `https://…/#pair=…` or `e2eg://pair?url=…#code=…`. It comes from a camera, so it is not
 * trusted
 * @param label name of this device, for the operator of the gateway: at most 64 printable characters
 * @param http client whose connections, proxies and certificates are used
 * @param clock returns the milliseconds since 1970; it may be wrong
 * @param timeoutSeconds longest wait
 * @param cancellation ends the wait; the gateway may still make the key
 * @throws IllegalArgumentException if the link is malformed; the message never quotes it
 * @throws PairingCodeException if the code is unknown, was used, or has expired
 * @throws AlreadyPairedException if another request has just used the code
 * @throws TamperedException if the answer does not open, or does not have the other half of the key
 * @throws GatewayException if the gateway refuses, cannot be reached, or does not answer in time
 */
@JvmOverloads
@Throws(IOException::class)
fun pair(
    link: String,
    label: String? = null,
    http: OkHttpClient = OkHttpClient(),
    clock: () -> Long = System::currentTimeMillis,
    timeoutSeconds: Long = CALL_SECONDS,
    cancellation: Cancellation = Cancellation()
): PairedKey {
    val parsed = PairingLink.parse(link)
    val pairingKey = derivePairingKey(parsed.code)
    val ephemeral = EphemeralKey()
    val request = JSONObject().put("public", ephemeral.publicPoint).put("label", label)
    val channel = Channel(parsed.url, hexOf(pairingKey), http, clock, protocol = 2, keyName = null)
    // Not a command: a second request makes no second key.
    val (answer, salt) = channel.withCorrectedClock(isCommand = false) { timestamp ->
        val exchange = channel.seal(Route.PAIR, request, timestamp)
        try {
            Pair(channel.askSafely(exchange, 1000 * timeoutSeconds, cancellation), exchange.salt)
        } catch (failure: WrongKeyException) {
            throw PairingCodeException(
                failure.status,
                "Gateway does not accept the pairing code: it may be unknown, used, or older than 10 minutes. " +
                    "Make a new one on the gateway"
            )
        }
    }
    val body = answer.body as? JSONObject ?: throw noHalf(answer)
    val publicPoint = body.opt("public") as? String ?: throw noHalf(answer)
    val key = ephemeral.deviceKey(publicPoint, pairingKey, salt)?.let(::hexOf)
    val kid = body.opt("kid")
    if (answer.status != 200 || key == null || kid != SharedKey(key).kid) throw noHalf(answer)
    return PairedKey(
        url = parsed.url,
        name = (body.opt("name") as? String)?.takeIf(::isKeyName) ?: throw noHalf(answer),
        kid = kid as String,
        key = key,
        rights = (body.opt("rights") as? JSONObject)?.takeIf(::isRights) ?: throw noHalf(answer),
        expires = body.opt("expires") as? String
    )
}

/**
 * Sends a pairing request, and the same bytes again while no answer comes: the code may be used up by then, and only a
 * repeat gets the lost answer.
 */
private fun Channel.askSafely(exchange: Exchange, timeoutMillis: Long, cancellation: Cancellation): Answer {
    for (wait in REPEAT_MILLIS) {
        try {
            return ask(exchange, Route.PAIR, timeoutMillis, cancellation)
        } catch (failure: UnreachableException) {
            cancellation.sleep(wait)
        }
    }
    return ask(exchange, Route.PAIR, timeoutMillis, cancellation)
}

private fun isRights(rights: JSONObject): Boolean = rights.keys().asSequence().all { rights.opt(it) is JSONObject }

/** Waits before a request is sent again for want of an answer. */
private val REPEAT_MILLIS = longArrayOf(1000, 3000)

private fun noHalf(answer: Answer) = TamperedException(
    answer.status,
    "Answer has no valid half of the new key: check who answers, and make a new pairing code"
)
