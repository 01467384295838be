"""Sends sealed requests to one gateway: in which version, and at what time."""

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
from .stamp import Stamp
from .transport import Response, send

#: Too old for a gateway to do anything, so it can only tell its version.
PROBE = {"timestamp": 0}


@dataclass(frozen=True)
class Sent:
    """A request that was sent, and what came back so far."""

    #: The beginning of the answer.
    response: Response
    #: Opens what is in it.
    exchange: Exchange
    #: When the request was stamped.
    stamp: Stamp


class Channel:
    """The way to one gateway under one key; threads may share it."""

    def __init__(
        self,
        url: str,
        key: Key,
        *,
        version: int | None,
        clock: Callable[[], float],
        key_name: str | None,
    ) -> None:
        """Make a channel; nothing is sent yet.

        :param version: which one to speak; None to ask the gateway
        """
        self.url = url
        self._key = key
        self._clock = clock
        self._key_name = key_name
        #: What the gateway's clock is ahead, in seconds.
        self._ahead = 0.0
        #: Whether the gateway marks what it answers by itself, as newer ones.
        self._tells_source = False
        self._negotiation = Negotiation(version, self._probe)

    @property
    def version(self) -> int | None:
        """The version that is spoken; None if it is not known yet."""
        return self._negotiation.version

    def now(self) -> float:
        """Tell the time, in seconds since 1970, as the gateway sees it."""
        return self._clock() + self._ahead

    def correct(self, timestamp: Any) -> None:
        """Take the time that the gateway proved to tell just now.

        Only in version 2: in version 1 it could be an old answer.
        """
        if isinstance(timestamp, (int, float)):
            self._ahead = timestamp - self._clock()

    def call(
        self, route: str, fields: dict[str, Any], timeout: float
    ) -> Answer:
        """Send a request and open its answer.

        :raises GatewayError: if there is none, or the gateway refuses
        """
        sent = self.post(route, fields, timeout)
        try:
            return self._accept(sent, route)
        except ExpiredError as error:
            # In version 1 it may be about another request.
            if self.version != 2:
                raise
            self.correct(error.gateway_time)
            # A command goes again only if no copy of it ran, or ever will.
            if not sent.stamp.was_always_too_old(error.gateway_time):
                raise
        return self._accept(self.post(route, fields, timeout), route)

    def post(
        self, route: str, fields: dict[str, Any], timeout: float
    ) -> Sent:
        """Seal a request, stamped with the time, and send it.

        :raises GatewayError: if there is none, or it is a refusal
        """
        version = self._negotiation.agree(timeout)
        stamp = Stamp(self._clock, self._ahead)
        stamped = {**fields, "timestamp": stamp.timestamp}
        response, exchange = self._send(version, route, stamped, timeout)
        return Sent(response, exchange, stamp)

    def tampered(self) -> TamperedError:
        """Tell that something does not open."""
        return TamperedError(
            "Answer does not open: it is not what the gateway sealed with "
            f"{self._key_called()} for this request",
        )

    def _accept(self, sent: Sent, route: str) -> Answer:
        opened = self._open_answer(sent.response, sent.exchange)
        answer = read_answer(opened)
        # Services answer on this route alone.
        may_be_service = self._tells_source and route == "/gateway"
        refusal = sealed_refusal(answer, opened, may_be_service)
        if refusal is not None:
            raise refusal
        return answer

    def _send(
        self,
        version: int,
        route: str,
        request: dict[str, Any],
        timeout: float,
    ) -> tuple[Response, Exchange]:
        plaintext = json.dumps(request, allow_nan=False).encode()
        text: bytes
        exchange: Exchange
        if version == 1:
            text, exchange = seal_request_v1(self._key, plaintext)
        else:
            text, exchange = seal_request_v2(self._key, plaintext, route)
        message = urllib.request.Request(
            self.url + route,
            data=text,
            headers={"Content-Type": "application/octet-stream"},
        )
        try:
            return send(message, timeout), exchange
        except WrongKeyError as error:
            hint = ", or is the key for version 2 alone" * (version == 1)
            raise WrongKeyError(
                f"{error.message}: does the gateway have "
                f"{self._key_called()}{hint}?",
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
            self._tells_source = True
        return opened

    def _probe(self, timeout: float) -> None:
        response, exchange = self._send(2, "/gateway", PROBE, timeout)
        opened = self._open_answer(response, exchange)
        self.correct(read_answer(opened).timestamp)

    def _key_called(self) -> str:
        if self._key_name is None:
            return "this key"
        return f"key {self._key_name}"
