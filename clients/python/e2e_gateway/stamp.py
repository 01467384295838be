"""Tells when a request was stamped, and whether it can ever have run."""

from __future__ import annotations

import time
from collections.abc import Callable

#: How far a timestamp may be from the clock of a gateway whose
#: ``MAX_AGE_SECONDS`` was left alone, in seconds.
MAX_AGE = 60.0


class Stamp:
    """The time of a request."""

    def __init__(self, clock: Callable[[], float], ahead: float) -> None:
        """Take the time now.

        :param clock: tells the seconds since 1970
        :param ahead: what the gateway's clock is ahead of it, in seconds
        """
        self._clock = clock
        self._wall = clock()
        self._monotonic = time.monotonic()
        #: What the request says, in seconds since 1970.
        self.timestamp = self._wall + ahead

    def was_always_too_old(self, gateway_time: float) -> bool:
        """Tell whether it was too old for the gateway since it was sealed.

        Only then no copy of the request can have run before this one was
        refused, and none ever will.

        :param gateway_time: what the refusal says, in seconds since 1970
        """
        # One of them may have been set meanwhile, the other one may have
        # slept.
        elapsed = max(
            self._clock() - self._wall, time.monotonic() - self._monotonic
        )
        return gateway_time - self.timestamp > MAX_AGE + elapsed
