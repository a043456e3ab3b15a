"""Every document of the package is whole: each member of what a ``to_dict`` returns has its value,
on a page.

The page ``every_document.md`` has the data and the texts of one example of each class. No member of
an example is empty, so that a member that is lost shows, whatever its type.
"""

from __future__ import annotations

import ast
import datetime as dt
import html
import json
import os
import re
from collections.abc import Iterator
from dataclasses import asdict, fields, replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any, cast

import pytest

import gt_secure
from gt_secure import check
from gt_secure.account.bucket_access import BucketAccess
from gt_secure.account.event_history import OtherWrite
from gt_secure.account.state import State
from gt_secure.account.whereabouts import Whereabouts
from gt_secure.aws.managed_lists import ManagedList
from gt_secure.aws.teams import LabelingJob, Workteam
from gt_secure.base.evidence import Evidence
from gt_secure.base.network import Source
from gt_secure.base.outcome import CheckResult
from gt_secure.changes.applied import Applied, ProbeResult
from gt_secure.changes.change import Call, Change
from gt_secure.changes.engine import ChangeStep
from gt_secure.changes.history import HistoryEntry
from gt_secure.changes.journal import ChangeRecord
from gt_secure.changes.plan import plan
from gt_secure.changes.targets import BucketGuard
from gt_secure.check.report import Report
from gt_secure.engine.policies.bucket_guard import build_guard
from gt_secure.engine.policies.url_lock import UrlLock
from gt_secure.explain.dry_run import DryRun, Usage
from gt_secure.explain.expectation_log import LoggedProbe, Scenes
from gt_secure.explain.explanation import Explanation
from gt_secure.findings.model import Acceptance, Finding
from gt_secure.logs.leaks import Leak, Leaks, User
from gt_secure.presign.inspect import inspect
from gt_secure.presign.probe import Probe
from gt_secure.presign.signed_url import TestUrl
from gt_secure.report.result import AccountReport
from gt_secure.report.rows import ReportRow
from gt_secure.restriction.expectations import expect
from gt_secure.restriction.messages import Notice
from gt_secure.restriction.model import Restriction
from support.guards import merge_guard
from support.states import TEAM, data_bucket, state, unread

PAGE = Path(__file__).parent / "every_document.md"
ROOT = Path(gt_secure.__file__).parent
PARTS = [
    "account",
    "aws",
    "changes",
    "check",
    "explain",
    "findings",
    "presign",
    "report",
    "restriction",
]
"""Packages whose documents are on the page; those of doctor and plans have tests with accounts."""

AT = dt.datetime(2026, 11, 20, 9, 30, tzinfo=dt.UTC)
ROLE = "arn:aws:iam::111122223333:role/GroundTruthExecution"
OFFICE, STRANGER = Source.parse("203.0.113.7"), Source.parse("198.51.100.9")
LIST = "pl-0a1b2c3d4e5f60718"
POLICY = merge_guard(None, build_guard("gt-images", networks=["203.0.113.0/24"]))


def accepted(reason: str, day: int) -> Acceptance:
    return Acceptance("bucket-allow-everyone", reason, dt.date(2026, 12, day), "gt-images")


def finding() -> Finding:
    return Finding(
        "bucket-allow-everyone", "high", "Everyone may read", "Nobody is asked.", "Remove it.", "https://docs.aws/x",
        ("bucket policy", "ACL"), "gt-images", "Statement Public", ("s3:GetBucketAcl",), "unknown",
        ("aws:PrincipalOrgID",), accepted("It is public.", 24), accepted("It was public.", 1),
    )  # fmt: skip


def usage() -> Usage:
    return Usage(ROLE, "MLflow", "PUT", 9, 4, 3, 2, ("198.51.100.9", "vpce-0a1b"))


def dry_run() -> DryRun:
    """Return the answer of a guard whose numbers are all different,
    those of a later version too.
    """
    numbers: Any = {
        each.name: 40 - place for place, each in enumerate(fields(DryRun)) if each.type == "int"
    }
    first = AT.replace(tzinfo=None)
    return DryRun(
        first=first, last=first.replace(day=21), addresses=(("198.51.100.9", 4), ("192.0.2.1", 2)), usages=(usage(),),
        age_limit="15m", evidence=Evidence("gt-images", not_read=("One line was not read.",)), **numbers,
    )  # fmt: skip


def step() -> ChangeStep:
    return ChangeStep("bucket-guard", "gt-images", "overtaken", True, "Another policy was put.")


def probe_result() -> ProbeResult:
    return ProbeResult("allowed", "203.0.113.7", "opened", "HTTP 200")


def probe() -> Probe:
    return Probe(
        200, "own", OFFICE, "gt-images", "scans/1.png", 12.34, "AccessDenied", "Access Denied", "REQ1", "image/png", 17,
        "a reset", True, "mark-1", {"Server": "AmazonS3"}, {"Expires": "600"}, "GET", "HEAD",
    )  # fmt: skip


def signed_url() -> TestUrl:
    return TestUrl(
        "https://gt-images.s3.amazonaws.com/scans/1.png?X-Amz-Signature=a", bucket="gt-images", key="scans/1.png",
        expires_at=AT, bound_to=OFFICE, signer="GroundTruth", marker="mark-1", version_id="v1", principal=ROLE,
        viewer="anna", method="HEAD",
    )  # fmt: skip


def change() -> Change[Any]:
    call = Call(
        "s3:PutBucketPolicy", "arn:aws:s3:::gt-images", "PutBucketPolicy", {"Bucket": "gt-images"}
    )
    target = BucketGuard("gt-images", region="eu-west-1")
    return Change(
        target,
        '{"Version": "2012-10-17"}',
        POLICY,
        "no guard",
        "a guard",
        ("open-team",),
        (call,),
        4,
    )


def record() -> ChangeRecord:
    begin = {
        "account": "111122223333", "region": "us-east-1", "caller": ROLE, "reason": "ticket 7", "at": "2026-11-20",
        "lists": [{"name": "pl-0a1b"}],
        "changes": [{"kind": "url-lock", "target": "radiology-team", "before": "off", "after": "on", "more": 1}],
    }  # fmt: skip
    return ChangeRecord(
        "20261120-1",
        "undo",
        "applied",
        begin,
        ({"event": "end"},),
        "20261119-1",
        ("a line is cut",),
    )


def explanation() -> Explanation:
    return Explanation(
        "bucket-guard", "bucket guard", "The guard refused it.", "The address is not listed.", "Add the address.",
        "refused", "allow", "no statement denies it", False, "arn:aws:iam::1:policy/p", "AUTH1", True,
    )  # fmt: skip


def leak() -> Leak:
    at = AT.replace(tzinfo=None)
    users = [
        User(address, None, address, "curl/8", at, 2, 1)
        for address in ("203.0.113.7", "198.51.100.9")
    ]
    return Leak(
        "fp1", "scans/1.png", at, 600, "leak", tuple(users), "gt-images", ROLE, "anna", "GET", 1
    )


def row() -> ReportRow:
    leaks = Leaks([leak()], 1, [], 0, ["the last hour"])
    return ReportRow(
        "111122223333", "us-east-1", "bucket", "gt-images", "lab", "part", "Only the office can open scans/.",
        ("203.0.113.0/24",), "in place", ("radiology-team",), "chest-scans", "s3://gt-logs/x/", 1, "the last hour", (finding(),),
        {"bucket-allow-everyone": "found", "cors": "unknown"}, ("tags: denied", "keys: denied", "ACL: denied"),
        ("gt-far",), "read", ("us-east-1",), ("root user", "role/admin"), leaks,
    )  # fmt: skip


def made_report() -> AccountReport:
    open_finding = replace(finding(), accepted=None, state="found")
    team = replace(
        row(), kind="team", name="radiology-team", access="", locks="on (ip)", uses=("gt-images",),
        waiting="chest-scans", log="", leaked=None, leaks_unread="", findings=(open_finding,), leaks=None,
    )  # fmt: skip
    portal = ReportRow(
        "111122223333", "us-east-1", "portal", "default", locks="203.0.113.0/24", waiting="Active"
    )
    caller = "arn:aws:iam::111122223333:user/anna"
    return AccountReport(
        AT, caller, "111122223333", "us-east-1", (row(), portal, team), 3, 2, 1, 40,
        (accepted("None has it.", 9),), "No bucket fits.",
    )  # fmt: skip


def restriction(*lists: str) -> Restriction:
    return Restriction(
        "radiology-team", addresses=["203.0.113.0/24", *lists], endpoints=["vpce-0a1b2c3d4e5f60718"], prefix="scans/",
        url_lock="SourceIp", portal_lock=True, guard="reads", bucket="gt-images", age_limit="15m", signers=[ROLE],
        version_4_only=True, expectations=[expect.allowed("203.0.113.7")], application="mlflow",
        facts={"aws:PrincipalOrgID": "o-abc123", "aws:PrincipalTag/team": ["a", "b"]},
    )  # fmt: skip


def report() -> Report:
    for name in ("guard_is_in_place", "urls_are_consistent"):
        getattr(check, name)  # a check explains its rule once it is loaded
    found = replace(finding(), accepted=None)
    details = {
        "findings": [found.to_dict()],
        "accepted": [finding().to_dict()],
        "not_applicable": {"cors": "no page"},
    }
    results = (
        CheckResult("no_findings", "gt-images", False, "A finding.", details, "Remove it."),
        CheckResult(
            "guard_is_in_place",
            "gt-images",
            True,
            "The guard is in place.",
            {"sid": "x"},
            "Nothing.",
        ),
        CheckResult(
            "urls_are_consistent", "gt-logs", None, "No log.", {"why": "denied"}, "Read the log."
        ),
    )
    return Report(results, "gt-secure.yml", (accepted("None has it.", 9),))


def scenes() -> Scenes:
    made = Scenes()
    made.add("a worker", replace(probe(), error_code="none"), "opened", decided_by="URL lock")
    return made


EXAMPLES: dict[str, Any] = {
    type(each).__name__: each
    for each in (
        Workteam("radiology-team", TEAM.arn, "private", "scans", ("readers",), "default", UrlLock(True)),
        ManagedList(LIST, (ip_network("203.0.113.0/24"),), (ip_network("10.0.0.0/8"),), "office", "3", "AWS"),
        BucketAccess("part", "Only the office can open scans/.", "203.0.113.0/24", ("aws:PrincipalOrgID",)),
        OtherWrite("2026-11-20T09:30:00Z", ROLE, "PutBucketPolicy", "event-1", POLICY, "REQ1"),
        step(), probe_result(), change(), *change().calls, record(), probe(), signed_url(), explanation(), usage(),
        Applied("20261120-1", "undone", (step(),), "20261119-1", (probe_result(),), ("The journal is full.",)),
        HistoryEntry(
            AT, ROLE, "PutBucketPolicy", "gt-images", "203.0.113.7", True, "20261120-1", "AccessDenied", "Boto3/1",
            "event-1", "us-east-1", "both", "ticket 7", "REQ1",
        ),
        dry_run(),
        LoggedProbe("a worker", "203.0.113.7", "opened", "opened", 200, "none", "URL lock"), scenes(),
        finding(), accepted("It is public.", 24), row(), made_report(), report(),
        restriction(LIST),
        Notice("drift", "blocker", "The policy moved.", "Plan again.", "bucket", True, "I agree."),
    )
}  # fmt: skip


SIGNED = (
    "&X-Amz-Credential=ASIAEXAMPLE%2F20261124%2F{}%2Fs3%2Faws4_request&X-Amz-Date=20261124T120000Z&X-Amz-Expires=600"
    "&X-Amz-SignedHeaders=host&X-Amz-Signature=SECRETSIG"
)
V4 = "X-Amz-Algorithm=AWS4-HMAC-SHA256" + SIGNED.format("eu-west-1")
V4A = "X-Amz-Algorithm=AWS4-ECDSA-P256-SHA256&X-Amz-Region-Set=us-east-1,eu-*" + SIGNED.replace(
    "{}%2F", ""
)
URLS = (
    f"gt-images.s3.eu-west-1.amazonaws.com/scans/1.png?versionId=v1&x-gt-secure-test=m&X-Amz-Security-Token=T&{V4}"
    "&response-cache-control=no-store",
    "gt-images.s3.amazonaws.com/a%20b.png?AWSAccessKeyId=AKIAEXAMPLE&Expires=1795521600&Signature=SECRETSIG",
    f"gt-images.s3.us-east-1.amazonaws.com/?list-type=2&{V4}",
    f"bucket.vpce-0a1b2c3d-xyz.s3.eu-west-1.vpce.amazonaws.com/gt-images/k?uploadId=u&partNumber=1&{V4}",
    f"my-ap-111122223333.s3-accesspoint.eu-west-1.amazonaws.com/k?{V4}",
    f"mfzwi23gnjvgw.mrap.accesspoint.s3-global.amazonaws.com/k?{V4A}",
)


def parsed_urls() -> list[dict[str, Any]]:
    """Return the facts of URLs: those of the first have all members that a URL of
    one bucket can have.
    """
    return [asdict(inspect(f"https://{url}")) for url in URLS]


def classes() -> Iterator[str]:
    """Yield the classes of the source that make a document."""
    for path in sorted(path for part in PARTS for path in (ROOT / part).rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ClassDef) and (
                any(ast.unparse(each) == "Shown" for each in node.bases)
                or any(
                    isinstance(each, ast.FunctionDef) and each.name.startswith("to_dict")
                    for each in node.body
                )
            ):
                yield node.name


def data_of(item: Any) -> Any:
    return item.to_dict() if hasattr(item, "to_dict") else item.to_dicts()


def empty(data: Any) -> set[str]:
    """Return the members that are empty; those of a list, of its only item."""
    [members] = data if isinstance(data, list) else [data]
    return {name for name, value in members.items() if not value}


def text_of(markup: str) -> str:
    """Return what a page shows of HTML, an element a line."""
    markup = re.sub(r"(?s)<style.*?</style>", "", markup)
    lines = (
        " ".join(html.unescape(line).split())
        for line in re.sub(r"<[^>]+>", "\n", markup).splitlines()
    )
    return "\n".join(line for line in lines if line)


def shown(item: Any) -> Iterator[str]:
    """Yield the texts that a class makes itself, without those that every dataclass has."""
    own = {
        name
        for kind in type(item).__mro__
        if kind.__module__.startswith("gt_secure")
        for name in vars(kind)
    }
    if "__str__" in own or isinstance(item, Scenes):
        yield str(item)
    if "words" in own:
        yield item.words
    if "_repr_html_" in own:
        yield text_of(item._repr_html_())
    if isinstance(item, Report):
        yield json.dumps(item.to_sarif()["runs"][0], indent=1)
        yield item.to_junit()


def page() -> str:
    lines = ["# Every document, and the texts beside it", ""]
    lines += [
        "Written by `GT_SECURE_UPDATE=1 pytest tests/test_every_document.py`. Read the diff: is"
        " each value in its"
    ]
    lines += ["place?", ""]
    for name, item in sorted(EXAMPLES.items()):
        data = json.dumps(data_of(item), indent=1, ensure_ascii=False, default=str)
        lines += [f"## {name}", "", "```json", data, "```", ""]
        lines += [line for text in shown(item) for line in ("```text", text, "```", "")]
    more = {"PresignedUrl": parsed_urls(), "State": [*seen().rows(), str(seen()), *shown(seen())]}
    for name, data in more.items():
        lines += [f"## {name}", "", "```json", json.dumps(data, indent=1, default=str), "```", ""]
    return "\n".join(lines)


def seen() -> State:
    """Return a state of which some parts were read, some are absent and some were not read."""
    return state(
        bucket=data_bucket(
            policy=POLICY, acl_grants=unread("s3:GetBucketAcl", "the ACL"), cors=({"ID": "a"},)
        ),
        team=replace(TEAM, url_lock=UrlLock(True)),
        endpoints=unread("ec2:DescribeVpcEndpoints", "the endpoints"),
        jobs=(LabelingJob("chest-scans", "InProgress", TEAM.arn),),
    )


@pytest.fixture(autouse=True)
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TestUrl, "seconds_left", 599.6)


def test_every_class_with_a_document_has_an_example() -> None:
    assert set(classes()) - {"Plan"} == set(EXAMPLES)


FALSE = {"AccountReport": {"changes"}, "Explanation": {"agrees"}, "Report": {"passed"}}
"""Members of an example that are rightly False; the page shows them."""


@pytest.mark.parametrize("name", EXAMPLES)
def test_no_member_of_an_example_is_empty(name: str) -> None:
    assert empty(data_of(EXAMPLES[name])) == FALSE.get(name, set())


def test_the_page_has_every_value_in_its_place() -> None:
    if os.environ.get("GT_SECURE_UPDATE"):
        PAGE.write_text(page(), encoding="utf-8")
    assert page() == PAGE.read_text(encoding="utf-8"), (
        "look at what changed, then GT_SECURE_UPDATE=1"
    )


def test_no_member_of_a_plan_is_empty() -> None:
    """Its values have tests with accounts: a plan is not on the page,
    which its many sentences would fill.
    """
    account = state(
        endpoints=unread("ec2:DescribeVpcEndpoints", "the endpoints"),
        seen={TEAM.arn: Whereabouts(("203.0.113.7",))},
    )
    made = plan(cast(Any, None), restriction(), state=account)
    values = {"findings": (finding(),), "dry_run": dry_run(), "reason": "ticket 7"}
    data = replace(
        made, restriction=restriction(LIST).with_lists([EXAMPLES["ManagedList"]]), **values
    ).to_dict()
    assert empty(data) == {"empty"}
