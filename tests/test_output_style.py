"""An output carries at most 1,000 bytes of its own style, each rule of which selects a part of
it; a part that has a rule brings it along.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup, Tag

from gt_secure.base.html import style_sheet
from gt_secure.changes import ProbeResult
from gt_secure.changes.applied import Applied
from gt_secure.engine.access.proof import Proof
from gt_secure.findings.model import Finding
from gt_secure.logs import read_hits
from gt_secure.restriction.expectations import expect
from gt_secure.widgets import page_assets
from support.answers import exposure_under, team_locks
from support.opened import opened_by
from support.states import JOB, TEAM, state, unread

from .changes.test_plan import made
from .test_every_document import EXAMPLES, dry_run, seen
from .test_frames import LINE, TABLES

MOST_BYTES = 1_000


def plan_of_everything() -> Any:
    """Return a plan whose output has each kind of part and each colour."""
    job = replace(JOB, name="scans")
    account = state(
        jobs=(job,),
        endpoints=unread("ec2:DescribeVpcEndpoints", "the endpoints"),
        team=replace(TEAM, members=("a", "b")),
    )
    one = made(
        account,
        hits=opened_by("198.51.100.9"),
        portal_lock=True,
        expectations=[expect.allowed("192.0.2.1"), expect.refused("198.51.100.9")],
    )
    findings = [
        Finding(name, name, "Open.", "All can.", "Lock it.", "https://x", (), "gt-images", "")
        for name in ("critical", "high", "medium", "low")
    ]
    return replace(one, findings=(*one.findings, *findings), dry_run=dry_run())


def outputs(folder: Path) -> Iterator[tuple[str, Any]]:
    """Yield results that show themselves in a notebook, by name."""
    yield from TABLES.items()
    yield from EXAMPLES.items()
    log = folder / "log"
    log.write_text("\n".join(LINE.format(number) for number in range(1, 9)))
    hits = read_hits(str(log))
    exposure = exposure_under(team_locks())
    probes = (ProbeResult("allowed", "203.0.113.7", "opened"),)
    yield from {
        "hits": hits,
        "counts": hits.count("remote_ip"),
        "plan": made(portal_lock=True),
        "no change": made(seen()),
        "plan of everything": plan_of_everything(),
        "exposure": exposure,
        "account": seen(),
        "answers": exposure.at(["203.0.113.7", "198.51.100.9"]),
        "proof": Proof(True, None, (), limits=("Of this bucket.",)),
        "applied": Applied("1", "applied", probes=probes),
        "nothing": TABLES["teams"][:0],
    }.items()


def selectors(css: str, outer: str = "") -> Iterator[str]:
    """Yield the selector of each rule, with those that it is nested in."""
    place = 0
    while found := re.compile(r"([^{};]*)\{").search(css, place):
        depth, end = 1, found.end()
        while depth:
            depth += {"{": 1, "}": -1}.get(css[end], 0)
            end += 1
        name, body = found[1].strip(), css[found.end() : end - 1]
        if not name.startswith("@"):
            outer_of_body = inside(name, outer)
            yield outer_of_body
        yield from selectors(body, outer if name.startswith("@") else outer_of_body)
        place = end


def inside(name: str, outer: str) -> str:
    """Return a selector list as it is where it is nested in another one."""
    parts = re.split(r",(?![^(]*\))", name.replace("::before", ""))
    whole = [
        part.replace("&", f":is({outer})") if "&" in part else f":is({outer}) {part}"
        for part in map(str.strip, parts)
    ]
    return ", ".join(whole) if outer else name


def classes(box: Tag) -> set[str]:
    return {name for each in box.find_all(class_=True) for name in each.get_attribute_list("class")}


def ruled(css: str) -> set[str]:
    return set(re.findall(r"\.(gts-[\w-]+)", css))


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, Tag]]:
    """The style and the body of each output."""
    parts = {}
    for name, item in outputs(tmp_path_factory.mktemp("log")):
        if hasattr(item, "_repr_html_"):
            body = BeautifulSoup(item._repr_html_(), "html.parser")
            styles = [each.extract() for each in body.find_all("style")]
            parts[name] = "".join(each.string for each in styles), body
    return parts


def test_the_outputs_have_every_part(shown: dict[str, tuple[str, Tag]]) -> None:
    """Nothing of the style sheet is left untried."""
    assert len(shown) >= 27
    assert ruled(style_sheet()) - {"gts-out"} <= {
        n for _, body in shown.values() for n in classes(body)
    }
    tried = {"gts-ok", "gts-no", "gts-warn", "gts-opened", "gts-moved", "gts-notice", "gts-pre"}
    assert tried <= classes(shown["plan of everything"][1]), "the largest style"


def test_an_output_has_at_most_a_kilobyte_of_its_own_style(
    shown: dict[str, tuple[str, Tag]],
) -> None:
    large = {name: len(style.encode()) for name, (style, _) in shown.items()}
    assert {name: size for name, size in large.items() if size > MOST_BYTES} == {}
    assert max(large.values()) > 800, "the plans are there"


def test_no_style_is_left_in_attributes(shown: dict[str, tuple[str, Tag]]) -> None:
    for name, (_, body) in shown.items():
        assert body.select("[style], [align], [valign], [bgcolor], [border], font, center") == [], (
            name
        )
        assert body.select("[width]:not(svg)") == [], name


def test_every_rule_selects_a_part_of_its_output(shown: dict[str, tuple[str, Tag]]) -> None:
    unused = {
        (name, selector)
        for name, (style, body) in shown.items()
        for selector in selectors(style)
        if body.select_one(selector) is None
    }
    assert unused == set()


def test_a_part_that_has_a_rule_brings_it_along(shown: dict[str, tuple[str, Tag]]) -> None:
    """A class without a rule in the sheet of outputs is one of the panel, or of a page."""
    sheet, panel = ruled(style_sheet()), Path(page_assets.__file__).parent
    names = ("style.css", "tables.css")
    elsewhere = ruled("".join((panel / name).read_text(encoding="utf-8") for name in names))
    for name, (style, body) in shown.items():
        used = classes(body)
        assert used & sheet <= ruled(style), name
        assert used - sheet <= elsewhere | {"gts-out"}, name


def test_a_rule_for_nothing_is_noticed() -> None:
    css = (
        ".gts-out{a:b;.gts-pre{c:d}.gts-table{e:f;td{g:h}@container (width<1em){td::before{i:j}}}}"
    )
    assert [*selectors(css)] == [
        ".gts-out",
        ":is(.gts-out) .gts-pre",
        ":is(.gts-out) .gts-table",
        ":is(:is(.gts-out) .gts-table) td",
        ":is(:is(.gts-out) .gts-table) td",
    ]
    body = BeautifulSoup(
        '<div class="gts-out"><table class="gts-table"></table></div>', "html.parser"
    )
    assert [body.select_one(each) is None for each in selectors(css)] == [0, 1, 0, 1, 1]
