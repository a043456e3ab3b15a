"""The organization of an account, over HTTP: policies of every level,
and roles that may not read them.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from gt_secure.account.organization import read_organization
from gt_secure.aws.client import Aws, Identity
from support.organizations import FULL, ID, INNER, OUTER, RCP, ROOT, SCP, Organizations, serving

DENY = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"}


@pytest.fixture
def company() -> Iterator[Organizations]:
    with serving(Organizations()) as found:
        yield found


def connected(company: Organizations) -> Aws:
    session = boto3.Session("AKIAEXAMPLE", "secret", region_name="eu-west-1")
    aws = Aws(session, "eu-west-1", company.url, timeout_s=2)
    aws._identity = Identity(company.account, f"arn:aws:sts::{company.account}:assumed-role/R/s")
    return aws


def test_policies_of_each_level_up_to_the_root(company: Organizations) -> None:
    company.place(RCP, ROOT, {"Version": "2012-10-17", "Statement": DENY})
    company.place(SCP, OUTER, FULL)
    found = read_organization(connected(company))
    assert found.id.value == ID
    assert found.path.value == f"{ID}/{ROOT}/{OUTER}/{INNER}/"
    assert found.is_management.value is False
    assert list(map(len, found.rcp.value or ())) == [1, 1, 1, 2]
    assert json.loads((found.rcp.value or ())[3][1])["Statement"] == DENY
    assert list(map(len, found.scp.value or ())) == [1, 1, 2, 1]
    assert found.missing() == ()
    # the full access of each level is one policy a kind
    assert company.calls.count("DescribePolicy") == 4


def test_policies_do_not_hold_for_the_management_account(company: Organizations) -> None:
    company.management = company.account
    company.place(RCP, ROOT, {"Version": "2012-10-17", "Statement": DENY})
    found = read_organization(connected(company))
    assert (found.is_management.value, found.rcp.value, found.scp.value) == (True, (), ())
    assert "DescribePolicy" not in company.calls


def test_an_account_without_an_organization_has_no_policies(company: Organizations) -> None:
    company.in_use = False
    found = read_organization(connected(company))
    assert (found.id.value, found.path.value, found.rcp.value, found.scp.value) == (
        None,
        None,
        (),
        (),
    )


@pytest.mark.parametrize(
    ("fault", "why", "kept"),
    [
        ((403, "AccessDeniedException"), "denied", True),
        ((400, "TooManyRequestsException"), "no answer", False),
        ((503, "ServiceUnavailable"), "no answer", False),
        (None, "no answer", False),
    ],
)
@pytest.mark.parametrize(
    "operation", ["DescribeOrganization", "ListParents", "ListPoliciesForTarget", "DescribePolicy"]
)
def test_policies_that_are_not_read_are_unknown(
    company: Organizations, operation: str, fault: Any, why: str, kept: bool
) -> None:
    company.faults[operation] = fault
    aws = connected(company)
    found = read_organization(aws)
    assert {
        part.missing and (part.missing.action, part.missing.why) for part in (found.rcp, found.scp)
    } == {(f"organizations:{operation}", why)}
    company.calls.clear()
    read_organization(aws)
    assert bool(company.calls) is not kept


def test_an_answer_without_content_is_no_answer(
    company: Organizations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Organizations, "_DescribePolicy", lambda *_: {})
    found = read_organization(connected(company))
    assert found.rcp.missing is not None
    assert (found.rcp.missing.action, found.rcp.missing.why) == (
        "organizations:DescribePolicy",
        "no answer",
    )
    assert found.path.value


def test_a_connection_reads_it_once_in_ten_minutes(
    company: Organizations, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    aws = connected(company)
    first = read_organization(aws)
    company.calls.clear()
    now += 599.5
    assert read_organization(aws) is first
    assert not company.calls
    now += 0.5
    assert read_organization(aws) is not first


@pytest.mark.parametrize("content", ["{", "[]", "{}", '"Statement"'])
def test_a_policy_that_is_not_one_is_no_answer(
    company: Organizations, content: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        Organizations, "_DescribePolicy", lambda *_: {"Policy": {"Content": content}}
    )
    found = read_organization(connected(company))
    assert found.scp.missing is not None
    assert (found.scp.missing.action, found.scp.missing.why) == (
        "organizations:DescribePolicy",
        "no answer",
    )
