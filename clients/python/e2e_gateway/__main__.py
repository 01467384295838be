"""Runs the command line: ``python3 -m e2e_gateway``.

``python3 path/to/e2e_gateway`` does the same from anywhere.
"""

import os
import sys

if not __package__:
    # Run as a directory, which Python takes for the place of modules.
    sys.path[0] = os.path.dirname(os.path.abspath(sys.path[0]))

from e2e_gateway.command_line import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
