"""Receiver of push messages (RFC 8291, RFC 8188). Without input and output."""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from .errors import TamperedError
from .p256 import POINT_BYTES, point_of, read_point
from .protocol import (
    NONCE_BYTES,
    SALT_BYTES,
    TAG_BYTES,
    EnvelopeError,
    decode_base64url,
    encode_base64url,
)

SCALAR_BYTES = 32
AUTH_BYTES = 16
#: Length of the header: salt, size of records, length of the key, and key.
KEY_AT = SALT_BYTES + 5
HEADER_BYTES = KEY_AT + POINT_BYTES
#: Least size of records (RFC 8188, section 2.1).
MIN_RECORD_SIZE = 18
#: Byte between text and padding of the last record.
LAST_RECORD = b"\x02"


class PushReceiver:
    """Key pair and secret with which a device receives push messages.

    The device registers ``p256dh`` and ``auth`` at the gateway, and keeps the
    receiver, as a program that has it reads its messages.
    """

    def __init__(
        self, private_key: ec.EllipticCurvePrivateKey, auth: bytes
    ) -> None:
        self._private_key = private_key
        self._auth = auth
        self._point = point_of(private_key)

    @classmethod
    def generate(cls) -> PushReceiver:
        """Generate a receiver, for one subscription."""
        private_key = ec.generate_private_key(ec.SECP256R1())
        return cls(private_key, os.urandom(AUTH_BYTES))

    @classmethod
    def parse(cls, text: str) -> PushReceiver:
        """Read what ``export`` wrote.

        :raises ValueError: if it is anything else; the message never quotes it
        """
        try:
            stored = decode_base64url(text.encode())
        except (EnvelopeError, ValueError):
            stored = b""
        point_end = SCALAR_BYTES + POINT_BYTES
        if len(stored) == point_end + AUTH_BYTES:
            scalar = int.from_bytes(stored[:SCALAR_BYTES], "big")
            try:
                private_key = ec.derive_private_key(scalar, ec.SECP256R1())
            except ValueError:
                # Zero, or larger than the order of the curve.
                pass
            else:
                receiver = cls(private_key, stored[point_end:])
                if receiver._point == stored[SCALAR_BYTES:point_end]:
                    return receiver
        raise ValueError("Push receiver must be a text that export() wrote")

    def export(self) -> str:
        """Write the receiver as a text, which is secret."""
        number = self._private_key.private_numbers().private_value
        scalar = number.to_bytes(SCALAR_BYTES, "big")
        return encode_base64url(scalar + self._point + self._auth).decode()

    @property
    def p256dh(self) -> str:
        """Public point for the gateway: base64url."""
        return encode_base64url(self._point).decode()

    @property
    def auth(self) -> str:
        """Secret for the gateway: base64url."""
        return encode_base64url(self._auth).decode()

    def _derive(self, sender: bytes) -> bytes:
        """Derive the keying material of a message (RFC 8291, section 3.4).

        :param sender: public point of the sender
        :raises ValueError: if it is malformed or not on the curve
        """
        shared = self._private_key.exchange(ec.ECDH(), read_point(sender))
        info = b"WebPush: info\0" + self._point + sender
        return HKDF(SHA256(), 32, self._auth, info).derive(shared)


def decrypt_push(body: bytes, receiver: PushReceiver) -> str:
    """Decrypt a push message, as it came through UnifiedPush.

    :param body: its bytes
    :returns: the text: a notification as JSON
    :raises TamperedError: if it is not a message for this receiver; it never
        says why
    """
    try:
        return _text_of(body, receiver)
    # Of a body with more than 2 GiB, the library refuses the length.
    except (InvalidTag, ValueError, OverflowError):
        raise TamperedError("Push message does not open") from None


def _text_of(body: bytes, receiver: PushReceiver) -> str:
    header, record = body[:HEADER_BYTES], body[HEADER_BYTES:]
    if len(record) < TAG_BYTES or header[KEY_AT - 1] != POINT_BYTES:
        raise ValueError
    record_size = int.from_bytes(header[SALT_BYTES : KEY_AT - 1], "big")
    # A longer body would be of several records, and a push message is one.
    if record_size < MIN_RECORD_SIZE or len(record) > record_size:
        raise ValueError
    secret, salt = receiver._derive(header[KEY_AT:]), header[:SALT_BYTES]
    key = _hkdf(secret, salt, "aes128gcm", 16)
    nonce = _hkdf(secret, salt, "nonce", NONCE_BYTES)
    text = AESGCM(key).decrypt(nonce, record, None).rstrip(b"\0")
    if not text.endswith(LAST_RECORD):
        raise ValueError
    return text[:-1].decode()


def _hkdf(secret: bytes, salt: bytes, purpose: str, length: int) -> bytes:
    info = f"Content-Encoding: {purpose}\0".encode()
    return HKDF(SHA256(), length, salt, info).derive(secret)
