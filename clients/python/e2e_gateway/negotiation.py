"""Negotiation of the version of the protocol."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError

from .errors import RequestTimeoutError, UnreachableError, WrongKeyError


class Negotiation:
    """Finds the version once, and keeps it; threads may share it."""

    def __init__(
        self, version: int | None, probe: Callable[[float], None]
    ) -> None:
        """Begin; ask nothing yet.

        :param version: version; None to ask for it
        :param probe: asks the gateway in version 2, with a timeout in
            seconds; a ``WrongKeyError`` means that the gateway has version 1
            only, unless it announced version 2
        """
        self._probe = probe
        self._lock = threading.Lock()
        self._found: Future[int] | None = None
        if version is not None:
            self._found = Future()
            self._found.set_result(version)

    @property
    def version(self) -> int | None:
        """Version of the protocol; None until it is known."""
        found = self._found
        if found is None or not found.done() or found.exception():
            return None
        return found.result()

    def agree(self, timeout: float) -> int:
        """Return the version; ask once, whatever the number of threads.

        :param timeout: longest wait, in seconds
        :raises GatewayError: if there is no answer; the next call asks again
        """
        with self._lock:
            found = self._found
            if found is None:
                asking: Future[int] = Future()
                self._found = asking
        if found is not None:
            try:
                return found.result(timeout)
            except FutureTimeoutError:
                raise RequestTimeoutError(
                    f"No answer within {timeout:g} s"
                ) from None
        try:
            version = self._ask(timeout)
        except BaseException as error:
            self._found = None
            asking.set_exception(
                error
                if isinstance(error, Exception)
                else UnreachableError("Interrupted")
            )
            raise
        asking.set_result(version)
        return version

    def _ask(self, timeout: float) -> int:
        try:
            self._probe(timeout)
        except WrongKeyError as error:
            # Version 1 would be a second failed attempt. The header is not
            # authenticated, so the version is not stored.
            if error.knows_version_2:
                raise
            return 1
        return 2
