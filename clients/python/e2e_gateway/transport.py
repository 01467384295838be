"""HTTP requests, with their failures as errors of the client."""

from __future__ import annotations

import http.client
import json
import re
import socket
import time
import urllib.error
import urllib.request
from types import TracebackType
from typing import Any, cast

from .errors import (
    GatewayError,
    RequestTimeoutError,
    TamperedError,
    UnreachableError,
)
from .refusal import LONGEST_RETRY, http_refusal

#: Largest answer, in bytes: far above what a gateway sends.
LONGEST_ANSWER = 64 * 2**20
#: Largest plain answer, in bytes: a refusal, or a gateway's health.
LONGEST_PLAIN = 8192
CHUNK_BYTES = 65536


class Response:
    """Response whose body is yet to be read, and its deadline."""

    def __init__(
        self, response: http.client.HTTPResponse, timeout: float
    ) -> None:
        self._response = response
        # Set by _Watched. The socket's own timeout is for each chunk, so an
        # attacker who sends single bytes slowly would never reach it.
        self._socket: socket.socket = cast(Any, response).socket
        self._timeout = timeout
        self.extend()

    def __enter__(self) -> Response:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._response.close()

    @property
    def status(self) -> int:
        """HTTP status, a success."""
        return self._response.status

    def extend(self) -> None:
        """Restart the deadline."""
        self._deadline = time.monotonic() + self._timeout

    def read(self, longest: int = LONGEST_ANSWER) -> bytes:
        """Read the whole body.

        :param longest: largest body, in bytes
        :raises RequestTimeoutError: if it does not come in time
        :raises UnreachableError: if it breaks off
        :raises TamperedError: if it is longer
        """
        expected = self._response.length
        body = bytearray()
        while expected is None or len(body) < expected:
            chunk = self.read_chunk()
            if not chunk:
                break
            body += chunk
            if len(body) > longest:
                raise TamperedError("Answer is larger than any gateway's")
        if expected is not None and len(body) < expected:
            raise UnreachableError("Answer broke off")
        return bytes(body)

    def read_chunk(self) -> bytes:
        """Read the next chunk; nothing at the end of the body.

        :raises RequestTimeoutError: if nothing comes in time
        :raises UnreachableError: if the body breaks off
        """
        rest = self._deadline - time.monotonic()
        try:
            if rest <= 0:
                raise socket.timeout
            self._socket.settimeout(rest)
            return self._response.read1(CHUNK_BYTES)
        except socket.timeout:
            raise _timed_out(self._timeout) from None
        except (http.client.HTTPException, OSError) as error:
            raise UnreachableError("Answer broke off") from error


def send(request: urllib.request.Request, timeout: float) -> Response:
    """Send a request, and wait for the beginning of its answer.

    :param timeout: longest wait, in seconds
    :raises GatewayError: if there is none, or it is a refusal
    """
    opener = urllib.request.build_opener(_HttpHandler, _HttpsHandler)
    try:
        return Response(opener.open(request, timeout=timeout), timeout)
    except urllib.error.HTTPError as error:
        with error:
            raise _refusal(error) from None
    except urllib.error.URLError as error:
        if isinstance(error.reason, socket.timeout):
            raise _timed_out(timeout) from error
        raise _unreachable(request, error.reason) from error
    except socket.timeout as error:
        raise _timed_out(timeout) from error
    except (http.client.HTTPException, OSError) as error:
        raise _unreachable(request, error) from error


class _Watched(http.client.HTTPConnection):
    """Connection that sets its socket at the response, for its timeouts."""

    def getresponse(self) -> http.client.HTTPResponse:
        """Wait for the beginning of an answer."""
        watched = self.sock
        response = super().getresponse()
        cast(Any, response).socket = watched
        return response


class _WatchedTls(_Watched, http.client.HTTPSConnection):
    """The same over TLS."""


class _HttpHandler(urllib.request.HTTPHandler):
    def http_open(
        self, req: urllib.request.Request
    ) -> http.client.HTTPResponse:
        return self.do_open(_Watched, req)


class _HttpsHandler(urllib.request.HTTPSHandler):
    def https_open(
        self, req: urllib.request.Request
    ) -> http.client.HTTPResponse:
        return self.do_open(cast(Any, _WatchedTls), req)


def _timed_out(timeout: float) -> RequestTimeoutError:
    return RequestTimeoutError(f"No answer within {timeout:g} s")


def _unreachable(
    request: urllib.request.Request, reason: object
) -> UnreachableError:
    address = f"{request.type}://{request.host}"
    return UnreachableError(f"No gateway answers at {address}: {reason}")


def _refusal(refusal: urllib.error.HTTPError) -> GatewayError:
    seconds = refusal.headers.get("Retry-After", "")
    # No gateway sends a date.
    is_number = re.fullmatch(r"[0-9]+(\.[0-9]+)?", seconds)
    wait = float(seconds) if is_number else 0.0
    version = refusal.headers.get("E2E-Protocol", "")
    return http_refusal(
        refusal.code,
        _reason(refusal),
        min(wait, LONGEST_RETRY),
        int(version) if re.fullmatch("[0-9]{1,4}", version) else 0,
    )


def _reason(refusal: urllib.error.HTTPError) -> str:
    """Return the text of the gateway, or of a proxy before it."""
    try:
        return str(json.loads(refusal.read(LONGEST_PLAIN))["error"])
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        RecursionError,
        http.client.HTTPException,
    ):
        return str(refusal.reason) or f"HTTP status {refusal.code}"
