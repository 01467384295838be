"""Calls of the push service, each as one method."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .push_answer import (
    check_done,
    read_alerts,
    read_push,
    read_removed,
    read_subscription_id,
)
from .service_client import ServiceClient, present


class PushClient(ServiceClient):
    """Client that also manages push messages; every key may do so."""

    def push(self) -> dict[str, Any]:
        """Describe the push messages of this key.

        It has ``enabled`` and, unless that is False, ``publicKey`` (the
        gateway's, for push services); ``max`` and ``maxRules``;
        ``subscriptions`` (each with ``id``, ``kind``, ``host`` and
        ``created``, and where known ``label``, ``lastSuccess`` and
        ``lastFailure``); ``rules`` as they were set, and the ``sources`` that
        the key may use in them. Times are in ISO 8601.

        :raises GatewayError: if there is no answer
        """
        return read_push(self._push())

    def push_subscribe(
        self,
        endpoint: str,
        p256dh: str,
        auth: str,
        *,
        kind: str = "unifiedpush",
        label: str | None = None,
    ) -> str:
        """Subscribe a device to the alerts of this key, and return its id.

        The same endpoint again replaces its subscription.

        :param endpoint: address at the push service; secret
        :param p256dh: public point of the device, as in ``PushReceiver``
        :param auth: secret of the device, as in ``PushReceiver``
        :param kind: ``unifiedpush``, or ``web`` for a browser
        :param label: text for people
        :raises GatewayError: if it is not subscribed, or that is unknown
        """
        keys = {"p256dh": p256dh, "auth": auth}
        subscription = present(
            endpoint=endpoint, keys=keys, kind=kind, label=label
        )
        return read_subscription_id(self._push(subscribe=subscription))

    def push_unsubscribe(self, id: str) -> bool:
        """Remove a subscription; return False if there was none.

        :raises GatewayError: if that is unknown
        """
        return read_removed(self._push(remove=id))

    def push_test(self, id: str) -> None:
        """Send a test notification to a subscription.

        :raises GatewayError: unless it is queued
        """
        check_done(self._push(test=id))

    def push_set_rule(self, rule: Mapping[str, Any]) -> None:
        """Add a rule of alerts, or replace the one of its name.

        :param rule: ``name``, ``source``, ``condition`` and ``title``, and
            more as in the gateway's docs/services/push.md
        :raises ScopeError: if the key may not receive what it selects
        :raises GatewayError: if it is not stored, or that is unknown
        """
        check_done(self._push(rule=rule))

    def push_remove_rule(self, name: str) -> bool:
        """Remove a rule; return False if there was none.

        :raises GatewayError: if that is unknown
        """
        return read_removed(self._push(removeRule=name))

    def push_alerts(self, since: float = 0) -> list[dict[str, Any]]:
        """List recent alerts of this key, the oldest first.

        Also those that did not reach the device.

        Each is a notification, as in a push message: ``id``, ``title``,
        ``body``, ``urgency``, ``tag``, ``actions`` (``name`` and ``label``)
        and ``timestamp``, and where known ``rule`` and ``subject``.

        :param since: time of the last known alert, in seconds since 1970
        :raises GatewayError: if there is no list
        """
        return read_alerts(self._push(alerts={"since": since}))

    def _push(self, **fields: Any) -> Any:
        return self.call("push", fields)
