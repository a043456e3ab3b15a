"""An export of the planned state is the restriction that was planned, field by field."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from gt_secure.account import export
from gt_secure.account.export import current_restriction
from gt_secure.base.errors import InvalidInput, NotFound
from gt_secure.changes.plan import plan
from gt_secure.restriction.model import Restriction
from support.states import data_bucket, state, unread

NO_AWS = cast(Any, None)
OFFICE, ROLE = "203.0.113.0/24", "arn:aws:iam::111122223333:role/GroundTruthExecution"
LISTED = {"addresses": [OFFICE], "bucket": "gt-images"}
WISHES: dict[str, dict[str, Any]] = {
    "guard": {**LISTED, "url_lock": None},
    "guard of a prefix": {**LISTED, "url_lock": None, "prefix": "scans/"},
    "guard of reads": {**LISTED, "url_lock": None, "guard": "reads"},
    "endpoint": {"endpoints": ["vpce-0a1b2c3d4e5f60718"], "bucket": "gt-images", "url_lock": None},
    "age limit": {**LISTED, "url_lock": None, "age_limit": "15m"},
    "signers": {"bucket": "gt-images", "url_lock": None, "guard": None, "signers": [ROLE]},
    "signers of a prefix": {"bucket": "gt-images", "url_lock": None, "guard": None, "signers": [ROLE], "prefix": "a/"},
    "version limit": {"bucket": "gt-images", "url_lock": None, "guard": None, "version_4_only": True},
    "everything of a bucket": {**LISTED, "url_lock": None, "age_limit": "1h", "signers": [ROLE], "prefix": "scans/"},
    "team": {"team": "radiology-team", "url_lock": "SourceIp", "guard": None},
    "team and portal": {
        "team": "radiology-team", "url_lock": "SourceIp", "guard": None, "portal_lock": True, "addresses": [OFFICE]
    },
    "team, portal and guard": {
        **LISTED, "team": "radiology-team", "url_lock": "SourceIp", "portal_lock": True, "prefix": "scans/"
    },
}  # fmt: skip


def exported(
    seen: Any, monkeypatch: pytest.MonkeyPatch, wish: Restriction, place: str = ""
) -> tuple[Any, list[str]]:
    monkeypatch.setattr(export, "_state_of", lambda *_: seen)
    found, notices = current_restriction(NO_AWS, wish.team, place or wish.bucket)
    return found, [each.code for each in notices]


@pytest.mark.parametrize("name", WISHES)
def test_an_export_is_what_was_planned(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    wish = Restriction(**WISHES[name])
    before = state() if wish.team else state(team=None, workforce=None)
    after = before.after(plan(NO_AWS, wish, state=before).changes)
    found, codes = exported(after, monkeypatch, wish)
    assert found.to_dict() == wish.to_dict()
    assert codes == []
    assert plan(NO_AWS, found, state=after).empty


def test_guards_of_several_prefixes_are_exported_one_by_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = state(team=None, workforce=None)
    for prefix in ("scans/", "tiles/"):
        wish = Restriction(**LISTED, url_lock=None, prefix=prefix)
        seen = seen.after(plan(NO_AWS, wish, state=seen).changes)
    with pytest.raises(InvalidInput, match="has guards or limits for scans/") as caught:
        exported(seen, monkeypatch, wish)
    assert (caught.value.field, caught.value.next_step) == (
        "bucket",
        "Name one: s3://gt-images/scans/.",
    )
    found, _ = exported(seen, monkeypatch, wish, "s3://gt-images/tiles/")
    assert found.prefix == "tiles/"
    with pytest.raises(NotFound, match="has no guard of gt_secure for other/") as missing:
        exported(seen, monkeypatch, wish, "s3://gt-images/other/")
    assert str(missing.value.next_step).startswith("Export one that exists: s3://gt-images/scans/")


def test_a_bucket_without_a_lock_of_ours_has_nothing_to_export(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = state(team=None, workforce=None, bucket=data_bucket())
    with pytest.raises(
        NotFound, match="The policy of gt-images has no guard of gt_secure"
    ) as caught:
        exported(seen, monkeypatch, Restriction(**LISTED))
    assert caught.value.next_step == "Plan one first."


def test_a_portal_that_was_not_read_is_left_out_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    wish = Restriction(**WISHES["team, portal and guard"])
    before = state()
    after = before.after(plan(NO_AWS, wish, state=before).changes)
    found, codes = exported(
        replace(after, workforce=unread("sagemaker:DescribeWorkforce")), monkeypatch, wish
    )
    assert (found.portal_lock, codes) == (None, ["portal-unseen"])


def test_neither_a_team_nor_a_bucket_is_an_error() -> None:
    with pytest.raises(InvalidInput, match="Neither a team nor a bucket is given"):
        current_restriction(NO_AWS)
