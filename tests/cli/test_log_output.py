"""What a command over logs says of its coverage, and the exit code that follows."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gt_secure.cli import log_options
from gt_secure.cli.exit_codes import OK, UNKNOWN
from gt_secure.cli.log_options import tell
from gt_secure.logs.coverage import DELAY, NOTHING, Coverage

READ = Coverage(objects=2, objects_read=2, lines=3, hits=3)
UNREADABLE = Coverage(objects=2, objects_read=2, lines=3, hits=2, unreadable=1)
EMPTY = Coverage(objects=1, objects_read=1)


@pytest.mark.parametrize(
    ("coverage", "code", "lines"),
    [
        (READ, OK, ["Read: 2 log objects, 0 unreadable lines."]),
        (EMPTY, UNKNOWN, ["Read: 1 log object, 0 unreadable lines.", f"unknown: {NOTHING}"]),
        (
            UNREADABLE,
            UNKNOWN,
            ["Read: 2 log objects, 1 unreadable line. What was not read is unknown.", "unknown: 1"],
        ),
    ],
)
def test_what_was_not_read_is_said_and_makes_the_code(
    coverage: Coverage, code: int, lines: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert tell(coverage, False) == code
    output = capsys.readouterr()
    assert output.out == ""
    found = " ".join(output.err.split())
    assert found.startswith(lines[0])
    assert all(" ".join(line.split()) in found for line in lines)
    assert DELAY not in output.err
    assert found.count("unknown: ") == len(lines) - 1


def test_what_was_left_out_is_a_note(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        tell(
            Coverage(objects=1, objects_read=1, lines=1, hits=1, left_out={"digest files": 2}),
            False,
        )
        == OK
    )
    assert "note: Left out, because they hold no requests:" in " ".join(
        capsys.readouterr().err.split()
    )


@pytest.mark.parametrize("slower", [[], ["isal"]])
def test_the_numbers_are_json(
    slower: list[str], monkeypatch: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        log_options, "missing", lambda names: [name for name in names if name in slower]
    )
    assert tell(EMPTY, True) == UNKNOWN
    data = json.loads(capsys.readouterr().err)
    assert data.pop("slower_without", []) == slower
    assert data == json.loads(json.dumps(EMPTY.to_dict()))
