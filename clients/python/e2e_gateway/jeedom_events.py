"""Follows Jeedom's events by long polls."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

from .channel import Answer
from .errors import FailedError, GatewayError, JeedomError
from .waiting import Backoff

#: Jeedom may write an event late: each poll begins so long before the end of
#: the last one, in seconds.
OVERLAP = 2.0
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
    begin = since
    seen: dict[str, float] = {}
    tries = 0
    while True:
        try:
            if begin is None:
                begin = _number(_result(ask("datetime", {})))
            asked_at = time.monotonic()
            params: dict[str, Any] = {
                "datetime": begin,
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
        # Where nothing happened, Jeedom tells no later time: never back.
        begin = max(begin, changes.datetime - OVERLAP)
        is_new = False
        for event in changes.events:
            identity = _identity(event)
            if identity not in seen:
                seen[identity] = _when(event, changes.datetime)
                is_new = True
                yield event
        seen = {what: at for what, at in seen.items() if at >= begin}
        if not is_new and time.monotonic() - asked_at < SHORT_POLL:
            time.sleep(SHORT_POLL)


def _identity(event: dict[str, Any]) -> str:
    told = [event.get(name) for name in ("datetime", "name", "option")]
    return json.dumps(told, sort_keys=True)


def _when(event: dict[str, Any], otherwise: float) -> float:
    at = event.get("datetime")
    return at if isinstance(at, (int, float)) else otherwise


def _read_changes(answer: Answer) -> _Changes:
    result = _result(answer)
    if not isinstance(result, dict):
        raise _not_understood(answer)
    events = result.get("result")
    return _Changes(
        _number(result.get("datetime")),
        [event for event in events if isinstance(event, dict)]
        if isinstance(events, list)
        else [],
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
        raise _not_understood(answer)
    return body["result"]


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise JeedomError(
            f'Jeedom told no time, but "{value}"', status=200
        ) from None


def _not_understood(answer: Answer) -> JeedomError:
    return JeedomError(
        "Jeedom's answer has no result: is this its API?",
        status=answer.status,
    )
