"""Users, roles and groups as ``get-account-authorization-details`` prints them,
for tests of signers.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

ACCOUNT = "111122223333"
OBJECT = "arn:aws:s3:::gt-images/scans/0001.png"
Statement = dict[str, Any]


def arn(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:{name}"


def st(
    action: object, resource: object = "*", effect: str = "Allow", **condition: Any
) -> Statement:
    made = {"Effect": effect, "Action": action, "Resource": resource}
    return {**made, "Condition": condition} if condition else made


def doc(*statements: Statement) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def trust(principal: object, action: object = "sts:AssumeRole", **condition: Any) -> dict[str, Any]:
    made = {"Effect": "Allow", "Principal": principal, "Action": action}
    return doc({**made, "Condition": condition} if condition else made)


READ = st("s3:GetObject", "arn:aws:s3:::gt-images/*")
ROOT = {"AWS": arn("root")}
NOBODY = trust({"Service": "ec2.amazonaws.com"})


def _attached(managed: Sequence[str], boundary: str, tags: Mapping[str, str]) -> dict[str, Any]:
    made: dict[str, Any] = {
        "AttachedManagedPolicies": [
            {"PolicyName": each.rpartition("/")[2], "PolicyArn": each} for each in managed
        ],
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
    }
    if boundary:
        made["PermissionsBoundary"] = {
            "PermissionsBoundaryType": "Policy",
            "PermissionsBoundaryArn": boundary,
        }
    return made


def _named(documents: Iterable[Any]) -> list[dict[str, Any]]:
    return [
        {"PolicyName": f"p{index}", "PolicyDocument": each} for index, each in enumerate(documents)
    ]


def user(
    name: str, *statements: Statement, groups: Sequence[str] = (), managed: Sequence[str] = (), boundary: str = "",
    tags: Mapping[str, str] = {},
) -> dict[str, Any]:  # fmt: skip
    documents = [doc(*statements)] if statements else []
    return {
        "UserName": name, "Path": "/", "Arn": arn(f"user/{name}"), "UserId": f"AIDA{name.upper():X<17}",
        "UserPolicyList": _named(documents), "GroupList": list(groups), **_attached(managed, boundary, tags),
    }  # fmt: skip


def role(
    name: str, *statements: Statement, trusts: Any = NOBODY, path: str = "/", managed: Sequence[str] = (),
    boundary: str = "", tags: Mapping[str, str] = {}, **more: Any,
) -> dict[str, Any]:  # fmt: skip
    documents = [doc(*statements)] if statements else []
    return {
        "RoleName": name, "Path": path, "Arn": arn(f"role{path}{name}"), "RoleId": f"AROA{name.upper():X<17}",
        "AssumeRolePolicyDocument": trusts, "RolePolicyList": _named(documents), "InstanceProfileList": [],
        **_attached(managed, boundary, tags), **more,
    }  # fmt: skip


def group(name: str, *managed: str) -> dict[str, Any]:
    return {
        "GroupName": name,
        "Arn": arn(f"group/{name}"),
        "GroupPolicyList": [],
        **_attached(managed, "", {}),
    }


def policy(name: str, *versions: Any) -> dict[str, Any]:
    """Return a managed policy whose last version is the default one."""
    numbered = [
        {"VersionId": f"v{index}", "IsDefaultVersion": index == len(versions), "Document": each}
        for index, each in enumerate(versions, 1)
    ]
    default = f"v{len(versions)}"
    return {
        "Arn": arn(f"policy/{name}"),
        "DefaultVersionId": default,
        "PolicyVersionList": numbered[::-1],
    }


def details(*items: dict[str, Any]) -> dict[str, Any]:
    """Sort users, roles, groups and policies into their lists."""
    kinds = {
        "UserName": "UserDetailList",
        "RoleName": "RoleDetailList",
        "GroupName": "GroupDetailList",
    }
    made: dict[str, Any] = {**{name: [] for name in kinds.values()}, "Policies": []}
    for each in items:
        made[next((kind for key, kind in kinds.items() if key in each), "Policies")].append(each)
    return made


FOUR_PEOPLE = details(
    user("ann", READ),
    user("ben", st("s3:*", "arn:aws:s3:::gt-images/h1/${aws:username}/*")),
    role("app", READ, trusts=trust(ROOT)),
    user("carl", st("sts:AssumeRole", arn("role/app"))),
)
"""Users who read the bucket, one by a variable and one by a role."""


_CONDITIONS: tuple[dict[str, Any], ...] = (
    {}, {}, {},
    {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}},
    {"NotIpAddress": {"aws:SourceIp": ["203.0.113.0/25", "198.51.100.0/24"]}},
    {"StringEquals": {"aws:PrincipalTag/team": "red"}},
    {"StringNotEquals": {"aws:PrincipalTag/team": "red"}},
    {"Null": {"aws:PrincipalTag/team": "true"}},
    {"StringLike": {"aws:username": "u1*"}},
    {"StringEquals": {"aws:PrincipalType": "User"}},
    {"ArnLike": {"aws:PrincipalArn": arn("role/*")}},
    {"Bool": {"aws:SecureTransport": "false"}},
)  # fmt: skip
_ACTIONS = ("s3:GetObject", "s3:Get*", "s3:*", "*", "s3:PutObject", ["ec2:*", "S3:getobject"])
_RESOURCES = (
    "*", "arn:aws:s3:::gt-images/*", OBJECT, "arn:aws:s3:::gt-images/${aws:PrincipalTag/folder}/*",
    ["arn:aws:s3:::other/*", "arn:aws:s3:::gt-*/scans/*"], "arn:aws:s3:::gt-images/other/*",
)  # fmt: skip


def random_statement(draw: random.Random, denies: float = 0.2) -> Statement:
    condition = draw.choice(_CONDITIONS)
    effect = "Deny" if draw.random() < denies else "Allow"
    made = st(draw.choice(_ACTIONS), draw.choice(_RESOURCES), effect, **condition)
    if draw.random() < 0.1:
        made["NotAction"] = made.pop("Action")
    if draw.random() < 0.05:
        made["NotResource"] = made.pop("Resource")
    return made


def random_account(
    draw: random.Random, size: int = 12
) -> tuple[dict[str, Any], dict[str, Any], list[dict[str, Any]]]:
    """Return the details of an account, a bucket policy,
    and the levels of its service control policies.
    """
    managed = [
        policy(f"m{i}", doc(*(random_statement(draw) for _ in range(draw.randint(1, 2)))))
        for i in range(4)
    ]
    arns = [each["Arn"] for each in managed]
    people = []
    for index in range(size):
        tags = draw.choice(({}, {"team": "red"}, {"Team": "blue", "folder": "scans"}))
        more = {"managed": draw.sample(arns, draw.randint(0, 2)), "tags": tags}
        more["boundary"] = draw.choice(arns) if draw.random() < 0.25 else ""
        statements = [random_statement(draw) for _ in range(draw.randint(0, 2))]
        if index % 2:
            people.append(
                user(f"u{index}", *statements, groups=["g"] if draw.random() < 0.3 else [], **more)
            )
        else:
            people.append(role(f"r{index}", *statements, trusts=trust(ROOT), **more))
    named = [
        "*",
        {"AWS": arn("user/u1")},
        {"AWS": arn("role/r2")},
        {"AWS": [ACCOUNT]},
        {"AWS": arn("user/u3")},
    ]
    bucket = doc(
        *(
            {**random_statement(draw, 0.5), "Principal": draw.choice(named)}
            for _ in range(draw.randint(0, 2))
        )
    )
    bucket["Statement"] = [each for each in bucket["Statement"] if "NotResource" not in each]
    for each in bucket["Statement"]:
        if isinstance(each["Resource"], list):  # S3 keeps no policy that names another bucket
            each["Resource"] = each["Resource"][1:]
    scp = [
        doc(st("*"), *(random_statement(draw, 1.0) for _ in range(draw.randint(0, 1))))
        for _ in range(2)
    ]
    return (
        details(*people, *managed, group("g", draw.choice(arns))),
        bucket,
        scp[: draw.randint(0, 2)],
    )
