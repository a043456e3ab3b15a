"""Accepted findings: read from a check file, and matched with what was found.

::

    version: 1
    accepted:
      - finding: portal-lock-absent
        subject: default            # optional; a * matches any text
        reason: The portal is opened by travelling workers; see RISK-112.
        until: 2027-01-31           # the last day, in UTC
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from ..base import files as textfiles, html as markup
from ..base.errors import InvalidInput
from ..base.html import Markup
from ..base.text import JsonLike, count, did_you_mean
from .model import SAVED_SECRET, Acceptance, Acceptances, Finding, catalog

AcceptedLike: TypeAlias = "str | Path | Iterable[Acceptance | JsonLike]"
"""Accepted findings: a check file with a list ``accepted``, or the entries."""

MEMBERS = ("finding", "subject", "reason", "until")


def read_accepted(given: AcceptedLike | None) -> Acceptances:
    """Return accepted findings from a check file or from entries;
    raises :class:`InvalidInput` for a wrong entry.
    """
    if isinstance(given, (str, Path)):
        data = textfiles.load(given)
        if isinstance(data, Mapping):
            textfiles.check_format(data, Path(given).name)
        return accepted_of(data.get("accepted") if isinstance(data, Mapping) else None, Path(given))
    return parse_accepted(list(given or ()))


def accepted_of(listed: object, file: Path) -> Acceptances:
    """Return the entries of the list ``accepted`` of a file."""
    try:
        return parse_accepted(listed)
    except InvalidInput as error:
        raise InvalidInput(
            f"{file.name}: {error.message}", next_step=error.next_step, field=error.field
        ) from error


def parse_accepted(listed: object) -> Acceptances:
    """Return the entries of a list ``accepted``; an entry that occurs twice is an error."""
    if not isinstance(listed, list):
        raise _bad(
            "'accepted' is a list of entries.",
            "accepted",
            "Write each entry as a list item below 'accepted:'.",
        )
    entries = tuple(_entry(item, number) for number, item in enumerate(listed, 1))
    seen: set[tuple[str, str]] = set()
    for number, entry in enumerate(entries, 1):
        key = (entry.finding, entry.subject)
        if key in seen:
            raise _bad(
                f"Accepted entry {number} repeats {entry.label}.",
                "accepted",
                "Remove one of the two.",
            )
        seen.add(key)
    return entries


def _entry(item: object, number: int) -> Acceptance:
    if isinstance(item, Acceptance):
        item = item.to_dict()
    if not isinstance(item, Mapping):
        raise _bad(
            f"Accepted entry {number} is not a mapping.",
            "accepted",
            f"It has: {', '.join(MEMBERS)}.",
        )
    for key in item:
        if key not in MEMBERS:
            hint = did_you_mean(str(key), MEMBERS, f"It has: {', '.join(MEMBERS)}.", form="'{}'")
            raise _bad(f"Accepted entry {number} has no member '{str(key)[:60]}'.", str(key), hint)
    texts = {name: _text(item, name, number) for name in ("finding", "subject", "reason")}
    return Acceptance(
        finding=_code(texts["finding"], number),
        reason=texts["reason"],
        until=_day(item.get("until"), number),
        subject=texts["subject"],
    )


def _text(item: JsonLike, name: str, number: int) -> str:
    value = item.get(name)
    if value is None and name == "subject":
        return ""
    if not isinstance(value, str) or not value.strip():
        hint = {
            "reason": "Write why this risk is accepted, for the person who reads it next year.",
            "finding": "List the codes with gt.findings(team=..., bucket=...).",
        }.get(name, f"Write {name} as a text, or leave it out.")
        raise _bad(f"Accepted entry {number} needs '{name}'.", name, hint)
    return value.strip()


def _code(code: str, number: int) -> str:
    if code == "not-checked":
        raise _bad(
            f"Accepted entry {number}: 'not-checked' cannot be accepted, because what was not read"
            " is unknown.",
            "finding",
            "List the missing permissions with gt_secure.doctor.examine(gt).",
        )
    known = (*catalog(), SAVED_SECRET)
    if code in known:
        return code
    hint = did_you_mean(
        code, known, "List the codes with gt.findings(team=..., bucket=...).", form="'{}'"
    )
    raise _bad(f"Accepted entry {number}: unknown finding code '{code[:40]}'.", "finding", hint)


def _day(value: object, number: int) -> dt.date:
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value  # YAML reads a date by itself
    try:
        if isinstance(value, str) and len(value.strip()) == 10:
            return dt.date.fromisoformat(value.strip())
    except ValueError:
        pass
    said = f"Accepted entry {number} needs 'until'" + (
        "." if value is None else f" as a date, not {str(value)[:40]!r}."
    )
    raise _bad(said, "until", "Write the last day as a date such as 2027-01-31.")


def _bad(message: str, key: str, fix: str) -> InvalidInput:
    return InvalidInput(message, next_step=fix, field=key)


def accept(
    findings: Iterable[Finding],
    accepted: Sequence[Acceptance],
    *,
    today: dt.date | None = None,
    place: str = "",
) -> tuple[Finding, ...]:
    """Mark the findings that are accepted today (in UTC), and those whose acceptance has ended.

    Entries may name a subject with its ``place``, which is ``account/region``.
    """
    found = []
    for finding in findings:
        names = [finding.subject, *([f"{place}/{finding.subject}"] if place else [])]
        matches = (
            []
            if finding.code == "not-checked"
            else [each for each in accepted if each.covers(finding.code, *names)]
        )
        last = max(matches, key=lambda each: each.until, default=None)
        if last is not None:
            finding = (
                replace(finding, ended=last)
                if last.ended(today)
                else replace(finding, accepted=last)
            )
        found.append(finding)
    return tuple(found)


def unused(
    findings: Iterable[Finding],
    accepted: Iterable[Acceptance],
    *,
    places: Mapping[int, str] | None = None,
) -> Acceptances:
    """Return the entries that no finding matched: the risk is gone, or the entry has an error."""
    pairs = [
        (finding.code, finding.subject, f"{(places or {}).get(number, '')}/{finding.subject}")
        for number, finding in enumerate(findings)
    ]
    return tuple(
        each for each in accepted if not any(each.covers(code, *names) for code, *names in pairs)
    )


def accepted_title(findings: Sequence[Finding]) -> str:
    """Return the number of accepted findings, and the day on which the first one ends."""
    first = min(each.accepted.until for each in findings if each.accepted is not None)
    return f"{count(len(findings), 'accepted finding')}, the first until {first.isoformat()}"


def accepted_fold(findings: Sequence[Finding]) -> Markup:
    """Return a fold with the accepted findings, their reasons and dates."""
    head = ("until", "finding", "subject", "reason")
    entries = [(each, each.accepted) for each in findings if each.accepted is not None]
    rows = [
        (
            entry.until.isoformat(),
            markup.code(each.code),
            each.subject or "-",
            entry.reason,
        )
        for each, entry in entries
    ]
    return markup.fold(accepted_title(findings), markup.table(head, rows))
