"""Typed changes: what a journal holds is read with its type,
and a record of the first format is undone.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from gt_secure.base.errors import Conflict
from gt_secure.changes.change import change_from_journal, find_change
from gt_secure.changes.engine import _check_rest
from gt_secure.changes.targets import TARGETS, BucketGuard, Target, TeamUrlLock, WorkforcePortal
from gt_secure.changes.undo import undo
from gt_secure.engine.policies.bucket_guard import build_guard
from gt_secure.engine.policies.equivalence import policies_equal
from gt_secure.engine.policies.url_lock import UrlLock
from support.account import BUCKET, FOREIGN, TEAM, Account
from support.guards import merge_guard

GUARDED = FOREIGN.replace("s3:DeleteBucket", "s3:PutBucketCORS")
OFF = {"SourceIp": "Disabled", "VpcSourceIp": "Disabled"}
ON = {"SourceIp": "Enabled", "VpcSourceIp": "Disabled"}
RECORDS: list[dict[str, Any]] = [
    {
        "kind": "bucket-guard",
        "target": BUCKET,
        "region": "us-east-1",
        "before_raw": FOREIGN,
        "after_raw": GUARDED,
    },
    {"kind": "url-lock", "target": TEAM, "region": "", "before_raw": OFF, "after_raw": ON},
    {
        "kind": "portal-lock",
        "target": "force",
        "region": "",
        "before_raw": [],
        "after_raw": ["203.0.113.0/24"],
    },
]
WORDS = {"before": "off", "after": "on"}


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record["kind"])
def test_a_record_comes_back_as_it_was_written(record: dict[str, Any]) -> None:
    assert change_from_journal(record | WORDS).for_journal() == record | WORDS


@pytest.mark.parametrize(
    ("index", "changed"),
    [
        (0, {"after_raw": "{}"}),
        (0, {"before_raw": 7}),
        (0, {"before_raw": ""}),
        (1, {"after_raw": {"SourceIp": "Enabled"}}),
        (1, {"after_raw": ON | {"SourceIp": "on"}}),
        (1, {"after_raw": None}),
        (2, {"after_raw": "203.0.113.0/24"}),
        (2, {"after_raw": None}),
        (2, {"kind": "nope"}),
    ],
)
def test_a_value_of_another_type_is_refused(index: int, changed: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"bucket guard|URL lock|portal lock|kind"):
        change_from_journal(RECORDS[index] | WORDS | changed)


@pytest.mark.parametrize("key", ["target", "before_raw", "after_raw"])
def test_a_missing_part_is_named(key: str) -> None:
    with pytest.raises(ValueError, match=key):
        change_from_journal({name: value for name, value in RECORDS[1].items() if name != key})


def test_a_change_is_found_by_the_type_of_its_target() -> None:
    changes = [change_from_journal(record | WORDS) for record in RECORDS]
    for index, target in enumerate((BucketGuard, TeamUrlLock, WorkforcePortal)):
        assert find_change(changes, target) is changes[index]  # type: ignore[type-abstract]
        assert list(TARGETS.values())[index] is target
    assert find_change([], BucketGuard) is None


def test_an_open_hole_does_not_count_as_protection() -> None:
    assert [change_from_journal(record | WORDS).protects for record in RECORDS] == [
        False,
        True,
        True,
    ]
    assert not TeamUrlLock(TEAM).protects(UrlLock())
    assert not WorkforcePortal("force").protects(())
    assert not BucketGuard(BUCKET).protects(None)


ONE, TWO = (
    merge_guard(FOREIGN, build_guard(BUCKET, networks=[each]))
    for each in ("192.0.2.0/24", "203.0.113.0/24")
)
EDITED = ("s3:DeleteBucket", "s3:PutBucketCORS")


@pytest.mark.parametrize(
    ("before", "after"),
    [(FOREIGN, ONE), (ONE, TWO), (ONE, FOREIGN), (ONE, ONE)],
    ids=["a new guard", "another list", "no guard any more", "nothing"],
)
def test_a_guard_is_taken_back_beside_later_edits_of_others(before: str, after: str) -> None:
    target = BucketGuard(BUCKET)
    for now, then in (
        (after, before),
        (after.replace(*EDITED), before.replace(*EDITED)),
        (before, before),
    ):
        assert policies_equal(target.merge(before, after, now), then)
    if before != after:
        theirs = merge_guard(after, build_guard(BUCKET, networks=["198.51.100.0/24"]))
        with pytest.raises(Conflict, match="edited since"):
            target.merge(before, after, theirs)


def _record(account: Account, changes: list[dict[str, Any]]) -> str:
    where = {
        "account": account.aws.account_id,
        "region": account.aws.region,
        "caller": "x",
        "kind": "apply",
    }
    writer = account.journal.begin(where | {"changes": changes})
    writer.write("end", outcome="applied")
    return writer.id


def test_a_record_of_the_first_version_is_undone(account: Account) -> None:
    account.set_toggles(True)
    assert (
        undo(account.aws, _record(account, [RECORDS[1] | WORDS]), journal=account.journal).outcome
        == "undone"
    )
    assert account.toggles() == OFF


def test_a_record_without_its_values_is_named_and_not_used(account: Account) -> None:
    before = account.look()
    with pytest.raises(Conflict, match="not intact"):
        undo(
            account.aws,
            _record(account, [{"kind": "url-lock", "target": TEAM}]),
            journal=account.journal,
        )
    assert account.look() == before


@pytest.mark.parametrize(
    ("target", "values", "sentence"),
    [
        (
            WorkforcePortal("force"),
            ((), ("192.0.2.0/24",), ("198.51.100.0/24", "192.0.2.0/24")),
            "it is 198.51.100.0/24, 192.0.2.0/24. This change had set it to 192.0.2.0/24 from ",
        ),
        (
            TeamUrlLock("team"),
            (UrlLock(), UrlLock(source_ip=True), UrlLock(vpc_source_ip=True)),
            "it is VpcSourceIp. This change had set it to SourceIp from off.",
        ),
    ],
    ids=["portal lock", "URL lock"],
)
def test_a_conflict_names_what_was_before_and_after_and_is_now(
    target: Target[Any], values: tuple[Any, Any, Any], sentence: str
) -> None:
    with pytest.raises(Conflict) as caught:
        target.merge(*values)
    assert sentence in str(caught.value)
    shown = [caught.value.details[name] for name in ("before", "after", "now")]
    assert len({str(each) for each in shown}) == 3
    assert shown == [json.loads(json.dumps(target.to_json(each))) for each in values]


def test_other_fields_that_changed_are_shown_before_and_after() -> None:
    change = change_from_journal(RECORDS[1] | WORDS)
    with pytest.raises(Conflict, match="Description") as caught:
        _check_rest(
            change, {"Description": "old", "Members": 1}, {"Description": "new", "Members": 1}
        )
    assert caught.value.details == {"Description": {"before": "old", "after": "new"}}
