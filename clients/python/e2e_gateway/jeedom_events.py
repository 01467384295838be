"""Events of Jeedom, by long polls."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

from .answer import Answer
from .errors import FailedError, GatewayError, JeedomError
from .overlap import Overlap
from .waiting import Backoff

#: A poll without new events that took less, in seconds, is followed by as long
#: a wait: events within the overlap end a poll at once.
SHORT_POLL = 1.0
#: Longest time of nothing but failures, in seconds.
LONGEST_FAILING = 300.0
#: Jeedom's code for an internal failure, such as a database that restarts.
INTERNAL_ERROR = -32000

#: Calls a method of Jeedom with parameters.
Ask = Callable[[str, dict[str, Any]], Answer]


@dataclass(frozen=True)
class _Changes:
    """Result of a poll."""

    #: Time of Jeedom, in seconds since 1970.
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

    :raises GatewayError: the first permanent failure, or the newest one after
        ``LONGEST_FAILING`` seconds of nothing but temporary ones
    """
    overlap = None if since is None else Overlap(since)
    tries = 0
    failing_since: float | None = None
    while True:
        try:
            if overlap is None:
                overlap = Overlap(_number(_result(ask, "datetime", {})))
            asked_at = time.monotonic()
            params: dict[str, Any] = {
                "datetime": overlap.start,
                "longPolling": long_polling,
            }
            if filter_name is not None:
                params["filter"] = filter_name
            changes = _read_changes(_result(ask, "event::changes", params))
        except GatewayError as error:
            if error.retry_after is None and not isinstance(
                error, FailedError
            ):
                raise
            now = time.monotonic()
            if failing_since is None:
                failing_since = now
            if now - failing_since >= LONGEST_FAILING:
                raise
            time.sleep(max(error.retry_after or 0.0, backoff(tries)))
            tries += 1
            continue
        tries = 0
        failing_since = None
        new_events = overlap.advance(changes.datetime, changes.events)
        yield from new_events
        if not new_events and time.monotonic() - asked_at < SHORT_POLL:
            time.sleep(SHORT_POLL)


def _read_changes(result: Any) -> _Changes:
    events = result.get("result") if isinstance(result, dict) else None
    if not isinstance(events, list):
        raise JeedomError("Jeedom's answer has no events", status=200)
    # A malformed event must not hide the others.
    return _Changes(
        _number(result.get("datetime")), [it for it in events if _is_event(it)]
    )


def _result(ask: Ask, method: str, params: dict[str, Any]) -> Any:
    """Call a method, and return the result in its answer.

    :raises FailedError: for a temporary failure, as while Jeedom starts
    :raises JeedomError: for a permanent one
    """
    answer = ask(method, params)
    status, body = answer.status, answer.body
    fields = body if isinstance(body, dict) else {}
    error = fields.get("error")
    if isinstance(error, dict):
        code = error.get("code")
        kind = FailedError if code == INTERNAL_ERROR else JeedomError
        reason = f"Jeedom refuses {method}: {error.get('message')} ({code})"
        raise kind(reason, status=status)
    if status >= 500:
        raise FailedError(f"Jeedom failed: HTTP {status}", status=status)
    if status != 200:
        raise JeedomError(
            f"Jeedom does not answer {method}: HTTP {status}",
            status=status,
        )
    if "result" not in fields:
        raise FailedError(
            f"Jeedom does not answer {method} with JSON-RPC: is this its API?",
            status=status,
        )
    return fields["result"]


def _is_event(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("name"), str)
        and _time(value.get("datetime")) is not None
    )


def _number(value: Any) -> float:
    number = _time(value)
    if number is None:
        raise JeedomError(f"Jeedom's answer has no time, but '{value}'", status=200)
    return number


def _time(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
