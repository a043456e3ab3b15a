"""The rows of a region, over readings made by hand: what each one says,
and what becomes unknown with its reason.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gt_secure.base.errors import AccessDenied, Throttled
from gt_secure.connection import Connection
from gt_secure.findings.listings import Findings
from gt_secure.findings.model import Checked, Finding
from gt_secure.fleet.data_buckets import BucketChoice
from gt_secure.fleet.sweeps import region_reader
from gt_secure.fleet.sweeps.accounts import Account
from gt_secure.fleet.sweeps.region_reader import read_region
from gt_secure.fleet.sweeps.sweep_rows import SweepRow
from support.states import FORCE, TEAM, data_bucket, exposure_of, state, workforce

OPEN = Finding(
    "presigned-from-anywhere", "high", "t", "w", "f", "u", (), "gt-images", "from anywhere"
)
OF_TEAM = Finding("portal-lock-open", "low", "t", "w", "f", "u", (), "radiology-team", "no rule")
NO_OBJECT = Finding(
    "not-checked", "info", "t", "w", "f", "u", (), "a template", "denied", ("s3:GetObject",)
)
BLIND = Finding(
    "not-checked", "info", "t", "w", "f", "u", (), "the ACL", "denied", ("s3:GetBucketAcl",)
)
CHECKED = [Checked("presigned-from-anywhere", "found"), Checked("portal-lock-open", "clean")]
DENIED = AccessDenied("No.", action="x:Y")
EXPOSURE = exposure_of(state(bucket=data_bucket()), "")
GUARD = "Anyone with a URL can open gt-images."


class Region:
    """Readings that tests replace one by one."""

    def __init__(self) -> None:
        self.workforce: Any = FORCE
        self.teams: Any = [TEAM]
        self.buckets: Any = ["gt-images"]
        self.own: Any = ["gt-far", "gt-images"]
        self.findings: Any = Findings([OPEN, OF_TEAM, NO_OBJECT], CHECKED)
        self.exposure: Any = EXPOSURE
        self.asked: list[tuple[str, ...]] = []

    def read(self, name: str, *words: Any) -> Any:
        self.asked.append((name, *map(str, words)))
        value = getattr(self, name)
        if isinstance(value, Exception):
            raise value
        return value


@pytest.fixture
def region(monkeypatch: pytest.MonkeyPatch) -> Region:
    made = Region()
    monkeypatch.setattr(Connection, "workforce", lambda self: made.read("workforce"))
    monkeypatch.setattr(
        Connection,
        "findings",
        lambda self, *, team, bucket: made.read(
            "findings", self.others, team and team.name, bucket
        ),
    )
    monkeypatch.setattr(Connection, "who_can_open", lambda self, name: made.read("exposure", name))
    monkeypatch.setattr(region_reader, "list_private_workteams", lambda aws: made.read("teams"))
    monkeypatch.setattr(
        region_reader,
        "own_buckets",
        lambda aws, notes: notes.attempt("buckets", lambda: made.read("own"), None),
    )
    known = SimpleNamespace(
        of=lambda team, notes: notes.attempt("jobs", lambda: made.read("buckets"), [])
    )
    monkeypatch.setattr(region_reader, "TeamBuckets", lambda *_: known)
    monkeypatch.setattr(region_reader, "read_state", lambda aws, **_: state())
    return made


def rows(tmp_path: Path, choice: BucketChoice | None = None) -> list[SweepRow] | None:
    aws = cast(
        Any,
        SimpleNamespace(
            region="us-east-1", is_local=True, account_id="111122223333", partition="aws"
        ),
    )
    return read_region(
        Connection(aws, journal=cast(Any, tmp_path / "j")), Account("111122223333", "lab"), choice
    )


def test_a_team_is_a_row_with_its_locks_and_its_bucket(region: Region, tmp_path: Path) -> None:
    [row] = rows(tmp_path) or []
    assert row == SweepRow(
        "111122223333", "us-east-1", "radiology-team", "", "lab", "off", "off: open to every address",
        f"gt-images: {row.guard.removeprefix('gt-images: ')}", ("gt-images",), row.exposure, (OPEN, OF_TEAM),
        {"presigned-from-anywhere": "found", "portal-lock-open": "clean"}, (), ("gt-far",),
    )  # fmt: skip
    assert row.guard.endswith("can open gt-images.") or "gt-images" in row.guard
    assert row.exposure.startswith("gt-images: a presigned URL is opened from all addresses")
    assert ("findings", "False", "radiology-team", "gt-images") in region.asked


@pytest.mark.parametrize(
    ("made", "portal"),
    [
        (FORCE, "off: open to every address"),
        (workforce("default", ("203.0.113.0/24", "192.0.2.0/24")), "203.0.113.0/24, 192.0.2.0/24"),
        (workforce("default", (), "vpc-1"), "off: open to every address in vpc-1"),
        (DENIED, "unknown"),
    ],
)
def test_a_row_has_the_portal_lock(made: Any, portal: str, region: Region, tmp_path: Path) -> None:
    region.workforce = made
    [row] = rows(tmp_path) or []
    assert row.portal_lock == portal
    region.teams = []
    [row] = rows(tmp_path) or []
    assert (row.team, row.portal_lock) == ("", portal)


def test_without_a_workforce_a_region_is_left_after_one_call(
    region: Region, tmp_path: Path
) -> None:
    region.workforce = None
    assert rows(tmp_path) is None
    assert region.asked == [("workforce",)]
    [row] = rows(tmp_path, BucketChoice(("gt-images",))) or []
    assert (row.team, row.bucket, row.portal_lock) == ("", "gt-images", "")


def test_a_denied_workforce_is_the_error_where_the_teams_are_denied_too(
    region: Region, tmp_path: Path
) -> None:
    region.workforce, region.teams = DENIED, AccessDenied("Nor these.", action="x:Z")
    with pytest.raises(AccessDenied, match=r"^No\."):
        rows(tmp_path)
    region.workforce = FORCE
    with pytest.raises(AccessDenied, match="Nor these"):
        rows(tmp_path)


NO_NAME = "unknown: no bucket of this team is known"


@pytest.mark.parametrize(
    ("values", "guard", "exposure", "unread"),
    [
        (
            {"exposure": DENIED},
            "gt-images: unknown",
            "gt-images: unknown",
            (f"exposure of gt-images: {DENIED}",),
        ),
        ({"buckets": DENIED}, "", NO_NAME, (f"jobs: {DENIED}",)),
        ({"buckets": []}, "", NO_NAME, ()),
        (
            {"findings": DENIED},
            "",
            "",
            (f"findings of radiology-team and gt-images: {DENIED}",),
        ),
        ({"findings": Findings([BLIND], CHECKED)}, "", "", ("the ACL: denied",)),
        ({"findings": Findings([NO_OBJECT], [])}, "", "", ("findings: no rule was decided",)),
    ],
)
def test_what_was_not_read_is_unknown_with_its_reason(
    values: dict[str, Any],
    guard: str,
    exposure: str,
    unread: tuple[str, ...],
    region: Region,
    tmp_path: Path,
) -> None:
    read = (rows(tmp_path) or [])[0]
    vars(region).update(values)
    [row] = rows(tmp_path) or []
    if "findings" in values:
        guard, exposure = read.guard, read.exposure
    assert (row.guard, row.exposure) == (guard, exposure)
    assert row.unread == unread
    if DENIED in (region.findings, region.buckets):
        assert row.checked["bucket-allow-everyone"] == "unknown", (
            "a bucket that is not known may have anything"
        )


def test_a_throttled_reading_is_no_row(region: Region, tmp_path: Path) -> None:
    for name in ("buckets", "findings", "exposure", "own"):
        before = getattr(region, name)
        setattr(region, name, Throttled("Slower."))
        with pytest.raises(Throttled):
            rows(tmp_path)
        setattr(region, name, before)


def test_more_buckets_than_the_most_are_counted(region: Region, tmp_path: Path) -> None:
    region.buckets = [f"b{number:02}" for number in range(23)]
    [row] = rows(tmp_path) or []
    assert len(row.buckets) == 23
    assert row.unread == ("3 more buckets of radiology-team were not read",)
    assert sum(each[0] == "exposure" for each in region.asked) == 20
    assert "b19: " in row.guard
    assert "b20" not in row.guard


def test_a_row_by_bucket_has_what_was_found_of_it_for_its_teams(
    region: Region, tmp_path: Path
) -> None:
    team, bucket = rows(tmp_path, BucketChoice(("gt-images",))) or []
    assert (team.team, bucket.team, bucket.bucket, bucket.buckets) == (
        "radiology-team", "", "gt-images", ("gt-images",),
    )  # fmt: skip
    assert bucket.findings == (OPEN,)
    assert bucket.checked == {"presigned-from-anywhere": "found"}
    assert f"gt-images: {bucket.guard}" == team.guard
    assert sum(each[0] == "findings" for each in region.asked) == 1, "each bucket is read once"
    assert (team.not_looked_at, bucket.not_looked_at) == ((), ("gt-far",))


def test_buckets_that_cannot_be_listed_are_a_row(region: Region, tmp_path: Path) -> None:
    region.own = DENIED
    *_, last = rows(tmp_path) or []
    assert (last.team, last.not_looked_at) == ("", ())
    assert last.unread == (f"buckets: {DENIED}",)


def test_an_exposure_that_depends_on_a_key_says_what_is_unknown(
    region: Region, tmp_path: Path
) -> None:
    statement = {
        "Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::gt-images/*",
        "Condition": {
            "StringNotEquals": {"aws:PrincipalOrgID": "o-abc123"}, "NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}
        },
    }  # fmt: skip
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    region.exposure = exposure_of(state(bucket=data_bucket(policy=policy)), "")
    [row] = rows(tmp_path) or []
    opened, unknown = row.exposure.removeprefix("gt-images: ").split("; unknown: ")
    assert opened.startswith("a presigned URL is opened from 203.0.113.0/24")
    assert unknown.startswith("all addresses but 203.0.113.0/24")
