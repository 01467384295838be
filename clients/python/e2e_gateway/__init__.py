"""Client of the end-to-end encryption gateway.

A package to copy into a project. Needs Python 3.9 or later and the package
``cryptography``.

    from e2e_gateway import GatewayClient

    gateway = GatewayClient("https://home.example.ts.net", key)
    print(gateway.call_jeedom("datetime").body)
    gateway.publish("home/lamp", "on", qos=1)
    for event in gateway.subscribe(["home/#"]):
        print(event)

As a program: ``python3 -m e2e_gateway --help``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .answer import Answer
from .errors import (
    AlreadyPairedError,
    ExpiredError,
    FailedError,
    GatewayError,
    JeedomError,
    PairingCodeError,
    RateLimitError,
    RefusedError,
    RequestTimeoutError,
    ScopeError,
    TamperedError,
    TruncatedError,
    UnavailableError,
    UnreachableError,
    WrongKeyError,
)
from .service_answer import ActionList, ActionUses, HttpAnswer, InfluxResult
from .waiting import backoff

if TYPE_CHECKING:
    from .client import GatewayClient
    from .pairing import PairedKey, pair
    from .push_receiver import PushReceiver, decrypt_push

__all__ = [
    "ActionList",
    "ActionUses",
    "AlreadyPairedError",
    "Answer",
    "ExpiredError",
    "FailedError",
    "GatewayClient",
    "GatewayError",
    "HttpAnswer",
    "InfluxResult",
    "JeedomError",
    "PairedKey",
    "PairingCodeError",
    "PushReceiver",
    "RateLimitError",
    "RefusedError",
    "RequestTimeoutError",
    "ScopeError",
    "TamperedError",
    "TruncatedError",
    "UnavailableError",
    "UnreachableError",
    "WrongKeyError",
    "backoff",
    "decrypt_push",
    "pair",
]


def __getattr__(name: str) -> Any:
    """Load what needs ``cryptography`` at its first use.

    Without it, the command line prints a message; Python loads this module
    before that.
    """
    if name == "GatewayClient":
        from .client import GatewayClient

        return GatewayClient
    if name in ("PairedKey", "pair"):
        from . import pairing

        return getattr(pairing, name)
    if name in ("PushReceiver", "decrypt_push"):
        from . import push_receiver

        return getattr(push_receiver, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
