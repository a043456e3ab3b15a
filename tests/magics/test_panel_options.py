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


@pytest.mark.parametrize(
    ("cell", "is_assigned"),
    [
        ("answer = run()", True),
        ("run()", False),
        ("[answer] = [run()]", False),
        ("print(run())", False),
        ("use(answer := run())", False),
    ],
)
def test_a_verdict_is_an_error_unless_its_value_is_assigned(cell: str, is_assigned: bool) -> None:
    seen: list[bool] = []
    within: dict[str, Any] = {
        "__name__": "gt_secure.magics",
        "seen": seen,
        "look": magics._is_assigned,
    }
    exec("def run():\n    seen.append(look())", within)
    exec(cell, {"__name__": "__main__", "run": within["run"], "use": str, "print": str})
    assert seen == [is_assigned]


def test_a_magic_that_no_cell_runs_is_not_assigned(monkeypatch: pytest.MonkeyPatch) -> None:
    last = SimpleNamespace(f_globals={"__name__": "IPython.core"}, f_back=None)
    monkeypatch.setattr(magics, "sys", SimpleNamespace(_getframe=lambda: last))
    assert magics._is_assigned() is False


@pytest.mark.parametrize(
    ("is_assigned", "is_check", "is_verdict", "value"),
    [
        (True, False, True, "result"),
        (False, False, True, None),
        (False, False, False, "result"),
        (False, True, True, "required"),
    ],
)
def test_a_command_gives_its_result_or_prints(
    is_assigned: bool,
    is_check: bool,
    is_verdict: bool,
    value: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ran: list[str] = []

    class Result(str):
        def require(self) -> str:
            return "required"

    args = SimpleNamespace(
        command="check" if is_check else "prove",
        is_verdict=is_verdict,
        result=lambda _: Result("result"),
        run=lambda _: ran.append("ran") or 0,
        parser=SimpleNamespace(check_combination=lambda _: ran.append("looked")),
    )
    monkeypatch.setattr(magics, "parse", lambda words: args)
    monkeypatch.setattr(magics, "_is_assigned", lambda: is_assigned)
    monkeypatch.setattr(magics, "record_verdict", lambda _, code: code)
    assert magics._run(["prove"]) == value
    assert ran == (["looked"] if value else ["looked", "ran"])


@pytest.mark.parametrize(
    ("option", "prints"),
    [
        ({}, False),
        ({"json": True}, True),
        ({"output": "a.png"}, True),
        ({"explain": True}, True),
        ({"format": "text"}, False),
        ({"format": "table"}, False),
        ({"format": "csv"}, True),
        ({"format": None}, False),
    ],
)
def test_an_option_of_a_format_prints(option: dict[str, Any], prints: bool) -> None:
    assert magics._prints(SimpleNamespace(**option)) is prints  # type: ignore[arg-type]
