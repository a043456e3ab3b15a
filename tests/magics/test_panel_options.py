"""Each option of the panel's magic reaches the panel, and the parser has no other."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from gt_secure import magics
from gt_secure.base.errors import GtSecureError

PLAIN = {"team": None, "bucket": None, "prefix": "", "addresses": [], "endpoints": []}


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("", {}),
        ("--team open-team", {"team": "open-team"}),
        ("--allow 203.0.113.0/24,198.51.100.9", {"addresses": ["203.0.113.0/24", "198.51.100.9"]}),
        (
            "--allow 203.0.113.7 --allow 198.51.100.9",
            {"addresses": ["203.0.113.7", "198.51.100.9"]},
        ),
        ("--endpoint vpce-1 --endpoint vpce-2", {"endpoints": ["vpce-1", "vpce-2"]}),
        ("s3://gt-images/scans/", {"bucket": "gt-images", "prefix": "scans/"}),
    ],
)
def test_an_option_reaches_the_panel(
    line: str, values: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(magics.widgets, "panel", lambda gt, **given: seen.append((gt, given)))
    magics._run(["panel", *line.split()])
    assert seen == [(None, PLAIN | values)]


def test_a_region_or_a_profile_makes_a_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(magics.widgets, "panel", lambda gt, **given: seen.append(gt))
    monkeypatch.setattr(magics, "connection", lambda args: (args.region, args.profile))
    magics._run(["panel", "--region", "eu-west-1"])
    magics._run(["panel", "--profile", "lab"])
    assert seen == [("eu-west-1", None), (None, "lab")]


def test_the_help_of_the_panel_names_each_option_once() -> None:
    text = magics._panel_parser().format_help()
    assert text.startswith("usage: %gt_secure panel ")
    for line in (
        "Show the panel.",
        "--team TEAM workteam to start with",
        "--allow LIST addresses and CIDR ranges",
        "--endpoint ID VPC endpoint of S3",
        "bucket that holds the objects; without a team, bucket mode",
    ):
        assert line in " ".join(text.split())


def test_a_verdict_that_is_no_success_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    args = SimpleNamespace(command="findings", is_verdict=True, result=None, run=lambda _: 2)
    args.parser = SimpleNamespace(check_combination=lambda _: None)
    monkeypatch.setattr(magics, "parse", lambda words: args)
    monkeypatch.setattr(magics, "record_verdict", lambda _, code: code)
    with pytest.raises(GtSecureError) as caught:
        magics._run(["findings"])
    assert (
        caught.value.message
        == "findings ended with exit code 2: it failed, or something is unknown."
    )
    assert caught.value.next_step == "Read what is printed above."
    args.is_verdict = False
    magics._run(["findings"])
