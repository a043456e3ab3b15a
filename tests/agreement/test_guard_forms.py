"""The guard against presigned requests on the bucket and HTML forms, over real HTTP."""

from __future__ import annotations

import http.client
import json
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from gt_secure.engine.policies.bucket_guard import build_guard
from support.guards import merge_guard, without_forms

from .conftest import ELSEWHERE, IN_VPC, OFFICE, OFFICE_V6, VPCE, Answer, Box

GUARD = build_guard("gt-images", networks=["203.0.113.0/24", "2001:db8:113::/48"], endpoints=[VPCE])
SCANS = build_guard("gt-images", prefix="scans/", networks=["203.0.113.0/24"])
KEY = "scans/form.png"
ON_BUCKET = [
    "list_objects_v2",
    "get_bucket_policy",
    "get_bucket_acl",
    "head_bucket",
    "list_object_versions",
]


def send_form(
    box: Box,
    form: Mapping[str, Any],
    source: str,
    body: bytes = b"picture",
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """POST a form as a browser does, from a place."""
    boundary = uuid.uuid4().hex
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in form["fields"].items()
    ]
    parts += [
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'.encode(),
        body,
        f"\r\n--{boundary}--\r\n".encode(),
    ]
    data, url, origin = b"".join(parts), urlsplit(form["url"]), box.sandbox.origin(source)
    connection = http.client.HTTPConnection(url.netloc, timeout=120)
    given = {
        "Host": url.netloc,
        "Content-Type": f"multipart/form-data; boundary={boundary}",
        **origin.headers,
        **(headers or {}),
    }
    try:
        connection.request("POST", url.path, data, given)
        answer = connection.getresponse()
        return Answer(answer.status, answer.read(), {k.lower(): v for k, v in answer.getheaders()})
    finally:
        connection.close()


def form(box: Box, key: str = KEY) -> dict[str, Any]:
    made: dict[str, Any] = box.client("s3").generate_presigned_post("gt-images", key, ExpiresIn=60)
    return made


def url(box: Box, method: str, **more: str) -> str:
    made: str = box.client("s3").generate_presigned_url(
        method, Params={"Bucket": "gt-images", **more}, ExpiresIn=60
    )
    return made


def verb(method: str) -> str:
    return {"head": "HEAD", "delete": "DELETE"}.get(method.partition("_")[0], "GET")


@pytest.mark.parametrize("source", [OFFICE, OFFICE_V6, ELSEWHERE, IN_VPC])
def test_form_overwrites_an_object_from_anywhere_unless_the_guard_names_forms(box, guard, source):
    guard(without_forms(GUARD))
    assert send_form(box, form(box), source).status == 204
    guard(GUARD)
    assert send_form(box, form(box), source).status == (403 if source == ELSEWHERE else 204)


def test_a_refused_form_writes_nothing(box, guard):
    guard(GUARD)
    assert send_form(box, form(box), OFFICE, b"first").status == 204
    assert send_form(box, form(box), ELSEWHERE, b"second").status == 403
    assert box.client("s3").get_object(Bucket="gt-images", Key=KEY)["Body"].read() == b"first"


@pytest.mark.parametrize("method", ON_BUCKET)
def test_presigned_requests_on_the_bucket_work_from_the_list_only(box, guard, method):
    signed = url(box, method)
    guard(without_forms(GUARD))
    assert box.fetch(signed, ELSEWHERE, verb(method)).status == 200
    guard(GUARD)
    answers = {
        source: box.fetch(signed, source, verb(method)).status
        for source in (OFFICE, IN_VPC, ELSEWHERE)
    }
    assert answers == {OFFICE: 200, IN_VPC: 200, ELSEWHERE: 403}


def test_presigned_request_cannot_delete_the_guard(box, guard):
    signed = url(box, "delete_bucket_policy")
    guard(without_forms(GUARD))
    assert box.fetch(signed, ELSEWHERE, "DELETE").status == 204
    with pytest.raises(ClientError, match="NoSuchBucketPolicy"):
        box.client("s3").get_bucket_policy(Bucket="gt-images")
    guard(GUARD)
    assert box.fetch(signed, ELSEWHERE, "DELETE").status == 403
    assert box.client("s3").get_bucket_policy(Bucket="gt-images")["Policy"]
    assert box.fetch(signed, OFFICE, "DELETE").status == 204


def test_a_listed_vpc_is_open_through_each_of_its_endpoints_and_no_other(box, guard):
    """The guard names the VPC alone, so an endpoint that the VPC gets later is open, too."""
    labeling, guests = "vpc-0a1b2c3d", "vpce-0fedcba9876543210"
    ec2 = box.client("ec2")
    made = ec2.create_vpc_endpoint(VpcId=labeling, ServiceName="com.amazonaws.us-east-1.s3")
    later = made["VpcEndpoint"]["VpcEndpointId"]
    sources = {
        IN_VPC: True,
        f"10.0.3.4 via {later}": True,
        f"10.0.3.4 via {guests}": False,
        ELSEWHERE: False,
    }
    signed = url(box, "get_object", Key="scans/0001.png")
    guard(build_guard("gt-images", labeling))
    assert {each: box.fetch(signed, each).status for each in sources} == {
        each: 200 if is_inside else 403 for each, is_inside in sources.items()
    }
    probe = box.gt.probe(box.gt.sign("s3://gt-images/scans/0001.png"), f"10.0.3.4 via {guests}")
    assert (probe.status, box.gt.explain(probe).cause) == (403, "bucket-guard")
    guard(build_guard("gt-images", ["203.0.113.0/24", guests, labeling]))
    either = [OFFICE, *sources]
    assert [box.fetch(signed, each).status for each in either] == [200, 200, 200, 200, 403]
    ec2.delete_vpc_endpoints(VpcEndpointIds=[later])


def test_guard_with_a_prefix_covers_forms_on_its_keys_and_not_the_bucket(box, guard):
    guard(SCANS)
    assert send_form(box, form(box), ELSEWHERE).status == 403
    assert send_form(box, form(box), OFFICE).status == 204
    assert send_form(box, form(box, "other/form.png"), ELSEWHERE).status == 204
    assert box.fetch(url(box, "list_objects_v2"), ELSEWHERE).status == 200


@pytest.mark.parametrize("source", [ELSEWHERE, IN_VPC])
def test_header_signed_posts_are_no_forms(box, guard, source):
    """DeleteObjects and multipart uploads use the method POST too, and are signed in the header."""
    guard(build_guard("gt-images", networks=["203.0.113.0/24"]))
    s3 = box.client("s3", box.keys({"Effect": "Allow", "Action": "s3:*", "Resource": "*"}), source)
    upload = s3.create_multipart_upload(Bucket="gt-images", Key="scans/parts.bin")
    s3.abort_multipart_upload(
        Bucket="gt-images", Key="scans/parts.bin", UploadId=upload["UploadId"]
    )
    s3.put_object(Bucket="gt-images", Key="scans/gone.bin", Body=b"x")
    answer = s3.delete_objects(Bucket="gt-images", Delete={"Objects": [{"Key": "scans/gone.bin"}]})
    assert [each["Key"] for each in answer["Deleted"]] == ["scans/gone.bin"]
    assert "Contents" in s3.list_objects_v2(Bucket="gt-images")
    assert s3.get_bucket_policy(Bucket="gt-images")["Policy"]


def test_s3_takes_the_largest_guard(box):
    """900 ranges leave 1 KB or more of the 20 KB for other statements."""
    ranges = [f"10.{n // 128}.{n % 128 * 2}.0/24" for n in range(900)]
    text = merge_guard(
        '{"Version":"2012-10-17","Statement":[]}', build_guard("gt-images", networks=ranges)
    )
    assert len(text) < 19 * 1024
    s3 = box.client("s3")
    s3.put_bucket_policy(Bucket="gt-images", Policy=text)
    assert json.loads(s3.get_bucket_policy(Bucket="gt-images")["Policy"]) == json.loads(text)
    s3.delete_bucket_policy(Bucket="gt-images")
