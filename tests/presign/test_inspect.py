"""Any tool's presigned URL, read without giving away its secrets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gt_secure.errors import InvalidInput
from gt_secure.presign import TestUrl, inspect
from gt_secure.presign.probe import check_lifetime

V4 = (
    "https://gt-images.s3.eu-west-1.amazonaws.com/scans/0007.png?X-Amz-Algorithm=AWS4-HMAC-SHA256"
    "&X-Amz-Credential=ASIAEXAMPLE%2F20261124%2F{region}%2Fs3%2Faws4_request&X-Amz-Date=20261124T120000Z"
    "&X-Amz-Expires=600&X-Amz-SignedHeaders=host&X-Amz-Security-Token=SECRETTOKEN&X-Amz-Signature=SECRETSIG"
)
V2 = "https://gt-images.s3.amazonaws.com/a%20b.png?AWSAccessKeyId=AKIAEXAMPLE&Expires=1795521600&Signature=SECRETSIG"


def test_sigv4():
    facts = inspect(V4.format(region="eu-west-1"))
    assert (facts.bucket, facts.key, facts.region) == ("gt-images", "scans/0007.png", "eu-west-1")
    assert facts.signature_version == "SigV4"
    assert facts.temporary
    assert facts.expires_in_s == 600
    assert facts.signed_at.isoformat() == "2026-11-24T12:00:00+00:00"
    assert facts.expires_at.isoformat() == "2026-11-24T12:10:00+00:00"


def test_nothing_secret_in_it():
    shown = repr(inspect(V4.format(region="eu-west-1"))) + repr(inspect(V2))
    for secret in ("SECRET", "ASIA", "AKIA"):
        assert secret not in shown


def test_sigv2_on_the_global_host_is_warned_about():
    facts = inspect(V2)
    assert (facts.bucket, facts.key, facts.signature_version) == ("gt-images", "a b.png", "SigV2")
    assert any("SigV2" in p for p in facts.problems)
    assert any("global host" in p for p in facts.problems)


def test_region_mismatch_is_warned_about():
    assert any("us-east-1 but sent to eu-west-1" in p for p in inspect(V4.format(region="us-east-1")).problems)


@pytest.mark.parametrize(
    ("host", "bucket", "key"),
    [
        ("s3.us-west-2.amazonaws.com/gt-images/k", "gt-images", "k"),
        ("my.dotted.bucket.s3.us-west-2.amazonaws.com/k", "my.dotted.bucket", "k"),
        ("gt-images.s3.dualstack.us-west-2.amazonaws.com/k", "gt-images", "k"),
        ("gt-images.s3.cn-north-1.amazonaws.com.cn/k/l", "gt-images", "k/l"),
        ("127.0.0.1:4566/gt-images/k", "gt-images", "k"),
    ],
)
def test_host_styles(host, bucket, key):
    query = V4.format(region="us-west-2").split("?")[1]
    facts = inspect(f"https://{host}?{query}")
    assert (facts.bucket, facts.key) == (bucket, key)


def test_a_name_and_password_in_front_of_the_host_are_never_shown():
    url = V4.format(region="eu-west-1").replace("https://", "https://hidden:hunter2@")
    facts = inspect(url)
    assert facts.host == "gt-images.s3.eu-west-1.amazonaws.com"
    assert facts.bucket == "gt-images"
    assert any("user name or password" in problem for problem in facts.problems)
    assert inspect("http://a:b@c@127.0.0.1:4566/b/k?" + url.split("?")[1]).host == "127.0.0.1:4566"
    minted = TestUrl(url, bucket="gt-images", key="k", expires_at=facts.expires_at, bound_to=None, signer="", marker="")
    for shown in (repr(facts), repr(minted), str(minted), minted.host):
        assert "hunter2" not in shown
        assert "hidden" not in shown


@pytest.mark.parametrize(
    "url",
    [
        "",
        "s3://gt-images/k",
        "https://gt-images.s3.amazonaws.com/k",
        "https://x/?X-Amz-Signature=1",
        V4.format(region="r").replace("20261124T120000Z", "today"),
        V4.format(region="r").replace("=600", "=99999999999999999999"),
        "http://[::1/k?X-Amz-Signature=1",
        V4.format(region="").replace("20261124%2F%2F", "20261124%2Fus%00SECRET-east%2F"),
        "x" * 20_000,
    ],
)
def test_bad_urls_get_a_clear_error_without_their_query(url):
    with pytest.raises(InvalidInput) as caught:
        inspect(url)
    assert "SECRET" not in str(caught.value)
    assert caught.value.next_step


@given(st.text(max_size=300))
def test_no_text_crashes_it(text):
    for url in (text, "https://" + text, "https://b.s3.amazonaws.com/?X-Amz-Signature=&" + text):
        try:
            inspect(url)
        except InvalidInput:
            pass


@pytest.mark.parametrize("value", [0, -1, 604_801, "soon", None, 1.5, float("nan"), float("inf"), "600s"])
def test_bad_lifetimes(value):
    with pytest.raises(InvalidInput):
        check_lifetime(value)


def test_lifetime_text_is_taken():
    assert check_lifetime("600") == 600
