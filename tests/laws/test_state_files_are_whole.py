"""A file that keeps state is the former one or the new one, whatever interrupts the writing; no
record is lost.

The same on a disk that is full after any byte, and where any call that writes fails: then a
sentence says so.
"""

from __future__ import annotations

import json
import random
import resource
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from gt_secure.base.errors import GtSecureError
from gt_secure.base.url_journal import UrlJournal
from gt_secure.check.ledger import fingerprint
from gt_secure.check.notebooks import remove_secrets, write_promise
from gt_secure.logs import Cache, read_hits
from gt_secure.report.runner import Outcome, StateFile
from gt_secure.restriction.files import dump_restriction
from gt_secure.restriction.model import Restriction
from support import corpus
from support.failing_disk import FailingDisk
from support.fake_s3 import FakeS3, FakeStore
from support.interrupts import Point, Tracer, each_place

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
"""A generator that an interrupt leaves behind may raise when it is freed."""

ACCOUNT = "111122223333"
UNITS = {(ACCOUNT, f"r{number}") for number in range(6)}
LEAK = (
    "https://b.s3.amazonaws.com/k?X-Amz-Expires=600&X-Amz-Signature=" + "4f1d2c3b4a59" * 5 + "4f1d"
)


def book(source: str, *outputs: dict[str, Any]) -> str:
    cell = {
        "cell_type": "code",
        "id": "a",
        "metadata": {},
        "outputs": outputs,
        "execution_count": 1,
        "source": source,
    }
    return json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


CHECK = "from gt_secure import check\ncheck.no_findings(gt, bucket='b')"
PASSED = {
    "check": "no_findings",
    "subject": "b",
    "status": "passed",
    "time": "2026-11-29T10:00:00Z",
}
PASSED |= {"account": ACCOUNT, "region": "us-east-1", "on": "", "source": fingerprint(CHECK)}
RECORD = {
    "output_type": "display_data",
    "data": {},
    "metadata": {"gt_secure": {"checks": [PASSED]}},
}


class Writing(NamedTuple):
    """One way to write state: the former content, and the work."""

    name: str
    former: str
    work: Callable[[Path], Any]


WRITINGS = (
    Writing(
        "team.json",
        "{}",
        lambda path: dump_restriction(Restriction("open-team", url_lock=True), path),
    ),
    Writing("promise.ipynb", book(CHECK, RECORD), write_promise),
    Writing("leak.ipynb", book(f"url = {LEAK!r}"), remove_secrets),
)


def interrupts(
    work: Callable[[], Any], most: int, seed: str
) -> list[tuple[Point, type[BaseException]]]:
    """Places of a run that was not interrupted, each with an exception."""
    tracer, draw = Tracer(), random.Random(seed)
    with tracer.tracing():
        work()
    points = each_place(tracer.points, draw)
    drawn = draw.sample(points, min(most, len(points)))
    return [(point, draw.choice((KeyboardInterrupt, SystemExit))) for point in drawn]


def interrupted(work: Callable[[], Any], point: Point, error: type[BaseException]) -> bool:
    try:
        with Tracer(at=point, error=error).tracing():
            work()
    except (KeyboardInterrupt, SystemExit):
        return True
    return False


def hold_files(folder: Path, writing: Writing, most: int) -> Counter[str]:
    path = folder / writing.name
    path.write_text(writing.former)
    writing.work(path)
    new, found = path.read_text(), Counter[str]()
    assert new != writing.former

    def again() -> None:
        path.write_text(writing.former)
        writing.work(path)

    for point, error in interrupts(again, most, writing.name):
        path.write_text(writing.former)
        if not interrupted(lambda: writing.work(path), point, error):
            found["not reached"] += 1
            continue
        text = path.read_text()
        assert text in (writing.former, new), point
        found["new" if text == new else "former"] += 1
        writing.work(path)
        assert path.read_text() == new, point
    return found


def outcome(region: str) -> Outcome:
    return Outcome(ACCOUNT, region, "read", calls=3)


def many(path: Path, recorded: list[str]) -> None:
    state = StateFile(path, UNITS)
    for _, region in sorted(UNITS):
        if (ACCOUNT, region) not in state.done:
            state.add(outcome(region))
            recorded.append(region)


def hold_report(folder: Path, most: int) -> Counter[str]:
    path, found = folder / "report", Counter[str]()

    def fresh() -> None:
        path.unlink(missing_ok=True)
        many(path, [])

    for point, error in interrupts(fresh, most, "report"):
        path.unlink(missing_ok=True)
        recorded: list[str] = []
        came = interrupted(lambda: many(path, recorded), point, error)  # noqa: B023
        found["came" if came else "not reached"] += 1
        known = StateFile(path, UNITS)
        assert {region for _, region in known.done} >= set(recorded), point
        many(path, recorded)
        assert set(StateFile(path, UNITS).done) == UNITS, point
    return found


def count(folder: Path) -> int:
    s3 = FakeS3()
    for number in range(3):
        lines = [case.text for case in corpus.cases()][number::3]
        s3.put("gt-logs", f"{number}.log", ("\n".join(lines) + "\n").encode())
    with read_hits("s3://gt-logs/", aws=FakeStore(s3), cache=Cache(folder)) as hits:
        assert hits.coverage.adds_up
        return len(hits)


def hold_cache(folder: Path, most: int) -> Counter[str]:
    number, found, whole = 0, Counter[str](), count(folder / "whole")

    def fresh() -> None:
        nonlocal number
        number += 1
        count(folder / f"cache-{number}")

    for point, error in interrupts(fresh, most, "cache"):
        found["came" if interrupted(fresh, point, error) else "not reached"] += 1
        here = folder / f"cache-{number}"
        assert count(here) == whole, point
        state = Cache(here).state()
        assert state.objects in (0, 3), point
        assert len(list(here.glob("*.parquet"))) <= 1, point
    return found


@pytest.mark.parametrize("writing", WRITINGS, ids=lambda writing: writing.name)
def test_a_file_is_the_former_or_the_new_one(tmp_path: Path, writing: Writing) -> None:
    found = hold_files(tmp_path, writing, 20)
    assert found["former"] >= 10
    assert found["not reached"] * 5 <= found.total()


def test_a_report_loses_no_region(tmp_path: Path) -> None:
    assert hold_report(tmp_path, 40)["came"] >= 30


def test_a_cache_answers_the_same(tmp_path: Path) -> None:
    # threads: not every place of the recorded run is reached again
    assert hold_cache(tmp_path, 12)["came"] >= 1


@contextmanager
def full_after(size: int) -> Iterator[None]:
    """Let no file grow beyond a size, as on a full disk."""
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, former[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, former)


CALLERS = (
    "/base/shared_files.py",
    "/pathlib.py",
    "/pathlib/_local.py",  # of Python 3.13
    "/pathlib/__init__.py",  # of Python 3.14
    "/report/runner.py",
)


def failures(
    work: Callable[[], Any], size: int, most: int
) -> Iterator[AbstractContextManager[Any]]:
    """Yield disks that are full after some bytes, and ones where a call fails,
    once or from then on.
    """
    counted = FailingDisk(CALLERS)
    with counted.failing():
        work()
    assert counted.calls >= 3
    for at in random.Random(size).sample(range(size), min(most, size)):
        yield full_after(at)
    for at in range(1, counted.calls + 1):
        yield from (FailingDisk(CALLERS, at, on=on).failing() for on in (False, True))


def hold_disk(folder: Path, writing: Writing, most: int) -> Counter[str]:
    path, found = folder / writing.name, Counter[str]()
    work = lambda: path.write_text(writing.former) and writing.work(path)  # noqa: E731
    work()
    new, names = path.read_text(), {each.name for each in folder.iterdir()}
    for disk in failures(work, len(new), most):
        path.write_text(writing.former)
        try:
            with disk:
                writing.work(path)
        except GtSecureError as error:
            found[
                "refused" if "cannot be written" in error.message and error.next_step else "unclear"
            ] += 1
        text = path.read_text()
        assert text in (writing.former, new)
        found["new" if text == new else "former"] += 1
        assert {each.name for each in folder.iterdir()} == names
    return found


def hold_report_disk(folder: Path, most: int) -> Counter[str]:
    path, found = folder / "report", Counter[str]()
    many(path, [])
    size = path.stat().st_size

    def fresh() -> None:
        path.unlink(missing_ok=True)
        many(path, [])

    for disk in failures(fresh, size, most):
        path.unlink(missing_ok=True)
        recorded: list[str] = []
        try:
            with disk:
                many(path, recorded)
        except GtSecureError as error:
            found[
                "refused"
                if "The state of the report cannot be kept" in error.message
                else "unclear"
            ] += 1
        known = StateFile(path, UNITS)
        assert {region for _, region in known.done} >= set(recorded)
        many(path, recorded)
        assert set(StateFile(path, UNITS).done) == UNITS
        found["held"] += 1
    return found


@pytest.mark.parametrize("writing", WRITINGS, ids=lambda writing: writing.name)
def test_a_disk_that_fails_keeps_the_former_file(tmp_path: Path, writing: Writing) -> None:
    found = hold_disk(tmp_path, writing, 8)
    assert min(found["refused"], found["former"]) >= 10
    assert not found["unclear"]


def test_a_disk_that_fails_loses_no_region(tmp_path: Path) -> None:
    found = hold_report_disk(tmp_path, 12)
    assert found["refused"] >= 15
    assert not found["unclear"]


def test_a_key_of_test_urls_is_whole_or_none(tmp_path: Path) -> None:
    path = tmp_path / "test-urls" / "key"
    for size in (0, 1, 31):
        with full_after(size):
            marker = UrlJournal(tmp_path).new_marker()
            assert UrlJournal(tmp_path).is_ours(marker)
        assert not path.exists(), size
    marker = UrlJournal(tmp_path).new_marker()
    assert len(path.read_bytes()) == 32
    assert UrlJournal(tmp_path).is_ours(marker)


@pytest.mark.slow
def test_a_disk_that_fails_anywhere(tmp_path: Path) -> None:
    found = Counter[str]()
    for writing in WRITINGS:
        found += hold_disk(tmp_path, writing, 10_000)
    regions = hold_report_disk(tmp_path, 10_000)
    print("files:", dict(found), "report:", dict(regions))
    assert not found["unclear"] + regions["unclear"]


@pytest.mark.slow
def test_at_every_line(tmp_path: Path) -> None:
    found = Counter[str]()
    for writing in WRITINGS:
        found += hold_files(tmp_path, writing, 10_000)
    assert found["former"] >= 1000
    assert found["new"] >= 10
    found += hold_report(tmp_path, 10_000)
    found += hold_cache(tmp_path, 400)
    print(dict(found))


def test_a_file_that_is_written_in_place_is_noticed(tmp_path: Path) -> None:
    def write(path: Path) -> None:
        path.write_text("")
        dump_restriction(Restriction("open-team", url_lock=True), path)

    with pytest.raises(AssertionError):
        hold_files(tmp_path, Writing("team.json", "{}", write), 200)
