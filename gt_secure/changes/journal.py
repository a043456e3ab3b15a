"""The journal: one file per change, written and synced before each call, so that nothing that was done is forgotten.

A file holds JSON lines. The first says what is to be done, by whom and where, with everything that is needed to put it
back; each later one is an event. Every line carries the SHA-256 of the line before it, so that a missing or altered
line shows. Bucket policies, toggles and CIDR ranges are in it; credentials, tokens and URLs never are.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeAlias

from ..errors import GtSecureError, NotFound
from ..text import redact, truncate

Status: TypeAlias = Literal["applied", "undone", "rolled-back", "overtaken", "unfinished", "damaged"]

FORMAT = 1
_ID = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9]{6}-[0-9a-f]{4}")


def journal_path(directory: str | Path | None = None) -> Path:
    """Return the directory of the journal: the argument, ``GT_SECURE_JOURNAL``, or ``~/.gt_secure/journal``."""
    chosen = directory or os.environ.get("GT_SECURE_JOURNAL") or Path.home() / ".gt_secure" / "journal"
    return Path(chosen).expanduser()


def scrub(text: str, most: int = 600) -> str:
    """Take out of a foreign text what could be a key, a token or a signed URL."""
    return truncate(redact(text), most)


@dataclass(frozen=True, slots=True)
class ChangeRecord:
    """One change, as the journal tells it.

    Attributes
    ----------
    id : str
    kind : str
        ``apply`` or ``undo``; ``of`` is the change that an undo takes back.
    status : str
        ``applied`` (of an undo: it has been carried out), ``undone`` by a later change, ``rolled-back``, ``overtaken``
        (rolled back but for what somebody else has set at the same time), ``unfinished`` (interrupted, or in doubt), or
        ``damaged``: the file does not hold together.
    begin : mapping
        The first line: account, region, caller, restriction, changes with everything to put them back.
    events : tuple of mapping
        The later lines.
    """

    id: str
    kind: str
    status: Status
    begin: Mapping[str, Any]
    events: tuple[Mapping[str, Any], ...] = ()
    of: str | None = None
    problems: tuple[str, ...] = field(default=())

    @property
    def account_id(self) -> str:
        """The account that was changed."""
        return str(self.begin.get("account") or "")

    @property
    def region(self) -> str:
        """The region of the workteam."""
        return str(self.begin.get("region") or "")

    @property
    def caller(self) -> str:
        """The ARN of who made the change."""
        return str(self.begin.get("caller") or "")

    @property
    def started(self) -> str:
        """When it began, in UTC."""
        return str(self.begin.get("at") or "")

    @property
    def changes(self) -> Sequence[Mapping[str, Any]]:
        """The planned changes, in order."""
        found = self.begin.get("changes")
        return found if isinstance(found, list) else []

    def to_dict(self) -> dict[str, Any]:
        """Return the record as JSON-able data."""
        return {
            "id": self.id,
            "kind": self.kind,
            "of": self.of,
            "status": self.status,
            "started": self.started,
            "account": self.account_id,
            "region": self.region,
            "caller": self.caller,
            "changes": [
                {key: change.get(key) for key in ("kind", "target", "before", "after")} for change in self.changes
            ],
            "events": [dict(event) for event in self.events],
            "problems": list(self.problems),
        }


class Writer:
    """Appends events to the file of one change; an event is on disk when the method returns."""

    def __init__(self, path: Path, change_id: str, last: str, count: int) -> None:
        self.id = change_id
        self._path = path
        self._last = last
        self._count = count

    def write(self, event: str, **data: Any) -> None:
        """Append one event and sync it to the disk."""
        line = {"n": self._count, "at": _now(), "event": event, **data, "prev": self._last}
        text = json.dumps(line, ensure_ascii=True, separators=(",", ":")) + "\n"
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | (os.O_EXCL if self._count == 0 else 0)
        handle = os.open(self._path, flags, 0o600)
        size = os.fstat(handle).st_size
        try:
            view = memoryview(text.encode("ascii"))
            while view:
                view = view[os.write(handle, view) :]
            os.fsync(handle)
        except OSError:
            os.ftruncate(handle, size)  # a full disk must not leave half a line for the next one to be glued to
            raise
        finally:
            os.close(handle)
        if self._count == 0:
            _sync_directory(self._path.parent)
        self._last = _digest(text.rstrip("\n"))
        self._count += 1


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _digest(line: str) -> str:
    return hashlib.sha256(line.encode("utf-8")).hexdigest()


def _sync_directory(directory: Path) -> None:
    try:
        handle = os.open(directory, os.O_RDONLY)
    except OSError:  # Windows opens no directories
        return
    try:
        os.fsync(handle)
    except OSError:  # some network file systems do not sync directories
        pass
    finally:
        os.close(handle)


def begin_change(directory: Path, begin: Mapping[str, Any]) -> Writer:
    """Start the file of a new change with its first line."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        change_id = f"{datetime.now(UTC):%Y%m%d-%H%M%S-%f}-{secrets.token_hex(2)}"  # ordered by time
        writer = Writer(directory / f"{change_id}.jsonl", change_id, "", 0)
        writer.write("begin", format=FORMAT, id=change_id, **begin)
    except OSError as error:
        raise GtSecureError(
            f"The journal cannot be written in {directory}: {error.strerror}.",
            next_step="Choose another directory with journal_dir= or GT_SECURE_JOURNAL. Nothing was changed.",
        ) from error
    return writer


def continue_change(directory: Path, record: ChangeRecord) -> Writer:
    """Go on writing in the file of an interrupted change; a last line that was torn by the interruption is cut off."""
    path = directory / f"{record.id}.jsonl"
    whole = path.read_bytes()
    keep = whole.rfind(b"\n") + 1
    if keep < len(whole):
        with path.open("r+b") as file:
            file.truncate(keep)
            os.fsync(file.fileno())
    lines = whole[:keep].decode("utf-8").splitlines()
    return Writer(path, record.id, _digest(lines[-1]), len(lines))


def change_ids(directory: Path) -> list[str]:
    """Ids of all changes in the journal, oldest first."""
    if not directory.is_dir():
        return []
    return sorted(path.stem for path in directory.glob("*.jsonl") if _ID.fullmatch(path.stem))


def list_changes(journal_dir: str | Path | None = None) -> list[ChangeRecord]:
    """List all changes of the journal, oldest first."""
    directory = journal_path(journal_dir)
    records = [_read(directory / f"{change_id}.jsonl") for change_id in change_ids(directory)]
    undone: set[str] = set()
    for record in records:
        if record.kind == "undo" and record.status == "applied" and record.of:
            undone.add(record.of)
    return [_as_undone(record) if record.id in undone and record.status == "applied" else record for record in records]


def _as_undone(record: ChangeRecord) -> ChangeRecord:
    return ChangeRecord(record.id, record.kind, "undone", record.begin, record.events, record.of, record.problems)


def show_change(change_id: str, journal_dir: str | Path | None = None) -> ChangeRecord:
    """Return one change; raises :class:`NotFound` if the journal has none of that id (or several that begin so)."""
    records = list_changes(journal_dir)
    found = [record for record in records if record.id == change_id] or [
        record for record in records if change_id and record.id.startswith(change_id)
    ]
    if len(found) == 1:
        return found[0]
    raise NotFound(
        f"The journal in {journal_path(journal_dir)} has {'no' if not found else len(found)} change"
        f"{'s that begin with' if found else ''} “{change_id[:40]}”.",
        next_step="“gt-secure journal” lists them.",
    )


def verify_journal(journal_dir: str | Path | None = None) -> dict[str, tuple[str, ...]]:
    """Check that every file holds together; returns the problems of each change, empty where there are none."""
    directory = journal_path(journal_dir)
    return {change_id: _read(directory / f"{change_id}.jsonl").problems for change_id in change_ids(directory)}


def export_journal(journal_dir: str | Path | None = None) -> Iterator[str]:
    """Yield the whole journal as JSON Lines, one change a line, for a reviewer or a log archive."""
    for record in list_changes(journal_dir):
        yield json.dumps(record.to_dict(), ensure_ascii=True, separators=(",", ":"))


def _read(path: Path) -> ChangeRecord:
    text = path.read_bytes().decode("utf-8", errors="replace")
    complete, _, torn = text.rpartition("\n")
    events: list[dict[str, Any]] = []
    problems: list[str] = []
    last = ""
    for number, line in enumerate(complete.split("\n") if complete else []):
        try:
            event = json.loads(line)
            fits = event["n"] == number and event["prev"] == last
        except (ValueError, KeyError, TypeError):
            problems.append(f"line {number + 1} cannot be read")
            break
        if not fits:
            problems.append(f"line {number + 1} does not follow the line before it: lines were altered or taken out")
            break
        events.append(event)
        last = _digest(line)
    if not events or events[0].get("event") != "begin" or events[0].get("id") != path.stem:
        if not problems and not complete:
            # Killed while the first line was being written: nothing had been called yet.
            return ChangeRecord(path.stem, "apply", "rolled-back", {}, (), None, ())
        return ChangeRecord(path.stem, "apply", "damaged", {}, (), None, tuple(problems or ["it has no beginning"]))
    begin, rest = events[0], tuple(events[1:])
    status: Status = "damaged" if problems else _status(rest)
    del torn  # a torn last line announced a call that was never made
    return ChangeRecord(path.stem, str(begin.get("kind")), status, begin, rest, begin.get("of"), tuple(problems))


def _status(events: Sequence[Mapping[str, Any]]) -> Status:
    ends = [event for event in events if event.get("event") == "end"]
    outcome = ends[-1].get("outcome") if ends else None
    if outcome == "applied":
        return "applied"
    if outcome == "overtaken":
        return "overtaken"
    return "rolled-back" if outcome == "rolled-back" else "unfinished"
