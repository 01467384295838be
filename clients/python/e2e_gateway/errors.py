"""What can go wrong between a client and its gateway, and what it means."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, ClassVar

#: What the gateway says to a request from another time.
EXPIRED = "Request expired"


class GatewayError(Exception):
    """Something went wrong; each class below is for one reason.

    ``code`` is a stable name for the reason. ``status`` is the status of the
    answer in the way of HTTP, 0 if nobody answered. ``retry_after`` tells
    after how many seconds another try may do better, 0 if nobody said; it is
    None where no later try will help. ``gateway_code`` is the gateway's own
    code for its refusal, such as ``key_rate``; None if it told none.
    """

    code: ClassVar[str]

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        retry_after: float | None = None,
        gateway_code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.retry_after = retry_after
        self.gateway_code = gateway_code

    def __str__(self) -> str:
        status = f" (status {self.status})" if self.status else ""
        return f"{self.message}{status}"


class PassingError(GatewayError):
    """A failure that may pass by itself."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        retry_after: float = 0.0,
        gateway_code: str | None = None,
    ) -> None:
        super().__init__(
            message,
            status=status,
            retry_after=retry_after,
            gateway_code=gateway_code,
        )


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
    """The gateway has no such key, or does not take it any more.

    ``knows_version_2`` tells whether the gateway said that it knows version
    2: then version 1 does not help. Not proven: the answer is plain.
    """

    code = "wrong_key"

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        gateway_code: str | None = None,
        knows_version_2: bool = False,
    ) -> None:
        super().__init__(message, status=status, gateway_code=gateway_code)
        self.knows_version_2 = knows_version_2


class ExpiredError(GatewayError):
    """The clock of this machine, or of the gateway, is wrong.

    ``gateway_time`` is the gateway's clock, in seconds since 1970.
    """

    code = "expired"

    def __init__(
        self,
        *,
        status: int = 0,
        gateway_time: Any,
        gateway_code: str | None = None,
    ) -> None:
        super().__init__(
            f"{EXPIRED}: this device's clock is wrong{_told(gateway_time)}",
            status=status,
            gateway_code=gateway_code,
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


def _told(gateway_time: Any) -> str:
    try:
        moment = datetime.fromtimestamp(gateway_time, timezone.utc)
    except (TypeError, ValueError, OverflowError, OSError):
        return ""
    return f", the gateway's time is {moment:%Y-%m-%dT%H:%M:%SZ}"
