"""The magic in a real IPython: it returns what the library returns, and errors are sentences."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ipywidgets
import pytest

from gt_secure import magics
from gt_secure.changes.plan import Plan
from gt_secure.sandbox import Sandbox
from gt_secure.widgets import Panel
from support.shell import new_shell


@pytest.fixture(scope="module")
def ipython(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IPYTHONDIR", str(tmp_path_factory.mktemp("ipython")))
        with new_shell() as made:
            yield made


@pytest.fixture
def shell(ipython: Any, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name, value in sandbox.environment().items():
        monkeypatch.setenv(name, value)
    magics.load_ipython_extension(ipython)
    yield ipython
    magics.unload_ipython_extension(ipython)
    ipywidgets.Widget.close_all()


def test_load_and_unload(shell: Any) -> None:
    assert "gt_secure" in shell.magics_manager.magics["line"]
    magics.unload_ipython_extension(shell)
    assert "gt_secure" not in shell.magics_manager.magics["line"]


def test_panel_gives_the_widget(shell: Any) -> None:
    made = shell.run_line_magic(
        "gt_secure", "panel s3://gt-images --team open-team --allow 203.0.113.0/24,198.51.100.9"
    )
    assert isinstance(made, Panel)
    assert made.allow.addresses == ("203.0.113.0/24", "198.51.100.9")
    assert made.picker.value == "open-team"


def test_plan_gives_the_plan(shell: Any) -> None:
    plan = shell.run_line_magic(
        "gt_secure", "plan s3://gt-images --team open-team --allow 203.0.113.0/24"
    )
    assert isinstance(plan, Plan)
    assert len(plan.changes) == 2


def test_plan_with_logs_keeps_the_lock_out_check(shell: Any, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(
        "79a5 gt-images [24/Nov/2026:10:00:01 +0000] 198.51.100.23"
        ' arn:aws:sts::111122223333:assumed-role/R/s ID1 REST.GET.OBJECT scans/1.png "GET'
        ' /scans/1.png?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=600 HTTP/1.1" 200 - 10 10 5 4'
        ' "-" "agent" - hostid SigV4 cipher QueryString gt-images.s3.amazonaws.com TLSv1.2 - -\n'
    )
    line = f"plan s3://gt-images --team open-team --allow 203.0.113.0/24 --logs {log}"
    plan = shell.run_line_magic("gt_secure", line)
    assert "refuses-labeler" in [notice.code for notice in plan.blockers]


def test_a_command_with_a_result_returns_it(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    teams = shell.run_line_magic("gt_secure", "teams")
    assert "radiology-team" in {team.name for team in teams}
    assert "radiology-team" in teams._repr_html_()
    assert capsys.readouterr().out == ""
    assert shell.run_line_magic("gt_secure", "teams --json") is None
    assert "radiology-team" in capsys.readouterr().out


def test_without_words_or_with_help_it_says_what_it_can(
    shell: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.run_line_magic("gt_secure", "")
    assert "teams" in capsys.readouterr().out
    shell.run_line_magic("gt_secure", "panel --help")
    assert "--allow" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("plan s3://gt-images --team open-team --allow 10.0.0.0/8", "private"),
        ("teams no-such-team", "no private workteam"),
        ("no-such-command", "is not a command"),
        ("panel --colour red", "is not a command"),
        ('plan --team "open', "cannot be read"),
    ],
)
def test_an_error_is_a_sentence_with_the_next_step_and_stops(
    shell: Any, line: str, part: str
) -> None:
    with pytest.raises(magics.MagicError) as caught:
        shell.run_line_magic("gt_secure", line)
    assert part in str(caught.value)
    lines = caught.value._render_traceback_()
    assert lines[0].startswith("gt_secure: ")
    assert not any("Traceback" in each for each in lines)


def test_a_cell_with_an_error_shows_the_sentence(
    shell: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    result = shell.run_cell("%gt_secure teams no-such-team")
    assert not result.success
    shown = capsys.readouterr()
    assert "next:" in shown.out + shown.err
    assert "Traceback" not in shown.out + shown.err
