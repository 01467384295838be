"""Asks whether a gateway runs."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

from .errors import TamperedError, UnreachableError
from .transport import LONGEST_PLAIN, send


def ask_health(url: str, timeout: float) -> dict[str, Any]:
    """Ask for the health of a gateway; nothing is sealed for this.

    :param url: its address, without a slash at the end
    :returns: its ``status`` and ``version``
    :raises GatewayError: if it does not say that it is well
    """
    with send(urllib.request.Request(f"{url}/health"), timeout) as response:
        try:
            health = json.loads(response.read(LONGEST_PLAIN))
        except (ValueError, RecursionError, TamperedError):
            health = None
    if isinstance(health, dict) and health.get("status") == "ok":
        return health
    raise UnreachableError(
        f"No gateway answers at {url}", status=response.status
    )
