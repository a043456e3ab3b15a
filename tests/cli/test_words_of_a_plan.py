"""What gt-secure plan prints below the plan, and the exit code: for each format, and for a plan
that is empty, asks, or is blocked.
"""

from __future__ import annotations

import argparse
import shlex
from types import SimpleNamespace
from typing import Any

import pytest

from gt_secure.cli import changes
from gt_secure.cli.exit_codes import ERROR, FOUND, OK
from gt_secure.cli.main import build_parser
from gt_secure.restriction.messages import Notice

GIVEN = "s3://gt-images --allow '203.0.113.0/24, 198.51.100.9' --application=mlflow --team a"
APPLY = f"Apply: gt-secure apply {GIVEN}"
"""What a terminal shows; elsewhere nothing can ask, so the command says yes."""
ASKED = APPLY.replace("Apply", "Apply, if you agree to each question", 1)
WARNING = Notice("broad", "warning", "The list is broad.", consent="I know.")
STOP = Notice("stop", "blocker", "It is too long.", confirmable=False)
BLOCKER = Notice("broad", "blocker", "It is broad.", consent="I know.")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run the command on a plan, and return its exit code, answer and remarks."""

    def run(
        *, format: str = "text", full: bool = False, json: bool = False, empty: bool = False, notices: Any = (), tty: bool = False
    ) -> tuple[int, list[Any], list[str]]:  # fmt: skip
        said: list[Any] = []
        noted: list[str] = []
        plan = SimpleNamespace(
            empty=empty,
            asks=() if empty else tuple(each for each in notices if each.asks),
            blockers=tuple(each for each in notices if each.severity == "blocker"),
            to_dict=lambda: {"digest": "d"},
            to_text=lambda *_, full: "PLAN" * full,
        )
        monkeypatch.setattr(changes, "plan_from", lambda args: plan)
        monkeypatch.setattr(
            changes, "FORMATS", dict.fromkeys(changes.FORMATS, lambda _: "PLAN\n\n")
        )
        monkeypatch.setattr(changes, "show_json", said.append)
        monkeypatch.setattr(changes, "say", said.append)
        monkeypatch.setattr(changes, "note", noted.append)
        monkeypatch.setattr(changes, "graded", lambda text: f"graded {text}")
        monkeypatch.setattr(
            changes, "sys", SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: tty))
        )
        words = [
            "s3://gt-images", "--allow", "203.0.113.0/24, 198.51.100.9", "--format", format, "--application=mlflow",
            "--accepted", "a.json", "--full", "--team", "a",
        ]  # fmt: skip
        code = changes._run_plan(
            argparse.Namespace(command="plan", json=json, format=format, full=full, words=words)
        )
        return code, said, noted

    return run


@pytest.mark.parametrize("shape", changes.FORMATS)
def test_a_plan_for_people_ends_with_the_command_that_applies_it(shape: str, run: Any) -> None:
    code, said, noted = run(format=shape)
    assert code == FOUND
    assert said == (["graded PLAN", f"{APPLY} --yes"] if shape == "text" else ["PLAN"])
    assert noted == []


@pytest.mark.parametrize(
    ("given", "code", "said", "noted"),
    [
        ({"empty": True}, OK, ["graded PLAN"], []),
        ({"tty": True}, FOUND, ["graded PLAN", APPLY], []),
        ({"full": True}, FOUND, ["graded PLAN", f"{APPLY} --yes"], []),
        ({"notices": [WARNING]}, FOUND, ["graded PLAN", f"{ASKED} --confirm broad --yes"], []),
        (
            {"notices": [WARNING], "tty": True},
            FOUND,
            ["graded PLAN", f"{ASKED} --confirm broad"],
            [],
        ),
        ({"notices": [BLOCKER]}, FOUND, ["graded PLAN", f"{ASKED} --confirm broad --yes"], []),
        ({"notices": [STOP]}, ERROR, ["graded PLAN"], []),
        ({"notices": [STOP], "empty": True}, ERROR, ["graded PLAN"], []),
        ({"notices": [STOP], "json": True}, ERROR, [{"digest": "d"}], []),
        ({"json": True}, FOUND, [{"digest": "d"}], []),
        ({"json": True, "empty": True}, OK, [{"digest": "d"}], []),
    ],
)
def test_what_a_plan_asks_decides_its_remarks_and_its_exit_code(
    given: Any, code: int, said: list[Any], noted: list[str], run: Any
) -> None:
    assert run(**given) == (code, said, noted)


def given(action: argparse.Action) -> list[str]:
    """Return an option of the parser as a person writes it."""
    value = str(next(iter(action.choices))) if action.choices else "a value, 'quoted'"
    return [action.option_strings[-1], *([value] if action.nargs is None else [])]


def test_the_command_that_applies_a_plan_has_every_option_that_was_given() -> None:
    parser = build_parser("changes")
    [commands] = [each for each in parser._actions if isinstance(each, argparse._SubParsersAction)]
    options = [each for each in commands.choices["plan"]._actions if each.option_strings]
    assert len(options) > 20
    left_out = {"--help"}
    for each in options:
        words = given(each)
        args = argparse.Namespace(command="plan", words=["s3://gt-images", *words])
        line = changes._command(args, ())
        if set(words) <= set(shlex.split(line)):
            assert words[0] in commands.choices["apply"]._option_string_actions
        else:
            left_out.add(words[0])
            assert line == "gt-secure apply s3://gt-images --yes"
    assert left_out == {"--help", *changes.PLAN_ONLY}


@pytest.mark.parametrize(
    ("allowed", "networks", "ranges"),
    [
        (["203.0.113.0/24"], [], ["203.0.113.0/24"]),
        (["office", "198.51.100.9"], ["n.csv"], ["203.0.113.0/25", "203.0.113.128/25", "198.51.100.9"]),
        (["office"], [], ["office"]),
    ],
)  # fmt: skip
def test_a_name_of_a_file_of_networks_is_its_ranges(
    allowed: list[str], networks: list[str], ranges: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Known(list[Any]):
        def __getitem__(self, name: Any) -> Any:
            return {"office": ("203.0.113.0/25", "203.0.113.128/25")}[name]

    monkeypatch.setattr(
        changes, "load_networks", lambda *_: Known([SimpleNamespace(name="office")])
    )
    assert changes._ranges(argparse.Namespace(allow=allowed, networks=networks)) == ranges
    misspelt = argparse.Namespace(allow=["offce"], networks=["n.csv"])
    with pytest.raises(KeyError, match="offce"):
        changes._ranges(misspelt)
