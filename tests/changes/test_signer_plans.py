"""The signer limit in restrictions and plans: who may be on its list, what changes,
and who must not be locked out.
"""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from gt_secure.aws.client import Aws
from gt_secure.base.errors import InvalidInput
from gt_secure.changes import plan
from gt_secure.engine.policies.signer_limit import build_signer_limit
from gt_secure.restriction.files import schema
from gt_secure.restriction.model import Restriction
from support.guards import find_signer_limit, find_signer_limits, merge_guard
from support.states import ACCOUNT, JOB, data_bucket, state, unread

pytestmark = pytest.mark.usefixtures("known_texts")

SCANNER = f"arn:aws:iam::{ACCOUNT}:role/service-role/Scanner"


DEVELOPER = f"arn:aws:sts::{ACCOUNT}:assumed-role/Developer"


ME, ANN = f"arn:aws:sts::{ACCOUNT}:assumed-role/Studio", f"arn:aws:iam::{ACCOUNT}:user/team/ann"


FOREIGN = (
    '{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource":'
    ' "arn:aws:s3:::gt-images/*"}'
)


NO_AWS = cast(Aws, None)


def planned(policy: str | None = None, *, jobs: Any = (), hits: Any = None, **wish: Any) -> Any:
    seen = state(
        bucket=data_bucket(policy=policy),
        jobs=jobs,
        team=None if "team" not in wish else state().team,
    )
    return plan(
        NO_AWS,
        Restriction(bucket="gt-images", **{"prefix": "scans/", **wish}),
        state=seen,
        hits=hits,
    )


def told(one: Any) -> dict[str, str]:
    return {each.code: each.severity for each in one.notices}


@pytest.mark.parametrize(
    "word", ["Scanner", f"arn:aws:iam::{ACCOUNT}:role/*", "", "arn:aws:iam::1:user/x", "*"]
)
def test_what_is_not_a_signer_is_refused(word: str) -> None:
    with pytest.raises(InvalidInput, match="with the path of the role") as error:
        Restriction(bucket="gt-images", signers=[word])
    assert error.value.field == "signers"


def test_a_restriction_has_signers_alone_or_beside_the_guard() -> None:
    alone = Restriction(bucket="gt-images", signers=f"{SCANNER}, {DEVELOPER}/bob\n{ANN}")
    assert (alone.guard, alone.signers) == (None, tuple(sorted([SCANNER, DEVELOPER, ANN])))
    both = Restriction(bucket="gt-images", addresses="203.0.113.0/24", signers=[SCANNER])
    assert both.guard is True
    for one in (alone, both, Restriction(bucket="gt-images", signers=[])):
        assert Restriction.from_dict(one.to_dict()) == one
    assert "signers" in schema()["properties"]
    with pytest.raises(InvalidInput, match="requires a bucket"):
        Restriction("open-team", signers=[SCANNER])


def test_a_plan_writes_changes_keeps_and_removes_it() -> None:
    one = planned(f'{{"Version":"2012-10-17","Statement":[{FOREIGN}]}}', signers=[SCANNER, ME])
    [change] = one.changes
    assert FOREIGN in change.after
    assert change.after_text.endswith(
        "work only if role/service-role/Scanner or role/Studio signed them"
    )
    assert told(one) == {"signers-jobs-unread": "info", "signers-limits": "info"}
    assert "becomes" not in one.to_text(full=True)
    assert "does not stop those who can become a listed signer" in one.to_text(full=True)
    assert planned(change.after, signers=[SCANNER, ME]).empty
    both = planned(change.after, addresses=["203.0.113.0/24"])
    assert find_signer_limit(both.changes[0].after) == find_signer_limit(change.after)
    fewer = planned(change.after, signers=[ME])
    assert told(fewer)["signers-drops"] == "warning"
    off = planned(change.after, signers=[])
    assert (told(off), off.changes[0].after) == ({"signers-off": "warning"}, change.before)
    assert planned(change.before, signers=[]).empty


@pytest.mark.parametrize(("before", "after", "asks"), [
    ("scans/", "docs/", False), ("", "docs/", True), ("scans/", "scans/x/", True),
    ("scans/", "scans/", False), ("scans/", "", True), ("scans/x/", "scans/", True),
])  # fmt: skip
def test_limits_of_the_same_objects_ask_as_guards_do(before: str, after: str, asks: bool) -> None:
    text = merge_guard(None, build_signer_limit("gt-images", [SCANNER, ME], ACCOUNT, prefix=before))
    made = planned(text, prefix=after, signers=[ME])
    assert [each.asks for each in made.notices if each.code == "signers-overlap"] == (
        [True] if asks else []
    )
    same = planned(text, prefix=after, signers=[SCANNER, ME])
    assert "signers-overlap" not in told(same)
    assert len(find_signer_limits(same.changes[0].after if same.changes else text)) == 1 + (
        before != after
    )
    assert "signers-overlap" not in told(planned(text, prefix=after, signers=[]))


def test_an_edited_lock_stops_a_plan() -> None:
    text = merge_guard(
        None, build_signer_limit("gt-images", [SCANNER, ME], ACCOUNT, prefix="scans/")
    )
    assert "guard-edited" not in told(planned(text, signers=[SCANNER, ME]))
    edited = json.dumps(json.loads(text)).replace("ArnNotLike", "ArnNotEquals")
    assert told(planned(edited, signers=[SCANNER, ME]))["guard-edited"] == "blocker"


def test_nobody_who_is_needed_is_locked_out() -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/GroundTruth"
    jobs = [type(JOB)(JOB.name, JOB.status, JOB.workteam_arn, role_arn=role)]
    one = planned(team="radiology-team", url_lock=None, jobs=jobs, signers=[SCANNER])
    blockers = {each.code: each for each in one.blockers}
    assert {"signers-caller", "signers-jobs"} <= blockers.keys()
    assert not blockers["signers-caller"].confirmable
    assert f"--signers {ME}/me" in blockers["signers-caller"].fix
    assert f"--signers {role}" in blockers["signers-jobs"].fix
    assert not planned(team="radiology-team", url_lock=None, jobs=jobs, signers=[role, ME]).blockers
    unknown = planned(
        team="radiology-team", url_lock=None, jobs=unread("sagemaker:List"), signers=[SCANNER, ME]
    )
    assert told(unknown)["signers-jobs-unread"] == "info"
