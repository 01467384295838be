"""Follows Jeedom's events by long polls."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

from .channel import Answer
from .errors import FailedError, GatewayError, JeedomError
from .overlap import Overlap
from .waiting import Backoff

#: A poll that came back within so many seconds with nothing new is followed
#: by as long a wait, or the overlap would make a circle of it.
SHORT_POLL = 1.0

#: Calls a method of Jeedom with parameters.
Ask = Callable[[str, dict[str, Any]], Answer]


@dataclass(frozen=True)
class _Changes:
    """What a poll brought."""

    #: Jeedom's clock, in seconds since 1970.
    datetime: float
    events: list[dict[str, Any]]


def jeedom_events(
    ask: Ask,
    *,
    since: float | None,
    long_polling: float,
    filter_name: str | None,
    backoff: Backoff,
) -> Generator[dict[str, Any], None, None]:
    """Yield events, each once, until the generator is closed.

    :raises GatewayError: the first failure that will not pass
    """
    overlap = None if since is None else Overlap(since)
    tries = 0
    while True:
        try:
            if overlap is None:
                overlap = Overlap(_number(_result(ask("datetime", {}))))
            asked_at = time.monotonic()
            params: dict[str, Any] = {
                "datetime": overlap.start,
                "longPolling": long_polling,
            }
            if filter_name is not None:
                params["filter"] = filter_name
            changes = _read_changes(ask("event::changes", params))
        except GatewayError as error:
            if error.retry_after is None and not isinstance(
                error, FailedError
            ):
                raise
            time.sleep(max(error.retry_after or 0.0, backoff(tries)))
            tries += 1
            continue
        tries = 0
        news = overlap.advance(changes.datetime, changes.events)
        yield from news
        if not news and time.monotonic() - asked_at < SHORT_POLL:
            time.sleep(SHORT_POLL)


def _read_changes(answer: Answer) -> _Changes:
    result = _result(answer)
    events = result.get("result") if isinstance(result, dict) else None
    if not isinstance(events, list):
        raise JeedomError(
            "Jeedom does not tell its events", status=answer.status
        )
    # Something that is no event should not hide the others.
    return _Changes(
        _number(result.get("datetime")), [it for it in events if _is_event(it)]
    )


def _result(answer: Answer) -> Any:
    """Take the result out of what Jeedom answered."""
    body = answer.body
    if isinstance(body, dict) and isinstance(body.get("error"), dict):
        reason = body["error"].get("message")
        raise JeedomError(f"Jeedom: {reason}", status=answer.status)
    if answer.status >= 500:
        # As while it starts.
        raise FailedError(
            f"Jeedom answers with status {answer.status}",
            status=answer.status,
        )
    if not isinstance(body, dict) or "result" not in body:
        raise JeedomError(
            "Jeedom's answer has no result: is this its API?",
            status=answer.status,
        )
    return body["result"]


def _is_event(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("name"), str)
        and _time(value.get("datetime")) is not None
    )


def _number(value: Any) -> float:
    told = _time(value)
    if told is None:
        raise JeedomError(f'Jeedom told no time, but "{value}"', status=200)
    return told


def _time(value: Any) -> float | None:
    try:
        told = float(value)
    except (TypeError, ValueError):
        return None
    return told if math.isfinite(told) else None
