"""A plan for a named application says the truth about its next URL,
and a guard of reads says what it leaves open.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, cast

import boto3
import pytest
from botocore.config import Config

from gt_secure.aws.client import Aws
from gt_secure.base.errors import InvalidInput
from gt_secure.changes.plan import Plan, plan
from gt_secure.changes.render.summary import summary
from gt_secure.engine.policies.bucket_guard import build_guard
from gt_secure.explain.dry_run import dry_run
from gt_secure.logs import Hits, read_hits
from gt_secure.restriction.applications import SIGV2_REGIONS, ApplicationProfile, applications
from gt_secure.restriction.claim import claim_from
from gt_secure.restriction.files import dumps_restriction
from gt_secure.restriction.model import Restriction
from support import corpus, states
from support.guards import find_guard, merge_guards
from support.restrictions import loads_restriction
from support.sample import sample

pytestmark = pytest.mark.usefixtures("known_texts")

RUN = "0af31b2c4d5e4f708192a3b4c5d6e7f8"
FILE = "&response-content-disposition=attachment"
PART = "X-Amz-Date=20261120T091400Z&X-Amz-Expires=3600&partNumber=1&uploadId=u&X-Amz-Signature=a"
V2 = {"signature_version": "SigV2", "query": "AWSAccessKeyId=AKIA&Expires=1&Signature=a"}


def wish(**more: Any) -> Restriction:
    return Restriction(**{"bucket": "gt-images", "addresses": "203.0.113.0/24", **more})


def log(tmp_path: Path, *rows: dict[str, Any]) -> Hits:
    lines = []
    for number, row in enumerate(rows):
        row = {
            "key": "docs/a.pdf",
            "operation": "REST.GET.OBJECT",
            "user_agent": "Mozilla/5.0",
            **row,
        }
        query = row.pop("query", "X-Amz-Date=20261120T091400Z&X-Amz-Expires=300&X-Amz-Signature=a")
        uri = f"{row['operation'].split('.')[1]} /{row['key']}?{query} HTTP/1.1"
        record = {
            **corpus.BASE,
            **corpus.PRESIGNED,
            "request_uri": uri,
            "request_id": f"ID{number}",
            **row,
        }
        lines.append(corpus.write(record))
    (tmp_path / "log").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return read_hits(tmp_path / "log")


def made(restriction: Restriction, hits: Hits | None = None, region: str = "us-east-1") -> Plan:
    bucket = states.data_bucket("gt-images", region)
    return plan(
        cast(Aws, None),
        restriction,
        state=states.state(team=None, workforce=None, bucket=bucket),
        hits=hits,
    )


def told(one: Plan) -> dict[str, tuple[str, str]]:
    return {each.code: (each.severity, str(each)) for each in one.notices}


@pytest.mark.parametrize(
    "region", ["us-east-1", "us-gov-west-1", "ap-northeast-1", "eu-central-1", "us-east-2"]
)
def test_the_regions_are_those_of_boto3(
    region: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def signed(**more: Any) -> str:
        session = boto3.Session("AKIAIOSFODNN7EXAMPLE", "x", region_name=region)
        return str(
            session.client("s3", **more).generate_presigned_url(
                "get_object", Params={"Bucket": "b", "Key": "k"}
            )
        )

    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    assert ("AWSAccessKeyId=" in signed()) == (region in SIGV2_REGIONS)
    assert "X-Amz-Date=" in signed(config=Config(signature_version="s3v4"))
    (tmp_path / "config").write_text("[default]\ns3 =\n    signature_version = s3v4\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    assert "X-Amz-Date=" in signed()  # what the profiles say about the configuration file


@pytest.mark.parametrize("name", applications())
@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
def test_every_profile_says_what_a_cap_does(name: str, region: str) -> None:
    profile = applications()[name]
    one = told(made(wish(application=name, age_limit="15m"), region=region))
    free = told(made(wish(application=name), region=region))
    version = profile.version_in(region)
    assert one["age-limit-version-2"][0] == ("blocker" if version == "2" else "info")
    if version == "none":
        assert "application-age-limit" not in one
        assert "presigns nothing" in one["application-signs-nothing"][1]
        return
    severity, text = one["application-age-limit"]
    assert severity == ("warning" if version == "unknown" else "info")
    proposed = "Proposed: --age-limit" in free["application-age-limit"][1]
    assert proposed == (version == "4" and profile.longest_s > 0)
    if version == "2":
        assert "refuses every such URL" in text
        assert profile.signature_setting in text
        assert profile.signature_setting in one["age-limit-version-2"][1]
    if version == "4" and profile.longest_s:
        assert ("the limit ends them after 15m" in text) == (profile.longest_s > 900)


SHAPES = {
    "mlflow": {"key": f"mlflow/1/{RUN}/artifacts/a", "user_agent": "python-requests/2"},
    "dagster": {"key": "d/storage/0af31b2c-4d5e-6f70-8192-a3b4c5d6e7f8/compute_logs/abcdefgh.out"},
    "git-lfs": {"key": f"lfs/org/repo/{'ab' * 32}", "user_agent": "git-lfs/3.6 (GitHub)"},
}


def row_of(name: str, version: str) -> dict[str, Any]:
    """A download as the application signs it;
    with version 2 neither its time nor its lifetime is in the log.
    """
    life = next(iter(applications()[name].lifetime_s.values()), 900)
    query = (
        V2["query"]
        if version == "2"
        else f"X-Amz-Date=20261120T091400Z&X-Amz-Expires={life}&X-Amz-Signature=a"
    )
    more = FILE if name in ("mlflow", "git-lfs") else ""
    old = {"signature_version": "SigV2"} if version == "2" else {}
    return {**SHAPES.get(name, {}), **old, "query": query + more}


@pytest.mark.parametrize("name", sample(applications(), 4))
@pytest.mark.parametrize("shown", ["4", "2", "24"])
def test_every_profile_with_a_log_says_what_a_cap_does(
    name: str, shown: str, tmp_path: Path
) -> None:
    hits = log(tmp_path, *(row_of(name, version) for version in shown))
    rows = hits.rows(columns=["signature_version", "expires_s"])
    assert {row["expires_s"] for row in rows if row["signature_version"] == "SigV2"} <= {None}
    one = made(wish(application=name, age_limit="15m"), hits)
    texts, old = told(one), "2" in shown
    assert one.dry_run is not None
    assert one.dry_run.version_2 == shown.count("2")
    assert ("age-limit-version-2" in {each.code for each in one.blockers}) == old
    if applications()[name].signature == "none":
        assert "application-age-limit" not in texts
        return
    severity, text = texts["application-age-limit"]
    assert severity == "info"
    says = {
        "4": "signs with version 4",
        "2": "signs with version 2",
        "24": "signs some URLs with version 2",
    }
    assert f"{says[shown]}, as the log shows" in text
    assert ("refuses every such URL" in text) == old
    if shown == "4":
        free = told(made(wish(application=name), hits))["application-age-limit"][1]
        assert ("Proposed: --age-limit" in free) == (applications()[name].longest_s > 0)


@pytest.mark.parametrize(
    ("name", "row", "says", "blocks"),
    sample(
        [
            ("flask-admin", {}, "signs with version 4, as the log shows", False),
            ("flask-admin", V2, "signs with version 2, as the log shows", True),
            (
                "mlflow",
                {"key": f"m/1/{RUN}/artifacts/a", **V2, "query": V2["query"] + FILE},
                "version 2, as the log",
                True,
            ),
            ("mlflow", V2, "signs with version 2, as the log shows", True),
            ("lakefs", {}, "signs with version 4, as the log shows", False),
        ],
        2,
    ),
)
def test_the_log_counts_for_more_than_the_profile(
    tmp_path: Path, name: str, row: dict[str, Any], says: str, blocks: bool
) -> None:
    one = made(wish(application=name, age_limit="15m"), log(tmp_path, row))
    assert says in told(one)["application-age-limit"][1]
    assert ("age-limit-version-2" in {each.code for each in one.blockers}) == blocks


def test_a_plan_names_uploads_and_the_prefix(tmp_path: Path) -> None:
    key, mlflow = f"mlflow/1/{RUN}/artifacts/a", {"user_agent": "python-requests/2"}
    download = {
        "key": key,
        "query": f"X-Amz-Date=20261120T091400Z&X-Amz-Expires=300{FILE}",
        **mlflow,
    }
    rows = [
        *(download | {"remote_ip": f"203.0.113.{number}"} for number in range(1, 4)),
        download | {"remote_ip": "198.51.100.9"},
        {
            "key": key,
            "operation": "REST.PUT.PART",
            "remote_ip": "198.51.100.9",
            "query": PART,
            **mlflow,
        },
        {"operation": "REST.PUT.OBJECT", "remote_ip": "203.0.113.9"},
        {"operation": "REST.POST.OBJECT", "auth_type": "HtmlForm", "remote_ip": "198.51.100.10"},
    ]
    hits = log(tmp_path, *rows)
    text = made(wish(application="mlflow"), hits).to_text(full=True)
    role = "by role GroundTruthExecution"
    for words in (
        f"MLflow, GET, {role}: 4 requests from 2 networks; 3 stay open",
        f"MLflow, parts of uploads, {role}: 1 request from 198.51.100.9; 0 stay open",
        f"a browser, PUT uploads, {role}: 1 request from 203.0.113.9; 1 stays open",
        f"a browser, POST forms, {role}: 1 request from 198.51.100.10; 0 stay open",
        "A refused part leaves an incomplete upload behind",
        "All keys that MLflow presigned in the log begin with mlflow/.",
        "gt-secure plan s3://gt-images/mlflow/ --allow",
    ):
        assert words in text, words
    spared = dry_run(wish(guard="reads"), hits)
    assert spared is not None
    assert {each.method for each in spared.usages if each.refused} == {"GET"}
    assert spared.note == ""


def test_a_guard_of_reads_says_what_it_leaves_open() -> None:
    one = made(wish(guard="reads", age_limit="15m"))
    assert "guard-spares-uploads" in told(one)
    assert "except uploads, which work from anywhere" in one.to_text(full=True)
    assert one.after.at("198.51.100.9", "presigned").answer == "refused"
    assert one.after.at("198.51.100.9", "upload").answer == "opened"
    assert one.after.at("198.51.100.9", "post-form").answer == "opened"
    reads, whole = (
        one.after.proves(claim_from(wish(guard="reads"))),
        one.after.proves(claim_from(wish())),
    )
    assert (reads.proved, whole.proved) == (True, False)
    assert "Whoever has an upload URL or form can overwrite" in reads.claim
    assert whole.counterexample is not None
    assert whole.counterexample["request"]["action"] == "s3:PutObject"
    assert "upload" not in made(wish()).after.requests


def test_the_change_line_of_reads_says_that_uploads_are_spared() -> None:
    for guard, ends in (("reads", True), (True, False)):
        [change] = [each for each in summary(made(wish(guard=guard))) if each.startswith("  + ")]
        assert change.endswith(" It spares presigned uploads.") is ends


UPLOADS = re.compile(r"upload|\bPUT\b|\bform|\bpush|\bwrite", re.IGNORECASE)


@pytest.mark.parametrize("name", [name for name, row in applications().items() if row.uploads])
def test_no_guard_of_reads_is_said_to_refuse_uploads(name: str) -> None:
    [notice] = [
        each
        for each in made(wish(guard="reads", application=name)).notices
        if each.code == "application-use"
    ]
    refused = notice.text.partition("the guard refuses ")[2].partition(". ")[0]
    assert refused
    is_alone = refused.startswith("nothing: ")
    assert is_alone or not UPLOADS.search(refused), refused
    assert is_alone is (set(applications()[name].lifetime_s) == {"PUT"})


def test_a_guard_of_reads_is_ours_in_every_form() -> None:
    statement = build_guard("gt-images", networks=["203.0.113.0/24"], reads=True)
    policy = merge_guards(None, statement, 900)
    guard = find_guard(policy)
    assert guard is not None
    assert (guard.reads, guard.drifted, guard.age_limit_s) == (True, False, 900)
    assert {each.get("NotAction") for each in json.loads(policy)["Statement"]} == {"s3:PutObject"}
    edited = find_guard(policy.replace('"s3:PutObject"', '"s3:*"', 1))
    assert edited is not None
    assert edited.drifted


def test_an_application_changes_no_lock() -> None:
    named = wish(application="MLflow")
    assert named.application == "mlflow"
    assert loads_restriction(dumps_restriction(named)) == named
    assert "application" not in wish().to_dict()
    assert made(named).digest == made(wish()).digest
    with pytest.raises(InvalidInput, match="no application profile") as caught:
        wish(application="mlfow")
    assert caught.value.next_step == "Did you mean 'mlflow'?"


def test_every_profile_has_its_sources() -> None:
    text = (
        Path(__file__).parents[2] / "gt_secure" / "restriction" / "applications.json"
    ).read_text(encoding="utf-8")
    for name, row in json.loads(text).items():
        others = {"seen", "sure", "sources", "parameters", "agents", "shape"}
        assert row["sources"], name
        assert row["sure"].startswith(("run", "read")), name
        assert set(row) <= {*ApplicationProfile.__slots__, *others}, name


def test_the_guide_lists_every_profile() -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "any-application.md").read_text(
        encoding="utf-8"
    )
    missing = [
        name
        for name, each in applications().items()
        if f"(`{name}`)" not in page and each.name not in page
    ]
    assert missing == []
    assert all(region in page for region in SIGV2_REGIONS if "gov" not in region)


def test_the_page_of_an_approval_counts_requests_and_refused_ones_apart(tmp_path: Path) -> None:
    """Three requests of one signer, of which the guard would have refused
    the one from elsewhere.
    """
    inside = {"remote_ip": "203.0.113.7"}
    one = made(wish(), log(tmp_path, inside, inside, {"remote_ip": "198.51.100.9"}))
    page = one.to_html(standalone=True)
    table = page[
        page.index("Presigned requests in the log, and those that would have been refused") :
    ]
    head = re.findall(r"<th[^>]*>(?:<[^>]*>)*([A-Z][a-z ]+)", table[: table.index("</thead>")])
    row = table[table.index("<tbody") : table.index("</tbody>")].split("</tr>")[0]
    cells = [
        re.sub(r"<[^>]+>", "", cell).strip()
        for cell in re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, re.DOTALL)
    ]
    shown = dict(zip(head, cells, strict=True))
    assert (shown["Number"], shown["Refused"]) == ("3", "1")
