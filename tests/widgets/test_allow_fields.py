"""Each field of a restriction is in the panel and on the command line,
or named here with the reason why not.
"""

from __future__ import annotations

from inspect import signature
from typing import Any

import pytest

from gt_secure.cli.changes import restriction_from
from gt_secure.cli.main import parse
from gt_secure.cli.wording import option_of
from gt_secure.restriction.model import Restriction
from gt_secure.widgets.allow_editor import AllowEditor
from gt_secure.widgets.allow_fields import FIELDS, AllowField
from gt_secure.widgets.base import PANEL

ALL = frozenset(signature(Restriction).parameters) - {"unknown"}  # what is refused
NOT_IN_ALLOW = {
    "expectations": "written in a file",
    "facts": "supplied with the connection",
    "keep": "written in a file",
    "lists": "names among the addresses",
    "version_4_only": "an option of a plan",
}
"""Fields that the panel does not offer."""
OTHER_PARTS = {"addresses", "endpoints", "guard", "portal_lock", "team", "url_lock", "vpcs"}
"""Fields that are no text: lists, switches, and the choice of a team."""
TYPED = {
    "bucket": (" s3://gt-scans ", "gt-scans", "Not A Bucket"),
    "prefix": (" scans/ ", "scans/", "scans/*"),
    "age_limit": ("90s", "90s", "15"),
    "application": (" MLflow ", "mlflow", "mlflaw"),
    "signers": (
        "arn:aws:iam::111122223333:role/Scanner",
        ("arn:aws:iam::111122223333:role/Scanner",),
        "Scanner",
    ),
}
"""For each text field: a text, the value that the restriction has of it,
and a text that is wrong.
"""
NO_OPTION = {
    "expectations": "written in a file",
    "keep": "written in a file",
    "lists": "names among the addresses",
}
"""Fields that no option sets."""
ROLE = "arn:aws:iam::111122223333:role/Scanner"
OPTIONS: dict[str, tuple[tuple[str, ...], Any]] = {
    "team": (("other-team",), "other-team"),
    "addresses": (("198.51.100.7",), ["198.51.100.7/32"]),
    "endpoints": (("vpce-0a1b2c3d4e5f60718",), ["vpce-0a1b2c3d4e5f60718"]),
    "vpcs": (("vpc-0a1b2c3d",), ["vpc-0a1b2c3d"]),
    "url_lock": (("off",), False),
    "portal_lock": ((), True),
    "guard": (("reads",), "reads"),
    "bucket": (("s3://gt-scans",), "gt-scans"),
    "prefix": (("s3://gt-images/scans/",), "scans/"),
    "age_limit": (("90s",), "90s"),
    "signers": ((ROLE,), [ROLE]),
    "application": (("mlflow",), "mlflow"),
    "version_4_only": ((), True),
    "facts": (("aws:PrincipalOrgID=o-abc1234567",), {"aws:PrincipalOrgID": "o-abc1234567"}),
}
"""For each field: what follows its option, or the address,
and the value that the restriction has of it.
"""


@pytest.fixture
def editor() -> AllowEditor:
    return AllowEditor(bucket="gt-images", team="radiology-team", addresses=["203.0.113.0/24"])


def test_each_field_of_a_restriction_is_in_the_panel_or_named_here() -> None:
    names = [each.name for each in FIELDS]
    assert len(names) == len(set(names))
    assert {*names, *OTHER_PARTS, *NOT_IN_ALLOW} == ALL
    assert set(TYPED) == set(names), "a new field: TYPED"


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_each_field_of_the_panel_is_complete(field: AllowField, editor: AllowEditor) -> None:
    typed, value, wrong = TYPED[field.name]
    assert field.label
    assert field.hint
    assert PANEL.write(f"Pass {field.name}=.") == f'Use the field "{field.label}".'
    editor.more_box.add_class("gts-hidden")
    box = editor.inputs[field.name]
    box.value = typed
    assert getattr(editor.restriction(), field.name) == value
    assert editor.good()[field.name] == getattr(editor, field.name) == box.value
    assert ("gts-hidden" not in editor.more_box._dom_classes) == (field.name != "bucket"), (
        "what has a value is shown"
    )
    box.value = wrong
    assert box.value == wrong
    assert wrong in editor.errors[field.name].value
    assert "1 invalid" in editor._summary.value
    box.value = ""
    assert "invalid" not in editor._summary.value
    assert field.value(editor) == field.empty


def test_each_field_of_a_restriction_has_an_option_or_is_named_here() -> None:
    assert {*OPTIONS, *NO_OPTION} == ALL


@pytest.mark.parametrize("name", OPTIONS)
def test_each_option_sets_its_field(name: str) -> None:
    words, value = OPTIONS[name]
    start = ["plan", "--team=open-team", "--allow=203.0.113.0/24"]
    option = str(option_of(name))
    start = [word for word in start if not word.startswith(f"{option}=")]
    options = [] if option.startswith("s3://") else ["s3://gt-images", option]
    args = parse([*start, *options, *words])
    assert args is not None
    assert restriction_from(args).to_dict()[name] == value
