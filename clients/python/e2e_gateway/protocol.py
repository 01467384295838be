"""Both versions of the protocol: sealing requests and opening answers.

Without input and output. See docs/protocol.md of the gateway.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from dataclasses import dataclass
from typing import Union

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NONCE_BYTES = 12
SALT_BYTES = 16
TAG_BYTES = 16
#: First characters of a text of version 2; base64 has no dot.
VERSION_2 = b"2."

#: Each key of version 2 seals one message, so its nonce need not differ.
_ZERO_NONCE = bytes(NONCE_BYTES)


class EnvelopeError(Exception):
    """An envelope or event does not open. Never says why."""

    def __init__(self) -> None:
        super().__init__("Decryption failed")


class Key:
    """Secret that a client and its gateway share."""

    def __init__(self, text: str) -> None:
        """Parse a key.

        :raises ValueError: if it is not 64 hexadecimal characters
        """
        if not re.fullmatch("[0-9a-fA-F]{64}", text):
            raise ValueError("Key must be 64 hexadecimal characters")
        self._secret = bytes.fromhex(text)
        #: Seals and opens envelopes of version 1.
        self.aead = AESGCM(self._secret)
        #: Public id.
        self.kid = self._derive("kid", b"", 8).hex()

    def message_key(self, direction: str, salt: bytes) -> AESGCM:
        """Derive the key of one message, or of one stream, of version 2.

        :param direction: ``request``, ``response`` or ``stream``
        """
        return AESGCM(self._derive(direction, salt, 32))

    def context(self, direction: str, last: str) -> bytes:
        """Return the authenticated context, which is not sent.

        :param last: the route, or the number of an event
        """
        return f"e2eg/2 {direction}\n{self.kid}\n{last}".encode()

    def _derive(self, purpose: str, salt: bytes, length: int) -> bytes:
        info = f"e2eg/2 {purpose}".encode()
        return HKDF(SHA256(), length, salt, info).derive(self._secret)


@dataclass(frozen=True)
class ExchangeV1:
    """Request of version 1, which opens its answer or stream."""

    key: Key

    def open_answer(self, text: bytes) -> str:
        """Open an answer, or an event of a stream.

        :raises EnvelopeError: if this key did not seal it
        """
        envelope = _decode_base64(text.translate(None, b"\t\n\f\r "))
        if len(envelope) < NONCE_BYTES + TAG_BYTES:
            raise EnvelopeError
        nonce, sealed = envelope[:NONCE_BYTES], envelope[NONCE_BYTES:]
        return _decrypt(self.key.aead, nonce, sealed, None)


@dataclass(frozen=True)
class ExchangeV2:
    """Request of version 2, which opens its answer or stream."""

    key: Key
    #: Route, part of its context: the request does not open on another one.
    route: str
    #: Random bytes, part of the key of its answer or stream.
    salt: bytes

    def open_answer(self, text: bytes) -> str:
        """Open the answer to this very request.

        :raises EnvelopeError: if it is not its answer
        """
        if not text.startswith(VERSION_2):
            raise EnvelopeError
        envelope = decode_base64url(text.removeprefix(VERSION_2))
        if len(envelope) < SALT_BYTES + TAG_BYTES:
            raise EnvelopeError
        salt, sealed = envelope[:SALT_BYTES], envelope[SALT_BYTES:]
        return _decrypt(
            self.key.message_key("response", self.salt + salt),
            _ZERO_NONCE,
            sealed,
            self.key.context("response", self.route),
        )

    def open_stream(self, opening: bytes) -> StreamOpener:
        """Begin the stream that answers this request.

        :param opening: opening of the stream
        :raises EnvelopeError: if it is malformed
        """
        if not opening.startswith(VERSION_2):
            raise EnvelopeError
        salt = decode_base64url(opening.removeprefix(VERSION_2))
        if len(salt) != SALT_BYTES:
            raise EnvelopeError
        return StreamOpener(
            self.key, self.key.message_key("stream", self.salt + salt)
        )


class StreamOpener:
    """Opens the events of one stream of version 2, in order."""

    def __init__(self, key: Key, aead: AESGCM) -> None:
        self._key = key
        self._aead = aead
        self._next = 0

    def open(self, number: bytes, text: bytes) -> str:
        """Open the next event.

        :param number: number on the wire
        :raises EnvelopeError: if it is not the next event of this stream
        """
        expected = str(self._next)
        if number != expected.encode():
            raise EnvelopeError
        nonce = self._next.to_bytes(NONCE_BYTES, "big")
        self._next += 1
        return _decrypt(
            self._aead,
            nonce,
            decode_base64url(text),
            self._key.context("stream", expected),
        )


Exchange = Union[ExchangeV1, ExchangeV2]


def seal_request_v1(
    key: Key, plaintext: bytes, nonce: bytes | None = None
) -> tuple[bytes, ExchangeV1]:
    """Seal a request of version 1.

    :param nonce: only for tests: it must never be used twice
    :returns: the text to send, and the exchange that opens its answer
    """
    nonce = os.urandom(NONCE_BYTES) if nonce is None else nonce
    sealed = key.aead.encrypt(nonce, plaintext, None)
    return base64.b64encode(nonce + sealed), ExchangeV1(key)


def seal_request_v2(
    key: Key, plaintext: bytes, route: str, salt: bytes | None = None
) -> tuple[bytes, ExchangeV2]:
    """Seal a request of version 2.

    :param route: route, without a prefix that a proxy adds to the path
    :param salt: only for tests: it must never be used twice
    :returns: the text to send, and the exchange that opens its answer
    """
    salt = os.urandom(SALT_BYTES) if salt is None else salt
    sealed = key.message_key("request", salt).encrypt(
        _ZERO_NONCE, plaintext, key.context("request", route)
    )
    text = b"2.%s.%s" % (key.kid.encode(), encode_base64url(salt + sealed))
    return text, ExchangeV2(key, route, salt)


def _decrypt(
    aead: AESGCM, nonce: bytes, sealed: bytes, context: bytes | None
) -> str:
    try:
        return aead.decrypt(nonce, sealed, context).decode()
    except (InvalidTag, ValueError):
        raise EnvelopeError from None


def _decode_base64(text: bytes) -> bytes:
    """Decode base64 with padding, in its one canonical encoding."""
    try:
        decoded = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise EnvelopeError from None
    if base64.b64encode(decoded) != text:
        raise EnvelopeError
    return decoded


def decode_base64url(text: bytes) -> bytes:
    """Decode base64url without padding, in its one canonical encoding.

    :raises EnvelopeError: if it is anything else
    """
    try:
        decoded = base64.b64decode(
            text + b"=" * (-len(text) % 4), altchars=b"-_", validate=True
        )
    except binascii.Error:
        raise EnvelopeError from None
    if encode_base64url(decoded) != text:
        raise EnvelopeError
    return decoded


def encode_base64url(decoded: bytes) -> bytes:
    """Encode base64url without padding."""
    return base64.urlsafe_b64encode(decoded).rstrip(b"=")
