"""Accepted findings: entries of a check file, matching, ends, unused ones,
and every surface that shows them.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace

import pytest

from gt_secure import check
from gt_secure.base.errors import InvalidInput
from gt_secure.check import Spec
from gt_secure.cli.main import main
from gt_secure.findings import Acceptance, Finding, accept, unused
from gt_secure.findings.accepted import parse_accepted
from gt_secure.findings.listings import Findings
from gt_secure.widgets import ReviewStep
from support.scene import BUCKET, TEAM, WISH, Scene

TODAY = dt.date(2026, 11, 25)
FOUND = Finding(
    "url-lock-off",
    "medium",
    "The URL lock is off",
    "why",
    "fix",
    "https://x",
    (),
    subject="open-team",
)
ENTRY = {"finding": "url-lock-off", "reason": "known", "until": "2026-11-25"}


def entry(**more: object) -> Acceptance:
    [made] = parse_accepted([ENTRY | more])
    return made


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"finding": "url-lock-of"}, "finding"),
        ({"finding": None}, "finding"),
        ({"finding": "not-checked"}, "finding"),
        ({"reason": None}, "reason"),
        ({"reason": "  "}, "reason"),
        ({"until": None}, "until"),
        ({"until": "soon"}, "until"),
        ({"until": "2026-02-30"}, "until"),
        ({"until": "20261125"}, "until"),
        ({"until": 20261125}, "until"),
        ({"until": dt.datetime(2026, 11, 25, tzinfo=dt.UTC)}, "until"),
        ({"subject": 3}, "subject"),
        ({"owner": "ana"}, "owner"),
        ({"untill": "2026-11-25"}, "untill"),
    ],
)
def test_an_incomplete_entry_is_refused(more, field):
    with pytest.raises(InvalidInput) as caught:
        entry(**more)
    assert caught.value.field == field
    assert caught.value.next_step


@pytest.mark.parametrize("listed", [{}, "x", None, [1], [ENTRY, ENTRY]])
def test_a_list_that_is_none_is_refused(listed):
    with pytest.raises(InvalidInput):
        parse_accepted(listed)


def test_a_date_of_yaml_and_the_last_day():
    made = entry(until=dt.date(2026, 11, 25))
    assert not made.ended(TODAY)
    assert made.ended(TODAY + dt.timedelta(days=1))


@pytest.mark.parametrize(
    ("subject", "place", "matches"),
    [
        ("", "", True),
        ("open-team", "", True),
        ("open-*", "", True),
        ("OPEN-TEAM", "", False),
        ("open", "", False),
        ("open-tea?", "", False),
        ("[o]pen-team", "", False),
        ("111122223333/us-east-1/open-team", "", False),
        ("111122223333/us-east-1/open-team", "111122223333/us-east-1", True),
        ("111122223333/*/open-team", "111122223333/eu-west-1", True),
        ("444455556666/*", "111122223333/us-east-1", False),
        ("open-team", "111122223333/us-east-1", True),
    ],
)
def test_subjects(subject, place, matches):
    [found] = accept(
        [FOUND], [entry(subject=subject)] if subject else [entry()], today=TODAY, place=place
    )
    assert (found.accepted is not None) == matches


def test_the_entry_that_ends_last_counts_and_an_ended_one_keeps_its_reason():
    old = entry(until="2026-11-01", reason="as ana knows", subject="open-team")
    [ended] = accept([FOUND], [old], today=TODAY)
    assert (ended.accepted, ended.ended) == (None, old)
    assert "ana" in ended.acceptance_text
    [both] = accept([FOUND], [old, entry()], today=TODAY)
    assert both.accepted == entry()
    assert both.ended is None
    assert Finding.from_dict(json.loads(json.dumps(both.to_dict()))) == both


def test_unused_entries():
    entries = parse_accepted(
        [ENTRY, ENTRY | {"subject": "gone"}, ENTRY | {"finding": "guard-open"}]
    )
    assert unused([FOUND], entries) == entries[1:]


def specs(*extra):
    return [Spec.make("no_findings", {"team": TEAM, "severity": "info"}), *extra]


def codes(scene: Scene):
    return sorted({finding.code for finding in scene.gt.findings(team=TEAM)})


def test_checks_accept_expire_and_report_unused(scene: Scene, tmp_path):
    known = codes(scene)
    assert known
    entries = [{"finding": code, "reason": "as ana knows", "until": "2099-01-01"} for code in known]
    spare = {"finding": "guard-open", "reason": "known", "until": "2099-01-01"}
    path = tmp_path / "checks.json"
    [no_findings] = [{"check": "no_findings", "team": TEAM, "severity": "info"}]
    path.write_text(json.dumps({"checks": [no_findings], "accepted": [*entries, spare]}))
    report = check.run_file(scene.gt, path)
    assert report.exit_code == 0
    assert [each.finding for each in report.unused] == ["guard-open"]
    assert [each["code"] for each in report.results[0].details["accepted"]] == [
        each.code for each in replace(scene.gt, accepted=entries).findings(team=TEAM).accepted
    ]
    ended = [entries[0] | {"until": "2026-01-01"}, *entries[1:]]
    report = check.run_specs(scene.gt, specs(), accepted=ended)
    assert report.exit_code == 2
    assert "ana" in report.results[0].message
    assert report.results[0].details["findings"][0]["ended"]["reason"] == "as ana knows"


def test_what_was_not_read_makes_no_entry_unused(scene: Scene):
    blind = scene.user_with("sagemaker:DescribeWorkteam")
    spare = [{"finding": "guard-open", "reason": "known", "until": "2099-01-01"}]
    report = check.run_specs(blind, specs(), accepted=spare)
    assert report.exit_code != 0
    assert report.unused == ()


def test_the_entries_are_in_the_check_file_itself(scene: Scene, tmp_path):
    accepted = [
        {"finding": code, "reason": "known", "until": "2099-01-01"} for code in codes(scene)
    ]
    (tmp_path / "known.json").write_text(json.dumps({"accepted": accepted}))
    path = tmp_path / "checks.json"
    body = {
        "checks": [{"check": "no_findings", "team": TEAM, "severity": "info"}],
        "accepted": "known.json",
    }
    path.write_text(json.dumps(body))
    with pytest.raises(InvalidInput, match=r"checks\.json: 'accepted' is a list of entries"):
        check.run_file(scene.gt, path)
    path.write_text(json.dumps(body | {"accepted": accepted}))
    assert check.run_file(scene.gt, path).exit_code == 0
    path.write_text(
        json.dumps(
            {"checks": [{"check": "guard_is_in_place", "bucket": BUCKET}], "accepted": accepted}
        )
    )
    with pytest.raises(InvalidInput):
        check.run_file(scene.gt, path)


def test_an_entry_of_one_bucket_silences_no_other(scene: Scene, tmp_path):
    s3, other = scene.client("s3"), f"{BUCKET}-2"
    s3.create_bucket(Bucket=other)
    scene.remove_guard()
    found = {
        name: {each.code for each in scene.gt.findings(bucket=name) if each.subject == name}
        for name in (BUCKET, other)
    }
    shared = sorted(found[BUCKET] & found[other])
    assert "presigned-from-anywhere" in shared
    day = {"reason": "known", "until": "2099-01-01"}
    checks = [
        {"check": "no_findings", "bucket": name, "severity": "low"} for name in (BUCKET, other)
    ]
    path = tmp_path / "checks.json"
    path.write_text(json.dumps({"checks": checks, "accepted": [
        {"finding": code, "subject": BUCKET, **day} for code in sorted(found[BUCKET])
    ]}))  # fmt: skip
    first, second = check.run_file(scene.gt, path)
    assert (first.passed, second.passed) == (True, False)
    assert {each["code"] for each in second.details["findings"]} >= set(shared)
    s3.delete_bucket(Bucket=other)


def test_the_command_line(scene: Scene, tmp_path, monkeypatch, capsys):
    scene.use_environment(monkeypatch)
    monkeypatch.chdir(tmp_path)
    base = ["findings", "--team", TEAM, "--fail-on", "info"]
    assert main(base) == 2
    no_findings = {"check": "no_findings", "team": TEAM, "severity": "info"}
    known = [{"finding": code, "reason": "known", "until": "2099-01-31"} for code in codes(scene)]
    file = tmp_path / "checks.json"
    file.write_text(json.dumps({"checks": [no_findings], "accepted": known}))
    capsys.readouterr()
    assert main([*base, "--accepted", "checks.json"]) == 0
    assert "2099-01-31" in capsys.readouterr().out
    assert main(["check", "-f", "checks.json"]) == 0
    options = ["no-findings", "--team", TEAM, "--severity", "info", "--accepted", "checks.json"]
    assert main(["check", *options]) == 0
    assert main(["check", "-f", "checks.json", "--accepted", "checks.json"]) == 64
    ended = [
        *({**each, "until": "2026-01-01"} for each in known),
        {**known[0], "finding": "guard-open"},
    ]
    file.write_text(json.dumps({"checks": [no_findings], "accepted": ended}))
    capsys.readouterr()
    assert main([*base, "--accepted", "checks.json"]) == 2
    output = capsys.readouterr()
    assert "2026-01-01" in output.out
    assert "unused: guard-open" in output.err
    plan = [
        "plan",
        "--team",
        TEAM,
        "--allow",
        "203.0.113.0/24",
        f"s3://{BUCKET}",
        "--accepted",
        "checks.json",
    ]
    assert main(plan) in (0, 2)
    for wrong in (
        {"checks": [no_findings]},
        [known[0]],
        {"accepted": [{**known[0], "reason": ""}]},
    ):
        file.write_text(json.dumps(wrong))
        assert main([*base, "--accepted", "checks.json"]) == 64
        assert "accepted" in capsys.readouterr().err.lower()


def test_the_panel_folds_them_with_their_date(scene: Scene):
    nasty = "<script>alert(1)</script>"
    entries = [
        {"finding": each.code, "reason": nasty, "until": "2099-01-31"}
        for each in scene.gt.plan(WISH).findings
    ]
    assert entries
    step = ReviewStep(replace(scene.gt, accepted=entries), restriction=WISH)
    shown = step.shown.value + step.details.value
    assert "the first until 2099-01-31" in shown
    assert nasty not in shown
    plain = ReviewStep(scene.gt, restriction=WISH)
    assert "2099-01-31" not in plain.shown.value + plain.details.value
    page = replace(scene.gt, accepted=entries).plan(WISH).to_html(standalone=True)
    assert "2099-01-31" in page
    listed = replace(scene.gt, accepted=entries).findings(team=TEAM)
    assert isinstance(listed, Findings)
    assert nasty not in listed._repr_html_()
