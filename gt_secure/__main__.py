"""``python -m gt_secure``: the command line."""

import sys

from .cli.main import main

sys.exit(main())
