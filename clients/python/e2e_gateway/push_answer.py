"""Content of the answers of the push service."""

from __future__ import annotations

from typing import Any

from .answer import Answer
from .service_answer import content_of, has_texts, is_list_of, malformed

#: Name of the service.
PUSH = "push"


def read_push(answer: Answer) -> dict[str, Any]:
    """Read the description of subscriptions and rules.

    :raises FailedError: if it is malformed
    """
    push = _content_of(answer)
    subscriptions = push.get("subscriptions")
    if (
        not isinstance(push.get("enabled"), bool)
        or not isinstance(push.get("publicKey", ""), str)
        or not all(type(push.get(name)) is int for name in ("max", "maxRules"))
        or not isinstance(subscriptions, list)
        or not all(map(_is_subscription, subscriptions))
        or not is_list_of(push.get("rules"), dict)
        or not is_list_of(push.get("sources"), str)
    ):
        raise malformed(PUSH)
    return push


def read_subscription_id(answer: Answer) -> str:
    """Read the id of a new subscription.

    :raises FailedError: if there is none
    """
    found = _content_of(answer).get("id")
    if not isinstance(found, str):
        raise malformed(PUSH)
    return found


def read_removed(answer: Answer) -> bool:
    """Read whether there was something to remove.

    :raises FailedError: if it is malformed
    """
    removed = _content_of(answer).get("removed")
    if not isinstance(removed, bool):
        raise malformed(PUSH)
    return removed


def check_done(answer: Answer) -> None:
    """Check the answer to a test or a rule.

    :raises FailedError: if it is malformed
    """
    _content_of(answer)


def read_alerts(answer: Answer) -> list[dict[str, Any]]:
    """Read the recent alerts.

    :raises FailedError: if they are malformed
    """
    alerts = _content_of(answer).get("alerts")
    if not isinstance(alerts, list) or not all(map(_is_alert, alerts)):
        raise malformed(PUSH)
    return alerts


def _content_of(answer: Answer) -> dict[str, Any]:
    content = content_of(answer, PUSH)
    if not isinstance(content, dict):
        raise malformed(PUSH)
    return content


def _is_subscription(value: Any) -> bool:
    return has_texts(value, "id", "kind", "host", "created") and all(
        isinstance(value.get(name, ""), str)
        for name in ("label", "lastSuccess", "lastFailure")
    )


def _is_alert(value: Any) -> bool:
    return (
        has_texts(value, "id", "title", "body", "urgency", "tag")
        and type(value.get("timestamp")) in (int, float)
        and isinstance(value.get("actions"), list)
        and all(has_texts(one, "name", "label") for one in value["actions"])
    )
