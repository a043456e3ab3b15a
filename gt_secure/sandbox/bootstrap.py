"""Run a sandbox with an interpreter of any environment,
which gets this package and nothing else of this one.
"""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path


def load() -> None:
    """Import ``gt_secure`` from where this file is, whatever the path of this interpreter has."""
    home = Path(__file__).resolve().parents[1]
    spec = spec_from_file_location(
        "gt_secure", home / "__init__.py", submodule_search_locations=[str(home)]
    )
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules["gt_secure"] = module
    spec.loader.exec_module(module)


if __name__ == "__main__":
    load()
    from gt_secure.sandbox.server import main

    sys.exit(main(sys.argv[1]))
