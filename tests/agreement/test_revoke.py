"""A leaked URL is stopped over HTTP, and nothing else: planned, journalled, undone,
and removed once it has ended.
"""

from __future__ import annotations

import datetime as dt
import json
import shlex
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.config import Config

from gt_secure.base.errors import InvalidInput, NotFound, PolicyError
from gt_secure.changes import revoke as module
from gt_secure.changes.plan import Plan
from gt_secure.cli.main import main
from gt_secure.logs.hits import Hits
from gt_secure.logs.leaks import Leak, User, url_uses
from gt_secure.restriction.model import Restriction
from support.box import ACCOUNT, allowing
from support.consents import AGREED
from support.guards import expired_revocations, find_revocations

from .conftest import ELSEWHERE, OFFICE, ROLE, Box
from .test_guard_forms import form, send_form

KEY, OTHER = "scans/0001.png", "scans/0002.png"


@pytest.fixture
def clean(box: Box) -> Iterator[Box]:
    yield box
    box.client("s3").delete_bucket_policy(Bucket="gt-images")


def next_second() -> dt.datetime:
    """Wait for the next second: times of issue are whole seconds."""
    start = int(time.time())
    while int(time.time()) == start:
        time.sleep(0.02)
    return dt.datetime.now(dt.UTC)


def test_a_leak_is_stopped_and_fresh_urls_work(clean: Box, tmp_path: Path) -> None:
    gt = clean.gt
    leaked, same_session = clean.presign(life_s=600), clean.presign(key=OTHER, life_s=600)
    plain = clean.presign_plain(KEY)
    assert clean.fetch(leaked, OFFICE).status == 200
    assert clean.fetch(leaked, ELSEWHERE).status == 200
    next_second()
    next_second()
    clean.flush()
    with gt.hits("gt-images", filters={"key": KEY}) as hits:
        # Other tests of this sandbox may have leaked a URL of this object earlier.
        leaks = [leak for leak in hits.leaks() if leak.key == KEY and leak.signed_at]
        found = sorted(leaks, key=lambda leak: leak.signed_at, reverse=True)
        plan = gt.revoke(found[0], logs=hits)
        assert url_uses(hits, found[0].fingerprint) == found[0]
    before = gt.state(bucket="gt-images").bucket.policy.value
    [change] = plan.changes
    assert "role" in change.after_text
    assert any("URL" in text for text in change.affects)
    assert not plan.blockers
    done = gt.apply(plan, confirm=AGREED)
    assert clean.fetch(leaked, OFFICE).status == 403
    assert clean.fetch(leaked, ELSEWHERE).status == 403
    assert clean.fetch(clean.presign(life_s=600), OFFICE).status == 200
    assert clean.fetch(same_session, OFFICE).status == 200
    assert clean.fetch(plain, OFFICE).status == 200
    assert gt.revoke(found[0]).empty
    gt.undo(done)
    assert gt.state(bucket="gt-images").bucket.policy.value == before
    assert clean.fetch(leaked, ELSEWHERE).status == 200


def test_a_leaked_url_of_long_term_keys_is_stopped_by_its_user(clean: Box, tmp_path: Path) -> None:
    gt = clean.gt
    leaked, other = clean.presign_plain(KEY), clean.presign(key=KEY, life_s=600)
    for source in (OFFICE, ELSEWHERE):
        assert clean.fetch(leaked, source).status == 200
        next_second()
    clean.flush()
    user = gt.aws.caller_arn
    with gt.hits("gt-images", filters={"key": KEY, "requester": user}) as hits:
        leak = next(leak for leak in hits.leaks() if leak.signer == user)
        plan = gt.revoke(leak, logs=hits)
    assert "aws:PrincipalArn" in str(plan.changes[0].after)
    done = gt.apply(plan, confirm=AGREED)
    assert clean.fetch(leaked, ELSEWHERE).status == 403
    assert clean.fetch(other, OFFICE).status == 200, "another signer's URL works"
    gt.undo(done)
    assert clean.fetch(leaked, ELSEWHERE).status == 200


def test_forms_and_urls_of_older_sessions_are_refused(clean: Box, tmp_path: Path) -> None:
    gt = clean.gt
    old, post = clean.presign(), form(clean)
    cut = next_second()
    gt.apply(gt.revoke(before=cut, bucket="gt-images"), confirm=AGREED)
    assert clean.fetch(old).status == 403
    assert clean.fetch(clean.presign()).status == 200
    # The administrator has long-term keys, which have no time of issue.
    assert send_form(clean, post, OFFICE).status in (200, 204)
    user = gt.aws.caller_arn
    gt.apply(gt.revoke(before=cut, bucket="gt-images", signer=user), confirm=AGREED)
    if ":user/" in user:
        assert send_form(clean, form(clean), OFFICE).status == 403
        assert clean.fetch(clean.presign_plain()).status == 403
    assert gt.aws.client("s3").get_object(Bucket="gt-images", Key=KEY)["ContentLength"] > 0


def test_probe_who_and_explain_name_the_revocation(clean: Box, tmp_path: Path) -> None:
    gt = clean.gt
    leaked = clean.presign(life_s=600)
    own = gt.sign("gt-images", KEY)
    users = gt.sign("gt-images", KEY, sign_with="own-keys")
    next_second()
    cut = next_second()
    gt.apply(gt.revoke(before=cut, bucket="s3://gt-images/scans/"), confirm=AGREED)
    gt.apply(
        gt.revoke(before=cut, bucket="s3://gt-images/scans/", signer=gt.aws.caller_arn),
        confirm=AGREED,
    )
    for url, is_named in ((leaked, False), (own, True), (users, True)):
        answer = gt.probe(url, OFFICE)
        said = gt.explain(answer, url=url)
        assert (answer.status, said.cause, said.lock) == (403, "revoked", "revocation"), said
        assert "A revocation refuses presigned requests for gt-images/scans/*" in said.why
        assert said.headline.startswith("A revocation refused it") == is_named
        assert said.agrees in (True, None)
    assert gt.explain(gt.probe(gt.sign("gt-images", KEY), OFFICE)).cause == "opened"
    assert len(gt.who_can_open("gt-images", KEY).revocations) >= 2
    assert gt.who_can_open("gt-images", "other/a.png").revocations == ()
    assert "A revocation refuses" in str(gt.who_can_open("gt-images", KEY))


def test_a_later_plan_removes_what_has_ended(
    clean: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gt = clean.gt
    restriction = Restriction(addresses=["203.0.113.0/24"], bucket="gt-images")
    gt.apply(gt.plan(restriction), confirm=AGREED)
    guarded = gt.state(bucket="gt-images").bucket.policy.value
    with monkeypatch.context() as patch:
        patch.setattr(module, "LONGEST", dt.timedelta(seconds=3))
        cut = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1)
        gt.apply(gt.revoke(before=cut, bucket="gt-images"), confirm=AGREED)
    assert gt.plan(restriction).empty or "ended" in gt.plan(restriction).to_text(full=True)
    clean.until(lambda: not gt.plan(restriction).empty)
    plan = gt.plan(restriction)
    assert "1 ended revocation is removed" in plan.to_text(full=True)
    gt.apply(plan, confirm=AGREED)
    assert gt.state(bucket="gt-images").bucket.policy.value == guarded
    assert gt.plan(restriction).empty


def used_twice(box: Box, url: str) -> None:
    assert [box.fetch(url, OFFICE).status, box.fetch(url, ELSEWHERE).status] == [200, 200]


@pytest.mark.parametrize("operation", ["list_objects_v2", "list_objects", "head_bucket"])
def test_a_leaked_url_without_an_object_is_stopped(
    clean: Box, tmp_path: Path, operation: str
) -> None:
    gt, method = clean.gt, "HEAD" if operation == "head_bucket" else "GET"
    params = {"Bucket": "gt-images"} | ({"Prefix": operation} if method == "GET" else {})
    s3 = clean.client("s3", clean.assume())
    url = s3.generate_presigned_url(operation, Params=params, ExpiresIn=600)
    opened = s3.generate_presigned_url(
        "get_object", Params={"Bucket": "gt-images", "Key": KEY}, ExpiresIn=600
    )
    for source in (OFFICE, ELSEWHERE):
        assert clean.fetch(url, source, method=method).status == 200
        next_second()
    clean.flush()
    with gt.hits("gt-images", filters={"presigned": True}) as hits:
        [leak] = [leak for leak in hits.leaks() if not leak.key and leak.users[0].first and leak.signed_at
                  and url_is(hits, leak, operation, method)]  # fmt: skip
        plan = gt.revoke(leak, logs=hits)
    [change] = plan.changes
    assert "for gt-images, gt-images/*, signed" in change.after_text
    assert any("every object in the bucket" in text for text in change.affects)
    assert "revoke-whole-bucket" in [notice.code for notice in plan.notices]
    done = gt.apply(plan, confirm=AGREED)
    assert clean.fetch(url, ELSEWHERE, method=method).status == 403
    assert clean.fetch(opened, ELSEWHERE).status == 403, (
        "the same credentials open no object either"
    )
    next_second()
    fresh = clean.client("s3", clean.assume()).generate_presigned_url(
        operation, Params=params, ExpiresIn=600
    )
    assert clean.fetch(fresh, OFFICE, method=method).status == 200
    assert clean.client("s3").list_objects_v2(Bucket="gt-images")["KeyCount"] > 0
    gt.undo(done)
    assert clean.fetch(url, ELSEWHERE, method=method).status == 200


def uri_of(hits: Hits, leak: Leak) -> str:
    [[uri]] = hits.filter(fingerprint=leak.fingerprint).query(
        "SELECT any_value(request_uri) FROM {hits}"
    )
    return str(uri)


def url_is(hits: Hits, leak: Leak, operation: str, method: str) -> bool:
    uri = uri_of(hits, leak)
    return uri.startswith(method) and (method == "HEAD" or f"prefix={operation}&" in uri)


def a_leak(
    key: str = "", signer: str = "", signed_at: dt.datetime | None = None, bucket: str = "gt-images"
) -> Leak:
    now = dt.datetime.now(dt.UTC).replace(tzinfo=None, microsecond=0)
    users = tuple(User(ip, None, ip, "", now, 1) for ip in (OFFICE, ELSEWHERE))
    return Leak("0" * 64, key, signed_at, None, "leak", users, bucket=bucket, signer=signer)


def test_a_leaked_form_without_an_object_is_stopped(clean: Box, tmp_path: Path) -> None:
    """The log names no object for a form, and not when it was signed: it shows no leak.
    A person may know one.
    """
    gt = clean.gt
    s3 = clean.client("s3", clean.assume())
    post = s3.generate_presigned_post("gt-images", "scans/uploaded.png", ExpiresIn=600)
    for source in (OFFICE, ELSEWHERE):
        assert send_form(clean, post, source).status in (200, 204)
        next_second()
    clean.flush()
    with gt.hits("gt-images", filters={"auth_type": "HtmlForm"}) as hits:
        assert {row["key"] for row in hits.rows(columns=["key"])} <= {None, ""}
        assert not len(hits.leaks())
    plan = gt.revoke(
        a_leak(signer=f"arn:aws:sts::{ACCOUNT}:assumed-role/GroundTruthExecution/tester")
    )
    assert "for gt-images, gt-images/*, signed" in plan.changes[0].after_text
    gt.apply(plan, confirm=AGREED)
    assert send_form(clean, post, ELSEWHERE).status == 403
    next_second()
    next_second()
    assert clean.fetch(clean.presign()).status == 200


USER = f"arn:aws:iam::{ACCOUNT}:user/app"


def notices(plan: Plan) -> list[str]:
    return [notice.code for notice in plan.notices]


def ends(text: str | None) -> list[bool]:
    return sorted(each.until is not None for each in find_revocations(text))


def test_now_is_a_time(clean: Box) -> None:
    with pytest.raises(InvalidInput, match="write now"):
        clean.gt.revoke(before="2099-01-01", bucket="gt-images")
    [change] = clean.gt.revoke(before="now", bucket="gt-images").changes
    assert f"issued before {dt.datetime.now(dt.UTC):%Y-%m-%d}" in change.after_text


def test_what_long_term_keys_signed_is_refused_without_an_end(clean: Box, tmp_path: Path) -> None:
    gt = clean.gt
    session = clean.session_of(clean.keys(*allowing("s3:*"), name="app"))
    old = session.client("s3", endpoint_url=clean.url, config=Config(signature_version="s3"))
    leaked = old.generate_presigned_url(
        "get_object", Params={"Bucket": "gt-images", "Key": KEY}, ExpiresIn=365 * 86400
    )
    assert clean.fetch(leaked, ELSEWHERE).status == 200
    for before in ("1m", "10d", "400d"):
        plan = gt.revoke(before=before, bucket="gt-images", signer=USER)
        [change] = plan.changes
        long_term = f"signed by {USER} with long-term keys (new URLs too), without an end"
        assert change.after_text.endswith(long_term)
        assert "revoke-no-end" in notices(plan)
        assert "revoke-every-signer" not in notices(plan)
        # What the user's temporary credentials signed before has an end, and an end in the past is
        # not written.
        assert ends(change.after) == ([False, True] if before == "1m" else [False])
    done = gt.apply(gt.revoke(before="10d", bucket="gt-images", signer=USER), confirm=AGREED)
    assert clean.fetch(leaked, ELSEWHERE).status == 403
    new = old.generate_presigned_url(
        "get_object", Params={"Bucket": "gt-images", "Key": KEY}, ExpiresIn=60
    )
    assert clean.fetch(new, OFFICE).status == 403
    assert clean.fetch(clean.presign()).status == 200
    policy = gt.state(bucket="gt-images").bucket.policy.value
    assert expired_revocations(policy, dt.datetime(2100, 1, 1, tzinfo=dt.UTC)) == ()
    gt.undo(done)
    assert clean.fetch(leaked, ELSEWHERE).status == 200


def test_temporary_credentials_of_a_user_are_stopped_too(clean: Box, tmp_path: Path) -> None:
    """A log names the user for both, and does not say which keys signed."""
    gt = clean.gt
    keys = clean.keys(*allowing("s3:*", "sts:GetSessionToken"), name="mfa")
    sts = clean.session_of(keys).client("sts", endpoint_url=clean.url)
    leaked = clean.client("s3", sts.get_session_token()["Credentials"]).generate_presigned_url(
        "get_object", Params={"Bucket": "gt-images", "Key": KEY}, ExpiresIn=600
    )
    assert clean.fetch(leaked, ELSEWHERE).status == 200
    cut = next_second()
    signer = USER.replace("app", "mfa")
    gt.apply(gt.revoke(before=cut, bucket="gt-images", signer=signer), confirm=AGREED)
    assert clean.fetch(leaked, ELSEWHERE).status == 403
    fresh = clean.client("s3", sts.get_session_token()["Credentials"]).generate_presigned_url(
        "get_object", Params={"Bucket": "gt-images", "Key": KEY}, ExpiresIn=600
    )
    assert clean.fetch(fresh, OFFICE).status == 200


@pytest.mark.parametrize(
    ("signer", "signed", "kept", "warned"),
    [
        (None, "credentials issued before", [True], {"revoke-long-term"}),
        (ROLE, f"signed by {ROLE} with credentials issued before", [True], set()),
        (
            f"arn:aws:iam::{ACCOUNT}:role/service-role/a/Gt",
            f"signed by arn:aws:iam::{ACCOUNT}:role/service-role/a/Gt with",
            [True],
            set(),
        ),
        (
            f"arn:aws:sts::{ACCOUNT}:assumed-role/GroundTruthExecution/x",
            f" or arn:aws:iam::{ACCOUNT}:role/*/GroundTruthExecution with credentials",
            [True],
            set(),
        ),
        (USER, f"signed by {USER} with long-term keys", [False, True], {"revoke-no-end"}),
        (
            f"arn:aws:iam::{ACCOUNT}:root",
            f"signed by arn:aws:iam::{ACCOUNT}:root with long-term keys",
            [False, True],
            {"revoke-no-end"},
        ),
    ],
)
def test_each_kind_of_signer_has_its_end_and_words(
    clean: Box, signer: str | None, signed: str, kept: list[bool], warned: set[str]
) -> None:
    plan = clean.gt.revoke(before="1m", bucket="gt-images", signer=signer)
    [change] = plan.changes
    assert signed in change.after_text
    assert ends(change.after) == kept
    assert {code for code in notices(plan) if code != "revoke-credentials"} & CODES == warned


CODES = {"revoke-long-term", "revoke-no-end", "revoke-every-signer", "revoke-whole-bucket"}


@pytest.mark.parametrize("signer", ["", "79a59df9" * 8])
@pytest.mark.parametrize("signed_at", [False, True])
def test_a_leak_without_a_signer_refuses_everybody_on_its_object(
    clean: Box, signer: str, signed_at: bool
) -> None:
    moment = dt.datetime.now(dt.UTC).replace(tzinfo=None, microsecond=0) if signed_at else None
    plan = clean.gt.revoke(a_leak(KEY, signer, moment))
    [change] = plan.changes
    start = f"requests for gt-images/{KEY}, signed with long-term keys (new URLs too), "
    assert start + ("until" if signed_at else "without an end") in change.after_text
    # Temporary credentials end in any case; long-term keys only where the log shows the end of this
    # URL.
    assert ends(change.after) == ([True, True] if signed_at else [False, True])
    assert set(notices(plan)) & CODES == (
        {"revoke-every-signer"} if signed_at else {"revoke-every-signer", "revoke-no-end"}
    )


@pytest.mark.parametrize("signer", ["uesr app", "user/app", "*", " ", "", f"arn:aws:iam::{ACCOUNT}:user/*", f"{ROLE}*",
                                    "arn:aws-cn:iam::111122223333:user/app"])  # fmt: skip
def test_a_signer_that_a_policy_cannot_name_is_an_error(clean: Box, signer: str) -> None:
    with pytest.raises(InvalidInput, match=r"arn:aws:iam::111122223333:role/NAME") as caught:
        clean.gt.revoke(before="1m", bucket="gt-images", signer=signer)
    assert caught.value.field == "signer"


def test_who_loses_access_is_counted_for_this_object_and_signer(clean: Box) -> None:
    gt, s3 = clean.gt, clean.client("s3")
    app = clean.client("s3", clean.keys(*allowing("s3:*"), name="counted"))
    role = clean.client("s3", clean.assume())
    for key in ("star/a*b?.png", "star/aXbY.png"):
        s3.put_object(Bucket="gt-images", Key=key, Body=b"x")
        for client in (app, role):
            params = {"Bucket": "gt-images", "Key": key}
            used_twice(
                clean, client.generate_presigned_url("get_object", Params=params, ExpiresIn=600)
            )
    clean.flush()
    with gt.hits("gt-images", filters={"key_prefix": "star/"}) as hits:
        leaks = {(leak.key, "user/" in leak.signer): leak for leak in hits.leaks()}
        assert len(leaks) == 4
        for by_user in (False, True):
            [change] = gt.revoke(leaks["star/a*b?.png", by_user], logs=hits).changes
            counted = [text for text in change.affects if "in the log" in text]
            assert len(counted) == 1
            assert counted[0].startswith(
                "user counted: 1 URL " if by_user else "role GroundTruthExecution: 1 URL "
            )
        [change] = gt.revoke(before=dt.datetime.now(dt.UTC), bucket="gt-images", logs=hits).changes
        # Long-term keys have no time of issue: their URLs keep working, so they are not counted.
        assert [
            text.split(" in the log")[0] for text in change.affects if "in the log" in text
        ] == ["role GroundTruthExecution: 2 URLs"]
        # URLs of long-term keys are refused whenever they were signed.
        signer = USER.replace("app", "counted")
        [change] = gt.revoke(
            before="1h", bucket="s3://gt-images/star/", signer=signer, logs=hits
        ).changes
        assert [
            text.split(" in the log")[0] for text in change.affects if "in the log" in text
        ] == ["user counted: 2 URLs"]


def test_what_is_no_leak_and_no_hits_is_an_error(clean: Box) -> None:
    gt = clean.gt
    for leak in ("not a leak", {"fingerprint": "x"}, 5, ["x"]):
        with pytest.raises(InvalidInput, match="not a leak") as caught:
            gt.revoke(leak)
        assert caught.value.field == "leak"
    closed = gt.hits("gt-images")
    closed.close()
    for arguments in ({"leak": a_leak(KEY)}, {"before": "1m", "bucket": "gt-images"}):
        with pytest.raises(InvalidInput, match="closed") as caught:
            gt.revoke(**arguments, logs=closed)
        assert caught.value.field == "logs"
        with pytest.raises(NotFound):
            gt.revoke(**arguments, logs="x.log")


def test_a_leak_names_its_own_object_and_signer(clean: Box) -> None:
    gt, leak = clean.gt, a_leak(KEY, ROLE)
    for extra, field in (
        ({"signer": USER}, "signer"),
        ({"bucket": "gt-other"}, "bucket"),
    ):
        with pytest.raises(InvalidInput, match=r"[Ll]eave") as caught:
            gt.revoke(leak, **extra)
        assert caught.value.field == field
    assert gt.revoke(leak, bucket="gt-images").changes


def command(*words: str, prefix: str = "") -> int:
    return main(["revoke", f"s3://gt-images/{prefix}", *words])


def test_the_command_refuses_what_it_would_ignore(
    clean: Box, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clean.use_environment(monkeypatch)
    url = ["--fingerprint", "0" * 64, "--yes"]
    for extra in (["--signer", USER], ["--signer", ""]):
        assert command(*url, *extra) not in (0, 2)
        assert "Leave out --signer" in capsys.readouterr().err
    assert command(*url, prefix="zzz/") not in (0, 2)
    assert "Write s3://gt-images." in capsys.readouterr().err
    for signer in ("uesr app", "user/app", "*", "", f"{ROLE}*"):
        assert command("--before", "1m", "--signer", signer, "--yes") not in (0, 2)
        assert "arn:aws:iam::111122223333:user/NAME" in capsys.readouterr().err
    assert clean.gt.state(bucket="gt-images").bucket.policy.value is None


def test_the_command_stops_a_listing_that_leaks_reports(
    clean: Box, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    clean.use_environment(monkeypatch, GT_SECURE_JOURNAL=str(tmp_path))
    s3 = clean.client("s3", clean.assume())
    url = s3.generate_presigned_url(
        "list_objects_v2", Params={"Bucket": "gt-images", "Prefix": "cli/"}, ExpiresIn=600
    )
    for source in (OFFICE, ELSEWHERE):
        assert clean.fetch(url, source).status == 200
        next_second()
    clean.flush()
    with clean.gt.hits("gt-images", filters={"presigned": True}) as hits:
        [leak] = [leak for leak in hits.leaks() if not leak.key and "cli%2F" in uri_of(hits, leak)]
    assert main(["leaks", "--bucket", "gt-images", "--no-cache"]) == 0
    stop = f"gt-secure revoke s3://gt-images --fingerprint {leak.fingerprint}"
    [printed] = [line for line in capsys.readouterr().out.splitlines() if line.endswith(stop)]
    words = shlex.split(printed.partition("stop it: gt-secure ")[2])
    assert main([*words, "--yes", "--confirm", "revoke-whole-bucket"]) == 0
    assert clean.fetch(url, ELSEWHERE).status == 403


def test_a_policy_without_room_says_what_to_do_about_revocations(clean: Box) -> None:
    other = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:DeleteBucket",
        "Resource": "arn:aws:s3:::gt-images",
    }
    full = {
        "Version": "2012-10-17",
        "Statement": [other | {"Sid": f"S{n}{'x' * 700}"} for n in range(10, 34)],
    }
    clean.client("s3").put_bucket_policy(
        Bucket="gt-images", Policy=json.dumps(full, separators=(",", ":"))
    )
    for arguments in (
        {"before": "1m", "bucket": f"s3://gt-images/{'p' * 900}"},
        {"leak": a_leak("k" * 900, ROLE)},
    ):
        with pytest.raises(
            PolicyError, match="With this revocation the bucket policy has"
        ) as caught:
            clean.gt.revoke(**arguments)
        assert "Undo revocations that are no longer needed" in caught.value.next_step
        assert "guard" not in str(caught.value).lower()
        assert "ranges" not in str(caught.value)


def test_a_policy_of_the_old_version_says_what_to_do_about_the_key(clean: Box) -> None:
    other = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:DeleteBucket",
        "Resource": "arn:aws:s3:::gt-images",
    }
    old = {"Version": "2008-10-17", "Statement": [other]}
    clean.client("s3").put_bucket_policy(Bucket="gt-images", Policy=json.dumps(old))
    assert clean.gt.revoke(a_leak(KEY, ROLE)).changes
    with pytest.raises(PolicyError, match=r"The key of the URL holds \*") as caught:
        clean.gt.revoke(a_leak("scans/a*b.png", ROLE))
    assert "uard" not in str(caught.value)


def test_what_cannot_be_revoked_is_an_error(clean: Box) -> None:
    gt = clean.gt
    future = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    for arguments in ({}, {"before": "1h"}, {"before": future, "bucket": "gt-images"}, {"before": "x", "bucket": "b-1"},
                      {"before": "30d", "bucket": "gt-images"}):  # fmt: skip
        with pytest.raises(InvalidInput):
            gt.revoke(**arguments)
