"""The difference of two exposures in words: three lines a kind of request, and who loses or gains access."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ... import html as markup
from ...access.answer import CLAIMS, ONE_ADDRESS, WORDS, Word
from ...access.exposure_text import NAMED, endpoints, ranges, sets_html, words_of, wrapped
from ...html import Chip, Markup
from ...text import printable

if TYPE_CHECKING:
    from ...access.difference import Difference
    from ...access.source_sets import SourceSet
    from ..plan import Plan


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
    note : str
        A limit of what the answers say.
    """

    title: str
    answers: tuple[tuple[Word, str], ...]
    moves: tuple[tuple[markup.Tone, str], ...]
    note: str = ""


def kind_lines(plan: Plan) -> list[KindLines]:
    """Return the kinds of requests of a plan; those with the same answers are one."""
    alike: dict[str, list[Difference]] = {}
    for change in plan.exposure:
        answers = {key: value for key, value in change.to_dict().items() if key != "request"}
        alike.setdefault(json.dumps(answers, sort_keys=True), []).append(change)
    has_team = any(change.request == "worker" for change in plan.exposure)
    return [_lines(changes, has_team) for changes in alike.values()]


def _lines(changes: Sequence[Difference], has_team: bool) -> KindLines:
    titles = CLAIMS if has_team else CLAIMS | {"presigned": "a presigned URL"}
    title = ", ".join(titles[change.request] for change in changes)
    after, labels = changes[0].after, changes[0].named_endpoints
    decided = [set(change.after.refused.decided_by) for change in changes]
    refused = replace(after.refused, decided_by=tuple(sorted(decided[0].intersection(*decided[1:]))))
    row = replace(after, refused=refused)
    note = ONE_ADDRESS if any(change.request == "forwarded" for change in changes) else ""
    answers = tuple((word, words_of(row, word, labels)) for word in WORDS)
    return KindLines(title[:1].upper() + title[1:], answers, tuple(_moves(changes[0])), note)


def _moves(change: Difference) -> Iterator[tuple[markup.Tone, str]]:
    own, labels = change.request == "worker", change.named_endpoints
    if not change.loses.is_empty:
        yield "warn" if own else "ok", _sentence(change.loses, labels, "lose access")
    if not change.gains.is_empty:
        yield "ok" if own else "no", _sentence(change.gains, labels, "gain access")
    if not change.unclear.is_empty:
        yield "warn", _sentence(change.unclear, labels, "change to or from unknown")


def _sentence(sources: SourceSet, labels: frozenset[str], verb: str) -> str:
    """Return who loses or gains access; the count comes first where few ranges are meant."""
    number, cidrs = sources.count(4), sources.cidrs
    named, through = ranges(sources), endpoints(sources, labels)
    if number and len(cidrs) <= NAMED and not sources.count(6) and number != 1 << 32:
        verb_of_one = verb.replace("lose", "loses").replace("gain", "gains").replace("change", "changes")
        counted = markup.count(number, "address", "addresses")
        end = verb_of_one if number == 1 and not through else verb
        return f"{counted} in {named}{f' and {through}' if through else ''} {end}"
    subject = f"{named}, and {through}," if named and through else named or through
    counted = f" ({markup.count(number, 'IPv4 address', 'IPv4 addresses')})" if 0 < number < 1 << 32 else ""
    return f"{subject[:1].upper() + subject[1:] if not through or named else subject} {verb}{counted}"


def exposure_text(plan: Plan, room: int | None = None) -> Iterator[str]:
    """Yield the lines of a terminal; with ``room`` columns, long ones are continued below."""
    lines = kind_lines(plan)
    if not lines:
        return
    yield ""
    yield "Who can open the images after this plan, exactly:"
    for kind in lines:
        yield from wrapped(f"  {printable(kind.title)}", 4, room)
        for answer, named in kind.answers:
            yield from wrapped(f"    {answer + ':':<9} {printable(named)}", 14, room)
        for sentence in (*(f"{each}." for _, each in kind.moves), kind.note):
            yield from wrapped(f"    {printable(sentence)}", 4, room) if sentence else ()


def exposure_table(plan: Plan) -> Markup:
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
    moves = [markup.join("<div>", markup.cell(Chip(tone, sentence)), "</div>") for tone, sentence in kind.moves]
    return kind.title, sets_html(kind.answers, kind.note), markup.join(*moves) if moves else "the same as now"
