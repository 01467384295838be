"""Sealed requests to one gateway, in its version and with its time."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .answer import Answer, read_answer, read_json
from .errors import ExpiredError, TamperedError, WrongKeyError
from .negotiation import Negotiation
from .protocol import (
    EnvelopeError,
    Exchange,
    Key,
    seal_request_v1,
    seal_request_v2,
)
from .refusal import is_from_gateway, sealed_refusal
from .request_timestamp import RequestTimestamp
from .transport import Response, send

#: Request that cannot run, as it is far too old, to find the version.
PROBE = {"timestamp": 0}


@dataclass(frozen=True)
class Sealed:
    """Sealed request."""

    #: Envelope.
    text: bytes
    #: Opens the answer.
    exchange: Exchange
    #: Timestamp of the request.
    timestamp: RequestTimestamp


@dataclass(frozen=True)
class Sent:
    """Request that was sent, and the beginning of its answer."""

    #: Response, its body yet unread.
    response: Response
    #: Opens the answer.
    exchange: Exchange
    #: Timestamp of the request.
    timestamp: RequestTimestamp


class Channel:
    """Sealed channel to one gateway under one key; threads may share it."""

    def __init__(
        self,
        url: str,
        key: Key,
        *,
        version: int | None,
        clock: Callable[[], float],
        key_name: str | None,
    ) -> None:
        """Make a channel; send nothing yet.

        :param version: version of the protocol; None to ask the gateway
        """
        self.url = url
        self._key = key
        self._clock = clock
        self._key_name = key_name
        #: Lead of the gateway's clock, in seconds.
        self._ahead = 0.0
        #: True once the gateway named itself as a source: older ones do not.
        self._reports_source = False
        self._negotiation = Negotiation(version, self._probe)

    @property
    def version(self) -> int | None:
        """Version of the protocol; None until it is known."""
        return self._negotiation.version

    def now(self) -> float:
        """Return the time by the gateway's clock, in seconds since 1970."""
        return self._clock() + self._ahead

    def correct(self, timestamp: Any) -> None:
        """Correct the clock by an authenticated time of the gateway.

        Only in version 2: in version 1 it could be an old answer.
        """
        if isinstance(timestamp, (int, float)):
            self._ahead = timestamp - self._clock()

    def agree(self, timeout: float) -> int:
        """Return the version; ask the gateway where it is not known.

        :raises GatewayError: if there is no answer
        """
        return self._negotiation.agree(timeout)

    def call(
        self, route: str, fields: dict[str, Any], timeout: float
    ) -> Answer:
        """Send a request and open its answer.

        :raises GatewayError: if there is none, or the gateway refuses
        """
        sent = self.post(route, fields, timeout)
        try:
            return self.accept(sent, route)
        except ExpiredError as error:
            # In version 1 it may be for another request.
            if self.version != 2:
                raise
            self.correct(error.gateway_time)
            # A command is sent again only if no copy of it can ever run.
            if not sent.timestamp.was_always_too_old(error.gateway_time):
                raise
        return self.accept(self.post(route, fields, timeout), route)

    def post(
        self, route: str, fields: dict[str, Any], timeout: float
    ) -> Sent:
        """Seal a request with the current time, and send it.

        :raises GatewayError: if there is no answer, or a refusal
        """
        return self.send(self.seal(route, fields, timeout), route, timeout)

    def seal(
        self, route: str, fields: dict[str, Any], timeout: float
    ) -> Sealed:
        """Seal a request with the current time.

        :raises GatewayError: if there is no answer to the question for the
            version
        """
        version = self.agree(timeout)
        timestamp = RequestTimestamp(self._clock, self._ahead)
        stamped = {**fields, "timestamp": timestamp.seconds}
        text, exchange = self._seal(version, route, stamped)
        return Sealed(text, exchange, timestamp)

    def send(self, sealed: Sealed, route: str, timeout: float) -> Sent:
        """Send a sealed request.

        Sent again, it does not run again: the gateway repeats its first
        answer.

        :raises GatewayError: if there is no answer, or a refusal
        """
        response = self._send(sealed.text, route, timeout)
        return Sent(response, sealed.exchange, sealed.timestamp)

    def tampered(self) -> TamperedError:
        """Make the error for an answer that does not open."""
        return TamperedError(
            "Answer does not open: it is not what the gateway sealed with "
            f"{self._key_label()} for this request",
        )

    def accept(self, sent: Sent, route: str) -> Answer:
        """Open the answer to a request.

        :raises GatewayError: if it does not open, or is a refusal
        """
        opened = self._open_answer(sent.response, sent.exchange)
        answer = read_answer(opened)
        # Services answer on this route alone.
        may_be_service = self._reports_source and route == "/gateway"
        refusal = sealed_refusal(answer, opened, may_be_service)
        if refusal is not None:
            raise refusal
        return answer

    def _seal(
        self, version: int, route: str, request: dict[str, Any]
    ) -> tuple[bytes, Exchange]:
        plaintext = json.dumps(request, allow_nan=False).encode()
        if version == 1:
            return seal_request_v1(self._key, plaintext)
        return seal_request_v2(self._key, plaintext, route)

    def _send(self, text: bytes, route: str, timeout: float) -> Response:
        message = urllib.request.Request(
            self.url + route,
            data=text,
            headers={"Content-Type": "application/octet-stream"},
        )
        try:
            return send(message, timeout)
        except WrongKeyError as error:
            is_v1 = not text.startswith(b"2.")
            hint = ", or is the key for version 2 alone" * is_v1
            raise WrongKeyError(
                f"{error.message}: does the gateway have "
                f"{self._key_label()}{hint}?",
                status=error.status,
                knows_version_2=error.knows_version_2,
            ) from None

    def _open_answer(
        self, response: Response, exchange: Exchange
    ) -> dict[str, Any]:
        with response:
            text = response.read()
        try:
            opened = read_json(exchange.open_answer(text))
        except EnvelopeError:
            raise self.tampered() from None
        if is_from_gateway(opened):
            self._reports_source = True
        return opened

    def _probe(self, timeout: float) -> None:
        text, exchange = self._seal(2, "/gateway", PROBE)
        response = self._send(text, "/gateway", timeout)
        opened = self._open_answer(response, exchange)
        self.correct(read_answer(opened).timestamp)

    def _key_label(self) -> str:
        if self._key_name is None:
            return "this key"
        return f"key {self._key_name}"
