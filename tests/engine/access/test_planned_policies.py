"""Policies before they are deployed: what is unknown in a plan or template is unknown both ways."""

from __future__ import annotations

import json

import pytest

from gt_secure.base.errors import InvalidInput
from gt_secure.base.network import parse_network
from gt_secure.engine.access import Claim, locks_of_files
from gt_secure.engine.access.planned_policies import (
    PlannedPolicy,
    cloudformation_policies,
    policy_of,
    terraform_policies,
)
from support.planned_policies import ACCOUNT, GUARD, OFFICE, PLANS, TEMPLATES, template


def decide(planned: PlannedPolicy) -> bool | None:
    proof = planned.prove(locks_of_files("gt-images", None, ACCOUNT), Claim("", (parse_network(OFFICE),)))
    assert (proof.proved is None) == bool(proof.depends_on)
    return proof.proved


@pytest.mark.parametrize("name", PLANS)
def test_a_terraform_plan(name: str) -> None:
    text, expected = PLANS[name]
    assert decide(policy_of(terraform_policies(text), "gt-images")) is expected


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template(name: str) -> None:
    data, expected = TEMPLATES[name]
    assert decide(policy_of(cloudformation_policies(json.dumps(data), ACCOUNT), "gt-images")) is expected


def test_short_forms_of_yaml() -> None:
    pytest.importorskip("yaml")
    text = json.dumps(template({**GUARD, "Resource": "RESOURCE"}), indent=1).replace(
        '"RESOURCE"', '[!GetAtt Images.Arn, !Sub "${Images.Arn}/*", !Join ["", [!GetAtt Images.Arn, "/*"]]]'
    )
    text = "# a template\n" + text.replace('"2012-10-17"', "2012-10-17")
    assert decide(policy_of(cloudformation_policies(text, ACCOUNT), "gt-images")) is True
    with pytest.raises(InvalidInput, match="another form"):
        cloudformation_policies("a: [", ACCOUNT)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format_version": "2.0", "resource_changes": []}'])
def test_other_files_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        terraform_policies(text)
