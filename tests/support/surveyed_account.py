"""An account whose bucket is drawn with everything switched that answers used to assume: users, the
root user and roles as signers, Object Ownership and ACLs, who pays, the key of the default
encryption, access points and endpoints with policies, tags.

The account answers the calls that read it, and makes the requests that people would send, with all
their keys, for :mod:`support.second_evaluator`.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

from gt_secure import Connection
from gt_secure.engine.policies.bucket_guard import build_guard
from support.answers import ACCOUNT
from support.principals import arn, details, doc, role, st, trust, user
from support.second_evaluator import EVERYBODY, SIGNED_IN, Asker, Place
from support.shared_account import Bucket, Region, SharedAccount, denied

BUCKET, REGION, SEED = "gt-images", "us-east-1", 20261201
ON_OBJECTS, ON_ALL = (
    f"arn:aws:s3:::{BUCKET}/*",
    [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"],
)
KEYS = ("law/part/a.txt", "law/beside/b.txt")
TAGS = {KEYS[0]: {}, KEYS[1]: {"public": "yes"}}
OFFICE, VPCE, VPC = "203.0.113.0/24", "vpce-0a1b2c3d4e5f60718", "vpc-0a1b2c3d"
INSIDE, IN_VPC = "203.0.113.7", f"10.0.3.4 via {VPCE}"
ELSEWHERE = ("198.51.100.9", "8.8.8.8", "2600:1f14::9")
SOURCES = (INSIDE, *ELSEWHERE, IN_VPC)
OTHER, PARTNER = "444455556666", "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"
POINT = f"arn:aws:s3:{REGION}:{ACCOUNT}:accesspoint/law"
KMS_KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/law"
INTRA = "https://intra.example/page"
SETTINGS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")

USERS = ("uploader", "ann")
ROLES = ("app", "batch")
SPARED: Mapping[str, tuple[str, str, Any] | None] = {
    "nobody": None,
    "a user": ("ArnNotEquals", "aws:PrincipalArn", arn("user/uploader")),
    "a user by name": ("StringNotEquals", "aws:username", "uploader"),
    "users by type": ("StringNotEquals", "aws:PrincipalType", "User"),
    "users by pattern": ("ArnNotLike", "aws:PrincipalArn", arn("user/*")),
    "who has a name": ("Null", "aws:username", "true"),
    "long-term keys": ("Null", "aws:TokenIssueTime", "false"),
    "the root user": ("ArnNotEquals", "aws:PrincipalArn", arn("root")),
    "the root user by type": ("StringNotEquals", "aws:PrincipalType", "Account"),
    "federated users": ("StringNotEquals", "aws:PrincipalType", "FederatedUser"),
    "a federated user": (
        "ArnNotEquals",
        "aws:PrincipalArn",
        f"arn:aws:sts::{ACCOUNT}:federated-user/bob",
    ),
    "a role": ("ArnNotLike", "aws:PrincipalArn", arn("role/app*")),
    "a tag of signers": ("StringNotEquals", "aws:PrincipalTag/team", "red"),
    "a page": ("StringNotLike", "aws:Referer", "https://intra.example/*"),
    "version 2": ("StringNotEquals", "s3:signatureversion", "AWS"),
    "plain HTTP": ("Bool", "aws:SecureTransport", "true"),
    "a tag of objects": ("StringNotEquals", "s3:ExistingObjectTag/public", "yes"),
    "a tag of the bucket": ("StringNotEquals", "s3:BucketTag/stage", "test"),
    "the account": ("StringNotEquals", "aws:PrincipalAccount", ACCOUNT),
    "an access point": ("Null", "s3:DataAccessPointArn", "true"),
    "an endpoint": ("StringNotEquals", "aws:SourceVpce", VPCE),
}
"""Whom or what a guard spares: another condition in its Deny."""
SIGNERS = tuple(
    each
    for each in SPARED
    if each.startswith(("a user", "users", "who", "long", "the root", "federated"))
)
LISTS = ([OFFICE], [OFFICE], [OFFICE], [OFFICE, "198.51.100.0/24"], ["0.0.0.0/1", "128.0.0.0/1"])
PUBLIC: tuple[Any, ...] = (
    {"Principal": "*", "Action": "s3:GetObject", "Resource": ON_OBJECTS},
    {"Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{BUCKET}/law/beside/*"},
    {"Principal": "*", "Action": "s3:GetObject", "Resource": ON_OBJECTS,
     "Condition": {"IpAddress": {"aws:SourceIp": OFFICE}}},
    {"Principal": {"AWS": OTHER}, "Action": "s3:GetObject", "Resource": ON_OBJECTS},
    {"Principal": "*", "Action": "*", "Resource": ON_ALL,
     "Condition": {"StringEquals": {"s3:DataAccessPointAccount": ACCOUNT}}},
)  # fmt: skip
SECOND: tuple[Any, ...] = (
    {"Condition": {"NotIpAddress": {"aws:SourceIp": [OFFICE]}, "Null": {"aws:SourceVpce": "true"}}},
    {
        "Condition": {
            "NotIpAddress": {"aws:SourceIp": [OFFICE]},
            "Bool": {"aws:ViaAWSService": "false"},
        }
    },
    {"Condition": {"StringNotEquals": {"aws:SourceVpce": VPCE}}},
    {"Condition": {"Bool": {"aws:SecureTransport": "false"}}},
)
OWN_POLICIES: tuple[Any, ...] = (
    st(["s3:*", "kms:*"]),
    st(["s3:*", "kms:*"]),
    st("s3:GetObject", ON_OBJECTS),
    st("s3:*", ON_ALL, "Allow", IpAddress={"aws:SourceIp": OFFICE}),
    st("s3:GetObject", f"arn:aws:s3:::{BUCKET}/law/beside/*"),
    st("s3:ListAllMyBuckets"),
)
BY_TAG: tuple[Any, ...] = (
    st("s3:*", effect="Allow", StringEquals={"aws:ResourceTag/stage": "test"}),
    st("s3:*", effect="Allow", StringNotEquals={"s3:BucketTag/stage": "test"}),
)
"""Own policies that ask for a tag of the bucket, of the first user in every fourth account."""
ACLS = ((EVERYBODY, "READ"), (EVERYBODY, "WRITE"), (SIGNED_IN, "READ"), (PARTNER, "READ"))
ENDPOINT_POLICIES: tuple[Any, ...] = (
    [st("*", effect="Deny"), st("*")],
    [st("s3:*", f"arn:aws:s3:::{BUCKET}/law/beside/*")],
    [st("s3:*", "arn:aws:s3:::other/*")],
)


@dataclass
class Drawn:
    """A bucket with all that is switched; ``spared`` names whom its guard spares."""

    spared: str
    statements: list[dict[str, Any]]
    listed: tuple[str, ...]
    place: Place
    people: dict[str, Any]
    abac: bool = False
    bucket_tags: dict[str, str] = field(default_factory=dict)
    endpoint_policy: str = ""

    @property
    def policy(self) -> str | None:
        return (
            json.dumps({"Version": "2012-10-17", "Statement": self.statements})
            if self.statements
            else None
        )

    @property
    def outside(self) -> list[str]:
        """Sources that no list of the policy names, and whoever comes through no endpoint of it."""
        networks = [ip_network(each) for each in self.listed]
        size = sum(each.num_addresses for each in networks if each.version == 4)
        if size >= 1 << 31:
            return [*ELSEWHERE]
        return [each for each in ELSEWHERE if not any(ip_address(each) in one for one in networks)]

    @property
    def askers(self) -> dict[str, Asker]:
        """The users and roles of the account with their own policies, by ARN."""
        found = {}
        for kind in ("User", "Role"):
            for each in self.people[f"{kind}DetailList"]:
                own = [
                    s
                    for one in each[f"{kind}PolicyList"]
                    for s in one["PolicyDocument"]["Statement"]
                ]
                name = each["Arn"] if kind == "User" else session(each["RoleName"])
                found[each["Arn"]] = Asker(name, each["Arn"] if kind == "Role" else "", own)
        return found


def session(name: str) -> str:
    return f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/work"


def draw(seed: int) -> Drawn:
    """Draw an account; each thing that was assumed is otherwise in half of the draws."""
    dice = random.Random(SEED + seed)

    def half() -> bool:
        return dice.random() < 0.5

    is_tidy = dice.random() < 0.2
    spared = "nobody" if is_tidy else dice.choice(SIGNERS if half() else tuple(SPARED))
    listed = dice.choice(LISTS[:4] if is_tidy else LISTS)
    guard = json.loads(
        json.dumps(
            build_guard(
                BUCKET,
                prefix="" if is_tidy or half() else dice.choice(("", "law/part/")),
                networks=[OFFICE],
            )
        )
    )
    guard["Condition"]["NotIpAddressIfExists"]["aws:SourceIp"] = listed
    if (more := SPARED[spared]) is not None:
        guard["Condition"].setdefault(more[0], {})[more[1]] = more[2]
    if dice.random() < 0.1:
        guard["Sid"] = "SomebodyWroteThis"
    statements = [guard] if is_tidy or dice.random() < 0.93 else []
    if not is_tidy and dice.random() < 0.3:
        second = {
            "Sid": "Second",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": ON_ALL,
        }
        statements.append({**second, **dice.choice(SECOND)})
    if not is_tidy and dice.random() < 0.25:
        statements.append({"Sid": "Public", "Effect": "Allow", **dice.choice(PUBLIC)})
    with_acls, blocked = half(), half()
    block = dict.fromkeys(SETTINGS, blocked) if half() else {name: half() for name in SETTINGS}
    place = Place(
        BUCKET,
        ACCOUNT,
        tuple(statements),
        dice.choice(("ObjectWriter", "BucketOwnerPreferred"))
        if with_acls
        else "BucketOwnerEnforced",
        block,
        tuple(dice.sample(ACLS, dice.choice((0, 1)))) if with_acls and half() else (),
        frozenset(KEYS[:1]) if with_acls and half() else frozenset(),
        pays=dice.random() < 0.2,
        points={POINT: _of_point(dice)} if dice.random() < 0.3 else {},
        endpoint=dice.choice(ENDPOINT_POLICIES) if dice.random() < 0.3 else None,
        kms=KMS_KEY if half() else "",
    )
    people = [
        user(name, dice.choice(OWN_POLICIES), tags={"team": "red"} if half() else {})
        for name in USERS
    ]
    if seed % 4 == 1:
        people[0]["UserPolicyList"] = user(USERS[0], BY_TAG[seed // 4 % 2])["UserPolicyList"]
    people += [
        role(
            name,
            dice.choice(OWN_POLICIES),
            trusts=trust({"AWS": arn("root")}),
            tags={"team": "red"} if half() else {},
        )
        for name in ROLES
    ]
    return Drawn(
        spared,
        statements,
        tuple(listed) if statements else (),
        place,
        details(*people),
        abac=half(),
        bucket_tags={"stage": "test"} if half() else {},
        endpoint_policy="" if place.endpoint is None else json.dumps(_public(place.endpoint)),
    )


def _of_point(dice: random.Random) -> tuple[Any, ...]:
    grant = {"Effect": "Allow", "Principal": {"AWS": arn("root")}, "Action": "s3:*"}
    return ({**grant, "Resource": [POINT, f"{POINT}/object/*"]},) if dice.random() < 0.7 else ()


def _public(statements: Any) -> dict[str, Any]:
    return doc(*({"Principal": "*", **each} for each in statements))


class SurveyedAccount(SharedAccount):
    """The account that was drawn, as the calls that read it see it."""

    def __init__(self, drawn: Drawn) -> None:
        super().__init__(
            {REGION: Region(endpoints={VPCE: VPC})}, {BUCKET: Bucket(REGION, drawn.policy, KEYS)}
        )
        self.buckets[BUCKET].tags = dict(drawn.bucket_tags)
        self.drawn = drawn

    def answer(self, service: str, region: str, operation: str, asked: Mapping[str, Any]) -> Any:
        own = getattr(self, f"_read_{operation}", None)
        return (
            super().answer(service, region, operation, asked)
            if own is None
            else own(service, **asked)
        )

    def _read_get_bucket_ownership_controls(self, *_: Any, **__: Any) -> Any:
        return {"OwnershipControls": {"Rules": [{"ObjectOwnership": self.drawn.place.ownership}]}}

    def _read_get_public_access_block(self, service: str, **_: Any) -> Any:
        if service == "s3control":
            raise denied("GetPublicAccessBlock", "NoSuchPublicAccessBlockConfiguration", 404)
        return {"PublicAccessBlockConfiguration": dict(self.drawn.place.block)}

    def _read_get_bucket_acl(self, *_: Any, **__: Any) -> Any:
        kinds = {"URI": "Group", "ID": "CanonicalUser"}
        grants = [("ID", "owner", "FULL_CONTROL")]
        grants += [
            ("URI" if "://" in who else "ID", who, what) for who, what in self.drawn.place.acl
        ]
        shown = [
            {"Grantee": {"Type": kinds[name], name: who}, "Permission": what}
            for name, who, what in grants
        ]
        return {"Owner": {"ID": "owner"}, "Grants": shown}

    def _read_get_object_acl(self, _: str, *, Key: str, **__: Any) -> Any:
        public = Key in self.drawn.place.public_objects
        more = (
            [{"Grantee": {"Type": "Group", "URI": EVERYBODY}, "Permission": "READ"}]
            if public
            else []
        )
        own = {"Grantee": {"Type": "CanonicalUser", "ID": "owner"}, "Permission": "FULL_CONTROL"}
        return {"Owner": {"ID": "owner"}, "Grants": [own, *more]}

    def _read_get_bucket_request_payment(self, *_: Any, **__: Any) -> Any:
        return {"Payer": "Requester" if self.drawn.place.pays else "BucketOwner"}

    def _read_get_bucket_encryption(self, *_: Any, **__: Any) -> Any:
        rule: dict[str, Any] = {"SSEAlgorithm": "AES256"}
        if self.drawn.place.kms:
            rule = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KMS_KEY}
        return {
            "ServerSideEncryptionConfiguration": {
                "Rules": [{"ApplyServerSideEncryptionByDefault": rule}]
            }
        }

    def _read_get_key_policy(self, *_: Any, **__: Any) -> Any:
        return {"Policy": json.dumps(doc({"Principal": {"AWS": arn("root")}, **st("kms:*")}))}

    def _read_list_access_points(self, *_: Any, **__: Any) -> Any:
        found = [
            {"Name": "law", "AccessPointArn": each, "Bucket": BUCKET}
            for each in self.drawn.place.points
        ]
        return {"AccessPointList": found}

    def _read_get_access_point_policy(self, *_: Any, **__: Any) -> Any:
        statements = self.drawn.place.points[POINT]
        if not statements:
            raise denied("GetAccessPointPolicy", "NoSuchAccessPointPolicy", 404)
        return {"Policy": json.dumps(doc(*copy.deepcopy(statements)))}

    def _read_get_access_point(self, *_: Any, **__: Any) -> Any:
        return {"Name": "law", "PublicAccessBlockConfiguration": dict.fromkeys(SETTINGS, True)}

    def _read_get_bucket_abac(self, *_: Any, **__: Any) -> Any:
        return {"AbacStatus": {"Status": "Enabled" if self.drawn.abac else "Disabled"}}

    def _read_get_object_tagging(self, _: str, *, Key: str, **__: Any) -> Any:
        return {
            "TagSet": [{"Key": name, "Value": value} for name, value in TAGS.get(Key, {}).items()]
        }

    def _read_get_account_authorization_details(self, *_: Any, **__: Any) -> Any:
        return {**copy.deepcopy(self.drawn.people), "IsTruncated": False}

    def _read_list_roles(self, *_: Any, **__: Any) -> Any:
        return {
            "Roles": [
                {"Arn": each["Arn"], "MaxSessionDuration": 3600}
                for each in self.drawn.people["RoleDetailList"]
            ]
        }

    def _read_get_bucket_policy_status(self, *_: Any, **__: Any) -> Any:
        raise denied("GetBucketPolicyStatus")

    def _read_get_bucket_website(self, *_: Any, **__: Any) -> Any:
        raise denied("GetBucketWebsite", "NoSuchWebsiteConfiguration", 404)

    def _read_get_bucket_replication(self, *_: Any, **__: Any) -> Any:
        raise denied("GetBucketReplication", "ReplicationConfigurationNotFoundError", 404)

    def _read_get_object_lock_configuration(self, *_: Any, **__: Any) -> Any:
        raise denied("GetObjectLockConfiguration", "ObjectLockConfigurationNotFoundError", 404)

    def _read_list_evaluation_jobs(self, *_: Any, **__: Any) -> Any:
        return {"jobSummaries": []}

    def _describe_vpc_endpoints(self, here: Region, Filters: Any, **more: Any) -> Any:
        found = super()._describe_vpc_endpoints(here, Filters, **more)
        for each in found["VpcEndpoints"]:
            each["PolicyDocument"] = self.drawn.endpoint_policy or json.dumps(_public([st("*")]))
        return found

    def connected(self, journal: Path) -> Connection:
        return replace(self.connect(REGION, journal), others=False)


FORMS = {"presigned": "REST-QUERY-STRING", "header": "REST-HEADER", "post-form": "POST", "anonymous": "", "other-account": "REST-QUERY-STRING"}  # fmt: skip
"""Kinds of requests, and the authentication type of each."""


@dataclass(frozen=True)
class Sent:
    """One request: of a kind, for an object, by somebody, from a source, with all its keys."""

    kind: str
    key: str
    asker: Asker
    source: str
    keys: Mapping[str, Any]
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def action(self) -> str:
        return "s3:PutObject" if self.kind == "post-form" else "s3:GetObject"

    @property
    def signer(self) -> str:
        """The ARN under which a list of signers has the asker."""
        return self.asker.role or self.asker.arn


def requests(drawn: Drawn, dice: random.Random, number: int) -> Iterator[Sent]:
    """Yield requests: of users and roles with their own policies and with all permissions, of the
    root user, of another account and of nobody.
    """
    everything = (st("*"),)
    askers = drawn.askers
    for _ in range(number):
        kind = dice.choice(("presigned", "presigned", "presigned", *FORMS))
        asker = Asker()
        if kind == "other-account":
            asker = Asker(f"arn:aws:iam::{OTHER}:user/them", policies=everything)
        elif kind != "anonymous":
            others = (arn("root"), f"arn:aws:sts::{ACCOUNT}:federated-user/bob")
            own = tuple(Asker(each, policies=everything) for each in others)
            asker = dice.choice((*askers.values(), *own))
            if dice.random() < 0.5:
                asker = replace(asker, policies=everything)
        yield sent(drawn, dice, kind, dice.choice(KEYS), asker, dice.choice(SOURCES))


def sent(
    drawn: Drawn,
    dice: random.Random,
    kind: str,
    key: str,
    asker: Asker,
    source: str,
    *,
    tls: bool | None = None,
) -> Sent:
    """Return one request with all its keys; what its sender chooses is drawn."""
    is_tls = dice.random() < 0.7 if tls is None else tls
    keys: dict[str, Any] = {
        "aws:securetransport": "true" if is_tls else "false",
        "aws:viaawsservice": "false",
        "aws:requestedregion": REGION,
        "aws:resourceaccount": ACCOUNT,
        "s3:resourceaccount": ACCOUNT,
    }
    address, _, endpoint = source.partition(" via ")
    if endpoint:
        keys |= {"aws:sourcevpce": endpoint, "aws:vpcsourceip": address, "aws:sourcevpc": VPC}
    else:
        keys["aws:sourceip"] = address
    if dice.random() < 0.5:
        keys["aws:referer"] = dice.choice((INTRA, "https://other.example/"))
    if FORMS[kind]:
        keys["s3:authtype"] = FORMS[kind]
        version = "AWS" if dice.random() < 0.3 else "AWS4-HMAC-SHA256"
        keys["s3:signatureversion"] = version
        if kind != "header":
            keys["s3:signatureage"] = "0" if version == "AWS" else "1000"
    tags = {}
    if asker.arn:
        keys |= {"aws:principalaccount": asker.account, "aws:principalisawsservice": "false"}
        keys |= _of(asker)
        tags = _tags_of(drawn, asker)
        keys |= {f"aws:principaltag/{name}": value for name, value in tags.items()}
    else:
        keys |= {"aws:principalaccount": "anonymous", "aws:principaltype": "Anonymous"}
    if kind != "post-form":
        keys |= {f"s3:existingobjecttag/{name}": value for name, value in TAGS[key].items()}
    if drawn.abac:
        for name, value in drawn.bucket_tags.items():
            keys |= {f"s3:buckettag/{name}": value, f"aws:resourcetag/{name}": value}
    if drawn.place.points and kind != "post-form" and dice.random() < 0.3:
        keys |= {
            "s3:dataaccesspointarn": POINT,
            "s3:dataaccesspointaccount": ACCOUNT,
            "s3:accesspointnetworkorigin": "Internet",
        }
    return Sent(kind, key, asker, source, keys, tags)


def _of(asker: Asker) -> dict[str, str]:
    name = asker.arn.rpartition("/")[2]
    if asker.role:
        return {
            "aws:principalarn": asker.role,
            "aws:principaltype": "AssumedRole",
            "aws:userid": f"AROAEXAMPLE:{name}",
            "aws:tokenissuetime": "2026-12-01T08:00:00Z",
        }
    if asker.arn.endswith(":root"):
        return {
            "aws:principalarn": asker.arn,
            "aws:principaltype": "Account",
            "aws:userid": ACCOUNT,
        }
    if ":federated-user/" in asker.arn:
        return {
            "aws:principalarn": asker.arn,
            "aws:principaltype": "FederatedUser",
            "aws:userid": f"{ACCOUNT}:{name}",
            "aws:tokenissuetime": "2026-12-01T08:00:00Z",
        }
    return {
        "aws:principalarn": asker.arn,
        "aws:principaltype": "User",
        "aws:username": name,
        "aws:userid": "AIDAEXAMPLE",
    }


def _tags_of(drawn: Drawn, asker: Asker) -> dict[str, str]:
    every = (*drawn.people["UserDetailList"], *drawn.people["RoleDetailList"])
    return {
        tag["Key"]: tag["Value"]
        for each in every
        if each["Arn"] in (asker.arn, asker.role)
        for tag in each["Tags"]
    }
