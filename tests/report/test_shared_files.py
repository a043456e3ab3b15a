"""Files that are kept: written as a whole, through no link,
and read only where nobody else can have written them.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gt_secure import Restriction
from gt_secure.base.errors import GtSecureError, InvalidInput
from gt_secure.report.rows import ReportRow
from gt_secure.report.runner import Outcome, StateFile
from gt_secure.restriction.files import dump_restriction

A, B, REGION = "111122223333", "222233334444", "us-east-1"
UNITS = {(A, REGION), (B, REGION)}


def outcome(account: str = A) -> Outcome:
    row = ReportRow(account, REGION, "team", "open-team", locks="on")
    return Outcome(account, REGION, "read", (row,), 3)


def opened(path: Path) -> StateFile:
    return StateFile(path, UNITS)


def line_of(each: Outcome) -> str:
    return each.line.rstrip()


def state_of(path: Path, *lines: str) -> None:
    path.write_text("".join(f"{each}\n" for each in lines))
    path.chmod(0o600)


LINE = line_of(outcome())


WRITERS: dict[str, Callable[[Path], Any]] = {
    "restriction": lambda path: dump_restriction(Restriction("open-team", url_lock=True), path),
    "progress": lambda path: opened(path).add(outcome()),
}


@pytest.mark.parametrize("status", ["denied", "throttled", "no-answer"])
def test_who_got_no_answer_is_asked_again(status: str, tmp_path: Path) -> None:
    """Another caller may resume the report, or one who has the permission by now."""
    state_of(tmp_path / "s", LINE, line_of(outcome(B)._replace(status=status)))
    assert set(opened(tmp_path / "s").done) == {(A, REGION)}
    assert not StateFile(tmp_path / "s", UNITS, fresh=True).done


@pytest.mark.parametrize("writer", WRITERS)
def test_no_link_is_followed(writer: str, tmp_path: Path) -> None:
    """A link at the name that was used for the new text, and one in place of the file:
    what they point to stays.
    """
    other, folder = tmp_path / "other", tmp_path / "shared"
    folder.mkdir()
    other.write_text("mine")
    file = folder / "s.json"
    for name in ("s.json.new", "s.new"):
        (folder / name).symlink_to(other)
    WRITERS[writer](file)
    assert json.loads(
        file.read_text().splitlines()[0] if writer == "progress" else file.read_text()
    )
    assert len(list(folder.iterdir())) == 3, "nothing is left beside it"
    file.unlink()
    file.symlink_to(other)
    with contextlib.suppress(GtSecureError):
        WRITERS[writer](file)
        assert not file.is_symlink()
    assert other.read_text() == "mine"


def test_an_interrupted_write_leaves_the_old_file_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = WRITERS["restriction"](tmp_path / "r.json")
    text = file.read_text()
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        dump_restriction(Restriction("radiology-team", url_lock=True), file)
    assert ([each.name for each in tmp_path.iterdir()], file.read_text()) == (["r.json"], text)


@pytest.mark.parametrize("mode", [0o602, 0o620, 0o666])
def test_a_state_that_others_may_write_is_refused(mode: int, tmp_path: Path) -> None:
    file = tmp_path / "s"
    state_of(file, LINE)
    file.chmod(mode)
    with pytest.raises(InvalidInput, match="other users may write to it"):
        opened(file)
    assert file.exists()


@pytest.mark.parametrize(
    "line",
    [
        "", "null", "[]", "3", '"x"', "{", "nonsense", "[" * 100_000, "\xff", LINE[:-9],
        LINE.replace('"locks"', '"looks"'), LINE.replace('"calls"', '"call"'),
        LINE.replace('"rows": [', '"rows": [3, '), line_of(outcome("999999999999")),
    ],
)  # fmt: skip
def test_the_region_of_a_damaged_line_is_read_again(line: str, tmp_path: Path) -> None:
    """A line that a kill cut, one of another version, and one of an account that is not asked."""
    file = tmp_path / "s"
    state_of(file, line, line_of(outcome(B)))
    assert set(opened(file).done) == {(B, REGION)}
    assert file.read_text().splitlines() == [line_of(outcome(B))]
    opened(file).add(outcome())
    assert opened(file).done == {(A, REGION): outcome(), (B, REGION): outcome(B)}
