"""Escapes untrusted text for terminals."""

from __future__ import annotations

import re

#: Control characters except tab and line feed, marks that change the direction
#: of text, line separators, and surrogates, which have no UTF-8.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
    "\ud800-\udfff]"
)


def printable(text: str) -> str:
    r"""Escape control characters of a terminal, as ``\u001b``.

    The value of JSON text and line ends do not change.
    """
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def one_line(text: str) -> str:
    r"""Escape control characters of a terminal, and line feeds as ``\n``."""
    return printable(text).replace("\n", "\\n")
