"""`python -m tinyc` is the command `tinyc`."""

from __future__ import annotations

import sys

from tinyc.cli import main

if __name__ == "__main__":
    sys.exit(main())
