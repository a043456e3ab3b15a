"""The journal on disk and the lock beside it: torn lines, altered lines, dead holders, secrets."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gt_secure import Restriction
from gt_secure.base.errors import Conflict, GtSecureError, InvalidInput, NotFound
from gt_secure.changes import Journal
from gt_secure.changes.apply import refuse_unfinished
from gt_secure.changes.history import wishes_of
from gt_secure.changes.journal import scrub, steps_begun
from gt_secure.changes.lock import hold
from gt_secure.cli.main import main

BEGIN: dict[str, Any] = {
    "kind": "apply",
    "account": "111122223333",
    "region": "us-east-1",
    "caller": "arn:aws:iam::111122223333:user/x",
    "changes": [{"kind": "url-lock", "target": "t", "before": "off", "after": "SourceIp"}],
}


def one(directory: Path, *events: str, outcome: str | None = "applied") -> str:
    writer = Journal(directory).begin(BEGIN)
    for event in events:
        writer.write(event, step=0)
    if outcome:
        writer.write("end", outcome=outcome)
    return writer.id


def test_where_the_journal_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("GT_SECURE_JOURNAL", raising=False)
    assert Journal().path == Path.home() / ".gt_secure" / "journal"
    monkeypatch.setenv("GT_SECURE_JOURNAL", str(tmp_path))
    assert Journal().path == tmp_path
    assert Journal(tmp_path / "a").path == tmp_path / "a"
    assert list(Journal(tmp_path / "none")) == []


def test_a_change_is_read_back(tmp_path: Path) -> None:
    change = one(tmp_path, "intent", "done")
    record = Journal(tmp_path).find(change[:15])
    assert (record.id, record.status, record.kind, record.caller) == (
        change,
        "applied",
        "apply",
        BEGIN["caller"],
    )
    assert [event["event"] for event in record.events] == ["intent", "done", "end"]
    assert list(Journal(tmp_path).verify().values()) == [()]
    exported = [each.to_dict() for each in Journal(tmp_path)]
    assert exported[0]["changes"] == BEGIN["changes"]


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        ("applied", "applied"),
        ("rolled-back", "rolled-back"),
        ("in-doubt", "unfinished"),
        (None, "unfinished"),
    ],
)
def test_status(tmp_path: Path, outcome: str | None, status: str) -> None:
    assert Journal(tmp_path).find(one(tmp_path, "intent", outcome=outcome)).status == status


@pytest.mark.parametrize(
    ("events", "begun"),
    [
        ((), []),
        ((("intent", 0),), [0]),
        ((("intent", 0), ("written", 0), ("done", 0)), [0]),
        ((("intent", 0), ("failed", 0)), [0]),
        ((("intent", 0), ("done", 0), ("intent", 1)), [0, 1]),
        ((("intent", 1), ("intent", 0), ("intent", 1)), [0, 1]),
        ((("intent", 2), ("intent", -1), ("intent", "0"), ("seen", 1)), []),
    ],
)
def test_a_step_counts_as_begun_from_its_announcement_on(
    tmp_path: Path, events: tuple[tuple[str, object], ...], begun: list[int]
) -> None:
    """Killed behind the announcement, nobody knows whether the call was made:
    the step has to be looked at.
    """
    writer = Journal(tmp_path).begin(BEGIN | {"changes": BEGIN["changes"] * 2})
    for event, step in events:
        writer.write(event, step=step)
    assert steps_begun(Journal(tmp_path).find(writer.id)) == begun


def test_only_the_person_reads_it(tmp_path: Path) -> None:
    directory = tmp_path / "deep" / "journal"
    change = one(directory)
    assert stat.S_IMODE((directory / f"{change}.jsonl").stat().st_mode) == 0o600
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_a_torn_last_line_is_cut_off_and_the_file_goes_on(tmp_path: Path) -> None:
    change = one(tmp_path, "intent", outcome=None)
    file = tmp_path / f"{change}.jsonl"
    whole = file.read_bytes()
    for cut in range(1, 40):
        file.write_bytes(whole[:-cut])
        record = Journal(tmp_path).find(change)
        assert record.status == "unfinished"
        assert record.problems == ()
        assert len(record.events) == 0
        writer = Journal(tmp_path).proceed(record)
        writer.write("intent", step=0)
        writer.write("end", outcome="applied")
        assert Journal(tmp_path).find(change).status == "applied"
        assert Journal(tmp_path).verify()[change] == ()


def test_a_torn_first_line_means_that_nothing_was_called(tmp_path: Path) -> None:
    change = one(tmp_path, outcome=None)
    file = tmp_path / f"{change}.jsonl"
    file.write_bytes(file.read_bytes()[:50])
    assert Journal(tmp_path).find(change).status == "rolled-back"


def test_altered_and_missing_lines_show(tmp_path: Path) -> None:
    change = one(tmp_path, "intent", "done", "intent", "done")
    file = tmp_path / f"{change}.jsonl"
    lines = file.read_text().splitlines(keepends=True)
    for broken in (
        [lines[0].replace("SourceIp", "VpcSourceIp"), *lines[1:]],
        [*lines[:2], *lines[3:]],
        [lines[0], lines[2], lines[1], *lines[3:]],
        [*lines[:3], "nonsense\n", *lines[3:]],
        lines[1:],
    ):
        file.write_text("".join(broken))
        record = Journal(tmp_path).find(change)
        assert record.status == "damaged"
        assert Journal(tmp_path).verify()[change]


def test_a_change_without_its_last_line_is_in_doubt_on_every_surface(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, torn = one(tmp_path, "intent"), one(tmp_path, "intent", outcome=None)
    found = Journal(tmp_path).verify()
    assert found[whole] == ()
    assert "has no end" in found[torn][0]
    monkeypatch.setenv("GT_SECURE_JOURNAL", str(tmp_path))
    assert main(["history", "verify", "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["changes"] == {
        change: list(said) for change, said in found.items()
    }
    assert main(["history", "verify"]) == 3
    assert f"{torn}  it has no end" in capsys.readouterr().out


def test_a_snapshot_reads_the_files_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one(tmp_path)
    kept = Journal(tmp_path).snapshot()
    one(tmp_path)
    monkeypatch.setattr("gt_secure.changes.journal._text", None)
    assert len(list(kept)) == len(list(kept)) == 1


def test_unknown_and_ambiguous_ids(tmp_path: Path) -> None:
    one(tmp_path)
    one(tmp_path)
    with pytest.raises(NotFound, match="no change"):
        Journal(tmp_path).find("2019")
    with pytest.raises(NotFound, match="2 changes"):
        Journal(tmp_path).find("20")
    with pytest.raises(NotFound):
        Journal(tmp_path).find("")


def test_ids_are_in_the_order_of_time(tmp_path: Path) -> None:
    made = [one(tmp_path) for _ in range(20)]
    assert [record.id for record in Journal(tmp_path)] == made


def test_other_files_in_the_directory_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.jsonl").write_text("mine")
    (tmp_path / "../escape").resolve()
    change = one(tmp_path)
    assert [record.id for record in Journal(tmp_path)] == [change]


def test_a_directory_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(GtSecureError, match="cannot be written"):
        one(tmp_path / "file" / "journal")
    with (
        pytest.raises(GtSecureError, match="cannot be used"),
        hold(tmp_path / "file" / "journal", "x", "y"),
    ):
        pass


def test_a_full_disk_leaves_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = Journal(tmp_path).begin(BEGIN)
    real = os.write

    def full(handle: int, data: Any) -> int:
        real(handle, bytes(data)[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(GtSecureError, match="No space"):
        writer.write("intent", step=0)
    monkeypatch.setattr(os, "write", real)
    writer.write("intent", step=0)
    assert Journal(tmp_path).find(writer.id).problems == ()
    assert len(Journal(tmp_path).find(writer.id).events) == 1


@pytest.mark.parametrize(
    "secret",
    [
        "AKIA" + "Q3EGRZ5NV7B2YTKD",
        "ASIA" + "Q3EGRZ5NV7B2YTKD",
        "https://b.s3.amazonaws.com/k?X-Amz-Signature=4f1d2c3b4a59",
        "X-Amz-Security-Token=IQoJb3JpZ2luX2Vj",
        "IQoJb3JpZ2luX2VjEJv" * 5,
    ],
)
def test_secrets_are_taken_out_of_foreign_texts(secret: str) -> None:
    assert secret not in scrub(f"it said {secret} and stopped")
    assert not re.search("AKIA|ASIA|abc|IQoJ", scrub(f"it said {secret} and stopped"))


HOLDER = """
import sys, time
from pathlib import Path
from gt_secure.changes.lock import hold
with hold(Path(sys.argv[1]), "a-b", "apply by a test"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_living_holder_is_named_and_a_dead_one_does_not_block(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path.cwd(),
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    with (
        pytest.raises(Conflict, match=f"process {process.pid}") as caught,
        hold(tmp_path, "a-b", "x"),
    ):
        pass
    assert caught.value.details["holder"]["what"] == "apply by a test"
    with hold(tmp_path, "another-region", "x"):
        pass
    process.send_signal(signal.SIGKILL)
    process.wait()
    with hold(tmp_path, "a-b", "x"):
        pass


def test_the_lock_is_let_go_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), hold(tmp_path, "a", "x"):
        _ = 1 / 0
    with hold(tmp_path, "a", "x"):
        pass


def test_the_lock_file_names_its_holder_only_while_it_is_held(tmp_path: Path) -> None:
    file = tmp_path / "lock-a"
    for what in ("apply a restriction of every team", "undo", "apply"):
        with hold(tmp_path, "a", what):
            holder = json.loads(file.read_text())
            assert (holder["what"], holder["pid"]) == (what, os.getpid())
        assert file.read_text() == ""


def _whole(directory: Path, **begin: Any) -> str:
    writer = Journal(directory).begin(BEGIN | begin)
    writer.write("end", outcome="applied")
    return writer.id


@pytest.mark.parametrize(
    ("begin", "problem"),
    [
        ({"format": 2}, "format 2"),
        ({"format": "x"}, "format x"),
        ({"kind": "rotate"}, "rotate"),
        ({"changes": [{"kind": "nope", "target": "t"}]}, "nope"),
        ({"changes": [1]}, "list of changes"),
        ({"changes": {"kind": "url-lock"}}, "list of changes"),
    ],
)
def test_a_record_of_a_newer_version_is_named_and_blocks_nothing(
    tmp_path: Path, begin: dict[str, Any], problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "format" in begin:
        monkeypatch.setattr("gt_secure.changes.journal.FORMAT", begin["format"])
    other = (
        Journal(tmp_path)
        .begin(BEGIN | {key: value for key, value in begin.items() if key != "format"})
        .id
    )
    monkeypatch.undo()
    mine = _whole(tmp_path)
    record = Journal(tmp_path).find(other)
    assert record.status == "unsupported"
    assert problem in record.problems[0]
    assert Journal(tmp_path).find(mine).status == "applied"
    refuse_unfinished(Journal(tmp_path), BEGIN["account"], BEGIN["region"])
    assert len(list(Journal(tmp_path))) == 2


def _deep(path: Path) -> None:
    path.write_text("[" * 200_000 + "]" * 200_000 + "\n")


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _link(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(65 << 20)


@pytest.mark.parametrize(
    "make",
    [
        _deep,
        _pipe,
        _link,
        _sparse,
        Path.mkdir,
        lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n" * 10),
        lambda path: path.write_text("[1, 2]\n"),
        lambda path: path.write_text("null\n"),
        lambda path: path.write_text('{"n": 0, "prev": ""}\n'),
    ],
)
def test_a_file_that_is_no_record_ends_nothing(
    tmp_path: Path, make: Callable[[Path], object]
) -> None:
    make(tmp_path / "20260101-000000-000000-abcd.jsonl")
    mine = _whole(tmp_path)
    assert [record.status for record in Journal(tmp_path)] == ["damaged", "applied"]
    refuse_unfinished(Journal(tmp_path), BEGIN["account"], BEGIN["region"])
    assert Journal(tmp_path).find(mine).status == "applied"


def test_a_missing_last_line_is_no_interruption_where_all_steps_are_confirmed(
    tmp_path: Path,
) -> None:
    writer = Journal(tmp_path).begin(BEGIN)
    writer.write("intent", step=0, do="forward")
    assert Journal(tmp_path).find(writer.id).status == "unfinished"
    writer.write("done", step=0, do="forward")
    assert Journal(tmp_path).find(writer.id).status == "applied"
    writer.write("intent", step=0, do="back")
    assert Journal(tmp_path).find(writer.id).status == "unfinished"


def test_a_lock_file_that_is_a_link_is_refused_and_its_target_kept(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    for number, link in enumerate((Path.symlink_to, Path.hardlink_to)):
        link(tmp_path / f"lock-{number}", victim)
        with pytest.raises(GtSecureError), hold(tmp_path, str(number), "x"):
            pass
    assert victim.read_text() == "precious"
    os.mkfifo(tmp_path / "lock-pipe")
    with pytest.raises(GtSecureError), hold(tmp_path, "pipe", "x"):
        pass


def test_a_folder_of_a_group_gives_files_that_the_group_can_use(tmp_path: Path) -> None:
    old = os.umask(0o077)
    try:
        tmp_path.chmod(0o770)
        change = _whole(tmp_path)
        with hold(tmp_path, "x", "y"):
            pass
    finally:
        os.umask(old)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {f"{change}.jsonl": 0o660, "lock-x": 0o660}


def test_older_entries_are_read_with_their_restrictions(tmp_path: Path) -> None:
    written = Path(__file__).parents[1] / "data" / "older-journal"
    journal = Journal(shutil.copytree(written, tmp_path / "journal"))
    [record] = journal
    with pytest.raises(
        InvalidInput, match="Unknown field"
    ) as error:  # a file with the former name is not half read
        Restriction.from_dict(record.begin["restriction"])
    assert "age_limit" in str(error.value.next_step)
    assert (record.status, record.account_id) == ("applied", "111122223333")
    assert journal.verify() == {record.id: ()}
    [(_, restriction)] = wishes_of(journal, "111122223333", "us-east-1")
    assert (restriction.bucket, restriction.prefix, restriction.team) == (
        "gt-images",
        "scans/",
        "open-team",
    )
    assert (restriction.age_limit, restriction.facts) == ("12h", {"aws:PrincipalTag/stage": "test"})
    assert len(restriction.signers or ()) == 2
    [use] = (written / "test-urls" / "uses.ndjson").read_text(encoding="utf-8").splitlines()
    assert journal.test_urls.is_ours(json.loads(use)["marker"])


def test_a_missing_file_between_two_changes_shows(tmp_path: Path) -> None:
    first, second, third = (one(tmp_path, "intent", "done") for _ in range(3))
    assert Journal(tmp_path).verify().passed is True
    (tmp_path / f"{second}.jsonl").unlink()
    found = Journal(tmp_path).verify()
    assert found.passed is None
    assert found == {
        first: (),
        third: (f"the file of change {second}, which was made before it, is missing",),
    }


def test_an_id_follows_any_other(tmp_path: Path) -> None:
    """A record of the far future, or of no time at all, stops no change."""
    for former in ("20991231-235959-999999-ffff", "99999999-999999-999998-0000"):
        (tmp_path / f"{former}.jsonl").write_text("")
        change = one(tmp_path, "intent", "done")
        assert Journal(tmp_path).find(change).begin["after"] == former
        assert change > former or former.startswith("9999")  # no id follows the last one
