"""``doctor`` without a region: no call is possible, but what is installed is known."""

from __future__ import annotations

import json

import pytest

from gt_secure.cli.main import main
from gt_secure.doctor.environment import installed


@pytest.fixture(autouse=True)
def nowhere(monkeypatch, tmp_path):
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("HOME", str(tmp_path))


def test_it_shows_what_is_installed_and_what_is_missing(capsys):
    assert main(["doctor"]) == 64
    shown = capsys.readouterr()
    assert "boto3" in shown.out
    assert "optional packages" in shown.out
    assert "No AWS region is set." in shown.err
    assert "--region" in shown.err


@pytest.mark.parametrize("words", [["--json"], ["--policy", "teams"]])
def test_output_for_programs_stays_empty(words, capsys):
    assert main(["doctor", *words]) == 64
    out = capsys.readouterr().out
    assert not out or json.loads(out)
    assert "optional packages" not in out


def test_the_advice_for_the_sandbox_does_no_harm(monkeypatch):
    monkeypatch.setattr("gt_secure.doctor.environment.version", lambda name: None)
    facts = {fact.name: fact.said for fact in installed()}
    assert facts["sandbox"].startswith("gt-secure sandbox install")


def test_missing_optional_packages_are_one_line(monkeypatch):
    monkeypatch.setattr(
        "gt_secure.base.optional.version", lambda name: None if name in ("isal", "obstore") else "1"
    )
    [fact] = [fact for fact in installed() if fact.name == "optional packages"]
    assert fact.value == "without isal, obstore"
    assert fact.said.startswith("pip install --only-binary :all: isal obstore for unpacking")
