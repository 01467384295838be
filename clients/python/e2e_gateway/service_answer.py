"""Content of the answers of services."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .answer import Answer
from .errors import FailedError

#: Most characters of the reason of a service, which may be a whole page.
MAX_REASON = 200


@dataclass(frozen=True)
class HttpAnswer(Answer):
    """Answer to an HTTP request."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers, their names in lower case."""
        headers = self.members.get("headers")
        return headers if isinstance(headers, dict) else {}

    @property
    def content(self) -> bytes | None:
        """Bytes of the body, where ``raw`` asked for them; else None."""
        return bytes_of(self, "http")

    @property
    def content_type(self) -> str | None:
        """Media type of the body."""
        content_type = self.members.get("content_type")
        return content_type or self.headers.get("content-type")


@dataclass(frozen=True)
class ActionUses:
    """Runs of actions that a key has left."""

    #: Number of runs that are left, of all actions together.
    left: int
    #: Number of runs that the key was granted.
    of: int


@dataclass(frozen=True)
class ActionList:
    """Actions that the key may run."""

    #: A dictionary for each action, in the order of the operator.
    actions: Sequence[dict[str, Any]]
    #: Runs that are left; None where the key may run them without limit.
    uses: ActionUses | None


@dataclass(frozen=True)
class InfluxResult:
    """Result of a query of InfluxDB."""

    #: Names of the columns.
    columns: Sequence[str]
    #: Rows, each with a value for each column; times are milliseconds
    #: since 1970.
    rows: Sequence[Sequence[Any]]
    #: True if the query had more rows than the gateway sends.
    truncated: bool


def read_http_answer(answer: Answer) -> HttpAnswer:
    """Read the answer to an HTTP request, whatever its status.

    :raises FailedError: if its bytes are malformed
    """
    bytes_of(answer, "http")
    return HttpAnswer(
        answer.status, answer.body, answer.timestamp, answer.members
    )


def read_device(answer: Answer) -> dict[str, Any]:
    """Read the description of a key.

    :raises FailedError: if it is malformed
    """
    device = content_of(answer, "device")
    if (
        not has_texts(device, "name", "kid", "version")
        or not all(
            isinstance(device.get(name, ""), str)
            for name in ("label", "created", "expires")
        )
        or not isinstance(device.get("rights"), dict)
        or not is_list_of(device.get("summary"), str)
        or not is_list_of(device.get("services"), str)
    ):
        raise malformed("device")
    found: dict[str, Any] = device
    return found


def read_actions(answer: Answer) -> ActionList:
    """Read the list of actions.

    :raises FailedError: if it is malformed
    """
    content = content_of(answer, "action")
    fields = content if isinstance(content, dict) else {}
    actions, uses = fields.get("actions"), fields.get("uses")
    if not isinstance(actions, list) or not all(
        has_texts(action, "name", "label") for action in actions
    ):
        raise malformed("action")
    if uses is None:
        return ActionList(actions, None)
    if not isinstance(uses, dict) or not all(
        type(uses.get(name)) is int for name in ("left", "of")
    ):
        raise malformed("action")
    return ActionList(actions, ActionUses(uses["left"], uses["of"]))


def read_states(answer: Answer) -> list[dict[str, Any]]:
    """Read the states of entities.

    :raises FailedError: if they are malformed
    """
    states = content_of(answer, "home_assistant")
    if not isinstance(states, list) or not all(map(_is_state, states)):
        raise malformed("home_assistant")
    return states


def read_state(answer: Answer) -> dict[str, Any]:
    """Read the state of an entity.

    :raises FailedError: if it is malformed
    """
    state = content_of(answer, "home_assistant")
    if not _is_state(state):
        raise malformed("home_assistant")
    found: dict[str, Any] = state
    return found


def read_history(answer: Answer) -> list[list[dict[str, Any]]]:
    """Read the past of entities.

    :raises FailedError: if it is malformed
    """
    history = content_of(answer, "home_assistant")
    if not is_list_of(history, list) or not all(
        has_texts(state, "state") for past in history for state in past
    ):
        raise malformed("home_assistant")
    found: list[list[dict[str, Any]]] = history
    return found


def read_picture(answer: Answer) -> bytes:
    """Read a picture.

    :raises FailedError: if there is none
    """
    content_of(answer, "home_assistant")
    picture = bytes_of(answer, "home_assistant")
    if picture is None:
        raise malformed("home_assistant")
    return picture


def read_influx_result(answer: Answer) -> InfluxResult:
    """Read the result of a query.

    :raises FailedError: if it is malformed
    """
    content = content_of(answer, "influxdb")
    fields = content if isinstance(content, dict) else {}
    columns, rows = fields.get("columns"), fields.get("rows")
    if not is_list_of(columns, str) or not is_list_of(rows, list):
        raise malformed("influxdb")
    return InfluxResult(columns, rows, fields.get("truncated") is True)


def check_written(answer: Answer) -> None:
    """Check the answer to a write.

    :raises FailedError: if the point is not stored
    """
    content = content_of(answer, "influxdb")
    if not isinstance(content, dict) or content.get("success") is not True:
        raise malformed("influxdb")


def content_of(answer: Answer, service: str) -> Any:
    """Return the content of an answer.

    Where the gateway itself answers, the body is a text of JSON.

    :raises FailedError: if the answer is not a success
    """
    if answer.status != 200:
        message = f"{service} answers with status {answer.status}"
        if isinstance(answer.body, str) and answer.body:
            message += f": {answer.body[:MAX_REASON]}"
        raise FailedError(message, status=answer.status)
    if not isinstance(answer.body, str):
        return answer.body
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError):
        return None


def bytes_of(answer: Answer, service: str) -> bytes | None:
    """Return the bytes of an answer; None if it has none.

    :raises FailedError: if they are malformed
    """
    encoded = answer.members.get("body_b64")
    if encoded is None:
        return None
    try:
        return base64.b64decode(encoded, validate=True)
    except (ValueError, TypeError):
        raise malformed(service) from None


def malformed(service: str) -> FailedError:
    """Make the error for an answer without the form of its service."""
    return FailedError(
        f"{service} sent an answer that is malformed", status=200
    )


def is_list_of(value: Any, kind: type) -> bool:
    """Return whether a value is a list of this type."""
    return isinstance(value, list) and all(
        isinstance(part, kind) for part in value
    )


def _is_state(value: Any) -> bool:
    return has_texts(value, "entity_id", "state") and isinstance(
        value.get("attributes"), dict
    )


def has_texts(value: Any, *names: str) -> bool:
    """Return whether a value is an object with these texts."""
    return isinstance(value, dict) and all(
        isinstance(value.get(name), str) for name in names
    )
