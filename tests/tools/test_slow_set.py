"""The table of the slow set: what a part without a result,
a failure and a skipped test look like.
"""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

TOOL = runpy.run_path(str(Path(__file__).resolve().parents[2] / "tools" / "slow_set.py"))
PART = TOOL["Part"]
RESULTS = """
<testsuites><testsuite name="pytest">
<testcase classname="tests.a.test_b" name="test_passes" />
<testcase classname="tests.a.test_b" name="test_fails"><failure message="no">no</failure></testcase>
<testcase classname="tests.a.test_b" name="test_fails"><error message="at its end">no</error></testcase>
<testcase classname="tests.a.test_b" name="test_is_skipped"><skipped message="Skipped: no npm">here</skipped></testcase>
</testsuite></testsuites>
"""


def test_results_are_those_of_pytest(tmp_path: Path) -> None:
    path = tmp_path / "results.xml"
    path.write_text(RESULTS, encoding="utf-8")
    failed, skipped = (
        ("tests.a.test_b::test_fails",),
        (("tests.a.test_b::test_is_skipped", "Skipped: no npm"),),
    )
    assert TOOL["results_of"](path) == (1, failed, skipped)


def test_a_process_that_left_no_results_has_failed(tmp_path: Path) -> None:
    nothing = TOOL["results_of"](tmp_path / "not there")
    assert nothing == (0, (), ())
    assert PART("tests/a.py", -9, *nothing).broken
    assert not PART("tests/a.py", TOOL["NOTHING_CHOSEN"], *nothing).broken


@pytest.mark.parametrize("code", [1, 2])
def test_the_table_has_parts_folders_and_what_did_not_pass(code: int) -> None:
    parts = [
        PART(
            "tests/a/test_b.py",
            1,
            1,
            ("test_b::test_fails",),
            (("test_b::test_is_skipped", "no npm"),),
            2.0,
            3.0,
        ),
        PART("tests/a/test_c.py", 0, 4, processor_s=5.0, wall_s=6.0),
        PART("tests/d/test_e.py", code, 0, processor_s=1.0, wall_s=1.0),
    ]
    text = TOOL["report"](parts)
    assert "| tests/a | 7 | 5 | 1 | 1 | 7.0 | 9 |" in text
    assert f"| tests/d | 0 | 0 | exit code {code} | 0 | 1.0 | 1 |" in text
    assert "| all | 7 | 5 | 1 | 1 | 8.0 | 10 |" in text
    assert text.index("| tests/a/test_c.py") < text.index("| tests/a/test_b.py"), (
        "the dearest part comes first"
    )
    assert "FAILED test_b::test_fails" in text
    assert f"FAILED tests/d/test_e.py: exit code {code}" in text
    assert "SKIPPED test_b::test_is_skipped: no npm" in text


ROWS = {
    "tests/a.py": ("2026-11-30", "0123456789", "0", "700"),
    "tests/b.py": ("2026-11-29", "0123456789", "2", "400"),
    "tests/gone.py": ("2026-11-01", "0123456789", "exit code 4", "1"),
}


def test_the_page_says_when_each_part_ran_last() -> None:
    page = TOOL["page_of"](ROWS, ["tests/new.py", "tests/b.py", "tests/a.py"])
    assert page.endswith(
        "| tests/a.py | 2026-11-30 | 0123456789 | 0 | 700 |\n"
        "| tests/b.py | 2026-11-29 | 0123456789 | 2 | 400 |\n"
    )
    assert TOOL["rows_of"](page) == {name: ROWS[name] for name in ("tests/a.py", "tests/b.py")}
    date, _, failed, seconds = TOOL["ran_row"](PART("tests/b.py", 3, wall_s=2.6))
    assert (len(date), failed, seconds) == (10, "exit code 3", "3")


@pytest.mark.parametrize(
    ("minutes", "chosen"),
    [(0.1, ["new"]), (1, ["new"]), (8, ["new", "b"]), (19, ["new", "b"]), (20, ["new", "b", "a"])],
)
def test_what_ran_longest_ago_comes_first(minutes: float, chosen: list[str]) -> None:
    files = ["tests/a.py", "tests/b.py", "tests/new.py"]
    found = TOOL["oldest"](files, ROWS, 60 * minutes)
    assert found == [f"tests/{name}.py" for name in chosen]
