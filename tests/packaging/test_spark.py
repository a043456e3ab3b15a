"""The log engine on a real local Spark, in an environment of its own: it is large."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from support.rooms import ROOT, Room, built_part, python_of

TESTS = ROOT / "tests" / "integrations"


@pytest.mark.slow
@pytest.mark.parametrize("version", ["==3.5.*", "==4.0.*", ""], ids=["lowest", "ansi", "newest"])
def test_the_engines_agree(tmp_path: Path, wheel: Path, version: str) -> None:
    if shutil.which("java") is None:
        pytest.skip("NOT TRIED: Spark needs Java 17 or newer, which is not on this machine")
    room = Room(tmp_path / "room", python_of("3.11"))
    room.install(str(wheel), str(built_part("spark", tmp_path)), f"pyspark{version}", "pytest")
    # Plain settings: those of the checkout need tools that are not in this room.
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = slow\n")
    said = room.run(
        "-m", "pytest", "-q", "-c", str(tmp_path / "pytest.ini"), "--confcutdir", str(TESTS),
        "-p", "no:cacheprovider", "--import-mode=importlib", "-rs", str(TESTS / "test_spark.py"),
        env={"PYTHONPATH": str(ROOT / "tests")},
    )  # fmt: skip
    assert " passed" in said
    assert "skipped" not in said
