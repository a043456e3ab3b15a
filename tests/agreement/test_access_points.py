"""Access points over HTTP: URLs through them are opened for whom, and from where,
the list of signers says.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import ip_address, ip_network
from itertools import product
from typing import Any

import pytest

from support.box import VPCE
from support.principals import ACCOUNT, arn, details, doc, st, user
from support.sample import sample

from .conftest import ELSEWHERE, IN_VPC, OFFICE, Box
from .test_signers import keys_of, make

KEY, NAME = "scans/0001.png", "images"
POINT = f"arn:aws:s3:us-east-1:{ACCOUNT}:accesspoint/{NAME}"
BY_POINT, ON_BUCKET = (
    st("s3:GetObject", f"{each}/*") for each in (f"{POINT}/object", "arn:aws:s3:::gt-images")
)
OFFICE_ONLY = {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}


def grant(
    principal: object, resource: str, effect: str = "Allow", **condition: Any
) -> dict[str, Any]:
    made = {
        "Effect": effect,
        "Principal": principal,
        "Action": "s3:GetObject",
        "Resource": resource,
    }
    return {**made, "Condition": condition} if condition else made


DELEGATED = {"StringEquals": {"s3:DataAccessPointAccount": ACCOUNT}}
ON_OBJECTS = "arn:aws:s3:::gt-images/*"
ME = {"AWS": arn("user/x")}
OWN = {"none": (), "point": (BY_POINT,), "bucket": (ON_BUCKET,), "both": (BY_POINT, ON_BUCKET)}
ITS_POLICY = {
    "no": None, "grants": doc(grant(ME, f"{POINT}/object/*")),
    "denies elsewhere": doc(grant("*", f"{POINT}/object/*", "Deny", NotIpAddress=OFFICE_ONLY["IpAddress"])),
}  # fmt: skip
BUCKET = {
    "no": None, "delegates": doc(grant("*", ON_OBJECTS, **DELEGATED)),
    "delegates to the office": doc(grant("*", ON_OBJECTS, **DELEGATED, **OFFICE_ONLY)),
    "only through it": doc(grant("*", ON_OBJECTS, "Deny", StringNotEquals={"s3:DataAccessPointArn": POINT})),
    "by origin": doc(grant(ME, ON_OBJECTS, StringEquals={"s3:AccessPointNetworkOrigin": "VPC"})),
}  # fmt: skip


@contextmanager
def access_point(box: Box, policy: Any, *, vpc: bool) -> Iterator[str]:
    """Make the access point; yield its alias."""
    client, named = box.gt.aws.client("s3control"), {"AccountId": ACCOUNT, "Name": NAME}
    (endpoint,) = [each for each in box.gt.endpoints() if each.id == VPCE]
    more = {"VpcConfiguration": {"VpcId": endpoint.vpc_id}} if vpc else {}
    alias = client.create_access_point(**named, Bucket="gt-images", **more)["Alias"]
    if policy is not None:
        client.put_access_point_policy(**named, Policy=json.dumps(policy))
    yield alias
    client.delete_access_point(**named)


CASES = list(product(OWN, ITS_POLICY, BUCKET, (False, True)))


@pytest.mark.parametrize(("own", "its", "bucket", "vpc"), sample(CASES, 17, start=4))
def test_urls_are_opened_as_the_list_of_signers_says(
    box: Box, own: str, its: str, bucket: str, vpc: bool
) -> None:
    box.sandbox.reset()
    data = details(user("x", *OWN[own]))
    make(box, data)
    if BUCKET[bucket] is not None:
        box.client("s3").put_bucket_policy(Bucket="gt-images", Policy=json.dumps(BUCKET[bucket]))
    gt = replace(box.gt, context={"aws:SecureTransport": "false"})
    with access_point(box, ITS_POLICY[its], vpc=vpc) as alias:
        found = {each.arn: each for each in gt.who_can_open("gt-images", KEY).signers}.get(
            arn("user/x")
        )
        client = box.client("s3", keys_of(box, data["UserDetailList"][0]))
        for source in (OFFICE, ELSEWHERE, IN_VPC):
            urls = [
                client.generate_presigned_url(
                    "get_object", Params={"Bucket": name, "Key": KEY}, ExpiresIn=300
                )
                for name in ("gt-images", alias)
            ]
            direct, through = (box.fetch(url, source).status == 200 for url in urls)
            assert (direct or through) == opens(found, source), (source, direct, through, found)
            assert not (through and not direct) or (
                found is not None and found.opened.through == (NAME,)
            )


def opens(found: Any, source: str) -> bool:
    if found is None:
        return False
    assert found.answer == "opened"
    if source == IN_VPC:
        return VPCE in found.opened.endpoints or found.opened.other_endpoints
    return any(ip_address(source) in ip_network(cidr) for cidr in found.opened.cidrs)


def test_reading_asks_all_pages_and_says_what_was_denied(box: Box) -> None:
    box.sandbox.reset()
    client, calls = box.gt.aws.client("s3control"), []
    with access_point(box, doc(), vpc=False):
        client.meta.events.register_first(
            "provide-client-params.s3-control.ListAccessPoints", lambda params, **_: {**params, "MaxResults": 1},
            unique_id="small",
        )  # fmt: skip
        client.meta.events.register(
            "after-call.s3-control.ListAccessPoints", lambda **_: calls.append(1), unique_id="n"
        )
        client.create_access_point(AccountId=ACCOUNT, Name="other", Bucket="gt-images")
        try:
            said = box.gt.who_can_open("gt-images", KEY).signers.assumed
        finally:
            for event in ("provide-client-params", "after-call"):
                client.meta.events.unregister(
                    f"{event}.s3-control.ListAccessPoints", unique_id="small"
                )
                client.meta.events.unregister(f"{event}.s3-control.ListAccessPoints", unique_id="n")
        assert [
            each for each in said if "2 access points of the bucket, images, other, too." in each
        ]
        assert len(calls) == 2
        some = ("iam:GetAccountAuthorizationDetails", "s3:GetBucketPolicy", "s3:ListBucket")
        gt = box.user_with(*some, "s3:ListAccessPoints")
        (said,) = [
            each
            for each in gt.who_can_open("gt-images", KEY).signers.assumed
            if "access points of" in each
        ]
        assert "s3:GetAccessPointPolicy was denied for images." in said
        said = box.user_with(*some).who_can_open("gt-images", KEY).signers.assumed
        assert [each for each in said if each.startswith("s3:ListAccessPoints was denied")]
