"""Exposures and answers in words: places, tables of kinds of requests,
and answers for single sources.
"""

from __future__ import annotations

from collections.abc import Iterable

from ...base import html as markup
from ...base.columns import lay_out, wrapped
from ...base.html import Chip, Markup, code, output, table
from ...base.text import Texts, capital, printable
from ..iam.request_space import WORDS, Word
from ..policies.bucket_guard import own_lock
from .access_words import addresses, endpoints
from .answer import ONE_ADDRESS, Answer, claim_of, tone
from .exposure import Exposure
from .matrix import matrix_html, matrix_of
from .provisos import unless, with_unless
from .source_sets import Row, SourceSet

_TONES: dict[str, markup.Tone] = {"opened": "plain", "refused": "plain", "unknown": "warn"}
_HEAD = ("request", "source", "answer", "decided by", "reason")


def exposure_text(exposure: Exposure, room: int | None = None) -> str:
    """Return the kinds of requests, each with three lines: opened, refused and unknown sources."""
    lines = []
    for row in exposure:
        lines.append(f"{row.request}: {_claim(exposure, row)}")
        named = [(word, words_of(row, word)) for word in WORDS]
        lines += [
            f"  {word + ':':<9} {printable(said)}" for word, said in named if said != "nowhere"
        ]
        lines += [f"  {ONE_ADDRESS}"] if row.request == "forwarded" else []
    lines += exposure.remarks
    if exposure.missing:
        lines.append(f"Missing permissions: {', '.join(exposure.missing)}")
    return "\n".join(part for line in lines for part in wrapped(line, 12, room))


def _claim(exposure: Exposure, row: Row) -> str:
    return claim_of(row.request, has_team=any(each.request == "worker" for each in exposure))


def exposure_html(exposure: Exposure) -> str:
    """Return the matrix of who can open, with the exact sets in a fold;
    everything from outside is escaped.
    """
    where = f"{exposure.locks.bucket}/{exposure.key}" if exposure.locks.bucket else "the images"
    caption = markup.join("Who can open ", code(where, 90), "?")
    known = Markup("<br>".join(markup.text(each, 300) for each in exposure.facts))
    facts = markup.fold("Facts", known) if known else ""
    missing = (
        markup.hint(f"Missing permissions: {', '.join(exposure.missing)}")
        if exposure.missing
        else ""
    )
    matrix = matrix_html(matrix_of((row, row) for row in exposure), caption)
    matrix = markup.join(matrix, *map(markup.hint, exposure.remarks))
    return output(matrix, sets_fold(exposure), facts, missing)


def sets_fold(exposure: Exposure) -> Markup:
    """Return the exact sources of each kind of request in a fold;
    answers that hold nowhere are left out.
    """
    rows = []
    for row in exposure:
        said = [
            markup.join(
                "<div>",
                markup.chip(_TONES[word], word),
                " ",
                markup.text(words_of(row, word), 600),
                "</div>",
            )
            for word in WORDS
            if not row.places(word).is_empty
        ]
        rows.append((capital(_claim(exposure, row)), markup.join(*said)))
    return markup.fold(
        "Exact addresses and endpoints, and what decides", table(("Request", "Answer"), rows)
    )


def words_of(row: Row, word: Word) -> str:
    """Return the sources of a row with one answer, and what opens, decides or could tell it."""
    sources = row.places(word)
    said = places(sources, row.labels)
    if sources.is_empty:
        return said
    because = [f"depends on {', '.join(sources.depends_on)}"] if sources.depends_on else []
    if word == "refused":
        because = sorted({own_lock(each) or each for each in sources.decided_by})
    said = f"{said} ({', '.join(because)})" if because else said
    return "; ".join([said, *sources.when]) + unless(sources.unless)


def places(sources: SourceSet, labels: frozenset[str]) -> str:
    """Return the addresses and endpoints of a set of sources."""
    named = addresses(sources.spans)
    behind = endpoints(sources.endpoints, labels, others=sources.other_endpoints)
    return "; ".join(filter(None, (named, behind))) or "nowhere"


def answers_text(answers: Iterable[Answer], room: int | None = None) -> str:
    """Return answers for single sources as an aligned table, no wider than ``room`` columns."""
    rows = [tuple(printable(cell) for cell in _cells(each)) for each in answers]
    notes = list(dict.fromkeys(note for *_, note in rows if note))
    numbered = [(*row, f"[{notes.index(note) + 1}]" if note else "") for *row, note in rows]
    below = [line for i, note in enumerate(notes, 1) for line in wrapped(f"[{i}] {note}", 0, room)]
    return "\n".join([*lay_out(_HEAD, numbered, room), *below])


def _cells(answer: Answer) -> Texts:
    decided = ", ".join(part for part in (answer.lock, answer.statement) if part)
    why = "; ".join(answer.when) if answer.answer == "opened" else answer.reason
    why = with_unless(why, answer.unless)
    return answer.claim, answer.source, answer.answer, decided, why


def answers_html(answers: Iterable[Answer]) -> str:
    """Return answers for single sources as HTML; everything is escaped."""
    rows = []
    for each in answers:
        claim, source, word, decided, why = _cells(each)
        stranger = each.request == "forwarded" or None
        rows.append(
            (claim, code(source, 120), Chip(tone(each.answer, stranger), word), decided, why)
        )
    return output(table(_HEAD, rows))
