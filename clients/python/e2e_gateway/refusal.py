"""Errors for refusals: of plain HTTP, sealed, and in events."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from .answer import Answer
from .errors import (
    EXPIRED,
    AlreadyPairedError,
    ExpiredError,
    FailedError,
    GatewayError,
    RateLimitError,
    RefusedError,
    ScopeError,
    UnavailableError,
    WrongKeyError,
)

#: Longest wait that a gateway can ask for, in seconds: a faulty gateway must
#: not stop a client forever.
LONGEST_RETRY = 3600.0
#: Text of the gateway for an address over its rate limit, and the clearer one
#: of this client.
TOO_MANY = "Too many requests"
TOO_MANY_HERE = "Too many requests or failed attempts from this address"
#: Beginnings of the texts of older gateways, without a code, for a missing
#: right.
OLDER_SCOPE = ("This key may not ", "Broker not allowed")
#: Classes of the gateway's codes; other codes are classed by their status.
CLASSES: Mapping[str, type[GatewayError]] = {
    "expired": ExpiredError,
    "scope": ScopeError,
    "broker_not_allowed": ScopeError,
    "key_revoked": WrongKeyError,
    "key_rate": RateLimitError,
    "busy": RateLimitError,
    "broker": FailedError,
    "service_unreachable": FailedError,
    "service_timeout": FailedError,
    "service_answer": FailedError,
    "internal": FailedError,
    "restart": UnavailableError,
    "payload": RefusedError,
    "field": RefusedError,
    "unknown_service": RefusedError,
    "limit_reached": RefusedError,
    "old_secret": RefusedError,
    "replay": RefusedError,
    "salt_reused": RefusedError,
    "already_executed": RefusedError,
    "already_paired": AlreadyPairedError,
    "pairing_conflict": RefusedError,
    "too_slow": RefusedError,
}


def is_from_gateway(opened: Mapping[str, Any]) -> bool:
    """Return whether the gateway itself is the source of an answer or event."""
    return opened.get("source") == "gateway"


def http_refusal(
    status: int, reason: str, retry_after: float, newest_version: int
) -> GatewayError:
    """Return the error for an HTTP status that is not a success.

    :param retry_after: seconds, 0 where the answer has none
    :param newest_version: newest version that the gateway announced in a 401;
        0 where it did not
    """
    if status == 401:
        return WrongKeyError(
            reason, status=status, knows_version_2=newest_version >= 2
        )
    if status == 429:
        if reason == TOO_MANY:
            reason = TOO_MANY_HERE
        return RateLimitError(
            _with_wait(reason, retry_after),
            status=status,
            retry_after=retry_after,
        )
    if status == 408 or status >= 500:
        return UnavailableError(
            _with_wait(reason, retry_after),
            status=status,
            retry_after=retry_after,
        )
    return RefusedError(reason, status=status)


def sealed_refusal(
    answer: Answer, opened: Mapping[str, Any], may_be_service: bool
) -> GatewayError | None:
    """Return the error that an opened answer stands for; None for a service's.

    Refusals of the gateway are strings that contain a JSON object with an
    ``error``. A service may answer with the same text, so the text does not
    decide where the gateway names itself as the source.

    :param opened: all of the answer
    :param may_be_service: true if an answer without a source comes from a
        service: this gateway names itself
    """
    refusal = _answer_refusal(answer, opened, may_be_service)
    if refusal is not None:
        refusal.is_sealed = True
    return refusal


def event_refusal(event: Mapping[str, Any]) -> GatewayError:
    """Return the error for an ``error`` event before ``connected``.

    Such an event has no status.
    """
    refusal = _event_refusal(event)
    refusal.is_sealed = True
    return refusal


def _answer_refusal(
    answer: Answer, opened: Mapping[str, Any], may_be_service: bool
) -> GatewayError | None:
    if answer.status == 200:
        return None
    if is_from_gateway(opened):
        refusal = _fields(answer.body)
        reason = refusal.get("error")
        return _by_code(
            refusal,
            reason if isinstance(reason, str) else f"HTTP {answer.status}",
            answer.status,
            answer.timestamp,
        )
    if may_be_service or isinstance(opened.get("service"), str):
        return None
    return _older_refusal(answer)


def _event_refusal(event: Mapping[str, Any]) -> GatewayError:
    reason = str(event.get("message"))
    if isinstance(event.get("code"), str):
        return _by_code(event, reason, 0, event.get("timestamp"))
    if reason == EXPIRED:
        return ExpiredError(gateway_time=event.get("timestamp"))
    if reason.startswith(OLDER_SCOPE):
        return ScopeError(reason)
    if reason.startswith("Too many "):
        return RateLimitError(reason)
    if reason.startswith("MQTT error: "):
        return FailedError(reason)
    return RefusedError(reason)


def _by_code(
    refusal: Mapping[str, Any], reason: str, status: int, gateway_time: Any
) -> GatewayError:
    value = refusal.get("code")
    code = value if isinstance(value, str) else None
    kind = CLASSES.get(code or "", _by_status(status))
    if kind is ExpiredError:
        return ExpiredError(
            status=status, gateway_time=gateway_time, gateway_code=code
        )
    if kind in (RateLimitError, UnavailableError):
        seconds = _retry_after(refusal.get("retry_after"))
        return kind(
            _with_wait(reason, seconds),
            status=status,
            retry_after=seconds,
            gateway_code=code,
        )
    return kind(reason, status=status, gateway_code=code)


def _by_status(status: int) -> type[GatewayError]:
    if status == 429:
        return RateLimitError
    return FailedError if status >= 500 else RefusedError


def _older_refusal(answer: Answer) -> GatewayError | None:
    """Return the error of an older gateway; None if it is not a refusal."""
    refusal = _fields(answer.body)
    status, reason = answer.status, refusal.get("error")
    if not isinstance(reason, str):
        return None
    if status == 403 and reason == EXPIRED:
        return ExpiredError(status=status, gateway_time=answer.timestamp)
    if status == 403 and reason.startswith(OLDER_SCOPE):
        return ScopeError(reason, status=status)
    if status == 429:
        seconds = _retry_after(refusal.get("retry_after"))
        return RateLimitError(
            _with_wait(reason, seconds), status=status, retry_after=seconds
        )
    return _by_status(status)(reason, status=status)


def _with_wait(reason: str, retry_after: float) -> str:
    """Add the wait, in whole seconds, where it is known."""
    if retry_after == 0:
        return reason
    return f"{reason}: wait {math.ceil(retry_after)} s"


def _retry_after(seconds: Any) -> float:
    """Return the wait that a refusal asks for; 0 if malformed."""
    is_number = isinstance(seconds, (int, float)) and seconds is not True
    if not is_number or not 0 <= seconds < math.inf:
        return 0.0
    return min(seconds, LONGEST_RETRY)


def _fields(body: Any) -> Mapping[str, Any]:
    """Parse the JSON object in a text; empty for anything else."""
    if not isinstance(body, str):
        return {}
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}
