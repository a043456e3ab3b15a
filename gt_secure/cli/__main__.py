"""``gt-secure`` and ``python -m gt_secure.cli``: answer to signals first,
then import the command line.
"""

from __future__ import annotations

import sys

from .interrupts import end_on_interrupt


def run() -> int:
    """Run the command, and end it quietly when a person interrupts it."""
    end_on_interrupt()
    from .main import main

    return main()


if __name__ == "__main__":
    sys.exit(run())
