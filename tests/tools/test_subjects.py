"""A test without a subject fails the collection, whether its parameters are counted or not."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.subjects import subjects

pytest_plugins = ["pytester"]

SETUP = Path(__file__).resolve().parents[2] / "setup.cfg"


def test_too_few_subjects_are_an_error() -> None:
    assert subjects(iter("ab"), 2) == ["a", "b"]
    with pytest.raises(ValueError, match="has 2 subjects, and must have at least 3"):
        subjects("ab", 3)


def test_no_parameters_fail_the_collection(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        "import pytest\n@pytest.mark.parametrize('path', [])\ndef test_it(path): pass\ndef"
        " test_other(): pass"
    )
    [mark] = [
        line
        for line in SETUP.read_text(encoding="utf-8").splitlines()
        if line.startswith("empty_parameter")
    ]
    pytester.makefile(".ini", pytest=f"[pytest]\n{mark}")
    done = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    assert done.ret == pytest.ExitCode.INTERRUPTED
    done.stdout.fnmatch_lines(["*Empty parameter set in 'test_it'*"])
