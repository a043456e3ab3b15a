"""Errors speak the language of their surface: options in a shell, arguments in Python,
fields in the panel.
"""

from __future__ import annotations

import argparse
import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import gt_secure
from gt_secure import Restriction
from gt_secure.base.errors import (
    AccessDenied,
    Conflict,
    CredentialsError,
    GtSecureError,
    InvalidInput,
    LogError,
    MissingExtra,
    NotFound,
    PolicyError,
    Throttled,
    Unreachable,
    Unsupported,
)
from gt_secure.base.wording import Wording
from gt_secure.changes import Journal, apply
from gt_secure.cli.main import build_parser
from gt_secure.cli.wording import (
    COMMAND_LINE,
    OPTIONS,
    PYTHON_ONLY,
    for_command_line,
    in_options,
    option_of,
)
from gt_secure.connection import connect
from gt_secure.logs import plots
from gt_secure.widgets.base import PANEL

PACKAGE = Path(gt_secure.__file__).parent
OPTION_NAMES = {
    word
    for action in build_parser()._actions
    if isinstance(action, argparse._SubParsersAction)
    for parser in action.choices.values()
    for word in parser._option_string_actions
}
SHELL_ONLY = ("cli", "sandbox", "magics", "pytest_plugin")
STARTS_A_SANDBOX = re.compile(r"'?gt-secure (sandbox|demo)\b")


EVERY_KIND = (
    AccessDenied("This role may not.", action="s3:GetObject", next_step="Pass bucket=."),
    PolicyError("Bad.", place="$.Statement", next_step="Pass bucket=."),
    *(
        kind("Bad.", next_step="Pass bucket=.")
        for kind in (
            GtSecureError, InvalidInput, NotFound, CredentialsError, Unreachable, Throttled, Conflict, Unsupported,
            LogError, MissingExtra,
        )
    ),
)  # fmt: skip


def next_steps() -> Iterator[tuple[str, str]]:
    """Yield each text that an error of the library gives as its next step,
    with its file and line.
    """
    for path in sorted(PACKAGE.rglob("*.py")):
        place = path.relative_to(PACKAGE)
        if place.parts[0].removesuffix(".py") in SHELL_ONLY:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            for keyword in node.keywords:
                if keyword.arg == "next_step":
                    parts = [
                        part.value
                        for part in ast.walk(keyword.value)
                        if isinstance(part, ast.Constant) and isinstance(part.value, str)
                    ]
                    yield f"{place}:{node.lineno}", "".join(parts)


def test_the_library_names_no_option_and_no_command() -> None:
    options = [
        f"{place}: {text}"
        for place, text in next_steps()
        if re.search(r"(?<![\w-])--[a-z]|gt-secure [a-z]", STARTS_A_SANDBOX.sub("", text))
    ]
    assert not options


def test_every_argument_in_a_next_step_has_an_option() -> None:
    named = {
        (place, name)
        for place, text in next_steps()
        for name in re.findall(r"(?<![\w:/?&-])([a-z_]+)=(?!\w*=)", text)
        if not text.startswith("pip install")
    }
    missing = {
        (place, name)
        for place, name in named
        if name not in OPTIONS and name not in PYTHON_ONLY and option_of(name) not in OPTION_NAMES
    }
    assert missing == set()
    assert {word for word in OPTIONS.values() if word.startswith("--")} <= OPTION_NAMES
    assert len({name for _, name in named}) > 15  # the search finds them


@pytest.mark.parametrize(
    ("text", "command", "panel"),
    [
        ("Pass endpoints=['vpce-1'].", "Pass --endpoint vpce-1.", 'Use the field "VPC endpoints".'),
        ("Pass team=, bucket= or both.", "Pass --team, s3://BUCKET or both.", None),
        ("A (portal_lock=None).", "A (without --portal-lock).", 'A (Portal lock: "No change").'),
        ("A (age_limit=None).", "A (--age-limit off).", 'A ("Age limit" empty).'),
        (
            "See gt.workteams() for them.",
            "See 'gt-secure teams' for them.",
            'See the list "Workteam" for them.',
        ),
        (
            "Undo it with gt.undo('ab12').",
            "Undo it with 'gt-secure undo ab12'.",
            "Undo it with gt.undo('ab12').",
        ),
        (
            "Write context={'aws:A': 'b'}.",
            "Write --context aws:A=b.",
            "Write context={'aws:A': 'b'}.",
        ),
        ("For example memory_limit='2 GB'.", "For example --memory-limit '2 GB'.", None),
        (
            "aws:PrincipalOrgID=o-1 and a == b",
            "aws:PrincipalOrgID=o-1 and a == b",
            "aws:PrincipalOrgID=o-1 and a == b",
        ),
    ],
)
def test_words_of_each_surface(text: str, command: str, panel: str | None) -> None:
    assert COMMAND_LINE.write(text) == command == in_options(text)
    if panel is not None:
        assert PANEL.write(text) == panel


BAD = {
    "an endpoint among the addresses": {"addresses": ["vpce-0a1b2c3d"], "bucket": "gt-images"},
    "no list for the guard": {"bucket": "gt-images"},
    "no list for the portal": {"team": "open-team", "portal_lock": True},
    "a list without a lock": {"team": "open-team", "addresses": ["203.0.113.0/24"]},
    "nothing at all": {},
    "too old": {"addresses": ["203.0.113.0/24"], "bucket": "gt-images", "age_limit": "9d"},
}


@pytest.mark.parametrize("arguments", BAD.values(), ids=list(BAD))
def test_a_bad_restriction_names_what_its_surface_has(arguments: dict[str, object]) -> None:
    with pytest.raises(InvalidInput) as caught:
        Restriction(**arguments)  # type: ignore[arg-type]
    step = caught.value.next_step
    assert re.search(r"\b[a-z_]+=", step)
    assert "--" not in step
    shell = for_command_line(caught.value).next_step
    assert "--" in shell
    assert not re.search(r"\b[a-z_]+=", shell)
    panel = PANEL.translate(caught.value).next_step
    assert '"' in panel
    assert not re.search(r"\b[a-z_]+=|--", panel)


def test_the_wrong_object_is_an_error_of_ours() -> None:
    with pytest.raises(InvalidInput, match="needs a plan, not Restriction"):
        apply(None, Restriction("open-team"), journal=Journal())  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="is True or a running Sandbox, not str"):
        connect(sandbox="yes")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="Did you mean 'age'"):
        plots.draw(None, "ages")  # type: ignore[arg-type]


def test_a_translated_error_keeps_class_and_details() -> None:
    error = InvalidInput(
        "No bucket is named.", next_step="Pass bucket=.", field="bucket", value="x"
    )
    shown = for_command_line(error)
    assert isinstance(shown, GtSecureError)
    assert (type(shown), shown.next_step, shown.details) == (
        InvalidInput,
        "Pass s3://BUCKET.",
        error.details,
    )
    assert error.next_step == "Pass bucket=."


@pytest.mark.parametrize("surface", [COMMAND_LINE, PANEL])
@pytest.mark.parametrize("error", EVERY_KIND, ids=lambda error: type(error).__name__)
def test_every_kind_of_error_can_be_translated(surface: Wording, error: GtSecureError) -> None:
    shown = surface.translate(error)
    assert type(shown) is type(error)
    assert vars(shown) | {"next_step": ""} == vars(error) | {"next_step": ""}
    assert "bucket=" not in shown.next_step


def test_an_argument_and_its_variable_are_named_once_where_they_are_one() -> None:
    assert in_options("Choose another folder with journal= or GT_SECURE_JOURNAL.") == (
        "Choose another folder with GT_SECURE_JOURNAL."
    )
    assert in_options("Pass yes=True or no.") == "Pass --yes or no."
