"""Any tool's presigned URL, read without giving away its secrets."""

from importlib import import_module

import pytest
from hypothesis import given, strategies as st

from gt_secure.base.errors import InvalidInput
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
    assert any(
        "us-east-1 but sent to eu-west-1" in p
        for p in inspect(V4.format(region="us-east-1")).problems
    )


@pytest.mark.parametrize(
    ("host", "bucket", "key"),
    [
        ("s3.us-west-2.amazonaws.com/gt-images/k", "gt-images", "k"),
        ("my.dotted.bucket.s3.us-west-2.amazonaws.com/k", "my.dotted.bucket", "k"),
        ("gt-images.s3.dualstack.us-west-2.amazonaws.com/k", "gt-images", "k"),
        ("gt-images.s3.cn-north-1.amazonaws.com.cn/k/l", "gt-images", "k/l"),
        ("127.0.0.1:4566/gt-images/k", "gt-images", "k"),
        ("GT-images.S3.us-west-2.amazonaws.com./k", "gt-images", "k"),
        ("s3-us-west-2.amazonaws.com/gt-images/k", "gt-images", "k"),
        ("gt-images.s3-fips.dualstack.us-gov-west-1.amazonaws.com/k", "gt-images", "k"),
        ("gt-images.s3-accelerate.amazonaws.com/k", "gt-images", "k"),
        ("gt-images.s3-accelerate.dualstack.amazonaws.com/k", "gt-images", "k"),
        ("gt-images.s3-external-1.amazonaws.com/k", "gt-images", "k"),
        ("bucket.vpce-0a1b2c3d-x.s3.us-west-2.vpce.amazonaws.com/gt-images/k", "gt-images", "k"),
        ("gt-images.bucket.vpce-0a1b2c3d-x.s3.us-west-2.vpce.amazonaws.com/k", "gt-images", "k"),
        (
            "gt--usw2-az1--x-s3.s3express-usw2-az1.us-west-2.amazonaws.com/k",
            "gt--usw2-az1--x-s3",
            "k",
        ),
        ("gt-images.s3.eusc-de-east-1.amazonaws.eu/k", "gt-images", "k"),
        ("minio.example.com:9000/gt-images/a/k", "gt-images", "a/k"),
        ("s3.us-west-2.amazonaws.com.evil.example/gt-images/k", "gt-images", "k"),
    ],
)
def test_host_styles(host, bucket, key):
    query = V4.format(region="us-west-2").split("?")[1]
    facts = inspect(f"https://{host}?{query}")
    assert (facts.bucket, facts.key) == (bucket, key)


@pytest.mark.parametrize(
    ("host", "point", "region"),
    [
        ("my-ap-111122223333.s3-accesspoint.us-west-2.amazonaws.com", "my-ap", "us-west-2"),
        (
            "my-ap-111122223333.s3-accesspoint.dualstack.us-west-2.amazonaws.com",
            "my-ap",
            "us-west-2",
        ),
        (
            "my-ap-111122223333.s3-accesspoint-fips.us-gov-west-1.amazonaws.com",
            "my-ap",
            "us-gov-west-1",
        ),
        (
            "my-ap-111122223333.accesspoint.vpce-0a1b2c3d-x.s3.us-west-2.vpce.amazonaws.com",
            "my-ap",
            "us-west-2",
        ),
        ("my-fn-111122223333.s3-object-lambda.us-west-2.amazonaws.com", "my-fn", "us-west-2"),
        (
            "my-ap-111122223333.op-0123456789abcdef0.s3-outposts.us-west-2.amazonaws.com",
            "my-ap",
            "us-west-2",
        ),
    ],
)
def test_access_points(host, point, region):
    facts = inspect(f"https://{host}/scans/k?" + V4.format(region=region).split("?")[1])
    assert (facts.access_point, facts.bucket, facts.key, facts.region) == (
        point,
        "",
        "scans/k",
        region,
    )


MULTI_REGION = (
    "https://mfzwi23gnjvgw.mrap.accesspoint.s3-global.amazonaws.com/scans/k?X-Amz-Algorithm=AWS4-ECDSA-P256-SHA256"
    "&X-Amz-Credential=ASIAEXAMPLE%2F20261124%2Fs3%2Faws4_request&X-Amz-Region-Set={regions}"
    "&X-Amz-Date=20261124T120000Z&X-Amz-Expires=600&X-Amz-SignedHeaders=host&X-Amz-Signature=SECRETSIG"
)


@pytest.mark.parametrize(
    ("written", "regions"), [("%2A", ("*",)), ("us-east-1%2Ceu-*", ("us-east-1", "eu-*"))]
)
def test_a_multi_region_url(written, regions):
    facts = inspect(MULTI_REGION.format(regions=written))
    assert (facts.signature_version, facts.region_set, facts.region) == ("SigV4A", regions, None)
    assert (facts.access_point, facts.bucket, facts.key) == ("mfzwi23gnjvgw", "", "scans/k")
    assert facts.expires_in_s == 600
    elsewhere = (
        "https://gt-images.s3.ap-south-1.amazonaws.com/k?"
        + MULTI_REGION.format(regions=written).split("?")[1]
    )
    assert any("refuse" in problem for problem in inspect(elsewhere).problems) == (
        regions != ("*",)
    )


def test_a_url_that_boto3_signs_for_several_regions():
    """botocore signs SigV4A with awscrt; where that is missing, the form is that of its source."""
    pytest.importorskip("awscrt")
    import boto3
    from botocore.config import Config

    client = boto3.client(
        "s3", region_name="us-east-1", aws_access_key_id="AKIAEXAMPLE", aws_secret_access_key="secret",
        config=Config(signature_version="s3v4a"),
    )  # fmt: skip
    arn = "arn:aws:s3::111122223333:accesspoint/mfzwi23gnjvgw.mrap"
    facts = inspect(
        client.generate_presigned_url(
            "get_object", {"Bucket": arn, "Key": "scans/k"}, ExpiresIn=600
        )
    )
    assert (facts.signature_version, facts.access_point, facts.region_set) == (
        "SigV4A",
        "mfzwi23gnjvgw",
        ("*",),
    )


@pytest.mark.parametrize("lifetime", ["0", "-5", "604801"])
def test_a_lifetime_that_s3_refuses(lifetime):
    url = V4.format(region="eu-west-1").replace("Expires=600", f"Expires={lifetime}")
    assert any("7 days" in problem for problem in inspect(url).problems)


def test_names_are_read_in_any_spelling():
    url = (
        V4.format(region="eu-west-1")
        .replace("X-Amz-Expire", "x-amz-e%78pire")
        .replace("Signature=", "Signatur%65=")
    )
    assert inspect(url) == inspect(V4.format(region="eu-west-1"))


def test_a_name_and_password_in_front_of_the_host_are_never_shown():
    url = V4.format(region="eu-west-1").replace("https://", "https://hidden:hunter2@")
    facts = inspect(url)
    assert facts.host == "gt-images.s3.eu-west-1.amazonaws.com"
    assert facts.bucket == "gt-images"
    assert any("user name or password" in problem for problem in facts.problems)
    assert inspect("http://a:b@c@127.0.0.1:4566/b/k?" + url.split("?")[1]).host == "127.0.0.1:4566"
    signed = TestUrl(
        url,
        bucket="gt-images",
        key="k",
        expires_at=facts.expires_at,
        bound_to=None,
        signer="",
        marker="",
    )
    for shown in (repr(facts), repr(signed), str(signed), signed.host):
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


@pytest.mark.parametrize(
    "value", [0, -1, 604_801, "soon", None, 1.5, float("nan"), float("inf"), "600s"]
)
def test_bad_lifetimes(value):
    with pytest.raises(InvalidInput):
        check_lifetime(value)


def test_lifetime_text_is_taken():
    assert check_lifetime("600") == 600


def test_the_longest_life_of_a_url_is_the_same_wherever_it_is_written() -> None:
    places = {
        "engine.policies.age_limit": "LONGEST_S",
        "presign.inspect": "_LONGEST_S",
        "logs.plots.age": "_LONGEST_S",
    }
    assert {
        getattr(import_module(f"gt_secure.{module}"), name) for module, name in places.items()
    } == {7 * 24 * 3600}
