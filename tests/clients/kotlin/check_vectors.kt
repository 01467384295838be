/* Checks the test vectors of the protocol with the client's own functions, and the other side's with them. */
package e2egateway

import java.io.File
import java.math.BigInteger
import java.security.KeyFactory
import java.security.KeyPair
import java.security.KeyPairGenerator
import java.security.interfaces.ECPublicKey
import java.security.spec.ECGenParameterSpec
import java.security.spec.ECPoint
import java.security.spec.ECPrivateKeySpec
import java.security.spec.ECPublicKeySpec
import org.json.JSONArray
import org.json.JSONException
import org.json.JSONObject

/** Checks all entries of a file, and returns their number. @throws IllegalStateException for the first failure. */
fun checkVectors(path: String): Int {
    val vectors = Vectors(JSONObject(File(path).readText()))
    vectors.check()
    return vectors.count
}

private class Vectors(private val file: JSONObject) {
    private val key = SharedKey(file.getString("key"))
    var count = 0
        private set

    fun check() {
        check(key.kid == file.getString("kid")) { "Id of the key differs" }
        checkV1(file.getJSONObject("v1"))
        checkV2(file.getJSONObject("v2"))
        checkRefused(file.getJSONObject("v2").getJSONObject("refused"))
        checkPairing(file.getJSONObject("v2").getJSONObject("pairing"), file.getJSONObject("v2").getJSONObject("refused"))
        checkPush(file.getJSONObject("push"))
    }

    private fun checkPairing(pairing: JSONObject, refused: JSONObject) {
        each(pairing, "links") {
            val link = PairingLink.parse(it.getString("link"))
            same(it, link.url, it.getString("url"))
            same(it, hexOf(link.code), pairing.getString("code"))
        }
        val pairingKey = derivePairingKey(bytes(pairing, "code"))
        same(pairing, hexOf(pairingKey), pairing.getString("pairingKey"))
        val shared = SharedKey(hexOf(pairingKey))
        same(pairing, shared.kid, pairing.getString("kid"))
        val request = pairing.getJSONObject("request")
        val salt = bytes(request, "salt")
        val exchange = shared.sealV2(request.getString("plaintext"), Route.PAIR, salt)
        same(request, exchange.text, request.getString("text"))
        same(request, hexOf(exchange.salt), request.getString("salt"))
        val answer = pairing.getJSONObject("answer")
        same(answer, exchange.openAnswer(answer.getString("text")), answer.getString("plaintext"))
        val device = side(pairing.getJSONObject("device"))
        val gateway = side(pairing.getJSONObject("gateway"))
        for ((own, other) in listOf(device to gateway, gateway to device)) {
            val deviceKey = own.deviceKey(other.publicPoint, pairingKey, salt)
            same(pairing, deviceKey?.let { hexOf(it) }, pairing.getString("deviceKey"))
        }
        same(pairing, SharedKey(pairing.getString("deviceKey")).kid, pairing.getString("deviceKid"))
        each(refused, "points") { same(it, device.deviceKey(it.getString("public"), pairingKey, salt)?.let { hexOf(it) }, null) }
        each(refused, "links") {
            val message = try {
                PairingLink.parse(it.getString("link"))
                null
            } catch (failure: IllegalArgumentException) {
                failure.message
            }
            check(message != null && "AAECAwQF" !in message) { "${it.getString("name")}: taken, or quoted" }
        }
    }

    private fun checkPush(push: JSONObject) {
        val keys = push.getJSONObject("receiver")
        val stored = listOf("privateKey", "public", "auth").map { BASE64_URL.decode(keys.getString(it)) }
        val exported = BASE64_URL.encode(stored.reduce { whole, part -> whole + part })
        val receiver = PushReceiver.parse(exported)
        same(keys, receiver.export(), exported)
        same(keys, receiver.p256dh, keys.getString("public"))
        same(keys, receiver.auth, keys.getString("auth"))
        check(receiver.auth !in receiver.toString()) { "Receiver shows its secret" }
        each(push, "messages") {
            same(it, decryptPush(BASE64_URL.decode(it.getString("body")), receiver), it.getString("text"))
        }
        each(push, "refused") {
            val message = try {
                decryptPush(BASE64_URL.decode(it.getString("body")), receiver)
                null
            } catch (failure: TamperedException) {
                failure.message
            }
            same(it, message, "Push message does not open")
        }
        checkChangedPush(receiver, BASE64_URL.decode(push.getJSONArray("messages").getJSONObject(0).getString("body")))
        checkReceivers(BASE64_URL.decode(exported))
    }

    /** Checks that each part and each changed byte of a message is refused. */
    private fun checkChangedPush(receiver: PushReceiver, whole: ByteArray) {
        val parts = whole.indices.map { whole.copyOf(it) }
        // The size of records may be a larger one, as nothing signs it.
        val changed = whole.indices.filter { it !in 16..19 }
            .map { index -> whole.clone().also { it[index] = (it[index].toInt() xor 1).toByte() } }
        for (body in parts + changed) {
            val text = try {
                decryptPush(body, receiver)
            } catch (failure: TamperedException) {
                null
            }
            check(text == null) { "A changed push message was not refused" }
        }
    }

    private fun checkReceivers(stored: ByteArray) {
        val made = PushReceiver.generate()
        check(PushReceiver.parse(made.export()).export() == made.export()) { "Generated receiver differs" }
        check(made.p256dh != PushReceiver.generate().p256dh) { "Key pair is not new" }
        val end = NUMBER_BYTES + POINT_BYTES
        val wrong = listOf(
            stored.copyOf(stored.size - 1),
            stored + 0.toByte(),
            ByteArray(NUMBER_BYTES) + stored.after(NUMBER_BYTES),
            ByteArray(NUMBER_BYTES) { -1 } + stored.after(NUMBER_BYTES),
            stored.copyOf(NUMBER_BYTES) + ByteArray(POINT_BYTES) + stored.after(end),
            stored.copyOf(NUMBER_BYTES) + BASE64_URL.decode(made.p256dh) + stored.after(end),
            ByteArray(0)
        ).map { BASE64_URL.encode(it) }
        for (text in wrong + listOf("é", "=")) {
            val message = try {
                PushReceiver.parse(text)
                null
            } catch (failure: IllegalArgumentException) {
                failure.message
            }
            check(message != null && (text == "" || text !in message)) { "Receiver: taken, or quoted" }
        }
    }

    /** Makes the key pair of a vector. */
    private fun side(vector: JSONObject): EphemeralKey {
        val generator = KeyPairGenerator.getInstance("EC")
        generator.initialize(ECGenParameterSpec("secp256r1"))
        val params = (generator.generateKeyPair().public as ECPublicKey).params
        val point = BASE64_URL.decode(vector.getString("public"))
        val w = ECPoint(BigInteger(1, point.copyOfRange(1, 33)), BigInteger(1, point.copyOfRange(33, 65)))
        val factory = KeyFactory.getInstance("EC")
        val scalar = BigInteger(1, BASE64_URL.decode(vector.getString("privateKey")))
        val keys = KeyPair(
            factory.generatePublic(ECPublicKeySpec(w, params)),
            factory.generatePrivate(ECPrivateKeySpec(scalar, params))
        )
        val side = EphemeralKey(keys)
        same(vector, side.publicPoint, vector.getString("public"))
        return side
    }

    private fun checkV1(v1: JSONObject) {
        for (list in listOf("requests", "answers", "events")) {
            each(v1, list) {
                val sealed = key.sealV1(it.getString("plaintext"), bytes(it, "nonce"))
                same(it, sealed.text, it.getString("envelope"))
                same(it, key.openV1(it.getString("envelope")), it.getString("plaintext"))
            }
        }
        each(v1, "accepted") { same(it, key.openV1(it.getString("envelope")), it.getString("plaintext")) }
        each(v1, "refused") { refuses(it) { key.openV1(it.getString("envelope")) } }
    }

    private fun checkV2(v2: JSONObject) {
        each(v2, "requests") {
            same(it, request(it, "salt").text, it.getString("text"))
            same(it, openRequest(it.getString("text"), it.getString("route")), it.getString("plaintext"))
            sameKey(it, bytes(it, "salt"), "request", it.getString("route"))
        }
        each(v2, "answers") {
            same(it, request(it, "requestSalt").openAnswer(it.getString("text")), it.getString("plaintext"))
            sameKey(it, bytes(it, "requestSalt") + bytes(it, "salt"), "response", it.getString("route"))
        }
        each(v2, "streams") { stream ->
            val opener = begin(stream)
            for (event in stream.getJSONArray("events").objects()) {
                same(stream, opener.openEvent(event), event.getString("plaintext"))
            }
            val salt = bytes(stream, "requestSalt") + bytes(stream, "salt")
            same(stream, hexOf(key.messageKey(salt, "stream").encoded), stream.getString("messageKey"))
        }
        each(v2, "batches") { batch ->
            val events = batch.getJSONArray("events")
            val parsed = eventsIn(JSONObject(batch.getString("plaintext"))).map { members(it.json) }
            val expected = List(events.length()) { members(JSONObject(events.getString(it))) }
            check(parsed == expected) { "${batch.getString("name")}: got $parsed instead of $expected" }
        }
    }

    private fun checkRefused(refused: JSONObject) {
        each(refused, "requests") { refuses(it) { openRequest(it.getString("text"), it.getString("route")) } }
        each(refused, "answers") { refuses(it) { request(it, "requestSalt").openAnswer(it.getString("text")) } }
        each(refused, "streams") { stream ->
            val opener = begin(stream)
            val events = stream.getJSONArray("events").objects()
            for (event in events.dropLast(1)) opener.openEvent(event)
            refuses(stream) { opener.openEvent(events.last()) }
        }
        each(refused, "batches") { refuses(it) { eventsIn(JSONObject(it.getString("plaintext"))) } }
    }

    /** Opens a request, as a gateway does. */
    private fun openRequest(text: String, route: String): String {
        val parts = text.split(".")
        if (parts.size != 3 || parts[0] != "2" || !Regex("[0-9a-f]{16}").matches(parts[1])) throw EnvelopeException()
        val bytes = BASE64_URL.decode(parts[2])
        if (bytes.size < SALT_BYTES + TAG_BYTES) throw EnvelopeException()
        val context = String(key.context("request", route)).replace(key.kid, parts[1]).toByteArray()
        val messageKey = key.messageKey(bytes.copyOf(SALT_BYTES), "request")
        return open(messageKey, ZERO_NONCE, context, bytes.after(SALT_BYTES))
    }

    private fun request(entry: JSONObject, salt: String): Exchange {
        val route = Route.values().first { it.path == entry.optString("route", Route.SUBSCRIBE.path) }
        return key.sealV2(entry.optString("plaintext"), route, bytes(entry, salt))
    }

    private fun begin(stream: JSONObject): StreamOpener {
        val opener = request(stream, "requestSalt").openStream()
        check(opener.open("open", null, stream.getString("opening")) == null) { "Opening holds no event" }
        return opener
    }

    private fun sameKey(entry: JSONObject, salt: ByteArray, direction: String, last: String) {
        same(entry, hexOf(key.messageKey(salt, direction).encoded), entry.getString("messageKey"))
        same(entry, String(key.context(direction, last)), entry.getString("additionalData"))
    }

    private fun each(parent: JSONObject, list: String, check: (JSONObject) -> Unit) {
        val entries = parent.getJSONArray(list).objects()
        entries.forEach(check)
        count += entries.size
    }
}

private fun same(entry: JSONObject, actual: String?, expected: String?) =
    check(actual == expected) { "${entry.optString("name")}: got \"$actual\" instead of \"$expected\"" }

private fun refuses(entry: JSONObject, open: () -> Unit) {
    val opened = try {
        open()
        true
    } catch (failure: EnvelopeException) {
        false
    } catch (failure: JSONException) {
        false
    }
    check(!opened) { "${entry.optString("name")}: opens, and must not" }
}

private fun StreamOpener.openEvent(event: JSONObject): String? =
    open(null, event.getString("id"), event.getString("data"))

private fun JSONArray.objects(): List<JSONObject> = (0 until length()).map { getJSONObject(it) }

private fun members(json: JSONObject): Map<String, Any> = json.keys().asSequence().associateWith { json.get(it) }

private fun bytes(entry: JSONObject, name: String): ByteArray =
    entry.getString(name).chunked(2).map { it.toInt(16).toByte() }.toByteArray()
