"""What can go wrong between a client and its gateway, and what it means."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any, ClassVar

#: How the gateway begins when a key may not do something.
SCOPE = ("This key may not ", "Broker not allowed")
#: What it says to a request from another time.
EXPIRED = "Request expired"


class GatewayError(Exception):
    """Something went wrong; each class below is for one reason.

    ``code`` is a stable name for the reason. ``status`` is the status of the
    answer in the way of HTTP, 0 if nobody answered. ``retry_after`` tells
    after how many seconds another try may do better, 0 if nobody said; it is
    None where no later try will help.
    """

    code: ClassVar[str]

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.retry_after = retry_after

    def __str__(self) -> str:
        status = f" (status {self.status})" if self.status else ""
        return f"{self.message}{status}"


class PassingError(GatewayError):
    """A failure that may pass by itself."""

    def __init__(
        self, message: str, *, status: int = 0, retry_after: float = 0.0
    ) -> None:
        super().__init__(message, status=status, retry_after=retry_after)


class UnreachableError(PassingError, ConnectionError):
    """The network failed, or nobody answers there. It may pass."""

    code = "unreachable"


class RequestTimeoutError(PassingError, TimeoutError):
    """No answer came in time; what was asked for may have been done."""

    code = "timeout"


class TruncatedError(PassingError, ConnectionError):
    """A stream broke off before its last event. It may pass."""

    code = "truncated"


class TamperedError(GatewayError):
    """An answer or event is not what the gateway sealed for this request.

    Somebody on the way changed it, put it in, or left something out before
    it; or the gateway has another key.
    """

    code = "tampered"


class WrongKeyError(GatewayError):
    """The gateway has no such key, or does not take it any more."""

    code = "wrong_key"


class ExpiredError(GatewayError):
    """The clock of this machine, or of the gateway, is wrong.

    ``gateway_time`` is the gateway's clock, in seconds since 1970.
    """

    code = "expired"

    def __init__(self, *, status: int = 0, gateway_time: Any) -> None:
        super().__init__(
            f"{EXPIRED}: this device's clock is wrong{_told(gateway_time)}",
            status=status,
        )
        self.gateway_time = gateway_time


class ScopeError(GatewayError):
    """The key may not do this."""

    code = "scope"


class RateLimitError(PassingError):
    """There were too many requests. It passes.

    Nothing ran, if that was sealed: anybody on the way can send HTTP 429.
    """

    code = "rate_limit"


class UnavailableError(PassingError):
    """The gateway, or a proxy before it, cannot take requests just now."""

    code = "unavailable"


class FailedError(GatewayError):
    """The gateway tried, and Jeedom or the MQTT broker failed."""

    code = "failed"


class JeedomError(GatewayError):
    """Jeedom answered a poll for events with an error, or told none."""

    code = "jeedom"


class RefusedError(GatewayError):
    """The gateway refuses such a request, as one with a missing field."""

    code = "refused"


def http_refusal(
    status: int, reason: str, retry_after: float
) -> GatewayError:
    """Tell what an HTTP status means that is not a success.

    :param retry_after: seconds, 0 if nobody said
    """
    if status == 401:
        return WrongKeyError(reason, status=status)
    if status == 429:
        return RateLimitError(reason, status=status, retry_after=retry_after)
    if status == 408 or status >= 500:
        return UnavailableError(reason, status=status, retry_after=retry_after)
    return RefusedError(reason, status=status)


def sealed_refusal(
    status: int, body: Any, timestamp: Any
) -> GatewayError | None:
    """Tell what an opened answer means; None if a service gave it.

    The gateway's own refusals are strings that hold a JSON object with an
    ``error``; a service's JSON would have been parsed.
    """
    refusal = _refusal(body) if status != 200 else None
    if refusal is None:
        return None
    reason = refusal["error"]
    if status == 403 and reason == EXPIRED:
        return ExpiredError(status=status, gateway_time=timestamp)
    if status == 403 and reason.startswith(SCOPE):
        return ScopeError(reason, status=status)
    if status == 429:
        seconds = refusal.get("retry_after")
        known = isinstance(seconds, (int, float)) and seconds >= 0
        return RateLimitError(
            reason, status=status, retry_after=seconds if known else 0.0
        )
    if status >= 500:
        return FailedError(reason, status=status)
    return RefusedError(reason, status=status)


def event_refusal(event: dict[str, Any]) -> GatewayError:
    """Tell what an ``error`` event means that came instead of ``connected``.

    Such an event tells no status.
    """
    reason = str(event.get("message"))
    if reason == EXPIRED:
        return ExpiredError(gateway_time=event.get("timestamp"))
    if reason.startswith(SCOPE):
        return ScopeError(reason)
    if reason.startswith("Too many "):
        return RateLimitError(reason)
    if reason.startswith("MQTT error: "):
        return FailedError(reason)
    return RefusedError(reason)


def _told(gateway_time: Any) -> str:
    try:
        moment = datetime.fromtimestamp(gateway_time, timezone.utc)
    except (TypeError, ValueError, OverflowError, OSError):
        return ""
    return f", the gateway's time is {moment:%Y-%m-%dT%H:%M:%SZ}"


def _refusal(body: Any) -> dict[str, Any] | None:
    if not isinstance(body, str):
        return None
    try:
        refusal = json.loads(body)
    except ValueError:
        return None
    if isinstance(refusal, dict) and isinstance(refusal.get("error"), str):
        return refusal
    return None
