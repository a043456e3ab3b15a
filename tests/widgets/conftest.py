"""Widgets without a browser: a kernel is not needed, comms go nowhere, and everything is closed afterwards."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Coroutine, Iterator
from typing import Any

import boto3
import ipywidgets
import pytest

from gt_secure.connection import Connection, connect
from gt_secure.sandbox import Sandbox
from gt_secure.widgets import testing


@pytest.fixture(scope="session")
def aws() -> Iterator[Sandbox]:
    """A sandbox that only these tests change."""
    with Sandbox(log_delay_s=0.1, workforce_delay_s=0.1) as running:
        yield running


def session_of(aws: Sandbox) -> boto3.session.Session:
    env = aws.environment()
    return boto3.session.Session(
        aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
        region_name="us-east-1",
    )


def user(aws: Any, *statements: dict[str, Any]) -> Connection:
    """Somebody who may do only this."""
    iam = session_of(aws).client("iam", endpoint_url=aws.endpoint_url)
    name = f"user-{time.monotonic_ns()}"
    iam.create_user(UserName=name)
    document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    if statements:
        iam.put_user_policy(UserName=name, PolicyName="given", PolicyDocument=document)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    session = boto3.session.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name="us-east-1")
    return connect(boto3_session=session, endpoint_url=aws.endpoint_url)


@pytest.fixture
def connection(aws: Sandbox) -> Connection:
    return connect(boto3_session=session_of(aws), endpoint_url=aws.endpoint_url)


@pytest.fixture(autouse=True)
def _journal(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GT_SECURE_JOURNAL", str(tmp_path / "journal"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    ipywidgets.Widget.close_all()


@pytest.fixture
def now() -> Iterator[None]:
    """Testing mode: work runs at once, and errors are raised."""
    with testing():
        yield


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(work, 60))


def words(markup: str) -> str:
    """The text of some HTML."""
    import html
    import re

    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", markup))).strip()


def every_widget(root: ipywidgets.Widget) -> Iterator[ipywidgets.Widget]:
    """A widget and all that are in it."""
    yield root
    for child in getattr(root, "children", ()):
        yield from every_widget(child)


@pytest.fixture(name="words")
def _words() -> Any:
    return words


@pytest.fixture(name="run")
def _run() -> Any:
    return run


@pytest.fixture(name="every_widget")
def _every_widget() -> Any:
    return every_widget
