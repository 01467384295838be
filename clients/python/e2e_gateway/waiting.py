"""How long to wait before the next try."""

from __future__ import annotations

import random
from collections.abc import Callable

#: Tells the seconds to wait, from how many tries were in vain.
Backoff = Callable[[int], float]


def backoff(tries: int) -> float:
    """Tell how long to wait before the next try.

    Longer each time, and by chance, so that the clients of a gateway that
    was away do not all come back at the same moment.

    :param tries: how many tries since the last good one were in vain
    :returns: seconds: from half to all of 0.5, 1, 2, 4, 8, 16, then 30
    """
    return random.uniform(0.5, 1.0) * min(30.0, 0.5 * (1 << min(tries, 6)))
