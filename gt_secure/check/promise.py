"""The promise of a notebook: the checks that a run must pass, each with its subject, and whether a
run kept it.

``gt-secure check no-code-cell-skipped --write`` writes the promise after a run, from what passed,
as a cell that calls :func:`promise`. The notebook's metadata has the same, for a cell that was
lost. Without either, the promise is only inferred from the records of the saved run.

What the code around a check does needs no rule here, and no tag or comment that skips a cell: each
answer records itself (:mod:`gt_secure.check.ledger`), and one that was not asked is missing.
"""

from __future__ import annotations

import ast
import datetime as dt
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, NamedTuple, TypeGuard

from ..base.clock import utc_now
from ..base.errors import InvalidInput
from ..base.outcome import CheckResult
from ..base.text import Json, count, some
from .ledger import (
    ALL,
    KEY,
    WROTE,
    LedgerEntry,
    RecordedPlace,
    fingerprint,
    parsed,
    recorded_here,
    records_of,
)

REPORT = "run_file"
"""The name by which a report of a check file is recorded, beside each of its checks."""
_USES = re.compile(r"gt[_-]secure")
_IMPORTS = re.compile(r"gt_secure\.check\b|from gt_secure import (?:\([^)]*|[^\n]*)\bcheck\b")
_SKEW = dt.timedelta(minutes=10)
_COMMENT = re.compile(r"^[ \t]*# ?", re.MULTILINE)
BY_COMMAND = "by_command"
"""The argument of a promise that holds the checks of processes."""
PLACE = "place"
"""The member of the metadata that holds the account, the region and ``sandbox`` of a promise."""
WRITE = "gt-secure check no-code-cell-skipped --write --path"

TAGS = (
    "raises-exception",
    "nbval-raises-exception",
    "nbval-skip",
    "nbval-ignore-output",
    "skip-execution",
)
"""Tags that skip a cell, ignore its error, or ignore what it shows."""

Pair = tuple[str, str]


class Promise(NamedTuple):
    """Checks that must pass, by name and claim, and their place."""

    pairs: frozenset[Pair]
    stated: Literal["", "cell", "metadata", "unread"] = ""
    place: RecordedPlace | None = None


def promise(
    *,
    account: str = "",
    region: str = "",
    on: str = "",
    by_command: Mapping[str, Iterable[str]] | None = None,
    **checks: Iterable[str],
) -> CheckResult:
    """State the checks of a notebook or script, each with its claims, and require that all of them
    have passed in this process.

    ``gt-secure check no-code-cell-skipped --write`` writes the cell, as the last one. Without
    arguments it states that the notebook has no check.

    Parameters
    ----------
    account, region, on : str
        The place where they must pass; ``on="sandbox"`` is the sandbox. By default the place does
        not matter.
    by_command : mapping of str to list of str, optional
        The same for processes of a kernel that does not connect itself: the outputs of the
        notebook have these records, and this kernel does not. A runner compares them.
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
    place = RecordedPlace(account, region, on)
    for name, subjects in (*checks.items(), *(by_command or {}).items()):
        if isinstance(subjects, str):
            step = f'Write {name}=["{subjects[:40]}"].'
            raise InvalidInput(f"The subjects of {name} are a list.", next_step=step, field=name)
    owed = {(name, str(subject)) for name, subjects in checks.items() for subject in subjects}
    records = recorded_here((name for name, _ in owed), placed=any(place))
    stated = Promise(frozenset(owed), "cell", place)
    left = [*_not_kept(stated, records, failed_too=True)]
    text = f"Promised and not passed: {some(left)}." if left else ""
    text = text or f"{count(len(owed), 'check')} promised."
    fix = "Run the notebook from the first cell to the last."
    return CheckResult(
        "promise", "the notebook", not left, text, {"left": left}, fix if left else ""
    ).require()


def _left(promise: Promise, records: Iterable[LedgerEntry]) -> set[Pair]:
    """Return the pairs that did not pass in the place of a promise; a skip releases its check where
    that ran nowhere, or the subject it names.
    """
    records = [each for each in records if each.status != WROTE]
    passed = {
        pair
        for each in records
        if each.status == "passed"
        for pair in names_of(each, promise.place)
    }
    skips = [each for each in records if each.status == "skipped"]
    others = {each.check for each in records} - {
        each.check for each in records if each.status != "skipped"
    }
    released = {
        (name, subject)
        for each in skips
        for name, subject in promise.pairs
        if name == each.check and (name in others or subject.partition(": ")[0] in each.subject)
    }
    return {*promise.pairs} - passed - released


def _not_kept(
    promise: Promise, records: Iterable[LedgerEntry], *, failed_too: bool = False
) -> Iterator[str]:
    """Yield the promised lines that did not pass, each with lines of its check that ran instead.

    Those that failed are named once: here if ``failed_too``.
    """
    records = list(records)
    independent = _independent(records)
    lines = {each: {*names_of(each, promise.place)} for each in records if each.status != WROTE}
    failed = {
        pair: each.status
        for each in independent
        if each.status not in ("passed", "skipped")
        for pair in lines[each]
    }
    where = f" in {promise.place}" if promise.place and any(promise.place) else ""
    for pair in sorted(_left(promise, independent)):
        line = _pair_text(*pair)
        others = {
            f"{_pair_text(each.check, each.subject)}{_in_place(each)}": None
            for each in independent
            if each.check == pair[0]
            and each.status != "skipped"
            and each.subject.partition(": ")[0] == pair[1].partition(": ")[0]
            and not lines[each] & promise.pairs
        }
        if pair in failed:
            yield from [f"{line} {failed[pair]}"] if failed_too else []
        elif any(pair in each for each in lines.values()):
            yield f"{line} looked at what this run wrote itself: no evidence on an account"
        elif others:
            yield f"{line}{where} ran nowhere; {some([*others], 3)} ran"
        else:
            yield f"{line} ran nowhere"


def _in_place(entry: LedgerEntry) -> str:
    return f" in {entry.place}" if any(entry.place) else ""


def self_made(records: Iterable[LedgerEntry]) -> list[LedgerEntry]:
    """Return the records that rest on what the same run has written before."""
    written: list[LedgerEntry] = []
    found: list[LedgerEntry] = []
    for each in records:
        if each.status == WROTE:
            written.append(each)
        elif any(one.place == each.place and _is_about(each, one) for one in written):
            found.append(each)
    return found


def _is_about(entry: LedgerEntry, write: LedgerEntry) -> bool:
    names = write.subject.split()
    return ALL in names or any(name in entry.subject for name in names)


def _independent(records: Iterable[LedgerEntry]) -> list[LedgerEntry]:
    """Return the records that count: on an account not those of what the same run wrote."""
    records = list(records)
    made = {id(each) for each in self_made(records) if not each.on}
    return [each for each in records if each.status != WROTE and id(each) not in made]


def names_of(entry: LedgerEntry, place: RecordedPlace | None = None) -> Iterator[Pair]:
    """Yield the pairs that a record answers for: its claim alone if it is of the place of the
    promise or of none, and its claim with its place.
    """
    is_there = not place or not any(place) or not any(entry.place) or entry.place == place
    if is_there:
        yield entry.check, entry.subject
    yield entry.check, f"{entry.subject} in {_place(entry)}"


def _pair_text(name: str, subject: str) -> str:
    return f"{name}({subject})"


def promise_of(book: Json) -> Promise:
    """Read the promise of a notebook: from its cell, else from its metadata,
    else from its saved records.
    """
    held = (book.get("metadata") or {}).get(KEY)
    held = held if isinstance(held, dict) else {}
    cells = [stated for cell in book["cells"] if (stated := stated_in(cell)) is not None]
    promised: Any = held.get("promise")
    is_read = isinstance(promised, dict) and all(
        isinstance(each, list) for each in promised.values()
    )
    mirrored = set(_pairs(promised)) if is_read else set()
    if cells or is_read:  # a merge may have kept the cell of one side
        places = [place for cell in book["cells"] if (place := _place_in(cell)) is not None]
        written = held.get(PLACE)
        if not cells and isinstance(written, list) and len(written) == len(RecordedPlace._fields):
            places = [RecordedPlace(*map(str, written))]
        place = min(places, default=None)
        pairs = frozenset(mirrored.union(*cells))
        return Promise(pairs, "cell" if cells else "metadata", place)
    ran = [each for each in records_of(book["cells"]) if each.status != "skipped"]
    pairs = frozenset((each.check, each.subject) for each in ran)
    return Promise(pairs, "unread" if held else "")


def _pairs(checks: Json) -> Iterator[Pair]:
    for name, subjects in checks.items():
        yield from (
            (str(name), str(each))
            for each in (subjects if isinstance(subjects, list | tuple) else ())
        )


def stated_in(cell: Json) -> set[Pair] | None:
    """Return the pairs that a call of :func:`promise` in a cell states, also in a comment;
    None without one.
    """
    calls = _promises_in(cell)
    pairs: set[Pair] = set()
    for keyword in (each for call in calls for each in call.keywords):
        if keyword.arg in RecordedPlace._fields:
            continue
        try:
            value = ast.literal_eval(keyword.value)
            pairs |= set(_pairs(value if keyword.arg == BY_COMMAND else {str(keyword.arg): value}))
        except (ValueError, AttributeError):
            pairs.add((str(keyword.arg), "a list that is written out, not computed"))
    return pairs if calls else None


def _place_in(cell: Json) -> RecordedPlace | None:
    """Return the place of a promise that a cell states; a computed one is none that a run has."""
    given = {
        each.arg: str(each.value.value) if isinstance(each.value, ast.Constant) else "computed"
        for call in _promises_in(cell)
        for each in call.keywords
        if each.arg in RecordedPlace._fields
    }
    return RecordedPlace()._replace(**given) if given else None


def _promises_in(cell: Json) -> list[ast.Call]:
    text = cell_text(cell)
    if "promise" not in text:
        return []
    trees = [parsed(text), parsed(_COMMENT.sub("", text))]
    return [
        node for tree in trees if tree is not None for node in ast.walk(tree) if _is_promise(node)
    ]


def _is_promise(node: ast.AST) -> TypeGuard[ast.Call]:
    if not isinstance(node, ast.Call):
        return False
    function = node.func
    return (
        isinstance(function, ast.Attribute)
        and function.attr == "promise"
        and "check" in ast.unparse(function.value)
    )


def is_promise_cell(cell: Json) -> bool:
    """Return whether a cell does nothing but state the promise: it need not have run."""
    tree = parsed(cell_text(cell))
    others = (
        []
        if tree is None
        else [each for each in tree.body if not isinstance(each, ast.Import | ast.ImportFrom)]
    )
    return bool(others) and all(
        isinstance(each, ast.Expr) and _is_promise(each.value) for each in others
    )


def subjects_of(pairs: Iterable[Pair]) -> dict[str, list[str]]:
    """Return the subjects of each check."""
    subjects: dict[str, list[str]] = {}
    for name, subject in sorted(pairs):
        subjects.setdefault(name, []).append(subject)
    return subjects


def pairs_of(records: Iterable[LedgerEntry]) -> set[Pair]:
    """Return what records promise: check and claim, and the place where they have several."""
    records = list(records)
    is_one = place_of(records) is not None
    return {
        (each.check, each.subject)
        if is_one or not any(each.place)
        else (each.check, f"{each.subject} in {_place(each)}")
        for each in records
    }


def place_of(records: Iterable[LedgerEntry]) -> RecordedPlace | None:
    """Return the one place of records; None if they have several. Some checks have none."""
    places = {each.place for each in records if any(each.place)}
    return None if len(places) > 1 else next(iter(places), RecordedPlace())


def _place(entry: LedgerEntry) -> str:
    return " ".join(filter(None, entry.place))


def promise_cell(passed: Iterable[LedgerEntry]) -> str:
    """Return the source of the cell that states a promise."""
    passed = list(passed)
    is_one = place_of(passed) is not None
    own = [each for each in passed if each.source]
    pairs = pairs_of(passed)
    here = {pair for pair in pairs if any(pair in names_of(each) for each in own)}
    others = pairs - here
    place = place_of(passed) or RecordedPlace()
    arguments: Json = {name: each for name, each in place._asdict().items() if each and is_one}
    arguments |= subjects_of(here)
    arguments |= {BY_COMMAND: subjects_of(others)} if others else {}
    lines = [
        f"    {name}={json.dumps(each, ensure_ascii=False)}," for name, each in arguments.items()
    ]
    return "\n".join(["from gt_secure import check", "", "check.promise(", *lines, ")"])


def cell_text(cell: Json) -> str:
    """Return the source of a cell, which is saved as a text or as a list of lines."""
    source = cell.get("source", "")
    return "".join(str(line) for line in source) if isinstance(source, list) else str(source)


def cell_tags(cell: Json) -> list[str]:
    """Return the tags of a cell."""
    tags: list[str] = (cell.get("metadata") or {}).get("tags") or []
    return tags


def _errors(cell: Json) -> bool:
    return any(each.get("output_type") == "error" for each in cell.get("outputs") or ())


def ran(book: Json) -> list[LedgerEntry]:
    """Return what the run of a notebook recorded; the output of a cell that was emptied after it
    does not count.
    """
    return [
        each for each in records_of(book["cells"]) if cell_text(book["cells"][each.cell]).strip()
    ]


def unkept(
    book: Json,
    promise: Promise,
    *,
    at_least: int | None = None,
    of_checks: bool = False,
    since: dt.datetime | None = None,
) -> list[str]:
    """Return what the run of a notebook owes to its promise, in sentences; its cells hold the
    outputs of the run.

    ``of_checks``: only a notebook that imports checks must run one, not each that uses gt_secure.
    ``since``: the time in UTC after which the checks must have run.
    """
    every = ran(book)
    records = [each for each in every if each.status != WROTE]
    passed = sum(each.status == "passed" and each.check != REPORT for each in _independent(every))
    owed = [
        *_not_passed(book, records),
        *_not_kept(promise, every),
        *_too_old(records, since),
    ]
    if promise.stated == "unread":
        owed.append(
            "its promise has a format that this version cannot read: run it, save it, and run"
            f" '{WRITE} FILE'"
        )
    if passed < (at_least or 0):
        return [*owed, f"{passed} of at least {at_least} checks passed"]
    if owed or passed or (not records and (promise.stated or at_least is not None)):
        return owed
    if self_made(every):
        return ["every check looked at what this run wrote itself: no evidence on an account"]
    if records:
        return ["every check was skipped"]
    if _uses(book, _IMPORTS if of_checks else _USES):
        return ["no check ran, and the notebook does not state that it has none (check.promise())"]
    return []


def _not_passed(book: Json, records: list[LedgerEntry]) -> Iterator[str]:
    """Yield the checks that neither passed nor were skipped,
    and those whose cell was changed after it ran.
    """
    changed = set()
    for each in records:
        if each.status not in ("passed", "skipped"):
            yield (
                f"{_pair_text(each.check, each.subject)} {each.status} in cell"
                f" {each.cell}{_where(each)}"
            )
        elif each.source and each.source != fingerprint(cell_text(book["cells"][each.cell])):
            changed.add(each.cell)
    yield from (f"cell {number} was changed after its checks ran" for number in sorted(changed))
    for number, cell in enumerate(book["cells"] if records else ()):
        if _errors(cell) and not {*cell_tags(cell)} & {*TAGS}:
            yield f"cell {number} ended with an error"
    yield from _out_of_order(records)


def _out_of_order(records: list[LedgerEntry]) -> Iterator[str]:
    """Yield the cells whose checks ran before those above them:
    their results are of a former run.
    """
    latest = ""
    for number in sorted({each.cell for each in records}):
        times = [each.time for each in records if each.cell == number and each.time]
        if times and min(times) < latest:
            yield f"the checks of cell {number} ran before those above it"
        latest = max([latest, *times])


def _too_old(records: list[LedgerEntry], since: dt.datetime | None) -> Iterator[str]:
    """Yield the time of records that are older than accepted or of the future,
    and where they looked.
    """
    oldest = min(
        records,
        key=lambda each: each.time,
        default=None,
    )
    if since is None or oldest is None:
        return
    soon = f"{utc_now() + _SKEW:%Y-%m-%dT%H:%M:%SZ}"
    late = max(records, key=lambda each: each.time)
    if late.time > soon:
        yield f"{_pair_text(late.check, late.subject)} ran at {late.time}, which is in the future"
    if oldest.time >= f"{since:%Y-%m-%dT%H:%M:%SZ}":
        return
    when = f"at {oldest.time}" if oldest.time else "at a time that was not recorded"
    yield (
        f"{_pair_text(oldest.check, oldest.subject)} ran {when}{_where(oldest)}, before"
        f" {since:%Y-%m-%dT%H:%M:%SZ}"
    )


def _where(entry: LedgerEntry) -> str:
    account = f", account {entry.account}" if entry.account else ""
    return f"{account} ({entry.on})" if entry.on else account


def _uses(book: Json, pattern: re.Pattern[str]) -> bool:
    return any(
        pattern.search(cell_text(cell)) for cell in book["cells"] if cell.get("cell_type") == "code"
    )


def uses_checks(book: Json) -> bool:
    """Return whether a cell of a notebook names gt_secure."""
    return _uses(book, _USES)


def ran_text(book: Json, promise: Promise) -> str:
    """Return how many checks passed, for which account, where and when, in a sentence;
    empty if none ran.
    """
    every = ran(book)
    records = [each for each in every if each.check != REPORT and each.status != WROTE]
    if not records:
        return ""
    words = Counter(
        f"{each.status}{_where(each)}{f', {each.region}' if each.region else ''}"
        for each in records
    )
    latest = max(each.time for each in records)
    when = f", at {latest[:16].replace('T', ' ')} UTC" if latest else ""
    text = f"Checks: {'; '.join(f'{number} {word}' for word, number in words.items())}{when}."
    if own_checks := len([each for each in self_made(every) if each.on]):
        text = f"{text} {count(own_checks, 'check')} looked at what this run wrote to the sandbox."
    if not promise.stated:
        return f"{text} Which checks must run is only inferred: no promise is written."
    more = {
        each[:2]
        for each in records
        if each.status == "passed" and not promise.pairs.intersection(names_of(each, promise.place))
    }
    return f"{text} {count(len(more), 'check')} not promised." if more else text


def lost_parameters(book: Json) -> Iterator[tuple[int, str]]:
    """Yield the parameters of a run that nothing reads: papermill only warns,
    and runs with the default.
    """
    cells: dict[str, set[str]] = {"parameters": set(), "injected-parameters": set()}
    number = -1
    for i, cell in enumerate(book["cells"]):
        for tag in {*cells} & {*cell_tags(cell)}:
            nodes = [
                node
                for node in ast.walk(parsed(cell_text(cell)) or ast.Pass())
                if isinstance(node, ast.Name)
            ]
            cells[tag] |= {node.id for node in nodes if isinstance(node.ctx, ast.Store)}
            number = i if tag == "injected-parameters" else number
    for name in sorted(cells["injected-parameters"] - cells["parameters"]):
        yield number, f"it sets {name}, which no cell with the tag parameters has"
