"""A client of the end-to-end encryption gateway.

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

from .answer import Answer
from .client import GatewayClient
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
from .waiting import backoff

__all__ = [
    "Answer",
    "ExpiredError",
    "FailedError",
    "GatewayClient",
    "GatewayError",
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
