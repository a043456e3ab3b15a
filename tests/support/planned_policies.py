"""Plans of Terraform and templates of CloudFormation, each with the answer to a proof:
None where it is unknown.
"""

from __future__ import annotations

import json
from typing import Any

from gt_secure.engine.policies.bucket_guard import build_guard

ACCOUNT, OFFICE = "111122223333", "203.0.113.0/24"


GUARD = build_guard("gt-images", networks=[OFFICE])


READ = {
    "Effect": "Allow",
    "Principal": "*",
    "Action": "s3:GetObject",
    "Resource": "arn:aws:s3:::gt-images/*",
}


def change(
    kind: str, name: str, after: Any, unknown: Any = None, *, module: str = "", **more: Any
) -> dict[str, Any]:
    found = {
        "actions": more.pop("actions", ["create"]),
        "after": after,
        "after_unknown": unknown or {},
    }
    start = "data." if more.get("mode") == "data" else ""
    address = f"{module}{start}{kind}.{name}"
    more |= {"module_address": module.removesuffix(".")} if module else {}
    return {
        "address": address,
        "mode": "managed",
        "type": kind,
        "name": name,
        "change": found,
        **more,
    }


def plan(
    *changes: dict[str, Any], references: dict[str, list[str]] | None = None, module: str = ""
) -> str:
    expressions = {name: {"references": each} for name, each in (references or {}).items()}
    resource = {"address": "aws_s3_bucket_policy.p", "expressions": expressions}
    root: dict[str, Any] = {"resources": [resource]}
    if module:
        root = {"module_calls": {module: {"module": root}}}
    return json.dumps(
        {
            "format_version": "1.2",
            "resource_changes": list(changes),
            "configuration": {"root_module": root},
        }
    )


def policy(*statements: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


BUCKET = change("aws_s3_bucket", "b", {"bucket": "gt-images"}, {"arn": True})


UNKNOWN = change("aws_s3_bucket_policy", "p", {"bucket": "gt-images"}, {"policy": True})


AFTER = {
    "statement": [
        {
            "effect": "Deny", "actions": ["s3:*"], "principals": [{"type": "*", "identifiers": ["*"]}],
            "condition": [
                {"test": operator, "variable": key, "values": values if isinstance(values, list) else [values]}
                for operator, keys in GUARD["Condition"].items() for key, values in keys.items()
            ],
            "resources": ["*"],
        }
    ]
}  # fmt: skip


def document(unknown: Any) -> dict[str, Any]:
    return change("aws_iam_policy_document", "d", AFTER, unknown, mode="data", actions=["read"])


DEFERRED = {"policy": ["data.aws_iam_policy_document.d.json", "data.aws_iam_policy_document.d"]}


PLANS: dict[str, tuple[str, bool | None]] = {
    "known guard": (plan(change("aws_s3_bucket_policy", "p", {"bucket": "gt-images", "policy": policy(GUARD)})), True),
    "no-op counts": (
        plan(change("aws_s3_bucket_policy", "p", {"bucket": "gt-images", "policy": policy(GUARD)}, actions=["no-op"])),
        True,
    ),
    "known and open": (
        plan(change("aws_s3_bucket_policy", "p", {"bucket": "gt-images", "policy": policy(READ)})), False,
    ),
    "unknown string": (plan(BUCKET, UNKNOWN), None),
    "not managed": (plan(BUCKET), None),
    "another bucket": (plan(change("aws_s3_bucket_policy", "p", {"bucket": "x", "policy": policy(GUARD)})), None),
    "deleted": (
        plan(change("aws_s3_bucket_policy", "p", {"bucket": "gt-images", "policy": policy(GUARD)}, actions=["delete"])),
        None,
    ),
    "bucket by reference": (
        plan(BUCKET, change("aws_s3_bucket_policy", "p", {"policy": policy(GUARD)}, {"bucket": True}),
             references={"bucket": ["aws_s3_bucket.b.id", "aws_s3_bucket.b"]}),
        True,
    ),
    "unknown bucket": (plan(change("aws_s3_bucket_policy", "p", {"policy": policy(GUARD)}, {"bucket": True})), None),
    "deferred document": (plan(BUCKET, document({"json": True}), UNKNOWN, references=DEFERRED), True),
    "deferred document with an unknown ARN": (
        plan(BUCKET, document({"json": True, "statement": [{"resources": [True]}]}), UNKNOWN, references=DEFERRED),
        None,
    ),
    "in a module": (
        plan(change("aws_s3_bucket", "b", {"bucket": "gt-images"}, module='module.m["a"].'),
             change("aws_s3_bucket_policy", "p", {"policy": policy(GUARD)}, {"bucket": True}, module='module.m["a"].'),
             references={"bucket": ["aws_s3_bucket.b"]}, module="m"),
        True,
    ),
}  # fmt: skip


def template(*statements: Any, bucket: Any = "gt-images", **more: Any) -> dict[str, Any]:
    return {
        "Resources": {
            "Images": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "gt-images"}},
            "Policy": {
                "Type": "AWS::S3::BucketPolicy",
                "Properties": {
                    "Bucket": bucket,
                    "PolicyDocument": {"Version": "2012-10-17", "Statement": [*statements]},
                },
            },
        },
        **more,
    }


ARN = {"Fn::Sub": "arn:${AWS::Partition}:s3:::${Images}/*"}


IF = {"Fn::If": ["Strict", ARN, {"Fn::Join": ["", [{"Fn::GetAtt": ["Images", "Arn"]}, "/*"]]}]}


TEMPLATES: dict[str, tuple[dict[str, Any], bool | None]] = {
    "guard": (template({**GUARD, "Resource": [{"Fn::GetAtt": ["Images", "Arn"]}, ARN]}), True),
    "both branches": (template({**GUARD, "Resource": [{"Fn::GetAtt": "Images.Arn"}, IF]}), True),
    "bucket by reference": (template(GUARD, bucket={"Ref": "Images"}), True),
    "no value": (template({**GUARD, "Sid": {"Ref": "AWS::NoValue"}}), True),
    "import": (template({**GUARD, "Resource": {"Fn::ImportValue": "x"}}), None),
    "parameter": (template({**GUARD, "Resource": {"Ref": "Arn"}}, Parameters={"Arn": {"Type": "String"}}), None),
    "default": (
        template({**GUARD, "Resource": {"Ref": "Arn"}}, Parameters={"Arn": {"Type": "String", "Default": "*"}}), None,
    ),
    "open whatever is unknown": (template(READ), False),
    "unknown Allow beside the guard": (template(GUARD, {**READ, "Principal": {"AWS": {"Ref": "Who"}}}), None),
    "unknown bucket": (template(GUARD, bucket={"Fn::ImportValue": "x"}), None),
    "no policy": ({"Resources": {}}, None),
}  # fmt: skip
