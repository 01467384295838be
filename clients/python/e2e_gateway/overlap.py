"""Range of polls that overlap, so that no event is lost between two."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

#: Overlap of two polls, in seconds: Jeedom may write an event late.
OVERLAP = 2.0


class Overlap:
    """Begin of the next poll, and the events that may come again."""

    def __init__(self, begin: float) -> None:
        """Begin after a time of Jeedom, in seconds since 1970."""
        self._begin = begin
        #: Begin of the next poll, in seconds since 1970.
        self.start = begin
        self._seen: dict[str, float] = {}

    def advance(
        self, until: float, events: Iterable[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        """Move on by the result of a poll.

        :param until: time of Jeedom's last event, in seconds since 1970
        :param events: each with its time in ``datetime``
        :returns: new events, in their order
        """
        new_events = []
        for event in events:
            at, identity = float(event["datetime"]), _identity(event)
            # Jeedom may bring the event at the beginning itself again.
            if at > self._begin and identity not in self._seen:
                self._seen[identity] = at
                new_events.append(event)
        # The last event may be long ago: the polls never go back.
        self.start = max(self.start, until - OVERLAP)
        self._seen = {
            key: at for key, at in self._seen.items() if at >= self.start
        }
        return new_events


def _identity(event: dict[str, Any]) -> str:
    parts = [event.get(name) for name in ("datetime", "name", "option")]
    return json.dumps(parts, sort_keys=True)
