"""The matrix of who can open: every cell has one answer, and it is that of the evaluator."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

import pytest

from gt_secure.engine.access import Exposure
from gt_secure.engine.access.difference import Difference
from gt_secure.engine.access.locks import EffectiveLocks
from gt_secure.engine.access.matrix import Matrix, matrix_html, matrix_of, matrix_text, split_lines
from gt_secure.engine.access.source_sets import Row
from gt_secure.engine.policies.bucket_guard import build_guard
from gt_secure.engine.policies.url_lock import UrlLock
from support.answers import ENDPOINT, exposure_under, team_locks
from support.guards import merge_guard

OFFICE, OTHER, V6 = "203.0.113.0/24", "198.51.100.0/24", "2001:db8:40::/48"


@dataclass(frozen=True)
class Planned:
    """The exposures before and after a guard and the URL lock."""

    before: Exposure
    after: Exposure

    @property
    def rows(self) -> Iterable[Difference[Row]]:
        return self.after.diff(self.before)


def guarded(*networks: str, endpoints: tuple[str, ...] = ()) -> EffectiveLocks:
    return team_locks(
        merge_guard(None, build_guard("gt-images", networks=networks, endpoints=endpoints))
    )


def made(locks: EffectiveLocks, *networks: str, endpoints: tuple[str, ...] = ()) -> Planned:
    after = replace(guarded(*networks, endpoints=endpoints), url_lock=UrlLock(source_ip=True))
    return Planned(exposure_under(locks), exposure_under(after))


def matrix(one: Planned) -> Matrix:
    return matrix_of((each.before, each.after) for each in one.rows)


CASES = {
    "nothing before": (team_locks(), (OFFICE,), ()),
    "another list": (guarded(OTHER), (OFFICE,), ()),
    "part of a list": (guarded(OFFICE), ("203.0.113.0/25",), ()),
    "both families": (guarded(OTHER, V6), (OFFICE, V6), ()),
    "an endpoint": (guarded(OTHER, endpoints=(ENDPOINT,)), (OFFICE,), (ENDPOINT,)),
    "an endpoint less": (guarded(OFFICE, endpoints=(ENDPOINT,)), (OFFICE,), ()),
}


@pytest.mark.parametrize("name", CASES)
def test_each_cell_is_the_answer_at_any_source_of_its_column(name: str) -> None:
    locks, networks, endpoints = CASES[name]
    one = made(locks, *networks, endpoints=endpoints)
    found = matrix(one)
    differences: dict[str, Difference[Row]] = {each.request: each for each in one.rows}
    assert sorted(kind for line in found.lines for kind in line.requests) == sorted(differences)
    for line in found.lines:
        assert len(line.cells) == len(found.columns)
        for kind in line.requests:
            for (title, _), cell in zip(found.columns, line.cells, strict=True):
                for source in sources(title, found):
                    answers = tuple(
                        each.at(source, kind).answer for each in (one.before, one.after)
                    )
                    assert (cell.before, cell.after) == answers, f"{kind} from {source} in {title}"


def sources(title: str, found: Matrix) -> list[str]:
    """Sources that a column says it is about."""
    if title.startswith("vpce-"):
        return [title]
    if "endpoint" in title:
        return ["vpce-0fffffffffffffff0"]
    listed = [
        ipaddress.ip_network(word)
        for name, _ in found.columns
        for word in re.findall(r"[0-9a-f.:]+/\d+", name)
    ]
    if title[0].isdigit():
        own = [ipaddress.ip_network(word) for word in re.findall(r"[0-9a-f.:]+/\d+", title)]
        return [str(end) for each in own for end in (each[0], each[-1])]
    far = ("192.0.2.77", "203.0.114.1", "2001:db9::1") if "IPv" not in title else ("192.0.2.77",)
    far = ("2001:db9::1",) if "IPv6" in title else far
    return [
        each for each in far if not any(ipaddress.ip_address(each) in network for network in listed)
    ]


def test_columns_say_what_they_hold() -> None:
    found = matrix(made(team_locks(), OFFICE))
    assert found.columns[0] == (OFFICE, "256 IPv4")
    assert found.columns[1] == ("other addresses", "4,294,967,040 IPv4, all IPv6")
    assert found.columns[2][0] == "any VPC endpoint"
    many = matrix(made(team_locks(), *(f"198.51.100.{i}" for i in range(0, 40, 2))))
    assert many.columns[0] == ("198.51.100.0/32, 198.51.100.2/32 and 18 more ranges", "20 IPv4")


@pytest.mark.parametrize(
    ("kept", "sizes"),
    [
        (["203.0.113.0/26"], ["64", "192"]),
        (["203.0.113.192/26"], ["64", "192"]),
        (["203.0.113.0/25", "203.0.113.128/26"], ["64", "192"]),
        (["203.0.113.4/30", "203.0.113.128/25", "203.0.113.64/26"], ["60", "196"]),
    ],
)
def test_smaller_sets_of_addresses_come_first(kept: list[str], sizes: list[str]) -> None:
    found = matrix(made(guarded(OFFICE), *kept))
    assert [text.removesuffix(" IPv4") for _, text in found.columns[:2]] == sizes


def test_what_stays_the_same_is_folded_and_changes_have_shape_and_word() -> None:
    found = matrix(made(team_locks(), OFFICE))
    shown = matrix_html(found, "Who?")
    head, _, folded = shown.partition("<details")
    assert "An SDK or CLI call" in folded
    assert "An SDK or CLI call" not in head
    assert '<b class="gts-chip gts-answer gts-moved gts-refused"><svg' in head
    assert "Everyone behind one NAT shares its public address" in head
    text = "\n".join(matrix_text(found, 80))
    assert "opened → refused" in text
    assert "Unchanged: an SDK or CLI call (opened)" in text
    assert max(map(len, text.split("\n")[:6])) <= 80


@pytest.mark.parametrize(
    ("condition", "answers"),
    [
        ({}, "opened"),
        ({"IpAddress": {"aws:SourceIp": OTHER}}, "refused or opened, depending on the source"),
        (
            {"StringEquals": {"aws:SourceVpce": ENDPOINT}},
            "refused or opened, depending on the source",
        ),
    ],
)
def test_a_folded_row_names_each_of_its_answers(condition: dict[str, object], answers: str) -> None:
    """A public grant, with or without a condition, stays the same under a guard."""
    grant = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::gt-images/*",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{**grant, "Condition": condition}]})
    guarded_too = merge_guard(policy, build_guard("gt-images", networks=[OFFICE]))
    found = matrix(
        Planned(exposure_under(team_locks(policy)), exposure_under(team_locks(guarded_too)))
    )
    assert f"an anonymous request ({answers})" in "\n".join(matrix_text(found, None))


def test_an_exposure_alone_folds_nothing() -> None:
    one = made(team_locks(), OFFICE)
    found = matrix_of((row, row) for row in one.after)
    assert "<details" not in matrix_html(found, "Who?")
    assert not any(line.changes for line in found.lines)


def test_a_cell_reads_from_the_current_to_the_planned_answer() -> None:
    found = matrix(made(team_locks(), OFFICE))
    shown = matrix_html(found, "")
    cells = [
        " ".join(re.sub("<[^>]*>", "", each).split())
        for each in re.findall("<td[^>]*>(.*?)</td>", shown)
    ]
    drawn = [cell for lines in split_lines(found) for line in lines for cell in line.cells]
    assert cells == [cell.arrow.replace("->", "→") for cell in drawn]
    assert "opened → refused" in cells
    # Aloud, an arrow is a word.
    assert shown.count('<span role="img" aria-label="then">→</span>') == shown.count("→")


def test_only_a_cell_that_changes_says_what_it_was() -> None:
    one = made(team_locks(), OFFICE)
    same = matrix_html(matrix_of((row, row) for row in one.before), "")
    assert "gts-was" not in same
    moved = matrix(one)
    assert matrix_html(moved, "").count("gts-was") == sum(
        cell.changes for line in moved.lines for cell in line.cells
    )
