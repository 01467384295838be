"""Secret in a file of its own."""

from __future__ import annotations

import codecs

#: Largest file, in bytes: a path may name a device by mistake.
_LONGEST = 4096


def read_secret(path: str, what: str) -> str:
    """Return the secret, without white space around it.

    A byte order mark of UTF-8 and line ends of Windows are accepted.

    :param what: name of the file in messages, such as ``Key file``; they never
        quote its content
    :raises ValueError: if the file does not contain one secret
    """
    name = f'{what} "{path}"'
    try:
        with open(path, "rb") as file:
            content = file.read(_LONGEST + 1)
    except FileNotFoundError:
        raise ValueError(f"{name} does not exist") from None
    except OSError as error:
        raise ValueError(f"{name} cannot be read: {error.strerror}") from None
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise ValueError(
            f"{name} is in UTF-16, as PowerShell and Notepad write it: "
            "save it as UTF-8"
        )
    try:
        secret = content.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        secret = ""
    is_one = len(secret.split()) == 1 and secret.isprintable()
    if not is_one or len(content) > _LONGEST:
        raise ValueError(f"{name} must hold one secret, and nothing else")
    return secret
