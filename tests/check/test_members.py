"""A check is written once: its function, and its members in a check file."""

from __future__ import annotations

from inspect import signature
from typing import Any

import pytest

from gt_secure import check
from gt_secure.check.running import CHECKS
from gt_secure.check.spec import RULES
from gt_secure.cli.check import _LISTS, _NAMES, _TEXTS

LOG = {"logs", "since", "until"}
"""Members that name the log, which the function gets as hits."""
OF_LOG = {
    "no_leaked_urls": {"bucket", "prefix", "pools"},
    "urls_are_consistent": {"bucket", "prefix"},
}
"""Members that choose the rows of the log, or the rules."""
PYTHON_ONLY = {"accepted", "gt", "hits", "rules"}
"""Parameters with an object, or with what a file has once for all its checks."""


def test_every_check_has_its_members_and_a_public_name() -> None:
    assert set(RULES) == set(CHECKS)
    assert [name for name in RULES if getattr(check, name) is not CHECKS[name]] == []


@pytest.mark.parametrize("name", RULES)
def test_the_members_of_a_check_are_the_parameters_of_its_function(name: str) -> None:
    parameters = set(signature(CHECKS[name].__wrapped__).parameters) - PYTHON_ONLY
    assert set(RULES[name].members) - LOG - OF_LOG.get(name, set()) == parameters - LOG
    assert {*RULES[name].required, *RULES[name].one_of} <= set(RULES[name].members)


def test_every_option_of_the_command_is_a_member_of_a_check() -> None:
    members = {member for rule in RULES.values() for member in rule.members}
    assert {_NAMES.get(name, name) for name in (*_TEXTS, *_LISTS)} <= members


@pytest.mark.parametrize("name", CHECKS)
def test_help_shows_the_function_of_a_check(name: str) -> None:
    """``help()``, an editor and the notebook's record show the name,
    the module and the arguments of the function.
    """
    shown: Any = CHECKS[name]
    function = shown.__wrapped__
    assert (shown.name, shown.__name__, shown.__module__) == (name, name, function.__module__)
    assert shown.__doc__ == function.__doc__
    assert signature(shown) == signature(function)
    assert repr(shown) == f"<check {name}>"
    with pytest.raises(TypeError, match=f"The check {name} was not called: write {name}"):
        bool(shown)
