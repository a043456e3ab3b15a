"""A plan reads the newest part of the bucket's access log, and says what it could not read."""

from __future__ import annotations

import threading
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

import gt_secure
from gt_secure import Connection, Restriction
from gt_secure.account import newest_log
from gt_secure.base.errors import LogError, NotFound
from gt_secure.cli.main import main
from gt_secure.sandbox import open_task
from support.box import BUCKET, ELSEWHERE, OFFICE
from support.consents import AGREED
from support.http_faults import Fault, FaultyProxy
from support.rig import Rig

WISH = Restriction(bucket=BUCKET, addresses="203.0.113.0/24")
RADIOLOGY = "radiology-team"


def deliver(rig: Rig) -> None:
    """Deliver what the sandbox has recorded, as an object of its own."""
    url = f"{rig.url}/_gt_secure/flush-logs"
    urllib.request.urlopen(urllib.request.Request(url, method="POST")).close()


def opened(rig: Rig, *sources: str) -> None:
    """Let a worker at each source open an image, each in a log object of its own."""
    for source in sources:
        url = open_task(rig.aws(), RADIOLOGY, "scans/0001.png", source)
        assert rig.fetch(url.reveal(), source).status == 200
        deliver(rig)


@pytest.fixture(scope="module")
def box(restriction_rig: Rig) -> Rig:
    opened(restriction_rig, OFFICE, ELSEWHERE)
    return restriction_rig


@pytest.fixture
def through(box: Rig) -> Iterator[Callable[[str, Fault], Connection]]:
    """Connect through a proxy that spoils the calls whose name has a text."""
    proxy = FaultyProxy(box.url)

    def connect(part: str, fault: Fault) -> Connection:
        proxy.count = lambda name: fault if part in name else None  # type: ignore[method-assign]
        return gt_secure.connect(boto3_session=box.session, endpoint_url=proxy.url, cache=False)

    yield connect
    proxy.close()


def place_of(plan: Any) -> Any:
    [(arn, seen)] = plan.state.seen.items()
    assert arn.endswith(RADIOLOGY)
    return seen


def test_a_plan_knows_where_people_work_without_being_asked(box: Rig) -> None:
    gt = box.connect()
    plan = gt.plan(WISH)
    assert set(place_of(plan).sources) == {OFFICE, ELSEWHERE}
    said = f"Access log: 1 of 2 sources from which {RADIOLOGY} opened objects would be refused."
    assert said in " ".join(plan.to_text(full=True).split())
    assert said in plan.to_html()
    [line] = plan.to_dict()["evidence"]
    assert "The log was read back to 20" in line
    skipped = gt.plan(WISH, logs=False)
    assert "The access log was not read, as asked." in skipped.to_text(full=True)
    assert skipped.digest == plan.digest
    assert skipped.simulation == plan.simulation, "only hits that are given feed a dry run"
    assert plan.dry_run is None


def test_the_log_is_read_once_for_a_connection_and_its_copies(box: Rig, monkeypatch) -> None:
    gt, reads = box.connect(), []
    real = newest_log.read_hits
    monkeypatch.setattr(newest_log, "read_hits", lambda *a, **k: reads.append(a) or real(*a, **k))
    first = gt.plan(WISH)
    count = len(reads)
    assert count >= 1
    again = replace(gt, context={"aws:PrincipalTag/stage": "test"}).plan(WISH)
    assert place_of(again) == place_of(first)
    with gt.hits(BUCKET) as hits:
        assert gt.plan(WISH, logs=hits).dry_run is not None
    gt.plan(WISH, logs=False)
    gt.plan(Restriction(bucket="ml-artifacts", addresses=OFFICE))
    assert len(reads) == count, "given hits are the evidence, and no team uses the other bucket"


@pytest.mark.parametrize(
    ("part", "fault", "reason"),
    [
        ("/gt-logs?list-type=2", "denied", "s3:ListBucket"),
        ("/gt-logs/s3/", "denied", "log objects could be read"),
        ("/gt-logs/s3/", "garbage", "log objects could be read"),
        ("/gt-logs?list-type=2", "throttled", "AWS is throttling requests"),
        ("/gt-logs/s3/", "delay", "Reading the log stopped after 0.5 s."),
        (f"/{BUCKET}?logging", "denied", "s3:GetBucketLogging was denied"),
    ],
)
def test_what_keeps_a_log_from_being_read_never_fails_the_plan(
    part, fault, reason, box: Rig, through, monkeypatch
) -> None:
    if "stopped" in reason:
        monkeypatch.setattr(newest_log, "SECONDS", 0.5)
    plan = through(part, fault).plan(WISH)
    assert reason in place_of(plan).missing
    assert "read back" not in place_of(plan).missing, "nothing was read"
    assert not place_of(plan).complete
    assert reason in " ".join(plan.to_text(full=True).split())
    assert plan.digest == box.connect().plan(WISH, logs=False).digest


def test_a_log_that_is_off_is_said(box: Rig) -> None:
    s3 = box.client("s3")
    kept = s3.get_bucket_logging(Bucket=BUCKET)["LoggingEnabled"]
    s3.put_bucket_logging(Bucket=BUCKET, BucketLoggingStatus={})
    try:
        gt = box.connect()
        assert f"{BUCKET} keeps no access log." in place_of(gt.plan(WISH)).missing
        with pytest.raises(LogError, match="is off"):
            gt.sign(BUCKET, "scans/0001.png", trial=RADIOLOGY)
    finally:
        s3.put_bucket_logging(Bucket=BUCKET, BucketLoggingStatus={"LoggingEnabled": kept})


@pytest.mark.parametrize("limit", ["MOST_OBJECTS", "MOST_BYTES"])
def test_the_newest_objects_are_read_up_to_a_limit(limit, box: Rig, monkeypatch) -> None:
    whole = place_of(box.connect().plan(WISH))
    opened(box, OFFICE)
    monkeypatch.setattr(newest_log, limit, 1)
    cut = place_of(box.connect().plan(WISH))
    assert "The log was read back to" in cut.missing
    assert cut.sources == ((OFFICE,) if limit == "MOST_OBJECTS" else ())
    assert cut.since is None or cut.since > whole.since


def test_objects_that_were_read_before_a_time_out_count(box: Rig, monkeypatch) -> None:
    monkeypatch.setattr(newest_log, "_AT_ONCE", 1)
    monkeypatch.setattr(newest_log, "SECONDS", 1.0)
    opened(box, OFFICE)
    real, calls, ends = newest_log.read_hits, [], threading.Event()

    def slow(*args: Any, **options: Any) -> Any:
        calls.append(args)
        if len(calls) > 1:
            ends.wait(20)
        return real(*args, **options)

    monkeypatch.setattr(newest_log, "read_hits", slow)
    seen = place_of(box.connect().plan(WISH))
    ends.set()
    assert seen.sources == (OFFICE,)
    assert "Reading the log stopped after 1 s." in seen.missing


def test_the_command_reads_the_log_unless_it_is_told_not_to(box: Rig, monkeypatch, capsys):
    for name, value in box.sandbox.environment().items():
        monkeypatch.setenv(name, value)
    place = [f"s3://{BUCKET}", "--allow", "203.0.113.0/24"]
    main(["plan", *place, "--full"])
    assert "sources from which radiology-team opened objects" in capsys.readouterr().out
    main(["plan", *place, "--no-logs", "--full"])
    assert "The access log was not read, as asked." in capsys.readouterr().out
    assert main(["plan", *place, "--no-logs", "--logs", "log"]) == 64
    assert "--no-logs" in capsys.readouterr().err


def test_a_trial_shows_where_people_work_on_the_first_day(box: Rig, monkeypatch, capsys):
    gt = box.connect()
    url = gt.sign(BUCKET, "scans/0001.png", trial="open-team", viewer="anna")
    assert (url.viewer, url.marker) == ("trial:open-team:anna", "")
    assert 3500 < url.seconds_left <= 3600
    desk = "192.0.2.44"
    assert box.fetch(url.reveal(), desk).status == 200
    deliver(box)
    with gt.hits(BUCKET, filters={"viewer": url.viewer}) as hits:
        assert hits.count("remote_ip").rows == [(desk, 1)]
    wish = Restriction("open-team", bucket=BUCKET, addresses="203.0.113.0/24", url_lock=None)
    plan = gt.plan(wish)
    assert plan.state.whereabouts(gt.workteam("open-team")).sources == (desk,)
    assert "1 of 1 source from which open-team opened objects would be refused." in plan.to_text(
        full=True
    )
    with pytest.raises(NotFound):
        gt.sign(BUCKET, "scans/0001.png", trial="no-such-team")

    for name, value in box.sandbox.environment().items():
        monkeypatch.setenv(name, value)
    words = ["sign", f"s3://{BUCKET}/scans/0001.png", "--trial", "open-team"]
    assert main(words) == 0
    said = capsys.readouterr()
    assert "X-Amz-Signature" not in said.out + said.err
    assert "gt-secure hits --bucket gt-images --by viewer,remote_ip --since 1d" in said.err
    assert main(["hits", "--bucket", BUCKET, "--by", "viewer,remote_ip", "--since", "1d"]) == 0
    assert "trial:open-team:anna" in capsys.readouterr().out


def test_an_apply_after_a_default_reading_needs_no_log(box: Rig) -> None:
    gt = box.connect()
    plan = gt.plan(WISH)
    assert gt.apply(plan, confirm=[*AGREED, *(each.code for each in plan.asks)]).certain
    assert gt.undo().certain
