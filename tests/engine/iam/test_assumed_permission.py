"""No reason says of a permission that was assumed that somebody has read it.

The cases of policies are decided again with the Allow that stands in for identity policies that
nobody could read. Where no answer would be *opened* without that Allow, the reason says so.
"""

import json
from pathlib import Path

import pytest

from gt_secure.engine.access.locks import EVERYTHING
from gt_secure.engine.iam import batch

DATA = Path(__file__).parents[2] / "data"
FILES = ("own-policy-cases", "policy-cases", "organization-cases")


def answers(cases: list[dict], identity: list) -> list[dict]:
    lines = [json.dumps(case | {"identityPolicies": identity}) for case in cases]
    return list(map(json.loads, batch.run(lines)))


@pytest.mark.parametrize("name", FILES)
def test_a_reason_says_what_was_assumed(name: str) -> None:
    cases = [*map(json.loads, (DATA / f"{name}.ndjson").read_text(encoding="utf-8").splitlines())]
    across, seen = 0, 0
    for case, with_it, without in zip(
        cases, answers(cases, [EVERYTHING]), answers(cases, []), strict=True
    ):
        rests_on_it = with_it["verdict"] == "allow" != without["verdict"]
        assert not rests_on_it or "assumed" in with_it["reason"], (case["title"], with_it["reason"])
        seen += rests_on_it
        across += rests_on_it and "of the bucket policy allows" in with_it["reason"]
    assert seen > 20
    assert across or name == "organization-cases"
