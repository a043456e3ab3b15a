"""A sandbox for the doctor, and users who may do only what a policy says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.box import ACCOUNT, BUCKET, LOGS, ROLE  # noqa: F401 - the names that the tests of this folder import
from support.rig import Rig as Account

TEAM = "radiology-team"
SIMULATE = {"Effect": "Allow", "Action": "iam:SimulatePrincipalPolicy", "Resource": "*"}


@pytest.fixture(scope="session")
def running_account() -> Iterator[Account]:
    with Account.running(log_delay_s=0.1, workforce_delay_s=0.05) as account:
        yield account


@pytest.fixture(scope="module")
def account(running_account: Account) -> Account:
    running_account.sandbox.reset()
    return running_account
