"""The page for an approver and the digest: exact statements, a diff, all calls;
only the approved plan is applied.
"""

from __future__ import annotations

import html
import json
import re
import shlex
from dataclasses import replace

import pytest

from gt_secure.base.errors import Conflict, InvalidInput
from gt_secure.changes.change import find_change
from gt_secure.changes.plan import plan
from gt_secure.changes.render.html import policy_diff
from gt_secure.changes.render.parts import answer_chip
from gt_secure.changes.targets import BucketGuard
from gt_secure.cli.main import parse
from gt_secure.engine.access.answer import tone
from gt_secure.restriction.model import Restriction
from support.account import BUCKET, FOREIGN, TEAM, Account
from support.consents import apply_agreed as apply
from support.restrictions import loads_restriction

WANTED = Restriction(
    TEAM, addresses=["203.0.113.0/24"], bucket=BUCKET, prefix="scans/", portal_lock=True
)


def _boxes(page: str) -> list[str]:
    return [
        html.unescape(re.sub(r"<[^>]*>", "", box))
        for box in re.findall(r"<pre[^>]*>(.*?)</pre>", page, re.DOTALL)
    ]


def test_the_page_holds_all_that_an_approver_checks(account: Account) -> None:
    one = plan(account.aws, WANTED)
    page = one.to_html(standalone=True)
    boxes = _boxes(page)
    [script] = [box for box in boxes if box.startswith("#!/usr/bin/env bash")]
    writes = {each.operation for each in one.calls if each.operation.startswith(("Put", "Update"))}
    assert len(writes) == 3
    for operation in writes:
        assert re.sub("(?<!^)(?=[A-Z])", "-", operation).lower() in script
    assert one.permissions in [_json(box) for box in boxes]
    assert any(loads_restriction(box) == WANTED for box in boxes if '"team"' in box)
    assert one.digest in page
    assert one.digest in page.partition("<details")[0], "the command is not folded"


def test_the_command_of_the_page_has_the_reason(account: Account) -> None:
    """What the approver read as the reason is what the journal has."""
    one = plan(account.aws, WANTED, reason="RISK-112: the clinic's list")
    [command] = [each for each in _boxes(one.to_html(standalone=True)) if one.digest in each]
    words = shlex.split(command)
    assert words[words.index("--reason") + 1] == one.reason
    args = parse(words[1:])
    assert args is not None
    assert (args.reason, args.digest, args.file) == (one.reason, one.digest, "restriction.json")
    assert args.confirm == [each.code for each in one.asks]
    assert "--reason" not in plan(account.aws, WANTED).to_html(standalone=True)


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None


def test_the_diff_has_both_policies(account: Account) -> None:
    guard = find_change(plan(account.aws, WANTED).changes, BucketGuard)
    assert guard is not None
    diff = policy_diff(guard)
    lines = html.unescape(re.sub(r"<[^>]*>", "", diff)).split("\n")
    before = "\n".join(line[2:] for line in lines if line[:1] in " -")
    after = "\n".join(line[2:] for line in lines if line[:1] in " +")
    assert (json.loads(before), json.loads(after)) == (
        json.loads(str(guard.before)),
        json.loads(str(guard.after)),
    )
    assert "gts-add" in diff
    assert "(no policy)" in policy_diff(replace(guard, before=None))


def test_colours_mean_security(account: Account) -> None:
    one = plan(account.aws, WANTED)
    stranger = [each.at("198.51.100.9", "forwarded") for each in (one.before, one.after)]
    assert [tone(each.answer, stranger=True) for each in stranger] == ["no", "ok"], (
        "an open hole is not green"
    )
    listed = one.after.at("203.0.113.7", "worker")
    assert answer_chip(listed).tone == "ok"
    assert answer_chip(stranger[1]).tone == "warn", "a worker who is locked out is no success"


def test_the_page_says_what_the_url_lock_cannot_tell_apart(account: Account) -> None:
    page = html.unescape(plan(account.aws, WANTED).to_html(standalone=True))
    assert "worker's URL used from another address" in page
    assert "Everyone behind one NAT shares its public address" in page


def test_the_page_says_who_asked_what_was_read_what_stays_and_how_to_undo(account: Account) -> None:
    wish = Restriction(TEAM, addresses=["203.0.113.0/24"], bucket=BUCKET)
    one = plan(account.aws, wish, reason="RISK-112, AKIAQ3XW7PLM2KDJ5VTR")
    page = html.unescape(re.sub(r"<[^>]*>", " ", one.to_html(standalone=True)))
    assert "Reason: RISK-112" in one.to_text(full=True)
    assert "RISK-112" in page
    assert "AKIA" not in page
    output = html.unescape(re.sub(r"<[^>]*>", " ", one._repr_html_()))
    assert [page.count(each) for each in ("Requested by", "RISK-112")] == [1, 2], "the command too"
    assert [output.count(each) for each in ("Requested by", "RISK-112")] == [1, 1]
    assert "AKIA" not in output
    for part in (
        "Requested by",
        one.state.caller_arn,
        "with gt_secure",
        "Valid",
        "No access log was read",
        "Not read",
    ):
        assert part in page
    assert "Portal lock of" in page, "a lock that stays"
    assert "gt-secure undo" in page
    assert "in the VPC portal would see no image." in page
    assert "--confirm url-lock-one-path" in page
    assert "yourself" not in page


def test_the_digest_names_what_is_done_and_nothing_else(account: Account) -> None:
    one, again = plan(account.aws, WANTED), plan(account.aws, WANTED)
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", one.digest)
    assert one.digest == again.digest == one.to_dict()["digest"]
    assert one.digest in one.to_text(full=True)
    other = plan(
        account.aws, Restriction(TEAM, addresses=["203.0.113.0/25"], bucket=BUCKET, prefix="scans/")
    )
    assert other.digest != one.digest
    account.put_policy(FOREIGN.replace("s3:DeleteBucket", "s3:PutBucketCORS"))
    assert plan(account.aws, WANTED).digest != one.digest


@pytest.mark.parametrize(
    "form", [str, str.upper, lambda text: text.removeprefix("sha256:"), lambda text: f" {text}\n"]
)
def test_the_approved_plan_is_applied(account: Account, form: object) -> None:
    one = plan(account.aws, WANTED)
    assert callable(form)
    assert (
        apply(account.aws, one, digest=form(one.digest), journal=account.journal).outcome
        == "applied"
    )


def test_another_plan_is_refused_and_writes_nothing(account: Account) -> None:
    approved = plan(account.aws, WANTED).digest
    account.put_policy(FOREIGN.replace("s3:DeleteBucket", "s3:PutBucketCORS"))
    before = account.look()
    with pytest.raises(Conflict, match="approved") as caught:
        apply(account.aws, plan(account.aws, WANTED), digest=approved, journal=account.journal)
    assert caught.value.details["approved"] == approved
    assert account.look() == before
    assert not account.journal.path.exists()


@pytest.mark.parametrize(
    "digest", ["", "sha256:", "sha256:12", "md5:" + "0" * 64, "0" * 63, "g" * 64]
)
def test_what_is_no_digest_is_refused(account: Account, digest: str) -> None:
    with pytest.raises(InvalidInput):
        apply(account.aws, plan(account.aws, WANTED), digest=digest, journal=account.journal)
