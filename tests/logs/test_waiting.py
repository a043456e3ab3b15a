"""Waiting for deliveries: only new objects are read, it ends by itself,
and cancelling leaves nothing behind.
"""

from __future__ import annotations

import datetime as dt
import io
import re
import threading
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from gt_secure.base.errors import InvalidInput, LogError, Unreachable
from gt_secure.logs import Waiting, follow_hits, wait_for_hits, waiting
from gt_secure.logs.storage.objects import LocalFile, StandardInput
from support import corpus
from support.fake_s3 import FakeS3, FakeStore


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "FIRST_S", 0.01)
    monkeypatch.setattr(waiting, "LONGEST_S", 0.02)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    deliver(tmp_path, "a.log", "203.0.113.7")
    return tmp_path


def deliver(folder: Path | FakeStore, name: str, *addresses: str) -> None:
    if isinstance(folder, FakeStore):
        folder.s3.put(
            "gt-logs", name, corpus.presigned(*addresses).encode(), dt.datetime.now(dt.UTC)
        )
    else:
        corpus.deliver(folder, name, *addresses)


class Postman:
    """Delivers one file after another, whenever a look has found nothing."""

    def __init__(
        self, folder: Path | FakeStore, *deliveries: tuple[str, ...], after: int = 2
    ) -> None:
        self.folder, self.left, self.after = folder, list(deliveries), after
        self.states: list[Waiting] = []

    def __call__(self, state: Any) -> None:
        if isinstance(state, Waiting):
            self.states.append(state)
            if self.left and len(self.states) % self.after == 0:
                deliver(self.folder, f"{len(self.states)}.log", *self.left.pop(0))


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that were opened."""
    names: list[str] = []
    really = LocalFile.open

    def open_file(self: LocalFile) -> Any:
        names.append(Path(self.name).name)
        return really(self)

    monkeypatch.setattr(LocalFile, "open", open_file)
    return names


def test_only_new_objects_are_read(tmp_path: Path) -> None:
    store = FakeStore(FakeS3())
    deliver(store, "a.log", "203.0.113.7")
    postman = Postman(store, ("198.51.100.9",), ("198.51.100.9", "192.0.2.1"))
    with wait_for_hits(
        "s3://gt-logs/", 4, wait_s=60, aws=store, cache=tmp_path, progress=postman
    ) as hits:
        assert hits.count("remote_ip").rows == [
            ("198.51.100.9", 2),
            ("192.0.2.1", 1),
            ("203.0.113.7", 1),
        ]
        assert not [note for note in hits.coverage.notes if "Waited" in note]
        assert hits.coverage.adds_up
    assert sorted(store.s3.fetched) == ["2.log", "4.log", "a.log"]
    assert [state.objects for state in postman.states] == sorted(
        state.objects for state in postman.states
    )
    assert postman.states[-1].objects == 1


def test_hits_outlive_the_wait(folder: Path) -> None:
    rows = wait_for_hits(folder, 1, wait_s=5, cache=False).filter(presigned=True)
    assert rows.count("remote_ip").rows == [("203.0.113.7", 1)]


def test_it_ends_by_itself_and_says_so(folder: Path) -> None:
    with wait_for_hits(folder, 2, wait_s=0) as hits:
        assert len(hits) == 1
        [note] = [note for note in hits.coverage.limits() if "Waited" in note]
        assert note.endswith(f"1 of 2 requests there. {waiting.USUALLY}")
    with wait_for_hits(folder, lambda hits: len(hits.filter(refused=True)) > 0, wait_s=0) as hits:
        assert any("what was awaited is not there" in note for note in hits.coverage.limits())


def test_a_condition_on_the_hits(folder: Path) -> None:
    postman = Postman(folder, ("198.51.100.9",), ("192.0.2.1",))

    def seen(hits: Any) -> bool:
        return len(hits.filter(address="192.0.2.1")) > 0

    with wait_for_hits(folder, seen, wait_s=20, progress=postman) as hits:
        assert len(hits) == 3
    first = postman.states[0].sentence
    assert re.match(
        r"Waiting for delivery: 0 new log objects in \d+ s, at most 20 s. S3 usu", first
    )


def test_filters_count(folder: Path) -> None:
    postman = Postman(folder, ("198.51.100.9",), ("192.0.2.1",))
    with wait_for_hits(
        folder, 1, wait_s=20, progress=postman, filters={"address": "192.0.2.1"}
    ) as hits:
        assert hits.count("remote_ip").rows == [("192.0.2.1", 1)]


def test_cancel_stops_within_a_pause(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "FIRST_S", 600)
    cancel = threading.Event()

    def press(state: Any) -> None:
        if isinstance(state, Waiting):
            threading.Timer(0.05, cancel.set).start()

    before = threading.active_count()
    store = FakeStore(FakeS3())
    for wait in (
        lambda: wait_for_hits(folder, 2, wait_s=3600, cache=False, progress=press, cancel=cancel),
        lambda: list(
            follow_hits("s3://gt-logs/", wait_s=3600, aws=store, progress=press, cancel=cancel)
        ),
    ):
        cancel.clear()
        with pytest.raises(LogError, match="cancelled"):
            wait()
    cancel.wait(1)
    assert threading.active_count() <= before + 1


def test_an_outage_does_not_end_a_wait(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    really, calls = waiting.resolve, []

    def resolve(*args: Any, **options: Any) -> Any:
        calls.append(args)
        if len(calls) == 2:
            raise Unreachable("no network")
        return really(*args, **options)

    monkeypatch.setattr(waiting, "resolve", resolve)
    with wait_for_hits(folder, 2, wait_s=20, progress=Postman(folder, ("192.0.2.1",))) as hits:
        assert len(hits) == 2
    assert len(calls) > 2


def test_follow_yields_each_delivery_once(tmp_path: Path) -> None:
    store = FakeStore(FakeS3())
    deliver(store, "a.log", "203.0.113.7")
    postman = Postman(store, ("198.51.100.9",), ("192.0.2.1", "192.0.2.1"), after=3)
    options: dict[str, Any] = {"wait_s": 60, "aws": store, "cache": tmp_path, "progress": postman}
    with closing(follow_hits("s3://gt-logs/", **options)) as batches:
        found = [hits.count("remote_ip").rows for hits in islice(batches, 3)]
    assert found == [[("203.0.113.7", 1)], [("198.51.100.9", 1)], [("192.0.2.1", 2)]]
    assert sorted(store.s3.fetched) == ["3.log", "6.log", "a.log"]
    assert postman.states[-1].hits == 2
    assert postman.states[-1].objects == 1


@pytest.mark.parametrize("several", [False, True])
def test_local_files_cannot_be_followed(folder: Path, opened: list[str], several: bool) -> None:
    store = FakeStore(FakeS3())
    deliver(store, "a.log", "203.0.113.7")
    local = LocalFile(str(folder / "a.log"), 300)
    for source in (
        folder,
        folder / "a.log",
        str(folder / "*.log"),
        local,
        StandardInput(io.BytesIO(b"")),
    ):
        with pytest.raises(InvalidInput, match=r'(a\.log|"-)" is not in S3') as error:
            list(
                follow_hits(
                    ["s3://gt-logs/", source] if several else source,
                    wait_s=0,
                    aws=store,
                    cache=False,
                )
            )
        assert error.value.next_step == "Name an s3:// prefix, or use wait_for=... for files."
    assert opened == store.s3.fetched == []


def test_a_file_that_grows_is_waited_for(folder: Path) -> None:
    def grow(state: Any) -> None:
        if isinstance(state, Waiting) and state.looks == 1:
            with (folder / "a.log").open("a") as file:
                file.write(corpus.presigned("192.0.2.1"))

    with wait_for_hits(folder / "a.log", 2, wait_s=20, progress=grow) as hits:
        assert hits.count("remote_ip").rows == [("192.0.2.1", 1), ("203.0.113.7", 1)]
        assert not hits.coverage.unread


@pytest.mark.parametrize(
    ("enough", "options"),
    [(-1, {}), (True, {}), ("1", {}), (1.5, {}), (1, {"wait_s": "5"}), (1, {"wait_s": True}),
     (1, {"wait_s": -1}), (1, {"wait_s": 1e9}), (1, {"wait_s": float("nan")}),
     (1, {"engine": "spark"}), (1, {"engine": "athena"})],
)  # fmt: skip
def test_wrong_input(folder: Path, enough: Any, options: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        wait_for_hits(folder, enough, **options)


def test_standard_input_cannot_be_waited_for() -> None:
    with pytest.raises(InvalidInput, match="Standard input"):
        wait_for_hits(StandardInput(io.BytesIO(b"")), 1)
