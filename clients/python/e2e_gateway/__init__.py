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
    ExpiredError,
    FailedError,
    GatewayError,
    JeedomError,
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

__all__ = [
    "ActionList",
    "ActionUses",
    "Answer",
    "ExpiredError",
    "FailedError",
    "GatewayClient",
    "GatewayError",
    "HttpAnswer",
    "InfluxResult",
    "JeedomError",
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
]


def __getattr__(name: str) -> Any:
    """Load the client at its first use.

    It needs ``cryptography``. Without it, the command line prints a message;
    Python loads this module before that.
    """
    if name != "GatewayClient":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .client import GatewayClient

    return GatewayClient
