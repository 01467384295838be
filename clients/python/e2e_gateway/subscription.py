"""One subscription out of many streams."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping
from contextlib import closing
from typing import Any

from .channel import Channel
from .errors import ExpiredError, FailedError, GatewayError
from .refusal import LONGEST_RETRY
from .stream import LAST, open_stream
from .waiting import Backoff

#: Duration of a stream after which the backoff is reset, in seconds.
GOOD_STREAM = 30.0
#: Codes of temporary refusals.
TEMPORARY = ("too_slow", "replay", "key_revoked")
#: Beginnings of their texts at older gateways, which send no code.
OLDER_TEMPORARY = ("Too slow: ", "Request was used before")


def follow(
    channel: Channel,
    route: str,
    fields: dict[str, Any],
    *,
    timeout: float,
    resume: bool,
    backoff: Backoff,
) -> Generator[dict[str, Any], None, None]:
    """Yield the events of one stream after the other.

    :raises GatewayError: the first permanent failure; any, until the first
        stream was connected
    """
    fields = dict(fields)
    resumes = False
    tries = 0
    while True:
        connected_at: float | None = None
        wait = 0.0
        try:
            stream = open_stream(channel, route, fields, timeout)
            with closing(stream) as events:
                for event in events:
                    kind = event.get("type")
                    if kind == "end":
                        wait = _retry(event.get("retry"))
                    if kind == "connected":
                        connected_at = time.monotonic()
                        resumes = resume
                    elif kind == "message":
                        tries = 0
                    elif connected_at is None and resumes and kind in LAST:
                        # The end of the last stream was reported already.
                        break
                    fields["since"] = _progress(event) or fields["since"]
                    yield event
        except GatewayError as error:
            if not resumes or not _is_temporary(error):
                raise
            wait = error.retry_after or 0.0
            if connected_at is not None:
                yield {
                    "type": "disconnected",
                    "message": error.message,
                    "timestamp": int(channel.now()),
                }
        if not resumes:
            return
        if (
            connected_at is not None
            and time.monotonic() - connected_at >= GOOD_STREAM
        ):
            tries = 0
        time.sleep(max(wait, backoff(tries)))
        tries += 1


def position(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return the position of an event.

    :raises KeyError: if it has none
    """
    return {"epoch": event["epoch"], "offset": event["offset"]}


def _is_temporary(error: GatewayError) -> bool:
    if error.retry_after is not None:
        return True
    if isinstance(error, (FailedError, ExpiredError)):
        return True
    if error.gateway_code is not None:
        return error.gateway_code in TEMPORARY
    return error.message.startswith(OLDER_TEMPORARY)


def _retry(seconds: Any) -> float:
    """Return the wait that a stopping gateway asks for; 0 if malformed."""
    is_number = isinstance(seconds, (int, float)) and seconds is not True
    return seconds if is_number and 0 <= seconds <= LONGEST_RETRY else 0.0


def _progress(event: dict[str, Any]) -> dict[str, Any] | None:
    """Return the position to resume after; None if it does not change."""
    at = event.get("resume") if event.get("type") == "error" else event
    if isinstance(at, dict) and {"epoch", "offset"} <= at.keys():
        return position(at)
    return None
