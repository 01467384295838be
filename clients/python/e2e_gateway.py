#!/usr/bin/env python3
"""A client of the end-to-end encryption gateway.

One file to copy into a project. Needs Python 3.9 or later and the package
``cryptography``.

    from e2e_gateway import GatewayClient

    gateway = GatewayClient("https://home.example.ts.net", key)
    print(gateway.call_jeedom("datetime").body)
    gateway.publish("home/lamp", "on", qos=1)
    for event in gateway.subscribe(["home/#"]):
        print(event)

As a program: ``python3 e2e_gateway.py --help``.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import http.client
import json
import os
import random
import re
import sys
import time
import urllib.error
import urllib.request
from collections.abc import (
    Callable,
    Generator,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

__all__ = ["Answer", "GatewayClient", "GatewayError", "backoff"]

NONCE_BYTES = 12
TAG_BYTES = 16

DEFAULT_URL = "http://127.0.0.1:10000"
#: The gateway waits up to 30 s for Jeedom: this leaves room for the network.
DEFAULT_TIMEOUT = 40.0
#: The gateway shows a sign of life at least every 15 s: three missed ones
#: mean that the line is dead.
STREAM_TIMEOUT = 45.0
#: A stream that lasted this long, in seconds, was a good one: what comes next
#: is another trouble, and is waited for as little as the first.
GOOD_STREAM = 30.0
#: A gateway never asks for more than a minute, in seconds.
LONGEST_RETRY_AFTER = 3600.0
#: How refusals begin that pass by themselves.
PASSING = ("MQTT error: ", "Too many ", "Too slow: ", "Request expired")


def backoff(tries: int) -> float:
    """Tell how long to wait before a subscription is tried again.

    Longer each time, and by chance, so that the clients of a gateway that
    was away do not all come back at the same moment.

    :param tries: how many tries since the last good stream were in vain
    :returns: seconds: from half to all of 0.5, 1, 2, 4, 8, 16, then 30
    """
    return random.uniform(0.5, 1.0) * min(30.0, 0.5 * 2 ** min(tries, 6))


@dataclass(frozen=True)
class Answer:
    """What the gateway answered, opened."""

    #: 200 for a success; otherwise what went wrong, in the way of HTTP.
    status: int
    #: The service's answer; on errors a string with ``{"error": …}`` in it.
    body: Any
    #: The gateway's clock, in seconds since 1970.
    timestamp: float


class GatewayError(Exception):
    """The gateway refused a request in plaintext, or its answer is none.

    ``status`` is the HTTP status: 401 if the gateway has another key, 429 if
    there were too many requests. It is 502 for an answer that cannot be
    understood. ``retry_after`` tells after how many seconds another try may
    do better, 0 if nobody said; it is None where no later try will help.
    """

    def __init__(
        self, status: int, message: str, retry_after: float | None = None
    ) -> None:
        super().__init__(f"{message} (status {status})")
        self.status = status
        self.message = message
        self.retry_after = retry_after


class GatewayClient:
    """Speaks with one gateway under one key; threads may share it."""

    def __init__(
        self,
        url: str,
        key: str,
        timeout: float = DEFAULT_TIMEOUT,
        clock: Callable[[], float] = time.time,
        backoff: Callable[[int], float] = backoff,
    ) -> None:
        """Make a client; nothing is sent yet.

        :param url: the address, such as ``https://home.example.ts.net``
        :param key: the key, 64 hexadecimal characters
        :param timeout: longest wait for an answer, in seconds
        :param clock: tells the seconds since 1970, for machines whose own
            clock is wrong
        :param backoff: tells how many seconds a subscription waits before it
            is tried again, from how many tries were in vain
        :raises ValueError: if the key or the address is malformed
        """
        if not re.fullmatch("[0-9a-fA-F]{64}", key):
            raise ValueError("Key must be 64 hexadecimal characters")
        if not re.match("https?://[^/]", url):
            raise ValueError(
                f'Address must begin with http:// or https://, not "{url}"'
            )
        self._url = url.rstrip("/")
        self._aead = AESGCM(bytes.fromhex(key))
        self._timeout = timeout
        self._clock = clock
        self._backoff = backoff

    def call_jeedom(
        self,
        method: str,
        params: dict[str, Any] | None = None,
        apikey: str | None = None,
        endpoint: str | None = None,
        *,
        timeout: float | None = None,
    ) -> Answer:
        """Call a method of Jeedom's JSON-RPC API.

        :param method: its name, such as ``event::changes``
        :param params: its parameters
        :param apikey: Jeedom's API key, where the gateway has none of its own
        :param endpoint: path of the API on the Jeedom server
        :param timeout: longest wait for this answer, in seconds; a long poll
            needs more than it asks for
        :returns: Jeedom's answer, with its HTTP status
        :raises GatewayError: if the gateway did not accept the key
        :raises OSError: if the gateway does not answer, or not in time
        """
        fields = {
            "service": "jeedom",
            "jsonrpc": method,
            "params": params,
            "apikey": apikey,
            "endpoint": endpoint,
        }
        return self._call("/gateway", fields, timeout)

    def publish(
        self,
        topic: str,
        message: Any,
        qos: int = 0,
        retain: bool = False,
        broker_host: str | None = None,
        broker_port: int | None = None,
        username: str | None = None,
        password: str | None = None,
        *,
        timeout: float | None = None,
    ) -> Answer:
        """Publish an MQTT message, and wait until the broker has it.

        :param message: the payload: a text; None for an empty one, which
            clears a retained message; any other value as its JSON text
        :param qos: quality of service: 0, 1 or 2
        :param retain: whether the broker shall keep the message for later
            subscribers
        :param broker_host: a broker other than the gateway's own; in the same
            way its port, and a login
        :returns: status 200 once the broker has acknowledged the message
        :raises GatewayError: if the gateway did not accept the key
        :raises OSError: if the gateway does not answer, or not in time
        """
        fields = {
            "service": "mqtt",
            "topic": topic,
            "qos": qos,
            "retain": retain,
            "broker_host": broker_host,
            "broker_port": broker_port,
            "username": username,
            "password": password,
        }
        return self._call(
            "/mqtt/publish", {**_present(fields), "message": message}, timeout
        )

    def subscribe(
        self,
        topics: str | Sequence[str],
        qos: int = 0,
        broker_host: str | None = None,
        broker_port: int | None = None,
        username: str | None = None,
        password: str | None = None,
        *,
        since: Mapping[str, Any] | None = None,
        keep: bool = False,
        resume: bool = True,
        timeout: float = STREAM_TIMEOUT,
    ) -> Generator[dict[str, Any], None, None]:
        """Listen to MQTT topics, from the first step of the loop on.

        The first event has the ``type`` ``connected``; each ``message`` has
        ``topic``, ``payload``, ``qos``, ``retain`` and ``timestamp``. A
        payload that is not UTF-8 is None, and in ``payload_b64``.

        Once it was connected, the subscription goes on until the generator
        is closed. ``disconnected`` and ``error`` tell in ``message`` why a
        stream ended; the next one begins with ``connected`` and goes on
        where the last one ended. ``gap`` says that something may be missing
        nevertheless. The subscription ends by itself if it is refused, after
        an ``error`` that no other try would mend.

        Closing the generator closes the connection.

        :param topics: filters, such as ``home/+/temperature``, or just one
        :param qos: highest quality of service
        :param since: where to go on: an earlier event, or only its ``epoch``
            and ``offset``
        :param keep: whether the stream stays open while the gateway's broker
            is away, which ``offline`` and ``online`` tell
        :param resume: False for one stream only: ``error`` or
            ``disconnected`` is its last event
        :param timeout: longest silence, in seconds; the gateway breaks it at
            least every 15 s
        :raises GatewayError: if the gateway did not accept the key, or an
            answer is not sealed with it
        :raises KeyError: if ``since`` has no ``epoch`` and ``offset``
        :raises OSError: if the gateway cannot be reached before it was
            connected for the first time; without ``resume`` also if the
            stream breaks off or goes silent
        """
        fields = {
            "topics": [topics] if isinstance(topics, str) else list(topics),
            "qos": qos,
            "broker_host": broker_host,
            "broker_port": broker_port,
            "username": username,
            "password": password,
            "keep": keep,
            "since": None if since is None else _position(since),
        }
        return self._follow(fields, timeout, resume)

    def _follow(
        self, fields: dict[str, Any], timeout: float, resume: bool
    ) -> Generator[dict[str, Any], None, None]:
        """Yield the events of one stream after the other."""
        goes_on = False
        tries = 0
        while True:
            connected_at: float | None = None
            pause = 0.0
            failure: OSError | None = None
            try:
                with closing(self._stream(fields, timeout)) as events:
                    for event in events:
                        kind = event.get("type")
                        if kind == "connected":
                            connected_at = time.monotonic()
                            goes_on = resume
                        elif kind == "message":
                            tries = 0
                        elif connected_at is None and _is_last(event):
                            if goes_on and _is_passing(event):
                                break
                            goes_on = False
                        fields["since"] = _progress(event) or fields["since"]
                        yield event
            except GatewayError as error:
                if not goes_on or error.retry_after is None:
                    raise
                pause = error.retry_after
            except OSError as error:
                if not goes_on:
                    raise
                failure = error
            if not goes_on:
                return
            if connected_at is not None:
                if failure is not None:
                    yield {
                        "type": "disconnected",
                        "message": str(failure) or "Stream broke off",
                        "timestamp": int(self._clock()),
                    }
                if time.monotonic() - connected_at >= GOOD_STREAM:
                    tries = 0
            time.sleep(max(pause, self._backoff(tries)))
            tries += 1

    def _stream(
        self, fields: dict[str, Any], timeout: float
    ) -> Generator[dict[str, Any], None, None]:
        """Yield the events of one stream, up to its last one."""
        with self._post("/mqtt/subscribe", fields, timeout) as response:
            for data in _event_data(_lines(response)):
                event = self._open(data)
                yield event
                if _is_last(event):
                    return
            raise ConnectionError("Stream broke off")

    def health(self) -> dict[str, Any]:
        """Ask whether the gateway runs.

        :returns: its ``status`` and ``version``
        :raises GatewayError: if it does not say that it is well
        :raises OSError: if it cannot be reached
        """
        with self._send(
            urllib.request.Request(f"{self._url}/health"), self._timeout
        ) as response:
            try:
                health = json.loads(_read(response))
            except ValueError:
                health = None
        if isinstance(health, dict) and health.get("status") == "ok":
            return health
        raise GatewayError(502, f"No gateway answers at {self._url}")

    def _call(
        self, path: str, fields: dict[str, Any], timeout: float | None
    ) -> Answer:
        with self._post(
            path, fields, self._timeout if timeout is None else timeout
        ) as response:
            answer = self._open(_read(response))
        try:
            return Answer(
                answer["status"], answer.get("body"), answer["timestamp"]
            )
        except KeyError:
            raise GatewayError(
                502, "Answer has no status and timestamp"
            ) from None

    def _post(
        self, path: str, fields: dict[str, Any], timeout: float
    ) -> http.client.HTTPResponse:
        request = urllib.request.Request(
            self._url + path,
            data=self._seal({**fields, "timestamp": self._clock()}),
            headers={"Content-Type": "application/octet-stream"},
        )
        return self._send(request, timeout)

    def _send(
        self, request: urllib.request.Request, timeout: float
    ) -> http.client.HTTPResponse:
        try:
            response: http.client.HTTPResponse = urllib.request.urlopen(
                request, timeout=timeout
            )
        except urllib.error.HTTPError as error:
            with error:
                raise GatewayError(
                    error.code, _reason(error), _retry_after(error)
                ) from None
        except http.client.HTTPException as error:
            raise ConnectionError(f"Answer is not HTTP: {error!r}") from error
        return response

    def _seal(self, value: dict[str, Any]) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        plaintext = json.dumps(value, allow_nan=False).encode()
        return base64.b64encode(
            nonce + self._aead.encrypt(nonce, plaintext, None)
        )

    def _open(self, text: bytes) -> dict[str, Any]:
        try:
            envelope = base64.b64decode(b"".join(text.split()), validate=True)
            if len(envelope) < NONCE_BYTES + TAG_BYTES:
                raise GatewayError(502, "Answer is not an envelope")
            value = json.loads(
                self._aead.decrypt(
                    envelope[:NONCE_BYTES], envelope[NONCE_BYTES:], None
                )
            )
        except binascii.Error:
            raise GatewayError(502, "Answer is not an envelope") from None
        except InvalidTag:
            raise GatewayError(
                502, "Answer does not open with this key"
            ) from None
        except ValueError:
            raise GatewayError(502, "Answer is not JSON") from None
        if not isinstance(value, dict):
            raise GatewayError(502, "Answer is not a JSON object")
        return value


def _present(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _reason(refusal: urllib.error.HTTPError) -> str:
    """Tell a refusal in the words of the gateway, or of a proxy before it."""
    try:
        return str(json.loads(refusal.read())["error"])
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        http.client.HTTPException,
    ):
        return str(refusal.reason)


def _retry_after(refusal: urllib.error.HTTPError) -> float | None:
    if refusal.code not in (408, 429) and refusal.code < 500:
        return None
    seconds = refusal.headers.get("Retry-After", "")
    # A date comes from no gateway.
    if not re.fullmatch("[0-9]{1,9}", seconds):
        return 0.0
    return min(float(seconds), LONGEST_RETRY_AFTER)


def _is_last(event: dict[str, Any]) -> bool:
    return event.get("type") in ("error", "disconnected")


def _is_passing(event: dict[str, Any]) -> bool:
    """Tell whether a stream that ended with this may begin at another try."""
    return event.get("type") == "disconnected" or str(
        event.get("message")
    ).startswith(PASSING)


def _position(event: Mapping[str, Any]) -> dict[str, Any]:
    return {"epoch": event["epoch"], "offset": event["offset"]}


def _progress(event: dict[str, Any]) -> dict[str, Any] | None:
    """Tell the position up to which everything has come, if it is new."""
    place = event.get("resume") if event.get("type") == "error" else event
    if isinstance(place, dict) and {"epoch", "offset"} <= place.keys():
        return _position(place)
    return None


def _read(response: http.client.HTTPResponse) -> bytes:
    try:
        return response.read()
    except http.client.HTTPException as error:
        raise ConnectionError("Answer broke off") from error


def _lines(response: http.client.HTTPResponse) -> Iterator[bytes]:
    """Yield each line as soon as it is whole, however the network cut it."""
    while True:
        try:
            line = response.readline()
        except http.client.HTTPException as error:
            raise ConnectionError("Stream broke off") from error
        if not line.endswith(b"\n"):
            return
        yield line.rstrip(b"\r\n")


def _event_data(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the data of Server-Sent Events.

    Comments, and all other fields, mean nothing here.
    """
    data = b""
    for line in lines:
        if line.startswith(b"data:"):
            data += line.removeprefix(b"data:")
        elif line == b"" and data:
            yield data
            data = b""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    options = _parser().parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        return run(options)
    except KeyboardInterrupt:
        return 0 if options.command == "subscribe" else 130
    except urllib.error.URLError as error:
        return _fail(f"No gateway answers at {options.url}: {error.reason}")
    except (GatewayError, OSError, ValueError) as error:
        return _fail(str(error))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description="Talk to the gateway.",
        epilog="The key comes from --key-file, or else from GATEWAY_KEY.",
    )
    parser.add_argument(
        "--url",
        default=os.environ.get("GATEWAY_URL", DEFAULT_URL),
        help=f"address of the gateway; GATEWAY_URL or {DEFAULT_URL} without",
    )
    parser.add_argument(
        "--key-file", metavar="FILE", help="file that holds the key"
    )
    commands = parser.add_subparsers(
        dest="command", required=True, metavar="COMMAND"
    )

    call = commands.add_parser("call", help="call a method of Jeedom's API")
    call.add_argument(
        "method", metavar="METHOD", help="such as datetime or jeeObject::full"
    )
    call.add_argument(
        "params",
        metavar="JSON",
        nargs="?",
        default="{}",
        help="parameters, as one JSON object",
    )
    call.add_argument(
        "--apikey",
        help="Jeedom's API key, where the gateway has none of its own",
    )
    call.set_defaults(run=_call)

    publish = commands.add_parser("publish", help="publish an MQTT message")
    publish.add_argument("topic", metavar="TOPIC")
    publish.add_argument("message", metavar="MESSAGE")
    publish.add_argument("--qos", type=int, choices=(0, 1, 2), default=0)
    publish.add_argument(
        "--retain",
        action="store_true",
        help="keep the message for later subscribers",
    )
    publish.set_defaults(run=_publish)

    subscribe = commands.add_parser(
        "subscribe", help="print MQTT messages until Ctrl-C"
    )
    subscribe.add_argument(
        "topics",
        metavar="FILTER",
        nargs="+",
        help="such as home/+/temperature or home/#",
    )
    subscribe.add_argument("--qos", type=int, choices=(0, 1, 2), default=0)
    subscribe.add_argument(
        "--once",
        action="store_true",
        help="end with the stream, instead of going on with another one",
    )
    subscribe.set_defaults(run=_subscribe)

    commands.add_parser(
        "health", help="ask whether the gateway runs"
    ).set_defaults(run=_health)
    return parser


def _client(options: argparse.Namespace) -> GatewayClient:
    if options.key_file is not None:
        with open(options.key_file, encoding="ascii") as file:
            key = file.read()
    elif "GATEWAY_KEY" in os.environ:
        key = os.environ["GATEWAY_KEY"]
    else:
        raise ValueError("No key: give --key-file, or set GATEWAY_KEY")
    return GatewayClient(options.url, key.strip())


def _call(options: argparse.Namespace) -> int:
    try:
        params = json.loads(options.params)
    except ValueError as error:
        raise ValueError(f"Parameters are not JSON: {error}") from None
    client = _client(options)
    answer = client.call_jeedom(options.method, params, options.apikey)
    return _print_answer(answer)


def _publish(options: argparse.Namespace) -> int:
    client = _client(options)
    answer = client.publish(
        options.topic, options.message, options.qos, options.retain
    )
    return _print_answer(answer)


def _subscribe(options: argparse.Namespace) -> int:
    events = _client(options).subscribe(
        options.topics,
        options.qos,
        keep=not options.once,
        resume=not options.once,
    )
    for event in events:
        if event["type"] == "message":
            payload = event["payload"]
            text = event["payload_b64"] if payload is None else payload
            print(event["topic"], text, flush=True)
        else:
            line = f"{event['type']}: {event.get('message')}"
            print(line, file=sys.stderr, flush=True)
    return 1


def _health(options: argparse.Namespace) -> int:
    # Nothing is sealed for this, so any key will do.
    health = GatewayClient(options.url, "0" * 64).health()
    print(f"{health['status']} {health['version']}")
    return 0


def _print_answer(answer: Answer) -> int:
    text = answer.body
    if not isinstance(text, str):
        text = json.dumps(text, indent=2, ensure_ascii=False)
    if answer.status != 200:
        return _fail(f"{answer.status} {text}")
    print(text)
    return 0


def _fail(reason: str) -> int:
    print(reason, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
