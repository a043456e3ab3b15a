"""What senders get over HTTP, against the engine: its decision on each request,
its exposures and its proofs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from gt_secure import expect
from gt_secure.base.network import parse_network
from gt_secure.engine.access import locks_of_policies
from gt_secure.engine.access.exposure import Exposure
from gt_secure.engine.access.proof import Claim, prove
from gt_secure.engine.iam import Policies, Request, evaluate
from gt_secure.engine.iam.request_context import (
    anonymous_context,
    header_context,
    presigned_context,
)
from support.senders import ARN, BUCKET, CASES, KEY, OFFICE_RANGE, OWN, PREFIX, QUERY, guard, public

from .conftest import ELSEWHERE, OFFICE, Box
from .test_guard_forms import send_form

SIGNER = f"arn:aws:iam::{OWN}:role/Senders"
SESSION = f"arn:aws:sts::{OWN}:assumed-role/Senders/tester"
EVERYTHING = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
SOURCES = (OFFICE, ELSEWHERE)


def document(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


class World:
    """A bucket that may be public, and what a role that may do everything signed
    for one of its objects.
    """

    def __init__(self, box: Box) -> None:
        self.box = box
        s3, iam = box.client("s3"), box.client("iam")
        s3.create_bucket(Bucket=BUCKET)
        s3.delete_public_access_block(Bucket=BUCKET)
        for key in (KEY, "scans/2.jpg"):
            s3.put_object(Bucket=BUCKET, Key=key, Body=b"x")
        trust = {"Effect": "Allow", "Principal": {"AWS": OWN}, "Action": "sts:AssumeRole"}
        iam.create_role(RoleName="Senders", AssumeRolePolicyDocument=document(trust))
        iam.put_role_policy(
            RoleName="Senders", PolicyName="all", PolicyDocument=document(EVERYTHING)
        )
        self.keys = box.assume(role=SIGNER)
        self.form = box.client("s3", self.keys).generate_presigned_post(BUCKET, KEY, ExpiresIn=3600)
        self.urls = {version: self._url(version) for version in ("s3v4", "s3")} | {
            "jpg": self._url("s3v4", "scans/2.jpg")
        }
        self.unsigned = f"{box.url}/{BUCKET}/{KEY}"

    @cached_property
    def clients(self) -> dict[str, Any]:
        return {source: self.box.client("s3", self.keys, source) for source in SOURCES}

    def _url(self, version: str, key: str = KEY) -> str:
        config = Config(signature_version=version)
        client = self.box.session_of(self.keys).client(
            "s3", endpoint_url=self.box.url, config=config
        )
        params = {"Bucket": BUCKET, "Key": key}
        return str(client.generate_presigned_url("get_object", Params=params, ExpiresIn=3600))

    def send_unsigned(self, source: str, **fields: str) -> int:
        return send_form(
            self.box, {"url": f"{self.box.url}/{BUCKET}", "fields": {"key": KEY, **fields}}, source
        ).status

    def call(self, source: str) -> int:
        try:
            self.clients[source].get_object(Bucket=BUCKET, Key=KEY)
        except ClientError as error:
            return int(error.response["ResponseMetadata"]["HTTPStatusCode"])
        return 200


@dataclass(frozen=True)
class Sender:
    """One way to ask for an object: the row of an exposure that it belongs to, what it sends,
    and the keys of that.
    """

    row: str
    send: Callable[[World, str], int]
    context: Callable[[str], dict[str, str]]
    action: str = "s3:GetObject"
    principal: str = SESSION


def signed(source: str, version: str = "AWS4-HMAC-SHA256") -> dict[str, str]:
    more = {"aws:PrincipalType": "AssumedRole"}
    return presigned_context(
        source,
        secure=False,
        age_ms=5000,
        principal_arn=SIGNER,
        signature_version=version,
        extra=more,
    )


def in_header(source: str) -> dict[str, str]:
    more = {"aws:PrincipalType": "AssumedRole", "aws:SecureTransport": "false"}
    return header_context(source, principal_arn=SIGNER, extra=more)


def nobodys(source: str) -> dict[str, str]:
    return anonymous_context(source, secure=False)


FORM = {"s3:authType": "POST"}
PUT = "s3:PutObject"
SENDERS = {
    "URL": Sender(
        "presigned",
        lambda world, source: world.box.fetch(world.urls["s3v4"], source).status,
        signed,
    ),
    "URL of version 2": Sender(
        "presigned",
        lambda world, source: world.box.fetch(world.urls["s3"], source).status,
        lambda source: signed(source, "AWS"),
    ),
    "header": Sender("header", World.call, in_header),
    "form": Sender(
        "post-form",
        lambda world, source: send_form(world.box, world.form, source).status,
        lambda source: signed(source) | FORM,
        PUT,
    ),
    "nobody": Sender(
        "anonymous",
        lambda world, source: world.box.fetch(world.unsigned, source).status,
        nobodys,
        principal="*",
    ),
    "form of nobody": Sender(
        "", World.send_unsigned, lambda source: nobodys(source) | FORM, PUT, "*"
    ),
}


@pytest.fixture(scope="module")
def world(box: Box) -> World:
    return World(box)


@pytest.mark.parametrize("name", CASES)
def test_the_engine_says_what_the_sandbox_does(world: World, name: str) -> None:
    case, policy = CASES[name], document(*CASES[name].statements)
    world.box.client("s3").put_bucket_policy(Bucket=BUCKET, Policy=policy)
    opened = {
        (name, source): each.send(world, source) in (200, 204)
        for name, each in SENDERS.items()
        for source in SOURCES
    }
    locks = locks_of_policies(BUCKET, policy, OWN)
    exposure, policies = (
        Exposure(locks, KEY),
        Policies(identity=(document(EVERYTHING),), resource=policy),
    )
    for (sender, source), is_open in opened.items():
        each = SENDERS[sender]
        request = Request(each.action, f"{ARN}/{KEY}", each.principal, each.context(source), OWN)
        assert (sender, source, evaluate(request, policies).allowed) == (sender, source, is_open)
        if each.row:
            answer = exposure.at(source, each.row)
            assert (sender, source, answer.answer) != (
                sender,
                source,
                "refused" if is_open else "opened",
            ) or answer.when
    outside = {
        sender for (sender, source), is_open in opened.items() if is_open and source == ELSEWHERE
    }
    assert outside == set(case.outside)
    assert not (exposure.holds(expect.refused(ELSEWHERE)).proved and outside & set(QUERY))
    assert prove(locks, Claim(PREFIX, (parse_network(OFFICE_RANGE),))).proved is case.proved
    assert not case.proved or outside <= {"header"}, "only an SDK's call is outside the claim"


@pytest.mark.parametrize(
    "covered",
    [
        {"Resource": f"{ARN}/scans/*.png"},
        {"Resource": f"{ARN}/scans/*.pn?"},
        {"Resource": [f"{ARN}/scans/0*", f"{ARN}/other/*"]},
        {"NotResource": [ARN, f"{ARN}/scans/*.jp*"]},
        {"NotResource": [ARN, f"{ARN}/scans/2.*", f"{ARN}/scans/3.*"]},
    ],
)
def test_an_expectation_is_about_every_key(world: World, covered: dict[str, Any]) -> None:
    statement = {name: value for name, value in guard({}).items() if name != "Resource"} | covered
    policy = document(public(), statement)
    world.box.client("s3").put_bucket_policy(Bucket=BUCKET, Policy=policy)
    assert [world.box.fetch(world.urls[key], ELSEWHERE).status for key in ("s3v4", "jpg")] == [
        403,
        200,
    ]
    proof = Exposure(locks_of_policies(BUCKET, policy, OWN), PREFIX, is_prefix=True).holds(
        expect.refused(ELSEWHERE)
    )
    assert (proof.proved, [each.answer for each in proof.broken]) == (False, ["opened"])


def test_an_unsigned_form_carries_its_fields(world: World) -> None:
    """What is a header of other uploads is a field here,
    and an ACL or tags need a permission more.
    """
    allow = {"Effect": "Allow", "Principal": "*", "Action": PUT, "Resource": f"{ARN}/*"}
    encrypted = allow | {
        "Condition": {"StringEquals": {"s3:x-amz-server-side-encryption": "AES256"}}
    }
    put = world.box.client("s3").put_bucket_policy
    put(Bucket=BUCKET, Policy=document(encrypted))
    assert world.send_unsigned(OFFICE) == 403
    assert world.send_unsigned(OFFICE, **{"x-amz-server-side-encryption": "AES256"}) == 204
    put(Bucket=BUCKET, Policy=document(allow))
    tags = {"x-amz-tagging": "a=b"}
    assert (world.send_unsigned(OFFICE), world.send_unsigned(OFFICE, **tags)) == (204, 403)
    put(Bucket=BUCKET, Policy=document(allow | {"Action": [PUT, "s3:PutObjectTagging"]}))
    assert world.send_unsigned(OFFICE, **tags) == 204
    put(Bucket=BUCKET, Policy=document(allow | {"Resource": f"{ARN}/in/a.png"}))
    assert world.send_unsigned(OFFICE, key="in/${filename}") == 204
    assert world.send_unsigned(OFFICE, key="out/${filename}") == 403
    assert (
        world.box.client("s3").get_object(Bucket=BUCKET, Key="in/a.png")["Body"].read()
        == b"picture"
    )
