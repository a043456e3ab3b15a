"""Objects of S3 by boto3: the call for each part of one, and the error that names the object."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from gt_secure.aws import s3_opener
from gt_secure.aws.s3_opener import AwsOpener
from gt_secure.base.errors import AccessDenied


class Client:
    """An S3 client of another partition, with one answer."""

    def __init__(self, answer: Any) -> None:
        self.answer, self.calls = answer, list[Any]()
        self.meta = SimpleNamespace(
            partition="aws-cn", config=SimpleNamespace(max_pool_connections=50)
        )

    def get_object(self, **asked: Any) -> Any:
        self.calls.append(asked)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    get_bucket_logging = get_object


@pytest.fixture(autouse=True)
def without_the_native_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_opener, "native_bucket", lambda *_: None)
    monkeypatch.setattr(s3_opener, "client_partition", lambda client: client.meta.partition)


@pytest.mark.parametrize(
    ("start", "more"), [(0, {}), (700, {"Range": "bytes=700-", "IfMatch": '"e1"'})]
)
def test_the_rest_of_an_object_is_of_the_same_content(start: int, more: dict[str, str]) -> None:
    client = Client({"ETag": '"e1"', "Body": "the body"})
    assert AwsOpener(client).get_body("gt-logs", "x/1", "e1", start) == "the body"
    assert client.calls == [{"Bucket": "gt-logs", "Key": "x/1", **more}]


def test_a_page_of_a_proxy_is_no_object() -> None:
    with pytest.raises(ConnectionError, match="not from S3"):
        AwsOpener(Client({"Body": "a page"})).get_body("gt-logs", "x/1", "e1")


@pytest.mark.parametrize(
    ("ask", "action", "resource"),
    [
        (
            lambda opener: opener.get_body("gt-logs", "x/1", "e1"),
            "s3:GetObject",
            "arn:aws-cn:s3:::gt-logs/x/1",
        ),
        (
            lambda opener: opener.log_target("gt-logs"),
            "s3:GetBucketLogging",
            "arn:aws-cn:s3:::gt-logs",
        ),
    ],
)
def test_a_denied_call_names_action_and_resource(ask: Any, action: str, resource: str) -> None:
    error: Any = {
        "Error": {"Code": "AccessDenied", "Message": "no"},
        "ResponseMetadata": {"HTTPStatusCode": 403},
    }
    with pytest.raises(AccessDenied) as caught:
        ask(AwsOpener(Client(ClientError(error, "GetObject"))))
    [statement] = caught.value.policy["Statement"]
    assert (statement["Action"], statement["Resource"]) == (action, resource)


def test_as_many_are_fetched_as_the_client_has_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client({})
    opener = AwsOpener(client)
    assert opener.most_requests("gt-logs") == 32
    client.meta.config.max_pool_connections = 5
    assert opener.most_requests("gt-logs") == 5
    monkeypatch.setattr(s3_opener, "native_bucket", lambda *_: object())
    assert opener.most_requests("gt-logs") == 64
