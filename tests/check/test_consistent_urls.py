"""Each URL is opened from one address, and through one endpoint;
a second one is a hole where the URL lock is on.
"""

from __future__ import annotations

import html
import json
import random
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from gt_secure import check, read_hits
from gt_secure.account.state import OtherTeam
from gt_secure.account.whose_urls import UrlOwners
from gt_secure.aws.teams import Workteam
from gt_secure.base.errors import InvalidInput
from gt_secure.check import logs as log_checks
from gt_secure.cli.main import main
from gt_secure.engine.access.part import Part
from gt_secure.engine.policies.url_lock import UrlLock
from gt_secure.logs.leaks import LeakRules
from gt_secure.widgets import HitsStep, testing
from support.answers import ACCOUNT
from support.sample import sample
from support.scene import ELSEWHERE, GOOD, OFFICE, TEAM, Scene, row
from support.states import JOB, data_bucket, state, workteam

DESK = "203.0.113.8"
"""Another desk of the office's network."""
LOCKED = replace(workteam("radiology-team"), url_lock=UrlLock(True))
OPEN = replace(workteam("open-team"), url_lock=UrlLock())
RADIOLOGY = "radiology-team"
"""The team of the sandbox whose manifest has the objects of the log; its URL lock is on."""
VPCES = ("vpce-0a1b2c3d4e5f60718", "vpce-0fedcba9876543210")


def event(
    ip: str, endpoint: str | None, *, url: int = 0, number: int = 0, credential: bool = True
) -> str:
    """Return a data event of CloudTrail with a presigned URL."""
    asked = {
        "bucketName": "gt-images", "key": "scans/0001.png", "Host": "gt-images.s3.amazonaws.com",
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256", "X-Amz-Date": f"20261120T0900{url:02}Z", "X-Amz-Expires": "600",
        "X-Amz-SignedHeaders": "host",
        **({"X-Amz-Credential": f"ASIA{url}/20261120/us-east-1/s3/aws4_request"} if credential else {}),
    }  # fmt: skip
    record = {
        "eventVersion": "1.09", "eventSource": "s3.amazonaws.com", "eventName": "GetObject", "awsRegion": "us-east-1",
        "eventTime": f"2026-11-20T09:{10 + number:02}:00Z", "sourceIPAddress": ip, "requestParameters": asked,
        "userIdentity": {"arn": "arn:aws:sts::111122223333:assumed-role/Worker/w"}, "userAgent": "[Mozilla/5.0]",
        "additionalEventData": {"AuthenticationMethod": "QueryString", "SignatureVersion": "SigV4"},
        "requestID": f"{url}{number}{ip}", "eventID": f"{url}-{number}-{ip}-{endpoint}", "eventCategory": "Data",
        **({"vpcEndpointId": endpoint} if endpoint else {}),
    }  # fmt: skip
    return json.dumps(record)


def trail(*events: str) -> str:
    return f'{{"Records": [{", ".join(events)}]}}'


@pytest.fixture
def look(tmp_path):
    """Write logs, each a list of lines or a trail, and run the check on them."""
    return look_in(tmp_path)


def look_in(tmp_path, whose=None):
    def run(*files: str | list[str], **options):
        for number, text in enumerate(files):
            (tmp_path / f"log-{number}").write_text(
                text if isinstance(text, str) else "".join(text)
            )
        with read_hits(tmp_path) as hits:
            hits.owners_of = whose or of_the_team
            return check.urls_are_consistent.look(hits, **options)

    return run


def of_the_team(team: Workteam, bucket: str) -> UrlOwners:
    """Return that all URLs of a bucket are of the team that is asked about."""
    made = UrlOwners(state(bucket=data_bucket(bucket), team=team))
    made.team_of = lambda *_: team.arn  # type: ignore[method-assign]
    return made


IN_A_VPC = [row("10.0.3.4", url=1), row("10.0.3.4", url=1).replace("3E57427F3EXAMPLE", "AGAIN")]
CASES = {
    "one address each": ([GOOD], {}, "passed", "One address opened each of 2"),
    "the same address twice": ([[*GOOD, *GOOD]], {}, "passed", ""),
    "a desk of the same /24": ([[*GOOD, row(DESK, url=1)]], {}, "failed", "Several addresses opened 1 presigned URL"),
    "another network": ([[*GOOD, row(ELSEWHERE, url=1)]], {}, "failed", ELSEWHERE),
    "refused elsewhere": ([[*GOOD, row(ELSEWHERE, url=1, status=403)]], {}, "passed", ""),
    "not found elsewhere": ([[*GOOD, row(DESK, url=1, status=404)]], {}, "passed", ""),
    "a pool": ([[*GOOD, row(DESK, url=1)]], {"pools": "203.0.113.0/29, 203.0.113.8/31"}, "passed", ""),
    "a pool that misses one": ([[*GOOD, row(ELSEWHERE, url=1)]], {"pools": "203.0.113.0/24"}, "failed", ELSEWHERE),
    "a pool, and the lock on": (
        [[*GOOD, row(DESK, url=1)]], {"pools": "203.0.113.0/24", "team": LOCKED}, "failed", "did not bind this URL"),
    "the lock on": ([[*GOOD, row(DESK, url=1)]], {"team": LOCKED}, "failed", "radiology-team is on (SourceIp)"),
    "the lock on, and one address": ([GOOD], {"team": LOCKED}, "passed", ""),
    "the lock on, and refused": ([[*GOOD, row(DESK, url=1, status=403)]], {"team": LOCKED}, "passed", ""),
    "the lock off": ([[*GOOD, row(DESK, url=1)]], {"team": OPEN}, "failed", "turn the URL lock on"),
    "a private address once": ([[row("10.0.3.4", url=1)]], {}, "passed", ""),
    "a private address, no endpoint named": ([IN_A_VPC], {}, "unknown", "through which VPC endpoints"),
    "a private address that is trusted": ([IN_A_VPC], {"trust_private": True}, "passed", ""),
    "one endpoint": ([trail(event("10.0.3.4", VPCES[0]), event("10.0.3.4", VPCES[0], number=1))], {}, "passed", ""),
    "two endpoints": (
        [trail(event("10.0.3.4", VPCES[0]), event("10.0.3.4", VPCES[1], number=1))], {"team": LOCKED}, "failed",
        "did not bind this URL"),
    "two addresses by one endpoint": (
        [trail(event("10.0.3.4", VPCES[0]), event("10.0.3.5", VPCES[0], number=1))], {}, "failed", "10.0.3.5"),
    "an endpoint that one of two names": (
        [trail(event("10.0.3.4", VPCES[0]), event("10.0.3.4", None, number=1))], {}, "unknown", "VPC endpoint"),
    "credentials that the trail does not name": (
        [trail(event(OFFICE, None, credential=False), event(DESK, None, number=1, credential=False))],
        {"team": LOCKED}, "failed", "pools, or turn the URL lock on"),
    "no log": ([""], {}, "unknown", "An empty log is not proof"),
    "no URL": ([[row(OFFICE, url=1).replace("QueryString", "AuthHeader")]], {}, "unknown", "Not applicable"),
    "only refused": ([[row(OFFICE, url=1, status=403)]], {}, "unknown", "Not applicable"),
    "an unreadable line": ([[*GOOD, "no line of a log\n"]], {}, "unknown", "could not be read"),
    "an unreadable line that is accepted": ([[*GOOD, "no line of a log\n"]], {"max_unreadable": 1}, "passed", ""),
    "an unreadable line, and two addresses": ([[*GOOD, "x\n", row(DESK, url=1)]], {}, "failed", DESK),
    "an old log": ([GOOD], {"newest_within_h": 1}, "unknown", "more than 1 hours"),
    "a request of AWS itself": ([[*GOOD, row("-", url=3)]], {}, "unknown", "no address"),
}  # fmt: skip


@pytest.mark.parametrize("case", sample(CASES, 6))
def test_what_a_log_shows(case: str, look) -> None:
    files, options, status, words = CASES[case]
    result = look(*files, **options)
    assert (result.status, words in str(result)) == (status, True), result
    assert "X-Amz-Signature" not in str(result.to_dict())


DAY = replace(workteam("day-shift"), url_lock=UrlLock())
NIGHT = replace(workteam("night-shift"), url_lock=UrlLock(True))


def signed_by(role: str, *rows: str) -> list[str]:
    """Return rows of a log whose URLs a role has signed."""
    return [
        each.replace(" - 3E57", f" arn:aws:sts::{ACCOUNT}:assumed-role/{role}/s 3E57")
        for each in rows
    ]


def shared(
    day: Workteam = DAY, roles: Sequence[str] = ("Day", "Night")
) -> Callable[..., UrlOwners]:
    """Return whose the URLs of a bucket are that two teams share, each with a role for its job."""

    def of(team: Workteam, bucket: str) -> UrlOwners:
        jobs = [
            replace(JOB, workteam_arn=one.arn, role_arn=f"arn:aws:iam::{ACCOUNT}:role/{role}")
            for one, role in zip((day, NIGHT), roles, strict=True)
        ]
        other = OtherTeam(day, Part.of((jobs[0],)))
        return UrlOwners(
            state(bucket=data_bucket(bucket), team=NIGHT, jobs=(jobs[1],), others=(other,))
        )

    return of


TWO_DESKS = (row(OFFICE, url=1), row(DESK, url=1))
ONE_DESK = row(OFFICE, url=2)
OF_TEAMS = {
    "of the other team": (
        signed_by("Day", *TWO_DESKS), {}, "unknown", "each opened presigned URL of the log is of another team"),
    "of the other team beside one of its own": (
        [*signed_by("Day", *TWO_DESKS), *signed_by("Night", ONE_DESK)], {}, "passed", "each of 1 presigned URL"),
    "of its own": (
        [*signed_by("Night", *TWO_DESKS), *signed_by("Day", ONE_DESK)], {}, "failed", "did not bind this URL"),
    "of nobody known": (
        signed_by("App", *TWO_DESKS), {}, "unknown",
        "Several addresses opened 1 presigned URL that cannot be assigned to a workteam. The URL lock is off of"
        " day-shift. Signed 20 Nov 09:00 UTC"),
    "of nobody known, and all locks on": (
        signed_by("App", *TWO_DESKS), {"day": replace(DAY, url_lock=UrlLock(True))}, "unknown",
        "be assigned to a workteam. Signed 20 Nov"),
    "of a role that both share": (
        signed_by("Day", *TWO_DESKS), {"roles": ("Day", "Day")}, "unknown", "The URL lock is off of day-shift."),
    "of a viewer": (
        signed_by("Night", *(row(ip, url=1, more="&x-viewer=anna") for ip in (OFFICE, DESK)), ONE_DESK), {}, "passed",
        "each of 1 presigned URL"),
    "of nobody known, from one desk": (signed_by("App", ONE_DESK), {}, "passed", "each of 1 presigned URL"),
}  # fmt: skip


@pytest.mark.parametrize("case", OF_TEAMS)
def test_a_url_of_another_team_accuses_nobody(case: str, tmp_path) -> None:
    lines, options, status, words = OF_TEAMS[case]
    result = look_in(tmp_path, shared(**options))(lines, team=NIGHT)
    assert (result.status, words in result.message) == (status, True), result
    assert ("night-shift is on" in result.message) is (status == "failed")


def test_without_an_account_nobody_is_accused(tmp_path) -> None:
    result = look_in(tmp_path, lambda *_: None)([*TWO_DESKS], team=NIGHT)
    assert (result.status, len(result.details["unassigned"])) == ("unknown", 1)
    assert look_in(tmp_path, lambda *_: None)([*TWO_DESKS]).status == "failed"


def test_more_urls_than_are_compared_are_unknown(look, monkeypatch) -> None:
    monkeypatch.setattr("gt_secure.logs.leaks._MOST", 1)
    lines = [line for url in (1, 2) for line in (row(OFFICE, url=url), row(DESK, url=url))]
    assert "1 URL was not compared by all" in look(lines, pools="203.0.113.0/24").message


SOURCES = (OFFICE, DESK, ELSEWHERE, "2001:db8::1")


def drawn(seed: int) -> tuple[list[str], dict[int, set[str]]]:
    """Draw a log; return its lines, and from where each URL was opened."""
    dice = random.Random(seed)
    lines, opened = [], {}
    for url in range(dice.randint(1, 4)):
        for ip in dice.sample(SOURCES, dice.choice((1, 1, 2, 3))):
            status = dice.choice((200, 200, 403, 404))
            lines.append(row(ip, url=url, status=status))
            opened.setdefault(url, set()).update({ip} if status == 200 else ())
    dice.shuffle(lines)
    return lines, opened


def outcome_of(seed: int, look) -> tuple[str, str, bool]:
    """Return what the check says of a drawn log, what is so, and whether a hole is named."""
    lines, opened = drawn(seed)
    pool = {OFFICE, DESK} if seed % 2 else set()
    team = LOCKED if seed % 3 else None
    places = [{("pool" if each in pool else each) for each in ips} for ips in opened.values()]
    several = any(len(each) > 1 for each in places) or (
        team and any(len(ips) > 1 for ips in opened.values())
    )
    true = "failed" if several else "passed" if any(opened.values()) else "unknown"
    result = look(lines, pools="203.0.113.0/24" if pool else (), team=team)
    hole = team is not None and any(len(ips) > 1 for ips in opened.values())
    assert bool(result.details["unbound"]) is hole is ("did not bind" in result.message)
    return result.status, true, hole


@pytest.mark.parametrize("seed", range(12))
def test_drawn_logs(seed: int, look) -> None:
    status, true, _ = outcome_of(seed, look)
    assert status == true


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
def test_many_drawn_logs(part: int, tmp_path) -> None:
    counts: Counter[str] = Counter()
    for seed in range(100 * part, 100 * part + 50):
        status, true, hole = outcome_of(seed, look_in(tmp_path))
        assert status == true, seed
        counts[status] += 1
        counts["hole"] += hole
    assert min(counts[name] for name in ("passed", "failed", "hole")) >= 5, counts


class Wide(LeakRules):
    """Rules by which a /24 is one address."""

    def __new__(cls, **_):
        return LeakRules()

    @classmethod
    def make(cls, **_):
        return LeakRules()


FAULTS = {
    "refused requests count": (0, "_ANSWERED", "true"),
    "a /24 is one address": (1, "LeakRules", Wide),
    "the lock proves nothing": (1, "_unbound", lambda *_: []),
}
"""Faults, each with a log that shows it."""


@pytest.mark.parametrize("fault", FAULTS)
def test_drawn_logs_find_a_fault(fault: str, look, monkeypatch) -> None:
    seed, name, value = FAULTS[fault]
    monkeypatch.setattr(log_checks, name, value)
    with pytest.raises(AssertionError):
        test_drawn_logs(seed, look)


def test_the_command_leaks_and_the_panel_say_the_same(
    scene: Scene, tmp_path, monkeypatch, capsys
) -> None:
    """One URL at two desks of a team whose lock is on: the check,
    `leaks --team` and the panel's last step.
    """
    log = tmp_path / "log"
    log.write_text("".join([*GOOD, row(DESK, url=1)]))
    for name, value in scene.sandbox.environment().items():
        monkeypatch.setenv(name, value)
    said = (
        "did not bind this URL: it was not made by grant_read_access for this team, or is older"
        " than the lock."
    )
    for words, code, text in (
        (["leaks", str(log)], 0, "None of 2 presigned URLs was used from two networks"),
        (["leaks", str(log), "--v4-prefix", "32"], 0, "1 used from other networks"),
        (["leaks", str(log), "--per-address"], 0, "1 used from other addresses"),
        (
            ["leaks", str(log), "--per-address", "--pool", "203.0.113.0/24"],
            0,
            "used from two addresses",
        ),
        (["leaks", str(log), "--team", RADIOLOGY], 0, said),
        (["check", "urls-are-consistent", "--team", RADIOLOGY, "--logs", str(log)], 2, said),
        (
            ["check", "urls-are-consistent", "--logs", str(log)],
            2,
            "Several addresses opened 1 presigned URL",
        ),
        (["check", "urls-are-consistent", "s3://gt-logs"], 3, "unknown"),
        # the objects are in the manifest of another team alone
        (["leaks", str(log), "--team", TEAM], 0, "No URL shows that the URL lock of open-team"),
        (["check", "urls-are-consistent", "--team", TEAM, "--logs", str(log)], 0, "each of 1"),
    ):
        assert main(words) == code, words
        assert text in " ".join(capsys.readouterr().out.split()), words
    with pytest.raises(InvalidInput, match="reads neither widths"):
        LeakRules(v4_prefix=16, per_address=True)
    for name in (RADIOLOGY, None, "no-such-team"):
        with testing():
            step = HitsStep(scene.gt, logs=str(log))
            step.team, step.range.value = name, ""
            step.plot_hits()
        text = html.unescape(" ".join(re.sub(r"<[^>]+>", " ", step.leaks.value).split()))
        assert "Several addresses opened 1 presigned URL" in text
        assert (said in text, "The URL lock was not read" in text) == (
            name == RADIOLOGY,
            name == "no-such-team",
        )
        step.close()
    scene.toggles(False)
    assert main(["leaks", str(log), "--team", TEAM]) == 0
    assert "The URL lock of open-team is off" in capsys.readouterr().out
