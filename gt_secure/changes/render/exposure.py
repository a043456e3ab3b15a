"""The difference of two exposures in words: three lines a kind of request, and who loses or gains access."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ... import html as markup
from ...access.address_classes import EVERY_ADDRESS, minimal_cidrs, minus
from ...html import Chip, Markup
from ...policies.bucket_guard import names_guard
from ...text import count, printable

if TYPE_CHECKING:
    from ...access.exposure import SourceSet
    from ...access.exposure_change import ExposureChange
    from ..plan_data import PlanData

_TITLES = {
    "worker": "a worker's own URL",
    "forwarded": "a forwarded URL",
    "presigned": "any other presigned URL",
    "header": "a request signed in the header",
    "post-form": "a POST form",
    "anonymous": "an anonymous request",
    "other-account": "a presigned URL of another account",
}
_TONES: dict[str, markup.Tone] = {"opened": "plain", "refused": "plain", "unknown": "warn"}
_NAMED = 3
"""Most ranges that are named; of a longer list the ranges outside it are named, if they are fewer."""


@dataclass(frozen=True)
class KindLines:
    """Kinds of requests with the same answers, in words.

    Attributes
    ----------
    title : str
    answers : tuple
        ``opened``, ``refused`` and ``unknown``, each with its sources after the change.
    moves : tuple
        Sentences on who loses and gains access, each with the tone that it has for the owner of the images.
    """

    title: str
    answers: tuple[tuple[str, str], ...]
    moves: tuple[tuple[markup.Tone, str], ...]


def kind_lines(plan: PlanData) -> list[KindLines]:
    """Return the kinds of requests of a plan; those with the same answers are one."""
    alike: dict[str, list[ExposureChange]] = {}
    for change in plan.exposure:
        answers = {key: value for key, value in change.to_dict().items() if key != "request"}
        alike.setdefault(json.dumps(answers, sort_keys=True), []).append(change)
    has_team = any(change.request == "worker" for change in plan.exposure)
    return [_lines(changes, has_team) for changes in alike.values()]


def _lines(changes: Sequence[ExposureChange], has_team: bool) -> KindLines:
    titles = _TITLES if has_team else _TITLES | {"presigned": "a presigned URL"}
    title = ", ".join(titles[change.request] for change in changes)
    after, labels = changes[0].after, changes[0].named_endpoints
    refused = _places(after.refused, labels)
    decided = _in_all([{_lock(each) for each in change.after.refused.decided_by} for change in changes])
    if decided:
        refused += f" ({', '.join(decided)})"
    unknown = _places(after.unknown, labels)
    if after.unknown.depends_on:
        unknown += f" (depends on {', '.join(after.unknown.depends_on)})"
    opened = "; ".join([_places(after.opened, labels), *after.opened.when])
    answers = (("opened", opened), ("refused", refused), ("unknown", unknown))
    return KindLines(title[:1].upper() + title[1:], answers, tuple(_moves(changes[0])))


def _in_all(names: Sequence[set[str]]) -> list[str]:
    return sorted(names[0].intersection(*names[1:]))


def _moves(change: ExposureChange) -> Iterator[tuple[markup.Tone, str]]:
    own, labels = change.request == "worker", change.named_endpoints
    if not change.loses.is_empty:
        yield "warn" if own else "ok", _sentence(change.loses, labels, "lose access")
    if not change.gains.is_empty:
        yield "ok" if own else "no", _sentence(change.gains, labels, "gain access")
    if not change.unclear.is_empty:
        yield "warn", _sentence(change.unclear, labels, "change to or from unknown")


def _lock(decided_by: str) -> str:
    """Return the name of the lock, or the policy with its statement."""
    return "bucket guard" if names_guard(decided_by) else decided_by


def _places(sources: SourceSet, labels: frozenset[str]) -> str:
    named = _ranges(sources)
    number = sources.count(4)
    if number and number != 1 << 32 and "/" in named:
        named += f" ({markup.count(number, 'IPv4 address', 'IPv4 addresses')})"
    return "; ".join(part for part in (named, _endpoints(sources, labels)) if part) or "nowhere"


def _sentence(sources: SourceSet, labels: frozenset[str], verb: str) -> str:
    """Return who loses or gains access; the count comes first where few ranges are meant."""
    number, cidrs = sources.count(4), sources.cidrs
    named, endpoints = _ranges(sources), _endpoints(sources, labels)
    if number and len(cidrs) <= _NAMED and not sources.count(6) and number != 1 << 32:
        verb_of_one = verb.replace("lose", "loses").replace("gain", "gains").replace("change", "changes")
        counted = markup.count(number, "address", "addresses")
        end = verb_of_one if number == 1 and not endpoints else verb
        return f"{counted} in {named}{f' and {endpoints}' if endpoints else ''} {end}"
    subject = f"{named}, and {endpoints}," if named and endpoints else named or endpoints
    counted = f" ({markup.count(number, 'IPv4 address', 'IPv4 addresses')})" if 0 < number < 1 << 32 else ""
    return f"{subject[:1].upper() + subject[1:] if not endpoints or named else subject} {verb}{counted}"


def _ranges(sources: SourceSet) -> str:
    cidrs = sources.cidrs
    if not cidrs:
        return ""
    others = minimal_cidrs(minus(EVERY_ADDRESS, sources.spans))
    if not others:
        return "all addresses"
    if len(cidrs) <= _NAMED:
        return ", ".join(cidrs)
    if len(others) <= _NAMED:
        return f"all addresses but {', '.join(others)}"
    fewer, head = (others, "all addresses but ") if len(others) < len(cidrs) else (cidrs, "")
    return f"{head}{', '.join(fewer[:_NAMED])} and {count(len(fewer) - _NAMED, 'more range')}"


def _endpoints(sources: SourceSet, labels: frozenset[str]) -> str:
    if not sources.other_endpoints:
        return ", ".join(sources.endpoints)
    others = sorted(labels - set(sources.endpoints))
    return f"all endpoints but {', '.join(others)}" if others else "all endpoints"


def exposure_text(plan: PlanData, room: int | None = None) -> Iterator[str]:
    """Yield the lines of a terminal; with ``room`` columns, long ones are continued below."""
    lines = kind_lines(plan)
    if not lines:
        return
    yield ""
    yield "Who can open the images after this plan, exactly:"
    for kind in lines:
        yield from _wrapped(f"  {printable(kind.title)}", 4, room)
        for answer, named in kind.answers:
            yield from _wrapped(f"    {answer + ':':<9} {printable(named)}", 14, room)
        for _, sentence in kind.moves:
            yield from _wrapped(f"    {printable(sentence)}.", 4, room)


def _wrapped(line: str, indent: int, room: int | None) -> list[str]:
    return [line] if room is None else textwrap.wrap(line, max(room, 30), subsequent_indent=" " * indent)


def exposure_table(plan: PlanData) -> Markup:
    """Return the kinds of requests with their three answers, and who loses or gains access."""
    lines = kind_lines(plan)
    if not lines:
        return Markup("")
    bucket = plan.restriction.bucket
    place = f"{bucket}/{plan.restriction.prefix}" if bucket else "the images"
    caption = markup.join("Who can open ", markup.code(place, 90), "?")
    table = markup.table(("Request", "After this plan", "Difference"), map(_row, lines), caption=caption)
    exact = "Exact for all IPv4 and IPv6 addresses and endpoints, predicted from the policies that this role can read."
    return markup.join(table, markup.hint(exact))


def _row(kind: KindLines) -> tuple[object, ...]:
    answers = [
        markup.join(
            "<div>",
            markup.chip("plain" if named == "nowhere" else _TONES[answer], answer),
            " ",
            markup.text(named, 600),
            "</div>",
        )
        for answer, named in kind.answers
    ]
    moves = [markup.join("<div>", markup.cell(Chip(tone, sentence)), "</div>") for tone, sentence in kind.moves]
    return kind.title, markup.join(*answers), markup.join(*moves) if moves else "the same as now"
