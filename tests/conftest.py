"""Common set-up of all tests: plugins, and what is not collected.
A copied part has the plugins that import only it.
"""

from __future__ import annotations

import os
from importlib.util import find_spec

pytest_plugins = [
    "support.session",
    "support.failures",
    "support.process_state",
    "support.warm_programs",
    "support.sandboxes",
    "support.account",
    "support.scene",
    "support.command_folder",
    "support.texts",
]

collect_ignore = [] if "GT_SECURE_LIVE_PROFILE" in os.environ else ["live"]
"""A real account is asked only by ``tools/live.py``."""
# What “make browser” installs.
collect_ignore += ["browser"] if find_spec("playwright") is None else []
