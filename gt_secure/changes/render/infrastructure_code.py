"""A plan for a review process: AWS CLI commands, Terraform; and the alarm of its bucket."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from textwrap import indent
from typing import TYPE_CHECKING, Any

from ...base.errors import InvalidInput
from ...base.files import package_data
from ...base.text import JsonLike, Texts, json_text, printable, some
from ...engine.policies.event_patterns import event_patterns
from ...engine.policies.url_lock import UrlLock
from ..change import Change, is_change_of
from ..targets import BucketGuard, TeamUrlLock
from .summary import questions, summary_text

if TYPE_CHECKING:
    from ...engine.policies.bucket_policy import BucketPolicy
    from ...restriction.model import Restriction
    from ..plan import Plan


_COGNITO = {"UserPool": "user_pool", "UserGroup": "user_group", "ClientId": "client_id"}
_OIDC = {"Groups": "groups"}
_VPC = {"VpcId": "vpc_id", "SecurityGroupIds": "security_group_ids", "Subnets": "subnets"}
_OPEN = (
    "Each command is a comment until somebody has answered these lines. Then remove its first #."
)
"""The line below the questions of a plan in its code."""


def to_cli(plan: Plan) -> str:
    """Return a shell script of AWS CLI commands, in the order in which they have to run."""
    head = (
        "#!/usr/bin/env bash",
        _made(plan),
        (
            "# A bucket policy is replaced as a whole: run this only while the policy is as the"
            " plan saw it."
        ),
        "set -euo pipefail",
    )
    return _code(plan, head, lambda change: [_command(plan, change)])


def _made(plan: Plan) -> str:
    state = plan.state
    return (
        f"# Made by gt_secure from a plan of {state.at:%Y-%m-%d %H:%M} UTC for {state.account_id},"
        f" {state.region}."
    )


def _code(plan: Plan, head: Iterable[str], of: Callable[[Change[Any]], Iterable[str]]) -> str:
    """Return the code of each change: comments below the questions, while a plan asks or stops."""
    asked = questions(plan)
    lines = [*head, *(printable(f"# {each.strip()}") for each in [*asked, _OPEN] if asked)]
    for change in plan.changes:
        comment = printable(f"# {change.title}: {change.after_text}")  # no line break can leave it
        code = "\n".join(of(change))
        lines += ["", comment, indent(code, "# ") if asked else code]
    return "\n".join(lines if plan.changes else [*lines, "# Nothing to change."]) + "\n"


def _command(plan: Plan, change: Change[Any]) -> str:
    region = ["--region", change.region or plan.state.region]
    if is_change_of(change, BucketGuard):
        verb = "delete-bucket-policy" if change.after is None else "put-bucket-policy"
        words = ["aws", "s3api", verb, "--bucket", change.name, *region]
        if change.after is not None:
            words += ["--policy", json.dumps(json.loads(change.after), separators=(",", ":"))]
    else:
        kind, option, value = (
            ("workteam", "--worker-access-configuration", change.after.to_api())
            if is_change_of(change, TeamUrlLock)
            else ("workforce", "--source-ip-config", {"Cidrs": list(change.after)})
        )
        words = ["aws", "sagemaker", f"update-{kind}", f"--{kind}-name", change.name, *region]
        words += [option, json.dumps(value, separators=(",", ":"))]
    return shlex.join(words)


def to_terraform(plan: Plan) -> str:
    """Return Terraform configuration (provider ``hashicorp/aws``),
    with import blocks for what exists.
    """

    def resource(change: Change[Any]) -> Iterator[str]:
        if is_change_of(change, BucketGuard):
            return _tf_bucket(change)
        return (
            _tf_team(plan, change)
            if is_change_of(change, TeamUrlLock)
            else _tf_workforce(plan, change)
        )

    head = (_made(plan), "# Import blocks need Terraform 1.5; remove them after the first apply.")
    return _code(plan, head, resource)


def _tf_bucket(change: Change[BucketPolicy | None]) -> Iterator[str]:
    if change.after is None:
        yield (
            f"# Remove the aws_s3_bucket_policy of {change.name}: nothing but our guard was in it."
        )
        return
    yield from _tf_head("aws_s3_bucket_policy", change)
    yield f"  bucket = {hcl(change.name)}"
    document = _without_templates(
        json.dumps(json.loads(change.after), indent=2, ensure_ascii=False)
    )
    yield "  policy = jsonencode({})".format(document.replace("\n", "\n  "))
    yield "}"


def _tf_team(plan: Plan, change: Change[UrlLock]) -> Iterator[str]:
    team: JsonLike = plan.state.raw.get("team") or {}
    force = plan.state.workforce.if_read
    yield from _tf_head("aws_sagemaker_workteam", change)
    yield f"  workteam_name  = {hcl(change.name)}"
    if force is not None:
        yield f"  workforce_name = {hcl(force.name)}"
    yield f"  description    = {hcl(str(team.get('Description') or change.name))}"
    for member in team.get("MemberDefinitions") or ():
        yield "  member_definition {"
        for block, key, names in (
            ("cognito_member_definition", "CognitoMemberDefinition", _COGNITO),
            ("oidc_member_definition", "OidcMemberDefinition", _OIDC),
        ):
            if member.get(key):
                yield from _tf_block(block, member[key], names, "    ")
        yield "  }"
    topic = team.get("NotificationConfiguration")
    if topic:
        yield from _tf_block(
            "notification_configuration", topic, {"NotificationTopicArn": "notification_topic_arn"}
        )
    # The provider accepts exactly one of the two settings.
    on = change.after.on
    shown = change.after if on else change.before
    setting = "vpc_source_ip" if shown.vpc_source_ip and not shown.source_ip else "source_ip"
    yield "  worker_access_configuration {\n    s3_presign {\n      iam_policy_constraints {"
    yield f'        {setting} = "{"Enabled" if on else "Disabled"}"'
    yield "      }\n    }\n  }\n}"


def _tf_workforce(plan: Plan, change: Change[Texts]) -> Iterator[str]:
    force: JsonLike = plan.state.raw.get("workforce") or {}
    yield from _tf_head("aws_sagemaker_workforce", change)
    yield f"  workforce_name = {hcl(change.name)}"
    cognito, vpc = force.get("CognitoConfig"), force.get("WorkforceVpcConfig")
    if cognito:
        yield from _tf_block("cognito_config", cognito, _COGNITO)
    else:
        yield "  # Add the oidc_config block: its client secret cannot be read from AWS."
    if vpc:
        yield from _tf_block("workforce_vpc_config", vpc, _VPC)
    yield from _tf_block("source_ip_config", {"Cidrs": change.after}, {"Cidrs": "cidrs"})
    yield "}"


def _tf_block(
    name: str, settings: JsonLike, names: Mapping[str, str], space: str = "  "
) -> Iterator[str]:
    """Yield a block with those settings of the API that it has, by their names in Terraform."""
    found = {names[key]: value for key, value in settings.items() if key in names}
    width = max(map(len, found), default=0)
    yield f"{space}{name} {{"
    for attribute, value in found.items():
        yield f"{space}  {attribute:{width}} = {hcl(value)}"
    yield f"{space}}}"


def _tf_head(kind: str, change: Change[Any]) -> Iterator[str]:
    """Yield the import block of what exists, and the first line of a resource."""
    name = "gt_" + re.sub(r"[^a-z0-9]+", "_", change.name.lower()).strip("_")
    if change.before is not None:
        yield f"import {{\n  to = {kind}.{name}\n  id = {hcl(change.name)}\n}}"
    yield f'resource "{kind}" "{name}" {{'


def hcl(value: str | Sequence[str]) -> str:
    """Return a text or a list of texts as HCL: no template in it is evaluated."""
    return _without_templates(json.dumps(value, ensure_ascii=False))


def _without_templates(written: str) -> str:
    """Return JSON as HCL, which reads it as an expression: its strings are templates there."""
    written = re.sub(
        r"\\(.)", lambda each: {"b": r"\u0008", "f": r"\u000c"}.get(each[1], each[0]), written
    )
    return written.replace("${", "$${").replace("%{", "%%{")


def to_alarm(wish: Restriction) -> str:
    """Return an AWS CloudFormation template, as JSON, that sends a message for each presigned
    request from elsewhere.
    """
    if not wish.bucket:
        raise InvalidInput(
            "An alarm watches a bucket.", next_step="Name it: s3://BUCKET.", field="bucket"
        )
    template = package_data("gt_secure.changes.render", "alarm.json")
    template["Description"] += f" Allowed: {some(wish.allowed.names())}."
    rule = template["Resources"].pop("Rule")
    for number, each in enumerate(event_patterns(wish.bucket, wish.prefix, wish.allowed), 1):
        template["Resources"][f"Rule{number}"] = rule | {
            "Properties": rule["Properties"] | {"EventPattern": each}
        }
    return json_text(template, indent=2) + "\n"


def to_ticket(plan: Plan) -> str:
    """Return the text for an administrator who applies a plan: what it changes and asks, the
    commands with the policy, a test, and the undo.
    """
    wish = plan.restriction
    place = f"s3://{wish.bucket}/{wish.prefix or ''}".rstrip("/")
    test = f"gt-secure check guard-is-in-place {shlex.quote(place)} {wish.allowed.options}"
    undo = [_command(plan, replace(each, after=each.before)) for each in reversed(plan.changes)]
    parts = [
        summary_text(plan),
        f"Requested by: {printable(plan.state.caller_arn)}",
        f"Reason: {printable(plan.reason or 'none given')}",
        f"Digest: {plan.digest}",
        f"Commands:\n{to_cli(plan)}",
        *([f"Test:\n{test}"] if wish.bucket and wish.guard else []),
        "Undo (the values of today):\n" + "\n".join(undo),
    ]
    return "\n\n".join(part.rstrip() for part in parts) + "\n"
