"""Pairing with a gateway by a link."""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .answer import Answer
from .channel import Channel, Sealed
from .errors import (
    ExpiredError,
    PairingCodeError,
    TamperedError,
    UnreachableError,
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
#: Waits before a request is sent again for want of an answer, in seconds.
REPEATS = (1.0, 3.0)
#: Longest name of a key, in characters.
LONGEST_NAME = 64


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
    #: Time from which the key is refused, in ISO 8601, as in ``device()``;
    #: None for never.
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
    code does not work again. While no answer comes, the same request is sent
    again, twice at most.

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
        or not _is_name(name)
        or not isinstance(kid, str)
        or not isinstance(rights, dict)
        or not all(isinstance(own, dict) for own in rights.values())
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


def _is_name(name: str) -> bool:
    """Return whether a text has no control characters, nor is too long."""
    hidden = ("Cc", "Cs")
    return 0 < len(name) <= LONGEST_NAME and not any(
        unicodedata.category(char) in hidden for char in name
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
    sealed = channel.seal(ROUTE, fields, timeout)
    if not isinstance(sealed.exchange, ExchangeV2):
        raise TypeError("Pairing is of version 2 only")
    try:
        return _send_safely(channel, sealed, timeout), sealed.exchange.salt
    except WrongKeyError as error:
        raise PairingCodeError(
            "Gateway does not accept the pairing code: it may be unknown, "
            "used, or older than 10 minutes. Make a new one on the gateway",
            status=error.status,
        ) from None


def _send_safely(channel: Channel, sealed: Sealed, timeout: float) -> Answer:
    """Send a request, and the same bytes again while no answer comes.

    The code may be used up by then, and only a repeat gets the lost answer.
    """
    for wait in REPEATS:
        try:
            return channel.accept(channel.send(sealed, ROUTE, timeout), ROUTE)
        except UnreachableError:
            time.sleep(wait)
    return channel.accept(channel.send(sealed, ROUTE, timeout), ROUTE)


def _malformed() -> TamperedError:
    return TamperedError(
        "Answer has no valid half of the new key: check who answers, and make "
        "a new pairing code"
    )
