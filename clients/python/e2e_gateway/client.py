"""Client of the gateway."""

from __future__ import annotations

import base64
import re
import time
import urllib.parse
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, Union

from .answer import Answer
from .channel import Channel
from .health import ask_health
from .jeedom_events import jeedom_events
from .protocol import Key
from .push_client import PushClient
from .service_client import DEFAULT_TIMEOUT, STREAM_TIMEOUT
from .subscription import follow, position
from .waiting import Backoff, backoff


def _check_url(url: str) -> None:
    """Check an address of HTTP.

    :raises ValueError: if it is malformed
    """
    if not re.match("https?://[^/]", url):
        raise ValueError(
            f'Address must begin with http:// or https://, not "{url}"'
        )
    try:
        parts = urllib.parse.urlsplit(url)
        is_valid = parts.hostname is not None and parts.port != 0
    except ValueError:
        # Such as a port that is not a number.
        is_valid = False
    if not is_valid or re.search(r"\s", url):
        raise ValueError(f'Address has a wrong host or port: "{url}"')


#: Version of the protocol: 1, 2, or ``auto`` to ask the gateway.
Protocol = Union[int, str]


class GatewayClient(PushClient):
    """Client of one gateway under one key; threads may share it."""

    def __init__(
        self,
        url: str,
        key: str,
        timeout: float = DEFAULT_TIMEOUT,
        clock: Callable[[], float] = time.time,
        backoff: Backoff = backoff,
        *,
        protocol: Protocol = "auto",
        key_name: str | None = None,
    ) -> None:
        """Make a client; send nothing yet.

        :param url: the address, such as ``https://home.example.ts.net``
        :param key: the key, 64 hexadecimal characters
        :param timeout: longest wait for an answer, in seconds
        :param clock: returns the seconds since 1970; in version 2 the client
            corrects it
        :param backoff: returns the wait before a retry, in seconds, from the
            number of failed tries
        :param protocol: version of the protocol: 1, 2, or ``auto`` to ask the
            gateway before the first request
        :param key_name: name of the key, for error messages
        :raises ValueError: if the key, the address or the version is
            malformed
        """
        _check_url(url)
        if protocol not in ("auto", 1, 2):
            raise ValueError(f'No such protocol: "{protocol}"')
        self._url = url.rstrip("/")
        self._timeout = timeout
        self._backoff = backoff
        self._channel = Channel(
            self._url,
            Key(key),
            version=protocol if isinstance(protocol, int) else None,
            clock=clock,
            key_name=key_name,
        )

    @property
    def protocol(self) -> Protocol:
        """Version of the protocol: 1 or 2; ``auto`` until it is known.

        Store 2, and pass it to the next client: an attacker in between then
        cannot downgrade that one to version 1.
        """
        return self._channel.version or "auto"

    def call(
        self,
        service: str,
        fields: Mapping[str, Any] | None = None,
        *,
        compress: str | None = None,
        timeout: float | None = None,
    ) -> Answer:
        """Call a service.

        :param service: name of the service, such as ``influxdb``
        :param fields: further fields of the request
        :param compress: ``gzip`` to let the gateway compress a large answer
        :param timeout: longest wait for this answer, in seconds
        :returns: the answer of the service, whatever its status
        :raises GatewayError: if the gateway cannot be reached, or refuses
        """
        request = {**(fields or {}), "service": service}
        if compress is not None:
            request["compress"] = compress
        return self._call("/gateway", request, timeout)

    def subscribe_to(
        self,
        service: str,
        fields: Mapping[str, Any] | None = None,
        *,
        since: Mapping[str, Any] | None = None,
        keep: bool = False,
        resume: bool = True,
        timeout: float = STREAM_TIMEOUT,
    ) -> Generator[dict[str, Any], None, None]:
        """Yield the events of a service, until the generator is closed.

        As ``subscribe`` does those of MQTT topics.

        :param service: name of the service
        :param fields: further fields of the request
        """
        request = {**(fields or {}), "service": service, "keep": keep}
        return self._subscribe("/subscribe", request, since, resume, timeout)

    def call_jeedom(
        self,
        method: str,
        params: dict[str, Any] | None = None,
        apikey: str | None = None,
        endpoint: str | None = None,
        *,
        compress: str | None = None,
        timeout: float | None = None,
    ) -> Answer:
        """Call a method of Jeedom's JSON-RPC API.

        :param method: name of the method, such as ``jeeObject::full``
        :param params: parameters of the method
        :param apikey: Jeedom's API key, where the gateway has none of its own
        :param endpoint: path of the API on the Jeedom server
        :param compress: ``gzip`` to let the gateway compress a large answer;
            an older gateway does not
        :param timeout: longest wait for this answer, in seconds
        :returns: Jeedom's answer, with its HTTP status
        :raises GatewayError: if the gateway cannot be reached, or refuses
        """
        fields = {
            "service": "jeedom",
            "jsonrpc": method,
            "params": params,
            "apikey": apikey,
            "endpoint": endpoint,
        }
        if compress is not None:
            fields["compress"] = compress
        return self._call("/gateway", fields, timeout)

    def jeedom_events(
        self,
        since: float | None = None,
        long_polling: float = 50.0,
        filter: str | None = None,
        *,
        apikey: str | None = None,
        endpoint: str | None = None,
    ) -> Generator[dict[str, Any], None, None]:
        """Yield Jeedom's events, until the generator is closed.

        Each event has ``datetime``, ``name`` and ``option``. Temporary
        failures are retried. After five minutes of nothing but failures the
        newest one is raised; call again with the ``datetime`` of the last
        event as ``since``.

        :param since: begins after this time of Jeedom's clock, in seconds;
            now by default
        :param long_polling: longest wait of Jeedom for an event, in seconds
        :param filter: name of a filter in Jeedom
        :param apikey: Jeedom's API key, where the gateway has none of its own
        :param endpoint: path of the API on the Jeedom server
        :raises GatewayError: a permanent failure, or five minutes of temporary
            ones; a ``JeedomError`` if Jeedom refuses
        """

        def ask(method: str, params: dict[str, Any]) -> Answer:
            longest = long_polling + DEFAULT_TIMEOUT
            return self.call_jeedom(
                method, params, apikey, endpoint, timeout=longest
            )

        return jeedom_events(
            ask,
            since=since,
            long_polling=long_polling,
            filter_name=filter,
            backoff=self._backoff,
        )

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
        """Publish an MQTT message, and wait until the broker acknowledged it.

        :param message: payload: a text; bytes; None for an empty one,
            which clears a retained message; any other value as its JSON text
        :param qos: quality of service: 0, 1 or 2
        :param retain: makes the broker retain the message for later
            subscribers
        :param broker_host: broker other than the gateway's own; with its port
            and login
        :returns: status 200 once the broker has acknowledged the message
        :raises GatewayError: if the gateway cannot be reached, or refuses, or
            the broker did not accept the message
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
        if isinstance(message, (bytes, bytearray)):
            fields["payload_b64"] = base64.b64encode(message).decode()
        else:
            fields["message"] = message
        return self._call("/mqtt/publish", fields, timeout)

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
        """Yield the events of MQTT topics, until the generator is closed.

        The first event has the ``type`` ``connected``; each ``message`` has
        ``topic``, ``payload``, ``qos``, ``retain`` and ``timestamp``. A
        payload that is not UTF-8 is None, and in ``payload_b64``.

        Once it was connected, the subscription reconnects until the
        generator is closed. ``disconnected``, ``end`` and ``error`` have in
        ``message`` the reason why a stream ended; the next one begins with
        ``connected``, and resumes where the last one ended. ``gap`` says
        that messages may be missing nevertheless. After an ``end`` with
        ``retry`` the client waits at least that many seconds.

        :param topics: filters, such as ``home/+/temperature``, or one filter
        :param qos: highest quality of service
        :param since: position to resume after: an earlier event, or only its
            ``epoch`` and ``offset``
        :param keep: keeps the stream open while the gateway's broker is
            unreachable, which ``offline`` and ``online`` events report
        :param resume: False for one stream only: ``disconnected``, ``end``
            or ``error`` is its last event
        :param timeout: longest time without a heartbeat, in seconds; the
            gateway sends one at least every 15 s
        :raises GatewayError: a permanent failure; any failure before it was
            connected for the first time, or without ``resume``
        :raises KeyError: if ``since`` has no ``epoch`` and ``offset``
        """
        fields = {
            "topics": [topics] if isinstance(topics, str) else list(topics),
            "qos": qos,
            "broker_host": broker_host,
            "broker_port": broker_port,
            "username": username,
            "password": password,
            "keep": keep,
        }
        return self._subscribe(
            "/mqtt/subscribe", fields, since, resume, timeout
        )

    def health(self) -> dict[str, Any]:
        """Ask whether the gateway runs, without the key.

        :returns: ``status`` and ``version`` of the gateway
        :raises GatewayError: if it does not answer, or is not healthy
        """
        return ask_health(self._url, self._timeout)

    def _subscribe(
        self,
        route: str,
        fields: dict[str, Any],
        since: Mapping[str, Any] | None,
        resume: bool,
        timeout: float,
    ) -> Generator[dict[str, Any], None, None]:
        start = None if since is None else position(since)
        return follow(
            self._channel,
            route,
            {**fields, "since": start},
            timeout=timeout,
            resume=resume,
            backoff=self._backoff,
        )

    def _call(
        self, route: str, fields: dict[str, Any], timeout: float | None
    ) -> Answer:
        if timeout is None:
            timeout = self._timeout
        return self._channel.call(route, fields, timeout)
