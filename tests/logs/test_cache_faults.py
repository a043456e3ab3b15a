"""The cache is optional: whatever is wrong with it, the answer is the same, with a note."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from gt_secure.logs import Cache, read_hits
from gt_secure.logs.engines import duckdb_store
from support import corpus
from support.fake_s3 import FakeS3, FakeStore
from support.sample import sample


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "a.log"
    path.write_text("\n".join(case.text for case in corpus.cases()) + "\n")
    return path


def read(log: Path, folder: Path) -> tuple[int, int, int, list[str]]:
    s3 = FakeS3()
    s3.put("gt-logs", "a.log", log.read_bytes())
    with read_hits("s3://gt-logs/", aws=FakeStore(s3), cache=Cache(folder)) as hits:
        assert hits.coverage.adds_up
        return (
            len(hits),
            hits.coverage.unreadable,
            hits.coverage.objects_cached,
            hits.coverage.notes,
        )


def _file_for_folder(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    folder.write_text("x")


def _index(content: bytes) -> Callable[[Path], None]:
    return lambda folder: (folder / "index.sqlite").write_bytes(content) and None


def _replace(make: Callable[[Path], object]) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / "index.sqlite").unlink()
        make(folder / "index.sqlite")

    return change


def _cut(folder: Path) -> None:
    [path] = folder.glob("*.parquet")
    path.write_bytes(path.read_bytes()[:-20])


def _foreign_bytes(folder: Path) -> None:
    [path] = folder.glob("*.parquet")
    path.write_bytes(b"x" * path.stat().st_size)


def _pipe_for_parquet(folder: Path) -> None:
    [path] = folder.glob("*.parquet")
    path.unlink()
    os.mkfifo(path)


FAULTS: dict[
    str, tuple[Callable[[Path], None], bool]
] = {  # what is done, and whether the cache is given up
    "file in place of the folder": (_file_for_folder, True),
    "no database": (_index(b"garbage" * 1000), True),
    "cut index": (lambda folder: os.truncate(folder / "index.sqlite", 5000), True),
    "directory for an index": (_replace(Path.mkdir), True),
    "pipe for an index": (_replace(os.mkfifo), True),
    "link for an index": (_replace(lambda path: path.symlink_to("/etc/passwd")), True),
    "everybody may write": (lambda folder: folder.chmod(0o777), True),
    "cut parquet": (_cut, False),
    "other bytes": (_foreign_bytes, False),
    "pipe for parquet": (_pipe_for_parquet, False),
    "no parquet": (lambda folder: next(folder.glob("*.parquet")).unlink(), False),
    "empty index": (_index(b""), False),
}


@pytest.mark.parametrize("fault", sample(FAULTS, 3))
def test_a_damaged_cache_changes_no_answer(log: Path, tmp_path: Path, fault: str) -> None:
    folder = tmp_path / "cache"
    expected = read(log, folder)
    assert read(log, folder) == (*expected[:2], 1, [])
    change, given_up = FAULTS[fault]
    change(folder)
    found = read(log, folder)
    assert found[:3] == (*expected[:2], 0)
    assert bool(found[3]) == given_up


@pytest.mark.parametrize(
    "fault", sample(["no database", "cut parquet", "other bytes", "no parquet", "empty index"], 3)
)
def test_a_damaged_entry_is_made_again(log: Path, tmp_path: Path, fault: str) -> None:
    folder = tmp_path / "cache"
    read(log, folder)
    FAULTS[fault][0](folder)
    read(log, folder)
    read(log, folder)
    assert read(log, folder)[2:] == (1, [])


@pytest.mark.parametrize(
    "error", [OSError(28, "No space left on device"), sqlite3.OperationalError("disk is full")]
)
@pytest.mark.parametrize("where", ["_index", "_take", "_shrink"])
def test_a_full_disk_costs_the_cache_only(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, where: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(Cache, where, fail)
    hits, _, cached, notes = read(log, tmp_path / "cache")
    assert (hits > 0, cached, len(notes)) == (True, 0, 1)
    assert not list((tmp_path / "cache").glob("*.parquet"))


def test_another_users_folder_is_not_trusted(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "cache"
    read(log, folder)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert read(log, folder)[2] == 0


def test_state_and_clear_of_a_damaged_cache(log: Path, tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    read(log, cache.folder)
    (cache.folder / "index.sqlite").write_bytes(b"garbage" * 1000)
    assert cache.state().objects == 0
    assert cache.clear() > 0
    assert list(cache.folder.iterdir()) == []


def test_a_cache_that_cannot_be_removed_is_not_called_freed(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = Cache(tmp_path / "cache")
    read(log, cache.folder)
    (cache.folder / "rows.parquet").write_bytes(b"rows")

    def refused(path: Path, **_: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "unlink", refused)
    with pytest.raises(PermissionError):
        cache.clear()


@pytest.mark.parametrize(
    "make", [os.mkfifo, lambda path: path.symlink_to("/etc/hostname"), Path.mkdir]
)
def test_what_others_put_into_the_temporary_folder_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], object]
) -> None:
    monkeypatch.setattr(duckdb_store.tempfile, "gettempdir", lambda: str(tmp_path))
    folder = tmp_path / "gt-secure-logs-x"
    folder.mkdir()
    make(folder / "in-use")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "in-use").touch()
    (tmp_path / "gt-secure-logs-link").symlink_to(tmp_path / "elsewhere")
    assert duckdb_store.sweep() == 0
    assert (tmp_path / "elsewhere" / "in-use").exists()
