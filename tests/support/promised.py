"""A notebook that promises two checks, and what becomes of it: for the programs that run notebooks.

On a sandbox as it was seeded both checks pass, one of a function and one of a command, and
``open-team`` is open.
"""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import nbformat

from gt_secure import check
from gt_secure.base.outcome import CheckResult
from gt_secure.check.notebooks import kept

CELLS = (
    'TEAM = "radiology-team"',
    "import gt_secure\nfrom gt_secure import check\n\ngt = gt_secure.connect(sandbox=True)",
    "check.team_is_restricted(gt, TEAM)",
    "!gt-secure check team-is-restricted --team vpc-team",
)
PROMISE = """from gt_secure import check

check.promise(
    account="111122223333",
    region="us-east-1",
    on="sandbox",
    team_is_restricted=["radiology-team", "vpc-team"],
)"""
AS_IT_WAS = "as it was"
CHANGES: dict[str, dict[int, str]] = {
    AS_IT_WAS: {},
    "a check that is gone": {2: "TEAM"},
    "another team that is restricted": {2: 'check.team_is_restricted(gt, "vpc-team")'},
    "a team that is open": {
        2: 'check.team_is_restricted.look(gt, "open-team")\ncheck.team_is_restricted(gt, TEAM)'
    },
    "a check that raises": {0: 'TEAM = "open-team"'},
    "a command that fails": {3: CELLS[3].replace("vpc-team", "open-team")},
    "a command that is gone": {3: "!echo fine"},
    "an error before": {1: f"{CELLS[1]}\nraise RuntimeError('no credentials')"},
}
"""The cells that a change replaces, by their number; the promise stays."""


def promised(change: str = AS_IT_WAS) -> Any:
    """Return the notebook after a change; none of its cells was run."""
    sources = [CHANGES[change].get(number, source) for number, source in enumerate(CELLS)]
    cells = [
        nbformat.v4.new_code_cell(source, id=f"cell-{i}")
        for i, source in enumerate([*sources, PROMISE])
    ]
    cells[0].metadata["tags"] = ["parameters"]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return nbformat.v4.new_notebook(
        cells=cells, metadata={"kernelspec": kernel, "language_info": {"name": "python"}}
    )


def write_promised(path: Path, change: str = AS_IT_WAS) -> Path:
    """Write the notebook after a change."""
    nbformat.write(promised(change), path)
    return path


def is_accepted(path: Path) -> bool:
    """Return whether the check of a saved run accepts it,
    as ``check no-code-cell-skipped`` does.
    """
    return check.no_code_cell_skipped.look(path).passed is True


def why(path: Path) -> str:
    """Return what the check of a saved run answers."""
    return check.no_code_cell_skipped.look(path).message


def outputs_of(path: Path) -> str:
    """Return all outputs of a saved notebook as JSON."""
    return json.dumps(
        [cell.get("outputs", []) for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]]
    )


def compared(before: Any, after: Any, since: dt.datetime | None = None) -> CheckResult:
    """Return whether the run of a notebook, which is its outputs, kept the promise of another."""
    return kept(before, after, CheckResult("run", "a.ipynb", True, "", {}), since=since)


def owed(before: Any, after: Any, since: dt.datetime | None = None) -> list[str]:
    """Return in sentences what the run of a notebook owes to the promise of another."""
    found: list[str] = compared(before, after, since).details.get("owed", [])
    return found


def summary(before: Any, after: Any) -> str:
    """Return what is said of a run that kept its promise."""
    result = compared(before, after)
    assert result.passed
    return result.message
