"""An interrupted command that writes says what became of its change; one that reads says nothing."""

from __future__ import annotations

import argparse
from typing import Any

import pytest

from gt_secure.changes import transaction
from gt_secure.changes.journal import ChangeRecord
from gt_secure.cli import main as cli
from gt_secure.cli.exit_codes import INTERRUPTED


@pytest.mark.parametrize(
    ("kind", "status", "said"),
    [
        ("apply", "applied", "The change is applied."),
        ("undo", "applied", "The undo is complete."),
        ("apply", "rolled-back", "The change was rolled back."),
        ("apply", "overtaken", "The change was rolled back, except for a simultaneous write of somebody else."),
        ("apply", "unreadable", "The journal file of change 20261120-1 is unreadable."),
        (
            "apply", "unfinished",
            "Change 20261120-1 is unfinished: the account may hold a part of it. Run 'gt-secure undo 20261120-1',"
            " or 'gt-secure apply --resume 20261120-1'.",
        ),
    ],
)  # fmt: skip
def test_a_command_that_writes_says_what_the_journal_has(
    kind: Any, status: Any, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = ChangeRecord("20261120-1", kind, status, {})
    monkeypatch.setattr(transaction, "latest_record", lambda: record)
    assert cli._outcome(argparse.Namespace(writes=True)) == [said]
    assert cli._outcome(argparse.Namespace(writes=False)) == []


def test_a_command_that_has_begun_no_change_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transaction, "latest_record", lambda: None)
    assert cli._outcome(argparse.Namespace(writes=True)) == []


@pytest.mark.parametrize(
    ("notes", "said"),
    [((), "Interrupted. The change is applied."), (("Nothing was read.",), "Interrupted. Nothing was read.")],
)  # fmt: skip
def test_an_interrupt_ends_with_what_is_known(
    notes: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(words: Any, args: argparse.Namespace, *, unwind: bool) -> int:
        args.writes = True
        error = KeyboardInterrupt()
        for note in notes:
            error.add_note(note)
        raise error

    last: list[str] = []
    monkeypatch.setattr(cli, "_run", interrupted)
    monkeypatch.setattr(cli, "last_words", last.append)
    monkeypatch.setattr(
        transaction, "latest_record", lambda: ChangeRecord("20261120-1", "apply", "applied", {})
    )
    assert cli.main(["apply"]) == INTERRUPTED
    assert last == [said]
