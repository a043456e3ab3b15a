"""Two VPCs with the same private addresses, and the data events of CloudTrail,
which name the endpoint of a request.
"""

from __future__ import annotations

import gzip
import json
from typing import Any
from urllib.parse import quote

from .conftest import IN_VPC, OFFICE, VPCE, Box

OTHER = "vpce-0fedcba9876543210"
IN_OTHER = f"10.0.3.4 via {OTHER}"
GUARD = {
    "Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::gt-images/*",
    "Condition": {
        "StringNotEquals": {"aws:SourceVpce": VPCE},
        "StringEquals": {"s3:authType": "REST-QUERY-STRING"},
    },
}  # fmt: skip


def events_of(box: Box) -> list[dict[str, Any]]:
    """Return the events that CloudTrail has delivered, and check where."""
    box.flush()
    s3 = box.client("s3")
    found = []
    for entry in s3.list_objects_v2(Bucket="gt-logs", Prefix="AWSLogs/").get("Contents", ()):
        assert entry["Key"].startswith("AWSLogs/111122223333/CloudTrail/us-east-1/2")
        assert entry["Key"].endswith(".json.gz")
        body = s3.get_object(Bucket="gt-logs", Key=entry["Key"])["Body"].read()
        found += json.loads(gzip.decompress(body))["Records"]
    return found


def test_an_event_names_the_endpoint_and_no_secret(box: Box) -> None:
    url = box.presign({"IpAddress": {"aws:VpcSourceIp": "10.0.3.4"}})
    assert [box.fetch(url, source).status for source in (IN_VPC, IN_OTHER, OFFICE)] == [
        200,
        200,
        403,
    ]
    text = json.dumps(events_of(box))
    found = [
        each for each in json.loads(text) if each["requestParameters"]["key"] == "scans/0001.png"
    ]
    assert [each.get("vpcEndpointId") for each in found] == [VPCE, OTHER, None]
    assert [each.get("errorCode") for each in found] == [None, None, "AccessDenied"]
    assert {each["eventName"] for each in found} == {"GetObject"}
    assert found[0]["additionalEventData"]["AuthenticationMethod"] == "QueryString"
    assert "no session policy allows" in found[2]["errorMessage"]
    assert "X-Amz-Signature" not in text
    assert "X-Amz-Security-Token" not in text


def test_a_guard_by_endpoint_tells_the_two_vpcs_apart(box: Box) -> None:
    s3 = box.client("s3")
    s3.put_bucket_policy(
        Bucket="gt-images", Policy=json.dumps({"Version": "2012-10-17", "Statement": [GUARD]})
    )
    try:
        url = box.presign({"IpAddress": {"aws:VpcSourceIp": "10.0.3.4"}})
        assert [box.fetch(url, source).status for source in (IN_VPC, IN_OTHER)] == [200, 403]
    finally:
        s3.delete_bucket_policy(Bucket="gt-images")


def test_the_portal_is_in_the_first_vpc_only(box: Box) -> None:
    assert box.fetch("/_gt_secure/portal", IN_VPC).status == 200
    answer = box.fetch("/_gt_secure/portal", IN_OTHER, headers={"Accept": "application/json"})
    assert (answer.status, answer.json()["error"]) == (404, "NoVpcPortal")


def test_both_endpoints_are_origins_of_a_probe(box: Box) -> None:
    pages = [
        box.fetch(f"/_gt_secure/origins?source={quote(each)}").json()["origins"]
        for each in ("", IN_OTHER)
    ]
    assert any(each["source"] == IN_OTHER for each in pages[0])
    assert len(pages[1]) == 1
    portal = "10.0.3.4 via vpce-0b1c2d3e4f5061728"  # it does not serve S3
    assert box.fetch(f"/_gt_secure/origins?source={quote(portal)}").json()["origins"] == []


def test_a_denied_trail_delivers_nothing(box: Box) -> None:
    s3 = box.client("s3")
    policy = s3.get_bucket_policy(Bucket="gt-logs")["Policy"]
    before = len(events_of(box))
    document = json.loads(policy)
    document["Statement"] = [each for each in document["Statement"] if each["Sid"] != "DataEvents"]
    s3.put_bucket_policy(Bucket="gt-logs", Policy=json.dumps(document))
    try:
        box.fetch(box.presign(), OFFICE)
        assert len(events_of(box)) == before
    finally:
        s3.put_bucket_policy(Bucket="gt-logs", Policy=policy)
