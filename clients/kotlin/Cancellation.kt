/* Giving up, from another thread. */
package e2egateway

import java.io.InterruptedIOException
import java.util.concurrent.CancellationException
import java.util.concurrent.CountDownLatch
import java.util.concurrent.TimeUnit

/**
 * Gives up the calls that it was handed to, from any thread and at once: they throw [CancellationException]. What the
 * gateway has already, it may still do.
 */
class Cancellation {
    private val cancelled = CountDownLatch(1)
    private val stops = mutableListOf<() -> Unit>()

    /** Whether [cancel] was called. */
    val isCancelled: Boolean get() = cancelled.count == 0L

    /** Gives up what is under way, and all that comes later. */
    fun cancel() {
        cancelled.countDown()
        synchronized(stops) { stops.toList() }.forEach { it() }
    }

    /** Does something that [stop] ends. @throws CancellationException when it is given up. */
    internal fun <T> during(stop: () -> Unit, work: () -> T): T {
        synchronized(stops) { stops += stop }
        try {
            throwIfCancelled()
            return work()
        } catch (failure: Exception) {
            // What a stopped call throws differs from place to place.
            throwIfCancelled()
            throw failure
        } finally {
            synchronized(stops) { stops -= stop }
        }
    }

    /** Waits. @throws CancellationException when it is given up meanwhile. */
    internal fun sleep(millis: Long) {
        try {
            cancelled.await(millis, TimeUnit.MILLISECONDS)
        } catch (interruption: InterruptedException) {
            Thread.currentThread().interrupt()
            throw InterruptedIOException("Request was interrupted")
        }
        throwIfCancelled()
    }

    internal fun throwIfCancelled() {
        if (isCancelled) throw CancellationException("Request was cancelled")
    }
}
