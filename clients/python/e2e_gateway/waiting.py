"""Waits between retries."""

from __future__ import annotations

import random
from collections.abc import Callable

#: Returns the wait before a retry, in seconds, from the failed tries.
Backoff = Callable[[int], float]


def backoff(tries: int) -> float:
    """Return the wait before the next try: exponential, with jitter.

    The jitter keeps the clients of a gateway that restarted from reconnecting
    at the same moment.

    :param tries: number of failed tries since the last success
    :returns: seconds: from half to all of 0.5, 1, 2, 4, 8, 16, then 30
    """
    return random.uniform(0.5, 1.0) * min(30.0, 0.5 * (1 << min(tries, 6)))
