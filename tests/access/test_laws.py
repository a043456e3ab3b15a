"""Laws of the package that keep one answer: one builder of locks, and verdicts that stay where they are made."""

from __future__ import annotations

import re
from pathlib import Path

import gt_secure

ROOT = Path(gt_secure.__file__).parent
PARSING = {"account/fact_reader.py", "policies/public_access.py", "doctor/simulating.py", "findings/bucket_rules.py"}
"""Modules that parse policies, or decide about one statement or a role's trust: none asks who can open an object."""


def modules_with(pattern: str) -> set[str]:
    return {
        path.relative_to(ROOT).as_posix()
        for path in ROOT.rglob("*.py")
        if re.search(pattern, path.read_text(encoding="utf-8"))
    }


def test_the_locks_are_made_in_one_module() -> None:
    assert modules_with(r"(?<!class )\bEffectiveLocks\(") == {"access/locks.py"}


def test_policies_are_put_together_in_one_module() -> None:
    found = {name for name in modules_with(r"(?<!class )\bPolicies\(") if not name.startswith("iam/")}
    assert found - PARSING == {"access/locks.py"}


def test_verdicts_stay_in_the_engine_and_behind_answers() -> None:
    found = modules_with(r"(->|:) ?(list\[|tuple\[|Iterable\[)?Verdict\b")
    assert {name for name in found if not name.startswith(("iam/", "access/", "explain/"))} <= {
        "findings/bucket_rules.py"
    }
