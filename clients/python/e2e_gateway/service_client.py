"""Calls of the services beside Jeedom and MQTT, each as one method."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping, Sequence
from datetime import datetime
from typing import Any

from .answer import Answer
from .service_answer import (
    ActionList,
    HttpAnswer,
    InfluxResult,
    check_written,
    content_of,
    read_actions,
    read_device,
    read_history,
    read_http_answer,
    read_influx_result,
    read_picture,
    read_state,
    read_states,
)

#: Longest wait for an answer, in seconds: the gateway waits up to 30 s for
#: Jeedom.
DEFAULT_TIMEOUT = 40.0
#: Longest time without a heartbeat, in seconds: the gateway sends one at least
#: every 15 s.
STREAM_TIMEOUT = 45.0
#: Least time that the client waits beyond the gateway's own timeout of an HTTP
#: request, in seconds.
BEYOND_TIMEOUT = 10.0


class ServiceClient(ABC):
    """Client of the services; the class that extends it seals and sends."""

    @abstractmethod
    def call(
        self,
        service: str,
        fields: Mapping[str, Any] | None = None,
        *,
        compress: str | None = None,
        timeout: float | None = None,
    ) -> Answer:
        """Call a service, and return its answer, whatever its status."""

    @abstractmethod
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
        """Yield the events of a service, until the generator is closed."""

    def device(self) -> dict[str, Any]:
        """Describe the key of this client; every key may ask.

        It has ``name``, ``kid``, ``default``, ``minProtocol``, ``rights``,
        ``summary``, ``services``, ``version`` and ``time``, and may have
        ``label``, ``created``, ``expires`` and ``uses``. ``time`` is in
        seconds since 1970; the other times are in ISO 8601.

        :raises GatewayError: if there is no answer
        """
        return read_device(self.call("device"))

    def forget(self) -> None:
        """Remove the key of this client from the gateway.

        Then its streams end, and all its requests are refused; delete it on
        the device, too.

        :raises WrongKeyError: if the gateway does not accept the key: an
            earlier call whose answer was lost may have removed it. An
            attacker in between can forge that refusal
        :raises GatewayError: if it was not removed, or that is unknown
        """
        content_of(self.call("device", {"forget": True}), "device")

    def action(
        self, name: str, params: Mapping[str, Any] | None = None
    ) -> Answer:
        """Run an action that the operator of the gateway named.

        :param params: its parameters, by name
        :raises GatewayError: if it did not run, or that is unknown
        """
        return self.call("action", present(name=name, params=params))

    def actions(self) -> ActionList:
        """List the actions that the key may run, and the runs left.

        Each action has ``name`` and ``label``, and may have ``icon``,
        ``confirm``, ``params``, ``coolDown`` and ``state``.

        :raises GatewayError: if there is no list
        """
        return read_actions(self.call("action"))

    def http(
        self,
        target: str | None = None,
        path: str | None = None,
        *,
        url: str | None = None,
        method: str | None = None,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
        raw: bool = False,
        timeout: float | None = None,
    ) -> HttpAnswer:
        """Send an HTTP request from the gateway.

        To a target that the operator named, or to a URL that the gateway
        allows.

        :param target: name of a target, with ``path`` and ``query`` below it
        :param url: URL with its query, in place of a target
        :param method: by default ``GET`` for a target, ``POST`` for a URL
        :param body: a text as it is, any other value as its JSON text
        :param raw: asks for the bytes of the answer, in ``content``
        :param timeout: longest wait of the gateway, in seconds; the client
            waits a little longer
        :returns: the answer, whatever its status
        :raises GatewayError: if there is none
        """
        fields = present(
            target=target,
            path=path,
            url=url,
            method=method,
            query=query,
            headers=headers,
            body=body,
            raw=raw or None,
            timeout=timeout,
        )
        wait = None
        if timeout is not None:
            wait = max(DEFAULT_TIMEOUT, timeout + BEYOND_TIMEOUT)
        return read_http_answer(self.call("http", fields, timeout=wait))

    def home_assistant(
        self,
        call: str,
        *,
        target: str | Sequence[str] | None = None,
        data: Mapping[str, Any] | None = None,
        return_response: bool = False,
    ) -> Answer:
        """Call a service of Home Assistant.

        :param call: domain and service, such as ``light.turn_on``
        :param target: entities that it acts on
        :param data: data of the call
        :param return_response: asks for the response of the call
        :returns: the answer of Home Assistant, whatever its status
        :raises GatewayError: if there is none
        """
        ids = [target] if isinstance(target, str) else target
        fields = present(
            call=call,
            target=None if ids is None else {"entity_id": list(ids)},
            data=data,
            return_response=return_response or None,
        )
        return self.call("home_assistant", fields)

    def home_assistant_states(
        self, globs: Sequence[str]
    ) -> list[dict[str, Any]]:
        """Return the states of the entities that the key may read.

        :param globs: entities, such as ``light.*``
        :raises GatewayError: if there are none
        """
        fields = {"states": list(globs)}
        return read_states(self.call("home_assistant", fields))

    def home_assistant_state(self, entity: str) -> dict[str, Any]:
        """Return the state of one entity.

        :raises GatewayError: if there is none
        """
        return read_state(self.call("home_assistant", {"state": entity}))

    def home_assistant_history(
        self,
        entities: Sequence[str],
        start: datetime | float | str,
        end: datetime | float | str | None = None,
        *,
        attributes: bool = False,
    ) -> list[list[dict[str, Any]]]:
        """Return past states: a list for each entity that has some.

        :param start: begin of the period: a datetime with its zone, seconds
            since 1970, or a text as in ISO 8601 with its offset from UTC
        :param end: its end, in the same way; now by default
        :param attributes: asks for the attributes of each state; without
            them only the first and the last one have the entity
        :raises GatewayError: if there are none
        """
        history = present(
            entities=list(entities),
            start=_time_of(start),
            end=_time_of(end),
            attributes=attributes or None,
        )
        return read_history(self.call("home_assistant", {"history": history}))

    def home_assistant_camera(self, entity: str) -> bytes:
        """Return the current picture of a camera.

        :raises GatewayError: if there is none
        """
        return read_picture(self.call("home_assistant", {"camera": entity}))

    def subscribe_entities(
        self,
        globs: Sequence[str],
        *,
        since: Mapping[str, Any] | None = None,
        keep: bool = False,
        resume: bool = True,
        timeout: float = STREAM_TIMEOUT,
    ) -> Generator[dict[str, Any], None, None]:
        """Yield the states of entities: now, and after each change.

        The ``topic`` of a ``message`` is the entity, its ``payload`` the JSON
        text of the state. The rest is as in ``subscribe``.

        :param globs: entities, such as ``sensor.*``
        """
        return self.subscribe_to(
            "home_assistant",
            {"entities": list(globs)},
            since=since,
            keep=keep,
            resume=resume,
            timeout=timeout,
        )

    def influx(
        self, query: str, params: Mapping[str, Any] | None = None
    ) -> InfluxResult:
        """Run a query of InfluxDB that the operator of the gateway named.

        :param params: its parameters, by name
        :raises GatewayError: if there is no result
        """
        fields = present(query=query, params=params)
        return read_influx_result(self.call("influxdb", fields))

    def influx_write(
        self,
        write: str,
        measurement: str,
        fields: Mapping[str, Any],
        *,
        tags: Mapping[str, Any] | None = None,
        time: datetime | float | str | None = None,
    ) -> None:
        """Write a point to a place in InfluxDB that the operator named.

        :param write: name of the place
        :param fields: values by name, at least one
        :param tags: texts by name that tell series apart
        :param time: a datetime with its zone, seconds since 1970, or a text
            as in ISO 8601 with its offset from UTC; the gateway's by default
        :raises GatewayError: unless the point is stored
        """
        point = present(
            write=write,
            measurement=measurement,
            fields=fields,
            tags=tags,
            time=_time_of(time),
        )
        check_written(self.call("influxdb", point))


def present(**fields: Any) -> dict[str, Any]:
    """Return the fields that have a value."""
    return {name: fields[name] for name in fields if fields[name] is not None}


def _time_of(time: datetime | float | str | None) -> float | str | None:
    """Return a time in seconds since 1970, or as it is written.

    :raises ValueError: if it is a datetime without its zone
    """
    if not isinstance(time, datetime):
        return time
    if time.tzinfo is None:
        raise ValueError("Time must have a zone, such as timezone.utc")
    return time.timestamp()
