"""Laws of the package that keep one answer: one builder of locks,
and verdicts that stay where they are made.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import gt_secure
from gt_secure.account import State, locks_of
from gt_secure.account.bucket import Bucket
from gt_secure.account.organization import Organization
from gt_secure.engine.access import locks_of_policies
from gt_secure.engine.access.part import Part
from gt_secure.engine.iam.facts import Facts

ROOT = Path(gt_secure.__file__).parent
PARSING = {
    "account/fact_reader.py",
    "engine/policies/public_access.py",
    "findings/bucket_rules.py",
}
"""Modules that parse policies, or decide about one statement or a role's trust:
none asks who can open an object.
"""


def modules_with(pattern: str) -> set[str]:
    return {
        path.relative_to(ROOT).as_posix()
        for path in ROOT.rglob("*.py")
        if re.search(pattern, path.read_text(encoding="utf-8"))
    }


def test_the_locks_of_files_and_those_of_an_account_are_each_made_in_one_module() -> None:
    assert modules_with(r"(?<!class )\bEffectiveLocks\(") == {
        "engine/access/locks.py",
        "account/locks.py",
    }


def test_an_account_of_which_files_are_known_has_the_locks_of_these_files() -> None:
    policy = {
        "Statement": {
            "Effect": "Allow",
            "Principal": "*",
            "Action": "*",
            "Resource": "arn:aws-cn:s3:::b/*",
        }
    }
    level, facts = (
        {"Version": "2012-10-17", "Statement": []},
        Facts({"aws:principalarn": ("arn:aws:iam::1:role/r",)}),
    )
    session = json.dumps(level)
    of_files = locks_of_policies("b", policy, "111122223333", facts, session=session, rcp=[level])
    state = State(
        region="",
        partition="aws-cn",
        account_id="111122223333",
        caller_arn="",
        at=of_files.at,
        team=Part.of(None),
        workforce=Part.of(None),
        endpoints=Part.of(()),
        bucket=Bucket("b", "", Part.of(json.dumps(policy)), public_access_block=Part.of({})),
        organization=Organization(rcp=Part.of((level,))),
        facts=facts,
    )
    assert replace(locks_of(state), session=session) == of_files


def test_policies_are_put_together_in_one_module() -> None:
    found = {
        name
        for name in modules_with(r"(?<!class )\bPolicies\(")
        if not name.startswith("engine/iam/")
    }
    assert found - PARSING == {"engine/access/locks.py"}


def test_verdicts_stay_in_the_engine_and_behind_answers() -> None:
    found = modules_with(r"(->|:) ?(list\[|tuple\[|Iterable\[)?Verdict\b")
    assert {name for name in found if not name.startswith(("engine/", "explain/"))} <= {
        "findings/bucket_rules.py"
    }


def test_each_format_has_one_loader() -> None:
    """YAML is read in one module, and plans and templates by the readers that see a
    name that occurs twice.
    """
    assert modules_with(r"yaml\.(\w+_)?load|import yaml|module\(.yaml") == {"base/files.py"}
    readers = {"engine/access/cloudformation_template.py", "engine/access/terraform_plan.py"}
    assert readers <= modules_with(r"from \.\.\.base\.files import loads")
    assert not {*readers, "engine/access/planned_policies.py"} & modules_with(r"json\.loads?\(")
