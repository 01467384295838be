/* Checks how the Kotlin client reads pairing codes. */
package e2egateway

private const val KEY = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1F"
private const val HOME = "url=https%3A%2F%2Fhome.example"

/** @throws IllegalStateException if a valid code is refused, or an invalid one accepted */
fun checkPairing() {
    takes("$HOME&name=annas-phone", "https://home.example", "annas-phone")
    takes("name=a%2Bb+%C3%A9&url=http%3A%2F%2F[fd00::1]:8080%2Fgw%2F", "http://[fd00::1]:8080/gw", "a+b+é")
    takes("name=x&url=https://home.example/", "https://home.example", "x")

    for (start in listOf("E2EG://pair", "e2eg://pair/", "e2eg:pair", " e2eg://pair", "https://pair")) {
        refuses("$start?$HOME&name=x#key=$KEY")
    }
    for (key in listOf("", KEY.drop(1), KEY + "0", KEY + "\n", "$KEY#", KEY.replace('e', 'g'))) {
        refuses("e2eg://pair?$HOME&name=x#key=$key")
    }
    val fields = listOf("", HOME, "name=x", "$HOME&Name=x", "$HOME&name=x&", "$HOME&name=x&name=y", "$HOME&name=x&a=b")
    val addresses = listOf(
        "ftp://home.example", "javascript:alert(1)", "https://", "https://user@home.example",
        "https://home.example%3Fa", "https://home.example%23a", "https://home.example%20"
    ).map { "url=$it&name=x" }
    val names = listOf("", "a%0Ab", "x".repeat(65), "%C3", "%", "%zz", "a b", "é").map { "$HOME&name=$it" }
    for (query in fields + addresses + names) refuses("e2eg://pair?$query#key=$KEY")
}

private fun takes(query: String, url: String, name: String) {
    val pairing = Pairing.parse("e2eg://pair?$query#key=$KEY")
    check(pairing.url == url && pairing.name == name && pairing.key == KEY) { "$query: wrong parts" }
    check(KEY !in pairing.toString()) { "Pairing shows its key" }
}

private fun refuses(code: String) {
    val message = try {
        Pairing.parse(code)
        null
    } catch (failure: IllegalArgumentException) {
        failure.message
    }
    check(message != null) { "$code: taken, and must not be" }
    check(KEY !in message) { "Refusal shows the key" }
}
