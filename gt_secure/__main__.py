"""``python -m gt_secure``: the command line."""

import sys

from .cli.__main__ import run

sys.exit(run())
