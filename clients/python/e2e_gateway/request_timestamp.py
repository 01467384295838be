"""Timestamp of a request."""

from __future__ import annotations

import time
from collections.abc import Callable

#: Default of the gateway's ``MAX_AGE_SECONDS``: largest distance of a
#: timestamp from its clock, in seconds.
MAX_AGE = 60.0


class RequestTimestamp:
    """Timestamp of a request, which later shows whether it can have run."""

    def __init__(self, clock: Callable[[], float], ahead: float) -> None:
        """Take the current time.

        :param clock: returns the seconds since 1970
        :param ahead: lead of the gateway's clock, in seconds
        """
        self._clock = clock
        self._wall = clock()
        self._monotonic = time.monotonic()
        #: Timestamp in the request, in seconds since 1970.
        self.seconds = self._wall + ahead

    def was_always_too_old(self, gateway_time: float) -> bool:
        """Return whether it was too old for the gateway from its beginning.

        Only then no copy of the request can have run before this one was
        refused, and none ever will.

        :param gateway_time: time in the refusal, in seconds since 1970
        """
        # The wall clock may have been set meanwhile; the monotonic clock may
        # have stopped during sleep.
        elapsed = max(
            self._clock() - self._wall, time.monotonic() - self._monotonic
        )
        return gateway_time - self.seconds > MAX_AGE + elapsed
