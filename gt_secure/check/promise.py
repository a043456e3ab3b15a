"""The promise of a notebook: the claims that a run must keep, each with its place, and which of
them the records of a run leave owed.

``gt-secure check no-code-cell-skipped --write`` writes the promise after a run, from what passed,
as a cell that calls :func:`promise`. The notebook's metadata has the same arguments, for a cell
that was lost. Without either, the promise is only inferred from the records of the saved run.

A kernel, a script, the pytest plugin, a runner and the check of a saved file compare by
:func:`unkept`. What the code around a check does needs no rule, and no tag or comment that skips a
cell: each answer records itself (:mod:`gt_secure.check.ledger`), and one that was not asked is
missing.
"""

from __future__ import annotations

import ast
import datetime as dt
import json
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any, Literal, NamedTuple, TypeGuard

from ..base.clock import utc_now
from ..base.errors import InvalidInput
from ..base.groups import grouped
from ..base.outcome import CheckResult
from ..base.text import Json, count, some
from .ledger import KEY, LedgerEntry, RecordedPlace, parsed, recorded_here, records_of

_SKEW = dt.timedelta(minutes=10)
_COMMENT = re.compile(r"^[ \t]*# ?", re.MULTILINE)
_COMPUTED = ("a list that is written out, not computed",)
WRITE = "gt-secure check no-code-cell-skipped --write --path"
NO_EVIDENCE = "looked at what this run wrote itself: no evidence on an account"


class CheckClaim(NamedTuple):
    """A check with its subject and arguments in words, and its place; any, if that is empty."""

    check: str
    subject: str
    place: RecordedPlace = RecordedPlace()

    def __str__(self) -> str:
        where = f" in {self.place}" if any(self.place) else ""
        return f"{self.check}({self.subject}){where}"

    def is_of(self, entry: LedgerEntry) -> bool:
        """Return whether a record answers the claim, with any outcome."""
        is_there = entry.place == self.place or not (any(self.place) and any(entry.place))
        return is_there and (self.check, self.subject) == (entry.check, entry.subject)


class Promise(NamedTuple):
    """The claims of a notebook, and where they are stated."""

    claims: frozenset[CheckClaim]
    stated: Literal["", "cell", "metadata"] = ""


def promise(
    *, account: str = "", region: str = "", on: str = "", **checks: Iterable[str]
) -> CheckResult:
    """State the checks of a notebook or script, each with its claims, and require that all of them
    have passed in this process or in one that its kernel started.

    ``gt-secure check no-code-cell-skipped --write`` writes the cell, as the last one. Without
    arguments it states that the notebook has no check.

    Parameters
    ----------
    account, region, on : str
        The place where they must pass; ``on="sandbox"`` is the sandbox. By default the place does
        not matter.
    **checks : list of str
        By the name of a check, the claims that must pass: a subject, and the arguments in words.

    Raises
    ------
    CheckFailed
        If one of them did not run in this process, ran somewhere else, or did not pass.
    InvalidInput
        If the subjects of a check are no list.

    Examples
    --------
    >>> check.promise(on="sandbox", guard_is_in_place=["gt-images"])  # doctest: +SKIP
    """
    claims = _claims_of({"account": account, "region": region, "on": on, **checks})
    records = recorded_here(checks)
    left = [*unkept(claims, records)]
    if records and not left and not any(each.counts for each in records):
        left = ["every check was skipped"]
    text = f"{count(len(claims), 'check')} promised."
    text = f"Promised and not passed: {some(left)}." if left else text
    fix = "Run the notebook from the first cell to the last."
    return CheckResult(
        "promise", "the notebook", not left, text, {"left": left}, fix if left else ""
    ).require()


def unkept(claims: Iterable[CheckClaim], records: Iterable[LedgerEntry]) -> Iterator[str]:
    """Yield in sentences what records leave owed of claims: each needs one that passed in its
    place, and was not made by the run itself.
    """
    records = list(records)
    for claim in sorted(claims):
        asked = [each for each in records if each.check == claim.check]
        same = [each for each in asked if claim.is_of(each)]
        if any(each.counts for each in same) or _is_released(claim, asked):
            continue
        failed = [str(each) for each in same if each.status != "passed"]
        others = dict.fromkeys(
            str(CheckClaim(each.check, each.subject, each.place))
            for each in asked
            if each.status != "skipped"
            and _about(each) == _about(claim)
            and not any(other.is_of(each) for other in claims)
        )
        elsewhere = f"; {some([*others], 3)} ran" if others else ""
        none = f"{claim} {NO_EVIDENCE}" if same else f"{claim} ran nowhere{elsewhere}"
        yield from failed or [none]


def _is_released(claim: CheckClaim, asked: list[LedgerEntry]) -> bool:
    """Return whether a skip releases a claim: its check ran for nothing,
    or the reason names the subject.
    """
    skips = [each for each in asked if each.status == "skipped"]
    return any(skips == asked or _about(claim) in each.subject for each in skips)


def _about(each: CheckClaim | LedgerEntry) -> str:
    """Return the subject without the arguments in words."""
    return each.subject.partition(": ")[0]


def untimely(records: list[LedgerEntry], since: dt.datetime | None) -> Iterator[str]:
    """Yield what is of another run: checks that ran before those above them, and a first or last
    record that is older than accepted, or of the future.
    """
    latest = ""
    for cell, times in grouped((each.cell, each.time) for each in records if each.time).items():
        if min(times) < latest:
            yield f"the checks of cell {cell} ran before those above it"
        latest = max(latest, *times)
    if since is None or not records:
        return
    ordered = sorted(records, key=lambda each: each.time)
    first, last = ordered[0], ordered[-1]
    if last.time > f"{utc_now() + _SKEW:%Y-%m-%dT%H:%M:%SZ}":
        yield f"{last.asked} ran at {last.time}, which is in the future"
    if first.time < (start := f"{since:%Y-%m-%dT%H:%M:%SZ}"):
        when = first.time or "a time that was not recorded"
        yield f"{first.asked} ran at {when}{first.where}, before {start}"


def statements(passed: Iterable[LedgerEntry]) -> list[Json]:
    """Return the arguments of :func:`promise` for what passed, in one mapping for each place;
    a check without a place is in the first.
    """
    passed = list(passed)
    first = min((each.place for each in passed if any(each.place)), default=RecordedPlace())
    placed = grouped(
        (each.place if any(each.place) else first, (each.check, each.subject)) for each in passed
    )
    return [
        {name: value for name, value in place._asdict().items() if value}
        | grouped(sorted({*placed[place]}))
        for place in sorted(placed)
    ]


def promise_cell(stated: Iterable[Json]) -> str:
    """Return the source of the cell that states a promise."""
    lines = ["from gt_secure import check", ""]
    for each in stated:
        given = (f"    {name}={json.dumps(each[name], ensure_ascii=False)}," for name in each)
        lines += ["check.promise(", *given, ")"]
    return "\n".join(lines)


def promise_of(book: Json) -> Promise:
    """Read the promise of a notebook: from its cells and its metadata, else from its saved
    records. Raises InvalidInput for one of another format.
    """
    held: Any = (book.get("metadata") or {}).get(KEY)
    cells = [each for cell in book["cells"] for each in stated_in(cell)]
    try:  # a merge may have kept the cell of one side
        stated = [*cells, *(held["promise"] if held else ())]
        claims = frozenset(claim for each in stated for claim in _claims_of(each))
    except (AttributeError, KeyError, TypeError) as error:
        raise InvalidInput(
            "The promise has a format that this version cannot read.",
            next_step=f"Run the notebook, save it, and run '{WRITE} FILE'.",
            field="path",
        ) from error
    if cells or held:
        return Promise(claims, "cell" if cells else "metadata")
    ran = (each for each in records_of(book["cells"]) if each.status != "skipped")
    return Promise(frozenset(CheckClaim(each.check, each.subject) for each in ran))


def _claims_of(stated: Json) -> set[CheckClaim]:
    """Return the claims of the arguments of :func:`promise`; raises InvalidInput where the
    subjects of a check are no list, and AttributeError for another format.
    """
    place = RecordedPlace(*(str(stated.get(name, "")) for name in RecordedPlace._fields))
    claims = set[CheckClaim]()
    for name in stated.keys() - {*RecordedPlace._fields}:
        subjects = stated[name]
        if isinstance(subjects, str) or not isinstance(subjects, Iterable):
            step = f'Write {name}=["{str(subjects)[:40]}"].'
            raise InvalidInput(f"The subjects of {name} are a list.", next_step=step, field=name)
        claims |= {CheckClaim(name, str(each), place) for each in subjects}
    return claims


def stated_in(cell: Json) -> list[Json]:
    """Return the arguments of each call of :func:`promise` in a cell, also in a comment."""
    text = cell_text(cell)
    sources = {text, _COMMENT.sub("", text)} if "promise" in text else set()
    return [
        {str(each.arg): _value(each.value) for each in node.keywords}
        for source in sources
        for node in ast.walk(parsed(source))
        if _is_promise(node)
    ]


def _value(node: ast.expr) -> Any:
    with suppress(ValueError):
        return ast.literal_eval(node)
    return _COMPUTED


def _is_promise(node: ast.AST) -> TypeGuard[ast.Call]:
    return isinstance(node, ast.Call) and ast.unparse(node.func).endswith("check.promise")


def is_promise_cell(cell: Json) -> bool:
    """Return whether a cell does nothing but state the promise: it need not have run."""
    imports = (ast.Import, ast.ImportFrom)
    others = [each for each in parsed(cell_text(cell)).body if not isinstance(each, imports)]
    calls = (isinstance(each, ast.Expr) and _is_promise(each.value) for each in others)
    return bool(others) and all(calls)


def cell_text(cell: Json) -> str:
    """Return the source of a cell, which is saved as a text or as a list of lines."""
    source = cell.get("source", "")
    return "".join(map(str, source)) if isinstance(source, list) else str(source)
