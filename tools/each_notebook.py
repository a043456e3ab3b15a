"""Run one check of ``gt_secure.check`` on each notebook that is named: what the pre-commit hooks
call.

python tools/each_notebook.py no-secret-saved notebooks/01_quickstart.ipynb ...
"""

from __future__ import annotations

import sys

from gt_secure import check

CHECKS = {
    "no-secret-saved": check.no_secret_saved.look,
    "no-code-cell-skipped": lambda path: check.no_code_cell_skipped.look(path, run_within="any"),
}


def main() -> int:
    """Print what did not pass; return 1 if there is any."""
    name, *paths = sys.argv[1:]
    results = [CHECKS[name](path) for path in paths]
    wrong = [result for result in results if result.status != "passed"]
    for result in wrong:
        print(result.subject, result.message)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
