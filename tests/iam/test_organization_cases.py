"""The table of organization keys, organization policies and tags: each present, absent and not known."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from gt_secure.iam import batch

DATA = Path(__file__).parent.parent / "data"
CASES: list[dict[str, Any]] = [
    json.loads(line) for line in (DATA / "organization-cases.ndjson").read_text(encoding="utf-8").splitlines()
]
LATER = {"org-026"}  # needs the evaluator of unknown keys
COMPLETE = [
    case for case in CASES if not case["unknown"] and not case["rcp"] and not case["scp"] and case["id"] not in LATER
]


def test_every_case_is_new_and_names_its_page() -> None:
    assert len({json.dumps({**case, "id": "", "title": ""}) for case in CASES}) == len(CASES) >= 140
    assert all(case["doc"].startswith("https://docs.aws.amazon.com/") and case["reason"] for case in CASES)
    assert [case["id"] for case in CASES] == [f"org-{number:03d}" for number in range(1, len(CASES) + 1)]


def test_every_group_has_each_answer_and_the_samples_of_aws_are_in_it() -> None:
    answers = Counter((case["group"], case["expect"]) for case in CASES)
    assert all(answers[group, "unknown"] and answers[group, "allow"] for group in {case["group"] for case in CASES})
    used = {name for case in CASES for name in (*case["rcp"], *case["scp"]) if isinstance(name, str)}
    assert used == {path.name for path in (DATA / "data-perimeter").glob("*.json")}
    assert len(used) == 6


def test_an_unknown_case_depends_on_keys_that_are_not_known() -> None:
    for case in CASES:
        assert set(case["depends_on"]) <= set(case["unknown"])
        assert bool(case["depends_on"]) == (case["expect"] == "unknown")


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in COMPLETE])
def test_complete_case(case: dict[str, Any]) -> None:
    (answer,) = map(json.loads, batch.run([json.dumps(case)]))
    assert answer["verdict"] in [case["expect"], *case.get("accept", [])], (case["title"], answer["reason"])
