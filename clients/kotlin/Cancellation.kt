/* Cancelling from another thread. */
package e2egateway

import java.io.InterruptedIOException
import java.util.concurrent.CancellationException
import java.util.concurrent.CountDownLatch
import java.util.concurrent.TimeUnit

/**
 * Cancels the calls that it was passed to, from any thread and at once: they throw [CancellationException]. A request
 * that reached the gateway may still run.
 */
class Cancellation {
    private val cancelled = CountDownLatch(1)
    private val stops = mutableListOf<() -> Unit>()

    /** True once [cancel] was called. */
    val isCancelled: Boolean get() = cancelled.count == 0L

    /** Cancels running and later calls. */
    fun cancel() {
        cancelled.countDown()
        synchronized(stops) { stops.toList() }.forEach { it() }
    }

    /** Runs work that [stop] ends. @throws CancellationException when it is cancelled. */
    internal fun <T> during(stop: () -> Unit, work: () -> T): T {
        synchronized(stops) { stops += stop }
        try {
            throwIfCancelled()
            return work()
        } catch (failure: Exception) {
            // A stopped call throws different exceptions.
            throwIfCancelled()
            throw failure
        } finally {
            synchronized(stops) { stops -= stop }
        }
    }

    /** Waits. @throws CancellationException when it is cancelled meanwhile. */
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
