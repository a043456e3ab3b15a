"""A tool and a weekly job report the ages; no test fails because a day has passed."""

from __future__ import annotations

import datetime as dt
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
AGES = runpy.run_path(str(ROOT / "tools" / "ages.py"))


def days_of(what: str) -> list[dt.date]:
    """Return the days in the table of pins, kinds or ways."""
    place = {"pins": ".github/pins.json", "kinds": "gt_secure/secrets/kinds.json", "ways": "docs/ways.json"}[what]  # fmt: skip
    text = (ROOT / place).read_text(encoding="utf-8")
    found = re.findall(r'"(?:date|read)": "(\d{4}-\d\d-\d\d)"', text)
    return [dt.date.fromisoformat(day) for day in found]


@pytest.mark.parametrize("what", ["pins", "kinds", "ways"])
def test_each_age_is_reported_on_the_day_after_its_limit(what: str) -> None:
    limit = AGES["HALF_A_YEAR"] if what == "ways" else AGES["YEAR"]
    days = days_of(what)
    assert len(days) >= 10

    def reported(day: dt.date) -> list[str]:
        return [line for line in AGES[what](day) if line.split(" was last tried ")[-1][:5] != "never"]  # fmt: skip

    assert reported(min(days) + limit) == []
    first = reported(min(days) + limit + dt.timedelta(days=1))
    assert len(first) == days.count(min(days))
    assert len(reported(max(days) + limit + dt.timedelta(days=1))) == len(days)
    assert all(line.endswith(".") and ": " in line for line in first)


def test_a_way_that_was_never_tried_is_reported(tmp_path: Path) -> None:
    (tmp_path / "ways.json").write_text("{}")
    lines = [*AGES["ways"](dt.date(2000, 1, 1), tmp_path / "ways.json")]
    assert "The way 'wheel' was last tried never: run tools/ways.py --try 'wheel'." in lines


def test_the_tool_fails_where_something_is_old_and_a_weekly_job_runs_it() -> None:
    command = [sys.executable, str(ROOT / "tools" / "ages.py"), "--on", "2100-01-01"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) >= sum(len(days_of(each)) for each in ("pins", "kinds"))
    job: Any = yaml.safe_load((ROOT / ".github" / "workflows" / "ages.yml").read_text())
    assert re.fullmatch(r"\d+ \d+ \* \* \d", job[True]["schedule"][0]["cron"])
    assert job["jobs"]["ages"]["steps"][-1]["run"] == "python tools/ages.py"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of what the pins are in."""
    for name in (".github", "docs", "tools"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("*.png", "*.svg", "__pycache__"))  # fmt: skip
    shutil.copy(ROOT / "action.yml", tmp_path)
    shutil.copy(ROOT / "README.md", tmp_path)
    return tmp_path


def test_an_update_by_dependabot_is_green_and_reported(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It writes a newer commit into the workflows and into nothing else."""
    for path in (*copy.glob(".github/workflows/*.yml"), copy / "action.yml"):
        text = path.read_text(encoding="utf-8")
        path.write_text(re.sub(r"(checkout@)[0-9a-f]{40}  # \S+", rf"\g<1>{'a' * 40}  # v99.0.0", text))  # fmt: skip
    checks = runpy.run_path(str(ROOT / "tests" / "tools" / "test_repository.py"))
    name = "test_every_action_is_in_the_table_and_guides_show_a_commit_that_is_used"
    inside = checks[name].__globals__
    tool = runpy.run_path(str(copy / "tools" / "pins.py"))
    monkeypatch.setitem(inside, "ROOT", copy)
    monkeypatch.setitem(inside, "PIN_TOOL", tool)
    monkeypatch.setitem(inside, "WORKFLOWS", sorted(copy.glob(".github/workflows/*.yml")))
    checks[name]()
    found = runpy.run_path(str(copy / "tools" / "ages.py"))["pins"](dt.date(2000, 1, 1))
    assert [line.partition(" ")[0] for line in found] == [
        f".github/workflows/{path.name}" for path in sorted(copy.glob(".github/workflows/*.yml"))
    ]
    guide = next(path for path in copy.glob("docs/**/*.md") if "checkout@" in path.read_text())
    guide.write_text(re.sub(r"(checkout@)[0-9a-f]{40}", rf"\g<1>{'b' * 40}", guide.read_text()))
    with pytest.raises(AssertionError):
        checks[name]()
    watched = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text())["updates"]
    [python] = [each for each in watched if each["package-ecosystem"] == "pip"]
    exact = re.findall(r"(?m)^([\w-]+)==", (ROOT / "requirements" / "demo.in").read_text())
    assert {each["dependency-name"] for each in python["ignore"]} == set(exact)
    assert python["exclude-paths"] == ["lowest.*"]
