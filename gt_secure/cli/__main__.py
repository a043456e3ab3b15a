"""``python -m gt_secure.cli``: the command line."""

import sys

from .main import main

sys.exit(main())
