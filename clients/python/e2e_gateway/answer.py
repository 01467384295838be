"""Answers of the gateway, opened."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .errors import TamperedError

#: Largest body after decompression, in bytes.
LONGEST_BODY = 64 * 2**20
#: Value of ``wbits`` for gzip.
GZIP = 16 + zlib.MAX_WBITS
#: Members of an answer that are not for the caller, or have a place of their
#: own.
KNOWN = ("status", "body", "body_gzip", "timestamp", "source", "service")


@dataclass(frozen=True)
class Answer:
    """Opened answer."""

    #: 200 for a success; otherwise the failure, as in HTTP.
    status: int
    #: Answer of the service.
    body: Any
    #: Time of the gateway, in seconds since 1970.
    timestamp: float
    #: Further members, such as the ``headers`` of an HTTP answer.
    members: Mapping[str, Any] = field(default_factory=dict)


def read_json(plaintext: str) -> dict[str, Any]:
    """Parse opened JSON.

    :raises TamperedError: if it is not a JSON object
    """
    value = _parse(plaintext)
    if not isinstance(value, dict):
        raise TamperedError("Answer is not a JSON object")
    return value


def read_answer(opened: dict[str, Any]) -> Answer:
    """Parse an opened answer, and decompress its body.

    :raises TamperedError: if it is not an answer
    """
    status, timestamp = opened.get("status"), opened.get("timestamp")
    if not isinstance(status, int) or not isinstance(timestamp, (int, float)):
        raise TamperedError("Answer has no status and timestamp")
    members = {key: opened[key] for key in opened if key not in KNOWN}
    body, packed = opened.get("body"), opened.get("body_gzip")
    if "body" not in opened and isinstance(packed, str):
        body = _parse(_unpack(packed))
    return Answer(status, body, timestamp, members)


def _parse(text: str | bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise TamperedError(
            "Answer is not JSON, or nested too deeply"
        ) from None


def _unpack(packed: str) -> bytes:
    unpacker = zlib.decompressobj(GZIP)
    try:
        body = unpacker.decompress(
            base64.b64decode(packed, validate=True), LONGEST_BODY
        )
    except (ValueError, zlib.error):
        raise TamperedError("Answer is not packed with gzip") from None
    if not unpacker.eof or unpacker.unused_data:
        raise TamperedError("Answer is larger than any gateway's, or cut off")
    return body
