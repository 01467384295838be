/* When a request was stamped, and whether it can ever have run. */
package e2egateway

/** How far a timestamp may be from the clock of a gateway whose MAX_AGE_SECONDS was left alone. */
private const val MAX_AGE_SECONDS = 60.0

/**
 * The time of a request.
 *
 * @param clock tells the milliseconds since 1970
 * @param aheadMillis what the gateway's clock is ahead of it
 */
internal class Stamp(private val clock: () -> Long, aheadMillis: Long) {
    private val wallMillis = clock()
    private val monotonicNanos = System.nanoTime()

    /** What the request says, in seconds since 1970. */
    val timestamp: Double = (wallMillis + aheadMillis) / 1000.0

    /**
     * Tells whether the request was too old for the gateway ever since it was sealed. Only then no copy of it can have
     * run before this one was refused, and none ever will.
     *
     * @param gatewayTime what the refusal says, in seconds since 1970
     */
    fun wasAlwaysTooOld(gatewayTime: Double): Boolean {
        // One of them may have been set meanwhile, the other one may have slept.
        val elapsed = maxOf((clock() - wallMillis) / 1000.0, (System.nanoTime() - monotonicNanos) / 1e9)
        return gatewayTime - timestamp > MAX_AGE_SECONDS + elapsed
    }
}
