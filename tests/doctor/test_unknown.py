"""Facts that AWS or the SDK do not decide are unknown, with the reason,
and nothing green is said of them.
"""

from __future__ import annotations

import datetime as dt
import platform
from email.utils import format_datetime
from types import SimpleNamespace

import pytest

from gt_secure.base.version import __version__
from gt_secure.doctor import environment
from gt_secure.doctor.environment import Fact


@pytest.mark.parametrize("headers", [{}, {"date": None}, {"date": "yesterday"}])
def test_a_clock_without_a_time_of_aws_is_unknown(headers):
    sts = SimpleNamespace(
        get_caller_identity=lambda: {"ResponseMetadata": {"HTTPHeaders": headers}}
    )
    fact = environment._clock(SimpleNamespace(client=lambda name: sts))
    assert (fact.value, fact.mark, fact.said) == ("unknown", "note", "AWS returned no time.")


def test_members_that_the_sdk_does_not_have_are_unknown():
    facts = {
        each.name: each for each in environment._members(SimpleNamespace(knows=lambda *_: False))
    }
    lock = facts["UpdateWorkteam.WorkerAccessConfiguration"]
    assert (lock.value, lock.mark, lock.said) == (
        "unknown",
        "wrong",
        "Update boto3 for the URL lock.",
    )
    assert {each.value for each in facts.values()} == {"unknown"}


NOW = dt.datetime(2026, 11, 20, 9, 30, tzinfo=dt.UTC)
OLD = "Presigned URLs of the old signature fail through PrivateLink and have no signature age."
LOCAL = "Calls go to this address, not to AWS."


def account(
    *,
    endpoint=None,
    signature="s3v4",
    host="https://s3.eu-west-1.amazonaws.com",
    off=0.0,
    knows=True,
):
    """Return a connection whose clients have these settings, and whose clock is off by some seconds."""
    date = format_datetime(NOW + dt.timedelta(seconds=off))
    meta = SimpleNamespace(config=SimpleNamespace(signature_version=signature), endpoint_url=host)
    answer = {"ResponseMetadata": {"HTTPHeaders": {"date": date}}}
    client = SimpleNamespace(meta=meta, get_caller_identity=lambda: answer)
    return SimpleNamespace(
        region="eu-west-1", endpoint_url=endpoint, client=lambda _: client, knows=lambda *_: knows
    )


@pytest.fixture
def installed(monkeypatch):
    monkeypatch.setattr(environment, "_now", lambda: NOW)
    monkeypatch.setattr(
        environment, "version", {"boto3": "1.2", "duckdb": "3.4", "ministack": "5.6"}.get
    )
    monkeypatch.setattr(environment, "missing", lambda: ["rich", "yaml"])
    monkeypatch.setattr(environment, "OPTIONAL", {"rich": "colours", "yaml": "YAML files"})
    monkeypatch.setattr(
        environment, "install_command", lambda *names: f"pip install {' '.join(names)}"
    )


PACKAGES = [
    Fact("gt_secure", __version__), Fact("Python", platform.python_version()), Fact("boto3", "1.2"),
    Fact("ipywidgets", "missing", "wrong", "pip install ipywidgets"),
    Fact("matplotlib", "missing", "wrong", "pip install matplotlib"), Fact("duckdb", "3.4"),
]  # fmt: skip
TOOLS = [
    Fact("sandbox", "ministack 5.6"),
    Fact(
        "optional packages",
        "without rich, yaml",
        "ok",
        "pip install rich yaml for colours; YAML files.",
    ),
]
MEMBERS = [
    Fact(f"Update{name}", "known")
    for name in (
        "Workteam.WorkerAccessConfiguration",
        "Workforce.SourceIpConfig",
        "Workforce.WorkforceVpcConfig",
        "Workforce.IpAddressType",
    )
]
CALLS = [
    Fact("region", "eu-west-1"), Fact("endpoint", "AWS"), Fact("S3 signature", "s3v4"),
    Fact("S3 host", "https://s3.eu-west-1.amazonaws.com"), Fact("clock", "0 s off"),
]  # fmt: skip


def test_each_fact_is_there_in_its_order(installed, monkeypatch):
    assert environment.facts(account()) == [*PACKAGES, *MEMBERS, *CALLS, *TOOLS]
    assert environment.facts(account(), of_teams=False) == [*PACKAGES, *CALLS, *TOOLS]
    assert environment.installed() == [*PACKAGES, *TOOLS]
    monkeypatch.setattr(environment, "missing", list)
    assert environment.installed()[-1] == Fact("optional packages", "all installed")


def test_a_member_that_only_some_need_is_a_note():
    marks = [
        (each.name.partition(".")[2], each.mark, each.said)
        for each in environment._members(account(knows=False))
    ]
    assert marks == [
        ("WorkerAccessConfiguration", "wrong", "Update boto3 for the URL lock."),
        ("SourceIpConfig", "wrong", "Update boto3 for the portal lock."),
        ("WorkforceVpcConfig", "note", "Update boto3 for portals in a VPC."),
        ("IpAddressType", "note", "Update boto3 for portals that accept IPv6."),
    ]


@pytest.mark.parametrize(
    ("given", "fact"),
    [
        ({"endpoint": "http://127.0.0.1:1"}, Fact("endpoint", "http://127.0.0.1:1", "note", LOCAL)),
        ({"signature": "s3"}, Fact("S3 signature", "s3", "wrong", OLD)),
        (
            {"host": "https://s3.amazonaws.com"},
            Fact(
                "S3 host",
                "https://s3.amazonaws.com",
                "wrong",
                "The global host has no endpoint in a VPC.",
            ),
        ),
        (
            {"host": "http://127.0.0.1:1", "endpoint": "http://127.0.0.1:1"},
            Fact("S3 host", "http://127.0.0.1:1"),
        ),
        ({"off": 59}, Fact("clock", "59 s off")),
        (
            {"off": -60},
            Fact("clock", "60 s off", "note", "Set the clock: signatures depend on it."),
        ),
        (
            {"off": 299},
            Fact("clock", "299 s off", "note", "Set the clock: signatures depend on it."),
        ),
        (
            {"off": -300},
            Fact("clock", "300 s off", "wrong", "Set the clock: signatures depend on it."),
        ),
    ],
)
def test_a_fact_that_does_not_fit_says_what_follows(given, fact, installed):
    assert fact in list(environment._calls(account(**given)))
