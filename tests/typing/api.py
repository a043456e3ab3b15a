"""The typed contract: mypy must accept this file as it is, and refuse each line that is marked so.

It is never run. ``assert_type`` pins what a call returns; an unused ``type: ignore`` is an error,
so each of them proves that its line is refused.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import assert_type

import boto3
from matplotlib.figure import Figure

import gt_secure
from gt_secure import (
    Connection,
    GtSecureError,
    Hits,
    Plan,
    Restriction,
    Source,
    TestUrl,
    check,
    connect,
    engine,
    expect,
    inspect,
)
from gt_secure.aws.teams import LabelingJob, Workforce, Workteam
from gt_secure.changes.applied import Applied
from gt_secure.changes.journal import ChangeRecord
from gt_secure.check import CheckFailed, CheckResult, Report, Spec, load_check_file, run_file
from gt_secure.doctor import (
    Diagnosis,
    ExecutionRole,
    Fact,
    FeatureState,
    examine,
    execution_role,
    policy_for,
)
from gt_secure.engine.access.answer import Answer, Answers
from gt_secure.explain.explanation import Explanation
from gt_secure.findings.listings import Workteams
from gt_secure.findings.model import Finding
from gt_secure.presign import Probe


class SageMakerSession:
    """As much of ``sagemaker.core.helper.session_helper.Session`` as counts."""

    boto_session: boto3.session.Session
    boto_region_name: str


class SageMakerTeam:
    """As much of ``sagemaker.core.resources.Workteam`` as counts."""

    workteam_name: str


def connecting() -> Connection:
    assert_type(connect(), Connection)
    connect(profile="p", region="us-east-1", endpoint_url="http://127.0.0.1:1")
    connect(boto3_session=boto3.session.Session())
    connect(sagemaker_session=SageMakerSession())
    connect(sagemaker_session="session")  # type: ignore[arg-type]
    check.team_is_restricted(SageMakerSession(), SageMakerTeam())
    gt_secure.panel(SageMakerSession())
    gt_secure.panel("session")  # type: ignore[arg-type]
    connect("us-east-1")  # type: ignore[call-arg]
    return gt_secure.connect()


def face_of_the_engine() -> None:
    locks = engine.locks_of_policies("gt-images", None, "111122223333")
    asked = engine.Exposure(locks, "scans/0001.png")
    assert_type(asked.at("203.0.113.7", "presigned"), Answer)
    claim = engine.Claim(allowed=engine.Allowed.of("203.0.113.0/24"))
    engine.Claim(allowed=5)  # type: ignore[arg-type]
    engine.locks_of_policies("gt-images", None, 111122223333)  # type: ignore[arg-type]
    assert_type(engine.prove(locks, claim), engine.Proof)
    assert_type(engine.signers_of(asked, engine.principals_of([])), engine.Signers)


def main_job(gt: Connection) -> None:
    assert_type(gt.workteams(), Workteams)
    as_list: list[Workteam] = gt.workteams()
    assert_type(as_list[0].url_lock_text, str)
    team = gt.workteam("radiology-team")
    assert_type(team, Workteam)
    assert_type(gt.workforce(), Workforce | None)
    jobs: list[LabelingJob] = gt.jobs(team)
    assert_type(jobs[0].pending, int)
    gt.jobs(SageMakerTeam())
    gt.workteam(3)  # type: ignore[arg-type]
    restriction = Restriction(
        "radiology-team",
        addresses=["203.0.113.0/24"],
        endpoints="vpce-0a1b2c3d",
        bucket="gt-images",
        prefix="scans/",
        url_lock="SourceIp",
        portal_lock=None,
        expectations=[expect.allowed("203.0.113.7"), expect.refused(Source.parse("198.51.100.9"))],
    )
    Restriction("team", url_lock="Both")  # type: ignore[arg-type]
    Restriction("team", adresses=[])  # type: ignore[arg-type]
    restriction.team = "another"  # type: ignore[misc]
    plan = gt.plan(restriction)
    assert_type(plan, Plan)
    done = gt.apply(plan)
    assert_type(done, Applied)
    assert_type(gt.undo(done), Applied)
    url = gt.sign("gt-images", "scans/0001.png", bound_to="203.0.113.7")
    assert_type(url, TestUrl)
    assert_type(gt.probe(url), Probe)
    findings: tuple[Finding, ...] = gt.findings(team=SageMakerTeam(), bucket="gt-images")
    assert_type(findings[0].code, str)
    assert_type(gt.explain(gt.probe(url), url=url), Explanation)
    assert_type(
        gt.who_can_open("gt-images", "scans/0001.png", team=team).at("203.0.113.7"), Answers
    )
    assert_type(
        gt.who_can_open("gt-images", "scans/0001.png", team=team).at("203.0.113.7", "worker"),
        Answer,
    )
    gt.explain("gt-images")  # type: ignore[arg-type]
    gt.explain(gt.probe(url), team=team)  # type: ignore[call-arg]
    gt.plan(restriction, log="log/")  # type: ignore[call-arg]
    gt.plan(restriction, logs=["log/", Path("more")])
    gt.plan(restriction, logs=False)
    gt.plan(restriction, logs=True)  # type: ignore[arg-type]
    gt.sign("gt-images", "scans/0001.png", trial=gt.workteam("radiology-team"), viewer="anna")
    gt.apply(plan, timeout=3)  # type: ignore[call-arg]
    gt.plan_undo(done, jurnal_dir="x")  # type: ignore[call-arg]
    gt.undo(None)  # type: ignore[arg-type]
    gt.resume(None)  # type: ignore[arg-type]
    assert_type(gt.export(team, "gt-images")[0], Restriction)
    records: list[ChangeRecord] = list(gt.journal)
    assert_type(records[0].id, str)
    assert_type(gt.resume(), Applied)
    inspect("https://bucket.s3.amazonaws.com/key?X-Amz-Signature=0")


def logs(gt: Connection, restriction: Restriction) -> None:
    hits = gt.hits("gt-images", since="7d")
    assert_type(hits, Hits)
    assert_type(hits.filter(presigned=True, network=["203.0.113.0/24"]), Hits)
    assert_type(gt.plot(hits, restriction=restriction), Figure)
    hits.filter(presignd=True)  # type: ignore[call-arg]
    gt.hits("gt-images", engin="spark")  # type: ignore[call-arg]
    gt.hits("gt-images", engine="sprak")  # type: ignore[arg-type]
    gt.hits("gt-images", wait_for=2, wait_s=5.0)
    gt.hits("gt-images", wait_for=lambda hits: len(hits) > 3)
    gt.count_hits("gt-images", "remote_ip", enigne="spark")  # type: ignore[call-arg]
    gt.count_hits("gt-images", fliters={})  # type: ignore[call-arg]
    gt.plot(hits, tpo=3)  # type: ignore[call-arg]
    gt.plot(hits, kind="pie")  # type: ignore[arg-type]
    gt.plot(hits, kind="network", theme="dark", top=5)


def checks(gt: Connection, hits: Hits, restriction: Restriction) -> None:
    assert_type(
        check.team_is_restricted(gt, "team", url_lock="VpcSourceIp", portal=["203.0.113.0/24"]),
        CheckResult,
    )
    assert_type(check.team_is_restricted.look(gt, SageMakerTeam()), CheckResult)
    check.team_is_restricted(gt, "team", url_lock="on")  # type: ignore[arg-type]
    check.team_is_restricted(gt)  # type: ignore[call-arg]
    assert_type(check.guard_is_in_place(gt, "gt-images", addresses="203.0.113.0/24"), CheckResult)
    assert_type(check.no_foreign_hits(hits, restriction, newest_within_h=24), CheckResult)
    check.no_foreign_hits(restriction, hits)  # type: ignore[arg-type]
    assert_type(check.no_leaked_urls.look(hits, kinds=["leak"]), CheckResult)
    assert_type(
        check.urls_are_consistent(hits, team=gt.workteam("t"), pools="203.0.113.0/24"), CheckResult
    )
    check.urls_are_consistent(hits, team="radiology-team")  # type: ignore[arg-type]
    assert_type(
        check.no_findings(gt, team="team", severity="high", accepted="checks.yaml"), CheckResult
    )
    assert_type(check.nothing_drifted(gt, Path("wish.yaml")), CheckResult)
    assert_type(check.expectations_hold(gt, restriction), CheckResult)
    assert_type(
        check.expectations_hold(gt, restriction, context={"aws:PrincipalOrgID": "o-abc123"}),
        CheckResult,
    )
    assert_type(replace(gt, context={"aws:PrincipalOrgID": ["o-abc123"]}).plan(restriction), Plan)
    assert_type(
        check.is_proved(gt, restriction, context={"aws:PrincipalOrgID": "o-abc123"}), CheckResult
    )
    assert_type(check.no_secret_saved("book.ipynb"), CheckResult)
    result = check.no_code_cell_skipped.look(Path("book.ipynb"))
    assert_type(result.passed, bool | None)
    result.passed = True  # type: ignore[misc]
    assert_type(load_check_file("checks.yaml").specs, tuple[Spec, ...])
    report = run_file(gt, "checks.yaml")
    assert_type(report, Report)
    assert_type(report.exit_code, int)
    try:
        report.require()
    except CheckFailed as failed:
        error: GtSecureError = failed
        same: AssertionError = failed
        assert_type(failed.result, CheckResult)
        print(error, same)


def doctor(gt: Connection) -> None:
    found = examine(gt, team="team", bucket="gt-images", features=["guard"])
    assert_type(found, Diagnosis)
    assert_type(found.features, tuple[FeatureState, ...])
    assert_type(found.facts, tuple[Fact, ...])
    policy_for([found.features[0].feature], found.scope)
    found.policy(["guard"])
    assert_type(execution_role(gt), ExecutionRole)
