"""The panel waits for a delivery: off the event loop, with Cancel, and not for ever."""

from __future__ import annotations

import asyncio
import datetime as dt
import re
import threading
from pathlib import Path
from typing import Any

from gt_secure.base.allowed import Allowed
from gt_secure.base.network import parse_networks
from gt_secure.base.url_journal import UrlJournal
from gt_secure.connection import Connection
from gt_secure.logs import read_hits
from gt_secure.logs.named_networks import NamedNetwork, Networks
from gt_secure.widgets import HitsStep
from gt_secure.widgets.hits_view import browser_addresses, foot, named_label, read_result
from support.corpus import BASE, PRESIGNED, deliver as deliver_log, write

from .conftest import deliver, until


def fetch(connection: Connection, source: str) -> None:
    connection.probe(connection.sign("gt-images", "scans/0004.png"), source)


def waiting_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "gt-secure-wait"]


def test_a_delivery_is_plotted_when_it_comes(connection: Connection, run: Any, words: Any) -> None:
    async def main() -> None:
        step = HitsStep(connection, bucket="gt-images")
        await step.wait_idle()
        step.wait_button.click()
        # How many there are already depends on what other tests asked for a moment ago.
        await until(
            lambda: re.search(r"Waiting for delivery: \d+ new log object", words(step.status.value))
        )
        assert "usually" in words(step.status.value)
        assert step.plot_button.disabled
        assert "gts-hidden" not in step.cancel_button._dom_classes
        await asyncio.to_thread(fetch, connection, "198.51.100.77")
        await step.wait_idle()
        assert "198.51.100.77" in words(step.plot.picture.value + step.table.value)
        assert words(step.message.value) == words(step.status.value) == ""
        await until(lambda: not waiting_threads())

    run(main())


def test_cancel_ends_the_wait_and_its_thread(connection: Connection, run: Any, words: Any) -> None:
    async def main() -> None:
        step = HitsStep(connection, bucket="gt-images")
        await step.wait_idle()
        step.wait_button.click()
        await until(lambda: "at most 3 h" in words(step.status.value))
        step.cancel_button.click()
        assert words(step.status.value) == "Cancelled."
        assert not step.wait_button.disabled
        await until(lambda: not waiting_threads())
        assert words(step.status.value) == "Cancelled."
        assert words(step.message.value) == ""
        step.wait_button.click()
        await until(lambda: "at most 3 h" in words(step.status.value))
        step.close()
        await until(lambda: not waiting_threads())

    run(main())


def test_it_ends_by_itself(connection: Connection, run: Any, words: Any) -> None:
    fetch(connection, "203.0.113.7")

    async def main() -> None:
        step = HitsStep(connection, bucket="gt-images")
        await step.wait_idle()
        step.wait_s = 0.5
        step.which.value = "presigned"  # what this test fetched is a test
        deliver(connection)
        step.wait_button.click()
        await step.wait_idle()
        assert "No new request" in words(step.message.value)
        assert "in a few hours" in words(step.message.value)
        assert "203.0.113.7" in words(step.plot.picture.value + step.table.value), (
            "what is there is plotted"
        )

    run(main())


def test_the_panels_sources_have_names(tmp_path: Path) -> None:
    deliver_log(tmp_path, "a.log", "203.0.113.7", "8.8.8.8")
    office = NamedNetwork("Berlin office", parse_networks("203.0.113.0/24"), "office")
    with read_hits(tmp_path / "a.log", networks=Networks([office])) as hits:
        result = read_result(hits, "ip", Allowed(), True)
        assert sorted(map(named_label, result.sources)) == [
            "8.8.8.8",
            "Berlin office · 203.0.113.7",
        ]


def test_what_a_log_does_not_prove_is_in_sight(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("no line of a log\n")
    with read_hits(tmp_path / "log") as hits:
        limits = hits.coverage.limits()
        shown = str(foot(hits.coverage))
    assert len(limits) > 1
    assert "What this does not prove" in shown
    for limit in limits:
        assert limit[:30] in shown


def test_the_address_of_this_browser_is_that_of_its_own_fetch_of_our_url(tmp_path: Path) -> None:
    """The kernel names itself, somebody else has another test URL, and a visitor has none:
    none of them is it.
    """
    journal = UrlJournal()
    ours, other = journal.new_marker(), journal.new_marker()
    rows = [
        ("198.51.100.1", ours, "gt_secure/0.3"),
        ("198.51.100.2", ours, "Mozilla/5.0"),
        ("198.51.100.3", other, "Mozilla/5.0"),
        ("198.51.100.4", "", "Mozilla/5.0"),
    ]
    lines = []
    for address, marker, agent in rows:
        query = f"X-Amz-Date=20261120T091400Z&X-Amz-Expires=300&X-Amz-Signature=a&x-gt-secure-test={marker}"
        uri = f"GET /scans/1.png?{query} HTTP/1.1"
        record = {
            **BASE,
            **PRESIGNED,
            "remote_ip": address,
            "request_uri": uri,
            "user_agent": agent,
        }
        lines.append(write(record | {"key": "scans/1.png", "operation": "REST.GET.OBJECT"}) + "\n")
    (tmp_path / "log").write_text("".join(lines))
    for marker in (ours, other):
        journal.record_use(marker, BASE["time"].replace(tzinfo=dt.UTC).timestamp())
    with read_hits(tmp_path / "log", test_urls=journal) as hits:
        assert browser_addresses(hits, [ours]) == ("198.51.100.2",)
        assert browser_addresses(hits, []) == ()
