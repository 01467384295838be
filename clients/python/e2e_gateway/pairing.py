"""Pairing with a gateway by a link."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .answer import Answer
from .channel import Channel
from .errors import (
    ExpiredError,
    PairingCodeError,
    TamperedError,
    WrongKeyError,
)
from .pairing_exchange import (
    EphemeralKey,
    derive_pairing_key,
    parse_pairing_link,
)
from .protocol import ExchangeV2, Key
from .service_client import DEFAULT_TIMEOUT

ROUTE = "/pair"


@dataclass(frozen=True)
class PairedKey:
    """Address of a gateway, and the new key for it."""

    #: Address of the gateway, without a slash at its end.
    url: str
    #: Name of the key.
    name: str
    #: Public id of the key: 16 hexadecimal characters.
    kid: str
    #: Key: 64 hexadecimal characters.
    key: str = field(repr=False)
    #: Rights of the key, by service.
    rights: Mapping[str, Any]
    #: Time after which the key no longer works, in ISO 8601; None if it does
    #: not expire.
    expires: str | None = None


def pair(
    link: str,
    label: str | None = None,
    *,
    timeout: float = DEFAULT_TIMEOUT,
    clock: Callable[[], float] = time.time,
) -> PairedKey:
    """Make a key together with the gateway, by the code in a link.

    The key itself never travels. Store it where the system keeps secrets: the
    code does not work again.

    :param link: a pairing link, ``https://…/#pair=…`` or
        ``e2eg://pair?url=…#code=…``
    :param label: name of this device, for the operator of the gateway: at
        most 64 printable characters
    :param timeout: longest wait for an answer, in seconds
    :param clock: returns the seconds since 1970
    :raises ValueError: if the link is malformed; the message never quotes it
    :raises PairingCodeError: if the code is unknown, was used or has expired
    :raises AlreadyPairedError: if another request has just used the code
    :raises TamperedError: if the answer does not open, or does not have the
        other half of the key
    :raises GatewayError: if there is no answer, or the gateway refuses
    """
    parsed = parse_pairing_link(link)
    pairing_key = derive_pairing_key(parsed.code)
    ephemeral = EphemeralKey()
    fields: dict[str, Any] = {"public": ephemeral.public}
    if label is not None:
        fields["label"] = label
    channel = Channel(
        parsed.url,
        Key(pairing_key.hex()),
        version=2,
        clock=clock,
        key_name=None,
    )
    answer, salt = _exchange(channel, fields, timeout)
    body = answer.body if isinstance(answer.body, dict) else {}
    public, name, kid, rights = (
        body.get(name) for name in ("public", "name", "kid", "rights")
    )
    if (
        answer.status != 200
        or not isinstance(public, str)
        or not isinstance(name, str)
        or not isinstance(kid, str)
        or not isinstance(rights, dict)
    ):
        raise _malformed()
    try:
        key = ephemeral.device_key(public, pairing_key, salt).hex()
    except ValueError:
        raise _malformed() from None
    if Key(key).kid != kid:
        raise _malformed()
    expires = body.get("expires")
    return PairedKey(
        url=parsed.url,
        name=name,
        kid=kid,
        key=key,
        rights=rights,
        expires=expires if isinstance(expires, str) else None,
    )


def _exchange(
    channel: Channel, fields: dict[str, Any], timeout: float
) -> tuple[Answer, bytes]:
    """Send a pairing request, and return its answer and its salt.

    It is sent once more with the gateway's time if its own was refused: also
    if it was too early, as a second request makes no second key.
    """
    try:
        return _exchange_once(channel, fields, timeout)
    except ExpiredError as error:
        channel.correct(error.gateway_time)
    return _exchange_once(channel, fields, timeout)


def _exchange_once(
    channel: Channel, fields: dict[str, Any], timeout: float
) -> tuple[Answer, bytes]:
    try:
        sent = channel.post(ROUTE, fields, timeout)
        if not isinstance(sent.exchange, ExchangeV2):
            raise TypeError("Pairing is of version 2 only")
        return channel.accept(sent, ROUTE), sent.exchange.salt
    except WrongKeyError as error:
        raise PairingCodeError(
            "Gateway does not accept the pairing code: it may be unknown, "
            "used, or older than 10 minutes. Make a new one on the gateway",
            status=error.status,
        ) from None


def _malformed() -> TamperedError:
    return TamperedError(
        "Answer has no valid half of the new key: check who answers, and make "
        "a new pairing code"
    )
