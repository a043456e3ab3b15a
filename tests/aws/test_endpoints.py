"""Each service has the endpoint that the session's own client has;
a split between this machine and AWS is refused.
"""

from __future__ import annotations

import itertools

import boto3
import pytest

import gt_secure
from gt_secure.aws.configured_endpoints import configured_endpoints
from gt_secure.base.errors import InvalidInput

LOCAL, OTHER_LOCAL = "http://127.0.0.1:4566", "http://localhost:4567"
PRIVATE = "https://vpce-0a1b.s3.us-east-1.vpce.amazonaws.com"
SERVICES = ("sagemaker", "s3", "sts")


@pytest.fixture(autouse=True)
def nothing_configured(monkeypatch, tmp_path):
    for name in (
        "AWS_ENDPOINT_URL",
        *(f"AWS_ENDPOINT_URL_{name.upper()}" for name in SERVICES),
        "AWS_PROFILE",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")


def connected(kind):
    if kind == "default":
        return gt_secure.connect().aws
    return gt_secure.connect(boto3_session=boto3.Session(region_name="us-east-1")).aws


def urls(aws):
    return {service: aws.client(service).meta.endpoint_url for service in SERVICES}


@pytest.mark.parametrize("common", [None, LOCAL, PRIVATE])
def test_calls_go_where_the_clients_of_the_session_go(monkeypatch, common):
    """All 81 settings of variables: the endpoints of botocore,
    or a refusal if this machine and AWS are mixed.
    """
    session = boto3.Session(region_name="us-east-1")
    if common:
        monkeypatch.setenv("AWS_ENDPOINT_URL", common)
    for single in itertools.product([None, LOCAL, PRIVATE], repeat=3):
        for service, url in zip(SERVICES, single, strict=True):
            variable = f"AWS_ENDPOINT_URL_{service.upper()}"
            monkeypatch.setenv(variable, url) if url else monkeypatch.delenv(
                variable, raising=False
            )
        wanted = {service: url or common for service, url in zip(SERVICES, single, strict=True)}
        others = common or (LOCAL if set(single) == {LOCAL} else None)
        if len({url == LOCAL for url in (*wanted.values(), others)}) > 1:
            with pytest.raises(InvalidInput, match="would be split") as caught:
                configured_endpoints(session)
            assert "AWS_ENDPOINT_URL" in caught.value.next_step
            continue
        everywhere, own = configured_endpoints(session)
        assert (everywhere == LOCAL) is (wanted["s3"] == LOCAL)
        if everywhere is None:  # botocore itself finds them
            assert own == {}
        else:
            assert {service: own.get(service, everywhere) for service in SERVICES} == wanted


@pytest.mark.parametrize("kind", ["default", "session"])
@pytest.mark.parametrize("common", [None, PRIVATE])
def test_an_endpoint_of_one_service(monkeypatch, kind, common):
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"{PRIVATE}/s3")
    if common:
        monkeypatch.setenv("AWS_ENDPOINT_URL", common)
    aws, theirs = connected(kind), boto3.Session(region_name="us-east-1")
    assert not aws.is_local
    for service, url in urls(aws).items():
        assert url == theirs.client(service).meta.endpoint_url


@pytest.mark.parametrize("kind", ["default", "session"])
def test_the_sandbox_for_sagemaker_alone_is_refused(monkeypatch, kind):
    """The session would read teams of the sandbox, and the guard would be written to AWS."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER", LOCAL)
    with pytest.raises(
        InvalidInput, match=r"sagemaker is configured for .* on this machine, s3 for AWS"
    ):
        connected(kind)


def test_two_servers_on_this_machine(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", LOCAL)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", OTHER_LOCAL)
    aws = connected("default")
    assert aws.is_local
    assert urls(aws) == {"sagemaker": LOCAL, "s3": OTHER_LOCAL, "sts": LOCAL}


def test_a_profile_with_a_section_of_services(monkeypatch, tmp_path):
    (tmp_path / "config").write_text(
        "[profile dev]\nregion = us-east-1\nservices = mine\n[services mine]\ns3 =\n  endpoint_url"
        f" = {LOCAL}\n"
    )
    with pytest.raises(InvalidInput, match="s3 is configured for http://127"):
        gt_secure.connect(profile="dev")
    (tmp_path / "config").write_text(
        "[profile dev]\nregion = us-east-1\nservices = mine\n[services mine]\ns3 =\n  endpoint_url"
        f" = {PRIVATE}\n"
    )
    aws = gt_secure.connect(profile="dev").aws
    assert urls(aws)["s3"] == PRIVATE
    assert not aws.is_local
    monkeypatch.setenv("AWS_ENDPOINT_URL", LOCAL)  # a variable counts before a profile
    assert set(urls(gt_secure.connect(profile="dev").aws).values()) == {LOCAL}


def test_configured_endpoints_that_are_to_be_ignored(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", LOCAL)
    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
    aws = connected("session")
    assert not aws.is_local
    assert urls(aws)["s3"] == "https://s3.us-east-1.amazonaws.com"


def test_an_argument_counts_before_everything(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", PRIVATE)
    aws = gt_secure.connect(endpoint_url=LOCAL).aws
    assert set(urls(aws).values()) == {LOCAL}


def test_a_single_endpoint_that_is_no_url(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", LOCAL)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "localhost")
    with pytest.raises(InvalidInput):
        connected("default")


def test_no_acceleration_whatever_the_profile_says(tmp_path):
    """Interface endpoints do not serve that host, and list calls do not exist there."""
    (tmp_path / "config").write_text("[default]\ns3 =\n  use_accelerate_endpoint = true\n")
    s3 = gt_secure.connect(region="eu-west-1").aws.client("s3")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "b-b", "Key": "k"})
    assert url.startswith("https://b-b.s3.eu-west-1.amazonaws.com/k?")
    theirs = boto3.Session().client("s3")  # not the default session: another test may have made it
    assert "accelerate" in theirs.generate_presigned_url(
        "get_object", Params={"Bucket": "b-b", "Key": "k"}
    )
