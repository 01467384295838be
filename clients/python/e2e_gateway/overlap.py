"""Polls that overlap, so that nothing is lost between two of them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

#: Jeedom may write an event late: each poll begins so long before the end of
#: the last one, in seconds.
OVERLAP = 2.0


class Overlap:
    """Where the polls are, and what they brought lately."""

    def __init__(self, begin: float) -> None:
        """Begin after a time of Jeedom's, in seconds since 1970."""
        self._begin = begin
        #: After which time to ask, in seconds since 1970.
        self.start = begin
        self._seen: dict[str, float] = {}

    def advance(
        self, until: float, events: Iterable[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        """Take what a poll brought, and move on.

        :param until: where Jeedom says to go on, in seconds since 1970
        :param events: each with its time in ``datetime``
        :returns: what is new, in its order
        """
        news = []
        for event in events:
            at, identity = float(event["datetime"]), _identity(event)
            # Jeedom may bring the event at the beginning itself again.
            if at > self._begin and identity not in self._seen:
                self._seen[identity] = at
                news.append(event)
        # Where nothing happened, Jeedom tells no later time: never back.
        self.start = max(self.start, until - OVERLAP)
        self._seen = {
            what: at for what, at in self._seen.items() if at >= self.start
        }
        return news


def _identity(event: dict[str, Any]) -> str:
    told = [event.get(name) for name in ("datetime", "name", "option")]
    return json.dumps(told, sort_keys=True)
