"""The page of each finding: complete, and printed by the command line."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

import gt_secure
from gt_secure.account.state import action_of
from gt_secure.base.errors import InvalidInput
from gt_secure.cli.main import main
from gt_secure.findings.catalog_page import page, read_with
from gt_secure.findings.model import catalog
from gt_secure.findings.run import RULES
from gt_secure.restriction.messages import notices
from support.subjects import subjects


@pytest.mark.parametrize("code", subjects(catalog(), 45))
def test_every_finding_has_a_complete_page(code: str) -> None:
    text = page(code)
    parts = text.split("\n## ")
    controls = ["Controls of NIST SP 800-53 Rev. 5"] if catalog()[code]["controls"] else []
    assert [part.partition("\n")[0] for part in parts[1:]] == [
        "Risk",
        "Evidence",
        "Fix",
        *controls,
        "AWS source",
    ]
    assert all(len(part) > 20 for part in parts)
    for rule in RULES:
        if rule.code == code:
            assert [need for need in rule.needs if f"`{action_of(need)}`" not in text] == []


def test_the_page_of_other_ways_has_each_rule_about_one() -> None:
    """A rule of the module of other ways has its code in the table,
    and each code there has its page.
    """
    text = (Path(__file__).parents[2] / "docs" / "other-ways.md").read_text(encoding="utf-8")
    table = [row.split(" | ") for row in text.splitlines() if row.startswith("| ")]
    assert {len(row) for row in table} == {5}
    named = {code for row in table for code in re.findall(r"`([a-z-]+)`", row[3])}
    ways = {rule.code for rule in RULES if rule.run.__module__.endswith(".other_ways_rules")}
    assert len(ways) >= 11
    assert ways - named == set(), "add its row to docs/other-ways.md"
    assert named - catalog().keys() == set()


def printed_codes() -> set[str]:
    """Return the codes of all notices that the package makes."""
    found: set[str] = set()
    for path in Path(gt_secure.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("notice", "Notice"):
                found |= {
                    str(each.value) for each in node.args[:1] if isinstance(each, ast.Constant)
                }
    return found


def test_each_notice_is_made_somewhere() -> None:
    texts = {
        node.value
        for path in Path(gt_secure.__file__).parent.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert set(notices()) - texts == set()


def test_every_code_that_is_printed_has_a_page() -> None:
    assert printed_codes() <= {*catalog(), *notices()}
    for code, row in notices().items():
        parts = page(code).split("\n## ")
        # else it is the page of the finding, which also says how the plan is applied
        if code not in catalog():
            assert [part.partition("\n")[0] for part in parts[1:]] == ["Meaning", "Fix"]
        assert row["severity"] in ("blocker", "warning", "info")
        assert ("--confirm" in parts[-1]) == bool(row.get("consent", row["severity"] == "blocker"))


def test_every_place_has_a_command_and_no_command_is_left_over() -> None:
    looked = {place for row in catalog().values() for place in row["looked_at"]}  # type: ignore[attr-defined]
    assert looked == set(read_with())


def test_a_misspelled_code_gets_the_nearest() -> None:
    with pytest.raises(InvalidInput) as caught:
        page("url-lock-of")
    assert "url-lock-off" in caught.value.next_step
    with pytest.raises(InvalidInput) as caught:
        page("zzzz")
    assert "guard-missing" in caught.value.next_step


def test_the_command_prints_it_without_an_account(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_REGION", raising=False)
    assert main(["findings", "--explain", "guard-missing"]) == 0
    assert "## Risk" in capsys.readouterr().out
    assert main(["findings", "--explain", "guard-missing", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["severity"] == "high"
    assert main(["findings", "--explain", "loses-access"]) == 0
    assert "--confirm loses-access:TEAM" in capsys.readouterr().out
    assert main(["findings", "--explain", "loses-access:radiology-team"]) == 64
    assert "Did you mean loses-access?" in capsys.readouterr().err
    assert main(["findings", "--explain", "guard-mising"]) == 64
    assert "guard-missing" in capsys.readouterr().err
