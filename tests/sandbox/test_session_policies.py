"""A presigned URL opens only where its session policy says: condition by source,
over real sockets.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from .conftest import ELSEWHERE, IN_VPC, OFFICE, OFFICE_V6, OTHER_IN_VPC, VPCE

SOURCES = (OFFICE, ELSEWHERE, IN_VPC, OTHER_IN_VPC, OFFICE_V6)
MATRIX = [
    (None, SOURCES),
    ({"IpAddress": {"aws:SourceIp": "203.0.113.7"}}, (OFFICE,)),
    ({"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}, (OFFICE,)),
    ({"IpAddress": {"aws:SourceIp": ["203.0.113.0/24", "2001:db8:113::/48"]}}, (OFFICE, OFFICE_V6)),
    ({"IpAddress": {"aws:SourceIp": "10.0.0.0/16"}}, ()),
    ({"IpAddress": {"aws:VpcSourceIp": "10.0.3.4"}}, (IN_VPC,)),
    ({"IpAddress": {"aws:VpcSourceIp": "10.0.0.0/16"}}, (IN_VPC, OTHER_IN_VPC)),
    ({"IpAddress": {"aws:VpcSourceIp": "203.0.113.7"}}, ()),
    ({"IpAddress": {"aws:SourceIp": "203.0.113.7", "aws:VpcSourceIp": "10.0.3.4"}}, ()),
    ({"StringEquals": {"aws:SourceVpce": VPCE}}, (IN_VPC, OTHER_IN_VPC)),
    ({"StringEquals": {"aws:SourceVpce": "vpce-00000000"}}, ()),
    ({"StringEquals": {"aws:SourceVpc": "vpc-0a1b2c3d"}}, (IN_VPC, OTHER_IN_VPC)),
    (
        {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}},
        (ELSEWHERE, IN_VPC, OTHER_IN_VPC, OFFICE_V6),
    ),
    ({"IpAddressIfExists": {"aws:SourceIp": "203.0.113.0/24"}}, (OFFICE, IN_VPC, OTHER_IN_VPC)),
    ({"Null": {"aws:SourceIp": "true"}}, (IN_VPC, OTHER_IN_VPC)),
    ({"Null": {"aws:SourceVpce": "true"}}, (OFFICE, ELSEWHERE, OFFICE_V6)),
    ({"StringEquals": {"s3:authType": "REST-QUERY-STRING"}}, SOURCES),
    ({"StringEquals": {"s3:authType": "REST-HEADER"}}, ()),
    ({"StringEquals": {"s3:signatureversion": "AWS4-HMAC-SHA256"}}, SOURCES),
    ({"StringEquals": {"s3:signatureversion": "AWS"}}, ()),
    ({"NumericLessThan": {"s3:signatureAge": "60000"}}, SOURCES),
    ({"NumericGreaterThan": {"s3:signatureAge": "60000"}}, ()),
    ({"Bool": {"aws:ViaAWSService": "false"}}, SOURCES),
    ({"Bool": {"aws:PrincipalIsAWSService": "true"}}, ()),
    ({"Bool": {"aws:SecureTransport": "false"}}, SOURCES),
]


@pytest.mark.parametrize(("condition", "allowed"), MATRIX, ids=[str(row[0]) for row in MATRIX])
def test_url_opens_only_where_the_session_policy_says(box, condition, allowed):
    url = box.presign(condition)
    seen = {source: box.fetch(url, source) for source in SOURCES}
    assert {source: answer.status for source, answer in seen.items()} == {
        source: 200 if source in allowed else 403 for source in SOURCES
    }
    for source, answer in seen.items():
        if source in allowed:
            assert answer.body.startswith(b"\x89PNG")
        else:
            assert "because no session policy allows the s3:GetObject action" in answer.text
            assert 'on resource: "arn:aws:s3:::gt-images/scans/0001.png"' in answer.text


def test_session_policy_cannot_add_rights(box):
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
    }
    s3 = box.client("s3", box.assume(policy))
    url = s3.generate_presigned_url(
        "get_object", Params={"Bucket": "gt-logs", "Key": "s3/x"}, ExpiresIn=60
    )
    answer = box.fetch(url)
    assert answer.status == 403
    assert "because no identity-based policy allows the s3:GetObject action" in answer.text


def test_session_policy_deny_is_named(box):
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "s3:*", "Resource": "*"},
            {
                "Effect": "Deny", "Action": "s3:*", "Resource": "*",
                "Condition": {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}},
            },
        ],
    }  # fmt: skip
    s3 = box.client("s3", box.assume(policy))
    url = s3.generate_presigned_url(
        "get_object", Params={"Bucket": "gt-images", "Key": "scans/0001.png"}
    )
    assert box.fetch(url, OFFICE).status == 200
    answer = box.fetch(url, ELSEWHERE)
    assert answer.status == 403
    assert "with an explicit deny in a session policy" in answer.text


@pytest.mark.parametrize(
    "key", ["a b/ü+'(1)~.png", 'quote"d & <tag>.png', "plain.png", "x/../y.png"]
)
def test_odd_keys_can_be_signed_and_fetched(box, key):
    box.client("s3").put_object(Bucket="gt-images", Key=key, Body=b"odd")
    url = box.presign({"IpAddress": {"aws:SourceIp": OFFICE}}, key)
    assert box.fetch(url, OFFICE).body == b"odd"
    assert box.fetch(url, ELSEWHERE).status == 403


def test_response_overrides_are_signed(box):
    url = box.presign(None, ResponseContentDisposition='attachment; filename="x y.png"')
    answer = box.fetch(url)
    assert answer.status == 200
    assert answer.headers["content-disposition"] == 'attachment; filename="x y.png"'
    assert box.fetch(url.replace("attachment", "inline")).status == 403


def test_requests_at_the_same_time_do_not_mix_their_sources(box):
    url = box.presign({"IpAddress": {"aws:SourceIp": OFFICE}})
    sources = [OFFICE, ELSEWHERE, IN_VPC, OFFICE_V6] * 20
    with ThreadPoolExecutor(16) as pool:
        seen = list(pool.map(lambda source: box.fetch(url, source).status, sources))
    assert seen == [200 if source == OFFICE else 403 for source in sources]
