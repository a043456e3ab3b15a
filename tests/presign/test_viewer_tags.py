"""The tag of a viewer over real HTTP: signed into the URL, kept by the log,
and gone with the signature.
"""

import urllib.error
import urllib.request
from dataclasses import replace
from importlib import import_module
from urllib.parse import parse_qsl, quote, urlsplit

import pytest

from gt_secure.base.errors import InvalidInput
from gt_secure.base.viewers import viewer_session, viewer_tag
from gt_secure.connection import connect
from gt_secure.engine.policies.bucket_guard import build_guard
from gt_secure.logs import Viewers
from gt_secure.presign import inspect, probe
from gt_secure.restriction import Restriction
from support.guards import merge_guards

KEY = b"0123456789abcdef"
OBJECT = "s3://gt-images/scans/0001.png"


@pytest.fixture(scope="module")
def gt(sandbox):
    import boto3

    env = sandbox.environment()
    session = boto3.session.Session(
        env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], region_name="us-east-1"
    )
    return connect(boto3_session=session, endpoint_url=sandbox.endpoint_url)


def fetch(url, method="GET", body=None):
    request = urllib.request.Request(url, body, method=method)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def tags_of(url):
    return [value for name, value in parse_qsl(urlsplit(url).query) if name == "x-viewer"]


@pytest.mark.parametrize(
    "viewer", ["anna", "anna+b@example.com", "Müller, A&B=50%", "日本 語", "a" * 128]
)
@pytest.mark.parametrize("sign_with", ["session", "own-keys"])
def test_the_tag_is_signed_and_cannot_go(gt, viewer, sign_with):
    made = gt.sign(OBJECT, viewer=viewer, sign_with=sign_with)
    url = made.reveal()
    assert tags_of(url) == [viewer] == [made.viewer]
    assert inspect(url).signature_version == "SigV4"
    assert fetch(url) == 200
    written = f"x-viewer={quote(viewer, safe='-_.~')}"
    assert written in url
    for other in (
        "",
        "x-viewer=bob",
        f"{written}&x-viewer=bob",
        f"x-viewer=bob&{written}",
        f"{written}&x-other=1",
    ):
        assert fetch(url.replace(written, other)) == 403, other
    assert (
        probe(url.replace(written, written.replace("x-viewer", "X-Viewer"))).error_code
        == "SignatureDoesNotMatch"
    )


def test_another_spelling_is_the_same_signed_url(gt):
    url = gt.sign(OBJECT, viewer="anna").reveal()
    # inferred for S3, as for every parameter
    assert fetch(url.replace("x-viewer=anna", "x%2Dviewer=%61nna")) == 200


def test_methods(gt):
    head = gt.sign(OBJECT, viewer="anna", method="HEAD")
    assert (head.method, fetch(head.reveal(), "HEAD"), fetch(head.reveal())) == ("HEAD", 200, 403)
    put = gt.sign("gt-images", "in/new.txt", viewer="anna", method="PUT")
    assert fetch(put.reveal(), "PUT", b"x") == 200
    assert tags_of(put.reveal()) == ["anna"]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"method": "POST", "viewer": "anna"}, "POST form has no signed query"),
        ({"method": "DELETE"}, "DELETE"),
        ({"viewer": ""}, "printable"),
        ({"viewer": "a" * 129}, "128"),
        ({"viewer": "anna\n"}, "printable"),
        ({"viewer": "an\u202ena"}, "printable"),
        ({"viewer": "anna (claimed)"}, "claimed"),
    ],
)
def test_refused_arguments(gt, arguments, word):
    with pytest.raises(InvalidInput, match=word) as caught:
        gt.sign(OBJECT, **arguments)
    assert caught.value.next_step


def test_a_keyed_hash_holds_no_name(gt):
    with pytest.raises(InvalidInput, match="16 bytes"):
        replace(gt, viewers=Viewers(key="short")).sign(OBJECT, viewer="anna")
    made = replace(gt, viewers=Viewers(key=KEY)).sign(OBJECT, viewer="anna")
    assert "012345" not in repr(Viewers(key=KEY))
    assert "anna" not in made.reveal()
    assert made.viewer == viewer_tag("anna", KEY) == viewer_tag("anna", KEY.decode())
    assert len(made.viewer) == 32
    assert viewer_tag("anna", KEY) != viewer_tag("anna", KEY + b"0") != viewer_tag("bob", KEY)
    assert fetch(made.reveal()) == 200


def test_a_session_of_the_viewer_signs(gt):
    made = gt.sign(OBJECT, viewer="anna")
    assert made.signer.endswith("/" + viewer_session("anna")) or made.signer.endswith(
        ":" + viewer_session("anna")
    )
    assert len(viewer_session("Müller")) == 32  # the most that GetFederationToken takes


def test_the_age_limit_of_the_bucket_ends_it_earlier(gt):
    wanted = Restriction(
        bucket="gt-images", prefix="scans/", addresses="203.0.113.0/24", age_limit="2m"
    )
    done = gt.apply(gt.plan(wanted), confirm=[each.code for each in gt.plan(wanted).asks])
    try:
        assert 110 < gt.sign(OBJECT, viewer="anna").seconds_left <= 120
        assert gt.sign("gt-images", "pages/x.txt", viewer="anna", method="PUT").seconds_left > 500
        assert gt.sign(OBJECT).seconds_left > 500  # a test URL tests the limit
        assert gt.sign(OBJECT, viewer="anna", expires_in=60).seconds_left <= 60
    finally:
        gt.undo(done)


@pytest.mark.parametrize(
    ("key", "method", "seconds"),
    [("scans/0001.png", "GET", 120), ("other/1.png", "GET", 300), ("scans/new.png", "PUT", 600)],
    ids=["the shorter of two limits", "the other one", "an upload that the guards spare"],
)
def test_the_limit_that_ends_a_url_is_the_one_that_refuses_it(
    gt, monkeypatch, key, method, seconds
):
    policy = None
    for prefix, limit_s in (("", 300), ("scans/", 120)):
        guard = build_guard("gt-images", prefix=prefix, networks=["203.0.113.0/24"], reads=True)
        policy = merge_guards(policy, guard, limit_s)
    module = import_module("gt_secure.presign.sign")
    monkeypatch.setattr(module, "read_policy", lambda *_: policy)
    monkeypatch.setattr(module, "_must_exist", lambda *_: None)
    made = gt.sign("gt-images", key, viewer="anna", method=method, expires_in=600)
    assert seconds - 10 < made.seconds_left <= seconds
    assert seconds - 10 < made.to_dict()["seconds_left"] <= seconds
