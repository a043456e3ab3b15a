"""Matrix of answers: kinds of requests in rows, places in columns, before and after a change.

Places with the same answers in every row are one column, so each cell has exactly one answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypedDict

from ...base import html as markup
from ...base.columns import lay_out, wrapped
from ...base.groups import grouped
from ...base.html import Markup
from ...base.text import Texts, capital, count, some
from ..iam.request_space import WORDS, Word
from .address_classes import BITS, EVERY_ADDRESS, Span, Spans, minus, within
from .answer import ONE_ADDRESS, claim_of
from .difference import Difference
from .exposure import Exposure
from .provisos import unless
from .source_sets import Row, SourceSet
from .sources import ANY_OTHER

_NAMED = 2
_HINTS = {
    "worker": "through the worker portal",
    "header": "SDK, CLI and AWS services",
    "anonymous": "without a signature",
}
_MARKS = {
    "opened": '<circle cx="6" cy="6" r="5" fill="currentColor"/>',
    "refused": (
        '<circle cx="6" cy="6" r="4.2" fill="none" stroke="currentColor" stroke-width="1.6"/>'
        '<path d="M3 9 9 3" stroke="currentColor" stroke-width="1.6"/>'
    ),
    "unknown": (
        '<path d="M6 .5 11.5 6 6 11.5.5 6z" fill="none" stroke="currentColor" stroke-width="1.4" '
        'stroke-dasharray="2 1.5"/>'
    ),
}

_Cells: TypeAlias = "tuple[Difference[str], ...]"
"""Answers; an opened one names who signs, where not everybody opens."""


@dataclass(frozen=True, slots=True)
class KindRow:
    """Kinds of requests with the same answers everywhere."""

    requests: Texts
    cells: _Cells

    @property
    def changes(self) -> bool:
        """Return whether an answer changes."""
        return any(cell.changes for cell in self.cells)

    @property
    def is_of_workers(self) -> bool:
        """Return whether a worker's own URL is among the requests."""
        return any(each.startswith("worker") for each in self.requests)

    @property
    def answers(self) -> str:
        """Return the answers after the change, each once."""
        words = dict.fromkeys(cell.after for cell in self.cells)
        return " or ".join(words) + (", depending on the source" if len(words) > 1 else "")

    def title(self, *, has_team: bool) -> str:
        """Return the kinds of requests in words."""
        return ", ".join(claim_of(each, has_team=has_team) for each in self.requests)


@dataclass(frozen=True, slots=True)
class Matrix:
    """Columns with their titles and details, and lines with a cell for each column."""

    columns: tuple[tuple[str, str], ...]
    lines: tuple[KindRow, ...]
    provisos: Sequence[tuple[tuple[Word, str], str]] = ()

    @property
    def has_team(self) -> bool:
        """Return whether workers are among those who ask."""
        return any(line.is_of_workers for line in self.lines)

    def notes(self, lines: Sequence[KindRow]) -> list[str]:
        """Return what the answers of lines after the change rest on, a sentence for several
        kinds, which are named where others rest on something else.
        """
        shown = {each for line in lines for each in line.requests}
        here = grouped(each for each in self.provisos if each[1] in shown)
        words = [word for word, _ in here]
        found = []
        for (word, said), requests in here.items():
            kinds = ", ".join(claim_of(each, has_team=self.has_team) for each in requests)
            named = f"{kinds}: {word}" if words.count(word) > 1 else word
            found.append(f"{capital(named)}{said}.")
        return [*found, ONE_ADDRESS] if any(line.is_of_workers for line in lines) else found


def matrix_of(rows: Iterable[tuple[Row, Row]]) -> Matrix:
    """Return the matrix of kinds of requests, each with its row now and after a change."""
    pairs = list(rows)
    places = [*_addresses(pairs), *_endpoints(pairs)]
    kinds = grouped(
        (tuple(cells[number] for _, cells in places), after.request)
        for number, (_, after) in enumerate(pairs)
    )
    lines = [KindRow(tuple(requests), cells) for cells, requests in kinds.items()]
    rests_on = [
        ((word, unless(after.places(word).unless)), after.request)
        for word in WORDS
        for _, after in pairs
        if after.places(word).unless
    ]
    return Matrix(tuple(title for title, _ in places), tuple(lines), rests_on)


def _addresses(
    pairs: Sequence[tuple[Row, Row]],
) -> Iterator[tuple[tuple[str, str], _Cells]]:
    """Yield the classes of addresses, those of the lists first."""
    alike: dict[_Cells, list[Span]] = {}
    for each in _told_apart([row for pair in pairs for row in pair]):
        answers = tuple(
            Difference(_at(before, each[0]), _at(after, each[0])) for before, after in pairs
        )
        alike.setdefault(answers, []).extend(each)
    found_sets = [(SourceSet(tuple(spans)), cells) for cells, spans in alike.items()]
    for sources, cells in sorted(found_sets, key=lambda each: each[0].count(6) + each[0].count(4)):
        yield _address_title(sources, alone=len(alike) == 1), cells


def _told_apart(rows: Sequence[Row]) -> list[Spans]:
    """Return the classes of addresses that no set of a row divides."""
    sets = [row.places(word) for row in rows for word in WORDS]
    sets += [each for row in rows for each in row.opened.signed]
    classes: list[Spans] = [(span,) for span in EVERY_ADDRESS]
    for spans in dict.fromkeys(each.spans for each in sets):
        cut = [part for each in classes for part in (within(spans, each), minus(each, spans))]
        classes = [part for part in cut if part]
    return classes


def _at(row: Row, span: Span) -> str:
    """Return the answer at addresses that no set of a row divides."""
    for word in WORDS:
        if _holds(row.places(word), span):
            some = (each for each in row.opened.signed if _holds(each, span))
            signers = dict.fromkeys(words for each in some for words in each.when)
            return _answer(word, "; ".join(signers))
    return "unknown"


def _holds(sources: SourceSet, span: Span) -> bool:
    return bool(within(sources.spans, (span,)))


def _at_label(row: Row, label: str) -> str:
    word = row.others if label == ANY_OTHER else row.at_endpoint(label)
    return _answer(word, row.opened.signers_at(label))


def _answer(word: Word, signers: str) -> str:
    return f"{word}, {signers}" if word == "opened" and signers else word


def _word(answer: str) -> Word:
    return next(word for word in WORDS if answer.startswith(word))


def _address_title(sources: SourceSet, *, alone: bool) -> tuple[str, str]:
    sizes = {version: sources.count(version) for version in BITS}
    is_rest = {version: size > 1 << (BITS[version] - 2) for version, size in sizes.items()}
    if alone:
        return "any address", "IPv4 and IPv6"
    parts = [f"{sizes[4]:,} IPv4"] if sizes[4] else []
    parts += (
        ["all IPv6" if sizes[6] == 1 << BITS[6] else "most IPv6" if is_rest[6] else "IPv6"]
        if sizes[6]
        else []
    )
    if any(is_rest.values()) and all(
        is_rest[version] or not size for version, size in sizes.items()
    ):
        family = "" if all(is_rest.values()) else "IPv4 " if is_rest[4] else "IPv6 "
        return f"other {family}addresses", ", ".join(parts)
    return some(sources.cidrs, _NAMED, "range"), "" if sum(sizes.values()) == 1 else ", ".join(
        parts
    )


def _endpoints(
    pairs: Sequence[tuple[Row, Row]],
) -> Iterator[tuple[tuple[str, str], _Cells]]:
    labels = sorted({label for pair in pairs for row in pair for label in row.labels})
    alike = grouped(
        (
            tuple(
                Difference(_at_label(before, label), _at_label(after, label))
                for before, after in pairs
            ),
            label,
        )
        for label in labels
    )
    others = tuple(
        Difference(_at_label(before, ANY_OTHER), _at_label(after, ANY_OTHER))
        for before, after in pairs
    )
    as_others = alike.pop(others, [])
    for cells, names in alike.items():
        yield (
            (
                some(names, _NAMED, "endpoint"),
                "VPC endpoint" if len(names) == 1 else "VPC endpoints",
            ),
            cells,
        )
    yield (
        (
            "other VPC endpoints" if alike else "any VPC endpoint",
            "" if alike or not as_others else f"such as {as_others[0]}",
        ),
        others,
    )


def split_lines(matrix: Matrix) -> tuple[list[KindRow], list[KindRow]]:
    """Return the lines to show, and those to fold:
    kinds of requests that stay the same while others change.
    """
    moving = any(line.changes for line in matrix.lines)
    shown = [line for line in matrix.lines if line.changes or line.is_of_workers or not moving]
    return shown, [line for line in matrix.lines if line not in shown]


def matrix_text(matrix: Matrix, room: int | None) -> Iterator[str]:
    """Yield the lines of the matrix for a terminal, each answer now and after."""
    shown, folded = split_lines(matrix)
    head = ("request", *(title for title, _ in matrix.columns))
    rows = [
        (capital(line.title(has_team=matrix.has_team)), *(cell.arrow for cell in line.cells))
        for line in shown
    ]
    yield from (f"  {line}" for line in lay_out(head, rows, None if room is None else room - 2))
    if folded:
        same = "; ".join(
            f"{line.title(has_team=matrix.has_team)} ({line.answers})" for line in folded
        )
        said = " ".join([f"Unchanged: {same}.", *(() if shown else matrix.notes(folded))])
        yield from wrapped(f"  {said}", 4, room)
    for note in matrix.notes(shown):
        yield from wrapped(f"  {note}", 4, room)


class Picture(TypedDict):
    """Values of a figure of an exposure: places,
    and kinds of requests with an answer for each place.
    """

    columns: list[str]
    rows: list[tuple[str, list[Word]]]
    title: str
    note: str


def picture_of(exposure: Exposure) -> Picture:
    """Return the matrix of an exposure as plain values, for whoever draws it."""
    matrix = matrix_of((row, row) for row in exposure)
    where = f"{exposure.locks.bucket}/{exposure.key}" if exposure.locks.bucket else "the images"
    rows = [
        (
            capital(claim_of(each, has_team=matrix.has_team)),
            [_word(cell.after) for cell in line.cells],
        )
        for line in matrix.lines
        for each in line.requests
    ]
    return Picture(
        columns=[title for title, _ in matrix.columns],
        rows=rows,
        title=f"Who can open {where}?",
        note=" ".join(matrix.notes(matrix.lines)),
    )


def matrix_html(matrix: Matrix, caption: str | Markup) -> Markup:
    """Return the matrix as a table whose cells have shape, word and colour;
    kinds that stay the same are folded.
    """
    shown, folded = split_lines(matrix)
    rest = ""
    if folded:
        kinds = count(sum(len(line.requests) for line in folded), "kind")
        rest = markup.fold(
            f"{kinds} of requests with the same answers as now",
            markup.join(_table(matrix, folded, ""), *map(markup.hint, matrix.notes(folded))),
        )
    return markup.join(_table(matrix, shown, caption), *map(markup.hint, matrix.notes(shown)), rest)


def _table(matrix: Matrix, lines: Iterable[KindRow], caption: str | Markup) -> Markup:
    head = ["Request", *(_head(title, detail) for title, detail in matrix.columns)]
    rows = [(_title(line, matrix.has_team), *map(_cell, line.cells)) for line in lines]
    return markup.table(head, rows, caption=caption, classes="gts-who")


def _head(title: str, detail: str) -> Markup:
    named = (
        markup.code(title, 90)
        if title[:1].isdigit() or title.startswith("vpc")
        else markup.text(title, 90)
    )
    return markup.join(named, markup.hint(detail) if detail else "")


def _title(line: KindRow, has_team: bool) -> Markup:
    hints = [_HINTS[each] for each in line.requests if each in _HINTS]
    said = markup.hint(hints[0]) if len(line.requests) == 1 and hints else ""
    return markup.join(markup.text(capital(line.title(has_team=has_team)), 300), said)


def _cell(cell: Difference[str]) -> Markup:
    word = _word(cell.after)
    mark = (
        f'<svg viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">{_MARKS[word]}</svg>'
    )
    arrow = ' <span role="img" aria-label="then">→</span></span> '
    answer = f'{word}">{mark} {markup.text(cell.after, 200)}'
    if not cell.changes:
        return Markup(f'<span class="gts-chip gts-answer gts-{answer}</span>')
    was = f'<span class="gts-hint gts-was">{markup.text(cell.before, 200)}{arrow}'
    return Markup(f'{was}<b class="gts-chip gts-answer gts-moved gts-{answer}</b>')
