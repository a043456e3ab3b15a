"""Every surface gives the same answer: table, exposure, plan, check, findings, proof,
commands and panel.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import ipywidgets
import pytest

from gt_secure import Connection, Restriction, changes, check, expect
from gt_secure.check.result import CheckResult
from gt_secure.cli.main import main
from gt_secure.restriction.files import dump_restriction
from gt_secure.widgets import ReviewStep, testing
from support.answers import answer_of
from support.box import ELSEWHERE, VPCE
from support.opened import opened_by
from support.rig import Rig

BUCKET, KEY = "gt-surfaces", "scans/0001.png"
ORG = {"aws:PrincipalOrgID": "o-abc123"}
OTHER_ORG = {"aws:PrincipalOrgID": "o-xyz789"}


def deny(**condition: Any) -> str:
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": f"arn:aws:s3:::{BUCKET}/*",
    }
    return json.dumps(
        {"Version": "2012-10-17", "Statement": [{**statement, "Condition": condition}]}
    )


PERIMETER = deny(StringNotEqualsIfExists={"aws:PrincipalOrgID": "o-abc123"})


@dataclass(frozen=True)
class Case:
    """One policy and source, the facts that are given,
    and the answer to a presigned request from there.
    """

    policy: str
    answer: str
    source: str = ELSEWHERE
    facts: Mapping[str, str] | None = None
    plain: str = ""
    depends_on: tuple[str, ...] = ()


CASES = {
    "a perimeter of the organization": Case(
        PERIMETER, "unknown", depends_on=("aws:PrincipalOrgID",)
    ),
    "a perimeter, inside": Case(PERIMETER, "opened", facts=ORG),
    "a perimeter, outside": Case(PERIMETER, "refused", facts=OTHER_ORG),
    "the region of the bucket": Case(
        deny(StringNotEquals={"aws:RequestedRegion": "us-east-1"}), "opened"
    ),
    "another region": Case(deny(StringNotEquals={"aws:RequestedRegion": "eu-west-1"}), "refused"),
    "an endpoint without an address": Case(
        deny(StringNotEquals={"aws:SourceVpce": VPCE}), "opened", source=VPCE
    ),
    "past the endpoint": Case(deny(StringNotEquals={"aws:SourceVpce": VPCE}), "refused"),
    "a range with host bits": Case(
        deny(NotIpAddress={"aws:SourceIp": "198.51.100.77/24"}), "opened", source="198.51.100.9"
    ),
    "a service": Case(deny(Bool={"aws:ViaAWSService": "false"}), "refused"),
    "a referer": Case(
        deny(StringNotLike={"aws:Referer": "https://x.example/*"}), "opened", plain="refused"
    ),
}


class Surfaces:
    """One case, and who is asked."""

    def __init__(self, gt: Connection, case: Case, folder: Path) -> None:
        self.gt, self.case, self.folder = gt, case, folder
        kind = expect.refused if case.answer == "refused" else expect.allowed
        self.wish = Restriction(
            bucket=BUCKET, prefix="scans/", guard=None, expectations=[kind(case.source)]
        )

    def table(self) -> dict[str, Any]:
        return (
            replace(self.gt, context=self.case.facts)
            .who_can_open(BUCKET, KEY)
            .at(self.case.source, "presigned")
            .to_dict()
        )

    def exposure(self) -> str:
        rows = replace(self.gt, context=self.case.facts).who_can_open(BUCKET, KEY)
        return answer_of(
            next(row for row in rows if row.request == "presigned").to_dict(), self.case.source
        )

    def check(self) -> CheckResult:
        return check.expectations_hold.look(self.gt, self.wish, context=self.case.facts)


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with Rig.running(workforce_delay_s=0.1) as running:
        running.client("s3").create_bucket(Bucket=BUCKET)
        running.client("s3").put_object(Bucket=BUCKET, Key=KEY, Body=b"x")
        yield running


@pytest.fixture(params=list(CASES))
def asked(request: pytest.FixtureRequest, rig: Rig, tmp_path: Path) -> Surfaces:
    case = CASES[request.param]
    rig.client("s3").put_bucket_policy(Bucket=BUCKET, Policy=case.policy)
    return Surfaces(rig.gt, case, tmp_path)


def test_the_table_the_exposure_the_plan_and_the_check_agree(asked: Surfaces) -> None:
    case = asked.case
    row = asked.table()
    assert (row["answer"], tuple(row["depends_on"])) == (case.answer, case.depends_on)
    assert asked.exposure() == case.answer
    [result] = replace(asked.gt, context=case.facts).plan(asked.wish).expectations
    assert [each.answer for each in result.answers] == [case.plain or case.answer]
    checked = asked.check()
    assert checked.passed is (None if case.answer == "unknown" else not case.plain)
    assert all(key in checked.message for key in case.depends_on)


def test_the_exposure_of_a_plan_agrees(asked: Surfaces) -> None:
    case = asked.case
    listed = (
        {"endpoints": [case.source]}
        if case.source == VPCE
        else {"addresses": [f"{case.source}/32"]}
    )
    plan = replace(asked.gt, context=case.facts).plan(
        Restriction(bucket=BUCKET, prefix="scans/", **listed)
    )
    assert plan.before.at(case.source, "presigned").answer == case.answer
    named = [notice.text for notice in plan.notices if notice.code == "depends-on-facts"]
    assert bool(named) == bool(case.depends_on)
    assert all(key in named[0] for key in case.depends_on)
    assert set(case.depends_on) <= set(plan.unknown_keys)


class TestThePerimeter:
    """The data-perimeter statement of AWS on a bucket without any lock:
    unknown everywhere, never certain.
    """

    @pytest.fixture
    def gt(self, rig: Rig) -> Connection:
        rig.client("s3").put_bucket_policy(Bucket=BUCKET, Policy=PERIMETER)
        return rig.gt

    @pytest.fixture
    def command(
        self, rig: Rig, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> Any:
        for name, value in rig.sandbox.environment().items():
            monkeypatch.setenv(name, value)

        def call(*args: str) -> tuple[int, Any]:
            capsys.readouterr()
            code = main([*args, "--json"])
            return code, json.loads(capsys.readouterr().out)

        return call

    @pytest.mark.parametrize(
        ("facts", "answer"), [([], "unknown"), (["o-abc123"], "opened"), (["o-xyz"], "refused")]
    )
    def test_explain(self, gt: Connection, command: Any, facts: list[str], answer: str) -> None:
        given = [word for value in facts for word in ("--context", f"aws:PrincipalOrgID={value}")]
        code, data = command("who", f"s3://{BUCKET}/{KEY}", "--from", ELSEWHERE, *given)
        row = next(each for each in data["answers"] if each["request"] == "presigned")
        assert (code, row["answer"]) == (3 if answer == "unknown" else 0, answer)
        assert row["depends_on"] == ([] if facts else ["aws:PrincipalOrgID"])
        assert row["lock"] or answer != "refused"

    def test_the_findings_are_unknown_until_the_fact_is_given(
        self, gt: Connection, command: Any
    ) -> None:
        unknown = {each.code for each in gt.findings(bucket=BUCKET) if each.state == "unknown"}
        assert all(
            "aws:PrincipalOrgID" in each.detail
            for each in gt.findings(bucket=BUCKET)
            if each.code in unknown
        )
        assert not [
            each
            for each in replace(gt, context=ORG).findings(bucket=BUCKET)
            if each.state == "unknown"
        ]
        assert unknown
        _, rows = command("findings", f"s3://{BUCKET}")
        assert unknown == {row["code"] for row in rows["findings"] if row["state"] == "unknown"}
        _, rows = command("findings", f"s3://{BUCKET}", "--context", "aws:PrincipalOrgID=o-abc123")
        assert not [row for row in rows["findings"] if row["state"] == "unknown"]

    @pytest.mark.parametrize(("context", "code"), [(None, 3), (ORG, 2), (OTHER_ORG, 0)])
    def test_the_check_never_passes_without_the_fact(
        self,
        gt: Connection,
        command: Any,
        tmp_path: Path,
        context: Mapping[str, str] | None,
        code: int,
    ) -> None:
        wish = Restriction(
            bucket=BUCKET, prefix="scans/", guard=None, expectations=[expect.refused(ELSEWHERE)]
        )
        dump_restriction(wish.with_facts(context), tmp_path / "wish.yaml")
        spec = {
            "version": 1,
            "checks": [{"check": "expectations_hold", "restriction": "wish.yaml"}],
        }
        (tmp_path / "checks.yaml").write_text(json.dumps(spec), encoding="utf-8")
        result, report = command("check", "-f", str(tmp_path / "checks.yaml"))
        assert result == code, report

    @pytest.mark.parametrize(("context", "proved"), [(None, None), (ORG, False), (OTHER_ORG, True)])
    def test_the_proof(
        self, gt: Connection, context: Mapping[str, str] | None, proved: bool | None
    ) -> None:
        proof = replace(gt, context=context).prove(
            Restriction(bucket=BUCKET, prefix="scans/", addresses=["203.0.113.0/24"])
        )
        assert proof.proved is proved
        assert proof.depends_on == (() if context else ("aws:PrincipalOrgID",))

    def test_the_plan_shows_no_certain_change(self, gt: Connection) -> None:
        wish = Restriction(bucket=BUCKET, prefix="scans/", addresses=["203.0.113.0/24"])
        for context, lost in ((None, False), (ORG, True), (OTHER_ORG, False)):
            plan = changes.plan(
                gt.aws, wish, context=context, hits=opened_by(ELSEWHERE, bucket=BUCKET)
            )
            [presigned] = [change for change in plan.exposure if change.request == "presigned"]
            assert bool(presigned.loses.cidrs) is lost
            assert presigned.before.unknown.depends_on == (
                () if context else ("aws:PrincipalOrgID",)
            )
            stopped = {notice.code for notice in plan.blockers}
            nobody = {"prediction-contradicts-log", "opens-nobody"}
            assert stopped == (nobody if context == OTHER_ORG else {"refuses-source"})

    def test_the_panel(self, gt: Connection) -> None:
        wish = Restriction(bucket=BUCKET, prefix="scans/", addresses=["203.0.113.0/24"])
        with testing():
            review = ReviewStep(gt, restriction=wish)
            assert "depend on aws:PrincipalOrgID" in review.rest.value
            review.facts.inputs["aws:PrincipalOrgID"].value = "o-abc123"
            assert "depend on aws:PrincipalOrgID" not in review.rest.value
        ipywidgets.Widget.close_all()
