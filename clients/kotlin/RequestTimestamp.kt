/* Timestamp of a request. */
package e2egateway

/** Default of the gateway's MAX_AGE_SECONDS: largest distance of a timestamp from its clock. */
private const val MAX_AGE_SECONDS = 60.0

/**
 * Timestamp of a request, which later shows whether the request can have run.
 *
 * @param clock returns the milliseconds since 1970
 * @param aheadMillis lead of the gateway's clock
 */
internal class RequestTimestamp(private val clock: () -> Long, aheadMillis: Long) {
    private val wallMillis = clock()
    private val monotonicNanos = System.nanoTime()

    /** Timestamp in the request, in seconds since 1970. */
    val seconds: Double = (wallMillis + aheadMillis) / 1000.0

    /**
     * Returns whether the request was too old for the gateway from the moment it was sealed. Only then no copy of it can
     * have run before this one was refused, and none ever will.
     *
     * @param gatewayTime time in the refusal, in seconds since 1970
     */
    fun wasAlwaysTooOld(gatewayTime: Double): Boolean {
        // The wall clock may have been set meanwhile; the monotonic clock may have stopped during sleep.
        val elapsed = maxOf((clock() - wallMillis) / 1000.0, (System.nanoTime() - monotonicNanos) / 1e9)
        return gatewayTime - seconds > MAX_AGE_SECONDS + elapsed
    }
}
