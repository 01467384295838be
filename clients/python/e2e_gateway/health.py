"""Health check of a gateway."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

from .errors import TamperedError, UnreachableError
from .transport import LONGEST_PLAIN, send


def ask_health(url: str, timeout: float) -> dict[str, Any]:
    """Ask for the health of a gateway; the answer is not authenticated.

    :param url: address, without a slash at the end
    :returns: ``status`` and ``version`` of the gateway
    :raises GatewayError: if it does not answer, or is not healthy
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
