"""Makes text from elsewhere safe to print on a terminal."""

from __future__ import annotations

import re

#: Control characters but tab and line feed, marks that turn the direction of
#: text, separators of lines, and halves of characters, which have no UTF-8.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
    "\ud800-\udfff]"
)


def printable(text: str) -> str:
    r"""Escape what would command a terminal, as ``\u001b``.

    JSON text stays the same JSON. Lines stay lines.
    """
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def one_line(text: str) -> str:
    r"""Escape what would command a terminal, and line feeds as ``\n``."""
    return printable(text).replace("\n", "\\n")
