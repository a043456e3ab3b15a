"""``gt_secure.demo()``: a running sandbox with requests, and its panel,
without the person's configuration.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import gt_secure
from gt_secure.base.errors import GtSecureError
from gt_secure.cli import demonstration
from support.box import until


@pytest.fixture(scope="module")
def demo() -> Iterator[demonstration.Demo]:
    if demonstration._current is not None:  # another test of this process has shown one
        demonstration._current.stop()
    lines: list[str] = []
    running = gt_secure.demo(progress=lines.append)
    assert [line.split()[0] for line in lines] == ["Starting"]
    yield running
    running.stop()


def test_it_shows_itself_as_the_panel(demo: demonstration.Demo) -> None:
    shown = demo._repr_mimebundle_()
    data = shown[0] if isinstance(shown, tuple) else shown
    assert "application/vnd.jupyter.widget-view+json" in data
    assert demo.panel.review is not None
    assert repr(demo).startswith("<Demo of gt_secure: <Sandbox http://127.0.0.1:")


def test_a_second_call_returns_the_same_one(demo: demonstration.Demo) -> None:
    assert gt_secure.demo() is demo


def test_the_log_has_a_forwarded_url(demo: demonstration.Demo) -> None:
    def addresses() -> set[str]:
        rows = demo.connection.hits("gt-images").filter(presigned=True).rows(columns=["remote_ip"])
        return {row["remote_ip"] for row in rows.to_dicts()}

    until(lambda: {demonstration.OFFICE, demonstration.ELSEWHERE} <= addresses())


def test_an_application_is_the_second_scene(demo: demonstration.Demo) -> None:
    hits = demo.connection.hits(demonstration.APPLICATION_BUCKET, filters={"presigned": True})
    assert {row["application"] for row in hits.count("application")} == {"MLflow", "curl"}, (
        "a forwarded URL"
    )
    assert demonstration.ELSEWHERE in hits.leaks().summary or len(hits.leaks()) == 1
    assert demonstration.application_scenes(demo.connection).as_expected
    demo.connection.undo()


def test_changes_go_into_the_journal_of_the_sandbox(demo: demonstration.Demo) -> None:
    assert str(demo.connection.journal.path) == demo.sandbox.environment()["GT_SECURE_JOURNAL"]


def test_one_that_fails_stops_its_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demonstration, "_current", None)
    # another test of this process may have one
    monkeypatch.setattr("gt_secure.sandbox.process._shared", None)
    started = []
    monkeypatch.setattr(
        "gt_secure.sandbox.Sandbox.start", lambda self: started.append(self) or self
    )
    monkeypatch.setattr("gt_secure.sandbox.Sandbox.stop", lambda self: started.append("stopped"))
    with pytest.raises(GtSecureError, match="not running"):
        gt_secure.demo(progress=lambda _: None)
    assert started[1:] == ["stopped"]
    assert demonstration._current is None
