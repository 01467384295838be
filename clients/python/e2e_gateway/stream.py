"""One stream of events."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any

from .answer import read_json
from .channel import Channel
from .errors import (
    ExpiredError,
    RequestTimeoutError,
    TamperedError,
    TruncatedError,
    UnreachableError,
)
from .protocol import EnvelopeError, Exchange, ExchangeV1, StreamOpener
from .refusal import event_refusal
from .transport import LONGEST_ANSWER, Response

#: Types of the last event of a stream.
LAST = ("error", "disconnected", "end")
#: Fields of a record; comments and other fields are ignored.
FIELDS = (b"event", b"id", b"data")


@dataclass(frozen=True)
class _Record:
    """Record of Server-Sent Events."""

    event: bytes
    number: bytes
    data: bytes


def open_stream(
    channel: Channel, route: str, fields: dict[str, Any], timeout: float
) -> Generator[dict[str, Any], None, None]:
    """Yield the events of one stream, up to its last one.

    The messages of a batch come one by one.

    :param timeout: longest time without a heartbeat, in seconds
    :raises GatewayError: if the gateway refuses, the stream breaks off or
        falls silent, or an event does not open
    """
    try:
        yield from _events_once(channel, route, fields, timeout)
        return
    except ExpiredError as error:
        # In version 2 the refusal is for this very request. A subscription
        # changes nothing, so it may begin twice.
        if channel.version != 2:
            raise
        channel.correct(error.gateway_time)
    yield from _events_once(channel, route, fields, timeout)


def _events_once(
    channel: Channel, route: str, fields: dict[str, Any], timeout: float
) -> Iterator[dict[str, Any]]:
    # Version 1 has no batches.
    batch = {"batch": True} if channel.agree(timeout) == 2 else {}
    sent = channel.post(route, {**fields, **batch}, timeout)
    is_connected = False
    with sent.response as response:
        for event in _opened(channel, response, sent.exchange):
            kind = event.get("type")
            if kind == "ping":
                continue
            if kind == "error" and not is_connected:
                raise event_refusal(event)
            is_connected = is_connected or kind == "connected"
            yield event
            if kind in LAST:
                return
        raise TruncatedError("Stream broke off")


def _opened(
    channel: Channel, response: Response, exchange: Exchange
) -> Iterator[dict[str, Any]]:
    """Yield opened events, in their order."""
    # In version 1 heartbeats are not authenticated.
    is_any_byte_heartbeat = isinstance(exchange, ExchangeV1)
    opener: StreamOpener | None = None
    for record in _records(response, is_any_byte_heartbeat):
        try:
            if isinstance(exchange, ExchangeV1):
                plaintext = exchange.open_answer(record.data)
            elif opener is None:
                if record.event != b"open":
                    raise EnvelopeError
                opener = exchange.open_stream(record.data)
                continue
            else:
                plaintext = opener.open(record.number, record.data)
        except EnvelopeError:
            raise channel.tampered() from None
        yield from read_events(plaintext)
        # The time in which the caller handles events does not count.
        response.extend()


def read_events(plaintext: str) -> list[dict[str, Any]]:
    """Parse an opened event; return it, or each message of a batch.

    :raises TamperedError: if it is malformed
    """
    event = read_json(plaintext)
    if event.get("type") != "messages":
        return [event]
    messages = event.get("messages")
    if not isinstance(messages, list) or not messages:
        raise TamperedError("Batch has no messages")
    if not all(isinstance(message, dict) for message in messages):
        raise TamperedError("Batch has something else than messages")
    return [{**message, "type": "message"} for message in messages]


def _records(
    response: Response, is_any_byte_heartbeat: bool
) -> Iterator[_Record]:
    """Yield records.

    :raises TamperedError: if one is not a gateway's
    """
    fields: dict[bytes, bytes] = {}
    for line in _lines(response, is_any_byte_heartbeat):
        if line:
            name, _, value = line.partition(b":")
            if name == b"data" and name in fields:
                raise TamperedError("Event has more lines than a gateway's")
            if name in FIELDS:
                fields[name] = value.removeprefix(b" ")
            continue
        if b"data" in fields:
            yield _Record(
                event=fields.get(b"event", b""),
                number=fields.get(b"id", b""),
                data=fields[b"data"],
            )
        fields = {}


def _lines(response: Response, is_any_byte_heartbeat: bool) -> Iterator[bytes]:
    """Yield each complete line, whatever the chunks.

    :raises TamperedError: if a record is too large
    """
    line = bytearray()
    #: Bytes since the last empty line, up to this one.
    before = 0
    while True:
        try:
            chunk = response.read_chunk()
        except UnreachableError as error:
            raise TruncatedError("Stream broke off") from error
        except RequestTimeoutError as error:
            raise TruncatedError("Stream fell silent") from error
        if not chunk:
            return
        if is_any_byte_heartbeat:
            response.extend()
        # Only the new chunk is searched: an event can have many.
        end, *starts = chunk.split(b"\n")
        line += end
        for start in starts:
            whole = bytes(line.removesuffix(b"\r"))
            before += len(line) + 1
            line[:] = start
            if not whole:
                before = 0
            yield whole
        if before + len(line) > LONGEST_ANSWER:
            raise TamperedError("Event is larger than any gateway's")
