"""Pairing links, and the keys of the exchange that they begin.

Without input and output. See docs/protocol.md of the gateway.
"""

from __future__ import annotations

import re
import urllib.parse
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from .p256 import point_of, read_point
from .protocol import EnvelopeError, decode_base64url, encode_base64url

CODE_BYTES = 16
KEY_BYTES = 32

_PAGE_LINK = re.compile(r"(https?://[^\s#]*)#pair=([^#]*)")
_APP_LINK = re.compile(r"e2eg://pair\?url=([^#&]*)#code=([^#]*)")
_PERCENT_ENCODED = re.compile("(%[0-9a-fA-F]{2}|[!-$&-~])*")
#: No user, no password, no query, no fragment.
_ADDRESS = re.compile(
    r"https?://[A-Za-z0-9._~\[\]:-]+(/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?"
)


@dataclass(frozen=True)
class PairingLink:
    """Address of a gateway, and a code to pair with it."""

    #: Address of the gateway, without a slash at its end.
    url: str
    #: Pairing code.
    code: bytes = field(repr=False)


def parse_pairing_link(text: str) -> PairingLink:
    """Parse a link, ``https://…/#pair=…`` or ``e2eg://pair?url=…#code=…``.

    :raises ValueError: if it is anything else; the message never quotes it
    """
    page, app = _PAGE_LINK.fullmatch(text), _APP_LINK.fullmatch(text)
    if page is not None:
        return PairingLink(_check_address(page[1]), _decode_code(page[2]))
    if app is not None:
        address = _check_address(_decode_percent(app[1]))
        return PairingLink(address, _decode_code(app[2]))
    raise ValueError(
        "Pairing link must look like https://home.example/#pair=… or "
        "e2eg://pair?url=…#code=…"
    )


def derive_pairing_key(code: bytes) -> bytes:
    """Derive the key that seals a pairing request and its answer."""
    return _hkdf(code, b"", "pair")


class EphemeralKey:
    """Key pair of one side, for one exchange."""

    def __init__(
        self, private_key: ec.EllipticCurvePrivateKey | None = None
    ) -> None:
        """Generate a key pair.

        :param private_key: only for tests: it must never be used twice
        """
        self._private_key = private_key or ec.generate_private_key(
            ec.SECP256R1()
        )
        #: Public point for the other side.
        self.public = encode_base64url(point_of(self._private_key)).decode()

    def device_key(self, public: str, pairing_key: bytes, salt: bytes) -> bytes:
        """Derive the new key of the device: both sides get the same one.

        :param public: public point of the other side
        :param salt: salt of the pairing request
        :raises ValueError: if the point is malformed or not on the curve
        """
        shared = self._private_key.exchange(ec.ECDH(), _decode_point(public))
        return _hkdf(shared + pairing_key, salt, "device key")


def _decode_point(public: str) -> ec.EllipticCurvePublicKey:
    try:
        point = decode_base64url(public.encode("ascii", "replace"))
    except EnvelopeError:
        point = b""
    return read_point(point)


def _hkdf(secret: bytes, salt: bytes, purpose: str) -> bytes:
    info = f"e2eg/2 {purpose}".encode()
    return HKDF(SHA256(), KEY_BYTES, salt, info).derive(secret)


def _decode_code(text: str) -> bytes:
    try:
        code = decode_base64url(text.encode("ascii", "replace"))
    except EnvelopeError:
        code = b""
    if len(code) != CODE_BYTES:
        raise ValueError(
            "Pairing link must end with the 22 characters of its code: copy "
            "all of it"
        )
    return code


def _decode_percent(text: str) -> str:
    try:
        if _PERCENT_ENCODED.fullmatch(text):
            return urllib.parse.unquote(text, errors="strict")
    except UnicodeDecodeError:
        pass
    raise ValueError("Pairing link must be percent-encoded UTF-8")


def _check_address(url: str) -> str:
    is_valid = _ADDRESS.fullmatch(url) is not None
    try:
        is_valid = is_valid and urllib.parse.urlsplit(url).port != 0
    except ValueError:
        # Such as a port that is too large.
        is_valid = False
    if not is_valid:
        raise ValueError(
            "Gateway's URL must be an address such as https://home.example, "
            "without login, query or fragment"
        )
    return url.rstrip("/")
