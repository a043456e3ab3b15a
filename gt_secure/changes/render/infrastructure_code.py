"""A plan for a review process: AWS CLI commands, Terraform."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from textwrap import indent
from typing import TYPE_CHECKING, Any

from ...base.text import JsonLike, Texts, printable
from ...engine.policies.url_lock import UrlLock
from ..change import Change, is_change_of
from ..targets import BucketGuard, TeamUrlLock
from .summary import summary_text

if TYPE_CHECKING:
    from ...engine.policies.bucket_policy import BucketPolicy
    from ..plan import Plan


_OPEN = "Answer the questions (? and ✕) above first. Until then each command is a comment (#).\n\n"
"""The line above the commands of a ticket that asks."""


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
    lines = [*head]
    for change in plan.changes:
        comment = printable(f"# {change.title}: {change.after_text}")  # no line break can leave it
        lines += ["", comment, *of(change)]
    return "\n".join(lines if plan.changes else [*lines, "# Nothing to change."]) + "\n"


def _command(plan: Plan, change: Change[Any]) -> str:
    region = ["--region", change.region or plan.state.region]
    if is_change_of(change, BucketGuard):
        verb = "delete-bucket-policy" if change.after is None else "put-bucket-policy"
        words = ["aws", "s3api", verb, "--bucket", change.name, *region]
        if change.after is not None:
            words += ["--policy", json.dumps(json.loads(change.after), separators=(",", ":"))]
    elif is_change_of(change, TeamUrlLock):
        words = ["aws", "sagemaker", "update-workteam", "--workteam-name", change.name, *region]
        words += [
            "--worker-access-configuration",
            json.dumps(change.after.to_api(), separators=(",", ":")),
        ]
    else:
        words = ["aws", "sagemaker", "update-workforce", "--workforce-name", change.name, *region]
        words += [
            "--source-ip-config",
            json.dumps({"Cidrs": list(change.after)}, separators=(",", ":")),
        ]
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
    name = _label(change.name)
    if change.before is not None:
        yield from _tf_import(f"aws_s3_bucket_policy.{name}", change.name)
    yield f'resource "aws_s3_bucket_policy" "{name}" {{'
    yield f"  bucket = {hcl(change.name)}"
    document = _without_templates(
        json.dumps(json.loads(change.after), indent=2, ensure_ascii=False)
    )
    yield "  policy = jsonencode({})".format(document.replace("\n", "\n  "))
    yield "}"


def _tf_team(plan: Plan, change: Change[UrlLock]) -> Iterator[str]:
    team: JsonLike = plan.state.raw.get("team") or {}
    force = plan.state.workforce.if_read
    name = _label(change.name)
    yield from _tf_import(f"aws_sagemaker_workteam.{name}", change.name)
    yield f'resource "aws_sagemaker_workteam" "{name}" {{'
    yield f"  workteam_name  = {hcl(change.name)}"
    if force is not None:
        yield f"  workforce_name = {hcl(force.name)}"
    yield f"  description    = {hcl(str(team.get('Description') or change.name))}"
    for member in team.get("MemberDefinitions") or ():
        yield from _tf_member(member)
    topic = (team.get("NotificationConfiguration") or {}).get("NotificationTopicArn")
    if topic:
        yield (
            f"  notification_configuration {{\n    notification_topic_arn = {hcl(str(topic))}\n  }}"
        )
    # The provider accepts exactly one of the two settings.
    on = change.after.on
    shown = change.after if on else change.before
    setting = "vpc_source_ip" if shown.vpc_source_ip and not shown.source_ip else "source_ip"
    yield "  worker_access_configuration {\n    s3_presign {\n      iam_policy_constraints {"
    yield f'        {setting} = "{"Enabled" if on else "Disabled"}"'
    yield "      }\n    }\n  }\n}"


def _tf_member(member: JsonLike) -> Iterator[str]:
    """Yield the block for one member definition of a team, of Cognito or OIDC."""
    cognito = member.get("CognitoMemberDefinition")
    yield "  member_definition {"
    if cognito:
        yield "    cognito_member_definition {"
        for key, attribute in (
            ("UserPool", "user_pool"),
            ("UserGroup", "user_group"),
            ("ClientId", "client_id"),
        ):
            yield f"      {attribute} = {hcl(str(cognito.get(key) or ''))}"
    else:
        groups = (member.get("OidcMemberDefinition") or {}).get("Groups") or ()
        yield "    oidc_member_definition {"
        yield f"      groups = [{', '.join(hcl(str(group)) for group in groups)}]"
    yield "    }"
    yield "  }"


def _tf_workforce(plan: Plan, change: Change[Texts]) -> Iterator[str]:
    force: JsonLike = plan.state.raw.get("workforce") or {}
    name = _label(change.name)
    yield from _tf_import(f"aws_sagemaker_workforce.{name}", change.name)
    yield f'resource "aws_sagemaker_workforce" "{name}" {{'
    yield f"  workforce_name = {hcl(change.name)}"
    cognito = force.get("CognitoConfig")
    if cognito:
        yield "  cognito_config {"
        yield f"    client_id = {hcl(str(cognito.get('ClientId') or ''))}"
        yield f"    user_pool = {hcl(str(cognito.get('UserPool') or ''))}"
        yield "  }"
    else:
        yield "  # Add the oidc_config block: its client secret cannot be read from AWS."
    vpc = force.get("WorkforceVpcConfig")
    if vpc:
        yield "  workforce_vpc_config {"
        yield f"    vpc_id             = {hcl(str(vpc.get('VpcId') or ''))}"
        for key, attribute in (
            ("SecurityGroupIds", "security_group_ids"),
            ("Subnets", "subnets           "),
        ):
            yield f"    {attribute} = [{', '.join(hcl(str(item)) for item in vpc.get(key) or ())}]"
        yield "  }"
    yield (
        "  source_ip_config {\n    cidrs ="
        f" [{', '.join(hcl(str(cidr)) for cidr in change.after)}]\n  }}"
    )
    yield "}"


def _tf_import(address: str, identifier: str) -> Iterator[str]:
    yield f"import {{\n  to = {address}\n  id = {hcl(identifier)}\n}}"


def hcl(text: str) -> str:
    """Return a text as an HCL string: no template in it is evaluated."""
    return _without_templates(json.dumps(text, ensure_ascii=False))


def _without_templates(written: str) -> str:
    """Return JSON as HCL, which reads it as an expression: its strings are templates there."""
    written = re.sub(
        r"\\(.)", lambda each: {"b": r"\u0008", "f": r"\u000c"}.get(each[1], each[0]), written
    )
    return written.replace("${", "$${").replace("%{", "%%{")


def _label(name: str) -> str:
    return "gt_" + re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def to_ticket(plan: Plan) -> str:
    """Return the text for an administrator who applies a plan: what it changes and asks, the
    commands with the policy, a test, and the undo. Commands of a plan that asks are comments.
    """
    wish = plan.restriction
    place = f"s3://{wish.bucket}/{wish.prefix or ''}".rstrip("/")
    test = f"gt-secure check guard-is-in-place {shlex.quote(place)} {wish.allowed.options}"
    undo = [_command(plan, replace(each, after=each.before)) for each in reversed(plan.changes)]
    commands = f"Commands:\n{to_cli(plan)}"
    if plan.asks or plan.blockers:
        commands = _OPEN + indent(commands, "# ")
    parts = [
        summary_text(plan),
        f"Requested by: {printable(plan.state.caller_arn)}",
        f"Reason: {printable(plan.reason or 'none given')}",
        f"Digest: {plan.digest}",
        commands,
        *([f"Test:\n{test}"] if wish.bucket and wish.guard else []),
        "Undo (the values of today):\n" + "\n".join(undo),
    ]
    return "\n\n".join(part.rstrip() for part in parts) + "\n"
