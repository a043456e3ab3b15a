"""An EventBridge rule on the calls that change the locks of exactly these resources, to an SNS topic.

EventBridge gets management events from a CloudTrail trail of the account. Sources: EventBridge User Guide, *Events from
AWS services delivered via CloudTrail* and *Comparison operators* (``$or``); SNS Developer Guide, *access policies*.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Literal, TypeAlias, get_args

from ..errors import InvalidInput
from .history import BUCKET_CALLS, NAME_MEMBERS, TEAM_CALLS, WORKFORCE_CALLS, Resources

Format: TypeAlias = Literal["cloudformation", "terraform"]
_INPUT = {
    "call": "$.detail.eventName", "who": "$.detail.userIdentity.arn", "source": "$.detail.sourceIPAddress",
    "at": "$.detail.eventTime", "agent": "$.detail.userAgent", "account": "$.account", "region": "$.region",
}  # fmt: skip
_MESSAGE = '"<call> by <who> at <at> from <source> (<agent>), account <account>, <region>."'


def event_pattern(resources: Resources) -> dict[str, Any]:
    """Return the pattern: the calls that change a lock, for these names only, whether or not they succeeded.

    Raises
    ------
    InvalidInput
        If no resource is named.
    """
    parts = [
        ("sagemaker.amazonaws.com", TEAM_CALLS, resources.team),
        ("sagemaker.amazonaws.com", WORKFORCE_CALLS, resources.workforce),
        ("s3.amazonaws.com", BUCKET_CALLS, resources.bucket),
    ]
    alternatives = [
        {"eventSource": [source], "eventName": list(calls), "requestParameters": {NAME_MEMBERS[calls[0]]: [name]}}
        for source, calls, name in parts
        if name
    ]
    if not alternatives:
        raise InvalidInput(
            "Neither a team nor a bucket is given.", next_step="Pass team=, bucket= or both.", field="team"
        )
    detail: dict[str, Any] = alternatives[0] if len(alternatives) == 1 else {"$or": alternatives}
    return {"source": ["aws.sagemaker", "aws.s3"], "detail-type": ["AWS API Call via CloudTrail"], "detail": detail}


def event_rule(resources: Resources, form: Format = "cloudformation") -> str:
    """Return the rule, its topic and the topic's policy as CloudFormation (JSON) or Terraform."""
    if form not in get_args(Format):
        raise InvalidInput(
            f"'{str(form)[:40]}' is not a format.", next_step="Write cloudformation or terraform.", field="form"
        )
    pattern = event_pattern(resources)
    if form == "terraform":
        return "\n".join(_terraform(pattern)) + "\n"
    return json.dumps(_cloudformation(pattern), indent=2) + "\n"


def _cloudformation(pattern: dict[str, Any]) -> dict[str, Any]:
    target = {
        "Id": "topic",
        "Arn": {"Ref": "Topic"},
        "InputTransformer": {"InputPathsMap": _INPUT, "InputTemplate": _MESSAGE},
    }
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": {"Ref": "Topic"},
        "Condition": {"ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": ["Rule", "Arn"]}}},
    }
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "Message on each call that changes the locks of gt_secure",
        "Parameters": {"Email": {"Type": "String", "Default": "", "Description": "Address to subscribe, if any"}},
        "Conditions": {"HasEmail": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Email"}, ""]}]}},
        "Resources": {
            "Topic": {"Type": "AWS::SNS::Topic"},
            "Subscription": {
                "Type": "AWS::SNS::Subscription",
                "Condition": "HasEmail",
                "Properties": {"Protocol": "email", "TopicArn": {"Ref": "Topic"}, "Endpoint": {"Ref": "Email"}},
            },
            "Rule": {
                "Type": "AWS::Events::Rule",
                "Properties": {
                    "Description": "Calls that change the locks of gt_secure",
                    "EventPattern": pattern,
                    "State": "ENABLED",
                    "Targets": [target],
                },
            },
            "TopicPolicy": {
                "Type": "AWS::SNS::TopicPolicy",
                "Properties": {
                    "Topics": [{"Ref": "Topic"}],
                    "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]},
                },
            },
        },
        "Outputs": {"TopicArn": {"Value": {"Ref": "Topic"}}},
    }


def _terraform(pattern: dict[str, Any]) -> Iterator[str]:
    yield from ('resource "aws_sns_topic" "gt_secure" {', '  name = "gt-secure-locks"', "}", "")
    yield 'resource "aws_cloudwatch_event_rule" "gt_secure" {'
    yield '  name          = "gt-secure-locks"'
    yield '  description   = "Calls that change the locks of gt_secure"'
    yield "  event_pattern = <<-PATTERN"
    yield from (f"    {line}" for line in json.dumps(pattern, indent=2).splitlines())
    yield from ("  PATTERN", "}", "")
    yield 'resource "aws_cloudwatch_event_target" "gt_secure" {'
    yield "  rule = aws_cloudwatch_event_rule.gt_secure.name"
    yield "  arn  = aws_sns_topic.gt_secure.arn"
    yield "  input_transformer {"
    yield "    input_paths = {"
    yield from (f"      {name} = {json.dumps(path)}" for name, path in _INPUT.items())
    yield "    }"
    yield f"    input_template = {json.dumps(_MESSAGE)}"
    yield from ("  }", "}", "")
    yield 'resource "aws_sns_topic_policy" "gt_secure" {'
    yield "  arn    = aws_sns_topic.gt_secure.arn"
    yield "  policy = data.aws_iam_policy_document.gt_secure.json"
    yield from ("}", "", 'data "aws_iam_policy_document" "gt_secure" {', "  statement {")
    yield '    actions   = ["sns:Publish"]'
    yield "    resources = [aws_sns_topic.gt_secure.arn]"
    yield from (
        "    principals {",
        '      type        = "Service"',
        '      identifiers = ["events.amazonaws.com"]',
        "    }",
    )
    yield "    condition {"
    yield '      test     = "ArnEquals"'
    yield '      variable = "aws:SourceArn"'
    yield "      values   = [aws_cloudwatch_event_rule.gt_secure.arn]"
    yield from ("    }", "  }", "}")
