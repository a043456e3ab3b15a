"""A page of a listing: what it is asked for, what is read of it, and what an error names."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from gt_secure.aws import object_page
from gt_secure.aws.object_page import list_page
from gt_secure.base.errors import AccessDenied

ENTRY = (
    "<Contents><Key>{}</Key><LastModified>2026-11-20T09:30:00.000Z</LastModified><ETag>&quot;e&quot;</ETag>"
    "<Size>17</Size></Contents>"
)
AT = dt.datetime(2026, 11, 20, 9, 30, tzinfo=dt.UTC)


def body(*entries: str, more: str = "") -> bytes:
    return f"<ListBucketResult>{more}{''.join(entries)}</ListBucketResult>".encode()


class Client:
    """A client that hands the body of a response to its handlers, as botocore does."""

    def __init__(
        self, answer: bytes | Exception, status: int = 200, region: str = "us-east-1"
    ) -> None:
        self.answer, self.status, self.handlers = answer, status, dict[str, Any]()
        self.asked: list[dict[str, Any]] = []
        self.meta = SimpleNamespace(events=self, region_name=region, partition="aws")

    def register(self, name: str, handler: Any, unique_id: str) -> None:
        self.handlers[f"{name} {unique_id}"] = handler

    def list_objects_v2(self, **wanted: Any) -> dict[str, Any]:
        self.asked.append(wanted)
        if isinstance(self.answer, Exception):
            raise self.answer
        response = {"body": self.answer, "status_code": self.status}
        for handler in self.handlers.values():
            handler(response_dict=response, operation_name="ListObjectsV2")
        return {"parsed": response["body"]}


def test_a_denial_names_the_action_and_the_bucket() -> None:
    denied = ClientError({"Error": {"Code": "AccessDenied", "Message": "-"}}, "ListObjectsV2")
    client = Client(denied)
    with pytest.raises(AccessDenied) as caught:
        list_page(client, Bucket="gt-images", Prefix="scans/")
    assert (caught.value.action, caught.value.resource) == (
        "s3:ListBucket",
        "arn:aws:s3:::gt-images",
    )
    assert client.asked == [{"Bucket": "gt-images", "Prefix": "scans/"}]
    assert object_page._own.asked is False


def test_a_page_is_read_without_botocore() -> None:
    more = "<EncodingType>url</EncodingType><IsTruncated>true</IsTruncated><NextContinuationToken>t1</NextContinuationToken>"
    prefix = "<CommonPrefixes><Prefix>a%2Fb+c/</Prefix></CommonPrefixes>"
    client = Client(body(ENTRY.format("a%20b+c"), prefix, more=more))
    assert list_page(client, Bucket="gt-images") == {
        "Contents": [{"Key": "a b c", "Size": 17, "ETag": '"e"', "LastModified": AT}],
        "CommonPrefixes": [{"Prefix": "a/b c/"}],
        "IsTruncated": True,
        "NextContinuationToken": "t1",
    }
    assert list(client.handlers) == ["before-parse.*.ListObjectsV2 gt-secure-list"]


def test_a_last_page_that_is_not_encoded_keeps_its_keys() -> None:
    page = list_page(
        Client(body(ENTRY.format("a%20b"), more="<IsTruncated>false</IsTruncated>")), Bucket="b"
    )
    assert page["Contents"][0]["Key"] == "a%20b"
    assert (page["IsTruncated"], "NextContinuationToken" in page) == (False, False)


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (body(ENTRY.format("a")), 503),
        (b"<Error><Code>InternalError</Code></Error>", 200),
        (b"<ListBucketResult><Contents>", 200),
        (body("<Contents><Key>a</Key></Contents>"), 200),
    ],
)
def test_what_is_no_page_is_left_to_botocore(answer: bytes, status: int) -> None:
    assert list_page(Client(answer, status), Bucket="b") == {"parsed": answer}


def test_the_calls_of_others_with_the_client_are_theirs() -> None:
    client = Client(body(ENTRY.format("a")))
    list_page(client, Bucket="b")
    assert client.list_objects_v2(Bucket="b") == {"parsed": client.answer}
