"""Policies before they are deployed: what is unknown in a plan or template is unknown both ways."""

from __future__ import annotations

import json
import time

import pytest

from gt_secure.base.errors import InvalidInput
from gt_secure.base.network import parse_network
from gt_secure.engine.access import Claim, locks_of_policies
from gt_secure.engine.access.cloudformation_template import cloudformation_policies
from gt_secure.engine.access.planned_policies import PlannedPolicy, reasons
from gt_secure.engine.access.terraform_plan import terraform_policies
from support import planned_kinds
from support.costs import loop_seconds
from support.planned_policies import ACCOUNT, GUARD, OFFICE, PLANS, TEMPLATES, template


def decide(planned: PlannedPolicy) -> bool | None:
    proof = planned.prove(
        locks_of_policies("gt-images", None, ACCOUNT), Claim("", (parse_network(OFFICE),))
    )
    assert (proof.proved is None) == bool(proof.depends_on)
    return proof.proved


@pytest.mark.parametrize("name", PLANS)
def test_a_terraform_plan(name: str) -> None:
    text, expected = PLANS[name]
    policy = terraform_policies(text).policy("gt-images")
    assert decide(policy.accepting()) is expected
    assert decide(policy) is (None if policy.provided else expected)


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template(name: str) -> None:
    data, expected = TEMPLATES[name]
    assert (
        decide(cloudformation_policies(json.dumps(data), ACCOUNT).policy("gt-images")) is expected
    )


@pytest.mark.parametrize("name", planned_kinds.PLANS)
def test_a_kind_of_plan(name: str) -> None:
    text, as_it_stands, unchanged = planned_kinds.PLANS[name]
    bucket = "gt--use1-az1--x-s3" if "directory" in name else "gt-images"
    policy = terraform_policies(text).policy(bucket)
    assert (decide(policy), decide(policy.accepting())) == (as_it_stands, unchanged)


@pytest.mark.parametrize("name", planned_kinds.TEMPLATES)
def test_a_kind_of_template(name: str) -> None:
    data, expected = planned_kinds.TEMPLATES[name]
    assert (
        decide(cloudformation_policies(json.dumps(data), ACCOUNT).policy("gt-images")) is expected
    )


@pytest.mark.parametrize(
    ("actions", "resource"),
    [
        (["s3:GetObject", "s3:PutObject*"], ["arn:aws:s3:::gt-images/*"]),
        (["S3:listbucket", "s3:GetBucket*"], ["arn:aws:s3:::gt-images"]),
        (["s3:GetObject", "s3:ListBucket"], None),
        (["s3:Get*"], None),
    ],
)
def test_one_reference_is_what_its_actions_need(
    actions: list[str], resource: list[str] | None
) -> None:
    """S3 refuses an action without a resource of its kind."""
    text = planned_kinds.of_resources(1, planned_kinds.ARN, actions=actions, module={})
    [document] = terraform_policies(text).policy("gt-images").documents
    made = document.value["Statement"][0]["Resource"]
    assert made == resource or (resource is None and reasons(made))
    assert "arn:aws:s3:::gt-images or arn:aws:s3:::gt-images/*" in document.provided


def test_parameters_that_are_fixed() -> None:
    data = json.dumps(
        planned_kinds.of_parameter({"Type": "String", "AllowedValues": [OFFICE, "0.0.0.0/0"]})
    )
    policy = cloudformation_policies(data, ACCOUNT, {"Cidr": OFFICE}).policy("gt-images")
    assert decide(policy) is True
    assert f"Cidr is {OFFICE}." in policy.assumed
    listed = json.dumps(planned_kinds.of_parameter({"Type": "CommaDelimitedList"}))
    halves = {"Cidr": "203.0.113.0/25, 203.0.113.128/25"}
    assert decide(cloudformation_policies(listed, ACCOUNT, halves).policy("gt-images")) is True
    unnamed = json.dumps(template(GUARD, bucket={"Ref": "Images"})).replace(
        '{"BucketName": "gt-images"}', "{}"
    )
    assert decide(cloudformation_policies(unnamed, ACCOUNT).policy("gt-images")) is None
    assert (
        decide(
            cloudformation_policies(unnamed, ACCOUNT, {"Images": "gt-images"}).policy("gt-images")
        )
        is True
    )
    with pytest.raises(InvalidInput, match="no parameter 'Other'"):
        cloudformation_policies(data, ACCOUNT, {"Other": "x"})
    with pytest.raises(InvalidInput, match="does not allow this value of the parameter 'Cidr'"):
        cloudformation_policies(data, ACCOUNT, {"Cidr": "198.51.100.0/24"})
    several = {"Type": "CommaDelimitedList", "AllowedValues": [OFFICE, "192.0.2.0/24"]}
    both = {"Cidr": f"{OFFICE}, 192.0.2.0/24"}
    cloudformation_policies(json.dumps(planned_kinds.of_parameter(several)), ACCOUNT, both)
    with pytest.raises(InvalidInput, match="Cidr"):
        cloudformation_policies(
            json.dumps(planned_kinds.of_parameter(several)), ACCOUNT, {"Cidr": f"{OFFICE},::/0"}
        )


def test_other_partitions() -> None:
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": {"Fn::Sub": "${Images.Arn}/*"},
    }
    deny |= {"Condition": {"NotIpAddress": {"aws:SourceIp": OFFICE}}}
    whole = {**deny, "Resource": [{"Fn::GetAtt": ["Images", "Arn"]}, deny["Resource"]]}
    china = {"AWS::Partition": "aws-cn"}
    assert (
        decide(
            cloudformation_policies(json.dumps(template(whole)), ACCOUNT, china).policy("gt-images")
        )
        is True
    )


def test_short_forms_of_yaml() -> None:
    pytest.importorskip("yaml")
    text = json.dumps(template({**GUARD, "Resource": "RESOURCE"}), indent=1).replace(
        '"RESOURCE"',
        '[!GetAtt Images.Arn, !Sub "${Images.Arn}/*", !Join ["", [!GetAtt Images.Arn, "/*"]]]',
    )
    text = "# a template\n" + text.replace('"2012-10-17"', "2012-10-17")
    assert decide(cloudformation_policies(text, ACCOUNT).policy("gt-images")) is True
    odd = text.replace("!GetAtt Images.Arn,", "!Harden x,")
    assert "Fn::Harden" in cloudformation_policies(odd, ACCOUNT).policy("gt-images").doubts[0]
    with pytest.raises(InvalidInput, match="not YAML"):
        cloudformation_policies("a: [", ACCOUNT)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "null", '{"format_version": "2.0", "resource_changes": []}',
     '{"format_version": "1.2", "resource_changes": [1]}', '{"format_version": "1.2", "resource_changes": [{}]}',
     '{"format_version": "1.2", "resource_changes": [], "resource_changes": []}'],
)  # fmt: skip
def test_other_plans_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        terraform_policies(text)


@pytest.mark.parametrize(
    "text",
    ["[]", "{}", "null", '{"Resources": []}',
          '{"Resources": {}, "Parameters": []}', '{"Resources": {}, "Resources": {}}'],
)  # fmt: skip
def test_other_templates_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        cloudformation_policies(text, ACCOUNT)


@pytest.mark.parametrize(
    "name", ["a choice of two documents", "deleted while another is created", "errored"]
)
def test_the_reason_is_named(name: str) -> None:
    proof = terraform_policies(planned_kinds.PLANS[name][0]).policy("gt-images").prove(
        locks_of_policies("gt-images", None, ACCOUNT), Claim("", (parse_network(OFFICE),))
    )  # fmt: skip
    words = {"a choice of two documents": "var.lock", "errored": "the plan is not complete"}
    assert words.get(name, "which of 2 documents") in " ".join(proof.depends_on)


def nested(depth: int, inner: str = "1") -> str:
    return '{"a":' * depth + inner + "}" * depth


POLICY = (
    '{"Resources": {"P": {"Type": "AWS::S3::BucketPolicy", "Properties": {"Bucket": "gt-images", '
    '"PolicyDocument": %s}}}}'
)
HOSTILE = {
    "aliases of aliases": "a0: &a0 [x,x,x,x,x,x,x,x,x]\n"
    + "".join(f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 9)) + "Resources: *a8\n",
    "merges of merges": "a0: &a0 {k: v}\n"
    + "".join(f"a{i}: &a{i} {{<<: [*a{i - 1}, *a{i - 1}]}}\n" for i in range(1, 28)) + "Resources: *a27\n",
    "an alias of itself": "Resources: &r {a: *r}\n",
    "5,000 brackets": "[" * 5000,
    "5,000 brackets of JSON": '{"a":' * 5000,
    "short forms in short forms": "Resources: " + "!Sub [" * 400 + "]" * 400,
    "Statement twice": POLICY % '{"Statement": [], "Statement": []}',
    "Statement twice in YAML": "Resources:\n  P: {Properties: {PolicyDocument: {Statement: [], Statement: []}}}\n",
    "an object of Python": "Resources: !!python/object:os.system {}",
}  # fmt: skip
UNKNOWN_AFTER_ALL = {
    "properties that are a list": '{"Resources": {"P": {"Type": "AWS::S3::BucketPolicy", "Properties": []}}}',
    "a condition that is a list": json.dumps(planned_kinds.resource(template(GUARD), Condition=["A"])),
    "an application of another repository": json.dumps(
        planned_kinds.resource(template(GUARD), "A", Type="AWS::Serverless::Application", Properties={"b": "gt-images"})
    ),
    "deep JSON": f'{{"Resources": {nested(900)}}}',
    "a deep policy": POLICY % nested(900),
    "a deep statement": POLICY % f'{{"Version": "2012-10-17", "Statement": [{nested(300)}]}}',
    "a condition of itself": json.dumps(
        planned_kinds.resource(template(GUARD, Conditions={"A": {"Condition": "A"}}), Condition="A")
    ),
    "a bucket of itself": json.dumps(template(GUARD)).replace('": "gt-images"}}', '": {"Ref": "Images"}}}', 1),
    "forty choices": POLICY % json.dumps({"Version": "2012-10-17", "Statement": [
        {"Fn::If": [f"C{i}", {}, []]} for i in range(40)]}),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_template_is_refused_at_once(name: str) -> None:
    pytest.importorskip("yaml")
    loop, started = loop_seconds(), time.process_time()
    with pytest.raises(InvalidInput):
        cloudformation_policies(HOSTILE[name], ACCOUNT)
    assert time.process_time() - started < 20 * loop


@pytest.mark.parametrize("name", UNKNOWN_AFTER_ALL)
def test_what_is_deep_or_refers_to_itself_has_an_answer(name: str) -> None:
    started = time.process_time()
    policy = cloudformation_policies(UNKNOWN_AFTER_ALL[name], ACCOUNT).policy("gt-images")
    assert decide(policy) is (True if name == "a bucket of itself" else None)
    assert time.process_time() - started < 2


@pytest.mark.parametrize("account", [ACCOUNT, int(ACCOUNT)])
def test_an_account_without_quotes_is_a_text_in_a_template(account: str | int) -> None:
    other = {**GUARD, "Effect": "Allow", "Principal": {"AWS": account}, "Condition": {}}
    for statements, expected in (([GUARD, other], True), ([other], False)):
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        assert (
            decide(cloudformation_policies(POLICY % document, ACCOUNT).policy("gt-images"))
            is expected
        )


def test_the_reason_of_a_document_that_is_not_valid_ends_once() -> None:
    document = json.dumps({"Version": "2012-10-17", "Statement": [{**GUARD, "Action": [[1]]}]})
    proof = cloudformation_policies(POLICY % document, ACCOUNT).policy("gt-images").prove(
        locks_of_policies("gt-images", None, ACCOUNT), Claim("", (parse_network(OFFICE),))
    )  # fmt: skip
    assert "P is not a valid policy: Text or a list of texts is needed here" in proof.text
    assert ".." not in proof.text


@pytest.mark.parametrize("depth", [300, 900, 5000])
def test_a_deep_plan_has_an_answer_or_is_refused(depth: int) -> None:
    unknown = nested(depth, "true")
    change = f'{{"actions": ["create"], "after": {unknown}, "after_unknown": {unknown}}}'
    row = f'{{"address": "a", "type": "x", "change": {change}}}'
    text = f'{{"format_version": "1.2", "resource_changes": [{row}]}}'
    try:
        assert decide(terraform_policies(text).policy("gt-images")) is None
        assert depth < 5000
    except InvalidInput:
        assert depth > 300, "how deep a reader goes depends on the version of Python"
