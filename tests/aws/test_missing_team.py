"""A team that is not there is an error that says which team was meant, or where it is."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from gt_secure.aws import teams
from gt_secure.base.errors import GtSecureError
from support.states import OTHER, TEAM

AWS: Any = SimpleNamespace(region="us-east-1")
VENDOR = replace(
    TEAM, name="acme", kind="vendor", arn="arn:aws:sagemaker:us-east-1::workteam/vendor-crowd/acme"
)
FIRST = "There is no private workteam '{}' in us-east-1."
SEE = "See gt.workteams() for the teams of the region. "
ELSEWHERE = "For a team of another region pass region=."


@pytest.mark.parametrize(
    ("name", "listed", "place", "text", "step", "similar"),
    [
        ("radiolgy-team", [OTHER, replace(TEAM, name="radiology-tm"), TEAM], "eu-west-1", FIRST, f"Did you mean radiology-team? {SEE}{ELSEWHERE}", ["radiology-team"]),
        ("zebra", [OTHER, TEAM], "", FIRST, f"{SEE}{ELSEWHERE}", []),
        ("zebra", [OTHER, TEAM], "eu-west-1", FIRST, f"{SEE}It is in eu-west-1: pass region='eu-west-1'.", []),
        ("zebra", [], "", FIRST, f"{SEE}{ELSEWHERE}", []),
        ("zebra", GtSecureError("Denied."), "", FIRST, f"{SEE}{ELSEWHERE}", []),
        (
            "acme", [VENDOR, TEAM], "", "'{}' is a vendor team, which has no URL lock.",
            f"Name it by its ARN, {VENDOR.arn}, or leave the team out and guard its bucket.", None,
        ),
    ],
)  # fmt: skip
def test_which_team_was_meant(
    name: str,
    listed: Any,
    place: str,
    text: str,
    step: str,
    similar: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    def list_workteams(aws: Any) -> Any:
        if isinstance(listed, Exception):
            raise listed
        return listed

    def region_of(aws: Any, name: str) -> str:
        asked.append(name)
        return place

    monkeypatch.setattr(teams, "list_workteams", list_workteams)
    monkeypatch.setattr(teams, "_region_of", region_of)
    error = teams._no_team(AWS, name)
    assert (error.message, error.next_step) == (text.format(name), step)
    assert asked == ([] if similar or similar is None else [name]), (
        "regions are asked only if needed"
    )
    if similar is not None:
        assert error.details == {"similar": similar, "region": "" if similar else place}
