"""Laws of the one shape of an account: where errors become parts, who looks past one,
and what a change leaves.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from pathlib import Path

import pytest

import gt_secure
from gt_secure.account.part_reader import part_of
from gt_secure.account.reader import read_state
from gt_secure.account.state import FINDINGS, PLAN, State
from gt_secure.base.errors import AccessDenied, GtSecureError, NotFound, Unreachable
from gt_secure.changes.plan import plan
from gt_secure.engine.access.part import NotRead, Part, PartNotReadError
from gt_secure.restriction.model import Restriction
from support.account import BUCKET, TEAM, Account
from support.consents import apply_agreed as apply

ROOT = Path(gt_secure.__file__).parent
JUDGES = ("account/", "engine/access/", "explain/", "findings/")


@cache
def modules() -> dict[str, ast.Module]:
    return {
        str(path.relative_to(ROOT)): ast.parse(path.read_text(encoding="utf-8"))
        for path in ROOT.rglob("*.py")
    }


def functions_with(name: str) -> Iterator[str]:
    """Yield ``module:function`` of each function that reads an attribute."""
    for module, tree in modules().items():
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        holding = [
            each
            for each in functions
            if any(getattr(node, "attr", "") == name for node in ast.walk(each))
        ]
        for function in holding:
            if not any(other is not function and other in ast.walk(function) for other in holding):
                yield f"{module}:{function.name}"


def calls_of(name: str) -> set[str]:
    """Return the modules that call a function or class by its name."""
    return {
        module
        for module, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == name
    }


def test_locks_are_made_in_one_place_and_the_organization_is_read_in_one() -> None:
    assert calls_of("EffectiveLocks") == {"engine/access/locks.py", "account/locks.py"}
    for reader in ("read_organization", "read_facts"):
        users = {
            m
            for m, tree in modules().items()
            for node in ast.walk(tree)
            if getattr(node, "id", "") == reader
        }
        assert users == {"account/reader.py"}


def test_errors_of_aws_become_parts_in_one_place() -> None:
    caught = {
        module
        for module, tree in modules().items()
        if module.startswith(JUDGES)
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler)
        and "GtSecureError" in ast.dump(node.type or ast.Constant(None))
    }
    # A template of a stack that cannot be read is no template whose resources are known.
    assert caught == {"account/part_reader.py", "engine/access/cloudformation_template.py"}


def test_who_looks_past_an_unread_part_is_listed() -> None:
    """A value that may be missing silently makes an answer greener:
    each of these says so in its own way.
    """
    judging = {name for name in functions_with("if_read") if name.startswith(JUDGES)}
    assert (
        judging
        == {
            "explain/from_account.py:_locks",  # without them nothing is predicted
            "account/key_listing.py:listing",  # None: which keys exist is unknown
            "account/locks.py:_acls",  # not ignored: then ACLs may grant
            "account/reader.py:_of_strangers",  # what is unknown is read: it may count
            "engine/access/part.py:if_asked",  # None: nobody asked
            "account/locks.py:locks_of",  # None: not read
            "explain/refused_by.py:locks_on",  # without them no lock is named
            "account/fact_reader.py:read_facts",  # policies that were not read ask for nothing
            "account/reader.py:_account_block",  # reads more
            "account/bucket.py:read_key_policy",  # the key is unknown: its policy is asked for everywhere
            "account/export.py:_portal_ranges",  # a portal that was not read has no list to export
            # What to read next: nothing more is read of what is unknown, and that stays unread itself.
            "account/reader.py:_jobs_of",
            "account/reader.py:_log_bucket",
            "account/reader.py:_others",
            "account/reader.py:_rest",
            "account/reader.py:read",
            "account/reader.py:with_signers",
            "account/state.py:jobs_on",  # the jobs of a team that were read
            "account/state.py:signing_role",  # empty: the role is unknown
            "account/state.py:of_bucket",  # the others are asked about as ever; the unread one is named
            "account/state.py:signs_of",  # fewer signs: the plan names what was not read
            "account/whose_urls.py:__init__",  # `all_known` is False: each URL may be of any team
            "findings/bucket_rules.py:block_public_access_off",  # `uses`
            "findings/bucket_rules.py:log_target_unfit",
            "findings/bucket_rules.py:_unfit_settings",
            "findings/guard_rules.py:ipv4_only",
            "findings/guard_rules.py:many_signers",  # nobody is said to have signed none
            "findings/other_ways_rules.py:bucket_acl_public",
            "findings/page_links.py:links_of",  # the doubt names it
            "findings/workteam_rules.py:template_without_grant",
        }
    )
    assert len(judging) <= 30


def test_a_part_that_was_not_read_has_no_value() -> None:
    missing = NotRead("the workteam", "sagemaker:DescribeWorkteam", "denied", "This role may not.")
    part: Part[str] = Part.unread(missing)
    with pytest.raises(
        PartNotReadError, match="The workteam is unknown: sagemaker:DescribeWorkteam was denied"
    ):
        _ = part.value
    assert part.map(str.upper) == part
    assert Part.of("a").map(str.upper).value == "A"
    assert Part.of(None).map(str.upper).value is None
    for empty in (
        ("", "a:B", "denied", "why"),
        ("x", "", "denied", "why"),
        ("x", "a:B", "denied", ""),
    ):
        with pytest.raises(ValueError, match="needs its name"):
            NotRead(*empty)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (AccessDenied("no", action="a:Other"), "denied"),
        (Unreachable("gone"), "no answer"),
        (GtSecureError("odd"), "no answer"),
    ],
)
def test_an_error_of_a_reading_becomes_the_part(error: GtSecureError, why: str) -> None:
    def read() -> str:
        raise error

    found = part_of("the thing", "a:Read", read).missing
    assert found is not None
    assert (found.why, found.action) == (why, "a:Other" if why == "denied" else "a:Read")
    with pytest.raises(GtSecureError):
        part_of("the thing", "a:Read", read, raises=GtSecureError)


def test_what_was_named_and_is_not_there_is_raised_where_it_must_be() -> None:
    def read() -> str:
        raise NotFound("no", details={"code": "NoSuchThing"})

    with pytest.raises(NotFound):
        part_of("the thing", "a:Read", read, raises=NotFound)
    assert part_of("the thing", "a:Read", read, absent="NoSuchThing").value is None


def test_a_scope_reads_no_more_than_it_names(account: Account) -> None:
    seen = read_state(
        account.aws, team=TEAM, bucket=BUCKET, needs=frozenset({"team", "bucket.policy"})
    )
    read = {name for name, part in seen.parts() if part.missing is None}
    assert read == {"team", "bucket.policy"}
    assert seen.missing() == ()


@pytest.mark.parametrize("portal", [True, None])
def test_the_state_after_the_changes_is_the_state_that_is_read_then(
    account: Account, portal: bool | None
) -> None:
    wish = Restriction(
        TEAM,
        addresses=["203.0.113.0/24"],
        bucket=BUCKET,
        prefix="scans/",
        portal_lock=portal,
        age_limit="15m",
    )
    made = plan(account.aws, wish)
    expected = made.state.after(made.changes)
    assert expected != made.state
    apply(account.aws, made, journal=account.journal)
    account.settle()
    read = read_state(account.aws, wish)
    apart = {"at", "raw"}
    assert {
        each.name: getattr(expected, each.name) for each in fields(State) if each.name not in apart
    } == {each.name: getattr(read, each.name) for each in fields(State) if each.name not in apart}


def test_what_plans_and_findings_look_at_is_named(account: Account) -> None:
    for needs in (PLAN, FINDINGS):
        seen = read_state(account.aws, team=TEAM, bucket=BUCKET, needs=needs)
        read = {name for name, part in seen.parts() if part.missing is None}
        named = {name for name in needs if name not in ("organization", "account_block")}
        assert {name for name in named if seen.part(name) is not None} - read <= {
            "bucket.log_bucket.policy"
        }
