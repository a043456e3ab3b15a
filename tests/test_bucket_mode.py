"""Bucket mode: any application with presigned URLs, in an account that has no workteam."""

from __future__ import annotations

import datetime as dt
import json
import re
from pathlib import Path
from typing import Any, cast

import pytest

from gt_secure import Connection, Restriction, check, connect
from gt_secure.aws.client import Aws
from gt_secure.base.errors import InvalidInput
from gt_secure.changes.plan import plan
from gt_secure.changes.services import strangers
from gt_secure.doctor import examine as doctor
from gt_secure.findings import examine
from gt_secure.findings.run import with_url_ages
from gt_secure.logs import read_hits
from gt_secure.sandbox import Sandbox
from support import corpus, states
from support.rig import Rig

BUCKET, REGION = "ml-models", "eu-west-1"
OF_A_TEAM = re.compile(
    r"\b(images?|workers?|tasks?|portals?|labell?ers?|ground truth)\b", re.IGNORECASE
)
WISH_VALUES: dict[str, Any] = {"bucket": BUCKET, "addresses": ["203.0.113.0/24"]}
WISH = Restriction(**WISH_VALUES)


@pytest.fixture(scope="module")
def gt(sandbox: Sandbox) -> Connection:
    """A region with a bucket and its log, and neither a workteam nor a workforce."""
    session = Rig(sandbox).session_of(region=REGION)
    gt = connect(boto3_session=session, endpoint_url=sandbox.endpoint_url)
    assert not gt.workteams()
    s3 = gt.aws.client("s3")
    for name in (BUCKET, "ml-logs"):
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket=BUCKET, Key="report.pdf", Body=b"pdf")
    s3.put_bucket_logging(
        Bucket=BUCKET,
        BucketLoggingStatus={"LoggingEnabled": {"TargetBucket": "ml-logs", "TargetPrefix": "s3/"}},
    )
    blocks = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    s3.put_public_access_block(
        Bucket=BUCKET, PublicAccessBlockConfiguration=dict.fromkeys(blocks, True)
    )
    delivery = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::ml-logs/*"}
    statement = {**delivery, "Principal": {"Service": "logging.s3.amazonaws.com"}}
    s3.put_bucket_policy(
        Bucket="ml-logs", Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    )
    return gt


def named(text: str) -> list[str]:
    return sorted({match[0] for match in OF_A_TEAM.finditer(text)})


def test_no_surface_speaks_of_a_team(gt: Connection) -> None:
    plan = gt.plan(WISH)
    page = re.sub("<style>.*?</style>", "", plan.to_html(standalone=True), flags=re.DOTALL)
    before = gt.findings(bucket=BUCKET)
    texts = [
        plan.to_text(),
        plan.to_text(full=True),
        page,
        str(plan.to_dict()),
        *(str(each.to_dict()) for each in before),
    ]
    texts.append(
        gt.plan(Restriction(**{**WISH_VALUES, "application": "mlflow", "age_limit": "2h"})).to_text(
            full=True
        )
    )
    assert {each.code: each.severity for each in before} == {"presigned-from-anywhere": "high"}
    applied = gt.apply(plan)
    texts += [
        applied.to_text(),
        repr(gt.who_can_open(BUCKET, "report.pdf")),
        repr(gt.state(bucket=BUCKET)),
    ]
    after = gt.findings(bucket=BUCKET)
    assert [each.code for each in after if each.severity not in ("low", "info")] == []
    for look in (check.guard_is_in_place, check.no_findings):
        texts.append(look.look(gt, bucket=BUCKET).message)
    texts += [check.is_proved.look(gt, WISH).message, str(gt.prove(WISH))]
    diagnosis = doctor(gt, bucket=BUCKET)
    texts += [str(diagnosis.to_dict()), diagnosis._repr_html_()]
    assert [named(text) for text in texts] == [[]] * len(texts)
    gt.undo(applied)


def test_the_doctor_of_a_bucket_has_no_feature_of_a_team(gt: Connection) -> None:
    alone, asked = (
        doctor(gt, bucket=BUCKET),
        doctor(gt, bucket=BUCKET, features=["url-lock", "findings"]),
    )
    names = {each.feature.name for each in alone.features}
    assert not names & {"teams", "url-lock", "portal-lock"}
    assert {"guard", "sign", "hits", "findings"} <= names
    assert alone.state("findings").status == "yes"
    assert "workteam" not in json.dumps(alone.to_dict()).lower()
    assert {each.feature.name for each in asked.features} == {"url-lock", "findings"}
    with pytest.raises(InvalidInput, match="url-lock was not examined"):
        alone.state("url-lock")


def test_a_next_step_names_the_bucket(gt: Connection) -> None:
    gt.aws.client("s3").delete_bucket_policy(Bucket=BUCKET)
    found = {each.code: each.fix for each in gt.findings(bucket=BUCKET)}
    assert f"gt-secure plan s3://{BUCKET} --allow" in found["presigned-from-anywhere"]
    assert not [fix for fix in found.values() if "s3://NAME" in fix]


def test_a_claim_is_given_as_to_prove(gt: Connection, capsys: pytest.CaptureFixture[str]) -> None:
    applied = gt.apply(gt.plan(WISH))
    assert check.is_proved(gt, bucket=BUCKET, addresses=["203.0.113.0/24"])
    assert check.is_proved(gt, WISH).details["proved"] is True
    for more in ({"addresses": "198.51.100.0/24"}, {"prefix": "x/"}, {}):
        assert check.is_proved.look(gt, bucket=BUCKET, **more).passed is False
    for wrong in ({}, {"restriction": WISH, "bucket": BUCKET}):
        with pytest.raises(InvalidInput):
            check.is_proved(gt, **wrong)
    gt.undo(applied)


def test_rules_of_a_team_do_not_apply(gt: Connection) -> None:
    checked = examine(gt.state(bucket=BUCKET)).checked
    rest = {each.code: each.reason for each in checked if each.outcome == "not applicable"}
    assert rest["bucket-deny-breaks-ground-truth"] == "no workteam was named"
    assert rest["cors-missing"] == "no page is known that loads by script"


@pytest.mark.parametrize(
    ("application", "log", "rules", "missing"),
    [
        (None, False, [], None),
        (None, True, [], "The log shows 1 refused preflight request. The bucket has no CORS rule."),
        (None, True, ["GET"], None),
        ("label-studio", False, [], "Pages of Label Studio work by script. Missing: GET."),
        ("label-studio", False, ["GET"], None),
        (
            "uppy-companion",
            False,
            ["GET", "PUT"],
            "Pages of Uppy Companion work by script. Missing: POST, ETag.",
        ),
        ("mlflow", False, [], None),
    ],
)
def test_cors_is_asked_for_where_a_page_needs_it(
    tmp_path: Path, application: str | None, log: bool, rules: list[str], missing: str | None
) -> None:
    preflight = {
        "operation": "REST.OPTIONS.PREFLIGHT",
        "http_status": 403,
        "error_code": "AccessForbidden",
    }
    line = corpus.write(
        {**corpus.BASE, "bucket": BUCKET, "request_uri": "OPTIONS /a HTTP/1.1", **preflight}
    )
    (tmp_path / "log").write_text(f"{line}\n" if log else "", encoding="utf-8")
    cors = [{"AllowedOrigins": ["*"], "AllowedMethods": rules}] if rules else []
    bucket = states.data_bucket(BUCKET, cors=tuple(cors))
    wish = Restriction(bucket=BUCKET, addresses=["203.0.113.0/24"], application=application)
    state = states.state(team=None, workforce=None, bucket=bucket, wanted=wish)
    hits = read_hits(tmp_path / "log") if log else None
    found = [
        each.detail
        for each in examine(with_url_ages(state, hits)).findings
        if each.code == "cors-missing"
    ]
    assert found == ([missing] if missing else [])


def test_a_stranger_is_not_proposed(tmp_path: Path) -> None:
    """An address that only followed others is named apart,
    and requests of one second have no order.
    """
    office, home, thief = "203.0.113.7", "198.51.100.9", "192.0.2.44"
    uses = [
        (office, "a", 0),
        (thief, "a", 5),
        (home, "b", 1),
        (thief, "b", 9),
        (office, "c", 3),
        ("192.0.2.55", "c", 3),
    ]
    lines = [line(address, url, second) for address, url, second in uses]
    (tmp_path / "log").write_text("".join(lines), encoding="utf-8")
    with read_hits(tmp_path / "log") as hits:
        assert strangers(hits, BUCKET, "") == {thief}
        made = plan(cast(Aws, None), WISH, state=states.state(team=None, workforce=None), hits=hits)
        [sentence] = [leak.sentence for leak in hits.leaks() if leak.key == "c"]
    [blocker] = made.blockers
    assert blocker.code == "refuses-source"
    proposed, _, rest = blocker.text.partition(" So would ")
    assert home in proposed
    assert thief in rest
    assert thief not in proposed
    assert (
        "in the same second from 192.0.2.55 and 203.0.113.7, so who was first is unknown"
        in sentence
    )


def line(address: str, key: str, second: int) -> str:
    uri = f"GET /{key}?X-Amz-Date=20261120T091400Z&X-Amz-Expires=600&X-Amz-Signature=a HTTP/1.1"
    time = dt.datetime(2026, 11, 20, 9, 14, second)
    record = {
        **corpus.BASE,
        **corpus.PRESIGNED,
        "bucket": BUCKET,
        "key": key,
        "time": time,
        "remote_ip": address,
    }
    return corpus.write({**record, "request_uri": uri, "request_id": f"{address}{key}"}) + "\n"
