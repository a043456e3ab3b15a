"""The changes between two reports: buckets that were opened or closed, lists that grew, findings
that came and went.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from ..base import files as textfiles
from ..base.errors import InvalidInput
from ..base.groups import grouped
from ..base.text import Json, JsonLike, Texts, json_text
from ..findings.run import RULES

COMPARED = (
    *("account", "region", "kind", "name", "tone", "access", "locks", "allowed", "uses"),
    *("policy_writers", "status"),
)
"""Members of a row that a digest is of: no access log changes them."""
OF_LOGS = frozenset(rule.code for rule in RULES if rule.looks_at("bucket.log"))
"""The findings that an access log alone may bring."""
_OF_REQUESTS = ("presigned-from-anywhere", "team-locked-out")
"""Findings whose details count requests; the rows of bucket and team have the rest of them."""
_LOG = "log of "
"""The start of a line about a log that was not read."""

NOT_READ = frozenset({"not read", "unknown now"})
"""Changes of which nobody knows whether the account changed."""


class ReportChange(NamedTuple):
    """One change: what happened, to what, and how it was before and is after."""

    what: str
    subject: str
    before: str
    after: str


def load_report(path: str | Path) -> Json:
    """Read the JSON of an earlier report.

    Raises
    ------
    InvalidInput
        If the file holds something else.
    """
    file = Path(path)
    data = textfiles.load(file)
    with suppress(LookupError, TypeError, AttributeError):
        digest_of(data)
        differences(data, data)
        if [type(data[name]) for name in ("at", "rows", "unread")] == [str, list, list]:
            return dict(data)
    raise InvalidInput(
        f"{file.name} is not the JSON of a report.",
        next_step="Name a file that a report was written to as JSON.",
        field="since",
    )


def digest_of(found: JsonLike) -> str:
    """Return the SHA-256 of what a report found but for what access logs show, in its JSON or in
    what it is made of.
    """
    data = {
        "rows": [[row[name] for name in COMPARED] for row in found["rows"]],
        "findings": sorted(_said(found).items()),
        "unread": [
            sorted({*map(_unread, one["unread"])} - {""}) for one in (found, *found["rows"])
        ],
    }
    return hashlib.sha256(json_text(data).encode()).hexdigest()


def _said(found: JsonLike) -> Json:
    """Return state and details of findings by code and subject, except those of an access log."""
    return grouped(
        (
            f"{each['code']}: {each['subject']}",
            f"{each['state']}. {'' if each['code'] in _OF_REQUESTS else each['detail']}",
        )
        for each in sorted(found["findings"] or (), key=lambda one: str(one["detail"]))
        if each["code"] not in OF_LOGS
    )


def _unread(line: str) -> str:
    """Return the line of an unread part, without the rules that it leaves open: a log that was read
    adds rules to them. Empty for a log.
    """
    is_of_log = line.startswith(_LOG) or f": {_LOG}" in line
    return "" if is_of_log else line.partition(" Not known: ")[0]


def differences(before: JsonLike, after: JsonLike) -> tuple[ReportChange, ...]:
    """Return what changed between two reports, as their JSON has them.

    A row that one of them could not read is no change: the list of what was not read names it.

    Examples
    --------
    >>> row = {"account": "111122223333", "region": "eu-west-1", "kind": "bucket", "name": "b"}
    >>> closed = row | {"tone": "good", "access": "Only 203.0.113.0/24.", "unread": []}
    >>> opened = row | {"tone": "open", "access": "Anyone with a URL can open b.", "unread": []}
    >>> reports = [{"rows": [each], "findings": [], "unread": []} for each in (closed, opened)]
    >>> differences(*reports)[0].what
    'opened'
    """
    return tuple(_all(before, after))


def _all(before: JsonLike, after: JsonLike) -> Iterator[ReportChange]:
    old, new = ({_place(row): row for row in each["rows"]} for each in (before, after))
    unread = {
        place[:2]
        for rows in (old, new)
        for place, row in rows.items()
        if any(map(_unread, row["unread"]))
    }
    for place in sorted({*old, *new}):
        was, now = old.get(place), new.get(place)
        if place[2] != "region" and (place[:2] not in unread or (was and now)):
            yield from _of_row(f"{place[2]} {'/'.join(place[:2])}/{place[3]}", was, now)
    outcomes = [each for row in after["rows"] for each in row["checked"].items()]
    undecided = {code for code, word in outcomes if word in ("unknown", "not asked")}
    lists = (
        ("findings", "new finding", "finding gone", "not found", "found"),
        ("unread", "not read", "read again", "read", "not read"),
    )
    for member, came, went, absent, present in lists:
        if None in (before[member], after[member]):
            continue
        earlier, later = (set(_named(every[member])) for every in (before, after))
        yield from (ReportChange(came, text, absent, present) for text in _texts(later - earlier))
        for text in _texts(earlier - later):
            if member == "unread" or text.partition(":")[0] not in undecided:
                yield ReportChange(went, text, present, absent)
    yield from _reworded(_said(before), _said(after))


def _reworded(old: Json, new: Json) -> Iterator[ReportChange]:
    """Yield the findings of both reports whose state or details differ."""
    for subject in sorted(old.keys() & new.keys()):
        was, now = old[subject], new[subject]
        if was != now:
            is_unsure = any(each.startswith("unknown") for each in now)
            what = "unknown now" if is_unsure else "changed"
            yield ReportChange(what, subject, " ".join(was), " ".join(now))


def _of_row(subject: str, old: Json | None, new: Json | None) -> Iterator[ReportChange]:
    was, now = _word(old), _word(new)
    if old is None or new is None:
        yield ReportChange("new" if old is None else "gone", subject, was, now)
        return
    if was != now:
        yield ReportChange(_change(old.get("tone"), new.get("tone")), subject, was, now)
    for member in ("allowed", "policy_writers"):
        known, found = old[member], new[member]
        grown = [each for each in found if each not in known and not each.startswith("unknown")]
        if grown and known:
            yield ReportChange("list grew", subject, ", ".join(known), f"+ {', '.join(grown)}")


def _change(was: Any, now: Any) -> str:
    order = ["good", "part", "open"]
    if was == now:
        return "changed"
    if now not in order:
        return "unknown now"
    if was not in order:
        return "known again"
    return "opened" if order.index(now) > order.index(was) else "closed"


def _place(row: JsonLike) -> Texts:
    return tuple(str(row[name]) for name in ("account", "region", "kind", "name"))


def _named(items: Iterable[Any]) -> Iterator[tuple[str, str]]:
    """Yield lines, and the teams of findings one by one, each after its code and place."""
    for each in items:
        if isinstance(each, str):
            yield each, ""
        else:
            place, slash, names = each["subject"].rpartition("/")
            yield from ((f"{each['code']}: {place}{slash}", name) for name in names.split(", "))


def _texts(named: set[tuple[str, str]]) -> list[str]:
    return [start + ", ".join(names) for start, names in grouped(sorted(named)).items()]


def _word(row: Json | None) -> str:
    return "-" if row is None else str(row.get("access") or row.get("locks") or "")
