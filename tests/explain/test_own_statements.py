"""Whoever explains a refusal knows each of our statements: the Sids come from one list,
and none is forgotten.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gt_secure.base.network import Source
from gt_secure.base.viewers import viewer_session
from gt_secure.engine.access.answer import _CAUSES
from gt_secure.engine.access.exposure import Exposure
from gt_secure.engine.access.exposure_text import exposure_html, exposure_text
from gt_secure.engine.access.locks import EffectiveLocks
from gt_secure.engine.iam.request import Request
from gt_secure.engine.iam.request_context import presigned_context
from gt_secure.engine.policies import age_limit, bucket_guard, revocation, signer_limit
from gt_secure.engine.policies.bucket_guard import OWN, OWN_LOCKS, build_guard, own_kind
from gt_secure.engine.policies.revocation import build_revocations
from gt_secure.explain import causes
from gt_secure.explain.explanation import explain
from gt_secure.presign.inspect import PresignedUrl, inspect
from gt_secure.presign.probe import Probe
from gt_secure.widgets.lock_cards import LocksView, locks_markup
from support.guards import find_guard, find_revocations, merge_guards, revocations_of
from support.subjects import subjects

pytestmark = pytest.mark.usefixtures("known_texts")

BUCKET, KEY, ACCOUNT = "gt-images", "scans/a.png", "111122223333"
ROLE, USER = f"arn:aws:iam::{ACCOUNT}:role/app", f"arn:aws:iam::{ACCOUNT}:user/app"
BEFORE, UNTIL = dt.datetime(2026, 11, 29, 9, tzinfo=dt.UTC), dt.datetime(2099, 1, 1, tzinfo=dt.UTC)
MESSAGE = (
    "User: x is not authorized to perform: s3:GetObject with an explicit deny in a resource-based"
    " policy"
)
ALLOW = {
    "Effect": "Allow",
    "Principal": "*",
    "Action": "s3:*",
    "Resource": f"arn:aws:s3:::{BUCKET}/*",
}


def written() -> dict[str, dict[str, Any]]:
    """Return every statement that this package can write, by its Sid."""
    guard = build_guard(BUCKET, networks=["203.0.113.0/24"])
    policy = json.loads(merge_guards(None, guard, 900))["Statement"]
    found = [*policy, signer_limit.build_signer_limit(BUCKET, [ROLE], ACCOUNT)]
    resource = f"arn:aws:s3:::{BUCKET}/scans/*"
    for signer in (None, ROLE, USER, "arn:aws:sts::1:odd"):
        found += build_revocations(
            resource, before=BEFORE, until=UNTIL, signer=signer, long_term_until=None
        )
    return {str(each["Sid"]): dict(each) for each in found}


WRITTEN = written()


def test_the_list_has_every_sid_that_is_written() -> None:
    assert {own_kind(sid) for sid in WRITTEN} == set(OWN_LOCKS)
    modules = (age_limit, bucket_guard, revocation, signer_limit)
    constants = {
        value
        for module in modules
        for name, value in vars(module).items()
        if name.isupper() and isinstance(value, str) and re.fullmatch(rf"{OWN}\w+", value)
    }
    assert constants == set(OWN_LOCKS)


def test_each_explainer_has_each_of_them() -> None:
    assert set(causes.OWN_CAUSES) == set(OWN_LOCKS)
    assert set(_CAUSES) >= set(OWN_LOCKS.values())


def locks(*statements: dict[str, Any]) -> EffectiveLocks:
    policy = json.dumps({"Version": "2012-10-17", "Statement": [ALLOW, *statements]})
    return EffectiveLocks(policy=policy, bucket=BUCKET, account=ACCOUNT, region="us-east-1")


def probed(source: str | None = "198.51.100.9") -> Probe:
    place = {
        "source": None if source is None else Source.parse(source),
        "bucket": BUCKET,
        "key": KEY,
    }
    return Probe(
        403,
        "kernel",
        elapsed_ms=1.0,
        error_code="AccessDenied",
        error_message=MESSAGE,
        request_id="A",
        **place,
    )


def url(age_s: int = 5, signature: str = "4") -> PresignedUrl:
    at = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=age_s)
    query = f"X-Amz-Credential=AKIA/20261129/us-east-1/s3/aws4_request&X-Amz-Date={at:%Y%m%dT%H%M%SZ}&X-Amz-Expires=9999"
    if signature == "2":
        return inspect(
            f"https://{BUCKET}.s3.us-east-1.amazonaws.com/{KEY}?AWSAccessKeyId=A&Expires=1999999999&Signature=a"
        )
    return inspect(f"https://{BUCKET}.s3.us-east-1.amazonaws.com/{KEY}?{query}&X-Amz-Signature=a")


def requests(sid: str) -> Iterator[Request]:
    """Yield presigned requests of a user and of a role, with long-term and with temporary keys."""
    version = {"s3:signatureversion": "AWS"} if sid == age_limit.SIGV2_SID else {}
    for signer, issued in itertools.product((USER, ROLE), ((), "2026-11-01T00:00:00Z")):
        context = presigned_context(
            Source.parse("198.51.100.9"), age_ms=1_000_000, principal_arn=signer
        )
        keys = {**context, **version, "aws:TokenIssueTime": issued}
        caller = signer if signer == USER else f"arn:aws:sts::{ACCOUNT}:assumed-role/app/s"
        yield Request("s3:GetObject", f"arn:aws:s3:::{BUCKET}/{KEY}", caller, keys)


@pytest.mark.parametrize("sid", WRITTEN)
def test_a_refusal_by_each_statement_is_named(sid: str) -> None:
    """The statement alone beside an Allow: a prediction that names it gives the lock of the list,
    on each surface.
    """
    one = locks(WRITTEN[sid])
    denied = [each for each in map(one.verdict, requests(sid)) if each.decision == "explicit-deny"]
    assert denied, "no request meets the statement"
    verdict = denied[0]
    policy = str(one.policy)
    said = explain(
        probed(),
        verdict=verdict,
        guard=find_guard(policy),
        revocations=revocations_of(policy, BUCKET, KEY),
    )
    assert said.lock == OWN_LOCKS[own_kind(sid)]
    assert said.agrees is True
    assert sid in f"{said.why} {said.next_step}"
    assert bucket_guard.own_lock(f'statement "{sid}"') == OWN_LOCKS[own_kind(sid)]


REVOKED = [sid for sid in WRITTEN if own_kind(sid) == bucket_guard.REVOKE]


@pytest.mark.parametrize("sid", REVOKED)
@pytest.mark.parametrize("guard", [None, "listed", "outside", "unknown"])
def test_a_url_of_unknown_signer_names_the_revocation(sid: str, guard: str | None) -> None:
    statement = build_guard(BUCKET, networks=["203.0.113.0/24"])
    policy = json.dumps({"Statement": [WRITTEN[sid], *([statement] if guard else [])]})
    source = {"listed": "203.0.113.7", "unknown": None}.get(guard or "", "198.51.100.9")
    said = explain(
        probed(source),
        signed=url(),
        guard=find_guard(policy),
        revocations=revocations_of(policy, BUCKET, KEY),
    )
    assert "revocation" in said.to_text()
    assert said.lock == ("bucket guard" if guard == "outside" else "revocation")
    elsewhere = explain(probed(source), signed=url(), guard=find_guard(policy), revocations=())
    assert "revocation" not in elsewhere.to_text()


@pytest.mark.parametrize("guard", [None, "outside"])
def test_every_revocation_that_may_have_refused_is_named(guard: str | None) -> None:
    """S3 names no statement: the first of two revocations does not stand for the other."""
    statement = build_guard(BUCKET, networks=["203.0.113.0/24"])
    two = [WRITTEN[sid] for sid in REVOKED[:2]]
    policy = json.dumps({"Statement": [*two, *([statement] if guard else [])]})
    found = revocations_of(policy, BUCKET, KEY)
    said = explain(probed(), signed=url(), guard=find_guard(policy), revocations=found)
    assert len(found) == 2
    assert all(each.sentence in said.why for each in found), said.why
    assert guard or all(each.sid in said.why for each in found)


@pytest.mark.parametrize(
    ("key", "is_prefix", "covered"),
    [
        ("scans/a.png", False, True),
        ("scans/", True, True),
        ("", True, True),
        ("scans/sub/", True, True),
        ("other/a.png", False, False),
        ("other/", True, False),
        ("scan", False, False),
    ],
)
def test_who_and_panel_name_a_revocation_of_the_place(
    key: str, is_prefix: bool, covered: bool
) -> None:
    one = locks(WRITTEN[REVOKED[1]])
    exposure = Exposure(one, key, is_prefix=is_prefix)
    assert bool(exposure.revocations) == covered
    for text in (exposure_text(exposure), exposure_html(exposure), json.dumps(exposure.to_dict())):
        assert (
            "A revocation refuses presigned requests for gt-images/scans/*"
            in text.replace("\n            ", " ")
        ) == (covered)
    view = LocksView(bucket=BUCKET, guard_known=True, revocations=exposure.revocations)
    assert ("A revocation refuses" in locks_markup(view)) == covered


def test_a_revocation_is_described_by_its_statement() -> None:
    sentences = {
        sid: each.sentence
        for sid in REVOKED
        for each in find_revocations(json.dumps({"Statement": [WRITTEN[sid]]}))
    }
    texts = list(sentences.values())
    assert (
        texts[0]
        == "A revocation refuses presigned requests for gt-images/scans/*, signed with credentials"
        " issued before 2026-11-29T09:00:00Z, until 2099-01-01 00:00 UTC."
    )
    assert any(
        f"signed by {ROLE} with credentials issued before 2026-11-29T09:00:00Z, until" in text
        for text in texts
    )
    assert any(
        f"signed by {USER} with long-term keys (new URLs too), without an end." in text
        for text in texts
    )


def test_a_revocation_of_a_viewer_says_of_whom() -> None:
    session = viewer_session("anna")
    made = build_revocations(
        "arn:aws:s3:::gt-images/*", before=BEFORE, until=UNTIL, session=session
    )
    [found] = find_revocations(json.dumps({"Statement": made}))
    assert f", signed for {session} by gt_secure with credentials issued" in found.sentence
    assert found.described("anna") == found.sentence.replace(session, "anna")


EDITS: dict[str, Callable[[dict[str, Any]], object]] = {
    "a condition more": lambda each: each["Condition"].update(
        IpAddress={"aws:SourceIp": "203.0.113.0/24"}
    ),
    "a condition less": lambda each: (
        each["Condition"].pop("DateLessThan", None) or each["Condition"].pop("Null")
    ),
    "another operator": lambda each: each["Condition"].update(
        DateGreaterThan=each["Condition"].pop("DateLessThan", 1)
    ),
    "other types": lambda each: each["Condition"].update(StringEquals={"s3:authType": ["POST"]}),
    "another place": lambda each: each.update(
        Resource=["arn:aws:s3:::gt-images/scans/*", "arn:aws:s3:::gt-images/x"]
    ),
    "an Allow": lambda each: each.update(Effect="Allow"),
    "somebody": lambda each: each.update(Principal={"AWS": "arn:aws:iam::444455556666:root"}),
    "another action": lambda each: each.update(Action="s3:PutObject"),
    "all but": lambda each: each.update(NotAction=each.pop("Action")),
    "another Sid": lambda each: each.update(
        Sid=f"{each['Sid'][:-1]}{'0' if each['Sid'][-1] != '0' else '1'}"
    ),
}


@pytest.mark.parametrize(
    "sid", subjects((sid for sid in WRITTEN if sid.startswith(revocation.REVOKE)), 4)
)
@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_revocation_is_not_claimed(edit: str, sid: str) -> None:
    statement = json.loads(json.dumps(WRITTEN[sid]))
    [written] = find_revocations(json.dumps({"Statement": [statement]}))
    assert "refuses" in written.sentence
    EDITS[edit](statement)
    [found] = find_revocations(json.dumps({"Statement": [statement]}))
    assert "was edited" in found.sentence
    assert f"see {found.sid} in the bucket policy" in found.sentence


@pytest.mark.parametrize(
    "odd", [{}, {"Condition": []}, {"Condition": {"DateLessThan": "x"}}, {"Resource": 5}]
)
def test_an_odd_revocation_breaks_nothing(odd: dict[str, Any]) -> None:
    statement = {"Sid": "GtSecureRevokeMine", "Effect": "Deny", **odd}
    [found] = find_revocations(json.dumps({"Statement": [statement]}))
    assert found.sentence.startswith("The revocation for ")
    assert not found.covers(BUCKET, KEY)


def test_the_fault_is_seen_where_a_statement_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(OWN_LOCKS, bucket_guard.REVOKE)
    with pytest.raises(AssertionError):
        test_the_list_has_every_sid_that_is_written()
    with pytest.raises(AssertionError):
        test_each_explainer_has_each_of_them()
