"""The colour, the words and the files of a report: nothing is plain that is severe or was not read,
and text from outside stays text.
"""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from gt_secure.base.errors import InvalidInput
from gt_secure.base.files import package_data
from gt_secure.report import AccountReport, ReportRow, result
from gt_secure.report.changes import differences
from gt_secure.report.pages import FORMATS, format_of
from gt_secure.report.run import _unused
from test_every_document import accepted, finding, made_report, row

FOUND = {
    name: replace(finding(), severity=name, accepted=None, state="found")
    for name in ("high", "medium", "low")
}  # type: ignore[arg-type]
CLEAN = {"cors-missing": "clean"}
HOSTILE = "a|b `code` [x](https://evil.example) @everyone <img src=x> =cmd() \x1b[31m\u202e"


def made(*severities: str, unread: tuple[str, ...] = (), **more: Any) -> ReportRow:
    values = {
        "findings": tuple(FOUND[each] for each in severities),
        "unread": unread,
        "not_looked_at": (),
        "checked": CLEAN,
        "leaks": None,
        "leaked": 0,
        "leaks_unread": "",
    }
    return replace(row(), **(values | more))


def of(*rows: ReportRow, **more: Any) -> AccountReport:
    given = {"nothing": "", "places": 1, "places_read": 1, "unused": ()} | more
    return replace(made_report(), rows=rows, **given)


@pytest.mark.parametrize(
    ("rows", "tone"),
    [
        ([], "warn"),  # workteams are not applicable
        ([made()], "plain"),
        ([made("low")], "plain"),
        ([made("medium")], "plain"),
        ([made(unread=("jobs: denied",))], "warn"),
        ([made(), made("high", unread=("jobs: denied",))], "no"),
        ([made("high")], "no"),
    ],
)
def test_a_report_is_as_severe_as_its_worst_row(
    rows: list[ReportRow], tone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tones: list[str] = []
    notice = result.notice
    monkeypatch.setattr(
        result, "notice", lambda tone, text: tones.append(tone) or notice(tone, text)
    )
    text = re.sub(r"<[^>]+>", " ", of(*rows)._repr_html_())
    assert tones == [tone]
    assert "2026-11-20 09:30 UTC" in text


def test_the_headline_names_what_was_skipped() -> None:
    assert of(made(unread=("jobs: denied", "keys: denied"))).headline.endswith(" Not read: 2.")
    assert of(made()).headline.endswith(" Not read: 0.")
    assert of(made(), made(tone="open"), made(tone="unknown")).headline.startswith(
        "3 buckets, 1 open to anyone, 1 unknown."
    )
    assert of(places=3, places_read=2).headline.startswith("No bucket is known in 2 regions.")
    rest = made(kind="region", name="", not_looked_at=("gt-far", "gt-logs"))
    assert of(made(), made(tone="open"), rest).headline.startswith(
        "Not looked at: gt-far, gt-logs (--buckets all looks at all). 2 of 4 buckets looked at, 1 open"
        " to anyone."
    )


def test_the_headline_counts_what_changed_since_a_report() -> None:
    before = {"at": "2026-11-13T09:30:00+00:00", **of(made(tone="open", access="Anyone."))._found}
    assert of(made(tone="good"), before=before).headline.endswith(
        " Not read: 0. Changes since 2026-11-13T09:30:00+00:00: closed (1)."
    )
    assert of(made(tone="open", access="Anyone."), before=before).headline.endswith(": none.")


@pytest.mark.parametrize(("unread", "left"), [((), 1), (("jobs: denied",), 0)])
def test_an_accepted_finding_is_unused_only_where_everything_was_read(
    unread: tuple[str, ...], left: int
) -> None:
    entry = replace(accepted("None has it.", 9), finding="cors")
    assert len(_unused([made(unread=unread), made("high")], (entry,))) == left


def test_findings_that_find_nothing_severe_violate_no_control() -> None:
    low = replace(FOUND["low"], code="guard-narrower")
    assert of(made(findings=(low,))).controls == ()
    assert of(made(findings=(replace(low, severity="medium"),))).controls


@pytest.mark.parametrize("suffix", FORMATS)
def test_text_from_outside_stays_text_in_each_file(suffix: str) -> None:
    named = made("high", name=HOSTILE, access=HOSTILE, unread=(HOSTILE,), uses=(HOSTILE,))
    text = FORMATS[suffix](of(named, made(kind="team", name=HOSTILE)))
    assert "\x1b" not in text
    assert "\u202e" not in text or suffix == ".json"
    if suffix == ".html":
        assert "<img" not in text
        assert "<script" not in text
        assert "default-src 'none'" in text
    if suffix == ".md":
        outside = re.sub(r"`[^`]*`", "", text)
        for sign in ("https:", "@everyone", "<img", "[x]"):
            assert sign not in outside
        for table in re.findall(r"(?:^\| .*\n)+", text, re.MULTILINE):
            columns = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
            assert len(columns) == 1, "no cell makes a column"
    if suffix == ".csv":
        rows = [*csv.reader(io.StringIO(text))]
        assert {len(each) for each in rows} == {len(result.COLUMNS)}
        assert not any(cell.startswith("=") for each in rows for cell in each)
    if suffix == ".json":
        assert json.loads(text)["rows"][0]["name"] == HOSTILE


def test_a_page_has_a_bound_and_says_what_it_left_out() -> None:
    rows = [made(name=f"bucket-{number}") for number in range(result.MOST_ROWS + 7)]
    text = FORMATS[".html"](of(*rows, places=2, places_read=2))
    assert text.count("<tr>") < result.MOST_ROWS + 20
    assert "The JSON has 7 more rows." in text
    assert len(json.loads(FORMATS[".json"](of(*rows)))["rows"]) == result.MOST_ROWS + 7


@pytest.mark.parametrize("name", ["report", "report.pdf", "x.HTM"])
def test_another_form_is_an_error_that_names_the_forms(name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        format_of(name)
    assert ".html, .json, .csv, .md, .sarif" in caught.value.next_step
    assert format_of("X.HTML") is FORMATS[".html"]


SCHEMA = package_data("gt_secure.report", "report.schema.json")


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [made()],
        [made("high", leaked=None, leaks_unread="not looked for"), made(kind="team")],
        [made(checked={}), made(kind="portal"), made(kind="region", status="denied")],
    ],
)
def test_the_json_keeps_to_its_schema(rows: list[ReportRow]) -> None:
    """A member that is new, gone or of another kind has to be in the schema, too."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    for more in ({}, {"before": of(made("low")).to_dict()}, {"unused": (accepted("No.", 9),)}):
        data = json.loads(FORMATS[".json"](of(*rows, **more)))
        jsonschema.Draft202012Validator(SCHEMA).validate(data)
    data["rows"] = [{"leaked": 0}]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(SCHEMA).validate(data)


@pytest.mark.parametrize("severity", FOUND)
def test_the_sarif_keeps_to_the_schema_of_oasis(severity: str) -> None:
    """With what was not read, an accepted finding, and one that depends on a fact."""
    unsure = replace(FOUND[severity], state="unknown", severity="info", depends_on=("aws:x",))
    quiet = replace(FOUND[severity], accepted=accepted("Known.", 9))
    rows = [made(severity, unread=(HOSTILE,)), made(findings=(unsure, quiet), name="b")]
    sarif = json.loads((Path(__file__).parents[1] / "data" / "sarif-schema-2.1.0.json").read_text())
    jsonschema.Draft4Validator(sarif).validate(json.loads(FORMATS[".sarif"](of(*rows))))


def test_the_json_has_its_form_and_its_digest_names_what_was_found() -> None:
    one, again = of(made("high")), replace(of(made("high")), caller="another", calls=7)
    assert one.digest == again.digest
    assert one.digest != of(made("high", access="Anyone with a URL can open gt-images.")).digest
    assert one.digest != of(made()).digest


LOCK_OFF = replace(FOUND["medium"], code="url-lock-off", title="The URL lock is off", detail="")
TEAMS = tuple(f"{name}-team" for name in ("north", "open", "south"))


def of_teams(*teams: str, **more: Any) -> tuple[ReportRow, ...]:
    return tuple(
        made(kind="team", name=name, findings=(replace(LOCK_OFF, subject=name, **more),))
        for name in teams
    )


@pytest.mark.parametrize("places", [1, 2])
def test_one_cause_of_three_teams_is_one_row_in_each_file(places: int) -> None:
    one = of(*of_teams(*TEAMS), places=places, places_read=places)
    place = "" if places == 1 else f"{row().location}/"
    named = f"{place}north-team, open-team, south-team"
    assert [each.subject for each in one.findings] == [named]
    assert "Findings: 0 high, 1 medium, 0 low, 0 info." in one.headline
    texts = {suffix: make(one) for suffix, make in FORMATS.items()} | {"": str(one)}
    for suffix in ("", ".html", ".md"):
        found = texts[suffix].partition("Portals")[2].partition("Controls of")[0]
        assert (found.count(LOCK_OFF.title), found.count(named)) == (1, 1), suffix
    data = json.loads(texts[".json"])
    assert [each["subject"] for each in data["findings"]] == [named]
    assert data["counts"]["medium"] == 1
    [alert] = json.loads(texts[".sarif"])["runs"][0]["results"]
    assert named in alert["message"]["text"]


def test_only_teams_share_a_row_and_only_for_one_cause() -> None:
    off = replace(LOCK_OFF, code="logging-off")
    buckets = [made(name=each, findings=(replace(off, subject=each),)) for each in ("a", "b")]
    assert len(of(*buckets).findings) == 2, "each bucket has its own log"
    accepts = accepted("Known.", 9)
    others = [of_teams("a", detail="SourceIp"), of_teams("b", accepted=accepts), of_teams("c", "d")]
    found = of(*(each for rows in others for each in rows)).findings
    assert sorted(each.subject for each in found) == ["a", "b", "c, d"]


def test_a_team_that_joins_or_leaves_a_cause_is_the_one_that_changed() -> None:
    old, new = (
        of(*of_teams(*teams), before=None).to_dict() for teams in (TEAMS, (*TEAMS[1:], "a", "b"))
    )
    changed = [each for each in differences(old, new) if "finding" in each.what]
    assert [(each.what, each.subject) for each in changed] == [
        ("new finding", "url-lock-off: a, b"),
        ("finding gone", "url-lock-off: north-team"),
    ]
