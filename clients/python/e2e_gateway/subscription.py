"""Makes one subscription out of many streams."""

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

#: A stream that lasted this long, in seconds, was a good one: what comes next
#: is another trouble, and is waited for as little as the first.
GOOD_STREAM = 30.0
#: The gateway's codes for refusals that pass by themselves.
PASSING = ("too_slow", "replay", "key_revoked")
#: How those begin at older gateways, which tell no code.
OLD_PASSING = ("Too slow: ", "Request was used before")


def follow(
    channel: Channel,
    fields: dict[str, Any],
    *,
    timeout: float,
    resume: bool,
    backoff: Backoff,
) -> Generator[dict[str, Any], None, None]:
    """Yield the events of one stream after the other.

    :raises GatewayError: the first failure that will not pass; any, until
        the first stream was connected
    """
    fields = dict(fields)
    goes_on = False
    tries = 0
    while True:
        connected_at: float | None = None
        pause = 0.0
        try:
            with closing(open_stream(channel, fields, timeout)) as events:
                for event in events:
                    kind = event.get("type")
                    if kind == "end":
                        pause = _retry(event.get("retry"))
                    if kind == "connected":
                        connected_at = time.monotonic()
                        goes_on = resume
                    elif kind == "message":
                        tries = 0
                    elif connected_at is None and goes_on and kind in LAST:
                        # Told already: no stream is connected.
                        break
                    fields["since"] = _progress(event) or fields["since"]
                    yield event
        except GatewayError as error:
            if not goes_on or not _may_pass(error):
                raise
            pause = error.retry_after or 0.0
            if connected_at is not None:
                yield {
                    "type": "disconnected",
                    "message": error.message,
                    "timestamp": int(channel.now()),
                }
        if not goes_on:
            return
        if (
            connected_at is not None
            and time.monotonic() - connected_at >= GOOD_STREAM
        ):
            tries = 0
        time.sleep(max(pause, backoff(tries)))
        tries += 1


def position(event: Mapping[str, Any]) -> dict[str, Any]:
    """Take the position out of an event.

    :raises KeyError: if it has none
    """
    return {"epoch": event["epoch"], "offset": event["offset"]}


def _may_pass(error: GatewayError) -> bool:
    if error.retry_after is not None:
        return True
    if isinstance(error, (FailedError, ExpiredError)):
        return True
    if error.gateway_code is not None:
        return error.gateway_code in PASSING
    return error.message.startswith(OLD_PASSING)


def _retry(seconds: Any) -> float:
    """Tell the wait that a gateway asks for as it stops; 0 if it is none."""
    is_number = isinstance(seconds, (int, float)) and seconds is not True
    return seconds if is_number and 0 <= seconds <= LONGEST_RETRY else 0.0


def _progress(event: dict[str, Any]) -> dict[str, Any] | None:
    """Tell the position up to which everything has come, if it is new."""
    place = event.get("resume") if event.get("type") == "error" else event
    if isinstance(place, dict) and {"epoch", "offset"} <= place.keys():
        return position(place)
    return None
