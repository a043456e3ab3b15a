"""The rows of a region, over readings made by hand: what each one says,
and what becomes unknown with its reason.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gt_secure.account import access_to
from gt_secure.base.errors import AccessDenied, Throttled
from gt_secure.connection import Connection
from gt_secure.engine.access.identities import principals_of
from gt_secure.engine.access.part import Part
from gt_secure.engine.policies.bucket_guard import build_guard
from gt_secure.findings.listings import Findings
from gt_secure.findings.model import Checked, Finding
from gt_secure.report import region as regions
from gt_secure.report.accounts import Account
from gt_secure.report.buckets import BucketChoice
from gt_secure.report.region import read_region
from gt_secure.report.rows import ReportRow, merged
from support.states import FORCE, TEAM, data_bucket, state, unread, workforce

OPEN = Finding(
    "presigned-from-anywhere", "high", "t", "w", "f", "u", (), "gt-images", "from anywhere"
)
OF_TEAM = Finding("url-lock-off", "low", "t", "w", "f", "u", (), "radiology-team", "no rule")
OF_PORTAL = Finding("portal-lock-open", "high", "t", "w", "f", "u", (), "default", "anyone")
NO_OBJECT = Finding(
    "not-checked", "info", "t", "w", "f", "u", (), "a template", "denied", ("s3:GetObject",)
)
BLIND = Finding(
    "not-checked", "info", "t", "w", "f", "u", (), "the ACL", "denied", ("s3:GetBucketAcl",)
)
CHECKED = [Checked("presigned-from-anywhere", "found"), Checked("url-lock-off", "clean")]
DENIED = AccessDenied("No.", action="x:Y")
GUARDED = json.dumps(
    {"Version": "2012-10-17", "Statement": [build_guard("gt-images", ["203.0.113.0/24"])]}
)


def looked(*findings: Finding, checked: list[Checked] | None = None, **bucket: Any) -> Findings:
    """Return what the rules found, and what they looked at."""
    found = Findings(findings, CHECKED if checked is None else checked)
    found.state = state(bucket=data_bucket(**bucket))
    found.access = access_to(found.state)
    return found


class Region:
    """Readings that tests replace one by one."""

    def __init__(self) -> None:
        self.workforce: Any = FORCE
        self.teams: Any = [TEAM]
        self.buckets: Any = ["gt-images"]
        self.own: Any = ["gt-far", "gt-images"]
        self.findings: Any = looked(OPEN, OF_TEAM)
        self.asked: list[tuple[str, ...]] = []

    def read(self, name: str, *words: Any) -> Any:
        self.asked.append((name, *map(str, words)))
        value = getattr(self, name)
        if isinstance(value, Exception):
            raise value
        return value


def person(arn: str, *actions: str, **more: Any) -> dict[str, Any]:
    allows = {"Effect": "Allow", "Action": [*actions], "Resource": "arn:aws:s3:::gt-*"}
    kind = "Role" if arn.startswith("role") else "User"
    return {
        "Arn": f"arn:aws:iam::111122223333:{arn}",
        f"{kind}PolicyList": [{"PolicyName": "p", "PolicyDocument": {"Statement": [allows]}}],
    } | more


BEYOND = [{"PolicyArn": "arn:aws:iam::aws:policy/NotRead"}]
PEOPLE = {
    "UserDetailList": [person("user/deleter", "s3:Delete*"), person("user/reader", "s3:Get*")],
    "RoleDetailList": [
        person("role/admin", "s3:*"),
        person("role/attached", "s3:Get*", AttachedManagedPolicies=BEYOND),
    ],
    "GroupDetailList": [],
    "Policies": [],
}


@pytest.fixture
def region(monkeypatch: pytest.MonkeyPatch) -> Region:
    made = Region()
    monkeypatch.setattr(Connection, "workforce", lambda self: made.read("workforce"))
    monkeypatch.setattr(
        Connection,
        "findings",
        lambda self, *, team, bucket, logs: made.read(
            "findings", self.others, team and team.name, bucket
        ),
    )
    monkeypatch.setattr(regions, "list_private_workteams", lambda aws: made.read("teams"))
    monkeypatch.setattr(
        regions,
        "own_buckets",
        lambda aws, notes: notes.attempt("buckets", lambda: made.read("own"), None),
    )
    known = SimpleNamespace(
        of=lambda team, notes: notes.attempt("jobs", lambda: made.read("buckets"), []), waiting={}
    )
    monkeypatch.setattr(regions, "TeamBuckets", lambda *_: known)
    monkeypatch.setattr(regions, "read_principals", lambda _: Part.of(principals_of([PEOPLE])))
    monkeypatch.setattr(regions.account, "read_state", lambda aws, **_: state())
    return made


def rows(tmp_path: Path, choice: BucketChoice | None = None) -> dict[str, ReportRow] | None:
    """Return the rows of a region, as one of many, by their kind."""
    made = all_rows(tmp_path, choice)
    return {row.kind: row for row in made} or None


def all_rows(tmp_path: Path, choice: BucketChoice | None = None) -> tuple[ReportRow, ...]:
    aws = cast(
        Any,
        SimpleNamespace(
            region="us-east-1", is_local=True, account_id="111122223333", partition="aws"
        ),
    )
    aws.remembering = lambda: aws
    gt = Connection(aws, journal=cast(Any, tmp_path / "j"))
    return read_region(gt, Account("111122223333", "lab"), choice, many=True) or ()


def read(tmp_path: Path, choice: BucketChoice | None = None) -> dict[str, ReportRow]:
    return rows(tmp_path, choice) or {}


def test_a_region_has_a_row_for_its_portal_its_team_and_its_bucket(
    region: Region, tmp_path: Path
) -> None:
    found = read(tmp_path)
    here = ("111122223333", "us-east-1")
    assert [*found] == ["portal", "team", "bucket", "region"]
    assert found["portal"] == ReportRow(
        *here, "portal", FORCE.name, "lab", locks="off: open to every address", waiting=FORCE.status
    )
    assert found["team"] == ReportRow(
        *here, "team", "radiology-team", "lab", locks="off", uses=("gt-images",), waiting="none",
        findings=(OF_TEAM,), checked={"url-lock-off": "clean"},
    )  # fmt: skip
    assert found["bucket"] == ReportRow(
        *here, "bucket", "gt-images", "lab", "open", "Anyone with a URL can open gt-images.",
        locks="no guard: a presigned URL works from anywhere", uses=("radiology-team",),
        leaks_unread=regions.LEFT_OUT, findings=(OPEN,),
        checked={"presigned-from-anywhere": "found"},
        policy_writers=("root user", "user/deleter", "role/admin", "unknown: role/attached"),
    )  # fmt: skip
    assert found["region"].not_looked_at == ("gt-far",)
    assert ("findings", "False", "radiology-team", "gt-images") in region.asked
    assert sum(each[0] == "findings" for each in region.asked) == 1, "each bucket is read once"


@pytest.mark.parametrize("force", [FORCE, DENIED])
def test_what_is_wrong_with_the_portal_counts_once_for_all_teams(
    force: Any, region: Region, tmp_path: Path
) -> None:
    region.workforce = force
    region.teams = [TEAM, replace(TEAM, name="second"), replace(TEAM, name="third")]
    checked = [*CHECKED, Checked("portal-lock-open", "found"), Checked("ipv4-only", "unknown")]
    region.findings = looked(OPEN, OF_PORTAL, checked=checked)
    of_portal = {"portal-lock-open": "found", "ipv4-only": "unknown"}
    made = all_rows(tmp_path)
    home = "portal" if force is FORCE else "region"
    assert [row.kind for row in made if row.checked.keys() & of_portal.keys()] == [home]
    assert [row.kind for row in made if OF_PORTAL in row.findings] == [home]
    [row] = [row for row in made if row.kind == home]
    assert (row.checked, row.findings_text) == (of_portal, "1 high, 1 unknown")
    assert [each.findings_text for each in made if each.kind == "team"] == ["none"] * 3


def test_the_row_of_a_guarded_bucket_has_its_list(region: Region, tmp_path: Path) -> None:
    region.findings = looked(policy=GUARDED)
    row = read(tmp_path)["bucket"]
    assert (row.tone, row.allowed) == ("good", ("203.0.113.0/24",))
    assert row.locks == "presigned URLs of all objects work only from 203.0.113.0/24"
    region.findings = looked(policy=unread("s3:GetBucketPolicy"))
    row = read(tmp_path)["bucket"]
    assert (row.tone, row.locks, row.allowed) == ("unknown", "unknown", ())


@pytest.mark.parametrize(
    ("made", "portal", "vpc"),
    [
        (FORCE, "off: open to every address", ()),
        (
            workforce("default", ("203.0.113.0/24", "192.0.2.0/24")),
            "203.0.113.0/24, 192.0.2.0/24",
            (),
        ),
        (workforce("default", (), "vpc-1"), "off: open to every address", ("vpc-1",)),
        (DENIED, None, ()),
    ],
)
def test_a_portal_has_its_lock(
    made: Any, portal: str | None, vpc: tuple[str, ...], region: Region, tmp_path: Path
) -> None:
    region.workforce = made
    found = read(tmp_path)
    if portal is None:
        assert "portal" not in found
        assert found["region"].unread == (f"workforce: {DENIED}",)
        assert "team" in found
    else:
        assert (found["portal"].locks, found["portal"].uses) == (portal, vpc)


def test_without_a_workforce_a_region_is_left_after_one_call(
    region: Region, tmp_path: Path
) -> None:
    region.workforce = None
    assert rows(tmp_path) is None
    assert region.asked == [("workforce",)]
    found = read(tmp_path, BucketChoice(("gt-images",)))
    assert [*found] == ["bucket", "region"]
    assert found["bucket"].name == "gt-images"


def test_a_denied_region_is_the_error(region: Region, tmp_path: Path) -> None:
    region.workforce, region.teams = DENIED, AccessDenied("Nor these.", action="x:Z")
    with pytest.raises(AccessDenied, match=r"^No\."):
        rows(tmp_path)
    region.workforce = FORCE
    assert "Nor these" in str(read(tmp_path)["region"].unread)


@pytest.mark.parametrize(
    ("values", "of_team", "of_bucket"),
    [
        ({"buckets": DENIED}, (f"jobs: {DENIED}",), None),
        ({"buckets": []}, (), None),
        (
            {"findings": DENIED},
            (f"findings of radiology-team and gt-images: {DENIED}",),
            (f"findings of gt-images: {DENIED}",),
        ),
        ({"findings": looked(BLIND)}, ("the ACL: denied",), ("the ACL: denied",)),
        ({"findings": looked(NO_OBJECT)}, ("a template: denied",), ("a template: denied",)),
        (
            {"findings": looked(NO_OBJECT, checked=[])},
            ("a template: denied", "findings: no rule was decided"),
            ("a template: denied", "findings: no rule was decided"),
        ),
    ],
)
def test_what_was_not_read_is_unknown_with_its_reason(
    values: dict[str, Any],
    of_team: tuple[str, ...],
    of_bucket: tuple[str, ...] | None,
    region: Region,
    tmp_path: Path,
) -> None:
    vars(region).update(values)
    found = read(tmp_path)
    assert found["team"].unread == of_team
    assert ("bucket" in found) == (of_bucket is not None)
    if of_bucket is not None:
        assert found["bucket"].unread == of_bucket
    if region.findings is DENIED:
        assert (found["bucket"].tone, found["bucket"].locks) == ("unknown", "unknown")
        assert found["bucket"].counts == dict.fromkeys(found["bucket"].counts)
    if region.buckets is DENIED:
        assert found["team"].checked["bucket-allow-everyone"] == "unknown", (
            "a bucket that is not known may have anything"
        )


def test_a_throttled_reading_is_no_row(region: Region, tmp_path: Path) -> None:
    for name in ("buckets", "findings", "own"):
        before = getattr(region, name)
        setattr(region, name, Throttled("Slower."))
        with pytest.raises(Throttled):
            rows(tmp_path)
        setattr(region, name, before)


def test_more_buckets_than_the_most_are_counted(region: Region, tmp_path: Path) -> None:
    region.buckets = [f"b{number:02}" for number in range(23)]
    found = read(tmp_path)
    assert len(found["team"].uses) == 23
    assert found["team"].unread == ("3 more buckets of radiology-team were not read",)
    assert sum(each[0] == "findings" for each in region.asked) == 20


def test_buckets_that_cannot_be_listed_are_named(region: Region, tmp_path: Path) -> None:
    region.own = DENIED
    last = read(tmp_path)["region"]
    assert (last.name, last.not_looked_at) == ("", ())
    assert last.unread == (f"buckets: {DENIED}",)


@pytest.mark.parametrize("order", [1, -1])
def test_findings_of_one_cause_are_one(order: int) -> None:
    first = replace(OPEN, detail="Anyone can. The team a uses the bucket.", severity="medium")
    second = replace(OPEN, detail="Anyone can. The team b uses the bucket.")
    [one] = merged([first, second][::order])
    assert one.severity == "high"
    assert sorted(one.detail.removesuffix(".").split(". ")) == [
        "Anyone can", "The team a uses the bucket", "The team b uses the bucket",
    ]  # fmt: skip
    other = replace(OPEN, state="unknown", severity="info")
    assert len(merged([OPEN, other, replace(OPEN, subject="another")])) == 3
