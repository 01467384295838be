"""Runs the command line: ``python3 -m e2e_gateway``.

``python3 path/to/e2e_gateway`` does the same from anywhere.
"""

import os
import sys

if not __package__:
    # Run as a directory: Python then imports modules from it.
    sys.path[0] = os.path.dirname(os.path.abspath(sys.path[0]))

try:
    from e2e_gateway.command_line import main
except ImportError as error:
    if (error.name or "").split(".")[0] != "cryptography":
        raise
    sys.exit(
        "The Python package cryptography is missing. On Debian and Raspberry "
        "Pi OS: sudo apt install python3-cryptography. Elsewhere: "
        "python3 -m venv .venv && .venv/bin/pip install cryptography, then "
        "use .venv/bin/python3 in place of python3"
    )

if __name__ == "__main__":
    sys.exit(main())
