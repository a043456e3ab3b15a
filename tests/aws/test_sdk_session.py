"""Sessions of the SageMaker SDK: a connection writes where the session's own clients
read, or is refused.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import boto3
import pytest

import gt_secure
from gt_secure.base.errors import InvalidInput

REGION = "eu-west-1"
VPCE = "https://vpce-0a1b-x.api.sagemaker.eu-west-1.vpce.amazonaws.com"
BUCKET_VPCE = "https://bucket.vpce-0a1b-x.s3.eu-west-1.vpce.amazonaws.com"
LOCAL, OTHER = "http://127.0.0.1:4566", "http://127.0.0.1:4999"


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_S3",
        "AWS_ENDPOINT_URL_SAGEMAKER",
        "AWS_PROFILE",
    ):
        monkeypatch.delenv(name, raising=False)


def session(
    sagemaker: str | None = "", s3: str | None = None, region: str = REGION, resource: bool = False
) -> Any:
    """A session as the SDK makes it; an address is where one of its clients calls,
    None means there is none.
    """
    boto = boto3.session.Session("AKIAEXAMPLE", "secret", region_name=region)
    made = SimpleNamespace(
        boto_session=boto, boto_region_name=region, sagemaker_client=None, s3_client=None
    )
    if sagemaker is not None:
        made.sagemaker_client = boto.client("sagemaker", endpoint_url=sagemaker or None)
    if s3 is not None and resource:
        made.s3_resource = boto.resource("s3", endpoint_url=s3 or None)
    elif s3 is not None:
        made.s3_client = boto.client("s3", endpoint_url=s3 or None)
    return made


def urls(given: Any, **more: Any) -> tuple[str, ...]:
    aws = gt_secure.connect(sagemaker_session=given, **more).aws
    return tuple(aws.client(name).meta.endpoint_url for name in ("sagemaker", "s3", "sts"))


AWS = ("https://api.sagemaker.eu-west-1.amazonaws.com", "https://s3.eu-west-1.amazonaws.com",
       "https://sts.eu-west-1.amazonaws.com")  # fmt: skip


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, AWS),
        ({"s3": ""}, AWS),
        ({"sagemaker": None}, AWS),
        ({"sagemaker": VPCE}, (VPCE, *AWS[1:])),
        ({"s3": BUCKET_VPCE}, (AWS[0], BUCKET_VPCE, AWS[2])),
        ({"s3": BUCKET_VPCE, "resource": True}, (AWS[0], BUCKET_VPCE, AWS[2])),
        ({"sagemaker": LOCAL, "s3": LOCAL}, (LOCAL, LOCAL, LOCAL)),
        ({"sagemaker": LOCAL, "s3": LOCAL, "resource": True}, (LOCAL, LOCAL, LOCAL)),
    ],
    ids=[
        "defaults",
        "s3-default",
        "no-client",
        "interface-endpoint",
        "s3-endpoint",
        "s3-resource",
        "local",
        "local-resource",
    ],
)
def test_each_service_is_called_where_the_session_calls_it(
    given: dict[str, Any], expected: tuple[str, ...]
) -> None:
    assert urls(session(**given)) == expected


def test_a_client_in_another_region_keeps_the_default_there() -> None:
    assert urls(session(), region="us-east-1")[0] == "https://api.sagemaker.us-east-1.amazonaws.com"
    aws = gt_secure.connect(sagemaker_session=session(VPCE)).aws
    assert (
        aws.client("sagemaker", "us-east-1").meta.endpoint_url
        == "https://api.sagemaker.us-east-1.amazonaws.com"
    )
    assert aws.client("s3", "us-east-1").meta.endpoint_url == "https://s3.us-east-1.amazonaws.com"


@pytest.mark.parametrize(
    ("given", "more"),
    [
        ({"sagemaker": LOCAL}, {}),
        ({"s3": LOCAL}, {}),
        ({"sagemaker": VPCE}, {"region": "us-east-1"}),
        ({"sagemaker": VPCE}, {"endpoint_url": LOCAL}),
        ({"sagemaker": LOCAL, "s3": LOCAL}, {"endpoint_url": OTHER}),
    ],
    ids=[
        "sagemaker-here-s3-on-aws",
        "s3-here-sagemaker-on-aws",
        "other-region",
        "other-endpoint",
        "other-sandbox",
    ],
)
def test_writing_elsewhere_than_the_session_reads_is_refused(
    given: dict[str, Any], more: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInput) as caught:
        gt_secure.connect(sagemaker_session=session(**given), **more)
    assert caught.value.field == "sagemaker_session"
    assert caught.value.next_step


def test_the_environment_names_the_sandbox_for_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", LOCAL)
    assert urls(session()) == (LOCAL, LOCAL, LOCAL)
    monkeypatch.setenv("AWS_ENDPOINT_URL", OTHER)
    with pytest.raises(InvalidInput, match="another address"):
        urls(session(LOCAL))


def test_a_session_that_reads_aws_is_not_sent_to_a_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    given = session()
    monkeypatch.setenv("AWS_ENDPOINT_URL", LOCAL)
    with pytest.raises(InvalidInput, match="another address"):
        urls(given)


def test_a_session_stands_for_a_connection_to_its_endpoint() -> None:
    from gt_secure.connection import connection_of

    assert connection_of(session(VPCE)).aws.client("sagemaker").meta.endpoint_url == VPCE


def test_stand_ins_of_local_mode_have_no_endpoint() -> None:
    given = session(sagemaker=None)
    given.sagemaker_client = object()
    assert urls(given) == AWS


@pytest.mark.parametrize("given", [None, "default", object()])
def test_what_is_no_connection_is_refused_with_what_to_pass(given):
    from gt_secure.connection import connection_of

    with pytest.raises(InvalidInput, match="is not a connection") as caught:
        connection_of(given)
    assert "gt_secure.connect()" in caught.value.next_step
