"""A restriction tried on a log: exact counts, by reason, signer and application,
in every rendering.
"""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings, strategies as st

from gt_secure.aws.client import Aws
from gt_secure.base.network import Source
from gt_secure.changes.plan import Plan, plan
from gt_secure.engine.iam.evaluate import evaluate
from gt_secure.engine.iam.request import Policies, Request
from gt_secure.engine.policies.bucket_guard import build_guard
from gt_secure.explain.dry_run import dry_run
from gt_secure.logs import Hits, read_hits
from gt_secure.logs.plots.age import age_rows
from gt_secure.restriction.model import Restriction
from gt_secure.sandbox.gateway.conditions import context
from gt_secure.sandbox.gateway.mechanisms import QUERY, SIGV4, Mechanism
from support import corpus
from support.examples import examples
from support.guards import merge_guards
from support.sample import sample
from support.states import state

pytestmark = pytest.mark.usefixtures("known_texts")

NOW = dt.datetime(2026, 11, 20, 9)
EVERYTHING = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}
VPCE = "vpce-0a1b2c3d4e5f60718"


def line(address: str = "203.0.113.7", age: int = 5, lifetime: int = 600, **fields: Any) -> str:
    at = fields.pop("time", NOW)
    date = f"{at - dt.timedelta(seconds=age):%Y%m%dT%H%M%SZ}"
    uri = f"GET /scans/a?X-Amz-Date={date}&X-Amz-Expires={lifetime}&X-Amz-Signature=a HTTP/1.1"
    record = {
        **corpus.BASE,
        **corpus.PRESIGNED,
        "remote_ip": address,
        "time": at,
        "request_uri": uri,
        **fields,
    }
    return corpus.write({**record, "key": fields.get("key", "scans/a")})


def hits_of(tmp_path: Path, *lines: str) -> Hits:
    path = tmp_path / "log"
    path.write_text("".join(f"{each}\n" for each in lines), encoding="utf-8")
    return read_hits(path)


def restriction(**more: Any) -> Restriction:
    return Restriction(
        **{"addresses": "203.0.113.0/24", "bucket": "gt-images", "prefix": "scans/", **more}
    )


SIGV2: dict[str, Any] = {
    "signature_version": "SigV2",
    "request_uri": (
        "GET /scans/a?AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Expires=1&Signature=a HTTP/1.1"
    ),
}
LINES = [
    line(),
    line(age=901),
    line("198.51.100.9", user_agent="[S3Console/0.4]"),
    line("198.51.100.9", lifetime=300, user_agent="Mozilla/5.0 (X11)"),
    line(
        "198.51.100.10",
        user_agent="python-requests/2.31",
        access_point_arn="arn:aws:s3:us-east-1:1:accesspoint/a",
    ),
    line("203.0.113.8", **SIGV2),
    line("10.0.3.4"),
    line("198.51.100.9", http_status=403, error_code="AccessDenied"),
    line("198.51.100.9", http_status=404, error_code="NoSuchKey"),
    line("198.51.100.9", key="other/a"),
    line("198.51.100.9", bucket="other"),
    line("198.51.100.9", auth_type="AuthHeader"),
    line("198.51.100.9", time=NOW - dt.timedelta(days=8)),
]


def test_every_request_is_counted_once(tmp_path: Path) -> None:
    tried = dry_run(restriction(age_limit="15m", endpoints=[VPCE]), hits_of(tmp_path, *LINES))
    assert tried is not None
    counts = (
        tried.requests,
        tried.refused,
        tried.unknown,
        tried.not_listed,
        tried.too_old,
        tried.version_2,
    )
    assert counts == (7, 5, 1, 3, 1, 1)
    assert tried.addresses == (
        ("198.51.100.9", 2),
        ("198.51.100.10", 1),
        ("203.0.113.7", 1),
        ("203.0.113.8", 1),
    )
    role = "role GroundTruthExecution"
    refused = {
        (usage.signer, usage.application): (usage.refused, usage.requests) for usage in tried.usages
    }
    assert {name: refused[role, name] for name in ("S3Console", "a browser")} == {
        "S3Console": (3, 5),
        "a browser": (1, 1),
    }
    assert refused[role, "S3 Object Lambda or an access point"] == (1, 1)
    assert "would have refused 5 of 7 presigned requests" in tried.sentence
    json.dumps(tried.to_dict())


def test_without_endpoints_a_private_address_is_refused(tmp_path: Path) -> None:
    tried = dry_run(restriction(), hits_of(tmp_path, line("10.0.3.4"), line()))
    assert tried is not None
    assert (tried.refused, tried.unknown) == (1, 0)


FORM: dict[str, Any] = {
    "auth_type": "HtmlForm",
    "request_uri": "POST / HTTP/1.1",
    "operation": "REST.POST.UPLOAD",
}


@pytest.mark.parametrize(
    ("fields", "answer"),
    [
        (FORM, "no_age"),
        ({**FORM, "signature_version": "SigV2"}, "version_2"),
        ({**FORM, "remote_ip": "198.51.100.9"}, "not_listed"),
        ({**FORM, "signature_version": None}, "no_age"),
        (
            {
                "request_uri": "GET /scans/a?X-Amz-Signature=a HTTP/1.1",
                "signature_version": "SigV4",
            },
            "no_age",
        ),
        ({"age": 899}, None),
        ({"age": 900}, "near_limit"),
        ({"age": 901}, "too_old"),
        ({"address": "10.0.3.4"}, "no_endpoint"),
        ({"address": "10.0.3.4", "age": 901}, "too_old"),
        ({"address": "::ffff:10.0.3.4"}, "no_endpoint"),
        ({"address": "::ffff:203.0.113.7"}, None),
        ({"address": "::ffff:198.51.100.9"}, "not_listed"),
        ({"remote_ip": None}, "no_address"),
        ({"remote_ip": None, "age": 901}, "too_old"),
    ],
)
def test_unknown_stays_unknown_and_names_its_reason(
    tmp_path: Path, fields: dict[str, Any], answer: str | None
) -> None:
    tried = dry_run(
        restriction(age_limit="15m", endpoints=[VPCE]), hits_of(tmp_path, line(**fields))
    )
    assert tried is not None
    unknown = {"no_address", "no_endpoint", "no_age", "near_limit"}
    counts = {
        name: tried.to_dict()[name] for name in (*unknown, "not_listed", "too_old", "version_2")
    }
    assert {name for name, number in counts.items() if number} == ({answer} if answer else set())
    assert tried.unknown == sum(tried.to_dict()[name] for name in unknown) == (answer in unknown)
    assert ("1 request is unknown: 1 " in tried.sentence) == (answer in unknown)
    assert ("as far as the log shows" in tried.sentence) == (answer in unknown)


def test_a_form_has_no_age_only_where_the_age_counts(tmp_path: Path) -> None:
    hits = hits_of(tmp_path, line(**FORM), line(**FORM), line(), line(remote_ip=None))
    limited, unlimited = dry_run(restriction(age_limit="15m"), hits), dry_run(restriction(), hits)
    assert limited is not None
    assert unlimited is not None
    assert limited.sentence.endswith(
        ", as far as the log shows. 3 requests are unknown: 1 without an address in the log, "
        "2 without an age in the log."
    )
    assert (unlimited.unknown, unlimited.no_age, unlimited.no_address) == (1, 0, 1)


def test_without_a_log_there_is_no_dry_run() -> None:
    assert dry_run(restriction(), None) is None


def test_without_a_guard_there_is_none(tmp_path: Path) -> None:
    assert dry_run(Restriction("open-team"), hits_of(tmp_path, line())) is None


def test_an_empty_log_is_no_all_clear(tmp_path: Path) -> None:
    tried = dry_run(restriction(), hits_of(tmp_path, line(bucket="other")))
    assert tried is not None
    assert tried.requests == 0
    assert "does not show" in tried.sentence


def made(tmp_path: Path, wish: Restriction, *lines: str) -> Plan:
    return plan(cast(Aws, None), wish, state=state(), hits=hits_of(tmp_path, *lines))


def test_the_plan_shows_it_everywhere(tmp_path: Path) -> None:
    one = made(tmp_path, restriction(age_limit="15m"), *LINES)
    assert one.dry_run is not None
    assert one.dry_run.sentence in one.to_text(full=True)
    assert "role GroundTruthExecution" in one.to_html()
    assert "would have refused" in one.to_html(standalone=True)
    assert one.to_dict()["dry_run"]["refused"] == one.dry_run.refused
    severities = {notice.code: notice.severity for notice in one.notices}
    assert (severities["age-limit-refuses"], severities["age-limit-version-2"]) == (
        "warning",
        "blocker",
    )


@pytest.mark.parametrize(
    ("limit", "fields", "severity"),
    [
        (None, SIGV2, None),
        ("15m", {}, "info"),
        ("15m", {"age": 901}, "info"),
        ("15m", SIGV2, "blocker"),
    ],
)
def test_a_plan_with_a_cap_names_the_version(
    tmp_path: Path, limit: str | None, fields: dict[str, Any], severity: str | None
) -> None:
    found = {
        each.code: each
        for each in made(tmp_path, restriction(age_limit=limit), line(**fields)).notices
    }
    notice = found.get("age-limit-version-2")
    assert (notice and notice.severity) == severity
    assert notice is None or "signature_version='s3v4'" in notice.fix
    assert ("age-limit-refuses" in found) is ("age" in fields)


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    hostile = "<script>alert(1)</script>"
    one = made(
        tmp_path, restriction(), line("198.51.100.9", requester=hostile, user_agent="\x1b[2J<b>")
    )
    assert "<script>" not in one.to_html()
    assert "\x1b" not in one.to_text(full=True)


def test_a_plan_finds_urls_that_live_long(tmp_path: Path) -> None:
    one = made(tmp_path, restriction(), line(age=700, lifetime=604_800), line(age=3, lifetime=60))
    [found] = [each for each in one.findings if each.code == "urls-live-long"]
    assert "URLs live up to 7 d, the oldest was used after 11 min 40 s" in found.detail
    assert "limit of 15m would have refused none of 2 requests" in found.detail
    limited = made(tmp_path, restriction(age_limit="15m"), line(age=700, lifetime=604_800))
    assert "urls-live-long" not in [each.code for each in limited.findings]


@pytest.mark.parametrize(
    "refused",
    sample(
        [
            line(
                age=28_000_000,
                lifetime=9_999_999,
                requester=None,
                http_status=400,
                error_code="AuthorizationQueryParameters",
            ),
            line(age=691_200, lifetime=604_800, http_status=403, error_code="AccessDenied"),
            line(age=604_000, lifetime=604_800, http_status=404, error_code="NoSuchKey"),
            line(age=604_000, lifetime=604_800, http_status=503, error_code="SlowDown"),
            line(age=28_000_000, lifetime=9_999_999),
        ],
        3,
    ),
    ids=["garbage", "expired", "missing", "busy", "impossible"],
)
def test_refused_requests_say_nothing_about_ages(tmp_path: Path, refused: str) -> None:
    opened = line(age=700, lifetime=172_800)
    one = made(tmp_path, restriction(), opened, refused)
    [found] = [each for each in one.findings if each.code == "urls-live-long"]
    assert found.detail == (
        "role GroundTruthExecution: URLs live up to 2 d, the oldest was used after 11 min 40 s. "
        "A limit of 15m would have refused none of 1 request."
    )
    short = made(tmp_path, restriction(), line(age=700, lifetime=900), refused)
    assert "urls-live-long" not in [each.code for each in short.findings]
    rows = age_rows(hits_of(tmp_path, opened, refused))
    assert [(row.requests, row.oldest, row.lifetime) for row in rows] == [(1, 700, 172_800)]


@settings(max_examples=examples(25), deadline=None)
@given(ages=st.lists(st.integers(0, 604_000), min_size=1, max_size=8), more=st.integers(1, 600))
def test_a_cap_above_the_highest_age_refuses_nobody(
    tmp_path_factory: pytest.TempPathFactory, ages: list[int], more: int
) -> None:
    hits = hits_of(tmp_path_factory.mktemp("log"), *(line(age=age) for age in ages))
    tried = dry_run(restriction(age_limit=dt.timedelta(seconds=max(ages) + more)), hits)
    assert tried is not None
    assert (tried.requests, tried.refused, tried.unknown) == (len(ages), 0, 0)
    if max(ages):
        same = dry_run(restriction(age_limit=dt.timedelta(seconds=max(ages))), hits)
        assert same is not None
        assert (same.refused, same.near_limit) == (0, ages.count(max(ages)))
    if max(ages) > 1:
        lower = dry_run(restriction(age_limit=dt.timedelta(seconds=max(ages) - 1)), hits)
        assert lower is not None
        assert lower.refused >= 1


@settings(max_examples=examples(25), deadline=None)
@given(ages_ms=st.lists(st.integers(0, 5_000), min_size=1, max_size=6), limit=st.integers(1, 5))
def test_the_policy_of_the_guard_agrees_to_the_millisecond(
    tmp_path_factory: pytest.TempPathFactory, ages_ms: list[int], limit: int
) -> None:
    signed_at = NOW - dt.timedelta(seconds=10)
    uses = [signed_at + dt.timedelta(milliseconds=age) for age in ages_ms]
    logged = [use.replace(microsecond=0) for use in uses]  # a log has whole seconds
    lines = (line(time=at, age=int((at - signed_at).total_seconds())) for at in logged)
    tried = dry_run(
        restriction(age_limit=dt.timedelta(seconds=limit)),
        hits_of(tmp_path_factory.mktemp("log"), *lines),
    )
    assert tried is not None
    wish = build_guard("gt-images", prefix="scans/", networks=["203.0.113.0/24"])
    policies = Policies(identity=[EVERYTHING], resource=merge_guards(None, wish, limit))
    refused = 0
    for use in uses:
        signed = {"X-Amz-Date": [f"{signed_at:%Y%m%dT%H%M%SZ}"]}
        mechanism = Mechanism(QUERY, SIGV4, "")
        found = context(
            Source.parse("203.0.113.7"), signed, mechanism, s3=True, now=use.replace(tzinfo=dt.UTC)
        )
        keys = {key: value for key, value in found.items() if value is not None}
        arn = "arn:aws:iam::111122223333:role/a"
        refused += not evaluate(
            Request("s3:GetObject", "arn:aws:s3:::gt-images/scans/a", arn, keys), policies
        ).allowed
    assert tried.refused <= refused <= tried.refused + tried.unknown


METHODS = [
    ("REST.GET.OBJECT", "GET", "GET"),
    ("REST.HEAD.OBJECT", "HEAD", "HEAD"),
    ("REST.GET.BUCKET", "LIST", "LIST"),
    ("REST.GET.BUCKETVERSIONS", "LIST", "LIST"),
    ("REST.PUT.OBJECT", "PUT", "PUT uploads"),
    ("REST.PUT.PART", "part", "parts of uploads"),
    ("REST.DELETE.OBJECT", "DELETE", "DELETE"),
    ("REST.POST.MULTI_OBJECT_DELETE", "DELETE", "DELETE"),
    ("REST.GET.OBJECT_TAGGING", "", "other requests"),
    ("REST.POST.UPLOADS", "", "other requests"),
]


@pytest.mark.parametrize(("operation", "method", "words"), METHODS)
def test_methods_are_told_apart(tmp_path: Path, operation: str, method: str, words: str) -> None:
    tried = dry_run(restriction(), hits_of(tmp_path, line(operation=operation), line(**FORM)))
    assert tried is not None
    assert {each.method for each in tried.usages} == {method, "form"}
    assert any(f", {words}, by " in each.words for each in tried.usages)


def many(number: int) -> list[str]:
    """Return lines of a number of signers, the last ones with uploads; all from outside."""
    rest = [{"operation": "REST.PUT.OBJECT"}, {"operation": "REST.PUT.OBJECT"}, FORM]
    rows = [{}] * (number - len(rest)) + rest
    return [
        line("198.51.100.9", requester=f"arn:aws:iam::111122223333:user/u{at:03}", **row)
        for at, row in enumerate(rows)
    ]


@pytest.mark.parametrize("number", [10, 18])
def test_each_usage_is_in_the_full_text_and_on_the_page(tmp_path: Path, number: int) -> None:
    one = made(tmp_path, restriction(), *many(number))
    text, full, page = one.to_text(), one.to_text(full=True), one.to_html()
    assert one.dry_run is not None
    assert one.dry_run.sentence in text
    assert text.count("by user u") == 0
    assert full.count("by user u") == number
    assert all(page.count(f"user u{at:03}") for at in range(number))
    assert len(one.to_dict()["dry_run"]["usages"]) == number


@pytest.mark.check
def test_a_signer_limit_is_tried_on_the_signers_that_the_log_names(tmp_path: Path) -> None:
    own, other = "111122223333", "999988887777"
    user = f"arn:aws:iam::{own}:user/web/uploader"
    session = "arn:aws:sts::{}:assumed-role/{}/i-1"
    requesters = (
        user, session.format(own, "Signer"), f"arn:aws:iam::{own}:root",  # these three stay open
        f"arn:aws:iam::{own}:user/uploader", session.format(own, "Other"), session.format(other, "Signer"),
        f"arn:aws:sts::{own}:federated-user/anna",
        f"arn:aws:iam::{other}:root", "79a59df900b949e55d96a1e698fb",  # the log does not name these
    )  # fmt: skip
    lines = [line(requester=each) for each in requesters]
    upload = line(requester=requesters[3], operation="REST.PUT.OBJECT", method="PUT")
    outside = line("198.51.100.9", requester=requesters[3])
    limited = restriction(signers=[user, f"arn:aws:iam::{own}:role/team/Signer"])
    tried = dry_run(limited, hits_of(tmp_path, *lines, upload, outside))
    assert tried is not None
    counts = (tried.requests, tried.refused, tried.unknown)
    assert counts == (11, 5, 2)
    assert (tried.not_listed, tried.other_signer, tried.no_signer) == (1, 4, 2)
    assert "1 not on its list, 4 not signed by a listed signer" in tried.sentence
    assert "2 requests are unknown: 2 whose signer the log does not name." in tried.sentence
