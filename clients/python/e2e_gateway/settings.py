"""Settings of the command line: the environment, then ``.env``."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

#: Line of ``.env``: a name, and its value in quotes or up to a comment.
_LINE = re.compile(
    r"^\s*(?:export\s+)?(\w+)[ \t]*=[ \t]*"
    r"(?:'([^'\n]*)'|\"([^\"\n]*)\"|([^#\r\n]*))",
    re.MULTILINE,
)
#: ``HOST`` when the gateway listens on all addresses of its machine.
_ALL_ADDRESSES = ("0.0.0.0", "::")
_DEFAULT_PORT = "10000"


class Settings:
    """Environment, which wins, and ``.env`` in the working directory."""

    def __init__(self) -> None:
        """Begin; the file is read at its first use."""
        self._file: Mapping[str, str] | None = None

    def get(self, name: str) -> str:
        """Return a setting without the spaces around it; empty if absent.

        :raises ValueError: if ``.env`` exists and cannot be read
        """
        given = os.environ.get(name, "").strip()
        if given:
            return given
        if self._file is None:
            self._file = _read_file()
        return self._file.get(name, "")

    def gateway_url(self) -> str:
        """Return ``GATEWAY_URL``, or the gateway's address on this machine.

        :raises ValueError: if ``PORT`` is not a port
        """
        return self.get("GATEWAY_URL") or self._local_url()

    def _local_url(self) -> str:
        port = self.get("PORT") or _DEFAULT_PORT
        if not re.fullmatch("[0-9]{1,5}", port) or int(port) > 65535:
            raise ValueError(
                f'PORT must be a whole number from 1 to 65535, not "{port}"'
            )
        if int(port) == 0:
            raise ValueError(
                "PORT=0 is any free port: give --url with the one in the "
                "gateway's log"
            )
        host = self.get("HOST")
        if not host or host in _ALL_ADDRESSES:
            host = "127.0.0.1"
        if ":" in host:
            host = f"[{host}]"
        scheme = "https" if self.get("TLS_CERT_FILE") else "http"
        return f"{scheme}://{host}:{int(port)}"


def _read_file() -> Mapping[str, str]:
    try:
        with open(".env", encoding="utf-8-sig", errors="replace") as file:
            text = file.read()
    except (FileNotFoundError, IsADirectoryError):
        # A directory of that name is a virtual environment of Python.
        return {}
    except OSError as error:
        raise ValueError(f".env cannot be read: {error.strerror}") from None
    if "\0" in text:
        raise ValueError(
            ".env is in UTF-16, as PowerShell writes it: save it as UTF-8"
        )
    return {
        name: (single or double or plain).strip()
        for name, single, double, plain in _LINE.findall(text)
    }
