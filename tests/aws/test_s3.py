"""Listing bounded by time, both layouts, failures by name, and the cache."""

from __future__ import annotations

import contextlib
import datetime as dt
import gzip
import http.server
import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import botocore.config
import pytest

from gt_secure.aws import s3_opener
from gt_secure.aws.s3_opener import AwsOpener
from gt_secure.base.errors import LogError
from gt_secure.logs import Cache, count_hits, find_logs, read_hits
from gt_secure.logs.activity import Activity
from gt_secure.logs.ingest import reader
from gt_secure.logs.ingest.reader import Reader
from gt_secure.logs.storage import objects
from gt_secure.logs.storage.listing import list_logs
from gt_secure.logs.storage.objects import LocalFile, S3Object
from support import corpus
from support.box import until
from support.fake_s3 import FakeS3

DAYS = [dt.date(2026, 11, 1) + dt.timedelta(days=n) for n in range(24)]


def body(day: dt.date, n: int = 1) -> bytes:
    moment = dt.datetime(day.year, day.month, day.day, 8)
    return "".join(
        corpus.case("x", time=moment, request_id=f"{day}{i}").text + "\n" for i in range(n)
    ).encode()


@pytest.fixture
def simple() -> FakeS3:
    fake = FakeS3(page=7)
    for day in DAYS:
        written = dt.datetime(day.year, day.month, day.day, 11, tzinfo=dt.UTC)
        fake.put("gt-logs", f"s3/{day:%Y-%m-%d}-11-00-00-ABCDEF0123456789", body(day), written)
    fake.logging["gt-images"] = {
        "LoggingEnabled": {"TargetBucket": "gt-logs", "TargetPrefix": "s3/"}
    }
    return fake


@pytest.fixture
def parted() -> FakeS3:
    fake = FakeS3(page=7)
    for source in ("gt-images", "other"):
        for day in DAYS:
            key = f"s3/111122223333/us-east-1/{source}/{day:%Y/%m/%d}/{day:%Y-%m-%d}-00-00-00-ABCDEF0123456789"
            fake.put(
                "gt-logs",
                key,
                body(day),
                dt.datetime(day.year, day.month, day.day, 11, tzinfo=dt.UTC),
            )
    return fake


def days(found) -> list[int]:
    return [o.delivered.day for o in found]


@pytest.mark.parametrize("uri", ["s3://gt-logs/s3/", "s3://gt-logs/", "s3://gt-logs"])
def test_simple_layout_is_bounded(simple: FakeS3, uri: str) -> None:
    assert days(list_logs(AwsOpener(simple), uri)) == [d.day for d in DAYS]
    simple.listed = 0
    found = list_logs(
        AwsOpener(simple), uri, since=dt.datetime(2026, 11, 10, 6), until=dt.datetime(2026, 11, 12)
    )
    assert days(found) == [10, 11, 12, 13, 14]  # two days of margin for late delivery
    assert simple.listed < 24


def test_partitioned_layout_is_bounded(parted: FakeS3) -> None:
    since, until = dt.datetime(2026, 11, 10), dt.datetime(2026, 11, 11)
    assert (
        days(list_logs(AwsOpener(parted), "s3://gt-logs/s3/", since=since, until=until))
        == [10, 11, 12, 13] * 2
    )
    one = "s3://gt-logs/s3/111122223333/us-east-1/gt-images/"
    assert days(list_logs(AwsOpener(parted), one, since=since, until=until)) == [10, 11, 12, 13]
    assert len(list(list_logs(AwsOpener(parted), "s3://gt-logs/s3/"))) == 48


@pytest.mark.parametrize("since", [None, dt.datetime(2026, 11, 10)])
@pytest.mark.parametrize("places", [[], [0], [6, 13, 20], [1, 2, 3, 23], [-1]])
def test_parts_of_a_listing_make_the_whole(
    simple: FakeS3, parted: FakeS3, places: list[int], since: dt.datetime | None
) -> None:
    """Known keys part a listing, also where some of them are gone and others are new."""
    for fake, uri in (
        (simple, "s3://gt-logs/s3/"),
        (parted, "s3://gt-logs/s3/"),
        (parted, "s3://gt-logs/"),
    ):
        keys = sorted(key for _, key in fake.objects)
        known = [keys[place] for place in places]
        for key in keys[3:14:5]:
            del fake.objects["gt-logs", key]
        fake.put("gt-logs", keys[-1] + "1", body(DAYS[-1]))
        whole = [item.key for item in list_logs(AwsOpener(fake), uri, since=since)]
        parts = list_logs(
            AwsOpener(fake),
            uri,
            since=since,
            borders=lambda _, base, known=known: [k for k in known if k.startswith(base)],
        )
        assert [item.key for item in parts] == whole


def test_the_page_that_shows_the_layout_is_asked_for_once(simple: FakeS3) -> None:
    keys = sorted(key for _, key in simple.objects)
    pages = -(-len(keys) // simple.page)
    known = [keys[simple.page - 1]]
    for borders in (None, lambda *_: known):
        simple.pages = 0
        assert [
            item.key for item in list_logs(AwsOpener(simple), "s3://gt-logs/s3/", borders=borders)
        ] == keys
        assert simple.pages == pages


def test_a_whole_key_is_a_source(simple: FakeS3) -> None:
    """Also where other keys begin with it; the marker of a folder is none."""
    keys = sorted(key for _, key in simple.objects)
    simple.put("gt-logs", "mine/plain.log", body(DAYS[0]))
    simple.put("gt-logs", "s3/", b"")
    assert [item.key for item in list_logs(AwsOpener(simple), f"s3://gt-logs/{keys[0]}")] == [
        keys[0]
    ]
    assert [item.key for item in list_logs(AwsOpener(simple), "s3://gt-logs/mine/plain.log")] == [
        "mine/plain.log"
    ]
    simple.put("gt-logs", "mine/plain.log.2", body(DAYS[1]))
    assert len(list(list_logs(AwsOpener(simple), "s3://gt-logs/mine/plain.log"))) == 2
    assert len(list(list_logs(AwsOpener(simple), "s3://gt-logs/s3/"))) == len(keys)
    assert list(list_logs(AwsOpener(simple), "s3://gt-logs/none")) == []
    twice = [f"s3://gt-logs/{keys[0]}", "s3://gt-logs/s3/", "s3://gt-logs/s3/"]
    assert count_hits(twice, "key", aws=simple)[1].hits == len(keys)


@pytest.mark.parametrize("size", [2, 1000])
def test_an_unknown_layout_is_listed_with_its_folders(size: int) -> None:
    fake = FakeS3(page=size)
    for key in ("mine/a.log", "mine/b/1.log", "mine/c.log", "mine/d.log"):
        fake.put("b", key, body(DAYS[0]))
    assert [item.key[5:] for item in list_logs(AwsOpener(fake), "s3://b/mine/")] == [
        "a.log",
        "b/1.log",
        "c.log",
        "d.log",
    ]


def test_a_second_look_lists_parts_at_the_same_time(
    simple: FakeS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gt_secure.logs.storage import cache as cache_module

    monkeypatch.setattr(cache_module, "PAGE", simple.page)
    cache = Cache(tmp_path)
    read_hits("s3://gt-logs/s3/", aws=simple, cache=cache).close()
    keys = sorted(key for _, key in simple.objects)
    assert cache.borders("gt-logs", "s3/") == [keys[6], keys[13], keys[20]]
    assert cache.borders("gt-logs", "other/") == []
    del simple.objects["gt-logs", keys[6]]
    simple.put("gt-logs", keys[13], body(DAYS[13], 2))
    with read_hits("s3://gt-logs/s3/", aws=simple, cache=cache) as hits:
        assert (hits.coverage.objects, hits.coverage.objects_cached, len(hits)) == (23, 22, 24)
    with read_hits("s3://gt-logs/s3/", aws=simple, cache=cache) as hits:
        assert (hits.coverage.objects, hits.coverage.objects_cached, len(hits)) == (23, 23, 24)
        assert hits.coverage.adds_up
        assert hits.coverage.last_hit == dt.datetime(2026, 11, 24, 8)


def test_kept_rows_need_no_room(
    simple: FakeS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, disk = Cache(tmp_path), shutil.disk_usage(tmp_path)
    read_hits("s3://gt-logs/s3/", aws=simple, cache=cache).close()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: disk._replace(free=0))
    with read_hits("s3://gt-logs/s3/", aws=simple, cache=cache) as hits:
        assert (hits.coverage.objects_cached, len(hits)) == (24, 24)
    with pytest.raises(LogError, match="MB are free"):
        read_hits("s3://gt-logs/s3/", aws=simple, cache=False)


def test_unknown_layout_is_listed_whole() -> None:
    fake = FakeS3()
    fake.put("b", "mine/a.log", body(DAYS[0]), dt.datetime(2026, 11, 1, tzinfo=dt.UTC))
    fake.put("b", "mine/z.log", body(DAYS[9]), dt.datetime(2026, 11, 10, tzinfo=dt.UTC))
    assert len(list(list_logs(AwsOpener(fake), "s3://b/mine/"))) == 2
    assert (
        len(list(list_logs(AwsOpener(fake), "s3://b/mine/", since=dt.datetime(2026, 11, 5)))) == 1
    )


def test_find_logs(simple: FakeS3) -> None:
    assert find_logs(simple, "gt-images").uri == "s3://gt-logs/s3/"
    with pytest.raises(LogError, match="off"):
        find_logs(simple, "another")
    simple.logging["p"] = {"LoggingEnabled": {"TargetBucket": "b", "TargetPrefix": "", "TargetObjectKeyFormat": {
        "PartitionedPrefix": {"PartitionDateSource": "DeliveryTime"}}}}  # fmt: skip
    assert find_logs(simple, "p").uri == "s3://b/"


def test_vanished_and_denied_are_named(simple: FakeS3, tmp_path: Path) -> None:
    keys = sorted(k for _, k in simple.objects)
    simple.gone.add(keys[3])
    simple.denied.add(keys[5])
    with read_hits(find_logs(simple, "gt-images"), aws=simple, cache=Cache(tmp_path)) as hits:
        coverage = hits.coverage
        assert len(hits) == 22
    assert {(f.name, f.kind) for f in coverage.failures} == {
        (f"s3://gt-logs/{keys[3]}", "vanished"), (f"s3://gt-logs/{keys[5]}", "denied")}  # fmt: skip
    assert (coverage.objects, coverage.objects_read) == (24, 22)
    assert coverage.typical_delay_s == 3 * 3600
    assert coverage.last_delivery == dt.datetime(2026, 11, 24, 11)


def test_all_denied_is_an_error_and_not_silence(simple: FakeS3, tmp_path: Path) -> None:
    simple.denied.update(k for _, k in simple.objects)
    with pytest.raises(LogError, match="None of 24"):
        read_hits("s3://gt-logs/s3/", aws=simple, cache=Cache(tmp_path))


def test_a_second_look_fetches_only_what_is_new(simple: FakeS3, tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    bad = dt.date(2026, 11, 20)
    key = "s3/2026-11-20-12-00-00-BAD"
    simple.put(
        "gt-logs", key, body(bad) + b"cut [line\n\n", dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
    )
    with read_hits("s3://gt-logs/s3/", aws=simple, cache=cache) as hits:
        first, rows = hits.coverage, hits.count("day,http_status").rows
    assert len(simple.fetched) == 25
    simple.fetched.clear()
    with read_hits("s3://gt-logs/s3/", aws=simple, cache=cache) as hits:
        second = hits.coverage
        assert hits.count("day,http_status").rows == rows
    assert simple.fetched == []
    assert second.objects_cached == 25
    for name in (
        "lines",
        "hits",
        "unreadable",
        "blank",
        "objects",
        "last_delivery",
        "typical_delay_s",
        "samples",
    ):
        assert getattr(first, name) == getattr(second, name), name
    assert second.adds_up
    simple.put("gt-logs", key, body(bad, 2))  # another ETag
    simple.put("gt-logs", "s3/2026-11-24-13-00-00-NEW", body(DAYS[-1]))
    with read_hits("s3://gt-logs/s3/", aws=simple, cache=cache) as hits:
        assert len(hits) == 27
    assert sorted(simple.fetched) == [key, "s3/2026-11-24-13-00-00-NEW"]
    simple.fetched.clear()
    with read_hits("s3://gt-logs/s3/", aws=simple, cache=False) as hits:
        assert len(hits) == 27
    assert len(simple.fetched) == 26


def test_cache_limit_state_and_clear(simple: FakeS3, tmp_path: Path) -> None:
    cache = Cache(tmp_path / "c", limit_bytes=1)
    assert cache.state().objects == 0
    assert cache.clear() == 0
    for day in (5, 6, 7):
        read_hits(f"s3://gt-logs/s3/2026-11-{day:02d}", aws=simple, cache=cache).close()
        assert cache.state().files == 1  # only the newest fits
    assert cache.state().objects == 1
    assert oct((tmp_path / "c").stat().st_mode)[-3:] == "700"
    assert cache.clear() > 0
    assert cache.state() == Cache(tmp_path / "c", limit_bytes=1).state()
    assert cache.state().bytes == 0


def test_a_lost_cache_file_is_read_again(simple: FakeS3, tmp_path: Path) -> None:
    read_hits("s3://gt-logs/s3/", aws=simple, cache=Cache(tmp_path)).close()
    for path in tmp_path.glob("*.parquet"):
        path.unlink()
    with read_hits("s3://gt-logs/s3/", aws=simple, cache=Cache(tmp_path)) as hits:
        assert len(hits) == 24


def test_local_files_are_not_cached(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    cache = Cache(tmp_path / "c")
    for number in (1, 3):
        path.write_bytes(body(DAYS[0], number))
        with read_hits(path, cache=cache) as hits:
            assert (hits.coverage.objects_cached, len(hits)) == (0, number)
    assert cache.state().objects == 0
    assert LocalFile(str(path), 1).name == str(path)


@pytest.mark.parametrize("watched", [False, True], ids=["alone", "in the panel"])
def test_a_cancelled_read_goes_on_where_it_was(
    simple: FakeS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, watched: bool
) -> None:
    cache, cancel = Cache(tmp_path), threading.Event()
    fetch, take = simple.get_object, Reader._object
    taken: list[int] = []
    readers: list[Reader] = []

    def slow(**name: Any) -> dict[str, Any]:
        if len(simple.fetched) >= 9:
            until(lambda: len(taken) >= 7)  # the first one waits for numpy
            cancel.set()
            until(lambda: readers[0].cancelled)
        return fetch(**name)

    def counted(self: Reader, number: int, item: Any) -> None:
        readers.append(self)
        take(self, number, item)
        taken.append(number)

    monkeypatch.setattr(simple, "get_object", slow)
    monkeypatch.setattr(Reader, "_object", counted)
    monkeypatch.setattr(reader, "_thread_count", lambda first: 2)
    shown = Activity(cancel).watched() if watched else contextlib.nullcontext()
    with shown, pytest.raises(LogError, match="Reading the access logs was cancelled") as caught:
        read_hits("s3://gt-logs/s3/", aws=simple, cache=cache, cancel=cancel)
    kept = cache.state().objects
    assert 7 <= kept < 24
    assert f"{kept} objects are kept" in caught.value.next_step
    monkeypatch.undo()
    done = set(simple.fetched)
    simple.fetched.clear()
    with read_hits("s3://gt-logs/s3/", aws=simple, cache=cache) as hits:
        assert len(hits) == 24
        assert hits.coverage.objects_cached == kept
    assert len(simple.fetched) == 24 - kept
    assert len(done | set(simple.fetched)) == 24


class Flaky(http.server.BaseHTTPRequestHandler):
    """S3 whose connections break: after ``breaks`` more bytes each,
    as many times as there are numbers.
    """

    protocol_version = "HTTP/1.1"
    content, etag = b"", '"one"'
    breaks: ClassVar[list[int]] = []
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        ranged = self.headers.get("Range", "")
        self.asked.append(ranged)
        if ranged and self.headers.get("If-Match") != self.etag:
            self.send_error(412)
            return
        first = int(ranged[6:].partition("-")[0]) if ranged else 0
        body = self.content[first:]
        self.send_response(206 if ranged else 200)
        if ranged:
            self.send_header(
                "Content-Range", f"bytes {first}-{len(self.content) - 1}/{len(self.content)}"
            )
        self.send_header("Last-Modified", "Fri, 20 Nov 2026 12:00:00 GMT")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", self.etag)
        self.end_headers()
        if self.breaks:
            self.wfile.write(body[: self.breaks.pop(0)])
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
        else:
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def flaky() -> Iterator[tuple[type[Flaky], Any]]:
    boto3 = pytest.importorskip("boto3")
    handler = type("Handler", (Flaky,), {"breaks": [], "asked": []})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    client = boto3.client(
        "s3", endpoint_url=f"http://127.0.0.1:{server.server_port}", region_name="us-east-1", aws_access_key_id="AKIA",
        aws_secret_access_key="no", config=botocore.config.Config(retries={"max_attempts": 1}),
    )  # fmt: skip
    yield handler, client
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("size", [40_000, 12_000_000])
@pytest.mark.parametrize("packed", [False, True])
def test_obstore_and_boto3_take_up_a_broken_connection(
    flaky: tuple[type[Flaky], Any], size: int, packed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("obstore")
    monkeypatch.setattr(objects.time, "sleep", lambda s: None)
    server, client = flaky
    line = corpus.case("x").text.encode() + b"\n"
    server.content = (
        gzip.compress(line * (size // len(line)), 0) if packed else line * (size // len(line))
    )
    item = S3Object(AwsOpener(client), "gt-logs", "one", "one", len(server.content))
    several = [[5000], [5000, 7, 20_000]]
    # boto3 alone streams a large one, in four attempts
    several += [[5000, 7, 20_000, 9, 0]] if size == 40_000 else []
    for breaks in several:
        server.breaks[:] = breaks
        server.asked.clear()
        table, coverage = count_hits(item, "http_status")
        assert table.rows == [(200, size // len(line))]
        assert coverage.failures == []
        assert len(server.asked) == len(breaks) + 1


@pytest.mark.parametrize("size", [40_000, 12_000_000])
@pytest.mark.parametrize("packed", [False, True])
def test_a_broken_connection_is_taken_up_again(
    flaky: tuple[type[Flaky], Any], size: int, packed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_opener, "native_bucket", lambda *_: None)
    monkeypatch.setattr(objects.time, "sleep", lambda s: None)
    server, client = flaky
    line = corpus.case("x").text.encode() + b"\n"
    lines = size // len(line)
    server.content = gzip.compress(line * lines, 0) if packed else line * lines
    server.breaks[:] = [5000, 7, 20_000]
    item = S3Object(AwsOpener(client), "gt-logs", "one", "one", len(server.content))
    table, coverage = count_hits(item, "http_status")
    assert table.rows == [(200, lines)]
    assert coverage.failures == []
    assert server.asked == ["", "bytes=5000-", "bytes=5007-", "bytes=25007-"]

    def fails() -> None:
        if len(server.content) < 8 << 20:  # fetched at once
            with pytest.raises(LogError, match="None of 1 log objects"):
                count_hits(item, "http_status")
        else:  # what came before the break is kept, and the object is named
            table, coverage = count_hits(item, "http_status")
            assert table.rows == [(200, 5000 // len(line))]
            assert [failure.name for failure in coverage.failures] == ["s3://gt-logs/one"]
            assert coverage.objects_read == 0

    server.breaks[:] = [5000, 0, 0, 0]  # one too many
    fails()
    server.breaks[:] = [5000]
    server.asked.clear()
    # the object was written anew meanwhile: its rest does not belong to the first part
    server.etag = '"another"'
    fails()
    assert server.asked == ["", "bytes=5000-"]
