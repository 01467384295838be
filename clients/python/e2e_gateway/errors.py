"""Errors of the client."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, ClassVar

#: Text of the gateway for a request with a wrong timestamp.
EXPIRED = "Request expired"


class GatewayError(Exception):
    """Base of all errors; each class below is for one reason.

    ``code`` is a stable name for the reason. ``status`` is the status of the
    answer, as in HTTP; 0 if there was no answer. ``retry_after`` is the
    shortest wait before a retry, in seconds; 0 if it is unknown, and None
    where no retry will help. ``gateway_code`` is the gateway's code for its
    refusal, such as ``key_rate``; None if it sent none. ``is_sealed`` is True
    for a sealed refusal, which proves that the gateway answered: a plain one
    may be of any program in between.
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
        self.is_sealed = False

    def __str__(self) -> str:
        status = f" (status {self.status})" if self.status else ""
        return f"{self.message}{status}"


class PassingError(GatewayError):
    """Temporary failure: a retry may succeed."""

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
    """The network failed, or there is no answer."""

    code = "unreachable"


class RequestTimeoutError(PassingError, TimeoutError):
    """No answer in time; the request may have run."""

    code = "timeout"


class TruncatedError(PassingError, ConnectionError):
    """A stream broke off before its last event."""

    code = "truncated"


class TamperedError(GatewayError):
    """An answer or event does not open, or is not for this request.

    It was changed or inserted in between, or an event before it was removed;
    or the gateway has another key.
    """

    code = "tampered"


class WrongKeyError(GatewayError):
    """The gateway does not accept the key, or no longer.

    ``knows_version_2`` is true if the gateway announced version 2: then
    version 1 does not help. Not authenticated: the answer is plain.
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


class PairingCodeError(GatewayError):
    """A pairing code is unknown, was used, or is older than 10 minutes."""

    code = "pairing_code"


class AlreadyPairedError(GatewayError):
    """Another request has just used the pairing code.

    Unless it was one of this device, its key is to be removed.
    """

    code = "already_paired"


class ExpiredError(GatewayError):
    """The clock of this machine, or of the gateway, is wrong.

    ``gateway_time`` is the time of the gateway, in seconds since 1970.
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
            f"{EXPIRED}: this device's clock is wrong"
            f"{_time_text(gateway_time)}",
            status=status,
            gateway_code=gateway_code,
        )
        self.gateway_time = gateway_time


class ScopeError(GatewayError):
    """The key has no right to do this."""

    code = "scope"


class RateLimitError(PassingError):
    """Too many requests.

    Nothing ran if the refusal was sealed; HTTP 429 is not authenticated.
    """

    code = "rate_limit"


class UnavailableError(PassingError):
    """The gateway, or a proxy before it, cannot accept requests now."""

    code = "unavailable"


class FailedError(GatewayError):
    """Jeedom, the broker or another service, behind the gateway, failed."""

    code = "failed"


class JeedomError(GatewayError):
    """Jeedom answered a poll for events with an error, or without events."""

    code = "jeedom"


class RefusedError(GatewayError):
    """The gateway refuses the request, such as one with a missing field."""

    code = "refused"


def _time_text(gateway_time: Any) -> str:
    try:
        moment = datetime.fromtimestamp(gateway_time, timezone.utc)
    except (TypeError, ValueError, OverflowError, OSError):
        return ""
    return f", the gateway's time is {moment:%Y-%m-%dT%H:%M:%SZ}"
