"""No green without evidence: take away each input of each surface that can say "passed", and it
does not say it.

Calls are taken away by a proxy between the clients and the sandbox, which spoils all calls of one
name. Who finds less says that something was not read, and who passes with all calls does not pass
without one. Files are taken away by hand: a log, a line, a cell, a policy. The fast tests take the
calls that decide, the slow ones all of them.
"""

from __future__ import annotations

import bz2
import gzip
import itertools
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

import gt_secure_agents as agent_tools
from gt_secure import Connection, Restriction, check, connect, expect
from gt_secure.aws import client as aws_client
from gt_secure.base.errors import GtSecureError
from gt_secure.changes.journal import Writer
from gt_secure.check import CheckFailed, CheckResult, Report
from gt_secure.check.spec import RULES
from gt_secure.cli import commands as command_table
from gt_secure.cli.main import main
from gt_secure.engine.policies import build_guard
from gt_secure.logs import count_hits, read_hits
from gt_secure.logs.coverage import NOTHING
from gt_secure.report.accounts import Account
from gt_secure.report.region import read_region
from gt_secure.restriction.files import dump_restriction
from gt_secure.secrets import hook
from gt_secure.widgets import Panel, testing
from gt_secure_prowler.plugin import outcomes
from support.blocks import ROOT
from support.box import ACCOUNT, BUCKET, ELSEWHERE, OFFICE
from support.consents import AGREED
from support.guards import merge_guard
from support.http_faults import FAULTS, Fault, FaultyProxy
from support.lab_page import MISTAKES, asked, counted, module, of_mistake
from support.rig import Rig
from support.sample import sample
from support.scene import GOOD

TEAM = "open-team"
KINDS: tuple[Fault, ...] = (*(fault for fault in FAULTS if fault != "delay"), "denied", "gone")
"""A slow answer is no fault for a patient client."""
Surface = Callable[[Connection], "Seen"]
WISH = Restriction(TEAM, bucket=BUCKET, addresses=["203.0.113.0/24"])


@dataclass(frozen=True)
class Seen:
    """The wrong and open things that a surface reports, and the words for what it did not read."""

    found: frozenset[str]
    unread: frozenset[str]


def of_findings(found: Any, unread: Any = ()) -> Seen:
    named = {
        f"{each.code} {each.subject}"
        for each in found
        if each.state == "found" and each.code != "not-checked"
    }
    unsure = {
        f"{each.code} {each.subject} {each.detail}" for each in found if each.state == "unknown"
    }
    return Seen(
        frozenset(named),
        frozenset(unsure | {e.detail for e in found if e.code == "not-checked"} | {*unread}),
    )


def findings(gt: Connection) -> Seen:
    return of_findings(gt.findings(team=TEAM, bucket=BUCKET))


def no_findings(gt: Connection) -> Seen:
    return of_check(check.no_findings.look(gt, team=TEAM, bucket=BUCKET, severity="info"))


def team_is_restricted(gt: Connection) -> Seen:
    return of_check(check.team_is_restricted.look(gt, TEAM))


def expectations_hold(gt: Connection) -> Seen:
    return of_check(
        check.expectations_hold.look(gt, replace(WISH, expectations=[expect.refused(ELSEWHERE)]))
    )


def of_check(result: Any) -> Seen:
    unread = frozenset({result.message}) if result.passed is None else frozenset()
    return Seen(frozenset({"failed"} if result.passed is False else ()), unread)


def exposure(gt: Connection) -> Seen:
    made = gt.who_can_open(BUCKET, "scans/0001.png", team=TEAM)
    rows = list(made)
    opened = {f"{row.request} {cidr}" for row in rows for cidr in row.opened.cidrs}
    return Seen(
        frozenset(opened),
        frozenset((*(row.request for row in rows if not row.unknown.is_empty), *made.missing)),
    )


def plan(gt: Connection) -> Seen:
    made = gt.plan(WISH)
    return Seen(
        frozenset(each.code for each in made.notices),
        frozenset(part.text for part in made.state.missing()),
    )


def report(gt: Connection) -> Seen:
    made = gt.report(buckets=[BUCKET], since=None)
    return of_findings(made.findings, made.unread)


def of_many(gt: Connection) -> Seen:
    rows = read_region(gt, Account(ACCOUNT), many=True) or []
    return of_findings(
        [each for row in rows for each in row.findings],
        [text for row in rows for text in row.unread],
    )


QUICK: tuple[Surface, ...] = (findings, exposure, plan)
SURFACES: tuple[Surface, ...] = (
    *QUICK,
    no_findings,
    team_is_restricted,
    expectations_hold,
    report,
    of_many,
)
WIDE: tuple[Surface, ...] = (report, of_many)
"""They take seconds, and read several buckets as ``findings`` reads one,
which meets every fault of every call.
"""


class Bench:
    """A connection through the proxy, and what each surface sees with and without a fault."""

    def __init__(self, rig: Rig) -> None:
        self.rig, self.proxy = rig, FaultyProxy(rig.url)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(aws_client, "ATTEMPTS", 1)
            self.gt = connect(boto3_session=rig.session_of(), endpoint_url=self.proxy.url)
            for service in (
                "s3",
                "sagemaker",
                "sts",
                "ec2",
                "iam",
                "organizations",
                "kms",
                "s3control",
            ):
                self.gt.aws.client(service)

    def look(self, surface: Surface) -> Seen | None:
        """What a surface sees; None if it ends in an error of its own."""
        self.gt.aws._identity = None
        self.gt._logs.clear()  # a connection reads the log of a bucket once
        try:
            return surface(self.gt)
        except GtSecureError:
            return None

    def clean(self, surface: Surface) -> tuple[Seen, list[str]]:
        self.proxy.disarm()
        self.look(surface)  # requests of the last look may be under way
        self.proxy.disarm()
        seen = self.look(surface)
        assert seen is not None
        assert seen.found, "there is something to find"
        return seen, list(dict.fromkeys(self.proxy.names))

    def less_is_said(self, surface: Surface, faults: tuple[Fault, ...]) -> None:
        """Spoil each call with each of the faults; for a surface of :data:`WIDE`,
        with the next three of them.
        """
        clean, names = self.clean(surface)
        wrong, injected = [], 0
        in_turn, of_each = (
            itertools.cycle(faults),
            min(3, len(faults)) if surface in WIDE else len(faults),
        )
        for name in names:
            for fault in itertools.islice(in_turn, of_each):
                self.proxy.spoil(name, fault)
                seen = self.look(surface)
                injected += bool(self.proxy.injected)
                if seen is not None and clean.found - seen.found and not seen.unread - clean.unread:
                    wrong.append((name, fault, sorted(clean.found - seen.found)))
        self.proxy.disarm()
        assert not wrong, f"{surface.__name__}: found less, and said nothing"
        print(f"{surface.__name__}: {injected} of {len(names) * of_each} faults")
        assert injected > 0.8 * len(names) * of_each


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with Rig.running() as rig:
        # the other teams are restricted already
        guard = build_guard("gt-shared", networks=["203.0.113.0/24"])
        rig.client("s3").put_bucket_policy(Bucket="gt-shared", Policy=merge_guard(None, guard))
        made = Bench(rig)
        yield made
        made.proxy.close()


@pytest.mark.parametrize("surface", QUICK, ids=lambda each: each.__name__)
def test_who_finds_less_says_what_was_not_read(bench: Bench, surface: Surface) -> None:
    bench.less_is_said(surface, ("503",))


@pytest.mark.slow
@pytest.mark.parametrize("surface", SURFACES, ids=lambda each: each.__name__)
def test_every_http_fault_of_every_reading_call(bench: Bench, surface: Surface) -> None:
    bench.less_is_said(surface, KINDS)


# Who passes with everything does not pass without one call.

HELD = replace(WISH, expectations=[expect.allowed(OFFICE), expect.refused(ELSEWHERE)])


def passes(name: str, *args: Any, **more: Any) -> Callable[[Connection], bool]:
    return lambda gt: getattr(check, name).look(gt, *args, **more).passed is True


def findings_are_quiet(gt: Connection) -> bool:
    found = gt.findings(team=TEAM, bucket=BUCKET)
    words = {each.outcome for each in found.checked}
    return "unknown" not in words and not [each for each in found if each.severity == "high"]


def report_exits_with_0(gt: Connection) -> bool:
    made = gt.report(buckets=[BUCKET], since=None)
    return not made.worse_than("high") and not made.unread


def many_exit_with_0(gt: Connection) -> bool:
    rows = read_region(gt, Account(ACCOUNT), many=True) or []
    return bool(rows) and not any(row.unread or row.worst == "high" for row in rows)


def prowler_passes(code: str) -> Callable[[Connection], bool]:
    def look(gt: Connection) -> bool:
        every = read_region(gt, Account(ACCOUNT), many=True) or []
        rows = [row for row in every if row.name in (TEAM, BUCKET) or row.kind == "region"]
        return "PASS" in [status for row in rows for status, _, _ in outcomes(row, code)]

    return look


def panel_is_green(gt: Connection) -> bool:
    with testing():
        made = Panel(gt, bucket=BUCKET)
    shown = made.heading.value + json.dumps(made.locks)
    made.close()
    return "gts-says-ok" in shown or '"tone": "ok"' in shown


def plan_has_nothing_to_do(gt: Connection) -> bool:
    made = gt.plan(HELD)
    return made.empty and not any(each.broken for each in made.expectations)


GREEN: dict[str, Callable[[Connection], bool]] = {
    "no_findings": passes("no_findings", team=TEAM, bucket=BUCKET, severity="high"),
    "team_is_restricted": passes("team_is_restricted", TEAM),
    "guard_is_in_place": passes("guard_is_in_place", BUCKET, addresses=["203.0.113.0/24"]),
    "nothing_drifted": passes("nothing_drifted", HELD),
    "expectations_hold": passes("expectations_hold", HELD),
    "is_proved": passes("is_proved", HELD),
    "findings": findings_are_quiet,
    "report": report_exits_with_0,
    "many accounts": many_exit_with_0,
    "Prowler, team": prowler_passes("url-lock-off"),
    "Prowler, bucket": prowler_passes("presigned-from-anywhere"),
    "plan": plan_has_nothing_to_do,
    "panel": panel_is_green,
}
STAYS = {
    "ListLabelingJobsForWorkteam": (
        "jobs name the role that signs; no lock and no expectation here depends on it"
    ),
    "ListWorkteams": (
        "the other teams behind a portal lock are named where it changes, and nothing does"
    ),
    "gt-logs?policy": "a guard that is there already refuses no log delivery",
}
"""Ends of the names of calls without which a surface in ``OF_ONE`` may pass, and why."""
OF_ONE = ("team_is_restricted", "nothing_drifted", "expectations_hold", "plan")


@pytest.fixture
def restricted(bench: Bench) -> Iterator[Bench]:
    bench.proxy.disarm()
    done = bench.gt.apply(bench.gt.plan(HELD), confirm=AGREED)
    yield bench
    bench.proxy.disarm()
    bench.gt.undo(done)


def take_away(bench: Bench, surface: str, only: Callable[[str], bool]) -> None:
    def green() -> bool:
        bench.gt.aws._identity = None
        try:
            return GREEN[surface](bench.gt)
        except GtSecureError:
            return False

    bench.proxy.disarm()
    assert green(), "with every call"
    names = [name for name in dict.fromkeys(bench.proxy.names) if only(name)]
    wrong = []
    faults: tuple[Fault, ...] = ("denied", "gone")
    for name, fault in itertools.product(names, faults):
        bench.proxy.spoil(name, fault)
        if (
            green()
            and bench.proxy.injected
            and not (surface in OF_ONE and name.endswith(tuple(STAYS)))
        ):
            wrong.append((name, fault))
    assert names
    assert not wrong, f"{surface} passes without them"


SAMPLED = [name for name in GREEN if name not in ("Prowler, team", "panel")]


@pytest.mark.parametrize("surface", [*sample(SAMPLED, 2), "panel"])
def test_without_the_call_that_decides_nothing_passes(restricted: Bench, surface: str) -> None:
    take_away(
        restricted, surface, lambda name: name in ("DescribeWorkteam", f"GET /{BUCKET}?policy")
    )


SPARE = ("HEAD /gt-images", "HEAD /gt-logs", "DescribeVpcs", "DescribeOrganization")
"""Calls that tell a region, or a name, or policies that can only deny."""


@pytest.mark.slow
@pytest.mark.parametrize("surface", ["no_findings", "findings"])
def test_without_any_call_nothing_passes(restricted: Bench, surface: str) -> None:
    """The other surfaces claim less than all that they read, or read what these read."""
    take_away(restricted, surface, lambda name: name not in SPARE)


OBJECT, LOG = f"s3://{BUCKET}/scans/0001.png", ["--bucket", BUCKET, "--no-cache"]
ON_ACCOUNT: dict[str, tuple[str, list[str]]] = {
    "hits": ("?logging", ["hits", *LOG]),
    "leaks": ("?logging", ["leaks", *LOG]),
    "plot": ("?logging", ["plot", *LOG, "-o", "x.svg"]),
    "no-leaked-urls": ("?logging", ["check", "no-leaked-urls", f"s3://{BUCKET}"]),
    "urls-are-consistent": (
        "?logging",
        ["check", "urls-are-consistent", f"s3://{BUCKET}", "--team", TEAM],
    ),
    "no-foreign-hits": ("?logging", ["check", "no-foreign-hits", "--restriction", "held.json"]),
    "who": ("?policy", ["who", OBJECT, "--team", TEAM]),
    "who --from": ("?policy", ["who", OBJECT, "--from", OFFICE]),
    "who --signers": ("?policy", ["who", OBJECT, "--signers"]),
    "who --logs": ("?policy", ["who", OBJECT, "--signers", "--logs", "s3://gt-logs/s3/"]),
    "prove": ("?policy", ["prove", "-f", "held.json"]),
    "findings": ("?policy", ["findings", f"s3://{BUCKET}", "--team", TEAM, "--fail-on", "high"]),
    # others are named as not looked at
    "report": (
        f"/{BUCKET}?policy",
        ["report", "--fail-on", "high"],
    ),
    "history": ("LookupEvents", ["history", f"s3://{BUCKET}", "--team", TEAM]),
    "teams": ("ListWorkteams", ["teams"]),
}
"""Commands with the end of the name of a call without which none of them passes."""
ONLY_LESS = ("/ml-artifacts?policy", "/?bucket-region=us-east-1", "DescribeOrganization", "DescribeVpcs",
             "HEAD /gt-images", "HEAD /gt-logs", "?publicAccessBlock",
             "DescribeVpcEndpoints", "ListLabelingJobsForWorkteam", "?encryption", "?website",
             "?replication", "/accesspoint?bucket=gt-images")  # fmt: skip
"""Calls that can only refuse more, name something, or decide findings below high; what they would
say is assumed. An access point opens nothing that the bucket policy, which is read, does not let
it. Buckets that are not looked at are named."""


NAME_MORE = {
    "who": (
        "ListWorkteams", "ListSubscribedWorkteams", "DescribeLabelingJob", "ListWorkforces", "?tagging", "list-type=2"),
    "who --": ("ListRoles",),
    "report": ("HEAD /gt-shared", ".manifest"),
}  # fmt: skip
"""Calls of a command that read who else uses the bucket: it has no row for whom it could not read,
and says so. ``ListRoles`` tells how long URLs of a role live, which is "not known" then. The report
looks up where a bucket is in another way, and needs no tasks of templates that sign each of their
links."""


@pytest.fixture
def delivered(bench: Bench) -> None:
    """The log holds a request of a presigned URL, and not the thousands of the tests before."""
    bench.rig.flush()
    s3 = bench.rig.client("s3")
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket="gt-logs", Prefix="s3/"):
        if found := [{"Key": each["Key"]} for each in page.get("Contents", ())]:
            s3.delete_objects(Bucket="gt-logs", Delete={"Objects": found})
    assert bench.rig.fetch(bench.rig.presign_plain()).status == 200
    bench.rig.flush()


@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", ON_ACCOUNT)
def test_without_a_call_no_command_passes(
    restricted: Bench, delivered: None, name: str, every: bool, tmp_path: Path, monkeypatch, capsys
) -> None:
    proxy, (decides, words) = restricted.proxy, ON_ACCOUNT[name]
    url = restricted.rig.url
    for key, value in restricted.rig.sandbox.environment().items():
        monkeypatch.setenv(key, proxy.url if value == url else value)
    monkeypatch.setattr(aws_client, "ATTEMPTS", 1)
    monkeypatch.chdir(tmp_path)
    dump_restriction(HELD, tmp_path / "held.json")
    assert main(words) == 0, capsys.readouterr()
    names = [each for each in dict.fromkeys(proxy.names) if each.endswith(decides) or every]
    assert names
    green = []
    for each in names:
        faults: tuple[Fault, ...] = ("denied", "gone", "503") if every else ("denied",)
        for fault in faults:
            proxy.spoil(each, fault)
            code = main(words)
            more = [
                part
                for start, parts in NAME_MORE.items()
                if name.startswith(start)
                for part in parts
            ]
            spared = each.endswith(ONLY_LESS) or any(part in each for part in more)
            assert "not known" in capsys.readouterr().out or each != "ListRoles" or code
            if code == 0 and proxy.injected and not spared:
                green.append((each, fault))
    proxy.disarm()
    assert not green


# What agents ask: an answer that is not open says what was not read.

AGENTS: dict[str, tuple[str, dict[str, str], Callable[[dict[str, Any]], bool]]] = {
    "presigned_teams": ("ListWorkteams", {}, lambda data: bool(data.get("workteams"))),
    "presigned_who_can_open": (
        f"{BUCKET}?policy",
        {"bucket": BUCKET, "team": TEAM},
        lambda data: data.get("whole_bucket", {}).get("tone") == "good",
    ),
    "presigned_findings": (
        f"{BUCKET}?policy",
        {"bucket": BUCKET, "team": TEAM},
        lambda data: data.get("access", {}).get("tone") == "good",
    ),
    "presigned_explain_refusal": (
        f"{BUCKET}?policy",
        {"bucket": BUCKET, "key": "scans/0001.png", "address": ELSEWHERE},
        lambda data: (
            "refused"
            in {
                each["answer"] for each in data.get("answers", ()) if each["request"] == "presigned"
            }
        ),
    ),
    "presigned_count_hits": (
        "?logging",
        {"bucket": BUCKET},
        lambda data: (
            bool(data.get("untrusted", {}).get("rows")) and not data["coverage"]["failures"]
        ),
    ),
    "presigned_plan": (
        f"{BUCKET}?policy",
        {"addresses": "203.0.113.0/24", "bucket": BUCKET},
        lambda data: "plan" in data and not data["plan"]["changes"],
    ),
}
"""Each tool with the end of the name of a call, its arguments,
and whether its answer says that all is well.
"""


@pytest.mark.parametrize("name", AGENTS)
def test_without_a_call_no_tool_for_agents_passes(
    restricted: Bench, delivered: None, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    decides, arguments, is_green = AGENTS[name]
    monkeypatch.setattr(agent_tools, "_connection", lambda _: restricted.gt)

    def answer() -> dict[str, Any]:
        restricted.gt.aws._identity = None
        return dict(getattr(agent_tools, name)(**arguments))

    restricted.proxy.disarm()
    assert is_green(answer()), answer()
    names = [each for each in dict.fromkeys(restricted.proxy.names) if each.endswith(decides)]
    assert names
    faults: tuple[Fault, ...] = ("denied", "gone", "503")
    for call, fault in itertools.product(names, faults):
        restricted.proxy.spoil(call, fault)
        assert not (is_green(answer()) and restricted.proxy.injected), (call, fault)


# Files.

CHANGE = "20261124-101500-000000-ab12"
FILE = ["s3://gt-images", "--allow", "203.0.113.0/24", "--account", ACCOUNT]
FAIL = ["--fail-on", "low", "--account", ACCOUNT]
COMMANDS: dict[str, tuple[str, list[str]]] = {
    "hits": ("logs/a.log", ["hits", "logs"]),
    "leaks": ("logs/a.log", ["leaks", "logs"]),
    "no-leaked-urls": ("logs/a.log", ["check", "no-leaked-urls", "--logs", "logs"]),
    "urls-are-consistent": ("logs/a.log", ["check", "urls-are-consistent", "--logs", "logs"]),
    "no-foreign-hits": (
        "logs/a.log",
        ["check", "no-foreign-hits", "--restriction", "wish.json", "--logs", "logs"],
    ),
    "plot": ("logs/a.log", ["plot", "logs", "-o", "x.svg"]),
    "prove": ("policy.json", ["prove", "--bucket-policy", "policy.json", *FILE]),
    "prove a plan": ("plan.json", ["prove", "--tf-plan", "plan.json", *FILE]),
    "who of a policy": (
        "policy.json",
        ["who", "--bucket-policy", "policy.json", OBJECT, *FILE[3:]],
    ),
    "findings of a plan": ("plan.json", ["findings", "--tf-plan", "plan.json", *FAIL]),
    "findings of a template": (
        "template.json",
        ["findings", "--cloudformation", "template.json", *FAIL],
    ),
    "no-secret-saved": ("book.ipynb", ["check", "no-secret-saved", "--path", "book.ipynb"]),
    "no-secret-saved, text": ("book.py", ["check", "no-secret-saved", "--path", "book.py"]),
    "no-code-cell-skipped": (
        "book.ipynb",
        ["check", "no-code-cell-skipped", "--path", "book.ipynb"],
    ),
    "check -f": ("checks.json", ["check", "-f", "checks.json"]),
    "check -f, its log": ("logs/a.log", ["check", "-f", "checks.json"]),
    "history verify": (f"journal/{CHANGE}.jsonl", ["history", "verify"]),
}
"""Commands with the file that each one rests on."""
LEFT: dict[str, Callable[[bytes], bytes | None]] = {
    "gone": lambda _: None,
    "empty": lambda _: b"",
    "blank": lambda _: b"\n\n",
    "half": lambda data: data[: len(data) // 2],
    "half of a gzip file": lambda data: gzip.compress(data)[:-9],
    "a line of rubbish more": lambda data: data + b"\x00rubbish\n",
    "bzip2": bz2.compress,
    "another document": lambda _: b'{"a": 1}\n',
    "nothing in it": lambda _: b'{"cells": [], "checks": [], "Statement": []}\n',
    "null": lambda _: b"null",
    "another log": lambda _: b"version vpc-id subnet-id\n2 123456789012 eni-0a 1 2 3\n",
    "a page to sign in": lambda _: b"<!DOCTYPE html><html><body>Sign in</body></html>",
    "no records": lambda _: b'{"Records": []}',
}
SHORTER = {(name, "half") for name, (file, _) in COMMANDS.items() if file == "logs/a.log"}
"""A whole line that is left is a shorter log, which looks like any other."""
TEXT = "no-secret-saved, text"
"""Any text that is not empty can be searched for secrets."""


def terraform(**change: Any) -> str:
    made = {
        "actions": ["create"],
        "before": None,
        "after": {"bucket": BUCKET},
        "after_unknown": {},
    } | change
    row = {
        "address": "aws_s3_bucket_policy.p",
        "mode": "managed",
        "type": "aws_s3_bucket_policy",
        "change": made,
    }
    configuration = {"root_module": {}}
    return json.dumps(
        {"format_version": "1.2", "resource_changes": [row], "configuration": configuration}
    )


def book(*cells: Any, **metadata: Any) -> str:
    return json.dumps(
        {"cells": list(cells or (CELL,)), "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    )


GUARD = {
    "Sid": "x", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
    "Resource": ["arn:aws:s3:::gt-images", "arn:aws:s3:::gt-images/*"],
    "Condition": {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}},
}  # fmt: skip
POLICY = json.dumps({"Version": "2012-10-17", "Statement": [GUARD]})
TEMPLATE = {"P": {"Type": "AWS::S3::BucketPolicy", "Properties": {"Bucket": BUCKET, "PolicyDocument": {
    "Version": "2012-10-17", "Statement": [GUARD]}}}}  # fmt: skip
CELL = {"cell_type": "code", "execution_count": 1, "source": "1", "outputs": [], "metadata": {}}
PLAN = ["findings", "--tf-plan", "plan.json", *FAIL]
SAVED = ["check", "no-secret-saved", "--path", "book.ipynb"]
GONE = {"actions": ["delete"], "before": {"bucket": BUCKET, "policy": POLICY}, "after": None}

INVENTED: dict[str, tuple[list[str], dict[str, str]]] = {
    "leaks before the log begins": (["leaks", "logs", "--until", "2020-01-01"], {}),
    "leaks below a prefix that no key has": (["leaks", "logs", "--prefix", "zzz/"], {}),
    "hits of an hour without any": (["hits", "logs", "--since", "1h"], {}),
    "a figure of a year without any": (
        ["plot", "logs", "--until", "2020-01-01", "-o", "x.svg"],
        {},
    ),
    "a plan without a bucket": (
        PLAN,
        {
            "plan.json": json.dumps(
                {
                    "format_version": "1.2",
                    "resource_changes": [],
                    "configuration": {"root_module": {}},
                }
            )
        },
    ),
    "a plan that deletes the policy": (PLAN, {"plan.json": terraform(**GONE)}),
    "a plan whose policy is known later": (
        PLAN,
        {"plan.json": terraform(after_unknown={"policy": True})},
    ),
    "a plan with a policy of null": (PLAN, {"plan.json": terraform()}),
    "a plan that forgets the policy": (
        PLAN,
        {"plan.json": terraform(**{**GONE, "actions": ["forget"]})},
    ),
    "a template without a bucket": (
        ["findings", "--cloudformation", "template.json", *FAIL],
        {"template.json": '{"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}}'},
    ),
    "a bucket that the plan does not have": ([*PLAN, "s3://another-bucket"], {}),
    "a notebook of Markdown": (
        ["check", "no-code-cell-skipped", "--path", "book.ipynb"],
        {"book.ipynb": book({"cell_type": "markdown", "source": "x", "metadata": {}})},
    ),
    "a notebook that may skip every cell": (
        ["check", "no-code-cell-skipped", "--path", "book.ipynb"],
        {"book.ipynb": book({**CELL, "metadata": {"tags": ["skip-execution"]}})},
    ),
    "a cell that is a text": (SAVED, {"book.ipynb": book(CELL, "https://x")}),
    "a pair that is not there": (SAVED, {"book.ipynb": book(jupytext={"formats": "ipynb,md"})}),
    "a pair in a list that is not there": (
        SAVED,
        {"book.ipynb": book(jupytext={"formats": ["ipynb", "md"]})},
    ),
    "a pair in another folder": (
        SAVED,
        {"book.ipynb": book(jupytext={"formats": "ipynb,text//py"})},
    ),
    "no kinds of leaks": (
        ["check", "-f", "checks.json"],
        {"checks.json": '[{"check": "no_leaked_urls", "logs": ["logs"], "kinds": []}]'},
    ),
    "a log of another bucket": (
        ["check", "-f", "checks.json"],
        {
            "checks.json": (
                '[{"check": "no_leaked_urls", "logs": ["logs"], "bucket": "another-bucket"}]'
            )
        },
    ),
    "a journal without its last line": (
        ["history", "verify"],
        {f"journal/{CHANGE}.jsonl": "BEGIN"},
    ),
    "a list of accepted findings alone": (
        ["check", "-f", "checks.json"],
        {"checks.json": '{"accepted": []}'},
    ),
}
"""Input of other kinds: the command line, and the files that differ from those of the stage."""


def stage(folder: Path) -> None:
    (folder / "logs").mkdir()
    (folder / "logs" / "a.log").write_text("".join(GOOD))
    (folder / "book.ipynb").write_text(book())
    (folder / "book.py").write_text("# %%\nx = 1\n# %%\ny = 1\n")
    (folder / "policy.json").write_text(POLICY)
    (folder / "plan.json").write_text(terraform(after={"bucket": BUCKET, "policy": POLICY}))
    (folder / "template.json").write_text(json.dumps({"Resources": TEMPLATE}))
    (folder / "checks.json").write_text(
        json.dumps({"checks": [{"check": "no_leaked_urls", "logs": ["logs"]}]})
    )
    dump_restriction(WISH, folder / "wish.json")
    (folder / "journal").mkdir()
    journal = Writer(folder / "journal" / f"{CHANGE}.jsonl")
    journal.write("begin", format=1, id=CHANGE, kind="apply", changes=[])
    journal.write("end", outcome="applied")


FAST = ("gone", "blank", "a line of rubbish more", "another log")


@pytest.fixture
def staged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GT_SECURE_JOURNAL", str(tmp_path / "journal"))
    stage(tmp_path)
    return tmp_path


@pytest.mark.parametrize("ways", [FAST, pytest.param(tuple(LEFT), marks=pytest.mark.slow)], ids=len)
@pytest.mark.parametrize("name", COMMANDS)
def test_without_its_file_no_command_passes(name: str, ways: Any, staged: Path, capsys) -> None:
    file, words = COMMANDS[name]
    whole = (staged / file).read_bytes()
    assert main(words) == 0, capsys.readouterr()
    green = []
    for how in ways:
        content = LEFT[how](whole)
        if (name, how) in SHORTER or (name == TEXT and (content or b"").strip()):
            continue
        (staged / file).unlink()
        if content is not None:
            (staged / file).write_bytes(content)
        capsys.readouterr()
        code, said = main(words), "".join(capsys.readouterr())
        if code == 0 or not said.strip():
            green.append((how, said))
        (staged / file).write_bytes(whole)
    assert not green


# The policy lab, and the action: the same texts and files, through their own code.

LAB = {
    **of_mistake(MISTAKES[0]),
    "policy": POLICY,
    "object": "s3://gt-images",
    "allow": "203.0.113.0/24",
}


PANES: dict[str, Callable[[dict[str, Any]], bool]] = {
    "proof": lambda answer: answer.get("tone") == "ok",
    "answers": lambda answer: "refused" in {each["answer"] for each in answer.get("answers", ())},
    "picture": lambda answer: "exposure" in answer,
    "guard": lambda answer: bool(answer.get("merged")),
    "log": lambda answer: not answer["unknown"],
}
"""Each pane of the page, and whether it shows that all is well,
or something that rests on the text.
"""


@pytest.mark.parametrize("pane", PANES)
@pytest.mark.parametrize("how", LEFT)
def test_without_its_text_no_pane_of_the_lab_passes(pane: str, how: str, tmp_path: Path) -> None:
    def is_green(data: bytes) -> bool:
        if pane == "log":
            return PANES[pane](counted(data, tmp_path / "part"))
        return PANES[pane](asked({**LAB, "policy": data.decode("utf-8", "replace")}, pane)[0])

    whole = "".join(GOOD).encode() if pane == "log" else POLICY.encode()
    assert is_green(whole)
    if (pane, how) != ("log", "half"):  # a shorter log, which looks like any other
        assert not is_green(LEFT[how](whole) or b"")


@pytest.mark.parametrize("how", LEFT)
def test_without_its_notebook_the_hook_does_not_pass(how: str, staged: Path, capsys) -> None:
    """The hook of the wheel that masks, and of git."""
    path = staged / "book.ipynb"
    assert hook.main([str(path)]) == 0
    content = LEFT[how](path.read_bytes())
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    assert hook.main([str(path)]) == 1
    assert "not searched" in capsys.readouterr().out


IN_THE_ACTION = ("prove", "who of a policy", "findings of a plan", "check -f")
RUN = next(
    step for step in yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))["runs"]["steps"] if "run" in step
    and step.get("id") == "run"
)  # fmt: skip


@pytest.mark.parametrize("name", IN_THE_ACTION)
def test_without_its_file_the_action_does_not_pass(name: str, staged: Path) -> None:
    file, (command, *words) = COMMANDS[name]
    programs = staged / "temp" / "gt_secure" / "bin"
    programs.mkdir(parents=True)
    for program, words_of in (("python", ""), ("gt-secure", "-m gt_secure")):
        (programs / program).write_text(f'#!/bin/sh\nexec {sys.executable} -I {words_of} "$@"\n')
        (programs / program).chmod(0o755)

    def run() -> tuple[int, str]:
        for each in ("output", "summary"):
            (staged / each).write_text("")
        given = {
            "COMMAND": command,
            "ARGUMENTS": shlex.join(words),
            "RUNNER_TEMP": str(staged / "temp"),
        }
        given |= {
            "GITHUB_OUTPUT": str(staged / "output"),
            "GITHUB_STEP_SUMMARY": str(staged / "summary"),
        }
        bash = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", RUN["run"]]
        done = subprocess.run(bash, cwd=staged, env={**os.environ, **given}, capture_output=True)
        return done.returncode, (staged / "output").read_text().partition("\n")[0]

    whole = (staged / file).read_bytes()
    assert run() == (0, "exit-code=0")
    for how in ("gone", "another log"):
        content = LEFT[how](whole)
        (staged / file).unlink(missing_ok=True)
        if content is not None:
            (staged / file).write_bytes(content)
        code, output = run()
        assert code != 0
        assert output == f"exit-code={code}"
        (staged / file).write_bytes(whole)


def test_no_surface_is_outside_of_these_tables() -> None:
    """A tool for agents, a module of the page or a wheel that is new is tried here, too."""
    assert {name.partition(":")[2] for name in agent_tools.TOOLS} == set(AGENTS)
    assert {path.stem for path in (ROOT / "docs" / "assets" / "lab").glob("*.py")} == {"lab", "log"}
    assert {*module("lab")._ASKED, "log"} == set(PANES)
    [taken] = re.findall(r"^ *([a-z|]+)\) ;;$", RUN["run"], re.MULTILINE)
    assert {COMMANDS[name][1][0] for name in IN_THE_ACTION} == set(taken.split("|"))
    commands = {words[0] for _, words in (*COMMANDS.values(), *ON_ACCOUNT.values())}
    assert {item.name for item in command_table.COMMANDS if item.verdict} <= commands
    assert set(RULES) <= {name.replace("-", "_") for name in (*GREEN, *COMMANDS, *ON_ACCOUNT)}
    assert {path.name for path in (ROOT / "integrations").iterdir() if path.is_dir()} == {
        "agents",
        "prowler",
        "pull_request",
        "redact",
        "spark",
        "terraform",
    }
    assert [name for name in GREEN if name.startswith("Prowler")]


@pytest.mark.parametrize("name", INVENTED)
def test_what_somebody_invents_is_no_pass(name: str, staged: Path, capsys) -> None:
    words, files = INVENTED[name]
    for file, content in files.items():
        made = (
            (staged / file).read_text().partition("\n")[0] + "\n" if content == "BEGIN" else content
        )
        (staged / file).write_text(made)
    code, said = main(words), "".join(capsys.readouterr())
    assert code in (1, 2, 3, 64), said
    assert said.strip()


def test_the_log_of_another_bucket_is_an_empty_one(staged: Path) -> None:
    filters = {"bucket": "another-bucket"}
    _, counted = count_hits("logs", "remote_ip", filters=filters)
    for coverage in (read_hits("logs", filters=filters).coverage, counted):
        assert (coverage.hits, coverage.outside, coverage.doubts) == (0, len(GOOD), [NOTHING])
        assert coverage.adds_up


# Reports.

SHOWN: dict[str, Callable[[Report], bool]] = {
    "bool": bool,
    "passed": lambda report: report.passed is True,
    "exit code": lambda report: report.exit_code == 0,
    "counts": lambda report: report.counts["passed"] == len(report) > 0,
    "require": lambda report: not _raises(report.require),
    "JSON": lambda report: json.loads(json.dumps(report.to_dict()))["passed"] is True,
    "HTML": lambda report: (
        bool(len(report))
        and "unknown" not in report._repr_html_()
        and "failed" not in report._repr_html_()
    ),
    "SARIF": lambda report: (
        bool(len(report))
        and {each["kind"] for each in report.to_sarif()["runs"][0]["results"]} == {"pass"}
    ),
    "JUnit": lambda report: bool(len(report)) and not _red(report.to_junit()),
}
"""Whether each way to show a report says that it passed."""


def _raises(call: Callable[[], Any]) -> bool:
    try:
        call()
    except CheckFailed:
        return True
    return False


def _red(text: str) -> bool:
    root = ElementTree.fromstring(text)
    return any(root.find(f".//{tag}") is not None for tag in ("failure", "error"))


def outcome(name: str, passed: bool | None) -> CheckResult:
    return CheckResult(name, "a", passed, "x", {}, "" if passed else "y")


@pytest.mark.parametrize("surface", SHOWN)
@pytest.mark.parametrize("passed", [None, False])
@pytest.mark.parametrize("name", RULES)
def test_one_that_did_not_pass_turns_every_surface(
    name: str, passed: bool | None, surface: str
) -> None:
    others = [outcome(each, True) for each in RULES if each != name]
    assert SHOWN[surface](Report((*others, outcome(name, True))))
    for results in ((*others, outcome(name, passed)), (outcome(name, passed),), ()):
        assert not SHOWN[surface](Report(results)), results


@pytest.mark.parametrize("name", RULES)
def test_a_check_that_was_not_called_has_no_truth(name: str) -> None:
    with pytest.raises(TypeError, match="was not called"):
        assert getattr(check, name)
